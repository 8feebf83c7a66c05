"""A task of the load: pieces of the source file to staged Parquet, each column in the narrowest type that its cells allow.

A task starts from the types that samples of the whole file show, and casts what it parses at once. If another piece needs a wider
type for a column, the task runs again with that type.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from apps.dataset_extender.inference import EMPTY, Evidence, cast_narrowest
from common.errors import Rule
from common.faults import Faults
from common.scan.delimited import Piece, TextFile, buffer_bytes, first_records
from common.scan.files import locate
from common.scan.parquet import ROW_GROUP_BYTES, PartWriter, part_name
from common.scan.records import BlankRows, Records, TextFormat, parse_records, read_records
from common.tables.columns import ColumnPlan, add_column_faults, build_columns
from common.tables.key_checks import KeyWriter
from common.values.column_stats import ColumnStats
from common.values.types import ARROW_TYPES

SAMPLE_BYTES = 256 << 10
"""Text looked at from the start of each piece before the load."""


@dataclass(frozen=True)
class InferPlan:
    """What all tasks share. `key` is the column that links, whose type is that of the target's key."""

    file: TextFile
    header: tuple[str, ...]
    form: TextFormat
    key: ColumnPlan
    max_categories: int
    table_folder: str
    key_folder: str
    buckets: int

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns whose types are inferred."""
        return tuple(name for name in self.header if name != self.key.field.name)


@dataclass(frozen=True)
class InferTask:
    """Pieces that make one Parquet file. `kinds` is what each field is known to be at the least."""

    number: int
    plan: InferPlan
    pieces: tuple[Piece, ...]
    kinds: dict[str, str]


@dataclass
class InferResult:
    """What a task says of its work. `kinds` are those that it wrote, None if they changed while it wrote."""

    number: int
    kinds: dict[str, str] | None = None
    evidence: dict[str, Evidence] = field(default_factory=dict)
    stats: dict[str, ColumnStats] = field(default_factory=dict)
    rows: int = 0
    bytes: int = 0
    file: str = ""
    keys: str = ""
    faults: Faults = field(default_factory=Faults)
    blank: BlankRows = field(default_factory=BlankRows)


def sample_kinds(plan: InferPlan, pieces: Iterable[Piece], sample_bytes: int) -> dict[str, str]:
    """The kinds of the fields as the first records of each piece show them: never wider than those of the whole file."""
    kinds = dict.fromkeys(plan.fields, EMPTY)
    types = dict.fromkeys(plan.header, pa.string())
    for piece in pieces:
        text = first_records(piece, sample_bytes)
        records = parse_records(piece.file, text, piece.first_line, types, plan.form, Faults()) if text else None
        if records is not None:
            kinds = {name: cast_narrowest(records.column(name), kind)[0] for name, kind in kinds.items()}
    return kinds


def infer_pieces(task: InferTask) -> InferResult:
    """Loads the pieces of a task: parse, infer, cast, write. Faults are returned, not raised."""
    plan = task.plan
    result = InferResult(task.number, file=part_name(task.number))
    result.evidence = {name: Evidence(plan.max_categories, kind) for name, kind in task.kinds.items()}
    result.stats = {name: ColumnStats(0) for name in plan.header}
    types = dict.fromkeys(plan.header, pa.string())
    with ExitStack() as stack:
        output = _Output(plan, result, stack)
        for piece in task.pieces:
            for records in read_records(piece, types, plan.form, result.faults, result.blank, buffer_bytes(len(types))):
                output.add(records)
    output.finish()
    return result


class _Output:
    """The files of a task. Once a column needs a wider type than its earlier rows, rows are inspected but not written."""

    def __init__(self, plan: InferPlan, result: InferResult, stack: ExitStack) -> None:
        self.plan, self.result = plan, result
        self.pending = 0
        self.is_wider = False
        key = plan.key.field
        result.keys = result.file
        kinds = [(name, ARROW_TYPES[each.type]) for name, each in result.evidence.items()]
        self._schema = pa.schema([(key.name, ARROW_TYPES[key.type]), *kinds])
        self._rows = stack.enter_context(PartWriter(f"{plan.table_folder}/{result.file}", self._schema))
        self._keys = stack.enter_context(
            KeyWriter(f"{plan.key_folder}/{result.keys}", ARROW_TYPES[key.type], plan.buckets)
        )

    def add(self, records: Records) -> None:
        """Takes in the rows of a buffer."""
        columns = [self._add_key(records), *(self._add_field(name, records) for name in self.plan.fields)]
        self._keys.add(columns[0], 0, records.lines)
        self.result.rows += records.cells.num_rows
        if self.is_wider or self.result.faults:
            return
        rows = pa.table(columns, names=[self.plan.key.field.name, *self.plan.fields])
        if rows.schema != self._schema:  # texts that began as few, and so encoded, have become many
            self._flush()
            self._schema = rows.schema
        self.pending += self._rows.add(rows)
        if self.pending >= ROW_GROUP_BYTES:
            self._flush()

    def finish(self) -> None:
        """Records what was written, now that the files are closed."""
        filesystem, inner = locate(f"{self.plan.table_folder}/{self.result.file}")
        self.result.bytes = filesystem.get_file_info(inner).size or 0
        self.result.kinds = None if self.is_wider else {name: each.kind for name, each in self.result.evidence.items()}

    def _flush(self) -> None:
        if self.pending:
            self._rows.flush()
            self.pending = 0

    def _add_key(self, records: Records) -> pa.Array:
        key, result = self.plan.key, self.result
        cells = records.column(key.field.name)
        built = build_columns({key.field.name: cells}, [key], result.stats)[key.field.name]
        if cells.null_count:
            built.bad[Rule.KEY_EMPTY] = np.asarray(cells.is_null())
        add_column_faults(key, records, cells, built, result.faults)
        return built.values

    def _add_field(self, name: str, records: Records) -> pa.Array:
        cells, evidence, stats = records.column(name), self.result.evidence[name], self.result.stats[name]
        before = evidence.kind
        values = evidence.add(cells, records.lines)
        self.is_wider |= evidence.kind != before and self.result.rows > 0
        if self.is_wider:
            return values
        stats.rows += len(cells)
        stats.nulls += cells.null_count
        if pa.types.is_dictionary(values.type):
            counts = np.bincount(values.indices.drop_null().to_numpy(), minlength=len(values.dictionary))
            stats.add_counted(values.dictionary, counts, are_codes=True)
        else:
            stats.add_values(values)
        return values
