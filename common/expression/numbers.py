"""Cells to numbers: a whole block of text in one vectorised call, and the slow way only where that call fails.

A block of a matrix is parsed as one column of CSV, its delimiters turned into line ends: Arrow's cost per column (tens of
thousands in a wide matrix) never arises, and the outcome is the flat, row-major array that is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from common.expression.model import ABSENT, ValueRules
from common.faults import EXAMPLES_PER_RULE

_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
_NOT_FINITE = r"(?i)^\s*[+-]?(nan|inf(inity)?)\s*$"
_NO_DELIMITER = "\x1f"
_LARGEST_COUNT = 2.0**63


@dataclass(frozen=True)
class BadCells:
    """Cells of a block that break one rule: their places, ascending, and the texts of the first of them."""

    code: int
    reason: str
    places: np.ndarray
    texts: list[str]


@dataclass(frozen=True)
class Parsed:
    """Values with `ABSENT` for missing cells, whether there is one, and the bad cells, whose values mean nothing."""

    values: np.ndarray
    any_absent: bool
    bad: list[BadCells]


def parse_cells(text: bytes, delimiter: str, rules: ValueRules) -> Parsed:
    r"""All cells of whole lines, one after the other.

    >>> parsed = parse_cells(b"1,NA\n2.5,-3\n", ",", ValueRules(is_count=False))
    >>> parsed.values.tolist(), parsed.any_absent, [(each.code, each.texts) for each in parsed.bad]
    ([1.0, -1.0, 2.5, -3.0], True, [(106, ['-3'])])
    """
    plain = text.replace(b"\r\n", b"\n") if b"\r" in text else text
    column = plain.translate(bytes.maketrans(delimiter.encode(), b"\n"))
    quotes = b'"' in column

    def read(arrow_type: pa.DataType) -> pa.Array:
        table = csv.read_csv(
            pa.BufferReader(column),
            csv.ReadOptions(use_threads=False, column_names=["value"], block_size=1 << 20),
            csv.ParseOptions(delimiter=_NO_DELIMITER, quote_char='"' if quotes else False, ignore_empty_lines=False),
            csv.ConvertOptions(column_types={"value": arrow_type}, null_values=list(rules.missing)),
        )
        return table.column(0).combine_chunks()

    def split() -> pa.StringArray:
        cells = column.decode("utf-8", "replace").split("\n")[:-1]
        return pa.array([cell[1:-1] if cell[:1] == '"' == cell[1:][-1:] else cell for cell in cells], pa.string())

    if b"\r" in column:  # which Arrow would take for the end of a cell
        return _parse_texts(split(), rules)
    return parse_column(read, split, rules, may_be_hex=rules.is_count and may_hold_hex(text))


def may_hold_hex(text: bytes) -> bool:
    """Whether text could hold `0x1A`, which Arrow takes for an integer and we do not."""
    return any(
        letter in text and b"0" + letter in text for letter in (b"x", b"X")
    )  # one byte is found much sooner than two


def parse_column(
    read: Callable[[pa.DataType], pa.Array],
    read_texts: Callable[[], pa.StringArray],
    rules: ValueRules,
    *,
    may_be_hex: bool,
) -> Parsed:
    """Values of a column that `read` parses as a type, raising `ArrowInvalid`, and `read_texts` gives as it stands.

    `may_be_hex` for counts in a text of which `may_hold_hex` is true.
    """
    if may_be_hex:
        return _parse_texts(read_texts(), rules)
    try:
        column = read(rules.arrow_type)
    except pa.ArrowInvalid:
        return _parse_texts(read_texts(), rules)
    any_absent = column.null_count > 0
    values = (column.fill_null(ABSENT) if any_absent else column).to_numpy()
    lowest, highest = (values.min(), values.max()) if len(values) else (0, 0)
    fits = lowest >= (ABSENT if any_absent else 0) and highest < np.inf  # False for NaN too
    if fits and (not any_absent or np.count_nonzero(values < 0) == column.null_count):
        return Parsed(values, any_absent, [])
    return _parse_texts(read_texts(), rules)


def _parse_texts(texts: pa.StringArray, rules: ValueRules) -> Parsed:
    """The same, cell by kind of cell, with all that is wrong."""
    absent = pc.is_in(texts, pa.array(rules.missing, pa.string()))
    numbers = pc.if_else(
        pc.and_not(pc.match_substring_regex(texts, _NUMBER), absent), pc.utf8_trim_whitespace(texts), None
    )
    values = numbers.cast(pa.float64()).fill_null(ABSENT).to_numpy()
    is_number = numbers.is_valid().to_numpy(zero_copy_only=False)
    is_absent = absent.to_numpy(zero_copy_only=False)
    not_finite = pc.match_substring_regex(texts, _NOT_FINITE).to_numpy(zero_copy_only=False) & ~is_absent
    not_finite |= is_number & ~np.isfinite(values)
    good = is_number & ~not_finite & (values >= 0)
    kinds = [
        (105, "not a number", ~is_number & ~is_absent & ~not_finite),
        (106, "not finite", not_finite),
        (106, "negative", is_number & ~not_finite & (values < 0)),
    ]
    if rules.is_count:
        counts = np.where(good, values, 0)
        kinds.append((106, "a fraction, where counts are whole", counts % 1 != 0))
        kinds.append((106, "too large for a count", counts >= _LARGEST_COUNT))
    bad = [_bad_cells(code, reason, np.flatnonzero(at), texts) for code, reason, at in kinds if at.any()]
    if rules.is_count and not bad:
        values = _whole(numbers, values)
    return Parsed(values, bool(is_absent.any()), bad)


def _bad_cells(code: int, reason: str, places: np.ndarray, texts: pa.StringArray) -> BadCells:
    return BadCells(code, reason, places, texts.take(pa.array(places[:EXAMPLES_PER_RULE])).to_pylist())


def _whole(texts: pa.StringArray, values: np.ndarray) -> np.ndarray:
    """Counts, exact where they are written as integers; forms such as `12.0` and `1e3` go by their real value."""
    plain = pc.fill_null(pc.match_substring_regex(texts, r"^\+?\d+$"), False)
    digits = pc.replace_substring_regex(pc.if_else(plain, texts, None), r"^\+", "")
    exact = digits.cast(pa.int64()).fill_null(0).to_numpy()
    written_whole: np.ndarray = plain.to_numpy(zero_copy_only=False)
    return np.where(written_whole, exact, values.astype(np.int64))
