"""The folder of a project, and its objects: one JSON file each, which holds what `describe` answers.

A publish writes its objects before its commit, each with a hidden mark that names the commit. An object is there for readers
if its commit happened: the database version that the mark names is in the history of the current one, or, where a publish
changes no table, the object that the mark names as its anchor has been written.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from common.dataset.database import Database, unique_database_name
from common.errors import AppError, Rule
from common.json_text import schema_faults
from common.platform.local import disk
from common.platform.local.versions import DatabaseVersions
from common.platform.names import is_database_name, is_id, is_one_line, new_id, parse_file_name

_MARK = ".commit"

Mark = dict[str, str]
"""`{"database": unique name, "version": …}` or `{"anchor": object id}`."""

Object = dict[str, Any]


def project_folder(path: str | Path) -> Path:
    """The folder that `--project` names. Raises `AppError` 91 for a URI, of which a path would make a folder named `s3:`."""
    if "://" in str(path):
        remedy = "Give the path of a folder, on a file system that all nodes share."
        raise AppError(Rule.NOT_FOUND, f"a project is a folder, and {str(path)!r} is a URI", remedy)
    return Path(path)


class ProjectStore:
    """A project's folders and objects. Makes the folder if it is missing; raises `AppError` 91 if it cannot be used."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.objects = self.root / "objects"
        self.files = self.root / "files"
        self.databases = self.root / "databases"
        self.staged = self.root / ".staged"
        self.lock = self.staged / "lock"
        self._versions: dict[str, DatabaseVersions] = {}
        try:
            for folder in (self.objects, self.files, self.databases, self.staged):
                folder.mkdir(parents=True, exist_ok=True)
                disk.check_own(self.root, folder)
            disk.check_own(self.root, self.databases / ".versions")
            self.id = self._read_id()
        except OSError as error:
            raise AppError(Rule.NOT_FOUND, f"{self.root} cannot be used as a project: {error.strerror}") from None

    def _read_id(self) -> str:
        path = self.root / "project.json"
        if not path.exists():
            with disk.locked(self.lock):
                if not path.exists():
                    project = {"id": new_id("project"), "class": "project", "name": self.root.name, "created": now()}
                    disk.write_whole(path, _json(project), self.staged)
        return str(self.describe()["id"])

    def describe(self) -> Object:
        """The project's own object: id, name, created."""
        path = self.root / "project.json"
        found = disk.read_json(path)
        kinds = {"id": str, "name": str, "created": int}
        if not isinstance(found, dict) or not all(isinstance(found.get(key), kind) for key, kind in kinds.items()):
            raise disk.refuse(path, "does not hold a project's id, name and time")
        if not is_id(found["id"], "project"):
            raise disk.refuse(path, f"holds {found['id']!r}, which is not a project id")
        return found

    def versions(self, unique_name: str) -> DatabaseVersions:
        """The versions of a database. The same name gives the same value, so that a pinned version stays pinned."""
        if not is_database_name(unique_name):
            raise AppError(Rule.DATABASE, f"{unique_name!r} is not the unique name of a database")
        if unique_name not in self._versions:
            self._versions[unique_name] = DatabaseVersions(self.databases, unique_name)
        return self._versions[unique_name]

    def read(self, object_id: str) -> Object | None:
        """An object as `describe` answers it; None if it is not there or its commit did not happen."""
        return self._visible(self._load(object_id), lambda name: self.versions(name).history())

    def read_all(self) -> Iterator[Object]:
        """All objects, oldest first."""
        found = [self._load(path.stem) for path in self.objects.glob("*-*.json") if is_id(path.stem)]
        history = cache(lambda name: self.versions(name).history())
        visible = (self._visible(each, history) for each in found)
        yield from sorted((each for each in visible if each), key=lambda each: (each["created"], each["id"]))

    def write(self, value: Object, mark: Mark | None, drafts: Path) -> None:
        """Makes or replaces an object. Without a mark it is visible at once."""
        marked = {**value, _MARK: mark} if mark else value
        disk.write_whole(self.objects / f"{value['id']}.json", _json(marked), drafts)

    def write_at_once(self, value: Object) -> None:
        """Makes or replaces an object that is part of no publish."""
        with disk.locked(self.lock):
            self.write(value, None, self.staged)

    def remove_invisible(self, object_id: str, job_id: str) -> None:
        """Removes what a killed job left of an object of its own whose commit did not happen."""
        written = self._load(object_id)
        if written is None or (written["createdBy"].get("job") == job_id and self.read(object_id) is None):
            disk.remove(self.root, self.files / object_id)
            disk.remove(self.root, self.objects / f"{object_id}.json")

    def _load(self, object_id: str) -> Object | None:
        if not is_id(object_id):
            return None
        path = self.objects / f"{object_id}.json"
        try:
            loaded: Object = disk.read_json(path)
        except FileNotFoundError:
            return None
        if faults := object_faults(loaded, object_id):
            raise disk.refuse(path, f"is not a {object_id.split('-')[0]} of a project: {'; '.join(faults)}")
        return loaded

    def _visible(self, value: Object | None, history: Callable[[str], frozenset[str]]) -> Object | None:
        if value is None or (mark := value.pop(_MARK, None)) is None:
            return value
        if "anchor" in mark:
            happened = (self.objects / f"{mark['anchor']}.json").is_file()
        else:
            happened = mark["version"] in history(mark["database"])
        return value if happened else None


def now() -> int:
    """The time in milliseconds since 1970, as objects hold it."""
    return time.time_ns() // 1_000_000


def build_object(object_id: str, name: str, project: str, job: str, **rest: Any) -> Object:
    """What `describe` answers for a closed object of any class, `rest` being what this class has besides."""
    created = now()
    common: Object = {
        "id": object_id, "project": project, "class": object_id.split("-")[0], "name": name, "state": "closed", "folder": "/",
        "types": [], "tags": [], "hidden": False, "created": created, "modified": created, "createdBy": {"job": job},
        "properties": {}, "details": {},
    }  # fmt: skip
    return {**common, **rest}


def object_faults(value: Any, object_id: str) -> list[str]:
    """Faults of an object from outside: its form, and whether its id, class and names agree."""
    faults = schema_faults(value, "object", "the file")
    if faults:
        return faults
    kind = object_id.split("-")[0]
    if value["id"] != object_id or value["class"] != kind:
        faults.append(f"it holds a {value['class']} of the id {value['id']}")
    if not is_one_line(value["name"]):
        faults.append(f"name: {value['name'][:80]!r} is not one line of text")
    if kind == "file" and parse_file_name(value["name"]) != value["name"]:
        faults.append(f"name: {value['name'][:80]!r} is not a name of a file")
    if kind == "database" and value["uniqueDatabaseName"] != unique_database_name(object_id, value["databaseName"]):
        faults.append(f"uniqueDatabaseName: {value['uniqueDatabaseName']!r} is not made of its id and name")
    return faults


def database_fields(database: Database) -> Mapping[str, Any]:
    """What a database object has besides what every object has."""
    return {"databaseName": database.name, "uniqueDatabaseName": database.unique_name}


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()
