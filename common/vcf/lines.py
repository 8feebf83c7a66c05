"""A block of VCF lines as positions in one buffer: nothing is copied until a column is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from common.errors import Rule
from common.faults import EXAMPLES_PER_RULE, Faults, Place, counted

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

TAB, NEWLINE, HASH = 9, 10, 35
# After the lines: zeros, so that a look at the bytes after a field never leaves the buffer, and a dot to point at where
# a sample's field ends before its GT.
_PADDING = b"\n" + bytes(63) + b"." + bytes(63)
MISSING_AT = -64


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Lines of the right width. `bounds` (lines, 2 × columns) holds start and end of each fixed column in turn;
    `before` (lines, samples) the tab before each sample's field; `numbers` the line in the piece, from 0."""

    data: npt.NDArray[np.uint8]
    numbers: Positions
    bounds: Positions
    before: Positions

    def __len__(self) -> int:
        return len(self.numbers)

    def column(self, index: int) -> pa.Array:
        """A fixed column's text, copied out of the buffer in one pass. Raises `pa.ArrowInvalid` if it is not UTF-8."""
        # Starts and ends in turn are the offsets of an array whose every second value is a field, the others what
        # stands between fields: `take` then copies just the wanted ones.
        offsets = pa.py_buffer(np.append(self.bounds.ravel(), self.bounds[-1, -1]).astype(np.int32))
        width = self.bounds.shape[1]
        every = pa.BinaryArray.from_buffers(pa.binary(), self.bounds.size, [None, offsets, pa.py_buffer(self.data)])
        return every.take(pa.array(np.arange(len(self)) * width + 2 * index)).cast(pa.string())

    def text(self, line: int) -> bytes:
        """A whole line, without its end."""
        start = int(self.bounds[line, 0])
        end = int(self.before[line, -1] if self.before.shape[1] else self.bounds[line, -1])
        size = 1 << 10
        while not (found := self.data[end : end + size] == NEWLINE).any():
            size *= 4
        return self.data[start : end + int(np.argmax(found))].tobytes()

    def take(self, lines: Mask | Positions) -> LineBlock:
        """Some of the lines."""
        return LineBlock(self.data, self.numbers[lines], self.bounds[lines], self.before[lines])


@dataclass(frozen=True, slots=True)
class Remark:
    """Data that were changed or left out in loading: how many `unit`s, and where the first is."""

    text: str
    unit: str
    count: int
    file: str
    line: int | None = None

    def __str__(self) -> str:
        where = "" if self.line is None else f" line {self.line:,}"
        return f"{self.text}: {counted(self.count, self.unit)}, first in {self.file}{where}"


Remarks = dict[str, Remark]
"""By text."""


def add_remarks(remarks: Remarks, others: Remarks) -> None:
    """Adds counts; keeps the place that comes first by file and line."""
    for text, other in others.items():
        own = remarks.get(text, other)
        first = min(own, other, key=lambda each: (each.file, each.line or 0))
        remarks[text] = replace(first, count=own.count + other.count if text in remarks else other.count)


@dataclass
class LineFaults:
    """Faults of the lines of a piece, counted from 1 within it, and the lines of the block at hand that are bad, each
    with the code, field and text of all its faults. `remarks` are on its good lines, `repeats` those that are left out since
    they were there before."""

    file: str
    faults: Faults = field(default_factory=Faults)
    bad: dict[int, list[tuple[int, str, str]]] = field(default_factory=dict)
    remarks: Remarks = field(default_factory=dict)
    repeats: set[int] = field(default_factory=set)

    def remark(self, numbers: Positions, text: str, unit: str = "line") -> None:
        """One remark on each of `numbers`, ascending."""
        if len(numbers):
            add_remarks(self.remarks, {text: Remark(text, unit, len(numbers), self.file, int(numbers[0]))})

    def add(
        self, numbers: Positions, code: Rule, field_name: str, text: str | Callable[[int], str],
        values: Sequence[Any] | pa.Array | None = None,
    ) -> None:  # fmt: skip
        """One fault for each of `numbers`; `values` and a `text` that is a function go by position in it."""
        for at, number in enumerate(numbers.tolist()):
            said = text if isinstance(text, str) else text(at)
            self.bad.setdefault(number, []).append((code, field_name, said))
            if at < EXAMPLES_PER_RULE:
                value = None if values is None else _text(values[at])
                self.faults.add(code, said, Place(self.file, number, field=field_name), value=value)
        self.faults.add_count(code, max(0, len(numbers) - EXAMPLES_PER_RULE))


def _text(value: Any) -> str:
    plain = value.as_py() if isinstance(value, pa.Scalar) else value
    return plain.decode("utf-8", "replace") if isinstance(plain, bytes) else str(plain)


def split_lines(text: bytes, first: int, columns: int, found: LineFaults) -> tuple[LineBlock, int]:
    """The lines of `text` that have `columns` columns, and how many lines there are in all.

    Lines of another width, or not of UTF-8, are faults; empty lines are passed over. `first` is the number of the first
    line.
    """
    plain = text.replace(b"\r\n", b"\n") if b"\r" in text else text  # a search for one byte is 90 times as fast
    undecodable = [] if plain.isascii() else _undecodable(plain)
    data = np.frombuffer(plain + (_PADDING if not plain.endswith(b"\n") else _PADDING[1:]), np.uint8)
    ends = np.flatnonzero(data == NEWLINE)
    starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends
    tabs = np.flatnonzero(data == TAB)
    widths = np.diff(np.searchsorted(tabs, ends), prepend=0) + 1
    numbers = first + np.arange(len(ends))
    comment = data[starts] == HASH
    wrong = (widths != columns) & (starts != ends) & ~comment
    if comment.any():
        found.add(numbers[comment], Rule.VCF_HEADER, "", "a header line among the data lines")
    if wrong.any():
        width = widths[wrong]
        found.add(
            numbers[wrong], Rule.VCF_WIDTH, "", lambda at: f"{width[at]:,} columns, where the header has {columns:,}",
            [plain[a:b][:200] for a, b in zip(starts[wrong][:EXAMPLES_PER_RULE], ends[wrong], strict=False)],
        )  # fmt: skip
    good = (widths == columns) & ~comment
    if undecodable:
        found.add(numbers[undecodable], Rule.VCF_HEADER, "", "not UTF-8 text")
        good[undecodable] = False
    if not good.all():
        tabs, starts, ends, numbers = tabs[np.repeat(good, widths - 1)], starts[good], ends[good], numbers[good]
    return _build_block(data, numbers, starts, ends, tabs.reshape(len(numbers), columns - 1)), len(good)


def _undecodable(text: bytes) -> list[int]:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return [at for at, line in enumerate(text.split(b"\n")) if "\ufffd" in line.decode("utf-8", "replace")]
    return []


def _build_block(
    data: npt.NDArray[np.uint8], numbers: Positions, starts: Positions, ends: Positions, tabs: Positions
) -> LineBlock:
    fixed = min(tabs.shape[1] + 1, 9)
    bounds = np.empty((len(numbers), 2 * fixed), np.int64)
    bounds[:, 0], bounds[:, 2::2] = starts, tabs[:, : fixed - 1] + 1
    bounds[:, 1:-1:2] = tabs[:, : fixed - 1]
    bounds[:, -1] = tabs[:, 8] if tabs.shape[1] > 8 else ends
    return LineBlock(data, numbers, bounds, tabs[:, 8:])
