"""What the tasks of a load share in scratch storage: their plan, and small tables that one task leaves for others."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from apps.molecular_expression_assay_loader.numbers import ValueRules
from apps.molecular_expression_assay_loader.sources import Format, Source
from common.scan.files import locate


@dataclass(frozen=True)
class TaskPlan:
    """What all tasks of a load need. `annotation` is the Arrow file of the feature annotation in the folder `scratch`, None without
    one; `tables` are the folders of the tables by name."""

    format: Format
    sources: tuple[Source, ...]
    rules: ValueRules
    id_type: str
    buckets: int
    annotation: str | None
    scratch: str
    tables: dict[str, str]


def write_arrow(path: str, table: pa.Table) -> None:
    """Writes a small table, uncompressed, for other tasks."""
    filesystem, inner = locate(path)
    with filesystem.open_output_stream(inner) as out, pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)


def read_arrow(path: str) -> pa.Table:
    """The table that `write_arrow` wrote to `path`."""
    filesystem, inner = locate(path)
    with filesystem.open_input_file(inner) as file:
        return pa.ipc.open_file(file).read_all()
