"""The load: one pass over the data, in tasks; `load_piece` is what a task runs, and tests call it without Spark.

Here goes: what parses, casts and checks one piece of input, with PyArrow or NumPy on whole columns. A task writes its own
staged Parquet file and returns little: the file's name, counts, and faults, which are gathered and not raised.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from apps.new_loader.plan import Plan
from common.errors import Rule
from common.faults import Faults, Place
from common.job import Run
from common.platform import Staging
from common.scan.delimited import Piece, read_buffers
from common.scan.parquet import ROW_GROUP_BYTES, PartWriter, part_name
from common.scan.records import Records, TextFormat, parse_records
from common.tables.key_checks import KeyWriter
from common.tables.tasks import cut_files

FORM = TextFormat(",", ("",))


@dataclass(frozen=True)
class LoadTask:
    """One piece of the file with index `file`; its Parquet goes to `folder`, its keys to `key_file`."""

    number: int
    file: int
    piece: Piece
    entity: str
    schema: pa.Schema
    header: tuple[str, ...]
    folder: str
    key_file: str


@dataclass
class LoadResult:
    """What a task says of its work."""

    file: str
    key_file: str
    rows: int = 0
    faults: Faults = field(default_factory=Faults)


@dataclass
class Load:
    """All tasks' results in the order of tasks, the staging place, and the faults found so far."""

    staging: Staging
    results: list[LoadResult]
    faults: Faults

    @property
    def rows(self) -> int:
        """Rows written."""
        return sum(result.rows for result in self.results)


def load_files(run: Run, plan: Plan, staging: Staging) -> Load:
    """Loads all files into the staged table. Faults are gathered: the check adds its own."""
    with run.progress.stage("load") as stage:
        folder, keys = staging.table_folder(plan.table.table), staging.scratch_folder("keys")
        cut = cut_files(plan.files, run.cluster)
        pieces = [(index, piece) for index, file in enumerate(plan.files) for piece in cut[file.path]]
        tasks = [
            LoadTask(number, index, piece, plan.entity.name, plan.table.arrow_schema, plan.header, folder,
                     f"{keys}/{number:05d}.arrow")
            for number, (index, piece) in enumerate(pieces)
        ]  # fmt: skip
        load = Load(staging, run.cluster.map(load_piece, tasks, "load"), Faults())
        for result in load.results:
            load.faults.merge(result.faults)
        stage.note(f"{load.rows:,} rows")
    return load


def load_piece(task: LoadTask) -> LoadResult:
    """Loads one piece: parse, check, write. A task's work."""
    result = LoadResult(part_name(task.number), task.key_file)
    types = {name: pa.string() for name in task.header}
    with (
        PartWriter(f"{task.folder}/{result.file}", task.schema) as writer,
        KeyWriter(task.key_file, pa.string(), buckets=1) as keys,
    ):
        pending = 0
        for text, first_line in read_buffers(task.piece):
            records = parse_records(task.piece.file, text, first_line, types, FORM, result.faults)
            if records is None:
                break
            key = records.cells.column(0).combine_chunks()
            add_empty_keys(task, records, key, result.faults)
            keys.add(key, task.file, records.lines)
            pending += writer.add(records.cells.select(task.schema.names))
            if pending > ROW_GROUP_BYTES:
                writer.flush()
                pending = 0
        result.rows = writer.rows
    return result


def add_empty_keys(task: LoadTask, records: Records, key: pa.Array, faults: Faults) -> None:
    """Adds a fault 73 for each row without a key."""
    if key.null_count:
        for row in np.flatnonzero(key.is_null()).tolist():
            place = Place(records.file.name, int(records.lines[row]), task.entity, task.header[0])
            faults.add(Rule.KEY_EMPTY, "the key is empty", place)
