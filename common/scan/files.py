"""Opening files on any file system that Arrow reaches: local paths and `file://`, `s3://`, `hdfs://` … URIs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.fs as pafs

from common.errors import AppError, Rule

Compression = Literal["plain", "gzip", "bgzip"]

_URI = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")

# The first bytes of files that are not text. Letters alone are not enough: a header may begin with PAR1 or BZh.
_SIGNATURES = {
    rb"\x1f\x8b": "gzip",
    rb"PK\x03\x04": "a zip archive or a spreadsheet",
    rb"BZh[1-9]1AY&SY": "bzip2",
    rb"\xfd7zXZ": "xz",
    rb"\x28\xb5\x2f\xfd": "zstd",
    rb"\xd0\xcf\x11\xe0": "an old spreadsheet",
    rb"PAR1\x15": "Parquet",
}


def locate(path: str) -> tuple[pafs.FileSystem, str]:
    """The file system that holds `path`, and the path within it. Raises `AppError` 65 for a scheme that Arrow lacks."""
    if not _URI.match(path):
        return pafs.LocalFileSystem(), path
    try:
        filesystem, inner = pafs.FileSystem.from_uri(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise AppError(Rule.UNREADABLE, f"{path} cannot be opened: {error}") from error
    return filesystem, str(inner)


def open_file(path: str) -> pa.NativeFile:
    """A seekable binary file, to read. Raises `AppError` 65 if it cannot be opened."""
    filesystem, inner = locate(path)
    try:
        return filesystem.open_input_file(inner)
    except OSError as error:
        raise AppError(Rule.UNREADABLE, f"{path} cannot be opened: {error.strerror or error}") from error


def read_bytes(path: str, start: int = 0, length: int | None = None) -> bytes:
    """`length` bytes from `start`, or all that follow; for what fits in memory."""
    with open_file(path) as file:
        file.seek(start)
        return bytes(file.read(length) if length is not None else file.read())


def read_small(path: str, most: int) -> bytes:
    """All bytes of a file that is read whole. Raises `AppError` 65 for one of more than `most` bytes."""
    with open_file(path) as file:
        if file.size() > most:
            text = f"{path} has {file.size():,} bytes; a file of this kind is read whole, and may have {most:,}"
            raise AppError(Rule.UNREADABLE, text, "Check that it is the right file, and take out what is not needed.")
        return bytes(file.read())


@dataclass(frozen=True, slots=True)
class Stamp:
    """By what a change of a file is told: its size in bytes, and when it was last written, in ns; None where that is unknown."""

    size: int
    modified: int | None


def stamp_of(path: str) -> Stamp:
    """The file as it is now. Raises `AppError` 65 if it cannot be opened."""
    filesystem, inner = locate(path)
    found = filesystem.get_file_info(inner)
    if found.size is None:
        with open_file(path) as file:
            return Stamp(int(file.size()), None)
    return Stamp(found.size, found.mtime_ns)


@contextmanager
def open_unchanged(path: str, stamp: Stamp | None) -> Iterator[pa.NativeFile]:
    """A seekable binary file, to read, that is as it was when `stamp` was taken, if it was. Raises `AppError` 65 where the file
    is another before it is read, or after."""
    _validate_unchanged(path, stamp)
    with open_file(path) as file:
        try:
            yield file
        except AppError:  # a file that was changed may look damaged
            _validate_unchanged(path, stamp)
            raise
        _validate_unchanged(path, stamp)


def _validate_unchanged(path: str, stamp: Stamp | None) -> None:
    if stamp is not None and (now := stamp_of(path)) != stamp:
        what = (
            f"it had {stamp.size:,} bytes and now has {now.size:,}"
            if now.size != stamp.size
            else "it was written again"
        )
        remedy = "Run again when nothing writes to the file."
        raise AppError(Rule.UNREADABLE, f"{path} was changed during the run: {what}", remedy)


def compression_of(path: str) -> Compression:
    """How the file is compressed, by its first bytes and not by its name."""
    return kind_of(read_bytes(path, 0, 18))


def kind_of(head: bytes) -> Compression:
    """How a file that begins with these 18 bytes is compressed (RFC 1952; SAM specification, section 4.1)."""
    if head[:3] != b"\x1f\x8b\x08":
        return "plain"
    is_block = len(head) >= 18 and head[3] & 4 and head[12:16] == b"BC\x02\x00"
    return "bgzip" if is_block else "gzip"


def format_of(data: bytes) -> str | None:
    r"""The format of a file that begins with these bytes, as users call it; None for text.

    >>> format_of(b"PK\x03\x04..."), format_of(b"entity,name")
    ('a zip archive or a spreadsheet', None)
    """
    return next((kind for start, kind in _SIGNATURES.items() if re.match(start, data)), None)
