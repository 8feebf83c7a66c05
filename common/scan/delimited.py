"""Delimited text (RFC 4180) cut exactly at records, quoted line breaks included, with true line numbers.

A byte range of a large file tells nothing of whether it begins inside quotes. So blocks are first scanned, each on its own,
for what does not depend on that: how many quotes and line ends it has, and where its first record would begin if it began
outside and if it began inside quotes. Running sums over the blocks then say which of the two is true, and which line it is.
The scan runs at memory speed; files of one block need none.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from common.errors import AppError, Rule
from common.scan.bgzip import stream_gzip
from common.scan.encoding import as_utf8, is_ascii_superset, refuse_other_encoding
from common.scan.files import Stamp, open_unchanged, read_bytes

BUFFER_BYTES = 4 << 20
"""Bytes of text parsed at once. Measured with two workers side by side: text and columns of 2 to 4 MiB stay in the cache, which
saves a tenth of the CPU against 8 MiB, and more against 32; below that the cost of each call shows."""

LONGEST_RECORD = 64 << 20
"""Bytes of text in which a record, the header among them, must end if nothing else is asked for: where a quote is never closed,
all that follows would be one record."""

_WIDEST_BYTES = 64 << 20
_COLUMN_BYTES = 100 << 10
QUOTE, LINE_END, RETURN = b'"', b"\n", b"\r"
_STEP = 1 << 18
"""Bytes that NumPy works on at once: so few that its temporary arrays stay in the cache too."""


@dataclass(frozen=True, slots=True)
class TextFile:
    """A delimited file as the plan knows it. `name` is the user's; `header_bytes` are to be skipped at its start, being the
    byte-order mark and the header record, which spans `header_lines` lines. Where a character is not one byte or more that
    contain ASCII (UTF-16), `header_bytes` is 0 and the header is skipped after decoding. A file that no longer has its `stamp`
    is not read. `nameless` are the places of columns without a name in the header, which are no columns as long as they have
    no value."""

    name: str
    path: str
    size: int
    is_gzip: bool
    encoding: str
    header_bytes: int
    header_lines: int
    stamp: Stamp | None = None
    nameless: tuple[int, ...] = ()
    longest_record: int = LONGEST_RECORD

    @property
    def is_splittable(self) -> bool:
        """Whether any byte range can be read by itself: not in gzip, nor where a quote or line end is not one byte."""
        return not self.is_gzip and is_ascii_superset(self.encoding)


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole records of a file: bytes `start` to `end`, the first record on line `first_line` (the header is line 1)."""

    file: TextFile
    start: int
    end: int
    first_line: int


@dataclass(frozen=True, slots=True)
class Block:
    """A byte range of one file, and once scanned what it holds. `begins` is, for a block that starts outside quotes and for
    one that starts inside, the offset of its first record and the line ends before that; None if no record begins in it."""

    file: TextFile
    start: int
    end: int
    quotes: int = 0
    line_ends: int = 0
    begins: tuple[tuple[int, int] | None, tuple[int, int] | None] = (None, None)


def cut_blocks(file: TextFile, block_bytes: int) -> list[Block]:
    """The body of a splittable file as blocks of at most `block_bytes` to scan."""
    starts = range(file.header_bytes, max(file.size, file.header_bytes + 1), block_bytes)
    return [Block(file, start, min(start + block_bytes, file.size)) for start in starts]


def scan_block(block: Block) -> Block:
    """Counts quotes and line ends of a block and looks for its first record under both assumptions. A task's work."""
    quotes = line_ends = 0
    begins: list[tuple[int, int] | None] = [None, None]
    with open_unchanged(block.file.path, block.file.stamp) as file:
        file.seek(block.start)
        position = block.start
        while position < block.end and (text := file.read(min(BUFFER_BYTES, block.end - position))):
            if position == block.start:
                begins = [_first_begin(text[:_STEP], position, inside, 0) for inside in (0, 1)]
            quotes += count_byte(text, QUOTE)
            line_ends += count_byte(text, LINE_END)
            position += len(text)
    return replace(block, quotes=quotes, line_ends=line_ends, begins=(begins[0], begins[1]))


