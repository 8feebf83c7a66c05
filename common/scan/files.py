"""Opening files on any file system that Arrow reaches: local paths and `file://`, `s3://`, `hdfs://` … URIs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import pyarrow as pa
import pyarrow.fs as pafs
from isal import isal_zlib

from common.errors import AppError

Compression = Literal["plain", "gzip", "bgzip"]

InflateError: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # its stub takes the class for an instance
_URI = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")


def locate(path: str) -> tuple[pafs.FileSystem, str]:
    """The file system that holds `path`, and the path within it. Raises `AppError` 65 for a scheme that Arrow lacks."""
    if not _URI.match(path):
        return pafs.LocalFileSystem(), path
    try:
        filesystem, inner = pafs.FileSystem.from_uri(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise AppError(65, f"{path} cannot be opened: {error}") from error
    return filesystem, str(inner)


def open_file(path: str) -> pa.NativeFile:
    """A seekable binary file, to read. Raises `AppError` 65 if it cannot be opened."""
    filesystem, inner = locate(path)
    try:
        return filesystem.open_input_file(inner)
    except OSError as error:
        raise AppError(65, f"{path} cannot be opened: {error.strerror or error}") from error


def read_bytes(path: str, start: int = 0, length: int | None = None) -> bytes:
    """`length` bytes from `start`, or all that follow; for what fits in memory."""
    with open_file(path) as file:
        file.seek(start)
        return bytes(file.read(length) if length is not None else file.read())


def file_size(path: str) -> int:
    """Size in bytes."""
    with open_file(path) as file:
        return int(file.size())


def compression_of(path: str) -> Compression:
    """How the file is compressed, by its first bytes and not by its name (RFC 1952; SAM/BAM specification 4.1)."""
    head = read_bytes(path, 0, 18)
    if head[:3] != b"\x1f\x8b\x08":
        return "plain"
    is_block = len(head) >= 18 and head[3] & 4 and head[12:16] == b"BC\x02\x00"
    return "bgzip" if is_block else "gzip"


def stream_gzip(path: str, buffer_bytes: int) -> Iterator[bytes]:
    """The decompressed content of a gzip file, any number of members, in buffers of `buffer_bytes`, the last one
    smaller; never more, however much text the gzip hides.

    Raises `AppError` 65 where the file is damaged or ends too early.
    """
    with open_file(path) as file:
        inflate, pending, size = isal_zlib.decompressobj(wbits=31), list[bytes](), 0
        try:
            while chunk := file.read(1 << 20):
                has_more = True
                while has_more:  # a little gzip may be a lot of text, which comes no more than a buffer at a time
                    text = inflate.decompress(chunk, buffer_bytes - size)
                    pending.append(text)
                    size += len(text)
                    chunk, has_more = inflate.unconsumed_tail, size == buffer_bytes
                    if inflate.eof:
                        chunk = inflate.unused_data.lstrip(b"\0")
                        has_more = bool(chunk)
                        inflate = isal_zlib.decompressobj(wbits=31) if chunk else inflate
                    if size == buffer_bytes:
                        yield b"".join(pending)
                        pending, size = [], 0
        except InflateError as error:
            raise AppError(65, f"{path} is a damaged gzip file: {error}") from error
        if not inflate.eof:
            raise AppError(65, f"{path} is a gzip file that ends too early; it was probably cut off in transfer")
        if size:
            yield b"".join(pending)
