"""`DxPlatform`: what an app may ask of the platform, answered by dxpy and the cluster's Spark."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from common.dataset.database import Database, Link
from common.errors import AppError, Rule
from common.platform import InputFile, Record
from common.platform.dx.metastore import Metastore
from common.platform.dx.objects import Objects, build_database
from common.platform.dx.staging import DxStaging, SharedFolder, check_is_whole
from common.platform.names import ObjectReference, check_database_id, parse_file_name, parse_reference
from common.platform.records import choose_record, parse_record, unpack_descriptor
from common.spark.session import Cluster

_LOCATION = "dnax://"
_STAGING = "hdfs:///tmp/loaders"


class DxPlatform:
    """`Platform` for a job of the platform's. Objects are made in the project that the job runs in.

    `stage` makes a new database, empty, through Spark; its id is known only then. `close` removes it again unless something
    was published. A database that a killed job left is cleared and used.
    """

    def __init__(self, job_id: str, cluster: Cluster) -> None:
        self.job_id = job_id
        self._objects = Objects(job_id)
        self._metastore = Metastore(cluster, os.environ.get("LOADER_DATABASE_LOCATION", _LOCATION))
        self._shared = SharedFolder(f"{os.environ.get('LOADER_STAGING', _STAGING)}/{job_id}")
        self._made: Database | None = None
        self._stagings: list[DxStaging] = []
        self._copied: dict[tuple[str, str], list[str]] = {}

    def open_file(self, value: str | Link) -> InputFile:
        reference = parse_reference(value)
        if reference is None:
            raise AppError(Rule.NOT_FOUND, f"{value!r} is not a file of the platform's", "Give a file's id or link.")
        described = self._objects.describe(reference, "file")
        if described["state"] != "closed":
            raise AppError(
                Rule.NOT_FOUND,
                f"file {described['name']} ({reference.id}) is still being written",
                "Wait until it is closed.",
            )
        return InputFile(described["name"], self._fetch(reference, parse_file_name(described["name"])), reference.id)

    def _fetch(self, reference: ObjectReference, name: str) -> str:
        """The file's content where all nodes can read it."""
        if self._shared.is_local:
            path = Path(self._shared.make("inputs", reference.id), name)
            self._objects.download(reference, path)
            return str(path)
        with tempfile.TemporaryDirectory() as folder:
            self._objects.download(reference, Path(folder, name))
            return self._shared.put(Path(folder, name), "inputs", reference.id, name)

    def find_record(self, value: str | Link) -> Record:
        reference = parse_reference(value)
        return parse_record(
            self._objects.describe(reference, "record") if reference else self._find_by_name(str(value))
        )

    def _find_by_name(self, name: str) -> dict[str, Any]:
        found = self._objects.find("record", name, "Dataset") or self._objects.find("record", name)
        return choose_record(name, found)

    def read_descriptor(self, record: Record) -> dict[str, Any]:
        reference = parse_reference(record.details["descriptor"])
        return unpack_descriptor(self._objects.read(reference.id if reference else ""), record)

    def _make_database(self, name: str) -> Database:
        for standing in self._objects.find("database", name):
            self._check_free(build_database(standing))
        self._metastore.create_database(name, self.job_id)
        made = replace(self._objects.find_database(name), is_new=True)
        self._check_free(made)  # again: another job may have made it since
        self._metastore.take_over(made, self.job_id)
        self._made = made
        return made

    def _check_free(self, database: Database) -> None:
        """Raises `AppError` 80 for a database that was published, or that a running job makes. What a killed job left is
        free, and so is an empty database without a mark."""
        maker = self._metastore.database_mark(database)
        if maker and not self._objects.is_left_by(maker):
            text = f"{maker} is making a database {database.name} now: {database.id}"
            raise AppError(Rule.DATABASE, text, "Wait for it to end, or give another name.")
        if not maker and self._objects.has_tables(database):
            text = f"the project has a database {database.name} already: {database.id}"
            raise AppError(Rule.DATABASE, text, "Give its id as database_id, or another name.")

    def _is_ours(self, database: Database) -> bool:
        """Whether a database that we made is still ours: a job that took us for ended may have taken it over."""
        return self._metastore.database_mark(database) in ("", self.job_id)

    def find_database(self, database_id: str) -> Database:
        check_database_id(database_id)
        return build_database(self._objects.describe(ObjectReference(database_id), "database"))

    def has_table(self, database: Database, table: str) -> bool:
        return self._published_mark(database, table) is not None

    def _published_mark(self, database: Database, table: str) -> str | None:
        """The mark of a table, empty if it has none; None if there is no table, or one that a job is making or was killed
        while making."""
        mark = self._metastore.table_mark(database, table)
        return None if mark is None or mark.startswith("new ") else mark

    def table_files(self, database: Database, table: str) -> list[str]:
        """As `Platform`; tasks cannot read the platform's tables by path, so Spark copies the table out, once a job."""
        key = (database.unique_name, table)
        if key not in self._copied:
            if (mark := self._published_mark(database, table)) is None:
                self._copied[key] = []
            else:
                check_is_whole(self._objects, database, table, mark)
                self._metastore.copy_out(database, table, "/".join((self._shared.spark_uri, "copied", *key)))
                self._copied[key] = self._shared.parquet_files("copied", *key)
        return self._copied[key]

    def stage(self, database: Database | None) -> DxStaging:
        if database and not database.id:
            database = self._make_database(database.name)
        self._stagings.append(DxStaging(self._objects, self._metastore, self._shared, database))
        return self._stagings[-1]

    def close(self) -> None:
        if self._made and not any(each.has_published for each in self._stagings) and self._is_ours(self._made):
            self._metastore.drop_database(self._made)
        if not self._stagings:
            self._shared.remove()
