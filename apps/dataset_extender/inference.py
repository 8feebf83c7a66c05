"""The narrowest type that takes every text of a column, found while the column is cast.

A text that cannot be given back from what would be stored is not taken: 007 and 7 are different identifiers, and so are
+447911123456, 1E5 and numbers of more digits than a double keeps. Nor are LOINC's 8302-2 and other codes that look like months.

The kinds of text form chains, from narrow to wide (`_CHAINS`). The kind of a column is the join of the kinds of its pieces, so
pieces are looked at independently and in any order. A year such as 2024 is a whole number, and a date where its column has
dates; `long` are whole numbers that no double holds, and so not to be joined with floats; a `loose month` such as 2024-5 is a
date beside whole dates only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.faults import counted
from common.values.casts import FLOAT_TEXT, cast_cells, text_layout
from common.values.plain import FIRST_YEAR, LAST_YEAR, NOTES, moment_forms, note_masks, unkept
from common.values.types import ARROW_TYPES

EMPTY, YEAR, LONG, MONTH, LOOSE, STRING = "empty", "year", "long", "month", "loose month", "string"
_CHAINS = (
    (EMPTY, YEAR, "integer", "float", STRING),
    (EMPTY, YEAR, "integer", LONG, STRING),
    (EMPTY, YEAR, MONTH, LOOSE, "date", "datetime", STRING),
)
_TYPES = {EMPTY: STRING, YEAR: "integer", LONG: "integer", MONTH: "date", LOOSE: STRING}
"""The types of kinds that are not types themselves."""

_DATES = ("date", "datetime")
_WIDER = {
    EMPTY: ("integer", "float", *_DATES), YEAR: ("integer", "float", *_DATES), "integer": ("integer", "float"),
    LONG: ("integer",), "float": ("float",), MONTH: _DATES, LOOSE: _DATES, "date": _DATES, "datetime": ("datetime",), STRING: (),
}  # fmt: skip
"""The types to try for a column that is known to be of a kind, narrowest first."""

_NARROWER = {"float": ("integer",), "datetime": ("date",), STRING: ("float", "datetime")}
"""The types that a field of this type might have had; the first value that is not of them is the reason why not."""

_NAMES = {"integer": "whole number", "float": "number", "date": "date", "datetime": "date or time"}
_PLURALS = {"float": "numbers", "datetime": "dates or times"}
_VALUE_SHOWN = 40
_TEXTS_KEPT = 3
_EXACT = 2**53
"""Whole numbers up to this are doubles."""

_ZERO, _NINE, _MINUS = b"09-"


@dataclass
class Misfit:
    """Values that are not of a type, or not plainly: how many, the first of them, and their different texts while these are
    few. For a field that became a float or a datetime only the first is looked for, and `count` is 0."""

    count: int
    line: int
    value: str
    texts: set[str] = field(default_factory=set)

    def merge(self, other: Misfit) -> None:
        """Takes in what another piece of the column has."""
        if other.line < self.line:
            self.line, self.value = other.line, other.value
        self.count += other.count
        self.texts = set(sorted(self.texts | other.texts)[: _TEXTS_KEPT + 1])

    @property
    def place(self) -> str:
        """Where the first one is."""
        return f"first at line {self.line:,} ({_shown(self.value)!r})"


def _merge(mine: dict[str, Misfit], others: Mapping[str, Misfit]) -> None:
    for name, other in others.items():
        if name in mine:
            mine[name].merge(other)
        else:
            mine[name] = other


@dataclass
class Evidence:
    """What was seen of a column: why it has no narrower type, what in it is not plain, and its distinct texts while they are
    at most `limit`. `decimals` are the numbers of digits that its numbers have behind the point."""

    limit: int
    kind: str = EMPTY
    rows: int = 0
    values: int = 0
    misfits: dict[str, Misfit] = field(default_factory=dict)
    notes: dict[str, Misfit] = field(default_factory=dict)
    decimals: set[int] = field(default_factory=set)
    categories: set[str] | None = field(default_factory=set)

    def add(self, texts: pa.Array, first_lines: np.ndarray) -> pa.Array:
        """Takes in cells with their lines; the values, of the kind that the column has from here on."""
        self.kind, values = cast_narrowest(texts, self.kind)
        self.rows += len(texts)
        self.values += len(texts) - texts.null_count
        self._add_misfits(texts, first_lines)
        masks, decimals = note_masks(texts, self.kind)
        self.decimals |= decimals
        for name, mask in masks.items():
            self._add(self.notes, name, texts, first_lines, np.flatnonzero(mask))
        return self._add_categories(values) if self.type == STRING else values

    def merge(self, other: Evidence) -> None:
        """Takes in another piece of the column."""
        self.kind = join_kinds((self.kind, other.kind))
        self.rows += other.rows
        self.values += other.values
        _merge(self.misfits, other.misfits)
        _merge(self.notes, other.notes)
        self.decimals |= other.decimals
        if self.categories is not None:
            self._keep_categories(other.categories)

    @property
    def type(self) -> str:
        """The field type; a column without values is a string."""
        return _TYPES.get(self.kind, self.kind)

    @property
    def is_categorical(self) -> bool:
        """Whether the texts are few enough to be the codes of a coding."""
        return self.type == STRING and bool(self.categories) and 2 * len(self.categories or ()) < self.rows

    def reason(self) -> str:
        """Why the column has its type, for people."""
        if self.kind == EMPTY:
            return "no value"
        if self.kind == LOOSE:
            return f"no whole date stands beside values that may be months; {self._describe_categories()}"
        misfits = [(name, self.misfits[name]) for name in _NARROWER.get(self.kind, ()) if name in self.misfits]
        if not misfits:
            return f"every value is a {_NAMES[self.type]}"
        name, misfit = min(misfits, key=lambda each: each[1].count)
        if self.kind == STRING:
            what = f"is not a {_NAMES[name]}" if misfit.count == 1 else f"are not {_PLURALS[name]}"
            if name == "float" and re.match(FLOAT_TEXT, misfit.value):
                what += ", or one that would not be given back as it stands"
            return f"{misfit.count:,} of {self.values:,} values {what}, {misfit.place}; {self._describe_categories()}"
        return f"not every value is a {_NAMES[name]}, {misfit.place}"

    def remarks(self) -> list[str]:
        """What the user should know of a column whose type is not plain, each with an example."""
        notes = [(text, self.notes[name]) for name, text in NOTES.items() if name in self.notes]
        if len(self.decimals) <= 1:
            notes = [each for each in notes if each[0] != NOTES["zeros"]]
        found = [f"{each.count:,} of {self.values:,} values: {text}, {each.place}" for text, each in notes]
        misfits = (
            [self.misfits[name] for name in _NARROWER[STRING] if name in self.misfits] if self.kind == STRING else []
        )
        if misfits:
            misfit = min(misfits, key=lambda each: each.count)
            is_rare = len(misfit.texts) == 1 or 2 * misfit.count <= self.values
            if (
                misfit.count < self.values
                and len(misfit.texts) <= _TEXTS_KEPT
                and is_rare
                and not _are_numbers(misfit.texts)
            ):
                texts = ", ".join(repr(_shown(each)) for each in sorted(misfit.texts))
                found.append(
                    f"it is text because of {texts} alone ({misfit.count:,} of {self.values:,} values, first at line "
                    f"{misfit.line:,}); give in null_values the texts that mean a missing value"
                )
        return found

    def _describe_categories(self) -> str:
        if self.categories is None:
            return f"more than {self.limit:,} different texts"
        count = len(self.categories)
        text = f"{counted(count, 'different text')}"
        return text if self.is_categorical else f"{text} in {counted(self.rows, 'row')}, too many to be categories"

    def _add_misfits(self, texts: pa.Array, lines: np.ndarray) -> None:
        for name in _NARROWER.get(self.kind, ()):
            if self.kind == STRING:
                self._add(self.misfits, name, texts, lines, np.flatnonzero(_misfit_mask(texts, name)))
            elif name not in self.misfits:
                self._add(self.misfits, name, texts, lines, np.flatnonzero(_first_misfits(texts, name))[:1], count=0)

    def _add(
        self,
        to: dict[str, Misfit],
        name: str,
        texts: pa.Array,
        lines: np.ndarray,
        at: np.ndarray,
        count: int | None = None,
    ) -> None:
        if len(at):
            found = pc.unique(texts.take(pa.array(at)))[: _TEXTS_KEPT + 1].to_pylist()
            first = int(at[0])
            misfit = Misfit(len(at) if count is None else count, int(lines[first]), texts[first].as_py(), set(found))
            _merge(to, {name: misfit})

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


def _are_numbers(texts: Iterable[str]) -> bool:
    return any(re.match(FLOAT_TEXT, each) for each in texts)


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
        return floor, pa.nulls(len(texts), ARROW_TYPES[_TYPES.get(floor, floor)])
    for name in _WIDER[floor]:
        values, bad = cast_cells(texts, name)
        if bad is None:
            kind = _join(floor, _kind_of(texts, values, name))
            return kind, texts if _TYPES.get(kind, kind) == STRING else values
    return STRING, texts


def _kind_of(texts: pa.Array, values: pa.Array, name: str) -> str:
    """The kind of texts that are all of a type."""
    if unkept(texts, values, name).any():
        return STRING
    if name in _DATES:
        forms = moment_forms(texts)
        wide = ((forms.moments, "datetime"), (forms.days, "date"), (forms.loose_months, LOOSE), (forms.months, MONTH))
        return next((kind for mask, kind in wide if mask.any()), YEAR)
    if name == "float":
        return name
    numbers = pc.fill_null(values, pc.min(values)).to_numpy()
    low, high = int(numbers.min()), int(numbers.max())
    if low >= FIRST_YEAR and high <= LAST_YEAR:
        return YEAR
    if max(-low, high) > _EXACT:
        with np.errstate(invalid="ignore"):  # what is rounded up to 2**63 is not exact either
            return LONG if (numbers.astype(np.float64).astype(np.int64) != numbers).any() else name
    return name


def _first_misfits(texts: pa.Array, name: str) -> np.ndarray:
    """The mask of texts that are not of the type, over the first rows only if these have one."""
    for part in (texts.slice(0, 1000), texts):
        _, bad = cast_cells(part, name)
        if bad is not None:
            return bad
    return np.zeros(0, dtype=bool)


def _misfit_mask(texts: pa.Array, name: str) -> np.ndarray:
    """Which texts are not numbers (`float`) or not moments (`datetime`). Only texts that look like one are matched."""
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
        values, bad = cast_cells(some, name)
        is_unkept = unkept(some, values, name)
        misfits[likely[is_unkept if bad is None else bad | is_unkept]] = True
    return misfits
