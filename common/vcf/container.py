"""VCF files as bytes: plain text, bgzip or gzip by their first bytes, and the whole lines of any piece of them.

A bgzip file is a series of gzip members of at most 64 KiB whose extra field BC holds their length (SAM specification,
section 4.1), so it can be cut anywhere: a piece starts at the first block that begins in it. No index is needed. A line
belongs to the piece in which the line before it ends, except the first, but lines of one position are never parted: those
at the start of a piece are left to the piece before, which is followed past its end for them.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
from isal import isal_zlib

from common.errors import AppError
from common.scan.files import Compression, InflateError, compression_of, open_file
from common.vcf.header import FIXED_COLUMNS, HeaderFindings, VcfHeader, parse_header
from common.vcf.tabix import read_block_starts

_BLOCK_MAGIC = b"\x1f\x8b\x08\x04"
_EMPTY_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_BLOCK_HEADER = 18
_READ = 1 << 20
_LONGEST_BLOCK = 1 << 16
_CHAIN = 3
_WINDOW = (_CHAIN + 1) * _LONGEST_BLOCK + _BLOCK_HEADER
_COLUMN_LINE = re.compile(rb"^#(?!#)[^\n]*\n", re.MULTILINE)
_PLACE = re.compile(rb"[^\t\n]*\t[^\t\n]*\t|[^\n]*\n")
_HEADER_GAP = 1 << 22  # bytes without a header line after which no #CHROM line is looked for


@dataclass(frozen=True, slots=True)
class VcfFile:
    """One file of the logical VCF, its header read. `body` is where the data lines begin: a byte of the stored file for
    plain text, of the inflated stream for gzip, and for bgzip of the block that starts there, `skip` inflated bytes
    on. `blocks` are where blocks begin, as far as a Tabix index tells."""

    name: str
    path: str
    kind: Compression
    size: int
    header: VcfHeader
    header_lines: int
    body: int
    skip: int = 0
    blocks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """A range of stored bytes of one file that one task reads; `number` counts the pieces of a file from 0."""

    file: str
    path: str
    kind: Compression
    number: int
    start: int
    end: int
    skip: int = 0


def block_size(data: bytes, at: int) -> int:
    """The stored length of the bgzip block whose header is at `at`; 0 if no whole bgzip header is there."""
    if data[at : at + 4] != _BLOCK_MAGIC or len(data) < at + _BLOCK_HEADER:
        return 0
    field, end = at + 12, at + 12 + int.from_bytes(data[at + 10 : at + 12], "little")
    while field + 6 <= end <= len(data):
        length = int.from_bytes(data[field + 2 : field + 4], "little")
        if data[field : field + 2] == b"BC" and length == 2:
            return int.from_bytes(data[field + 4 : field + 6], "little") + 1
        field += 4 + length
    return 0


def read_vcf_file(name: str, path: str) -> tuple[VcfFile | None, HeaderFindings]:
    """The file with its header, or None with the faults of the header. Raises `AppError` 213 for damaged
    compression."""
    with open_file(path) as stored:
        size = stored.size()
        kind = compression_of(path)
        if kind == "bgzip" and stored.read_at(len(_EMPTY_BLOCK), max(0, size - len(_EMPTY_BLOCK))) != _EMPTY_BLOCK:
            raise AppError(213, f"{name} lacks the empty block that ends a bgzip file, so it has been cut short")
        text, body, skip, open_line = b"", size, 0, 0
        for position, data in _spans(stored, name, kind, 0):
            before, text = len(text), text + data
            column_line = _COLUMN_LINE.search(text, open_line) if b"\n" in data else None
            if column_line:
                text = text[: column_line.end()]
                body, skip = position, len(text) - before
                break
            open_line = text.rfind(b"\n") + 1
            is_column_line = text.startswith(FIXED_COLUMNS[0].encode(), open_line)  # a cohort's may be of any length
            if not is_column_line and len(text) - max(text.rfind(b"\n##"), 0) > _HEADER_GAP:
                break
    header, found = parse_header(text, name)
    if header is None:
        return None, found
    if kind != "bgzip":
        body, skip = len(text), 0
    blocks = read_block_starts(path) if kind == "bgzip" else ()
    return VcfFile(name, path, kind, size, header, text.count(b"\n"), body, skip, blocks), found


def cut_pieces(file: VcfFile, stored_bytes: int) -> list[Piece]:
    """Pieces of about `stored_bytes` of a file; a gzip file is one piece, since it can only be read from its start."""
    if file.kind == "gzip":
        return [Piece(file.name, file.path, file.kind, 0, file.body, file.size)]
    starts = list(range(file.body, max(file.size, file.body + 1), max(1, stored_bytes)))
    if file.blocks:
        after = (bisect_left(file.blocks, start) for start in starts[1:])
        known = {file.blocks[at] for at in after if at < len(file.blocks)}
        starts = [file.body, *sorted(start for start in known if file.body < start < file.size)]
    ends = [*starts[1:], file.size]
    return [
        Piece(file.name, file.path, file.kind, number, start, end, file.skip if number == 0 else 0)
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]


def read_lines(piece: Piece, block_bytes: int) -> Iterator[bytes]:
    """The lines of a piece in blocks of about `block_bytes`, each block of whole lines, the last line ended or not.

    Lines of one contig and position that follow one another are all in one piece. Memory is `block_bytes`, or one line
    or such lines at the end of the piece, whichever is more. Raises `AppError` 213.
    """
    parts: list[bytes] = []
    held = 0
    leading = _Leading(piece.number > 0)
    with open_file(piece.path) as stored:
        spans = _from_first_line(_piece_spans(stored, piece), piece)
        for data, beyond in spans:
            held += len(data)
            cut = 0
            if beyond:
                cut = data.find(b"\n") + 1
            elif held >= block_bytes:
                cut = data.rfind(b"\n") + 1
            parts.append(data[:cut] if cut else data)
            if cut:
                own = leading.leave_out(b"".join(parts))
                if beyond:
                    own += leading.keep_from(_first_position(data[cut:], (span for span, _ in spans)))
                if own:
                    yield own
                if beyond:
                    return
                parts, held = [data[cut:]], len(data) - cut
    if own := leading.leave_out(b"".join(parts)):
        yield own


@dataclass
class _Leading:
    """The lines at the start of a piece that belong to the one before: those of the position of its first line."""

    is_open: bool
    place: bytes = b""

    def leave_out(self, lines: bytes) -> bytes:
        """The lines of the piece without those, as long as no other has been seen."""
        if not self.is_open or not lines:
            return lines
        self.place = self.place or _place(lines)
        start = _end_of_position(lines, self.place, 0)
        if lines.startswith(self.place, start):  # the last of the file, which no line end closes
            return b""
        self.is_open = start == len(lines)
        return lines[start:]

    def keep_from(self, following: bytes) -> bytes:
        """The lines of a position that follow the piece, unless the piece before has them already."""
        return b"" if self.is_open and following.startswith(self.place) else following


def _first_position(data: bytes, spans: Iterator[bytes]) -> bytes:
    """The first of the lines that follow, and those after it that share its contig and position."""
    text, place, start = bytearray(data), b"", 0
    while True:
        place = place or _place(text)
        if place:
            start = _end_of_position(text, place, start)
            if len(text) - start >= len(place) and not text.startswith(place, start):
                return bytes(text[:start])
        span = next(spans, None)
        if span is None:
            return bytes(text if not place or text.startswith(place, start) else text[:start])
        text += span


def _place(lines: bytes | bytearray) -> bytes:
    """CHROM and POS as the first line begins with them, or all of a line that has no POS; empty if it goes on."""
    found = _PLACE.match(lines)
    return bytes(found[0]) if found else b""


def _end_of_position(lines: bytes | bytearray, place: bytes, start: int) -> int:
    """Where the first whole line from `start` on begins that does not begin with `place`, or one that has no end yet."""
    while lines.startswith(place, start) and (end := lines.find(b"\n", start) + 1):
        start = end
    return start


def _from_first_line(spans: Iterator[tuple[int, bytes]], piece: Piece) -> Iterator[tuple[bytes, bool]]:
    """Spans from the first line that belongs to the piece, each with whether it lies beyond the piece's end."""
    headless = piece.number > 0
    for position, found in spans:
        data = found
        beyond = piece.kind != "gzip" and position >= piece.end
        if headless:
            if beyond:
                return
            start = data.find(b"\n") + 1
            if not start:
                continue
            data, headless = data[start:], False
        yield data, beyond


