"""A job's private place in a project, the publish out of it, and the sweep of places whose job was killed.

    .staged/<job id>/lock          held while the job lives; the kernel lets go of it when the job dies, however it dies
    .staged/<job id>/journal.json  what the publish is about to make: written before any of it
    .staged/<job id>/tables/…      staged tables
    .staged/<job id>/scratch/…     what is never published

Order of a publish: journal, new version of the database, files, objects, commit. The commit is one rename: of the link to the
database's version, or, where no table changes, of the last object. Whoever finds the place of a dead job removes what its
journal names and no commit made visible, so a sweep costs what was left, not what the project holds.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from common.errors import AppError
from common.json_text import schema_faults
from common.platform import Database, Published, RecordDraft, TableChange
from common.platform.local import disk
from common.platform.local.store import (
    Mark,
    Object,
    ProjectStore,
    build_object,
    database_fields,
)
from common.platform.local.versions import DatabaseVersions
from common.platform.names import is_id, new_id, parse_file_name, parse_record_name, parse_table_name
from common.platform.records import DESCRIPTOR_NAME, build_details, pack_descriptor


@dataclass
class _Publication:
    """What one publish makes. `contents` are files by id: a path to copy, or the bytes themselves."""

    version: str | None = None
    objects: list[Object] = field(default_factory=list)
    contents: dict[str, Path | bytes] = field(default_factory=dict)
    record: str | None = None
    files: dict[str, str] = field(default_factory=dict)


class LocalStaging:
    """`Staging` of a local project; opening it sweeps the project. Raises `AppError` 90 if this job is already running."""

    def __init__(self, store: ProjectStore, job_id: str, database: Database | None) -> None:
        self._store = store
        self._job_id = job_id
        self._database = database
        self._versions: DatabaseVersions | None = store.versions(database.unique_name) if database else None
        if self._versions:
            self._versions.pin()
        self._folder = store.staged / job_id
        self._lock = self._open()

    def _open(self) -> IO[bytes]:
        with disk.locked(self._store.lock):
            sweep(self._store)
            disk.check_own(self._store.root, self._folder)
            self._folder.mkdir(exist_ok=True)
            lock = disk.hold_if_free(self._folder / "lock")
        if lock is None:
            text = f"job {self._job_id} is already running in this project"
            raise AppError(90, text, "Wait for it to end, or stop it.")
        return lock

    def table_folder(self, table: str) -> str:
        return self._subfolder("tables", parse_table_name(table))

    def scratch_folder(self, name: str) -> str:
        return self._subfolder("scratch", parse_file_name(name))

    def _subfolder(self, kind: str, name: str) -> str:
        folder = self._folder / kind / name
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)

    def publish(
        self, tables: Sequence[TableChange], record: RecordDraft | None, files: Mapping[str, Path]
    ) -> Published:
        self._check_staged(tables)
        publication = self._plan(tables, record, files)
        self._write_journal(publication)
        with self._versions.publishing() if self._versions and (tables or record) else nullcontext():
            if publication.version and self._versions:
                self._versions.check(tables)
                self._versions.build(publication.version, tables, self._folder / "tables")
            self._write_files(publication)
            self._commit(publication)
        return Published(publication.record, publication.files)

    def close(self) -> None:
        with disk.locked(self._store.lock):
            _sweep_folder(self._store, self._folder)
            self._lock.close()

    def _check_staged(self, tables: Sequence[TableChange]) -> None:
        if tables and not self._database:
            raise ValueError("this staging was opened without a database")
        for change in tables:
            folder = self._folder / "tables" / parse_table_name(change.table)
            for file in change.files:
                path = PurePosixPath(file)
                if path.is_absolute() or any(part.startswith(".") for part in path.parts) or path.suffix != ".parquet":
                    raise ValueError(f"{file!r} is no Parquet file below a staged table folder")
                if not (folder / file).is_file():
                    raise ValueError(f"{file!r} was not staged for table {change.table}")

    def _plan(
        self, tables: Sequence[TableChange], record: RecordDraft | None, files: Mapping[str, Path]
    ) -> _Publication:
        planned = _Publication()
        if self._versions and self._database and (tables or record):  # a report alone makes no database
            is_first = self._versions.seen is None
            if tables or is_first:
                planned.version = self._versions.next_name(self._job_id)
            if is_first:
                fields = database_fields(self._database)
                planned.objects.append(self._object(self._database.id, self._database.name, **fields))
        for output, path in files.items():
            planned.files[output] = self._plan_file(planned, parse_file_name(path.name), path)
        if record:
            name = parse_record_name(record.name)
            descriptor_id = self._plan_file(planned, DESCRIPTOR_NAME, pack_descriptor(record.descriptor))
            details, properties = build_details(record, descriptor_id), dict(record.properties)
            planned.record = new_id("record")
            planned.objects.append(
                self._object(planned.record, name, types=["Dataset"], details=details, properties=properties)
            )
        return planned

    def _plan_file(self, planned: _Publication, name: str, content: Path | bytes) -> str:
        file_id = new_id("file")
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        planned.objects.append(self._object(file_id, name, size=size, media=_media_type(name)))
        planned.contents[file_id] = content
        return file_id

    def _object(self, object_id: str, name: str, **rest: Any) -> Object:
        return build_object(object_id, name, self._store.id, self._job_id, **rest)

    def _write_journal(self, planned: _Publication) -> None:
        version = [self._versions.unique_name, planned.version] if self._versions and planned.version else None
        journal = {"objects": [each["id"] for each in planned.objects], "version": version}
        disk.write_whole(self._folder / "journal.json", json.dumps(journal).encode(), self._folder)

    def _write_files(self, planned: _Publication) -> None:
        names = {each["id"]: each["name"] for each in planned.objects}
        for file_id, content in planned.contents.items():
            folder = self._store.files / file_id
            folder.mkdir()
            if isinstance(content, bytes):
                disk.write_whole(folder / names[file_id], content, self._folder)
            else:
                disk.copy_in(content, folder / names[file_id])
                disk.sync(folder)
        disk.sync(self._store.files)

    def _commit(self, planned: _Publication) -> None:
        if planned.version and self._versions:
            mark: Mark = {"database": self._versions.unique_name, "version": planned.version}
            for each in planned.objects:
                self._store.write(each, mark, self._folder)
            self._versions.commit(planned.version, self._folder)
            self._versions.move_on()
        elif planned.objects:
            *others, anchor = planned.objects
            for each in others:
                self._store.write(each, {"anchor": anchor["id"]}, self._folder)
            self._store.write(anchor, None, self._folder)


def sweep(store: ProjectStore) -> None:
    """Removes what killed jobs left. The caller holds the project's lock, so that no job is just opening its place."""
    for folder in store.staged.iterdir():
        if is_id(folder.name, "job") and folder.is_dir() and not folder.is_symlink():
            lock = disk.hold_if_free(folder / "lock")
            if lock:
                with lock:
                    _sweep_folder(store, folder)
        elif folder.name == "draft":
            disk.remove(store.root, folder)


def _sweep_folder(store: ProjectStore, folder: Path) -> None:
    """Removes what one job made and did not commit. The journal goes last, so that a sweep cut short is done again.

    Raises `AppError` 91, and removes nothing, if the journal is not one that this job wrote."""
    journal_path = folder / "journal.json"
    with suppress(FileNotFoundError):
        journal = disk.read_json(journal_path)
        faults = schema_faults(journal, "journal", "the file")
        if not faults and journal["version"] and not journal["version"][1].endswith(f"-{folder.name}"):
            faults = [f"version: {journal['version'][1]} is of another job"]
        if faults:
            raise disk.refuse(
                journal_path, f"is not the journal of a job, and nothing was removed: {'; '.join(faults)}"
            )
        for object_id in journal["objects"]:
            store.remove_invisible(object_id, folder.name)
        if journal["version"]:
            unique_name, version = journal["version"]
            store.versions(unique_name).sweep(version)
        disk.remove(store.root, journal_path)
    disk.remove(store.root, folder)


def _media_type(name: str) -> str:
    media, encoding = mimetypes.guess_type(name)
    return "application/gzip" if encoding == "gzip" else media or "application/octet-stream"
