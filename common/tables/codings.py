"""The table `dx_codings`: every code of a database's Datasets, for readers that decode with SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from common.dataset.database import Database
from common.dictionary import CODINGS_TABLE, Coding
from common.platform import Platform, Staging, TableChange
from common.scan.files import locate
from common.scan.parquet import PartWriter, part_name


def stage_codings(
    platform: Platform, staging: Staging, database: Database, codings: Mapping[str, Coding]
) -> list[TableChange]:
    """Stages the table for SQL: these codings, and those of other Datasets that are in it already. No change if there are none."""
    if not codings:
        return []
    there = [] if database.is_new else platform.table_files(database, CODINGS_TABLE)
    name = part_name(0)
    with PartWriter(f"{staging.table_folder(CODINGS_TABLE)}/{name}", codings_schema()) as writer:
        writer.add(codings_table(codings, there))
    return [TableChange(CODINGS_TABLE, "replace" if there else "new", [name])]


def codings_schema() -> pa.Schema:
    """Columns as in a codings file; `display_order` is 1-based."""
    texts = ("coding_name", "code", "meaning", "concept")
    return pa.schema(
        [*(pa.field(name, pa.string()) for name in texts), ("display_order", pa.int64()), ("parent_code", pa.string())]
    )


def codings_table(codings: Mapping[str, Coding], existing: Sequence[str]) -> pa.Table:
    """The codes of these codings, blank texts as null; with them the codings of other names that `existing` files hold."""
    rows = [
        (
            coding.name,
            each.code,
            each.meaning or None,
            each.concept or None,
            each.display_order,
            each.parent_code or None,
        )
        for coding in codings.values()
        for each in coding.codes
    ]
    columns = [
        pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), codings_schema().types, strict=True)
    ]
    own = pa.table(columns, schema=codings_schema())
    names = pa.array(list(codings))
    others = [_read(path) for path in existing]
    return pa.concat_tables([own, *(t.filter(pc.invert(pc.is_in(t["coding_name"], value_set=names))) for t in others)])


def _read(path: str) -> pa.Table:
    filesystem, inner = locate(path)
    return pq.read_table(inner, filesystem=filesystem, schema=codings_schema(), partitioning=None)
