"""gzip and bgzip read as text, so that every byte of the file is accounted for: what is damaged, cut off or missing is refused.

A bgzip file is a chain of gzip members of at most 64 KiB whose extra field BC holds their length, and an empty one ends it
(SAM specification, section 4.1). So it can be read from any byte: from the first block that begins there. Each block must
begin where the one before it ends, from the first to the last, and hold what its checksum says. Blocks taken out whole leave
a sound chain: only an index beside the file (`.gzi`, `.tbi`, `.csi`) can tell. Of plain gzip nothing tells a loss at a member's end.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.fs as pafs
from isal import isal_zlib

from common.errors import AppError, Rule
from common.scan.files import Stamp, kind_of, locate, open_file, open_unchanged, read_bytes

END_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")

_InflateError: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # its stub takes the class for an instance
_MAGIC = b"\x1f\x8b\x08\x04"
_HEADER = 18
_READ, _FIRST_READ = 1 << 20, 1 << 16
_LONGEST_BLOCK = 1 << 16
_CHAIN = 3
_WINDOW = (_CHAIN + 1) * _LONGEST_BLOCK + _HEADER
_SMALL_TEXT, _SMALL_RATIO = 64 << 20, 100
_COPY = "Copy the file again from where it is whole, and check it, for example with gzip -t."


def stream_text(path: str, buffer_bytes: int) -> Iterator[bytes]:
    """The text of a small file, plain or compressed, in buffers of `buffer_bytes`, the last one smaller.

    Raises `AppError` 65 where the file is damaged, or where gzip hides more than 64 MiB and a hundred times its size.
    """
    with open_file(path) as file:
        if kind_of(file.read_at(_HEADER, 0)) == "plain":
            file.seek(0)
            while text := file.read(buffer_bytes):
                yield text
            return
        allowed = _SMALL_TEXT + _SMALL_RATIO * file.size()
    for text in stream_gzip(path, buffer_bytes):
        allowed -= len(text)
        if allowed < 0:
            text_of = f"{path} is gzip that holds over {_SMALL_RATIO} times its size"
            raise AppError(
                Rule.UNREADABLE, text_of, "Give a file of sound content; one that is right can be given unpacked."
            )
        yield text


def stream_gzip(path: str, buffer_bytes: int, stamp: Stamp | None = None) -> Iterator[bytes]:
    """The decompressed content of a gzip or bgzip file in buffers of `buffer_bytes`, the last one smaller; never more, however
    much text the file hides.

    Raises `AppError` 65 where the file is damaged, ends too early, or has changed since it had this `stamp`.
    """
    with open_unchanged(path, stamp) as file:
        if kind_of(file.read_at(_HEADER, 0)) == "gzip":
            yield from inflate_members(file, path, buffer_bytes)
            return
        validate_end(file, path)
        validate_gzi(file, path, path)
        pending, held = list[bytes](), 0
        for _, block in inflate_blocks(file, path, 0):
            text = block
            while held + len(text) >= buffer_bytes:
                pending.append(text[: buffer_bytes - held])
                text = text[buffer_bytes - held :]
                yield b"".join(pending)
                pending, held = [], 0
            pending.append(text)
            held += len(text)
        if held:
            yield b"".join(pending)


def inflate_members(file: pa.NativeFile, name: str, buffer_bytes: int) -> Iterator[bytes]:
    """The content of a plain gzip file of any number of members, in buffers of `buffer_bytes`, the last one smaller. Zeros may
    follow the last member. Raises `AppError` 65."""
    file.seek(0)
    inflate, chunk, step = isal_zlib.decompressobj(wbits=31), b"", _FIRST_READ
    pending, held, is_padded, is_full = list[bytes](), 0, False, False
    while chunk or is_full or (chunk := file.read(step)):
        if inflate.eof:
            member = chunk.lstrip(b"\0")
            is_padded = is_padded or len(member) < len(chunk)
            chunk = member
            if not member:
                continue
            if is_padded:
                raise _damage(f"{name} has a gap of zeros between its gzip members, before byte {file.tell():,}")
            inflate, step = isal_zlib.decompressobj(wbits=31), _FIRST_READ
        try:
            text = inflate.decompress(chunk, buffer_bytes - held)
        except _InflateError as error:
            raise _damage(f"{name} is a damaged gzip file, before byte {file.tell():,}: {error}") from None
        chunk = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
        step = min(2 * step, _READ)  # small at a member's start: what follows the member is copied
        pending.append(text)
        held += len(text)
        is_full = held == buffer_bytes and not inflate.eof
        if held == buffer_bytes:
            yield b"".join(pending)
            pending, held = [], 0
    if not inflate.eof:
        raise _damage(f"{name} is a gzip file that ends too early; it was probably cut off in transfer")
    if held:
        yield b"".join(pending)


def inflate_blocks(file: pa.NativeFile, name: str, start: int, cut: int | None = None) -> Iterator[tuple[int, bytes]]:
    """The blocks of a bgzip file from the one at `start` to the file's end, each with its position and its text.

    `cut` is where another reader looks for its first block: the chain must come to that block. Raises `AppError` 65.
    """
    position, buffer, at, size = start, b"", 0, file.size()
    while position < size:
        if cut is not None and position >= cut:
            if find_block(file, name, cut) != position:
                raise _damage(f"{name} is damaged near byte {position:,}: its bgzip blocks do not join")
            cut = None
        if at + _LONGEST_BLOCK > len(buffer) and position + len(buffer) - at < size:
            buffer, at = file.read_at(_READ, position), 0
        length = block_size(buffer, at)
        if not length or at + length > len(buffer):
            raise _damage(f"{name} ends within a bgzip block, or is damaged, at byte {position:,}")
        yield position, _inflate_block(memoryview(buffer)[at : at + length], name, position)
        position, at = position + length, at + length


def _inflate_block(block: memoryview, name: str, position: int) -> bytes:
    """The text of a block, which one gzip member fills from its first byte to its last."""
    inflate = isal_zlib.decompressobj(wbits=31)
    try:
        text = inflate.decompress(block, _LONGEST_BLOCK + 1)
    except _InflateError as error:
        raise _damage(f"{name} is damaged in the bgzip block at byte {position:,}: {error}") from None
    if not inflate.eof or inflate.unused_data or len(text) > _LONGEST_BLOCK:
        raise _damage(f"{name} is damaged in the bgzip block at byte {position:,}: its length is not what it says")
    return text


def block_size(data: bytes, at: int) -> int:
    """The stored length of the bgzip block whose header is at `at`; 0 if no whole bgzip header is there."""
    if data[at : at + 4] != _MAGIC or len(data) < at + _HEADER:
        return 0
    field, end = at + 12, at + 12 + int.from_bytes(data[at + 10 : at + 12], "little")
    while field + 6 <= end <= len(data):
        length = int.from_bytes(data[field + 2 : field + 4], "little")
        if data[field : field + 2] == b"BC" and length == 2:
            return int.from_bytes(data[field + 4 : field + 6], "little") + 1
        field += 4 + length
    return 0


def find_block(file: pa.NativeFile, name: str, start: int) -> int:
    """The first bgzip block at or after `start`: a header from which a chain of headers leads on; the file's size if there is
    none. Raises `AppError` 65."""
    size: int = file.size()
    window: bytes = file.read_at(_WINDOW, start)
    at = window.find(_MAGIC)
    while at >= 0:
        reached, links = at, 0
        while links < _CHAIN and (length := block_size(window, reached)):
            reached, links = reached + length, links + 1
        if links == _CHAIN or (links and start + reached >= size):
            return start + at
        at = window.find(_MAGIC, at + 1)
    if size - start > _LONGEST_BLOCK:
        raise _damage(f"{name} has no bgzip block at or after byte {start:,}; it is damaged")
    return size


def validate_end(file: pa.NativeFile, name: str) -> None:
    """Raises `AppError` 65 for a bgzip file without the empty block that ends it."""
    if file.read_at(len(END_BLOCK), max(0, file.size() - len(END_BLOCK))) != END_BLOCK:
        remedy = "Copy the file again; if it is whole as it is, compress it again: gzip -dc FILE | bgzip > NEW_FILE."
        raise AppError(
            Rule.UNREADABLE, f"{name} lacks the empty block that ends a bgzip file, so it has been cut short", remedy
        )


def validate_gzi(file: pa.NativeFile, name: str, path: str) -> None:
    """Holds a bgzip file to the index `<path>.gzi` if there is one: the positions of its blocks but the first, each with
    that of its text (bgzip manual). Raises `AppError` 65."""
    filesystem, inner = locate(f"{path}.gzi")
    if filesystem.get_file_info(inner).type == pafs.FileType.File:
        index = read_bytes(f"{path}.gzi")
        if len(index) >= 8 and len(index) == 8 + 16 * struct.unpack_from("<Q", index)[0]:
            last = struct.unpack_from("<Q", index, len(index) - 16)[0] if len(index) > 8 else 0
            validate_last(file, name, last, names_end=False)


def validate_last(file: pa.NativeFile, name: str, last: int, *, names_end: bool) -> None:
    """Raises `AppError` 65 unless `last`, the last position that an index names, is that of the last block with text or, if the
    index may name that, of the end: blocks that were taken out or put in move it."""
    size = file.size()
    end = size - len(END_BLOCK)
    is_end = last in (end, size) and (names_end or not end)
    if not is_end and last + block_size(file.read_at(_LONGEST_BLOCK, last), 0) != end:
        text = f"{name} has not the bgzip blocks that the index beside it names: blocks are missing, or it is the index of another file"
        raise AppError(
            Rule.UNREADABLE, text, "Copy file and index again. If the file is right, make the index again or remove it."
        )


def _damage(text: str) -> AppError:
    return AppError(Rule.UNREADABLE, text, _COPY)
