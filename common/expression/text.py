"""Delimited text as bytes: opened from any file system, decompressed, and read as blocks of whole lines."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from isal import igzip, igzip_lib
from pyarrow import fs

from common.errors import AppError

BLOCK_BYTES = 8 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_LONGEST_LINE = 256 << 20


@dataclass(frozen=True, slots=True)
class Head:
    """The first lines of a file. `data_start` is the byte after line 1, of what it decompresses to; `size` that of the file."""

    lines: tuple[str, ...]
    data_start: int
    is_gzip: bool
    size: int


def file_system(path: str) -> tuple[fs.FileSystem, str]:
    """The file system of a path or URI, and the path in it."""
    if "://" in path:
        found: tuple[fs.FileSystem, str] = fs.FileSystem.from_uri(path)
        return found
    return fs.LocalFileSystem(), path


@contextmanager
def open_text(path: str, name: str, start: int = 0) -> Iterator[tuple[Any, bool, int]]:
    """A stream of the decompressed bytes of a file from byte `start` of the file on, whether it is gzip, and its size.

    Gzip is told by its first bytes, not by its name. Raises `AppError` 65 if the file cannot be read or its compression is
    broken, wherever in the `with` body that shows.
    """
    system, inner = file_system(path)
    try:
        with system.open_input_file(inner) as raw:
            compressed = raw.read(2) == _GZIP_MAGIC
            raw.seek(0 if compressed else start)
            yield igzip.IGzipFile(fileobj=raw, mode="rb") if compressed else raw, compressed, raw.size()
    except (OSError, EOFError, igzip_lib.error, pa.ArrowException) as error:
        raise AppError(65, f"{name} cannot be read: {error}") from error


def read_head(path: str, name: str, count: int) -> Head:
    """The first `count` lines of a file, without their ends.

    Raises `AppError` 65 for text that is not UTF-8, or a line of more than 256 MiB, which is no text.
    """
    read = b""
    with open_text(path, name) as (stream, compressed, size):
        while read.count(b"\n") < count and (more := stream.read(1 << 18)):
            read += more
            if len(read) > _LONGEST_LINE:
                raise AppError(65, f"{name} has no line end in its first {_LONGEST_LINE >> 20} MiB")
    lines = read.removeprefix(codecs.BOM_UTF8).split(b"\n")[:count]
    try:
        texts = tuple(line.removesuffix(b"\r").decode("utf-8") for line in lines)
    except UnicodeDecodeError as error:
        raise AppError(65, f"{name} is not UTF-8 text: {error.reason} in its first lines") from error
    return Head(texts, read.find(b"\n") + 1 or len(read), compressed, size)


def read_blocks(path: str, name: str, start: int, stop: int) -> Iterator[bytes]:
    """The lines in bytes `start` to `stop`, both where a line starts, in blocks of about `BLOCK_BYTES` that end in a line end.

    A compressed file is one stream: `start` is then a place in what it decompresses to, and it is read to its end.
    """
    with open_text(path, name, start) as (stream, compressed, _):
        left = start if compressed else 0
        while left > 0 and (skipped := len(stream.read(min(left, BLOCK_BYTES)))):
            left -= skipped
        rest, left = b"", stop - start
        while block := stream.read(BLOCK_BYTES if compressed else min(BLOCK_BYTES, left)):
            left -= len(block)
            cut = block.rfind(b"\n") + 1
            if cut:
                yield rest + block[:cut]
            rest = block[cut:] if cut else rest + block
        if rest:
            yield rest + b"\n"


def next_line_start(path: str, name: str, at: int) -> int:
    """The first byte at or after `at` (> 0) of an uncompressed file where a line starts; its size if there is none."""
    with open_text(path, name, at - 1) as (stream, _, size):
        position = at - 1
        while block := stream.read(1 << 16):
            found = block.find(b"\n")
            if found >= 0:
                return position + int(found) + 1
            position += len(block)
        return int(size)
