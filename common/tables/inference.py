"""The narrowest type that takes every text of a column, found while the column is cast.

Kinds of text form two chains, from narrow to wide: `empty < year < integer < float < string` and
`empty < year < date < datetime < string`. A year such as 2024 is a whole number, and a date where its column has dates. The
kind of a column is the join of the kinds of its pieces, so pieces are looked at independently and in any order.

A number with a leading zero is text: 007 and 7 are different identifiers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.dataset.layout import ARROW_TYPES
from common.tables.cells import INTEGER_TEXT, cast_cells, text_layout

EMPTY, YEAR, STRING = "empty", "year", "string"
_CHAINS = ((EMPTY, YEAR, "integer", "float", STRING), (EMPTY, YEAR, "date", "datetime", STRING))
_WIDER = {
    EMPTY: ("integer", "float", "date", "datetime"), YEAR: ("integer", "float", "date", "datetime"),
    "integer": ("integer", "float"), "float": ("float",), "date": ("date", "datetime"), "datetime": ("datetime",), STRING: (),
}  # fmt: skip
"""The types to try for a column that is known to be of a kind, narrowest first."""

_NARROWER = {"float": ("integer",), "datetime": ("date",), STRING: ("float", "datetime")}
"""The types that a field of this type might have had; the first value that is not of them is the reason why not."""

_NAMES = {"integer": "whole number", "float": "number", "date": "date", "datetime": "date or time"}
_LEADING_ZERO = r"^[+-]?0[0-9]"
_ZERO_YEAR = r"^0[0-9]{3}$"
_VALUE_SHOWN = 40
_ZERO, _NINE, _PLUS, _MINUS = b"09+-"


@dataclass
class Misfit:
    """Values that are not of a type: how many, and the first of them. For a field that became a float or a datetime only
    the first is looked for, and `count` is 0."""

    count: int
    line: int
    value: str

    def merge(self, other: Misfit) -> None:
        """Takes in what another piece of the column has."""
        if other.line < self.line:
            self.line, self.value = other.line, other.value
        self.count += other.count


@dataclass
class Evidence:
    """What was seen of a column: why it has no narrower type, and its distinct texts while they are at most `limit`."""

    limit: int
    kind: str = EMPTY
    rows: int = 0
    values: int = 0
    misfits: dict[str, Misfit] = field(default_factory=dict)
    categories: set[str] | None = field(default_factory=set)

    def add(self, texts: pa.Array, first_lines: np.ndarray) -> pa.Array:
        """Takes in cells with their lines; the values, of the kind that the column has from here on."""
        self.kind, values = cast_narrowest(texts, self.kind)
        self.rows += len(texts)
        self.values += len(texts) - texts.null_count
        self._add_misfits(texts, first_lines)
        return self._add_categories(values) if self.kind == STRING else values

    def merge(self, other: Evidence) -> None:
        """Takes in another piece of the column."""
        self.kind = join_kinds((self.kind, other.kind))
        self.rows += other.rows
        self.values += other.values
        for name, misfit in other.misfits.items():
            if name in self.misfits:
                self.misfits[name].merge(misfit)
            else:
                self.misfits[name] = misfit
        if self.categories is not None:
            self._keep_categories(other.categories)

    @property
    def type(self) -> str:
        """The field type; a column without values is a string."""
        return {EMPTY: STRING, YEAR: "integer"}.get(self.kind, self.kind)

    @property
    def is_categorical(self) -> bool:
        """Whether the texts are few enough to be the codes of a coding."""
        return self.kind == STRING and self.categories is not None and 2 * len(self.categories) < self.rows

    def reason(self) -> str:
        """Why the column has its type, for people."""
        if self.kind == EMPTY:
            return "no value"
        misfits = [(name, self.misfits[name]) for name in _NARROWER.get(self.kind, ()) if name in self.misfits]
        if not misfits:
            return f"every value is a {_NAMES[self.type]}"
        name, misfit = min(misfits, key=lambda each: each[1].count)
        place = f"first at line {misfit.line:,} ({_shown(misfit.value)!r})"
        if self.kind == STRING:
            is_zero = name == "float" and re.match(_LEADING_ZERO, misfit.value)
            has, is_ = ("has", "is") if misfit.count == 1 else ("have", "are")
            what = f"{has} a leading zero or {is_} no number" if is_zero else f"{is_} no {_NAMES[name]}"
            return f"{misfit.count:,} of {self.values:,} values {what}, {place}; {self._describe_categories()}"
        is_long = name == "integer" and re.match(INTEGER_TEXT, misfit.value)
        return f"not every value is a {_NAMES[name]}{' within 64 bits' if is_long else ''}, {place}"

    def _describe_categories(self) -> str:
        if self.categories is None:
            return f"more than {self.limit:,} different texts"
        count = len(self.categories)
        text = f"{count:,} different {'text' if count == 1 else 'texts'}"
        return text if self.is_categorical else f"{text} in {self.rows:,} rows, too many to be categories"

    def _add_misfits(self, texts: pa.Array, lines: np.ndarray) -> None:
        for name in _NARROWER.get(self.kind, ()):
            if self.kind != STRING and name in self.misfits:
                continue
            found = np.flatnonzero(_misfit_mask(texts, name) if self.kind == STRING else _first_misfits(texts, name))
            if len(found):
                first = int(found[0])
                count = len(found) if self.kind == STRING else 0
                misfit = Misfit(count, int(lines[first]), texts[first].as_py())
                if name in self.misfits:
                    self.misfits[name].merge(misfit)
                else:
                    self.misfits[name] = misfit

    def _add_categories(self, texts: pa.Array) -> pa.Array:
        """Counts different texts while they are few; gives few ones dictionary-encoded, as they will be written."""
        if self.categories is None:
            return texts
        encoded = texts.dictionary_encode()
        self._keep_categories(set(encoded.dictionary.to_pylist()) if len(encoded.dictionary) <= self.limit else None)
        return encoded if self.categories is not None else texts

    def _keep_categories(self, more: set[str] | None) -> None:
        both = None if self.categories is None or more is None else self.categories | more
        self.categories = both if both is not None and len(both) <= self.limit else None


def _shown(value: str) -> str:
    return value if len(value) <= _VALUE_SHOWN else value[: _VALUE_SHOWN - 1] + "…"


def join_kinds(kinds: Iterable[str]) -> str:
    """The narrowest kind that takes what any of these takes.

    >>> join_kinds(["year", "date"]), join_kinds(["integer", "date"])
    ('date', 'string')
    """
    return reduce(_join, kinds, EMPTY)


def _join(left: str, right: str) -> str:
    for chain in _CHAINS:
        if left in chain and right in chain:
            return chain[max(chain.index(left), chain.index(right))]
    return STRING


def cast_narrowest(texts: pa.Array, floor: str) -> tuple[str, pa.Array]:
    """The narrowest kind that is not narrower than `floor` and takes all `texts` (string), and their values."""
    if texts.null_count == len(texts):
        return floor, pa.nulls(len(texts), ARROW_TYPES[Evidence(0, floor).type])
    for name in _WIDER[floor]:
        values, bad = cast_cells(texts, name)
        if bad is not None:
            continue
        if _has_leading_zero(texts, whole_only=name in ("date", "datetime")):
            break
        if name == "integer" and floor in (EMPTY, YEAR) and _are_years(texts, values):
            return YEAR, values
        return name, values
    return STRING, texts


def _are_years(texts: pa.Array, values: pa.Array) -> bool:
    sizes = np.diff(text_layout(texts)[0])
    lowest = pc.min(values).as_py()
    return bool(lowest >= 1000) and int((sizes == 4).sum()) == len(texts) - texts.null_count


def _has_leading_zero(texts: pa.Array, whole_only: bool) -> bool:
    """Whether any text is a number with a leading zero; with `whole_only`, a bare year with one, amid dates."""
    offsets, data = text_layout(texts)
    sizes = np.diff(offsets)
    if whole_only:
        return bool((data[offsets[:-1][sizes == 4]] == _ZERO).any())
    starts = offsets[:-1][sizes > 1]
    first = data[starts]
    is_signed = (first == _PLUS) | (first == _MINUS)
    if is_signed.any():
        starts = (starts + is_signed)[sizes[sizes > 1] > 1 + is_signed]
        first = data[starts]
    second = data[starts[first == _ZERO] + 1]
    return bool(((second >= _ZERO) & (second <= _NINE)).any())


def _first_misfits(texts: pa.Array, name: str) -> np.ndarray:
    """The mask of texts that are not of the type, over the first rows only if these have one."""
    for part in (texts.slice(0, 1000), texts):
        _, bad = cast_cells(part, name)
        if bad is not None:
            return bad
    return np.zeros(0, dtype=bool)


def _misfit_mask(texts: pa.Array, name: str) -> np.ndarray:
    """Which texts are no number (`float`) or no moment (`datetime`); only those that look like one are matched."""
    offsets, data = text_layout(texts)
    sizes, starts = np.diff(offsets), offsets[:-1]
    padded = np.append(data, np.zeros(5, dtype=np.uint8))
    first, last = padded[starts], padded[np.maximum(offsets[1:] - 1, 0)]
    is_digit = (first >= _ZERO) & (first <= _NINE)
    if name == "float":
        is_likely = (is_digit | np.isin(first, list(b"+-."))) & (
            ((last >= _ZERO) & (last <= _NINE)) | (last == ord("."))
        )
    else:
        is_likely = is_digit & ((sizes == 4) | (padded[np.minimum(starts + 4, len(padded) - 1)] == _MINUS))
    is_likely &= sizes > 0
    misfits: np.ndarray = np.asarray(texts.is_valid()) & ~is_likely
    likely = np.flatnonzero(is_likely)
    if len(likely):
        some = texts.take(pa.array(likely))
        _, bad = cast_cells(some, name)
        is_zero = np.asarray(pc.match_substring_regex(some, _LEADING_ZERO if name == "float" else _ZERO_YEAR))
        misfits[likely[is_zero if bad is None else bad | is_zero]] = True
    return misfits
