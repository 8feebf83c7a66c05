"""Tables that stand in the database already: whether the load may add to them, and whether they fit the dictionary."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from itertools import chain, count

import pyarrow as pa
import pyarrow.parquet as pq

from common.dataset.layout import TablePlan, part_table
from common.dictionary import DataDictionary
from common.faults import Faults
from common.platform import Database, Platform
from common.scan.files import locate

NO_FILE, TABLE_EXISTS, TABLE_DIFFERS = 61, 81, 82


def validate_existing_tables(
    platform: Platform, database: Database, dictionary: DataDictionary, tables: dict[str, tuple[TablePlan, ...]],
    bound: AbstractSet[str], insert_mode: str, faults: Faults,
) -> dict[str, list[str]]:  # fmt: skip
    """The Parquet files of each planned table that exists. Adds faults 61, 81 and 82."""
    existing: dict[str, list[str]] = {}
    for entity in dictionary.entities:
        for table in tables[entity]:
            files = [] if database.is_new else platform.table_files(database, table.table)
            place = {"entity": entity, "value": table.table}
            if files:
                existing[table.table] = files
            if files and entity in bound and insert_mode == "error":
                faults.add(TABLE_EXISTS, f"the database {database.name} has a table {table.table}", **place)
            elif files and not (entity in bound and insert_mode == "overwrite"):
                _validate_columns(table, files[0], database, faults)
            elif not files and entity not in bound:
                faults.add(NO_FILE, "the entity has no data file, and the database no table of it", entity=entity)
                break
        if entity in bound and insert_mode == "append":
            _validate_division(platform, database, entity, tables, existing, faults)
    return existing


def find_outdated_tables(
    platform: Platform, database: Database, entity: str, tables: dict[str, tuple[TablePlan, ...]]
) -> list[str]:
    """Tables in which rows of an entity stand that was divided otherwise when it was loaded: not those that are planned now."""
    planned = {table.table for each in tables.values() for table in each}
    found: list[str] = []
    for name in chain([entity], (part_table(entity, number) for number in count(1))):
        if name not in planned:
            if not database.is_new and platform.table_files(database, name):
                found.append(name)
            elif name != entity:  # parts are numbered without a gap
                break
    return found


def _validate_division(
    platform: Platform, database: Database, entity: str, tables: dict[str, tuple[TablePlan, ...]],
    existing: dict[str, list[str]], faults: Faults,
) -> None:  # fmt: skip
    """Adds fault 82 where the rows of an entity stand in other tables than those planned: what is appended would not join them."""
    names = [table.table for table in tables[entity]]
    here = [name for name in names if name in existing]
    found = [*here, *find_outdated_tables(platform, database, entity, tables)]
    if found and here != names:
        text = f"its rows stand in {', '.join(found)}, and would now be in {', '.join(names)}"
        remedy = "Append with the fields and the max_columns of the first load."
        faults.add(TABLE_DIFFERS, text, entity=entity, remedy=remedy)


def _validate_columns(table: TablePlan, file: str, database: Database, faults: Faults) -> None:
    filesystem, inner = locate(file)
    found = {each.name: each.type for each in pq.read_schema(inner, filesystem=filesystem)}
    for column in table.arrow_schema:
        place = {"entity": table.entity, "field": column.name}
        if column.name not in found:
            faults.add(TABLE_DIFFERS, f"table {table.table} of {database.name} has no such column", **place)
        elif not _are_equal(found.pop(column.name), column.type):
            faults.add(TABLE_DIFFERS, f"the column of table {table.table} has another type", **place)
        found.pop(column.name, None)
    for name in found:
        faults.add(
            TABLE_DIFFERS, f"table {table.table} has a column {name} that the dictionary has not", entity=table.entity
        )


def _are_equal(found: pa.DataType, planned: pa.DataType) -> bool:
    if pa.types.is_list(found) and pa.types.is_list(planned):
        return _are_equal(found.value_type, planned.value_type)
    return bool(found == planned)
