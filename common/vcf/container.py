"""VCF files as bytes: plain text, bgzip or gzip by their first bytes, and the whole lines of any piece of them.

A bgzip file can be cut anywhere: a piece starts at the first block that begins in it. No index is needed. A line belongs to
the piece in which the line before it ends, except the first, but lines of one position are never parted: those at the start of
a piece are left to the piece before, which is followed past its end for them.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from common.errors import AppError, Rule
from common.faults import Place
from common.scan.bgzip import find_block, inflate_blocks, inflate_members, validate_end, validate_gzi, validate_last
from common.scan.files import Compression, Stamp, compression_of, open_unchanged, stamp_of
from common.vcf.header import HeaderFindings, VcfHeader, parse_header
from common.vcf.tabix import read_block_starts

HEADER_MB = 128
"""Size of the largest header in MiB, unless told otherwise; a line or a cell of it weighs `_CELL_BYTES` more than its text. A
million samples with names of 36 bytes weigh 96 MiB, a million contigs some 100."""

_CELL_BYTES = 64

_READ = 1 << 20
_COLUMN_LINE = re.compile(rb"^#(?!#)[^\n]*\n", re.MULTILINE)
_PLACE = re.compile(rb"[^\t\n]*\t[^\t\n]*\t|[^\n]*\n")
_HEADER_GAP = 1 << 22  # bytes without a header line after which no #CHROM line is looked for


@dataclass(frozen=True, slots=True)
class VcfFile:
    """One file of the logical VCF, its header read. `body` is where the data lines begin: a byte of the stored file for
    plain text, of the inflated stream for gzip, and for bgzip of the block that starts there, `skip` inflated bytes
    on. `blocks` are where blocks begin, as far as an index tells."""

    name: str
    path: str
    kind: Compression
    stamp: Stamp
    header: VcfHeader
    header_lines: int
    body: int
    skip: int = 0
    blocks: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """Stored bytes."""
        return self.stamp.size


@dataclass(frozen=True, slots=True)
class VcfPiece:
    """A range of stored bytes of one file that one task reads; `number` counts the pieces of a file from 0."""

    file: str
    path: str
    kind: Compression
    stamp: Stamp
    number: int
    start: int
    end: int
    skip: int = 0


def read_vcf_file(name: str, path: str, header_mb: int | None = HEADER_MB) -> tuple[VcfFile | None, HeaderFindings]:
    """The file with its header, or None with the faults of the header, one of which is that it is larger than
    `header_mb`. Raises `AppError` 213 for damaged compression."""
    stamp, kind, blocks = stamp_of(path), compression_of(path), tuple[int, ...]()
    with _open_unchanged(path, stamp) as stored:
        if kind == "bgzip":
            validate_end(stored, name)
            validate_gzi(stored, name, path)
            blocks = read_block_starts(path)
            if blocks:
                validate_last(stored, name, blocks[-1], names_end=True)
        text, body, skip = _read_header(stored, name, kind, header_mb)
    if header_mb is not None and _weight(text) > header_mb << 20:
        found = HeaderFindings(name)
        said = (
            f"the header is larger than {header_mb:,} MiB, each line and each sample counted {_CELL_BYTES} bytes more"
        )
        remedy = "Take out ## lines that are not needed, or give a larger max_header_mb."
        found.fault(Rule.VCF_HEADER, said, Place(line=text.count(b"\n") + 1), remedy=remedy)
        return None, found
    header, found = parse_header(text, name)
    if header is None:
        return None, found
    return VcfFile(name, path, kind, stamp, header, text.count(b"\n"), body, skip, blocks), found


@contextmanager
def _open_unchanged(path: str, stamp: Stamp) -> Iterator[pa.NativeFile]:
    """As `open_unchanged`, but damaged compression is `AppError` 213."""
    with open_unchanged(path, stamp) as stored:
        try:
            yield stored
        except AppError as error:
            raise AppError(Rule.DAMAGED_VCF, error.text, error.remedy) from None


def _read_header(stored: pa.NativeFile, name: str, kind: Compression, most_mb: int | None) -> tuple[bytes, int, int]:
    """The text up to and with the column line, and `body` and `skip` of the file. Without a column line, as much text as
    shows that there is none, or is more than `most_mb`."""
    text, weight, line, meta = bytearray(), 0, 0, 0  # where the open line and the last whole ## line begin
    for position, data in _spans(stored, name, kind, 0):
        before = len(text)
        text += data
        weight += _weight(data)
        if b"\n" in data:
            if column_line := _COLUMN_LINE.search(text, line):
                end = column_line.end()
                body, skip = (position, end - before) if kind == "bgzip" else (end, 0)
                return bytes(memoryview(text)[:end]), body, skip
            line = text.rfind(b"\n") + 1
            meta = max(meta, text.rfind(b"\n##", max(0, before - 2)) + 1)
        is_header = text.startswith(b"#", line)  # the column line of a cohort may be of any length
        if (most_mb is not None and weight > most_mb << 20) or (not is_header and len(text) - meta > _HEADER_GAP):
            break
    return bytes(text), stored.size() if kind == "bgzip" else len(text), 0


def _weight(text: bytes) -> int:
    """Bytes of a header as they count against the largest size."""
    return len(text) + _CELL_BYTES * (text.count(b"\n") + text.count(b"\t"))


def cut_pieces(file: VcfFile, stored_bytes: int) -> list[VcfPiece]:
    """Pieces of about `stored_bytes` of a file; a gzip file is one piece, since it can only be read from its start."""
    if file.kind == "gzip":
        return [VcfPiece(file.name, file.path, file.kind, file.stamp, 0, file.body, file.size)]
    starts = list(range(file.body, max(file.size, file.body + 1), max(1, stored_bytes)))
    if file.blocks:
        after = (bisect_left(file.blocks, start) for start in starts[1:])
        known = {file.blocks[at] for at in after if at < len(file.blocks)}
        starts = [file.body, *sorted(start for start in known if file.body < start < file.size)]
    ends = [*starts[1:], file.size]
    return [
        VcfPiece(file.name, file.path, file.kind, file.stamp, number, start, end, file.skip if number == 0 else 0)
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]


def read_vcf_lines(piece: VcfPiece, block_bytes: int) -> Iterator[bytes]:
    """The lines of a piece in blocks of about `block_bytes`, each block of whole lines, the last line ended or not.

    Lines of one contig and position that follow one another are all in one piece. Memory is `block_bytes`, or one line
    or such lines at the end of the piece, whichever is more. Raises `AppError` 213.
    """
    parts: list[bytes] = []
    held = 0
    leading = _Leading(piece.number > 0)
    with _open_unchanged(piece.path, piece.stamp) as stored:
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


def _from_first_line(spans: Iterator[tuple[int, bytes]], piece: VcfPiece) -> Iterator[tuple[bytes, bool]]:
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


def _piece_spans(stored: pa.NativeFile, piece: VcfPiece) -> Iterator[tuple[int, bytes]]:
    skip = piece.skip if piece.kind == "bgzip" else piece.start if piece.kind == "gzip" else 0
    start = 0 if piece.kind == "gzip" else piece.start
    if piece.kind == "bgzip" and piece.number > 0:
        start = find_block(stored, piece.file, start)
    for position, data in _spans(stored, piece.file, piece.kind, start, piece.end):
        yield position, data[skip:]
        skip = max(0, skip - len(data))


def _spans(
    stored: pa.NativeFile, name: str, kind: Compression, start: int, edge: int | None = None
) -> Iterator[tuple[int, bytes]]:
    """Inflated bytes in order, each with the stored position that it starts at (for gzip: of the inflated stream).

    No span of plain text crosses `edge`, where the next piece begins; of bgzip, a block must begin where that finds one.
    """
    if kind == "bgzip":
        yield from inflate_blocks(stored, name, start, edge)
        return
    position, size = start, stored.size()
    if kind == "gzip":
        for data in inflate_members(stored, name, _READ):
            yield position, data
            position += len(data)
        return
    while position < size:
        length = min(_READ, edge - position) if edge is not None and position < edge else _READ
        data = stored.read_at(length, position)
        yield position, data
        position += len(data)


def line_bases(file: VcfFile, lines_of_pieces: Sequence[int]) -> list[int]:
    """The number of lines of a file before each of its pieces."""
    bases, before = [], file.header_lines
    for lines in lines_of_pieces:
        bases.append(before)
        before += lines
    return bases
