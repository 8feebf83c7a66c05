"""The platform's databases as Spark SQL sees them: made, filled, read. No call of the platform's API makes a database or writes
a table; Spark does, through the file system classes of the cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from common.errors import AppError
from common.platform import Database, TableChange
from common.platform.names import parse_table_name
from common.spark import Cluster

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_WHOLE = str(1 << 40)
"""Bytes: more than any file, so that Spark reads each file as one partition and writes one for each."""

_MODES = {"new": "errorifexists", "append": "append", "overwrite": "overwrite"}


class Metastore:
    """Spark's catalogue of databases. Refusals of Spark's are `AppError` 92."""

    def __init__(self, cluster: Cluster, location: str) -> None:
        self._cluster = cluster
        self._location = location

    @cached_property
    def _session(self) -> SparkSession:
        """The run's Spark with settings of our own: a staged file is copied whole, its rows in their order."""
        session = self._cluster.session.newSession()
        session.conf.set("spark.sql.files.maxPartitionBytes", _WHOLE)
        session.conf.set("spark.sql.files.openCostInBytes", _WHOLE)
        session.conf.set("spark.sql.parquet.compression.codec", "zstd")
        session.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        return session

    def create_database(self, name: str) -> None:
        """Makes a database, or does nothing if there is one of that name."""
        location = self._location.replace("\\", "\\\\").replace("'", "\\'")
        with _failures(f"database {name} could not be made"):
            self._session.sql(f"CREATE DATABASE IF NOT EXISTS `{name}` LOCATION '{location}'")

    def drop_database(self, name: str) -> None:
        """Removes a database with its tables."""
        with _failures(f"database {name} could not be removed"):
            self._session.sql(f"DROP DATABASE IF EXISTS `{name}` CASCADE")

    def has_table(self, database: Database, table: str) -> bool:
        """Whether a database has a table of this name."""
        with _failures(f"table {table} of {database.name} could not be looked up"):
            return bool(
                self._session.catalog.tableExists(f"`{self._known_name(database)}`.`{parse_table_name(table)}`")
            )

    def write_table(self, database: Database, change: TableChange, folder: str) -> None:
        """Does to a table what a change says, with the staged files below `folder`."""
        table = f"`{self._known_name(database)}`.`{parse_table_name(change.table)}`"
        with _failures(f"table {change.table} of {database.name} could not be written"):
            if change.files:
                paths = [f"{folder}/{file}" for file in change.files]
                frame = self._session.read.option("basePath", folder).parquet(*paths)
                writer = frame.write.format("parquet").mode(_MODES[change.mode])
                writer.partitionBy(*partition_columns(change.files)).saveAsTable(table)
            elif change.mode == "overwrite":
                self._session.sql(f"TRUNCATE TABLE {table}")

    def drop_table(self, database: Database, table: str) -> None:
        """Removes a table with its files, if there is one."""
        with _failures(f"table {table} of {database.name} could not be removed"):
            self._session.sql(f"DROP TABLE IF EXISTS `{self._known_name(database)}`.`{parse_table_name(table)}`")

    def copy_out(self, database: Database, table: str, folder: str) -> None:
        """Writes a table's rows as Parquet files below `folder`, where tasks can read them, partition folders and all."""
        name = f"`{self._known_name(database)}`.`{parse_table_name(table)}`"
        with _failures(f"table {table} of {database.name} could not be read"):
            partitions = [each.name for each in self._session.catalog.listColumns(name) if each.isPartition]
            self._session.table(name).write.mode("overwrite").partitionBy(*partitions).parquet(folder)

    def _known_name(self, database: Database) -> str:
        """The platform's catalogue knows a database by its unique name; the session that made it may know its own name only."""
        for name in (database.unique_name, database.name):
            if self._session.catalog.databaseExists(name):
                return name
        raise AppError(91, f"Spark's catalogue does not know database {database.name} ({database.id})")


def partition_columns(files: Sequence[str]) -> list[str]:
    """The columns that the folders of staged files name.

    >>> partition_columns(["chr=1/bin=0/part-00000.parquet"])
    ['chr', 'bin']
    """
    folders = PurePosixPath(files[0]).parts[:-1] if files else ()
    return [part.partition("=")[0] for part in folders if "=" in part]


@contextmanager
def _failures(what: str) -> Iterator[None]:
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JError, PySparkException) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise AppError(92, f"{what}: {lines[0] if lines else type(error).__name__}") from None
