"""The platform's databases as Spark SQL sees them: made, filled, read. No call of the platform's API makes a database or writes
a table; Spark does, through the file system classes of the cluster.

A database that a job makes, and a table that it makes or writes to, carries the job's mark in the metastore until the publish
is done. So two jobs see each other, unless both look at the same instant, and a later job can tell what a killed job left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import uuid4

from common.dataset.database import Database
from common.errors import AppError, Rule
from common.platform import TableChange
from common.platform.names import parse_table_name
from common.spark.session import Cluster
from common.spark.tables import partition_columns, quote_text, table_definition, table_schema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_WHOLE = str(1 << 40)
"""Bytes: more than any file, so that Spark reads each file as one partition and writes one for each."""

_MARK = "loaders.unpublished"
"""The property that holds a mark: of a database the job's id, of a table a `ChangeMode` and the job's id."""

_ROWS = re.compile(r"/rows-[0-9a-f]{32}$")
"""The end of the location of a replaced table: a folder inside the table's own."""

_HALF_WRITTEN = "Some of its rows may be there: see to the cause named above, then load the whole table again, with insert_mode overwrite."


class Metastore:
    """Spark's catalogue of databases. Refusals of Spark's are `AppError` 92."""

    def __init__(self, cluster: Cluster, location: str) -> None:
        self._cluster = cluster
        self._location = location
        self._copied_from: dict[str, str] = {}

    @cached_property
    def _session(self) -> SparkSession:
        """A session that copies each staged file whole, with its rows in their order."""
        session = self._cluster.session.newSession()
        session.conf.set("spark.sql.files.maxPartitionBytes", _WHOLE)
        session.conf.set("spark.sql.files.openCostInBytes", _WHOLE)
        session.conf.set("spark.sql.parquet.compression.codec", "zstd")
        session.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        return session

    def create_database(self, name: str, job_id: str) -> None:
        """Makes a database with this job's mark, or does nothing if there is one of that name."""
        with _failures(f"database {name} could not be made"):
            self._session.sql(
                f"CREATE DATABASE IF NOT EXISTS `{name}` LOCATION {quote_text(self._location)}"
                f" WITH DBPROPERTIES ('{_MARK}' = '{_write_mark(job_id)}')"
            )

    def take_over(self, database: Database, job_id: str) -> None:
        """Puts this job's mark on a database, and removes the tables that a killed job left in it."""
        self.mark_database(database, job_id)
        name = self._known_name(database)
        with _failures(f"what a job left in database {database.name} could not be removed"):
            for table in self._session.catalog.listTables(name):
                self._session.sql(f"DROP TABLE IF EXISTS `{name}`.`{table.name}`")

    def database_mark(self, database: Database) -> str:
        """The id of the job that made a database and has not published yet; else empty."""
        with _failures(f"database {database.name} could not be looked up"):
            if (name := self._find_name(database)) is None:
                return ""
            lines = self._session.sql(f"DESCRIBE DATABASE EXTENDED `{name}`").collect()
        shown = " ".join(line[1] for line in lines if line[0] == "Properties")
        found = re.search(rf"\({re.escape(_MARK)},\s*([0-9a-f]+)\)", shown)
        return _read_mark(found[1]) if found else ""

    def mark_database(self, database: Database, job_id: str) -> None:
        """Puts this job's mark on a database, in place of any other."""
        with _failures(f"database {database.name} could not be marked"):
            self._session.sql(
                f"ALTER DATABASE `{self._known_name(database)}` SET DBPROPERTIES ('{_MARK}' = '{_write_mark(job_id)}')"
            )

    def release_database(self, database: Database) -> None:
        """Takes the mark off a database."""
        self.mark_database(database, "")

    def drop_database(self, database: Database) -> None:
        """Removes a database with its tables, if Spark knows it."""
        with _failures(f"database {database.name} could not be removed"):
            if name := self._find_name(database):
                self._session.sql(f"DROP DATABASE `{name}` CASCADE")

    def has_table(self, database: Database, table: str) -> bool:
        """Whether a database has a table of this name."""
        name = self._table_name(database, table)
        with _failures(f"table {table} of {database.name} could not be looked up"):
            return bool(self._session.catalog.tableExists(name))

    def table_mark(self, database: Database, table: str) -> str | None:
        """The mark of a table; empty if it has none, None if there is no such table."""
        if not self.has_table(database, table):
            return None
        with _failures(f"table {table} of {database.name} could not be looked up"):
            properties = self._session.sql(f"SHOW TBLPROPERTIES {self._table_name(database, table)}").collect()
        return next((_read_mark(each["value"]) for each in properties if each["key"] == _MARK), "")

    def claim_table(self, database: Database, change: TableChange, folder: str, job_id: str) -> None:
        """Puts this job's mark on the table of a change; makes a new one, empty, of the form of the staged files below `folder`.

        Raises `AppError` 82 if another job claimed the table first, or if a table to replace has changed since it was copied
        out.
        """
        if change.mode == "new":
            self._make_table(database, change, folder, job_id)
        else:
            with _failures(f"table {change.table} of {database.name} could not be written"):
                table, mark = self._table_name(database, change.table), _write_mark(f"{change.mode} {job_id}")
                self._session.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ('{_MARK}' = '{mark}')")
            self._check_mark(database, change, job_id)
            if change.mode == "replace" and self._rows_location(table) != self._copied_from.get(table):
                self.release_table(database, change.table)
                text = f"another job changed table {change.table} of database {database.name} while this one ran"
                raise AppError(Rule.TABLE_DIFFERS, text, "Run this job again: it will then see the other job's rows.")

    def write_table(self, database: Database, change: TableChange, folder: str, job_id: str) -> None:
        """Applies a change to a claimed table, with the staged files below `folder`; without files, empties it."""
        table = self._table_name(database, change.table)
        remedy = _HALF_WRITTEN if change.mode in ("append", "overwrite") else ""
        with _failures(f"table {change.table} of {database.name} could not be written", remedy):
            if not change.files:
                self._session.sql(f"{'DROP' if change.mode == 'remove' else 'TRUNCATE'} TABLE {table}")
                return
            if change.mode == "replace":
                self._replace_rows(table, change, folder)
                return
            if change.mode == "overwrite":  # its columns may be others, and Spark's own overwrite would lose the mark
                self.drop_table(database, change.table)
                self._make_table(database, change, folder, job_id)
            writer = self._read(change, folder).write.format("parquet").mode("append")
            writer.partitionBy(*partition_columns(change.files)).saveAsTable(table)

    def _replace_rows(self, table: str, change: TableChange, folder: str) -> None:
        """Writes the rows to a new folder, then points the table at it. This is one change in the metastore: a reader gets
        all old rows or all new ones."""
        own_folder = _ROWS.sub("", self._rows_location(table))
        rows = f"rows-{uuid4().hex}"
        self._read(change, folder).write.parquet(f"{own_folder}/{rows}")
        self._session.sql(f"ALTER TABLE {table} SET LOCATION {quote_text(f'{own_folder}/{rows}')}")
        self._clear(own_folder, rows)

    def _rows_location(self, table: str) -> str:
        """Where the rows of a table are: another folder each time that it is replaced."""
        described = self._session.sql(f"DESCRIBE TABLE EXTENDED {table}").collect()
        # The last row of that name: a column may have it too, and columns come first.
        return [str(each["data_type"]) for each in described if each["col_name"] == "Location"][-1]

    def _clear(self, folder: str, kept: str) -> None:
        """Removes everything but `kept` from a folder of the cluster's file system: old rows, and what killed jobs left."""
        from common.spark.internals import hadoop_folder

        files, path = hadoop_folder(self._session, folder)
        for each in files.listStatus(path):
            if each.getPath().getName() != kept:
                files.delete(each.getPath(), True)

    def _make_table(self, database: Database, change: TableChange, folder: str, job_id: str) -> None:
        with _failures(f"table {change.table} of {database.name} could not be made"):
            schema, mark = table_schema(self._session, folder, change.files), _write_mark(f"{change.mode} {job_id}")
            self._session.sql(
                f"CREATE TABLE IF NOT EXISTS {self._table_name(database, change.table)}"
                f" {table_definition(schema, partition_columns(change.files))}"
                f" TBLPROPERTIES ('{_MARK}' = '{mark}')"
            )
        self._check_mark(database, change, job_id)

    def _check_mark(self, database: Database, change: TableChange, job_id: str) -> None:
        if self.table_mark(database, change.table) != f"{change.mode} {job_id}":
            text = f"another job is writing to table {change.table} of database {database.name}"
            raise AppError(Rule.TABLE_DIFFERS, text, "Run this job again when that one has ended.")

    def _read(self, change: TableChange, folder: str) -> DataFrame:
        schema = table_schema(self._session, folder, change.files)
        files = (f"{folder}/{file}" for file in change.files)
        return self._session.read.schema(schema).option("basePath", folder).parquet(*files)

    def release_table(self, database: Database, table: str) -> None:
        """Takes the mark off a table."""
        with _failures(f"table {table} of {database.name} could not be published"):
            self._session.sql(
                f"ALTER TABLE {self._table_name(database, table)} UNSET TBLPROPERTIES IF EXISTS ('{_MARK}')"
            )

    def drop_table(self, database: Database, table: str) -> None:
        """Removes a table with its files, if there is one."""
        with _failures(f"table {table} of {database.name} could not be removed"):
            self._session.sql(f"DROP TABLE IF EXISTS {self._table_name(database, table)}")

    def copy_out(self, database: Database, table: str, folder: str) -> None:
        """Writes a table's rows as Parquet files below `folder`, where tasks can read them, partition folders and all."""
        name = self._table_name(database, table)
        with _failures(f"table {table} of {database.name} could not be read"):
            # Read before the rows are, so that a table replaced in between is seen to have changed.
            self._copied_from[name] = self._rows_location(name)
            partitions = [each.name for each in self._session.catalog.listColumns(name) if each.isPartition]
            self._session.table(name).write.mode("overwrite").partitionBy(*partitions).parquet(folder)

    def _table_name(self, database: Database, table: str) -> str:
        return f"`{self._known_name(database)}`.`{parse_table_name(table)}`"

    def _known_name(self, database: Database) -> str:
        if (name := self._find_name(database)) is None:
            raise AppError(Rule.NOT_FOUND, f"Spark's catalogue does not know database {database.name} ({database.id})")
        return name

    def _find_name(self, database: Database) -> str | None:
        """The platform's catalogue knows a database by its unique name; the session that made it may know its own name only."""
        names = (database.unique_name, database.name)
        return next((name for name in names if self._session.catalog.databaseExists(name)), None)


def _write_mark(text: str) -> str:
    """A mark in hexadecimal digits: Spark hides a property whose value has `url`, `token` or the like in it, as an id may."""
    return text.encode().hex()


def _read_mark(written: str) -> str:
    return bytes.fromhex(written).decode()


@contextmanager
def _failures(what: str, remedy: str = "") -> Iterator[None]:
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JError, PySparkException) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise AppError(Rule.SPARK_FAILED, f"{what}: {lines[0] if lines else type(error).__name__}", remedy) from None
