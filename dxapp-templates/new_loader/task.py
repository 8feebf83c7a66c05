"""A task of the load: one piece of a file to staged Parquet. Plain Python: tests call `load_piece` without Spark.

Add here what parses, casts and checks a piece, with PyArrow or NumPy on whole columns. A task returns little: the names of its
files, counts, and faults, which are gathered and not raised.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from common.errors import Rule
from common.faults import Faults, Place
from common.scan.delimited import Piece
from common.scan.parquet import ROW_GROUP_BYTES, PartWriter, part_name
from common.scan.records import BlankRows, Records, TextFormat, read_records
from common.tables.key_checks import KeyWriter

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
    """What a task did: its Parquet file, its key file, rows written, faults, and blank rows that were passed over."""

    file: str
    key_file: str
    rows: int = 0
    faults: Faults = field(default_factory=Faults)
    blank: BlankRows = field(default_factory=BlankRows)


def load_piece(task: LoadTask) -> LoadResult:
    """Loads one piece: parse, check, write. A task's work."""
    result = LoadResult(part_name(task.number), task.key_file)
    types = dict.fromkeys(task.header, pa.string())
    with (
        PartWriter(f"{task.folder}/{result.file}", task.schema) as writer,
        KeyWriter(task.key_file, pa.string(), buckets=1) as keys,
    ):
        pending = 0
        for records in read_records(task.piece, types, FORM, result.faults, result.blank):
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
    for row in np.flatnonzero(key.is_null()).tolist():
        line = int(records.lines[row])
        faults.add(Rule.KEY_EMPTY, "the key is empty", Place(records.file.name, line, task.entity, task.header[0]))
