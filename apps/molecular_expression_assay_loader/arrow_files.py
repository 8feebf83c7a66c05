"""Small tables that one task leaves in scratch storage for others."""

from __future__ import annotations

import pyarrow as pa

from common.scan.files import locate


def write_arrow(path: str, table: pa.Table) -> None:
    """Writes a small table, uncompressed, for other tasks."""
    filesystem, inner = locate(path)
    with filesystem.open_output_stream(inner) as out, pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)


def read_arrow(path: str) -> pa.Table:
    """What `write_arrow` left at `path`."""
    filesystem, inner = locate(path)
    with filesystem.open_input_file(inner) as file:
        return pa.ipc.open_file(file).read_all()
