"""A buffer of delimited text to cells: one string column per header, and the faults of its structure with their lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from common.errors import AppError
from common.faults import Faults
from common.scan.delimited import LINE_END, TextFile, count_byte, lone_returns, record_lines, stray_quotes

UNREADABLE, RAGGED = 65, 66
_REPLACED = "\ufffd".encode()


@dataclass(frozen=True)
class TextFormat:
    """How the text of data files reads: delimiter and the cells that mean NULL."""

    delimiter: str
    null_values: tuple[str, ...]


def parse_delimiter(text: str, name: str) -> str:
    r"""The delimiter that the input `name` holds; a tab may be written `\t` or `/t`. Raises `AppError` 90 unless it is one
    character."""
    delimiter = "\t" if text in ("\\t", "/t") else text
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n':
        raise AppError(90, f"{name}: {text!r} is not one ASCII character", "Use , ; | or \\t.")
    return delimiter


@dataclass
class Records:
    """The cells of one buffer. `lines` is the true line of each row, worked out when first asked for."""

    file: TextFile
    text: bytes
    first_line: int
    cells: pa.Table
    skipped: list[int] = field(default_factory=list)
    """Indices, among the records of the buffer, of those that are no rows."""

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
            lines = record_lines(self.text, self.first_line, skip_blank=self.cells.num_columns > 1)
        return np.delete(lines, self.skipped) if self.skipped else lines

    def drop(self, rows: Iterable[int]) -> None:
        """Leaves out rows, by index; those that stay keep their lines."""
        keep = np.ones(self.cells.num_rows, dtype=bool)
        keep[list(rows)] = False
        self.lines = self.lines[keep]  # worked out while all rows are there
        self.cells = self.cells.filter(pa.array(keep))


def parse_records(
    file: TextFile, text: bytes, first_line: int, types: dict[str, pa.DataType], form: TextFormat, faults: Faults
) -> Records | None:
    """Cells of a buffer that begins at a record. `types` gives each header, in the file's order, the type to read it as.

    Adds faults 65 (bad bytes, stray quotes, carriage returns alone) and 66 (ragged rows). None where stray quotes or carriage
    returns leave the structure unknown.
    """
    text = _readable(file, text, first_line, faults)
    if add_stray_quotes(file, text, first_line, form.delimiter, faults) or _add_lone_returns(
        file, text, first_line, faults
    ):
        return None
    ragged: list[tuple[int, int, str]] = []

    def keep_ragged(row: pacsv.InvalidRow) -> str:
        ragged.append((row.number - 1, row.actual_columns, row.text))
        return "skip"

    cells = pacsv.read_csv(
        pa.BufferReader(text),
        read_options=pacsv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=list(types)),
        parse_options=pacsv.ParseOptions(
            delimiter=form.delimiter, newlines_in_values=False, ignore_empty_lines=len(types) > 1,
            invalid_row_handler=keep_ragged,
        ),
        convert_options=pacsv.ConvertOptions(
            column_types=types, strings_can_be_null=True, null_values=list(form.null_values), check_utf8=False,
            auto_dict_max_cardinality=2**31 - 1,
        ),
    )  # fmt: skip
    records = Records(file, text, first_line, cells, [index for index, _, _ in ragged])
    if ragged:
        _add_ragged(records, ragged, len(types), faults)
    return records


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
    if _REPLACED in text and not file.encoding.lower().replace("_", "-").startswith("utf-8"):
        _add_undecodable(file, text, first_line, faults)
    return text


def _add_undecodable(file: TextFile, text: bytes, first_line: int, faults: Faults) -> None:
    for number, line in enumerate(text.split(LINE_END), start=first_line):
        if _REPLACED in line:
            shown = line.decode("utf-8")
            at = max(0, shown.index("\ufffd") - 20)
            faults.add(
                UNREADABLE,
                f"bytes that are not {file.encoding}",
                file=file.name,
                line=number,
                value=shown[at : at + 60],
            )


def add_stray_quotes(file: TextFile, text: bytes, first_line: int, delimiter: str, faults: Faults) -> bool:
    """Whether quotes leave the structure of whole records unknown, with a fault 65 for the first of them."""
    stray = stray_quotes(text, delimiter)
    if stray:
        problem = "a quote stands inside a cell, or is never closed; what follows in the file was not checked"
        remedy = 'Put the whole cell in quotes and double each quote inside it: "5"" pipe".'
        _add_unreadable(file, text, first_line, stray[0], problem, remedy, faults)
    return bool(stray)


def _add_lone_returns(file: TextFile, text: bytes, first_line: int, faults: Faults) -> bool:
    lone = lone_returns(text)
    if lone:
        problem = "a carriage return stands alone, outside quotes; what follows in the file was not checked"
        remedy = "Put the whole cell in quotes, or end lines as on Unix or Windows."
        _add_unreadable(file, text, first_line, lone[0], problem, remedy, faults)
    return bool(lone)


def _add_unreadable(
    file: TextFile, text: bytes, first_line: int, at: int, problem: str, remedy: str, faults: Faults
) -> None:
    """Adds a fault 65 at an offset of the text, with what stands around it on its line."""
    line = first_line + text.count(LINE_END, 0, at)
    begin = text.rfind(LINE_END, 0, at) + 1
    shown = text[max(begin, at - 30) : at + 30].split(LINE_END)[0].decode("utf-8", "replace")
    faults.add(UNREADABLE, problem, file=file.name, line=line, value=shown, remedy=remedy)


def _add_ragged(records: Records, ragged: list[tuple[int, int, str]], expected: int, faults: Faults) -> None:
    lines = record_lines(records.text, records.first_line, skip_blank=expected > 1)
    for index, actual, text in ragged:
        cells = "1 cell" if actual == 1 else f"{actual:,} cells"
        problem = f"{cells} where the header has {expected:,}"
        faults.add(RAGGED, problem, file=records.file.name, line=int(lines[index]), value=text)
