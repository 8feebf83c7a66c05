"""Databases by name in a Spark session: external tables over the Parquet folders that a project holds.

The session's catalogue is a view of the project, made anew each time, never the source of truth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from common.platform import Database

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def attach_databases(session: SparkSession, databases: Sequence[tuple[Database, Mapping[str, str]]]) -> None:
    """Makes each database, given with its tables as name to folder, known to SQL by its unique name.

    A database whose plain name no other one has is known by that too; if there is only one, it is the current one.
    """
    for database, folders in databases:
        session.sql(f"CREATE DATABASE IF NOT EXISTS {quote_name(database.unique_name)}")
        for table, folder in folders.items():
            _attach_table(session, f"{quote_name(database.unique_name)}.{quote_name(table)}", folder)
    plain = Counter(database.name.lower() for database, _ in databases)
    for database, folders in databases:
        if plain[database.name.lower()] == 1 and database.name.lower() != "default":
            _attach_plain_name(session, database, folders)
    if len(databases) == 1:
        session.sql(f"USE {quote_name(databases[0][0].unique_name)}")


def quote_name(name: str) -> str:
    """An SQL identifier, whatever characters it has.

    >>> quote_name("a`b")
    '`a``b`'
    """
    return "`" + name.replace("`", "``") + "`"


def quote_text(text: str) -> str:
    r"""An SQL string literal in Spark's default notation, where a backslash escapes.

    >>> quote_text("it's")
    "'it\\'s'"
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _attach_table(session: SparkSession, name: str, folder: str) -> None:
    # A folder is meant as it is spelt: its brackets and stars are no pattern.
    options = "OPTIONS (`__globPaths__` 'false')"
    session.sql(f"CREATE TABLE IF NOT EXISTS {name} USING parquet {options} LOCATION {quote_text(folder)}")
    partitions = [each.name for each in session.catalog.listColumns(name) if each.isPartition]
    if partitions:
        # Without this the catalogue knows of no partition, and the table reads as empty.
        session.sql(f"MSCK REPAIR TABLE {name}")


def _attach_plain_name(session: SparkSession, database: Database, folders: Mapping[str, str]) -> None:
    session.sql(f"CREATE DATABASE IF NOT EXISTS {quote_name(database.name)}")
    for table in folders:
        source = f"{quote_name(database.unique_name)}.{quote_name(table)}"
        session.sql(f"CREATE OR REPLACE VIEW {quote_name(database.name)}.{quote_name(table)} AS SELECT * FROM {source}")
