"""A Dataset as frozen values: a data dictionary whose fields are mapped to columns, its joins and its assays.

The JSON form, the descriptor of a record v3.0, is in `common.dataset.descriptor`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.dictionary.model import DataDictionary


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Where a field is stored. `sql_type` is the Spark SQL type in lower case: `string`, `bigint`, `array<double>`, …"""

    database_id: str
    database_name: str
    database_unique_name: str
    table: str
    column: str
    sql_type: str

    @property
    def path(self) -> str:
        """`<database unique name>$<table>$<column>`, as `join_info` names a column."""
        return f"{self.database_unique_name}${self.table}${self.column}"


@dataclass(frozen=True, slots=True)
class Join:
    """`to` is the column that refers (child), `from_` what it refers to (parent); both as `ColumnMapping.path`."""

    from_: str
    to: str
    relationship: str


@dataclass(frozen=True)
class Dataset:
    """One Dataset. `mappings` is keyed by (entity, field); `joins` holds references between entities and between the parts
    of a split entity; `assays` are JSON objects in descriptor form, carried as they are."""

    name: str
    description: str
    schema: str
    dictionary: DataDictionary
    mappings: Mapping[tuple[str, str], ColumnMapping]
    joins: tuple[Join, ...]
    assays: tuple[Mapping[str, Any], ...] = ()
