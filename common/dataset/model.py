"""A Dataset as frozen values: a data dictionary whose fields are mapped to columns, its joins and its assays.

The JSON form, the descriptor of a record v3.0, is in `common.dataset.descriptor`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.dataset.database import Database
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
    def database(self) -> Database:
        """The database of the column."""
        return Database(self.database_id, self.database_name, self.database_unique_name)

    @property
    def table_path(self) -> str:
        """`<database unique name>$<table>`."""
        return f"{self.database_unique_name}${self.table}"

    @property
    def path(self) -> str:
        """`<database unique name>$<table>$<column>`, as `join_info` names a column."""
        return f"{self.table_path}${self.column}"


def map_column(database: Database, table: str, column: str, sql_type: str) -> ColumnMapping:
    """The mapping to a column of this database."""
    return ColumnMapping(database.id, database.name, database.unique_name, table, column, sql_type)


@dataclass(frozen=True, slots=True)
class Join:
    """`to` is the column that refers (child), `from_` the column that it refers to (parent); both as `ColumnMapping.path`.

    A join by several columns has the other pairs, parent first, in `further`.
    """

    from_: str
    to: str
    relationship: str
    further: tuple[tuple[str, str], ...] = ()

    @property
    def tables(self) -> set[str]:
        """The tables that are joined, as `ColumnMapping.table_path`."""
        paths = (self.from_, self.to, *(path for pair in self.further for path in pair))
        return {path.rpartition("$")[0] for path in paths}


@dataclass(frozen=True)
class Assay:
    """An assay: the entities whose fields are mapped to columns, and the joins of their tables.

    `keys` is the assay in descriptor form, as it was read; of a new assay, its name, uuid, model and what the model needs.
    """

    keys: Mapping[str, Any]
    dictionary: DataDictionary
    mappings: Mapping[tuple[str, str], ColumnMapping]
    joins: tuple[Join, ...]

    @property
    def name(self) -> str:
        """The assay's name."""
        return str(self.keys["name"])

    @property
    def model(self) -> str:
        """The generalized assay model, such as `genetic_variant`; blank if there is none."""
        return self.keys.get("generalized_assay_model") or ""


@dataclass(frozen=True)
class Dataset:
    """A Dataset. `mappings` is by entity and field; `joins` are between entities, and between the parts of a split entity."""

    name: str
    description: str
    schema: str
    dictionary: DataDictionary
    mappings: Mapping[tuple[str, str], ColumnMapping]
    joins: tuple[Join, ...]
    assays: tuple[Assay, ...] = ()

    @property
    def all_mappings(self) -> list[ColumnMapping]:
        """Where fields are stored: those of entities, then those of assays."""
        return [each for part in (self.mappings, *(a.mappings for a in self.assays)) for each in part.values()]

    @property
    def databases(self) -> list[Database]:
        """The databases that fields are stored in, in the same order."""
        return list({each.database_id: each.database for each in self.all_mappings if each.database_id}.values())
