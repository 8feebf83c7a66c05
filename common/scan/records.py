"""A buffer of delimited text to cells: one string column per header, and the faults of its structure with their lines."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from common.errors import AppError, Rule
from common.faults import EXAMPLES_PER_RULE, Faults, Place, counted
from common.scan.delimited import (
    BUFFER_BYTES,
    LINE_END,
    QUOTE,
    Piece,
    TextFile,
    count_byte,
    lone_returns,
    read_buffers,
    record_lines,
    record_texts,
    stray_quotes,
)

_REPLACED, _MARK = "\ufffd".encode(), "\ufeff"
_SHOWN = 200
"""Characters of a faulty row that are kept."""


@dataclass(frozen=True)
class TextFormat:
    """How the text of data files reads: delimiter and the cells that mean NULL."""

    delimiter: str
    null_values: tuple[str, ...]


def parse_delimiter(text: str, name: str) -> str:
    r"""The delimiter that the input `name` holds; a tab may be written `\t` or `/t`. Raises `AppError` 90 unless it is one
    character."""
    delimiter = "\t" if text in ("\\t", "/t") else text
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n\0':
        raise AppError(Rule.JOB_INPUT, f"{name}: {text!r} is not one ASCII character", "Use , ; | or \\t.")
    return delimiter


def parse_longest_record(mib: int) -> int:
    """Bytes that the input max_record_mib allows a record. Raises `AppError` 90 for more than Arrow can parse at once, or none."""
    if not 1 <= mib <= 1024:
        raise AppError(
            Rule.JOB_INPUT, f"max_record_mib: {mib} is not from 1 to 1024", "Give the MiB that the longest row needs."
        )
    return mib << 20


@dataclass
class Records:
    """The cells of one buffer. `lines` is the true line of each row, worked out when first asked for. `blank` has the
    lines of rows that consist of delimiters only. They are skipped."""

    file: TextFile
    text: bytes
    first_line: int
    cells: pa.Table
    skipped: list[int] = field(default_factory=list)
    """Indices, among the records of the buffer, of those that are not among the cells."""
    blank: list[int] = field(default_factory=list)

    def column(self, name: str) -> pa.Array:
        """The cells below a header."""
        column = self.cells.column(name)
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()  # which would copy

    @cached_property
    def lines(self) -> np.ndarray:
        """Line number of each row (int64)."""
        ends = count_byte(self.text, LINE_END) + (not self.text.endswith(LINE_END))
        if ends == self.cells.num_rows + len(self.skipped):
            lines = np.arange(self.first_line, self.first_line + ends, dtype=np.int64)
        else:
            width = self.cells.num_columns + len(self.file.nameless)
            lines = record_lines(self.text, self.first_line, skip_blank=width > 1)
        return np.delete(lines, self.skipped) if self.skipped else lines

    def drop(self, rows: Iterable[int] | np.ndarray) -> None:
        """Leaves out rows, by index; those that stay keep their lines."""
        keep = np.ones(self.cells.num_rows, dtype=bool)
        keep[rows if isinstance(rows, np.ndarray) else list(rows)] = False
        self.lines = self.lines[keep]  # worked out while all rows are there
        self.cells = self.cells.filter(pa.array(keep))


@dataclass
class BlankRows:
    """Skipped rows that consist of delimiters only: for each file their number and the first line."""

    files: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, file: str, count: int, first_line: int) -> None:
        """Takes in rows of a file."""
        before, line = self.files.get(file, (0, first_line))
        self.files[file] = before + count, min(line, first_line)

    def merge(self, other: BlankRows) -> None:
        """Takes in another task's rows."""
        for file, (count, line) in other.files.items():
            self.add(file, count, line)

    def warnings(self) -> list[str]:
        """A warning for each file."""
        return [
            f"{file}: {counted(count, 'row')} without any value skipped, the first on line {line:,}"
            for file, (count, line) in sorted(self.files.items())
        ]


def read_records(
    piece: Piece, types: dict[str, pa.DataType], form: TextFormat, faults: Faults, blank: BlankRows,
    size: int = BUFFER_BYTES, header: Sequence[str] = (),
) -> Iterator[Records]:  # fmt: skip
    """The records of a piece, a buffer of about `size` bytes at a time, up to where its structure is unknown; see
    `parse_records`. Rows of delimiters alone are added to `blank`."""
    try:
        for text, first_line in read_buffers(piece, size):
            records = parse_records(piece.file, text, first_line, types, form, faults, header)
            if records is None:
                return
            if records.blank:
                blank.add(piece.file.name, len(records.blank), records.blank[0])
            yield records
    except AppError as error:  # a damaged gzip, a file that is gone: a fault among those of other files
        faults.add(error.code, error.text, Place(piece.file.name), remedy=error.remedy)


