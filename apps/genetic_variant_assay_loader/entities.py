"""An assay of a Dataset in descriptor form: its entities and their fields, mapped to the columns of its tables.

Format: dxpy 0.417 proves only where `type` of a variant assay's genotypes is stored; the rest has the form of the
model's own entities, so that a reader needs to know but one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from common.dataset.model import ColumnMapping, Join
from common.platform import Database

Json = dict[str, Any]


def write_assay_entity(
    name: str, title: str, table: str, columns: pa.Schema, key: str | None, database: Database
) -> Json:
    """An assay's entity: every column of its table is a field."""
    return {
        "name": name,
        "entity_title": title,
        "entity_label_singular": None,
        "entity_label_plural": None,
        "entity_description": None,
        "primary_key": key,
        "is_main_entity": False,
        "fields": {of.name: _write_field(of, table, database) for of in columns},
    }


def column_path(database: Database, table: str, column: str) -> str:
    """`<database unique name>$<table>$<column>`, as joins name a column."""
    return ColumnMapping(database.id, database.name, database.unique_name, table, column, "").path


def write_joins(joins: Sequence[Join]) -> list[Json]:
    """`join_info` of an assay."""
    return [{"joins": [{"from": join.from_, "to": join.to}], "relationship": join.relationship} for join in joins]


def sql_type(type_: pa.DataType) -> str:
    """The Spark SQL type, in lower case, of a column of this Arrow type."""
    if pa.types.is_list(type_):
        return f"array<{sql_type(type_.value_type)}>"
    names: Mapping[pa.DataType, str] = {
        pa.string(): "string", pa.int64(): "bigint", pa.int32(): "int", pa.float64(): "double", pa.bool_(): "boolean",
    }  # fmt: skip
    return names[type_]


def _write_field(column: pa.Field, table: str, database: Database) -> Json:
    inner = column.type.value_type if pa.types.is_list(column.type) else column.type
    kind = "integer" if pa.types.is_integer(inner) else "double" if pa.types.is_floating(inner) else "string"
    kind = "boolean" if pa.types.is_boolean(inner) else kind
    return {
        "name": column.name,
        "type": kind,
        "title": column.name,
        "description": None,
        "concept": None,
        "units": None,
        "linkout": None,
        "folder_path": [],
        "coding_name": None,
        "is_sparse_coding": False,
        "is_multi_select": pa.types.is_list(column.type),
        "is_hierarchical": False,
        "longitudinal_axis_type": None,
        "mapping": {
            "database_name": database.name,
            "database_unique_name": database.unique_name,
            "database_id": database.id,
            "table": table,
            "column": column.name,
            "column_sql_type": sql_type(column.type),
        },
    }
