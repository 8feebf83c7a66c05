"""A task of the load: pieces of an entity's data files to staged Parquet, statistics, faults and the keys to check, in one pass.

`load_pieces` is what a Spark task runs. It needs no Spark, and returns little.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from common.dictionary import HIERARCHY_SUFFIX, PRECISION_SUFFIX
from common.errors import Rule
from common.faults import Fault, Faults
from common.scan.delimited import Piece, TextFile, buffer_bytes
from common.scan.files import locate
from common.scan.parquet import ROW_GROUP_BYTES, PartWriter, part_name
from common.scan.records import BlankRows, Records, TextFormat, read_records
from common.tables.columns import ColumnPlan, add_column_faults, build_columns
from common.tables.key_checks import KeyWriter
from common.tables.quarantine import QuarantineWriter, Rejects
from common.tables.tasks import read_plan
from common.values.column_stats import ColumnStats, sketch_size
from common.values.types import ARROW_TYPES


@dataclass(frozen=True, slots=True)
class TableTarget:
    """One table to write: its name, the staged folder, and its columns, hierarchy companions among them."""

    name: str
    folder: str
    schema: pa.Schema


@dataclass(frozen=True)
class LoadPlan:
    """All that the tasks of one entity share. Written once to scratch storage, so that a task carries only its pieces. `number`
    names the entity's scratch files.

    `headers` holds the header of each file, by the file's index in `files`. `keys` are the fields whose values the check
    stage needs, each with the number of hash buckets of its key space.
    """

    number: int
    entity: str
    columns: tuple[ColumnPlan, ...]
    tables: tuple[TableTarget, ...]
    files: tuple[TextFile, ...]
    headers: tuple[tuple[str, ...], ...]
    form: TextFormat
    key: str | None
    keys: dict[str, int]
    key_folder: str
    quarantine_folder: str | None


@dataclass(frozen=True, slots=True)
class LoadTask:
    """Pieces that make one Parquet file per table. `rejects` are files of rows that the check stage turned down."""

    number: int
    plan_path: str
    pieces: tuple[tuple[int, Piece], ...]
    rejects: tuple[str, ...] = ()


@dataclass
class LoadResult:
    """What a task says of its work: the files it wrote (by table, by key field), statistics by field, faults, rows and sizes."""

    number: int
    rows: int = 0
    bytes: int = 0
    quarantined: int = 0
    files: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    quarantine: str | None = None
    stats: dict[str, ColumnStats] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    blank: BlankRows = field(default_factory=BlankRows)


def load_pieces(task: LoadTask) -> LoadResult:
    """Loads the pieces of a task: parse, cast, check, write. Faults are returned, not raised."""
    plan: LoadPlan = read_plan(task.plan_path)
    result = LoadResult(task.number)
    size = sketch_size(len(plan.columns))
    result.stats = {column.field.name: ColumnStats(size) for column in plan.columns}
    with ExitStack() as stack:
        output = _Output(plan, task, result, stack)
        for index, piece in task.pieces:
            for records in _read_piece(plan, index, piece, result):
                _load_records(plan, index, records, result, output)
    for column in plan.columns:
        if column.is_checked_against_coding:
            result.stats[column.field.name].settle(column.typed_codes)
    output.finish()
    return result


def _read_piece(plan: LoadPlan, index: int, piece: Piece, result: LoadResult) -> Iterator[Records]:
    by_name = {column.field.name: column.read_type for column in plan.columns}
    types = {name: by_name[name] for name in plan.headers[index]}
    return read_records(piece, types, plan.form, result.faults, result.blank, buffer_bytes(len(types)))


def _load_records(plan: LoadPlan, index: int, records: Records, result: LoadResult, output: _Output) -> None:
    rejected = output.rejects.rows_of(index, plan.entity, records) if output.rejects is not None else {}
    if rejected:
        output.quarantine(records, rejected)
        records.drop(rejected)
    if plan.quarantine_folder is None:
        columns, _ = _build_records(plan, records, result.stats, result.faults)
    else:
        stats = deepcopy(result.stats)  # kept if all rows of this buffer are good
        columns, faulty = _build_records(plan, records, stats, result.faults)
        if faulty:
            output.quarantine(records, faulty)
            records.drop(faulty)
            columns, _ = _build_records(plan, records, result.stats, Faults())
        else:
            result.stats = stats
    output.add(index, records, columns)


def _build_records(
    plan: LoadPlan, records: Records, stats: dict[str, ColumnStats], faults: Faults
) -> tuple[dict[str, pa.Array], dict[int, list[Fault]]]:
    """The columns of a buffer, companions among them, and, where rows are set aside, its faulty rows by index."""
    columns: dict[str, pa.Array] = {}
    faulty: dict[int, list[Fault]] = {}
    all_cells = {column.field.name: records.column(column.field.name) for column in plan.columns}
    all_built = build_columns(all_cells, plan.columns, stats)
    for column in plan.columns:
        name = column.field.name
        cells, built = all_cells[name], all_built[name]
        if name == plan.key and built.values.null_count:
            built.bad.setdefault(Rule.KEY_EMPTY, np.asarray(cells.is_null()))
        if built.bad:
            add_column_faults(column, records, cells, built, faults, faulty if plan.quarantine_folder else None)
        columns[name] = built.values
        if built.hierarchy is not None:
            columns[name + HIERARCHY_SUFFIX] = built.hierarchy
        if built.precision is not None:
            columns[name + PRECISION_SUFFIX] = built.precision
    return columns, faulty


class _Output:
    """The files that a task writes. Once a fault is found that fails the load, rows are no longer written: only checked."""

    def __init__(self, plan: LoadPlan, task: LoadTask, result: LoadResult, stack: ExitStack) -> None:
        self.plan, self.result = plan, result
        name = part_name(task.number)
        self.writers: dict[str, PartWriter] = {}
        for table in plan.tables:
            self.writers[table.name] = stack.enter_context(PartWriter(f"{table.folder}/{name}", table.schema))
            result.files[table.name] = name

        def key_name(field: str) -> str:  # of numbers: two long names together are no file name
            return f"{plan.number}.{list(plan.keys).index(field)}.{name}"

        types = {column.field.name: ARROW_TYPES[column.field.type] for column in plan.columns}
        self.keys = {
            each: stack.enter_context(KeyWriter(f"{plan.key_folder}/{key_name(each)}", types[each], buckets))
            for each, buckets in plan.keys.items()
        }
        result.keys = {each: key_name(each) for each in self.keys}
        self.rejects = Rejects.read(task.rejects) if task.rejects else None
        self._quarantine = (
            stack.enter_context(QuarantineWriter(f"{plan.quarantine_folder}/{plan.number}.{name}", plan.entity))
            if plan.quarantine_folder
            else None
        )
        self.pending = 0

    def add(self, index: int, records: Records, columns: dict[str, pa.Array]) -> None:
        """Takes in the columns of a buffer."""
        table = pa.table(columns)
        self.result.rows += table.num_rows
        for name, writer in self.keys.items():
            writer.add(columns[name], index, records.lines)
        if self.result.faults and self.plan.quarantine_folder is None:
            return
        for target in self.plan.tables:
            self.pending += self.writers[target.name].add(table.select(target.schema.names))
        if self.pending >= ROW_GROUP_BYTES:
            self._flush()

    def quarantine(self, records: Records, faulty: dict[int, list[Fault]]) -> None:
        """Writes faulty rows, whole, to the task's quarantine file."""
        if self._quarantine is None:
            return
        self._quarantine.add(records, faulty)
        self.result.quarantined += len(faulty)
        self.result.quarantine = self._quarantine.name

    def finish(self) -> None:
        """Records the sizes of the closed files."""
        for target in self.plan.tables:
            filesystem, inner = locate(f"{target.folder}/{self.result.files[target.name]}")
            self.result.bytes += filesystem.get_file_info(inner).size or 0

    def _flush(self) -> None:
        for writer in self.writers.values():
            writer.flush()
        self.pending = 0
