"""The local project: objects by id, path or name, for jobs and for readers."""

from __future__ import annotations

import os
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.dataset.database import Database, Link
from common.errors import AppError, Rule
from common.nearest import nearest_remedy
from common.platform import InputFile, Record
from common.platform.local import disk
from common.platform.local.staging import JobPlace, LocalStaging
from common.platform.local.store import Object, ProjectStore, build_object, now, project_folder
from common.platform.names import ObjectReference, check_database_id, is_id, new_id, parse_reference
from common.platform.records import LARGEST_DESCRIPTOR, choose_record, parse_record, unpack_descriptor

_REMOTE_SCHEMES = ("s3", "hdfs")  # read by the tasks; whether the file is there, they find out
_SCHEMES = ("file://", "s3://", "hdfs://")

_CHECK = "Check the name."


class LocalProject:
    """`Platform` in a directory, as one job or one request sees it. A database stays at the version at which it was found.

    The directory is made if it is missing. Raises `AppError` 91 if it cannot be used.
    """

    def __init__(self, path: str | Path, job_id: str | None = None) -> None:
        self.job_id = job_id or new_id("job")
        if not is_id(self.job_id, "job"):
            raise ValueError(f"{job_id!r} is not a job id")
        self._store = ProjectStore(project_folder(path))
        self._place: JobPlace | None = None

    @property
    def id(self) -> str:
        """The project's own id."""
        return self._store.id

    def open_file(self, value: str | Link) -> InputFile:
        if reference := parse_reference(value):
            described = self._describe_reference(reference, "file")
            return InputFile(described["name"], str(self.file_path(reference.id)), reference.id)
        text = str(value)
        scheme, separator, _ = text.partition("://")
        if not separator:
            return _open_local(Path(text), text)
        if scheme == "file":
            return _open_local(Path(urllib.request.url2pathname(urllib.parse.urlsplit(text).path)), text)
        name = text.rpartition("/")[2]
        if scheme not in _REMOTE_SCHEMES or not name:
            remedy = f"Give a path, an id or a link, or the URI of a file that starts with {', '.join(_SCHEMES)}."
            raise AppError(Rule.NOT_FOUND, f"{text!r} is not a file that can be read", remedy)
        return InputFile(name, text)

    def find_record(self, value: str | Link) -> Record:
        reference = parse_reference(value)
        described = self._describe_reference(reference, "record") if reference else self._find_by_name(str(value))
        return parse_record(described)

    def _find_by_name(self, name: str) -> Object:
        found = self.find_objects("record", name, "Dataset") or self.find_objects("record", name)
        return choose_record(
            name,
            found,
            "" if found else nearest_remedy(name, [each["name"] for each in self.find_objects("record")], _CHECK),
        )

    def read_descriptor(self, record: Record) -> dict[str, Any]:
        reference = parse_reference(record.details["descriptor"])
        path = self.file_path(reference.id if reference else "")
        try:
            with os.fdopen(disk.open_own(path, os.O_RDONLY), "rb") as file:
                content = file.read(LARGEST_DESCRIPTOR)
        except OSError as error:
            raise AppError(
                Rule.NOT_A_DATASET, f"the descriptor of record {record.name} cannot be read: {error}"
            ) from None
        return unpack_descriptor(content, record)

    def find_database(self, database_id: str) -> Database:
        check_database_id(database_id)
        database = _database(self.describe(database_id))
        self._store.versions(database.unique_name).pin()
        return database

    def has_table(self, database: Database, table: str) -> bool:
        return bool(self.table_files(database, table))

    def table_files(self, database: Database, table: str) -> list[str]:
        versions = self._store.versions(database.unique_name)
        folder = versions.path(versions.seen or "") / table
        return [str(folder / file) for file in versions.table_files(table)]

    def stage(self, database: Database | None) -> LocalStaging:
        return LocalStaging(self._store, self.job_id, database, self._place)

    def close(self) -> None:
        """No-op: nothing is created before publish."""

    def describe(self, object_id: str) -> dict[str, Any]:
        """What is known of an object: id, class, name, state, created and modified in ms, details, properties, and what its
        class has besides. Raises `AppError` 91 if there is none."""
        described = self._store.read(object_id) if is_id(object_id) else None
        if described is None:
            raise AppError(Rule.NOT_FOUND, f"there is no object {object_id!r} in this project")
        return described

    def _describe_reference(self, reference: ObjectReference, kind: str) -> Object:
        if reference.project not in {None, self.id}:
            text = f"{reference.id} is in project {reference.project}, and this is {self.id}"
            raise AppError(Rule.NOT_FOUND, text, "Run the job in the project that holds the object.")
        if not is_id(reference.id, kind):
            raise AppError(Rule.NOT_FOUND, f"{reference.id} is not a {kind}", f"Give the id, link or name of a {kind}.")
        return self.describe(reference.id)

    def find_objects(
        self, class_: str | None = None, name: str | None = None, type_: str | None = None
    ) -> list[dict[str, Any]]:
        """Objects of this class, with exactly this name and of this type, as `describe` answers them, oldest first."""
        return [
            each for each in self._store.read_all()
            if (class_ is None or each["class"] == class_)
            and (name is None or each["name"] == name)
            and (type_ is None or type_ in each["types"])
        ]  # fmt: skip

    def file_path(self, file_id: str) -> Path:
        """Where the content of a file object lies. Raises `AppError` 91 if there is none."""
        described = self.describe(file_id)
        path: Path = self._store.files / file_id / described["name"]
        disk.check_own(self._store.root, path)
        if not path.is_file():
            raise AppError(Rule.NOT_FOUND, f"the content of {file_id} is gone", "Restore the project's folder.")
        return path

    def databases(self) -> list[Database]:
        """All databases of the project, oldest first."""
        return [_database(each) for each in self.find_objects("database")]

    def tables(self, database: Database) -> list[str]:
        """Names of the tables of a database, sorted."""
        return self._store.versions(database.unique_name).tables()

    @property
    def is_at_work(self) -> bool:
        """Whether this job has begun and not ended."""
        return self._place is not None

    def write_job(
        self,
        app: str,
        state: str,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any] | None = None,
        error: Mapping[str, Any] | None = None,
    ) -> None:
        """Writes this job's own object: once when it starts (`running`), once when it ends (`done`, `failed`). In between the job
        holds its place in the project, and whoever sweeps that of a killed job corrects its object.

        Raises `AppError` 90 if this job is already running. `inputs` and `outputs` are as in the job files; `error` holds `type` and `message` as `job_error.json` does.
        """
        if state == "running":
            self._place = JobPlace(self._store, self.job_id)
        described = build_object(self.job_id, app, self.id, self.job_id, state=state)
        if earlier := self._store.read(self.job_id):
            described["created"] = earlier["created"]
        described |= {
            "executableName": app,
            "input": dict(inputs),
            "output": None if outputs is None else dict(outputs),
        }
        if error is not None:
            described |= {"failureReason": error["type"], "failureMessage": error["message"]}
        if state != "running":
            described["stoppedRunning"] = now()
        try:
            self._store.write_at_once(described)
        finally:
            if state != "running" and self._place:
                self._place.close()
                self._place = None


def _open_local(path: Path, shown: str) -> InputFile:
    try:
        if path.is_file():
            return InputFile(path.name, str(path.absolute()))
        if path.is_dir():
            raise AppError(Rule.NOT_FOUND, f"{shown} is a folder, not a file", "Give the file itself.")
        siblings = [each.name for each in path.parent.iterdir() if each.is_file()] if path.parent.is_dir() else []
    except (OSError, ValueError) as error:  # no permission, a name too long, a NUL in it
        raise AppError(
            Rule.NOT_FOUND,
            f"{shown[:200]!r} cannot be opened: {getattr(error, 'strerror', error)}",
            "Check the path and your permission.",
        ) from None
    raise AppError(Rule.NOT_FOUND, f"there is no file {shown[:200]!r}", nearest_remedy(path.name, siblings, _CHECK))


def _database(described: Object) -> Database:
    return Database(described["id"], described["databaseName"], described["uniqueDatabaseName"])