def parse_records(
    file: TextFile, text: bytes, first_line: int, types: dict[str, pa.DataType], form: TextFormat, faults: Faults,
    header: Sequence[str] = (),
) -> Records | None:  # fmt: skip
    """Cells of a buffer that begins at a record. `types` gives each column that has a name, in the file's order, the type to
    read it as; `header` their names in the file, where the columns are called otherwise.

    Adds faults 25 (values below no name), 65 (bad bytes, stray quotes, carriage returns alone, a record too long, the header
    again) and 66 (ragged rows). None where the structure is unknown: after stray quotes, carriage returns, a record too long.
    """
    text = _readable(file, text, first_line, faults)
    width = len(types) + len(file.nameless)
    if is_broken(file, text, first_line, width, form, faults):
        return None
    columns = _columns(file, types)
    ragged = _Ragged(form.delimiter, width)

    cells = pacsv.read_csv(
        pa.BufferReader(text if not text.startswith(_MARK.encode()) else _MARK.encode() + text),  # one would be cut off
        read_options=pacsv.ReadOptions(use_threads=False, block_size=len(text) + 4, column_names=list(columns)),
        parse_options=pacsv.ParseOptions(
            delimiter=form.delimiter, newlines_in_values=False, ignore_empty_lines=width > 1,
            invalid_row_handler=ragged.take
        ),
        convert_options=pacsv.ConvertOptions(
            column_types=columns, strings_can_be_null=True, null_values=list(form.null_values), check_utf8=False,
            auto_dict_max_cardinality=2**31 - 1
        ),
    )  # fmt: skip
    records = Records(file, text, first_line, cells, ragged.indices)
    if ragged.indices:
        ragged.report(records, faults)
    if width > 1:
        _pass_over_blank(records, form)
    _refuse_headers(records, list(types), header or list(types), faults)
    if file.nameless:
        _refuse_nameless(records, faults)
        records.cells = records.cells.select(list(types))
    return records


