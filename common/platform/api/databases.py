"""Databases: their files listed and given out."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from common.platform.api.call import Answer, ApiError, Call
from common.platform.local import disk
from common.platform.local.store import Object, ProjectStore, now


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
