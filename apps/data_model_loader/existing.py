"""Tables that exist in the database: whether the load may add to them, and whether they fit the dictionary."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from itertools import count, takewhile

import pyarrow as pa
import pyarrow.parquet as pq

from common.dataset.database import Database
from common.dataset.layout import TablePlan, part_table
from common.dictionary import DataDictionary, Entity
from common.errors import Rule
from common.faults import Faults, Place
from common.platform import Platform
from common.scan.files import locate


def validate_existing_tables(
    platform: Platform, database: Database, dictionary: DataDictionary, tables: dict[str, tuple[TablePlan, ...]],
    bound: AbstractSet[str], insert_mode: str, faults: Faults,
) -> dict[str, list[str]]:  # fmt: skip
    """The Parquet files of each planned table that exists, none of one to be overwritten. Adds faults 61, 81 and 82."""
    existing: dict[str, list[str]] = {}
    for entity in dictionary.entities:
        if entity in bound and insert_mode == "overwrite" and not database.is_new:
            # The table is replaced, so leftovers of a killed job do not matter.
            existing |= {each.table: [] for each in tables[entity] if platform.has_table(database, each.table)}
            continue
        for table in tables[entity]:
            files = [] if database.is_new else platform.table_files(database, table.table)
            if files:
                existing[table.table] = files
            if files and entity in bound and insert_mode == "error":
                text = f"the database {database.name} has a table {table.table}"
                faults.add(Rule.TABLE_EXISTS, text, Place(entity=entity), value=table.table)
            elif files:
                _validate_columns(table, files[0], database, faults)
            elif not files and entity not in bound:
                faults.add(
                    Rule.DATA_FILE_MISSING,
                    "the entity has no data file, and the database no table of it",
                    Place(entity=entity),
                )
                break
        if entity in bound and insert_mode == "append":
            _validate_division(platform, database, dictionary.entities[entity], tables, existing, faults)
    return existing


def find_outdated_tables(
    platform: Platform, database: Database, entity: Entity, tables: dict[str, tuple[TablePlan, ...]]
) -> list[str]:
    """Tables in which rows of an entity stand that was divided otherwise when it was loaded: not those that are planned now.

    An entity stands in the table of its name or else in parts, numbered without a gap, each of which has its key. Any other
    table of such a name is another entity's, of another Dataset.
    """
    if database.is_new:
        return []
    planned = {table.table for each in tables.values() for table in each}

    def is_part(table: str) -> bool:
        """A planned table counts by its name alone: it may hold leftovers of a killed job."""
        if table in planned:
            return platform.has_table(database, table)
        files = platform.table_files(database, table)
        return (
            bool(files) and entity.primary_key is not None and entity.primary_key.name in _read_schema(files[0]).names
        )

    if platform.has_table(database, entity.name):
        found: Iterable[str] = [entity.name]
    else:
        found = takewhile(is_part, (part_table(entity.name, number) for number in count(1)))
    return [table for table in found if table not in planned]


def _validate_division(
    platform: Platform, database: Database, entity: Entity, tables: dict[str, tuple[TablePlan, ...]],
    existing: dict[str, list[str]], faults: Faults,
) -> None:  # fmt: skip
    """Adds fault 82 where the rows of an entity stand in other tables than those planned: what is appended would not join them."""
    names = [table.table for table in tables[entity.name]]
    here = [name for name in names if name in existing]
    found = [*here, *find_outdated_tables(platform, database, entity, tables)]
    if found and here != names:
        text = f"its rows stand in {', '.join(found)}, and would now be in {', '.join(names)}"
        remedy = "Append with the fields and the max_columns of the first load."
        faults.add(Rule.TABLE_DIFFERS, text, Place(entity=entity.name), remedy=remedy)


def _validate_columns(table: TablePlan, file: str, database: Database, faults: Faults) -> None:
    found = {each.name: each.type for each in _read_schema(file)}
    for column in table.arrow_schema:
        place = Place(entity=table.entity, field=column.name)
        if column.name not in found:
            faults.add(Rule.TABLE_DIFFERS, f"table {table.table} of {database.name} has no such column", place)
        elif not _are_equal(found.pop(column.name), column.type):
            faults.add(Rule.TABLE_DIFFERS, f"the column of table {table.table} has another type", place)
        found.pop(column.name, None)
    for name in found:
        faults.add(
            Rule.TABLE_DIFFERS,
            f"table {table.table} has a column {name} that the dictionary has not",
            Place(entity=table.entity),
        )


def _are_equal(found: pa.DataType, planned: pa.DataType) -> bool:
    if pa.types.is_list(found) and pa.types.is_list(planned):
        return _are_equal(found.value_type, planned.value_type)
    return bool(found == planned)


def _read_schema(file: str) -> pa.Schema:
    filesystem, inner = locate(file)
    return pq.read_schema(inner, filesystem=filesystem)