def _columns(file: TextFile, types: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
    """All columns of the file in their order, those without a name among them."""
    if not file.nameless:
        return types
    columns = list(types.items())
    for place in file.nameless:
        columns.insert(place, (_nameless(place), pa.string()))
    return dict(columns)


def _nameless(place: int) -> str:
    return f"\0{place}"  # which no name is


def is_broken(file: TextFile, text: bytes, first_line: int, width: int, form: TextFormat, faults: Faults) -> bool:
    """Whether where cells end is unknown, with a fault 65 for the first place."""
    is_long = len(text) > file.longest_record
    is_open = is_long and count_byte(text, QUOTE) % 2 == 1
    is_cut = is_open or (is_long and not text.endswith(LINE_END))
    closed = text + QUOTE if is_open else text
    at: int
    if stray := stray_quotes(closed, form.delimiter):
        at, problem = stray[0], "a quote stands inside a cell, or is never closed"
        remedy = 'Put the whole cell in quotes and double each quote inside it: "5"" pipe".'
    elif is_cut:
        at, problem = 0, f"a quote is never closed, or the record is longer than {file.longest_record:,} bytes"
        remedy = "Close the quote; if the record is whole, raise max_record_mib, where the app has this input."
    elif lone := lone_returns(text, allows_two=width > 1):
        at, problem = lone[0], "a carriage return stands alone, outside quotes"
        remedy = "Put the whole cell in quotes, or end lines as on Unix or Windows."
    else:
        return False
    _add_unreadable(file, text, first_line, at, f"{problem}; what follows in the file was not checked", remedy, faults)
    return True


def _pass_over_blank(records: Records, form: TextFormat) -> None:
    """Leaves out rows of delimiters alone. Costs nothing where a column has a value in each row."""
    is_null = "" in form.null_values
    columns = records.cells.columns[::-1]
    columns.sort(key=lambda column: column.null_count)
    rows = np.arange(0)
    for number, column in enumerate(columns):
        if is_null and not column.null_count:
            return
        taken = column if number == 0 else column.take(pa.array(rows))
        empty = np.asarray(taken.is_null()) if is_null else _equals(taken.cast(pa.string()), "")
        rows = np.flatnonzero(empty) if number == 0 else rows[empty]
        if not len(rows):
            return
    lines = records.lines[rows]
    if len(form.null_values) > 1:  # rows of other texts for NULL are rows
        texts = record_texts(records.text, records.first_line, lines)
        filled = np.array([not _is_blank(text.decode(), form.delimiter) for text in texts])
        rows, lines = rows[~filled], lines[~filled]
    records.blank = sorted(records.blank + lines.tolist())
    records.drop(rows)


def _is_blank(record: str, delimiter: str) -> bool:
    return all(cell in ("", '""') for cell in record.split(delimiter))


def _refuse_headers(records: Records, columns: list[str], names: Sequence[str], faults: Faults) -> None:
    """Adds a fault 65 for each row that is the header again, and leaves it out."""
    last = records.cells.column(columns[-1])
    texts = {names[-1], _MARK + names[-1]} if len(columns) == 1 else {names[-1]}
    rows = np.sort(np.concatenate([pc.indices_nonzero(pc.equal(last, text)) for text in texts]))
    for number, (column, name) in enumerate(zip(columns[:-1], names, strict=False)):
        if not len(rows):
            return
        values = records.cells.column(column).take(pa.array(rows)).cast(pa.string())
        same = _equals(values, name)
        rows = rows[same | _equals(values, _MARK + name)] if number == 0 else rows[same]
    if not len(rows):
        return
    remedy = "Remove the line; files that were joined keep the header of the first alone."
    for line in records.lines[rows[:EXAMPLES_PER_RULE]].tolist():
        faults.add(
            Rule.UNREADABLE,
            "the header stands again among the rows",
            Place(records.file.name, line),
            value=", ".join(names)[:_SHOWN],
            remedy=remedy,
        )
    faults.add_count(Rule.UNREADABLE, max(0, len(rows) - EXAMPLES_PER_RULE))
    records.drop(rows)


def _equals(column: pa.ChunkedArray, text: str) -> np.ndarray:
    return np.asarray(pc.fill_null(pc.equal(column, text), False))


def _refuse_nameless(records: Records, faults: Faults) -> None:
    """Adds a fault 25 for each value of a column that has no name."""
    for place in records.file.nameless:
        cells = records.column(_nameless(place))
        rows = np.flatnonzero(np.asarray(cells.is_valid()))
        for row in rows[:EXAMPLES_PER_RULE].tolist():
            faults.add(
                Rule.FIELD_NAME,
                f"column {place + 1} has a value but no name in the header",
                Place(records.file.name, int(records.lines[row])),
                value=cells[row].as_py()[:_SHOWN],
                remedy="Name the column in the header, or remove it.",
            )
        faults.add_count(Rule.FIELD_NAME, max(0, len(rows) - EXAMPLES_PER_RULE))


def _readable(file: TextFile, text: bytes, first_line: int, faults: Faults) -> bytes:
    """The text as valid UTF-8, a fault 65 for each line that was not."""
    if text.isascii():
        return text
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        shown = text.decode("utf-8", "replace").encode("utf-8")
        _add_undecodable(file, shown, first_line, faults)
        return shown
    if _REPLACED in text and not codecs.lookup(file.encoding).name.startswith("utf-8"):
        _add_undecodable(file, text, first_line, faults)
    return text


def _add_undecodable(file: TextFile, text: bytes, first_line: int, faults: Faults) -> None:
    data = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(data == LINE_END[0])
    bad = np.flatnonzero(data[:-2] == _REPLACED[0])
    bad = bad[(data[bad + 1] == _REPLACED[1]) & (data[bad + 2] == _REPLACED[2])]
    lines, first = np.unique(np.searchsorted(ends, bad), return_index=True)
    for at in bad[first[:EXAMPLES_PER_RULE]].tolist():
        _add_unreadable(file, text, first_line, at, f"bytes that are not {file.encoding}", "", faults)
    faults.add_count(Rule.UNREADABLE, max(0, len(lines) - EXAMPLES_PER_RULE))


def _add_unreadable(
    file: TextFile, text: bytes, first_line: int, at: int, problem: str, remedy: str, faults: Faults
) -> None:
    """Adds a fault 65 at an offset of the text, with what stands around it on its line."""
    line = first_line + text.count(LINE_END, 0, at)
    begin = text.rfind(LINE_END, 0, at) + 1
    shown = text[max(begin, at - 30) : at + 30].split(LINE_END)[0].decode("utf-8", "replace")
    faults.add(Rule.UNREADABLE, problem, Place(file.name, line), value=shown, remedy=remedy)


class _Ragged:
    """The records of a buffer with more or fewer cells than the header, by index; those without any value are no fault."""

    def __init__(self, delimiter: str, width: int) -> None:
        self.delimiter, self.width = delimiter, width
        self.indices: list[int] = []
        self.blank: list[int] = []
        self.examples: list[tuple[int, int, str]] = []

    def take(self, row: pacsv.InvalidRow) -> str:
        """What Arrow calls for each of them."""
        index, text = row.number - 1, row.text
        self.indices.append(index)
        if self.width > 1 and text[:1] in (self.delimiter, '"') and _is_blank(text, self.delimiter):
            self.blank.append(index)
        elif len(self.examples) < EXAMPLES_PER_RULE:
            self.examples.append((index, row.actual_columns, text[:_SHOWN]))
        return "skip"

    def report(self, records: Records, faults: Faults) -> None:
        """Adds a fault 66 for each that has a value."""
        lines = record_lines(records.text, records.first_line, skip_blank=self.width > 1)
        records.blank += lines[self.blank].tolist()
        for index, actual, text in self.examples:
            problem = f"{counted(actual, 'cell')} where the header has {self.width:,}"
            faults.add(Rule.ROW_WIDTH, problem, Place(records.file.name, int(lines[index])), value=text)
        faults.add_count(Rule.ROW_WIDTH, len(self.indices) - len(self.blank) - len(self.examples))
