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
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from common.dataset.database import Database, unique_database_name
from common.errors import AppError, Rule
from common.json_text import schema_faults
from common.platform import Published, RecordDraft, Staging, TableChange
from common.platform.local import disk
from common.platform.local.store import (
    Mark,
    Object,
    ProjectStore,
    build_object,
    database_fields,
    now,
)
from common.platform.local.versions import DatabaseVersions
from common.platform.names import is_id, new_id, parse_file_name, parse_record_name, parse_table_name
from common.platform.records import DESCRIPTOR_NAME, build_details, pack_descriptor

_JOURNAL = "journal.json"


@dataclass
class _Publication:
    """What one publish makes. `contents` are files by id: a path to copy, or the bytes themselves."""

    version: str | None = None
    objects: list[Object] = field(default_factory=list)
    contents: dict[str, Path | bytes] = field(default_factory=dict)
    record: str | None = None
    files: dict[str, str] = field(default_factory=dict)


class JobPlace:
    """The folder of one job, locked while the job lives; opening it sweeps the project.

    Raises `AppError` 90 if this job is already running.
    """

    def __init__(self, store: ProjectStore, job_id: str) -> None:
        self.folder = store.staged / job_id
        self._store = store
        with disk.locked(store.lock):
            sweep(store)
            disk.check_own(store.root, self.folder)
            self.folder.mkdir(exist_ok=True)
            try:
                self._lock = disk.hold_if_free(self.folder / "lock")
            except BaseException:
                disk.remove(store.root, self.folder)
                raise
        if self._lock is None:
            text = f"job {job_id} is already running in this project"
            raise AppError(Rule.JOB_INPUT, text, "Wait for it to end, or stop it.")

    def close(self) -> None:
        """Removes the folder, and what its job made and did not commit."""
        with disk.locked(self._store.lock):
            _sweep_folder(self._store, self.folder)
            if self._lock:
                self._lock.close()


class LocalStaging(Staging):
    """`Staging` of a local project, in the place of its job, or in one of its own."""

    def __init__(self, store: ProjectStore, job_id: str, database: Database | None, place: JobPlace | None) -> None:
        self._store = store
        self._job_id = job_id
        if database and not database.id:
            database_id = new_id("database")
            unique_name = unique_database_name(database_id, database.name)
            database = replace(database, id=database_id, unique_name=unique_name)
        super().__init__(database)
        self._versions: DatabaseVersions | None = store.versions(database.unique_name) if database else None
        if self._versions:
            self._versions.pin()
        self._place = place or JobPlace(store, job_id)
        self._is_own_place = place is None
        self._folder = self._place.folder

    def _make_folder(self, kind: str, name: str) -> str:
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
        if self._is_own_place:
            self._place.close()
        else:
            with disk.locked(self._store.lock):
                _sweep_staged(self._store, self._folder)

    def _check_staged(self, tables: Sequence[TableChange]) -> None:
        if tables and not self._database:
            raise ValueError("this staging was opened without a database")
        for change in tables:
            folder = self._folder / "tables" / parse_table_name(change.table)
            for file in change.files:
                path = PurePosixPath(file)
                if path.is_absolute() or any(part.startswith(".") for part in path.parts) or path.suffix != ".parquet":
                    raise ValueError(f"{file!r} is not a Parquet file below a staged table folder")
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
            details = build_details(record, descriptor_id)
            planned.record = new_id("record")
            planned.objects.append(self._object(planned.record, name, types=["Dataset"], details=details))
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
        disk.write_whole(self._folder / _JOURNAL, json.dumps(journal).encode(), self._folder)

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
        """Makes all visible. What fails behind the commit does not undo it, and is told by `doubt`."""
        if not planned.objects and not planned.version:
            return
        self.has_published = True  # a signal that comes now comes too late
        try:
            self._make_visible(planned)
        except OSError as error:
            if not self._is_visible(planned):
                self.has_published = False
                raise
            self.doubt = f"all is published, but the disk did not confirm it: {error.strerror}"
        if planned.version and self._versions:
            with suppress(OSError, AppError):  # the next publish prunes what this one could not
                self._versions.move_on()

    def _make_visible(self, planned: _Publication) -> None:
        if planned.version and self._versions:
            mark: Mark = {"database": self._versions.unique_name, "version": planned.version}
            for each in planned.objects:
                self._store.write(each, mark, self._folder)
            self._versions.commit(planned.version, self._folder)
        else:
            *others, anchor = planned.objects
            for each in others:
                self._store.write(each, {"anchor": anchor["id"]}, self._folder)
            self._store.write(anchor, None, self._folder)

    def _is_visible(self, planned: _Publication) -> bool:
        if planned.version and self._versions:
            return self._versions.current() == planned.version
        return self._store.read(planned.objects[-1]["id"]) is not None


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
    """Removes what one job made and did not commit, and, if it was killed, says so in its object.

    Raises `AppError` 91, and removes nothing, if the journal is not one that this job wrote."""
    published = [each for each in _sweep_staged(store, folder) if each.startswith("record-")]
    job = store.read(folder.name)
    if job and job["state"] == "running":
        told = f"The Dataset is published all the same: {published[0]}." if published else "Nothing was published."
        job |= {"state": "failed", "stoppedRunning": now(), "failureReason": "AppError"}
        job["failureMessage"] = f"The run was killed before it was done. {told}"
        store.write(job, None, folder)
    disk.remove(store.root, folder / _JOURNAL)
    disk.remove(store.root, folder)


def _sweep_staged(store: ProjectStore, folder: Path) -> list[str]:
    """Removes what one job staged, and what it made and did not commit. The journal stays, so that a sweep cut short is done
    again. Returns the ids of what it committed."""
    objects, version = _read_journal(folder)
    for name in ("tables", "scratch"):  # first, as this makes room on a full disk
        disk.remove(store.root, folder / name)
    for object_id in objects:
        store.remove_invisible(object_id, folder.name)
    if version:
        store.versions(version[0]).sweep(version[1])
    return [object_id for object_id in objects if store.read(object_id)]


def _read_journal(folder: Path) -> tuple[list[str], list[str] | None]:
    """The objects of a job's publish, and the database and version that it makes. Raises `AppError` 91 for a forged journal."""
    path = folder / _JOURNAL
    try:
        journal = disk.read_json(path)
    except FileNotFoundError:
        return [], None
    faults = schema_faults(journal, "journal", "the file")
    if not faults and journal["version"] and not journal["version"][1].endswith(f"-{folder.name}"):
        faults = [f"version: {journal['version'][1]} is of another job"]
    if faults:
        raise disk.refuse(path, f"is not the journal of a job, and nothing was removed: {'; '.join(faults)}")
    return journal["objects"], journal["version"]


def _media_type(name: str) -> str:
    media, encoding = mimetypes.guess_type(name)
    return "application/gzip" if encoding == "gzip" else media or "application/octet-stream"
