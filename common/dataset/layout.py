"""Lays out the entities of a data dictionary as tables, and maps every field to its column.

An entity is a table of the same name. An entity with more than `max_columns` fields is several tables, `<entity>_0001` and on,
each with the primary key as its first column. A hierarchical field has a companion column `<field>_hierarchy` in its table: an
array of the codes with all their ancestors. No field is mapped to the companion, and `max_columns` does not count it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from common.dataset.database import Database
from common.dataset.model import ColumnMapping, Dataset, Join, map_column
from common.dictionary import HIERARCHY_SUFFIX, DataDictionary, Entity, Field, is_split
from common.errors import AppError, Rule
from common.values.types import ARROW_TYPES, SQL_TYPES


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table: that of a field, or the companion of a hierarchical field."""

    field: Field
    is_hierarchy: bool = False

    @property
    def name(self) -> str:
        """The column's name."""
        return self.field.name + HIERARCHY_SUFFIX if self.is_hierarchy else self.field.name

    @property
    def arrow_type(self) -> pa.DataType:
        """The type in Arrow and Parquet."""
        if self.is_hierarchy:
            return pa.list_(pa.string())
        scalar = ARROW_TYPES[self.field.type]
        return pa.list_(scalar) if self.field.is_multi_select else scalar


@dataclass(frozen=True, slots=True)
class TablePlan:
    """A table that will be made: its name, the entity that it holds, and its columns in order."""

    table: str
    entity: str
    columns: tuple[TableColumn, ...]

    @property
    def arrow_schema(self) -> pa.Schema:
        """The schema of the Parquet files. Every column may be null; keys are checked later, over all files."""
        return pa.schema([pa.field(column.name, column.arrow_type) for column in self.columns])


def sql_type(field: Field) -> str:
    """The Spark SQL type of a field's column, in lower case."""
    scalar = SQL_TYPES[field.type]
    return f"array<{scalar}>" if field.is_multi_select else scalar


def plan_tables(dictionary: DataDictionary, max_columns: int) -> tuple[TablePlan, ...]:
    """The tables of all entities, in dictionary order.

    Raises `AppError` 47 for a wide entity without a key, 20 if two tables would have one name.
    """
    plans = tuple(
        plan for entity in dictionary.entities.values() for plan in plan_entity(dictionary, entity, max_columns)
    )
    counts = Counter(plan.table.lower() for plan in plans)
    if clash := next((plan for plan in plans if counts[plan.table.lower()] > 1), None):
        raise AppError(
            Rule.ENTITY_NAME, f"entity {clash.entity} and a part of another entity would both be table {clash.table}"
        )
    return plans


def plan_entity(dictionary: DataDictionary, entity: Entity, max_columns: int) -> tuple[TablePlan, ...]:
    """The table of one entity, or its parts. Raises `AppError` 47 for a wide entity without a key."""
    if not is_split(entity, max_columns):
        columns = tuple(column for field in entity.fields for column in _field_columns(dictionary, field))
        return (TablePlan(entity.name, entity.name, columns),)
    key = entity.primary_key
    if key is None:
        text = f"entity {entity.name} has {len(entity.fields)} fields, more than {max_columns}, and no primary key"
        raise AppError(Rule.WIDE_WITHOUT_KEY, text)
    others = [field for field in entity.fields if field is not key]
    plans = []
    for number, start in enumerate(range(0, len(others), max_columns - 1), start=1):
        added = [
            column for field in others[start : start + max_columns - 1] for column in _field_columns(dictionary, field)
        ]
        columns = (*(_field_columns(dictionary, key) if number == 1 else (TableColumn(key),)), *added)
        plans.append(TablePlan(part_table(entity.name, number), entity.name, columns))
    return tuple(plans)


def part_table(entity: str, number: int) -> str:
    """The name of a part of a split entity; the first is number 1.

    >>> part_table("patient", 2)
    'patient_0002'
    """
    return f"{entity}_{number:04d}"


def _field_columns(dictionary: DataDictionary, field: Field) -> tuple[TableColumn, ...]:
    companion = (TableColumn(field, is_hierarchy=True),) if dictionary.is_hierarchical(field) else ()
    return (TableColumn(field), *companion)


def build_dataset(
    name: str, description: str, schema: str, dictionary: DataDictionary, database: Database, max_columns: int
) -> Dataset:
    """The Dataset of a dictionary, with the tables of `plan_tables` in this database."""
    plans = plan_tables(dictionary, max_columns)
    mappings = build_mappings(plans, database)
    joins = (*_part_joins(plans, dictionary, database), *_reference_joins(dictionary, mappings))
    return Dataset(name, description, schema, dictionary, mappings, joins)


def build_mappings(plans: Iterable[TablePlan], database: Database) -> dict[tuple[str, str], ColumnMapping]:
    """Where every field is stored. The key of a split entity is mapped to its first part."""
    mappings: dict[tuple[str, str], ColumnMapping] = {}
    for plan in plans:
        for column in plan.columns:
            if not column.is_hierarchy:
                mapping = map_column(database, plan.table, column.name, sql_type(column.field))
                mappings.setdefault((plan.entity, column.field.name), mapping)
    return mappings


def _part_joins(plans: Iterable[TablePlan], dictionary: DataDictionary, database: Database) -> Iterable[Join]:
    first: dict[str, TablePlan] = {}
    for plan in plans:
        start = first.setdefault(plan.entity, plan)
        if plan is not start and (key := dictionary.entities[plan.entity].primary_key):
            from_, to = (map_column(database, part.table, key.name, sql_type(key)).path for part in (start, plan))
            yield Join(from_, to, "one_to_one")


def _reference_joins(dictionary: DataDictionary, mappings: Mapping[tuple[str, str], ColumnMapping]) -> Iterable[Join]:
    for field in dictionary.fields:
        if target := field.reference:
            from_, to = mappings[target.entity, target.field], mappings[field.entity, field.name]
            yield Join(from_.path, to.path, target.relationship)