def _piece_spans(stored: pa.NativeFile, piece: Piece) -> Iterator[tuple[int, bytes]]:
    skip = piece.skip if piece.kind == "bgzip" else piece.start if piece.kind == "gzip" else 0
    start = 0 if piece.kind == "gzip" else piece.start
    if piece.kind == "bgzip" and piece.number > 0:
        start = _find_block(stored, piece.file, start)
    end = piece.end if piece.kind == "plain" else None
    for position, data in _spans(stored, piece.file, piece.kind, start, end):
        yield position, data[skip:]
        skip = max(0, skip - len(data))


def _spans(
    stored: pa.NativeFile, name: str, kind: Compression, start: int, edge: int | None = None
) -> Iterator[tuple[int, bytes]]:
    """Inflated bytes in order, each with the stored position that it starts at (for gzip: of the inflated stream).

    No span of plain text crosses `edge`.
    """
    if kind == "plain":
        position, size = start, stored.size()
        while position < size:
            length = min(_READ, edge - position) if edge is not None and position < edge else _READ
            data = stored.read_at(length, position)
            yield position, data
            position += len(data)
    elif kind == "bgzip":
        yield from _inflate_blocks(stored, name, start)
    else:
        yield from _inflate_stream(stored, name)


def _inflate_blocks(stored: pa.NativeFile, name: str, start: int) -> Iterator[tuple[int, bytes]]:
    position, buffer, at = start, b"", 0
    size = stored.size()
    while position < size:
        if at + _LONGEST_BLOCK + 1 > len(buffer) and position + len(buffer) - at < size:
            buffer, at = stored.read_at(_READ, position), 0
        length = block_size(buffer, at)
        if not length or at + length > len(buffer):
            raise AppError(213, f"{name} ends within a bgzip block, or is damaged, at byte {position:,}")
        try:
            data = isal_zlib.decompress(memoryview(buffer)[at : at + length], wbits=31)
        except InflateError as error:
            raise AppError(213, f"{name} is damaged in the bgzip block at byte {position:,}: {error}") from None
        yield position, data
        position, at = position + length, at + length


