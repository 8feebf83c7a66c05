"""The table `dx_codings`: every code of a database's Datasets, for readers that decode with SQL."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from common.dictionary import DataDictionary
from common.scan.files import locate


def codings_schema() -> pa.Schema:
    """Columns as in a codings file; `display_order` is 1-based."""
    texts = ("coding_name", "code", "meaning", "concept")
    return pa.schema(
        [*(pa.field(name, pa.string()) for name in texts), ("display_order", pa.int64()), ("parent_code", pa.string())]
    )


def codings_table(dictionary: DataDictionary, existing: Sequence[str]) -> pa.Table:
    """The codes of a dictionary, blank texts as null; with them the codings of other names that `existing` files hold."""
    rows = [
        (
            coding.name,
            each.code,
            each.meaning or None,
            each.concept or None,
            each.display_order,
            each.parent_code or None,
        )
        for coding in dictionary.codings.values()
        for each in coding.codes
    ]
    columns = [
        pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), codings_schema().types, strict=True)
    ]
    own = pa.table(columns, schema=codings_schema())
    names = pa.array(list(dictionary.codings))
    others = [_read(path) for path in existing]
    return pa.concat_tables([own, *(t.filter(pc.invert(pc.is_in(t["coding_name"], value_set=names))) for t in others)])


def _read(path: str) -> pa.Table:
    filesystem, inner = locate(path)
    return pq.read_table(inner, filesystem=filesystem, schema=codings_schema(), partitioning=None)
