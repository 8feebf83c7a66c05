"""Cells of one field to its column: typed, single or multi-select, checked against the field's coding.

Coded and multi-select cells arrive dictionary-encoded, so that each different text is split, cast and looked up once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.dictionary import PART_MARK, PRECISION_CODING
from common.dictionary.model import Coding, Field
from common.errors import Rule
from common.faults import EXAMPLES_PER_RULE, VALUES_KEPT, Fault, Faults
from common.scan.records import Records
from common.values.casts import EXPECTED_TEXT, cast_cells
from common.values.column_stats import ColumnStats, add_columns, count_values
from common.values.plain import moment_forms

_CELLS_AT_ONCE = 1 << 15
"""Cells of plain columns that are built as one: enough that a call is worth it, few enough to stay in the cache."""


@dataclass
class BuiltColumn:
    """A built column. `bad` maps a rule to the mask of rows that break it; `hierarchy` is the companion of a tree field,
    `precision` that of a date."""

    values: pa.Array
    hierarchy: pa.Array | None = None
    precision: pa.Array | None = None
    bad: dict[Rule, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class ColumnPlan:
    """How the cells of a field become a column."""

    field: Field
    coding: Coding | None
    is_hierarchical: bool
    has_precision: bool = False

    @property
    def is_checked_against_coding(self) -> bool:
        """Whether a value outside the coding is a fault; a sparse coding only names some of the values."""
        return self.coding is not None and not self.field.is_sparse_coding

    @property
    def is_encoded(self) -> bool:
        """Whether cells are read dictionary-encoded, because each different text costs work of its own."""
        return self.is_checked_against_coding or self.field.is_multi_select

    @cached_property
    def near_codes(self) -> dict[str, str]:
        """Codes by their text without surrounding blanks and in one case."""
        return {_bare(code): code for code in (self.coding.by_code if self.coding else ())}

    @cached_property
    def typed_codes(self) -> pa.Array:
        """The codes as values of the field's type."""
        codes = list(self.coding.by_code) if self.coding else []
        return cast_cells(pa.array(codes, pa.string()), self.field.type)[0]

    @property
    def read_type(self) -> pa.DataType:
        """The Arrow type in which cells are read from text."""
        return pa.dictionary(pa.int32(), pa.string()) if self.is_encoded else pa.string()


