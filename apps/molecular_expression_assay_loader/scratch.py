"""What the tasks of a load share in scratch storage: their plan, and small tables that one task leaves for others."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from apps.molecular_expression_assay_loader.numbers import ValueRules
from apps.molecular_expression_assay_loader.sources import Format, Source
from common.scan.delimited import BUFFER_BYTES
from common.scan.files import locate


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is handled at once.

    - `buffer_bytes`: text read at once.
    - `parse_cells`: cells parsed at once, a few megabytes of text and numbers, whatever the width of the matrix.
    - `block_cells`: cells of a block, give or take a half: 64 MiB of numbers. A task holds one block, or more where one bin is larger.
    - `least_cells`: work is not cut finer than this.
    - `partitioned_cells`: from here on the table by place is laid out in folders by chromosome and bin: about a megabyte in each.
    - `group_rows`, `group_features`: least and most rows of a row group, and least features. A file has about 96 row groups within
      these bounds, so that one feature is a small share of it; each group repeats the names of the samples once.
    """

    buffer_bytes: int = BUFFER_BYTES
    parse_cells: int = 1 << 20
    block_cells: int = 8 << 20
    least_cells: int = 1 << 20
    partitioned_cells: int = 1 << 29
    group_rows: tuple[int, int] = (1 << 17, 1 << 20)
    group_features: int = 8


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
    sizes: Sizes = field(default_factory=Sizes)


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
