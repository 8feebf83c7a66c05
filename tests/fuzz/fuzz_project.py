"""Projects whose own files were tampered with: forged journals, objects and histories, links, pipes, versions that are elsewhere.

Whatever is done with such a project ends in an `AppError` or works, and nothing outside the project is removed, read or written.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from common.errors import AppError
from common.platform import RecordDraft, TableChange
from common.platform.api.call import ApiError
from common.platform.api.routes import find_route
from common.platform.api.server import ApiServer
from common.platform.local import LocalProject
from common.platform.local.store import ProjectStore
from tests.fuzz.json_mutations import HOSTILE, damage, mutate
from tests.unit.platform.project_state import EMPTY_DESCRIPTOR, new_database, publish_tables

SUITE_COUNT = 30

_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
_SECRET = "of no project"
_JOBS = [f"job-{letter * 24}" for letter in "abc"]


def run(seed: int, count: int) -> list[str]:
    """Tries `count` projects; a finding names the seed, the number and what went wrong."""
    found = []
    with tempfile.TemporaryDirectory(dir=_MEMORY) as scratch, _unsynced():
        whole, place = Path(scratch, "whole"), Path(scratch, "place")
        place.mkdir()
        _make_project(whole)
        with _server(Path(scratch, "served")) as server:
            for number in range(count):
                rng = random.Random(f"{seed}/{number}")
                outside, project = place / "outside", place / "project"
                _make_outside(outside)
                shutil.copytree(whole, project, symlinks=True)
                done = [_tamper(rng, project, outside) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
                before = _state(place, project)
                wrong = [
                    *_use(project, server),
                    *([] if _state(place, project) == before else ["a file outside was changed"]),
                ]
                found += [f"seed {seed}, number {number}: {each} ({'; '.join(done)})" for each in wrong]
                for each in (outside, project):
                    shutil.rmtree(each, ignore_errors=True)
                    with suppress(OSError):
                        each.unlink()
    return found


@contextmanager
def _unsynced() -> Iterator[None]:
    """Without waiting for the disk: no power is cut here."""
    fsync, os.fsync = os.fsync, lambda _handle: None
    try:
        yield
    finally:
        os.fsync = fsync


@contextmanager
def _server(root: Path) -> Iterator[ApiServer]:
    with ApiServer(root) as server:
        yield server


def _make_project(root: Path) -> None:
    """A Dataset with a database of two versions and a report, and what a killed job left."""
    report = root.parent / "report.json"
    report.write_text("{}", encoding="utf-8")
    first = LocalProject(root, _JOBS[0])
    tables = {("patient", "new"): {"p.parquet": "p"}, ("visit", "new"): {"chr=1/v.parquet": "v"}}
    publish_tables(first, new_database("clinic"), tables, "study", {"report": report})
    second = LocalProject(root, _JOBS[1])
    (database,) = second.databases()
    publish_tables(second, second.find_database(database.id), {("patient", "append"): {"q.parquet": "q"}}, "more")
    dead = root / ".staged" / _JOBS[2]
    (dead / "tables" / "patient").mkdir(parents=True)
    (dead / "lock").touch()
    version = [database.unique_name, f"000003-{_JOBS[2]}"]
    (root / "databases" / ".versions" / version[0] / version[1] / "patient").mkdir(parents=True)
    journal = {"objects": ["file-" + "d" * 24, "record-" + "e" * 24], "version": version}
    (dead / "journal.json").write_text(json.dumps(journal), encoding="utf-8")
    (root / "files" / ("file-" + "d" * 24)).mkdir()


def _make_outside(folder: Path) -> None:
    (folder / "folder" / "t").mkdir(parents=True)
    for name in (
        "file",
        "folder/t/x.parquet",
        "folder/.history.json",
        "folder/lock",
        "folder/draft",
        "folder/journal.json",
    ):
        (folder / name).write_text(_SECRET, encoding="utf-8")
    (folder / "folder" / "journal.json").write_text('{"objects": [], "version": null}', encoding="utf-8")


def _tamper(rng: random.Random, project: Path, outside: Path) -> str:
    """Changes one thing below a project; what was done."""
    there = sorted(each for each in project.rglob("*"))
    path = rng.choice(there) if there else project / "x"
    kinds: list[Callable[[random.Random, Path, Path], str]] = [
        _forge,
        _forge,
        _forge,
        _link,
        _link,
        _pipe,
        _rename,
        _journal,
        _retarget,
    ]
    with suppress(OSError, ValueError, UnicodeError):
        return f"{rng.choice(kinds)(rng, path, outside)} {path.relative_to(project)}"
    return "nothing"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _forge(rng: random.Random, path: Path, _outside: Path) -> str:
    """Another content of a JSON file, which the path leads to if it is none."""
    root = next(each for each in path.parents if each.name == "project")
    found = sorted([*root.rglob("*.json")])
    path = path if path.suffix == ".json" else rng.choice(found)
    value = json.loads(path.read_text(encoding="utf-8"))
    for _ in range(rng.randint(1, 3)):
        value = mutate(rng, value)
    text = json.dumps(value)
    path.write_bytes(damage(rng, text) if rng.random() < 0.2 else text.encode())
    return f"forged {path.name} as {text[:300]}"


def _link(rng: random.Random, path: Path, outside: Path) -> str:
    targets = [
        outside / "file",
        outside / "folder",
        outside,
        Path("/etc/passwd"),
        outside / "none",
        path,
        Path("..", "..", "outside", "folder"),
    ]
    target = rng.choice(targets)
    _remove(path)
    path.symlink_to(target)
    return f"linked to {target}"


def _pipe(rng: random.Random, path: Path, outside: Path) -> str:
    _remove(path)
    if rng.random() < 0.5:
        path.hardlink_to(outside / "file")
        return "hard link"
    os.mkfifo(path)
    return "pipe"


def _rename(rng: random.Random, path: Path, _outside: Path) -> str:
    name = rng.choice(
        [str(each) for each in HOSTILE if isinstance(each, str)]
        + ["lock", "draft", "job-" + "f" * 24, "record-" + "g" * 24 + ".json"]
    )
    path.rename(path.parent / name)
    return f"renamed to {name!r}"


def _journal(rng: random.Random, path: Path, outside: Path) -> str:
    """A journal that a job is said to have left, which names what it did not make."""
    root = next(each for each in path.parents if each.name == "project")
    ids = [each.stem for each in (root / "objects").glob("*.json")]
    unique = [each.name for each in (root / "databases" / ".versions").iterdir()]
    versions = [each.name for name in unique for each in (root / "databases" / ".versions" / name).iterdir()]
    bad = ["../outside", "../../outside/folder", str(outside), "..", "", "file-" + "d" * 24]
    journal: Any = {
        "objects": rng.sample([*ids, *bad], rng.randint(0, 3)),
        "version": rng.choice([None, [rng.choice([*unique, *bad]), rng.choice([*versions, *bad])]]),
    }
    folder = root / ".staged" / rng.choice([*_JOBS, "x"])
    folder.mkdir(exist_ok=True)
    (folder / "journal.json").write_text(json.dumps(journal), encoding="utf-8")
    return f"journal {journal}"


def _retarget(rng: random.Random, path: Path, outside: Path) -> str:
    """The link of a database to another place."""
    root = next(each for each in path.parents if each.name == "project")
    link = rng.choice([each for each in (root / "databases").iterdir() if each.is_symlink()])
    target = rng.choice([str(outside / "folder"), ".versions", f".versions/{link.name}", f".versions/{link.name}/..", "/",
                         f".versions/{link.name}/000001-{_JOBS[0]}"])  # fmt: skip
    link.unlink()
    link.symlink_to(target)
    return f"database to {target}"


def _state(place: Path, project: Path) -> dict[str, tuple[int, bytes]]:
    """All files outside the project: their names, times and contents."""
    found = {}
    for folder, folders, files in os.walk(place):
        folders[:] = [each for each in folders if Path(folder, each) != project]
        for each in files:
            path = Path(folder, each)
            found[str(path)] = (path.stat().st_mtime_ns, path.read_bytes())
    return found


def _use(root: Path, server: ApiServer) -> list[str]:
    """What is wrong with how the project is used: by jobs, readers and the API."""
    wrong = []
    for act in (_read, _job, _job, _read, lambda root: _call(root, server)):
        try:
            with _alarm():
                act(root)
        except (AppError, ApiError):
            pass
        except OSError as error:
            if error.errno is None or isinstance(error, TimeoutError):
                wrong.append(f"{type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001 - whatever else is raised is what is sought
            wrong.append(f"{type(error).__name__}: {error}")
    return wrong


@contextmanager
def _alarm() -> Iterator[None]:
    def stop(_signal: int, _frame: Any) -> None:
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(5)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _read(root: Path) -> None:
    project = LocalProject(root)
    for each in project.find_objects():
        with suppress(AppError):
            if each["class"] == "file":
                _check_inside(root, project.file_path(each["id"]))
            if each["class"] == "record":
                assert _SECRET not in json.dumps(project.read_descriptor(project.find_record(each["id"])))
    for database in project.databases():
        with suppress(AppError):
            pinned = project.find_database(database.id)
            for table in [*project.tables(pinned), "../../outside", "../patient", "no\0table"]:
                for file in project.table_files(pinned, table):
                    _check_inside(root, Path(file))


def _check_inside(root: Path, path: Path) -> None:
    assert root.resolve() in path.resolve().parents, f"{path} leads to {path.resolve()}"


def _job(root: Path) -> None:
    """A job that appends to the first database, or makes a new one."""
    project = LocalProject(root)
    project.write_job("app", "running", {})
    databases = project.databases()
    database = project.find_database(databases[0].id) if databases else new_database("clinic")
    staging = project.stage(database)
    try:
        Path(staging.table_folder("patient"), f"{project.job_id}.parquet").write_text("r", encoding="utf-8")
        change = TableChange("patient", "append", [f"{project.job_id}.parquet"])
        staging.publish([change], RecordDraft("third", EMPTY_DESCRIPTOR, "ds", [database]), {})
    finally:
        staging.close()


def _call(root: Path, server: ApiServer) -> None:
    """What a client asks of a project that is served."""
    server.store = ProjectStore(root)
    found = server.call("system", {}).store
    calls: list[tuple[str, dict[str, Any]]] = [
        ("/system/findDataObjects", {"describe": True}),
        (f"/{found.id}/describe", {}),
    ]
    for each in found.read_all():
        calls += {
            "record": [(f"/{each['id']}/visualize", {}), (f"/viz-meta/3.0/{each['id']}/codings", {})],
            "file": [(f"/{each['id']}/describe", {"fields": {"parts": True}}), (f"/{each['id']}/close", {})],
            "database": [
                (f"/{each['id']}/listFolder", {"recurse": True}),
                (f"/{each['id']}/downloadFile", {"filename": "t/x.parquet"}),
            ],
        }.get(each["class"], [])
    for path, given in calls:
        target, function = find_route(path)
        with suppress(AppError, ApiError):
            assert _SECRET not in json.dumps(function(server.call(target, given)))
