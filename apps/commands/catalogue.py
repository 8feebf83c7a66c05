"""Databases by name in a Spark session: external tables over the Parquet folders that a project holds.

The session's catalogue is a view of the project, made again each time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from common.dataset.database import Database
from common.spark.tables import partition_columns, quote_name, quote_text, table_definition, table_schema

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


TableFiles = Mapping[str, Sequence[str]]
"""Table name to its Parquet files, as `Platform.table_files` has them: in the table's folder or partition folders below."""


def attach_databases(session: SparkSession, databases: Sequence[tuple[Database, TableFiles]]) -> None:
    """Makes each database known to SQL by its unique name. A table without a file has no columns, and is left out.

    A database whose plain name no other one has is known by that too; if there is only one, it is the current one.
    """
    for database, tables in databases:
        session.sql(f"CREATE DATABASE IF NOT EXISTS {quote_name(database.unique_name)}")
        for table, files in tables.items():
            if files:
                _attach_table(session, database, table, files[0])
    plain = Counter(database.name.lower() for database, _ in databases)
    for database, tables in databases:
        if plain[database.name.lower()] == 1 and database.name.lower() != "default":
            _attach_plain_name(session, database, [table for table, files in tables.items() if files])
    if len(databases) == 1:
        session.sql(f"USE {quote_name(databases[0][0].unique_name)}")


def _attach_table(session: SparkSession, database: Database, table: str, file: str) -> None:
    name = f"{quote_name(database.unique_name)}.{quote_name(table)}"
    parent, _, below = file.rpartition(f"/{table}/")
    folder, partitions = f"{parent}/{table}", partition_columns([below])
    definition = table_definition(table_schema(session, folder, [below]), partitions)
    # Read the folder's name literally: brackets and stars are not a pattern.
    place = f"OPTIONS (`__globPaths__` 'false') LOCATION {quote_text(folder)}"
    session.sql(f"CREATE TABLE IF NOT EXISTS {name} {definition} {place}")
    if partitions:
        # Register the partitions; else the table reads as empty.
        session.sql(f"MSCK REPAIR TABLE {name}")


def _attach_plain_name(session: SparkSession, database: Database, tables: Sequence[str]) -> None:
    session.sql(f"CREATE DATABASE IF NOT EXISTS {quote_name(database.name)}")
    for table in tables:
        source = f"{quote_name(database.unique_name)}.{quote_name(table)}"
        session.sql(f"CREATE OR REPLACE VIEW {quote_name(database.name)}.{quote_name(table)} AS SELECT * FROM {source}")
