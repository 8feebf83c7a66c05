"""Databases: their files listed and given out, and those that Spark made in the project taken up as objects.

On the platform a database is made by Spark (`CREATE DATABASE … LOCATION 'dnax://'`), and its metastore tells the platform of
it. Here Spark makes `databases/.made/<name>`, which is what the metastore would have told: the next call that may see databases
takes it up as an object, with that folder as its first version.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

from common.platform import Database
from common.platform.api.call import Answer, ApiError, Call
from common.platform.local import disk
from common.platform.local.store import Object, ProjectStore, build_object, database_fields, now
from common.platform.local.versions import MADE, SPARK_VERSION
from common.platform.names import is_id, new_id, parse_database_name, unique_database_name


def take_up_databases(store: ProjectStore) -> None:
    """Makes an object of each database that Spark made and that has none, and removes that of each that Spark dropped."""
    made = store.databases / MADE
    disk.check_own(store.root, made)
    if not made.is_dir():
        return
    with disk.locked(made / ".lock"):
        register = made / ".ids.json"
        known = _read_register(register) if register.exists() else {}
        there = {each.name for each in made.iterdir() if each.is_dir() and not each.is_symlink()}
        if there == known.keys():
            return
        for name in known.keys() - there:
            _drop(store, known[name])
        kept = {name: known.get(name) or _take_up(store, made / name) for name in sorted(there)}
        disk.write_whole(register, json.dumps(kept).encode(), made)


def _read_register(path: Path) -> dict[str, str]:
    value = disk.read_json(path)
    if not isinstance(value, dict) or not all(
        isinstance(each, str) and is_id(each, "database") for each in value.values()
    ):
        raise disk.refuse(path, "is no list of databases")
    return value


def _take_up(store: ProjectStore, folder: Path) -> str:
    database_id, name = new_id("database"), parse_database_name(folder.name)
    database = Database(database_id, name, unique_database_name(database_id, name))
    versions = store.versions(database.unique_name)
    versions.folder.mkdir(parents=True)
    (versions.folder / SPARK_VERSION).symlink_to(folder, target_is_directory=True)
    disk.write_whole(folder / ".history.json", json.dumps([SPARK_VERSION]).encode(), versions.folder)
    (store.databases / database.unique_name).symlink_to(Path(".versions") / database.unique_name / SPARK_VERSION)
    store.write_at_once(build_object(database_id, name, store.id, "", **database_fields(database)))
    return database_id


def _drop(store: ProjectStore, database_id: str) -> None:
    found = store.read(database_id)
    if found is not None:
        unique_name = found["uniqueDatabaseName"]
        places = (
            store.objects / f"{database_id}.json",
            store.databases / unique_name,
            store.versions(unique_name).folder,
        )
        for place in places:
            disk.remove(store.root, place)


def list_database_folder(call: Call) -> Answer:
    """`/database-x/listFolder`: files and folders below a folder of the database; a table is a folder."""
    root = _root(call.store, call.object())
    folder = _within(root, call.get("folder", str, "/"))
    found = folder.rglob("*") if call.get("recurse", bool, False) else folder.glob("*")
    shown = [each for each in sorted(found) if not _is_hidden(each.relative_to(root)) and not each.is_symlink()]
    return {"results": [_status(call.target, root, each) for each in shown]}


def download_database_file(call: Call) -> Answer:
    """`/database-x/downloadFile`: where to GET a file of the database."""
    name = call.need("filename", str).lstrip("/")
    find_database_file(call.store, call.target, name)
    return {"url": f"{call.address}/database/{call.target}/{quote(name)}", "headers": dict(call.headers),
            "expires": now() + 24 * 3600 * 1000}  # fmt: skip


def find_database_file(store: ProjectStore, database_id: str, name: str) -> Path:
    """A file of a database by its path within. Refuses what is not there."""
    found = store.read(database_id)
    if found is None:
        raise ApiError("ResourceNotFound", f'"{database_id}" could not be found')
    path = _within(_root(store, found), name)
    if not path.is_file():
        raise ApiError("ResourceNotFound", f'"{name}" could not be found in {database_id}')
    return path


def _root(store: ProjectStore, database: Object) -> Path:
    versions = store.versions(database["uniqueDatabaseName"])
    if versions.current() is None:
        raise ApiError("ResourceNotFound", f"the files of {database['id']} are gone")
    return versions.path(versions.current() or "")


def _within(root: Path, name: str) -> Path:
    """A path below a database's folder. Refuses one that leads out of it, or to what is not there."""
    path = root / name.strip("/")
    if "\0" in name or ".." in path.parts or _is_hidden(path.relative_to(root)) or not path.exists():
        raise ApiError("ResourceNotFound", f'"{name}" could not be found')
    if path != root:
        disk.check_own(root, path)
    return path


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _status(database_id: str, root: Path, path: Path) -> Answer:
    is_folder, status = path.is_dir(), path.stat()
    return {
        "path": f"{database_id}/{path.relative_to(root)}", "size": 0 if is_folder else status.st_size,
        "modified": status.st_mtime_ns // 1_000_000, "isDirectory": is_folder,
    }  # fmt: skip