def _inflate_stream(stored: pa.NativeFile, name: str) -> Iterator[tuple[int, bytes]]:
    """A gzip file of one or more members, in spans of at most `_READ` inflated bytes."""
    position, offset, size = 0, 0, stored.size()
    inflate, pending = isal_zlib.decompressobj(wbits=31), b""
    while pending or offset < size:
        if not pending:
            pending = stored.read_at(_READ >> 2, offset)
            offset += len(pending)
        try:
            data = inflate.decompress(pending, _READ)
        except InflateError as error:
            raise AppError(213, f"{name} is damaged gzip near byte {offset:,}: {error}") from None
        pending = inflate.unconsumed_tail
        if inflate.eof:
            pending = inflate.unused_data.lstrip(b"\0")
            inflate = isal_zlib.decompressobj(wbits=31) if pending else inflate  # the old one passes more padding on
        if data:
            yield position, data
            position += len(data)
    if not inflate.eof:
        raise AppError(213, f"{name} ends before its gzip stream does")


def _find_block(stored: pa.NativeFile, name: str, start: int) -> int:
    """The first bgzip block at or after `start`: a header from which a chain of headers leads on. Raises `AppError`
    213."""
    size: int = stored.size()
    window: bytes = stored.read_at(_WINDOW, start)
    at = window.find(_BLOCK_MAGIC)
    while at >= 0:
        reached, links = at, 0
        while links < _CHAIN and (length := block_size(window, reached)):
            reached, links = reached + length, links + 1
        if links == _CHAIN or (links and start + reached >= size):
            return start + at
        at = window.find(_BLOCK_MAGIC, at + 1)
    if size - start > _LONGEST_BLOCK:
        raise AppError(213, f"{name} has no bgzip block at or after byte {start:,}; it is damaged")
    return size


def line_bases(file: VcfFile, lines_of_pieces: Sequence[int]) -> list[int]:
    """Per piece of a file, how many lines stand before its first: what makes a task's line numbers true."""
    bases, before = [], file.header_lines
    for lines in lines_of_pieces:
        bases.append(before)
        before += lines
    return bases