def build_columns(
    cells: Mapping[str, pa.Array], plans: Sequence[ColumnPlan], stats: Mapping[str, ColumnStats]
) -> dict[str, BuiltColumn]:
    """Cells (string, or dictionary of string where `plan.is_encoded`) to columns, by field name; adds what it sees to `stats`."""
    built: dict[str, BuiltColumn] = {}
    plain: dict[str, list[str]] = {}
    for plan in plans:
        name = plan.field.name
        stats[name].rows += len(cells[name])
        stats[name].nulls += cells[name].null_count
        if plan.is_encoded:
            built[name] = _build_encoded(cells[name], plan, stats[name])
        else:
            plain.setdefault(plan.field.type, []).append(name)
    for field_type, names in plain.items():
        at_once = max(1, _CELLS_AT_ONCE // max(1, len(cells[names[0]])))
        for first in range(0, len(names), at_once):
            some = names[first : first + at_once]
            columns = _build_plain([cells[name] for name in some], field_type, [stats[name] for name in some])
            built.update(zip(some, columns, strict=True))
    for plan in plans:
        if plan.field.type in ("date", "datetime"):
            column = built[plan.field.name]
            column.precision = _build_precision(cells[plan.field.name], column.values, plan, stats[plan.field.name])
        if plan.coding is not None and not plan.is_encoded:
            _count_sparse_codes(built[plan.field.name].values, plan, stats[plan.field.name])
    return built


def _build_plain(cells: Sequence[pa.Array], field_type: str, stats: Sequence[ColumnStats]) -> list[BuiltColumn]:
    """Columns of one type, built as one: of a wide table a buffer has few rows, and each call costs as much as hundreds of
    values."""
    rows = len(cells[0])
    values, bad = cast_cells(cells[0] if len(cells) == 1 else pa.concat_arrays(cells), field_type)
    add_columns(stats, values)
    columns = []
    for start in range(0, rows * len(cells), rows) if rows else [0] * len(cells):
        column = BuiltColumn(values.slice(start, rows))
        if bad is not None and (mask := bad[start : start + rows]).any():
            column.bad[Rule.VALUE_TYPE] = mask
        columns.append(column)
    return columns


def _build_precision(texts: pa.Array, values: pa.Array, plan: ColumnPlan, stats: ColumnStats) -> pa.Array | None:
    """How much is known of each date, if this is stored; counts partial dates."""
    forms = moment_forms(texts)
    is_partial = forms.years | forms.months | (forms.days if plan.field.type == "datetime" else False)
    if not plan.has_precision and not is_partial.any():
        return None
    is_date = np.asarray(values.is_valid())
    if plan.coding is not None:  # a sparse code is not a date
        is_date &= ~np.asarray(pc.is_in(texts, value_set=pa.array(list(plan.coding.by_code), pa.string())))
    places = np.select([forms.years, forms.months, forms.days], [0, 1, 2], 3).astype(np.int32)
    names = list(PRECISION_CODING.by_code)
    counts = np.bincount(places[is_partial & is_date])
    stats.partial.update({name: n for name, n in zip(names, counts.tolist(), strict=False) if n})
    if not plan.has_precision:
        return None
    return pa.DictionaryArray.from_arrays(pa.array(places, mask=~is_date), pa.array(names))


def _count_sparse_codes(values: pa.Array, plan: ColumnPlan, stats: ColumnStats) -> None:
    found = pc.value_counts(values.filter(pc.is_in(values, value_set=plan.typed_codes)))
    for item in found.to_pylist():
        stats.counts[str(item["values"])] += item["counts"]


def _build_encoded(cells: pa.Array, plan: ColumnPlan, stats: ColumnStats) -> BuiltColumn:
    """Works on the distinct texts, then spreads the outcome over the rows."""
    texts, indices = cells.dictionary, cells.indices
    lists = pc.split_pattern(texts, PART_MARK) if plan.field.is_multi_select else None
    parts = lists.values if lists is not None else texts
    owner = np.asarray(pc.list_parent_indices(lists)) if lists is not None else np.arange(len(texts))
    values, places, bad_parts = _check_parts(parts, plan)
    valid = indices.drop_null() if indices.null_count else indices
    counts = np.bincount(valid.to_numpy(), minlength=len(texts))
    if places is None:
        _add_counted(values, counts[owner], stats)
    else:
        stats.tally(places, counts[owner], len(plan.typed_codes))
    column = BuiltColumn(_spread(values, lists, indices))
    for code, mask in bad_parts.items():
        entry_is_bad = np.zeros(len(texts) + 1, dtype=bool)
        entry_is_bad[owner[mask]] = True
        rows = entry_is_bad[np.asarray(pc.fill_null(indices, len(texts)))]
        if rows.any():
            column.bad[code] = rows
    if plan.is_hierarchical:
        column.hierarchy = _build_hierarchy(values, owner, len(texts), plan).take(indices)
    return column


def _check_parts(parts: pa.Array, plan: ColumnPlan) -> tuple[pa.Array, np.ndarray | None, dict[Rule, np.ndarray]]:
    """Single texts to typed values, null where faulty; the place of each in the coding, -1 where it has none, or None if they
    need not be in one; and per rule the mask of faulty ones."""
    bad: dict[Rule, np.ndarray] = {}
    places = None
    values, unfit = cast_cells(parts, plan.field.type)
    is_empty = np.zeros(len(parts), dtype=bool)
    if plan.field.is_multi_select:
        is_empty = np.asarray(pc.equal(parts, ""))
        if is_empty.any():
            bad[Rule.EMPTY_PART] = is_empty
    if unfit is not None and (unfit := unfit & ~is_empty).any():
        bad[Rule.VALUE_TYPE] = unfit
    if plan.is_checked_against_coding:
        places = np.asarray(pc.fill_null(pc.index_in(values, value_set=plan.typed_codes, skip_nulls=True), -1))
        outside = (places < 0) & ~is_empty & np.asarray(values.is_valid())
        if outside.any():
            bad[Rule.NOT_IN_CODING] = outside
    faulty = np.logical_or.reduce([np.zeros(len(parts), dtype=bool), *bad.values()])
    if faulty.any():
        values = pc.if_else(pa.array(~faulty), values, pa.scalar(None, values.type))
    return values, places, bad


def _add_counted(values: pa.Array, counts: np.ndarray, stats: ColumnStats) -> None:
    """Statistics of the parts, equal parts of different cells added up first."""
    encoded = values.dictionary_encode()
    is_valid = np.asarray(encoded.indices.is_valid())
    codes = encoded.indices.drop_null().to_numpy()
    summed = np.bincount(codes, weights=counts[is_valid], minlength=len(encoded.dictionary)).astype(np.int64)
    stats.add_counted(encoded.dictionary, summed, are_codes=False)


def _spread(values: pa.Array, lists: pa.Array | None, indices: pa.Array) -> pa.Array:
    if lists is not None:
        entries = pa.ListArray.from_arrays(lists.offsets, values)
        return entries.take(indices)
    if pa.types.is_string(values.type):
        whole = not values.null_count
        return pa.DictionaryArray.from_arrays(indices, values) if whole else values.take(indices).dictionary_encode()
    return values.take(indices)


def _build_hierarchy(values: pa.Array, owner: np.ndarray, entries: int, plan: ColumnPlan) -> pa.Array:
    """For each entry its codes and all their ancestors, codes first, none twice (the form of real exports)."""
    found: list[dict[str, None]] = [{} for _ in range(entries)]
    codes = values.to_pylist()
    for entry, code in zip(owner.tolist(), codes, strict=True):
        if code is not None:
            found[entry][code] = None
    for each in found:
        for code in list(each):
            each.update(dict.fromkeys(plan.coding.lineage(code) if plan.coding else ()))
    return pa.array([list(each) for each in found], pa.list_(pa.string()))


def add_column_faults(
    column: ColumnPlan,
    records: Records,
    cells: pa.Array,
    built: BuiltColumn,
    faults: Faults,
    faulty: dict[int, list[Fault]] | None = None,
) -> None:
    """Counts the faults of a column; examples are the first few, or every faulty row where rows are quarantined."""
    for code, mask in built.bad.items():
        rows = np.flatnonzero(mask)
        kept = rows if faulty is not None else rows[:EXAMPLES_PER_RULE]
        values = cells.take(pa.array(kept)).to_pylist()
        for row, value in zip(kept.tolist(), values, strict=True):
            text, remedy = _describe_fault(code, value or "", column)
            place = (records.file.name, int(records.lines[row]), column.field.entity, column.field.name)
            fault = Fault(code, text, *place, value, remedy)
            faults.add_fault(fault)
            if faulty is not None:
                faulty.setdefault(row, []).append(fault)
        faults.add_count(
            code, len(rows) - len(kept), count_values(cells.take(pa.array(rows[len(kept) :])), VALUES_KEPT)
        )


def _describe_fault(code: Rule, cell: str, plan: ColumnPlan) -> tuple[str, str]:
    """What is wrong with a cell, and a remedy where a better one than the rule's is known."""
    if code == Rule.VALUE_TYPE:
        text = f"not of type {plan.field.type}; expected {EXPECTED_TEXT[plan.field.type]}"
        bare = cell.strip()
        if bare != cell and cast_cells(pa.array([bare]), plan.field.type)[1] is None:
            return f"{text}, without blanks around it", "Remove the blanks before and after the value."
        return text, ""
    if code == Rule.NOT_IN_CODING:
        return _describe_strange(cell, plan)
    return ("a multi-select cell has an empty part" if code == Rule.EMPTY_PART else "the key is empty"), ""


def _describe_strange(cell: str, plan: ColumnPlan) -> tuple[str, str]:
    codes = plan.coding.by_code if plan.coding else {}
    strange = [part for part in cell.split(PART_MARK) if part not in codes] if plan.field.is_multi_select else [cell]
    near = [f"{plan.near_codes[_bare(part)]!r}" for part in strange[:3] if _bare(part) in plan.near_codes]
    text = (
        f"{', '.join(map(repr, strange[:3]))} is not among the {len(codes):,} codes of coding {plan.field.coding_name}"
    )
    if not near:
        return text, ""
    text = f"{text}, which has {', '.join(near)}"
    return text, "Write the code alike in the codings file and in the data: case and blanks count."


def _bare(code: str) -> str:
    return code.strip().casefold()
