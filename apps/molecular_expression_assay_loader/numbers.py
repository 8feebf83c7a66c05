"""Cells to numbers: a whole block of text in one vectorised call, and the slow way only where that call fails.

A block of a matrix is parsed as one column of CSV, its delimiters turned into line ends: Arrow's cost per column (tens of
thousands in a wide matrix) never arises, and the outcome is the flat, row-major array that is wanted.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from common.errors import Rule
from common.faults import EXAMPLES_PER_RULE, Faults, Place

ABSENT = -1
"""Marks a cell of a block without a value. Expression values are never negative."""

_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
_NOT_FINITE = r"(?i)^\s*[+-]?(nan|inf(inity)?)\s*$"
_NO_DELIMITER = "\x1f"
_HIDDEN = ("\x1c", "\x1d")
"""Control characters that replace a delimiter and a line end inside quotes."""

_WHOLE = r"^\+?0*(?P<digits>\d+?)(?:\.0*)?$"
_FRACTION = r"^\+?\d*\.\d*[1-9]\d*$"
_LARGEST = str(2**63 - 1)


@dataclass(frozen=True, slots=True)
class ValueRules:
    """How cells become values. Empty cells, `missing` texts and, if `drop_zeros`, zeros make no row."""

    is_count: bool
    missing: tuple[str, ...] = ("", "NA")
    drop_zeros: bool = False

    @property
    def absent_texts(self) -> tuple[str, ...]:
        """The cells without a value: the empty one always, and those of `missing`."""
        return ("", *self.missing)

    @property
    def arrow_type(self) -> pa.DataType:
        """The stored type: BIGINT for counts, DOUBLE for all else."""
        return pa.int64() if self.is_count else pa.float64()


@dataclass(frozen=True)
class BadCells:
    """Cells of a block that break one rule: their places, ascending, and the texts of the first of them."""

    code: Rule
    reason: str
    places: np.ndarray
    texts: list[str]


@dataclass(frozen=True)
class Parsed:
    """Values with `ABSENT` for missing cells, whether there is one, and the bad cells, whose values mean nothing."""

    values: np.ndarray
    any_absent: bool
    bad: list[BadCells]

    def add_faults(self, faults: Faults, place_of: Callable[[int], Place]) -> None:
        """Adds a fault for each bad cell, whose place in the file is `place_of` its place in the block."""
        for each in self.bad:
            for at, value in zip(each.places[: len(each.texts)].tolist(), each.texts, strict=True):
                faults.add(each.code, each.reason, place_of(at), value=value)
            faults.add_count(each.code, len(each.places) - len(each.texts))


def parse_cells(text: bytes, delimiter: str, rules: ValueRules) -> Parsed:
    r"""All cells of whole lines, one after the other.

    >>> parsed = parse_cells(b"1,NA\n2.5,-3\n", ",", ValueRules(is_count=False))
    >>> parsed.values.tolist(), parsed.any_absent, [(each.code.name, each.texts) for each in parsed.bad]
    ([1.0, -1.0, 2.5, -3.0], True, [('IMPOSSIBLE_VALUE', ['-3'])])
    """
    plain = text.replace(b"\r\n", b"\n") if b"\r" in text else text
    column = plain.translate(bytes.maketrans(delimiter.encode(), b"\n"))
    quotes = b'"' in column

    def read(arrow_type: pa.DataType) -> pa.Array:
        table = csv.read_csv(
            pa.BufferReader(column),
            csv.ReadOptions(use_threads=False, column_names=["value"], block_size=1 << 20),
            csv.ParseOptions(delimiter=_NO_DELIMITER, quote_char='"' if quotes else False, ignore_empty_lines=False),
            csv.ConvertOptions(column_types={"value": arrow_type}, null_values=list(rules.absent_texts)),
        )
        return table.column(0).combine_chunks()

    def split() -> pa.StringArray:
        cells = column.decode("utf-8", "replace").split("\n")[:-1]
        texts = [cell[1:-1] if cell[:1] == '"' == cell[1:][-1:] else cell for cell in cells]
        return pa.array([shown_cell(text, delimiter) for text in texts] if quotes else texts, pa.string())

    if b"\r" in column or column.startswith(codecs.BOM_UTF8):  # of which Arrow would end a cell and pass over the other
        return _parse_texts(split(), rules)
    return parse_column(read, split, rules, may_be_hex=rules.is_count and may_hold_hex(text))


def hide_quoted(text: bytes, delimiter: str) -> bytes:
    r"""Whole, well quoted records with delimiters and line ends inside quotes replaced, byte for byte.

    >>> hide_quoted(b'"a,b",1\n', ",")
    b'"a\x1cb",1\n'
    """
    data = np.frombuffer(text, dtype=np.uint8).copy()
    inside = (np.cumsum(data == ord('"'), dtype=np.uint8) & 1).astype(bool)
    for byte, stand_in in zip((delimiter, "\n"), _HIDDEN, strict=True):
        data[inside & (data == ord(byte))] = ord(stand_in)
    return data.tobytes()


def shown_cell(text: str, delimiter: str) -> str:
    """A cell as the file has it, of what `hide_quoted` left."""
    return text.replace(_HIDDEN[0], delimiter).replace(_HIDDEN[1], "\n")


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
    trimmed, marks = pc.utf8_trim_whitespace(texts), pa.array(rules.absent_texts, pa.string())
    absent = pc.or_(pc.is_in(texts, marks), pc.is_in(trimmed, marks))
    numbers = pc.if_else(pc.and_not(pc.match_substring_regex(texts, _NUMBER), absent), trimmed, None)
    values = numbers.cast(pa.float64()).fill_null(ABSENT).to_numpy()
    is_number = numbers.is_valid().to_numpy(zero_copy_only=False)
    is_absent = absent.to_numpy(zero_copy_only=False)
    not_finite = pc.match_substring_regex(texts, _NOT_FINITE).to_numpy(zero_copy_only=False) & ~is_absent
    not_finite |= is_number & ~np.isfinite(values)
    good = is_number & ~not_finite & (values >= 0)
    kinds = [
        (Rule.NOT_NUMERIC, "not a number", ~is_number & ~is_absent & ~not_finite),
        (Rule.IMPOSSIBLE_VALUE, "not finite", not_finite),
        (Rule.IMPOSSIBLE_VALUE, "negative", is_number & ~not_finite & (values < 0)),
    ]
    if rules.is_count:
        values, is_fraction, is_large = _counts(pc.if_else(pa.array(good), numbers, None))
        kinds.append((Rule.IMPOSSIBLE_VALUE, "a fraction, where counts are whole", is_fraction))
        kinds.append((Rule.IMPOSSIBLE_VALUE, "too large for a count", is_large))
    bad = [_bad_cells(code, reason, np.flatnonzero(at), texts) for code, reason, at in kinds if at.any()]
    return Parsed(values, bool(is_absent.any()), bad)


def _bad_cells(code: Rule, reason: str, places: np.ndarray, texts: pa.StringArray) -> BadCells:
    return BadCells(code, reason, places, texts.take(pa.array(places[:EXAMPLES_PER_RULE])).to_pylist())


def _counts(numbers: pa.StringArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts as exact integers, `ABSENT` where there is none; then which are fractions, and which are too large."""
    digits = pc.struct_field(pc.extract_regex(numbers, _WHOLE), "digits")
    is_fraction = pc.match_substring_regex(numbers, _FRACTION)
    rare = np.flatnonzero(pc.fill_null(pc.and_not(digits.is_null(), is_fraction), False))  # 1e3, .0, 1.5e1, -0
    is_large = pc.or_(
        pc.greater(pc.utf8_length(digits), len(_LARGEST)),
        pc.and_(pc.equal(pc.utf8_length(digits), len(_LARGEST)), pc.greater(digits, _LARGEST)),
    )
    values = pc.if_else(is_large, None, digits).cast(pa.int64()).fill_null(ABSENT).to_numpy().copy()
    fraction, large = (
        pc.fill_null(each, False).to_numpy(zero_copy_only=False).copy() for each in (is_fraction, is_large)
    )
    texts = numbers.take(pa.array(rare)).dictionary_encode()
    exact = [_whole_number(text) for text in texts.dictionary.to_pylist()]
    codes = texts.indices.to_numpy()
    values[rare] = np.array([ABSENT if each is None or each >= 2**63 else each for each in exact], dtype=np.int64)[
        codes
    ]
    fraction[rare] = np.array([each is None for each in exact], dtype=bool)[codes]
    large[rare] = np.array([each is not None and each >= 2**63 for each in exact], dtype=bool)[codes]
    return values, fraction, large


def _whole_number(text: str) -> int | None:
    """What a number in any form is, exactly, if it is whole: `1.5e1` is 15. Of one too large for a count any such number."""
    mantissa, _, exponent = text.lower().lstrip("+-").partition("e")
    whole, _, part = mantissa.partition(".")
    digits = (whole + part).lstrip("0")
    if not digits:
        return 0
    if len(exponent) > 9 or float(text) >= 2.0**64:
        return None if exponent.startswith("-") else 2**63
    significant = digits.rstrip("0")
    power = int(exponent or 0) - len(part) + len(digits) - len(significant)
    return int(significant) * 10**power if power >= 0 else None