def count_byte(text: bytes, byte: bytes) -> int:
    """As `bytes.count`, which is several times slower where the byte is frequent. Works in steps that stay in the cache."""
    data = np.frombuffer(text, dtype=np.uint8)
    return sum(int(np.count_nonzero(data[at : at + _STEP] == byte[0])) for at in range(0, len(data), _STEP))


def _first_begin(text: bytes, offset: int, inside: int, line_ends: int) -> tuple[int, int] | None:
    """Where the first record after a line end outside quotes begins, and the line ends up to there."""
    data = np.frombuffer(text, dtype=np.uint8)
    for at in range(0, len(data), _STEP):
        ends, quotes = _marks(data[at : at + _STEP])
        outside = np.flatnonzero((np.searchsorted(quotes, ends) + inside) % 2 == 0)
        if len(outside):
            first = int(outside[0])
            return offset + at + int(ends[first]) + 1, line_ends + first + 1
        line_ends += len(ends)
        inside ^= len(quotes) & 1
    return None


def _marks(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offsets of line ends and of quotes."""
    return np.flatnonzero(data == LINE_END[0]), np.flatnonzero(data == QUOTE[0])


def build_pieces(blocks: Sequence[Block]) -> list[Piece]:
    """Joins the scanned blocks of one file, in order, into pieces of whole records. A block inside one long record joins
    the piece before it."""
    file = blocks[0].file
    quotes_before = [0, *accumulate(block.quotes for block in blocks)]
    lines_before = [0, *accumulate(block.line_ends for block in blocks)]
    starts = [(file.header_bytes, file.header_lines + 1)]
    searched = 0
    for index, block in enumerate(blocks[1:], start=1):
        inside = quotes_before[index] % 2
        begin = block.begins[inside]
        if begin is None and searched <= file.longest_record:  # a record that is longer ends the piece with a fault
            begin = _search_begin(block, inside)
            searched = 0 if begin else searched + block.end - block.start
        if begin is not None and begin[0] < file.size:
            starts.append((begin[0], file.header_lines + 1 + lines_before[index] + begin[1]))
    ends = [start for start, _ in starts[1:]] + [file.size]
    return [Piece(file, start, end, line) for (start, line), end in zip(starts, ends, strict=True)]


def _search_begin(block: Block, inside: int) -> tuple[int, int] | None:
    """The first record of a block that begins within a record too long for the scan, which searched the first step only."""
    line_ends = 0
    if inside and not block.quotes:
        return None
    with open_unchanged(block.file.path, block.file.stamp) as file:
        file.seek(block.start)
        position = block.start
        while position < block.end and (text := file.read(min(BUFFER_BYTES, block.end - position))):
            if found := _first_begin(text, position, inside, line_ends):
                return found
            inside ^= count_byte(text, QUOTE) & 1
            line_ends += count_byte(text, LINE_END)
            position += len(text)
    return None


def whole_piece(file: TextFile) -> Piece:
    """The whole body of a file as one piece: for small files, and for those that cannot be cut."""
    return Piece(file, file.header_bytes, file.size, file.header_lines + 1)


def buffer_bytes(columns: int) -> int:
    """Bytes of text to parse at once: more where rows are wide, so that each call has rows enough to be worth it."""
    return min(max(BUFFER_BYTES, columns * _COLUMN_BYTES), _WIDEST_BYTES)


def read_buffers(piece: Piece, size: int = BUFFER_BYTES) -> Iterator[tuple[bytes, int]]:
    """The records of a piece as UTF-8 text, in buffers of about `size` bytes, each whole records with its first line.

    Undecodable bytes of an encoding other than UTF-8 become U+FFFD; in UTF-8 they are passed on for the caller to find. So is
    a record that does not end within the file's `longest_record`, unfinished, after which `AppError` 65 is raised.
    """
    line, inside = piece.first_line, 0
    held: list[bytes] = []
    for text in _body(piece, size):
        cut = _last_record_end(text, inside)
        if cut:
            whole = b"".join([*held, text[:cut]]) if held else text[:cut]
            yield whole, line
            line += count_byte(whole, LINE_END)
            held, text, inside = [], text[cut:], 0
        inside ^= count_byte(text, QUOTE) & 1
        if text:
            held.append(text)
        if sum(map(len, held)) > piece.file.longest_record:
            yield b"".join(held), line
            problem = f"{piece.file.name}: the record on line {line:,} does not end within {piece.file.longest_record:,} bytes"
            raise AppError(Rule.UNREADABLE, problem)
    if held:
        yield b"".join(held), line


def first_records(piece: Piece, limit: int) -> bytes:
    """The records at the start of a piece whose line ends lie in its first `limit` bytes, as UTF-8 text; blank if none does."""
    end = piece.end if piece.file.is_gzip else min(piece.end, piece.start + limit)
    text = next(iter(read_buffers(replace(piece, end=end))), (b"", 0))[0]
    return text[: _last_record_end(text[:limit])]


def _body(piece: Piece, size: int) -> Iterator[bytes]:
    """The text of a piece as UTF-8, the header left out where it could not be told by its bytes."""
    header_pending = not is_ascii_superset(piece.file.encoding)
    held = b""
    for text in as_utf8(_raw_buffers(piece, size), piece.file.encoding):
        if header_pending:
            held += text
            found = _first_begin(held, 0, 0, 0)
            if found is None:
                continue
            text, header_pending = held[found[0] :], False
        yield text


def _raw_buffers(piece: Piece, size: int) -> Iterator[bytes]:
    """The bytes of a piece, in buffers of even size where that is known: a small last one would cost as many calls as a large."""
    if piece.file.is_gzip:
        skip = piece.file.header_bytes
        for text in stream_gzip(piece.file.path, size, piece.file.stamp):
            kept = text[skip:] if skip else text
            skip = max(0, skip - len(text))
            yield kept
        return
    with open_unchanged(piece.file.path, piece.file.stamp) as file:
        file.seek(piece.start)
        left = piece.end - piece.start
        size = -(-left // max(1, -(-left // size)))
        while left > 0 and (text := file.read(min(size, left))):
            left -= len(text)
            yield text


def _last_record_end(text: bytes, inside: int = 0) -> int:
    """The offset just after the last line end that lies outside quotes, 0 if there is none; `inside` is 1 if the text begins
    inside quotes."""
    end = text.rfind(LINE_END)
    inside ^= count_byte(text, QUOTE) & 1
    if end < 0 or inside == text.count(QUOTE, end) & 1:
        return end + 1
    data = np.frombuffer(text, dtype=np.uint8)
    for at in reversed(range(0, len(data), _STEP)):
        ends, quotes = _marks(data[at : at + _STEP])
        outside = ends[(len(quotes) - np.searchsorted(quotes, ends) + inside) % 2 == 0]
        if len(outside):
            return at + int(outside[-1]) + 1
        inside ^= len(quotes) & 1
    return 0


def record_lines(text: bytes, first_line: int, skip_blank: bool = True) -> np.ndarray:
    """The line number on which each record of `text` begins (int64, one per record, blank lines left out if `skip_blank`).

    Costs a pass over the text, so it is called only where a fault must be placed or line breaks stand in quotes.
    """
    begins, lines = _record_begins(text, first_line)
    if skip_blank and len(begins):
        data = np.frombuffer(text, dtype=np.uint8)
        is_mark = (data == LINE_END[0]) | (data == RETURN[0])
        lines = lines[~np.logical_and.reduceat(is_mark, begins)]
    return lines


def record_texts(text: bytes, first_line: int, lines: np.ndarray) -> list[bytes]:
    """The records that begin on these lines, as they stand, without their line ends."""
    begins, all_lines = _record_begins(text, first_line)
    ends = np.append(begins[1:], len(text))
    indices = np.searchsorted(all_lines, lines)
    return [text[begins[index] : ends[index]].rstrip(b"\r\n") for index in indices]


def _record_begins(text: bytes, first_line: int) -> tuple[np.ndarray, np.ndarray]:
    """Offset and line number of every record, blank lines included."""
    data = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(data == LINE_END[0])
    outside = np.searchsorted(np.flatnonzero(data == QUOTE[0]), ends) % 2 == 0
    begins = np.concatenate(([0], ends[outside] + 1))
    lines = np.concatenate(([first_line], first_line + 1 + np.flatnonzero(outside)))
    within = begins < len(text)
    return begins[within], lines[within]


def stray_quotes(text: bytes, delimiter: str) -> list[int]:
    """Offsets of the first quotes that RFC 4180 does not allow: opened amid a cell, followed by more text, or never closed."""
    data = np.frombuffer(text, dtype=np.uint8)
    is_edge = np.zeros(256, dtype=bool)
    is_edge[np.frombuffer(delimiter.encode() + b'\r\n"', dtype=np.uint8)] = True
    inside, last = 0, -1
    for at in range(0, len(data), _STEP):
        quotes = np.flatnonzero(data[at : at + _STEP] == QUOTE[0])
        if not len(quotes):
            continue
        quotes += at
        opens, closes = quotes[inside::2], quotes[1 - inside :: 2]
        opened_well = is_edge[data[opens - 1]] | (opens == 0)
        closed_well = is_edge[data[np.minimum(closes + 1, len(data) - 1)]]
        if not (opened_well.all() and closed_well.all()):
            return sorted([*opens[~opened_well].tolist(), *closes[~closed_well].tolist()])
        inside, last = (inside + len(quotes)) % 2, int(quotes[-1])
    return [last] if inside else []


def lone_returns(text: bytes, allows_two: bool = True) -> list[int]:
    """Offsets of the first carriage returns outside quotes that no line feed follows: readers differ on whether they end a line.
    One that ends the text does no harm, nor, if `allows_two`, several before a line feed: all take blank lines for none."""
    if RETURN not in text:
        return []
    data = np.frombuffer(text, dtype=np.uint8)
    counted = inside = 0
    for at in range(0, len(data) - 1, _STEP):
        following = data[at + 1 : at + 1 + _STEP]
        returns = np.flatnonzero(data[at : at + len(following)] == RETURN[0])
        is_lone = following[returns] != LINE_END[0]
        if allows_two:
            is_lone &= following[returns] != RETURN[0]
        if is_lone.any():
            inside ^= count_byte(text[counted:at], QUOTE) & 1
            counted = at
            quotes = np.flatnonzero(data[at : at + _STEP] == QUOTE[0])
            lone = returns[is_lone]
            if len(outside := lone[(np.searchsorted(quotes, lone) + inside) % 2 == 0]):
                return [int(each) + at for each in outside]
    return []


def first_record(
    path: str, is_gzip: bool, encoding: str, longest: int = LONGEST_RECORD, limit: int = 64 << 10
) -> tuple[str, int, int]:
    """The header record of a file as text, without byte-order mark and line end; its size in bytes of the decompressed file,
    and its number of lines. All zero for an empty file. Looks for its end in `limit` bytes first, then in more, up to `longest`.

    Raises `UnicodeDecodeError` where the header is not of the encoding, `AppError` 65 where it has no end or another encoding.
    """
    while True:
        text = next(stream_gzip(path, limit), b"") if is_gzip else read_bytes(path, 0, limit)
        refuse_other_encoding(text, encoding)
        is_whole, has_bytes = len(text) < limit, is_ascii_superset(encoding)
        if not has_bytes:
            decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
            text = decoder.decode(text, final=is_whole).encode("utf-8", "surrogatepass")
        found = _first_begin(text, 0, 0, 0)
        if found or is_whole:
            raw = text[: found[0]] if found else text
            shown = _shown_header(raw.decode(encoding if has_bytes else "utf-8"))
            if not has_bytes and "\ufffd" in shown:
                raise AppError(Rule.UNREADABLE, f"the header has bytes that are not {encoding}")
            return shown, len(raw) if has_bytes else 0, raw.count(LINE_END)
        if limit >= longest:
            problem = f"the header does not end within {longest:,} bytes; a quote in it is never closed, or this is not delimited text"
            raise AppError(Rule.UNREADABLE, problem)
        limit = min(limit * 8, longest)


def _shown_header(header: str) -> str:
    shown = header.removeprefix("\ufeff").rstrip("\r\n")
    if shown.count('"') % 2:
        raise AppError(
            Rule.UNREADABLE,
            "a quote in the header is never closed",
            "Close the quote, or double it inside a quoted name.",
        )
    if lone_returns(shown.encode()):
        raise AppError(
            Rule.UNREADABLE,
            "its lines end with a carriage return alone",
            "Save the file with the line ends of Unix or Windows.",
        )
    return shown
