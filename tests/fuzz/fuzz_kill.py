"""Jobs of a project that are killed, stopped by a signal, or failed by the disk, in front of any of their steps.

A step makes, removes, renames, links, opens or syncs a file or folder. Whatever disturbs a job, a reader sees the old state
or the new one, the job's own outcome says which, and the next sweep, though it may be killed too, leaves nothing else behind.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from common.dataset.database import Database
from common.errors import AppError
from common.job.stops import Stopped
from common.platform import RecordDraft, Staging, TableChange
from common.platform.local import LocalProject
from tests.unit.platform.project_state import EMPTY_DESCRIPTOR, State, assert_swept, new_database, read_state

SUITE_COUNT = 40

_FORK = multiprocessing.get_context("fork")
_STEPS = {"open", "os.mkdir", "os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir"}
_TAKES_ROOM = {"os.mkdir", "os.link", "os.symlink", "fsync"}
_JOBS = 20  # disturbed jobs per project
_PUBLISHED, _NOT_PUBLISHED, _CONTRADICTION = 10, 11, 12


class Disturbance:
    """What befalls the job of this process in front of a step of a given number, counted from 1."""

    def __init__(self, kind: str, number: int, root: Path) -> None:
        self.kind, self.number, self.root = kind, number, str(root)
        self.is_settled: Callable[[], bool] = lambda: False
        self.taken = 0
        sync = os.fsync
        os.fsync = lambda handle: (self._step("fsync", True), sync(handle))[1]  # type: ignore[assignment]
        sys.addaudithook(self._on_event)  # Python's own account of steps, whichever module takes them

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _STEPS and (event != "open" or str(arguments[0]).startswith(self.root)):
            self._step(
                event,
                event in _TAKES_ROOM
                or (event == "open" and bool(arguments[2] & os.O_CREAT) and not Path(arguments[0]).exists()),
            )

    def _step(self, event: str, takes_room: bool) -> None:
        self.taken += 1
        if self.kind == "no room" and self.taken >= self.number and takes_room:
            raise OSError(errno.ENOSPC, f"no room for {event}")
        if self.taken == self.number:
            self._strike(event)

    def _strike(self, event: str) -> None:
        if self.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kind == "broken disk":
            raise OSError(errno.EIO, f"no answer to {event}")
        if self.kind == "stop" and not self.is_settled():
            raise Stopped(signal.SIGTERM)


def do_job(root: Path, seed: str, disturbance: Disturbance | None = None) -> int:
    """A job as a run does it, which follows from the seed: tables of a new or a standing database, a record, a report."""
    chance, name = random.Random(seed), f"p{seed.replace('-', '_')}"
    stagings: list[Staging] = []
    project: LocalProject | None = None
    is_closing = False
    if disturbance:
        disturbance.is_settled = lambda: is_closing or any(each.has_published for each in stagings)
    status = _NOT_PUBLISHED
    try:
        project = LocalProject(root)
        project.write_job("loader", "running", {})
        database = _choose_database(project, chance, name)
        stagings.append(project.stage(database))
        _publish(project, stagings[0], database, chance, name)
        status = _PUBLISHED
    except (OSError, AppError, Stopped):
        status = _CONTRADICTION if any(each.has_published for each in stagings) else _NOT_PUBLISHED
    finally:
        is_closing = True
        for staging in stagings:
            with suppress(OSError):
                staging.close()
        if project and project.is_at_work:
            with suppress(OSError):
                project.write_job("loader", "done" if status == _PUBLISHED else "failed", {})
    return status


def _choose_database(project: LocalProject, chance: random.Random, name: str) -> Database | None:
    databases = project.databases()
    if chance.random() < 0.2:
        return None
    if not databases or chance.random() < 0.3:
        return new_database(name)
    return project.find_database(chance.choice(databases).id)


def _publish(
    project: LocalProject, staging: Staging, database: Database | None, chance: random.Random, name: str
) -> None:
    changes = []
    present = project.tables(database) if database and not database.is_new else []
    for table in chance.sample(["patient", "visit", "genotype"], chance.randint(0, 3)) if database else []:
        mode: Any = chance.choice(["append", "overwrite", "replace", "remove"]) if table in present else "new"
        count = 0 if mode == "remove" else chance.randint(0, 2)
        files = [f"{chance.choice(['', 'chr=1/bin=0/'])}{name}-{number}.parquet" for number in range(count)]
        for file in files:
            path = Path(staging.table_folder(table), file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{table} {file}")
        changes.append(TableChange(table, mode, files))
    draft = RecordDraft(name, {"name": name, **EMPTY_DESCRIPTOR}, "ds-x", [database] if database else [])
    report = Path(staging.scratch_folder("report"), f"{name}.json")
    report.write_text(name)
    staging.publish(changes, draft if chance.random() < 0.8 else None, {"report": report})


def sweep(root: Path) -> int:
    """What the next run does first."""
    LocalProject(root).stage(None).close()
    return 0


def in_child(work: Callable[[Disturbance], int], kind: str, number: int, root: Path) -> int:
    """Does this in a child process, disturbed; its result, or minus the number of the signal that killed it."""

    def begin() -> None:
        os._exit(work(Disturbance(kind, number, root)))

    child = _FORK.Process(target=begin)
    child.start()
    child.join()
    return child.exitcode or 0


def seen(root: Path) -> State:
    """What a reader sees but for the jobs themselves."""
    state = read_state(root)
    return {**state, "objects": [each for each in state["objects"] if each[0] != "job"]}  # type: ignore[attr-defined]


def check(root: Path, status: int, kind: str, old: State, new: State) -> None:
    """Raises AssertionError where a disturbed job left something wrong."""
    state = seen(root)
    assert state in (old, new), "a reader sees neither the old state nor the new one"
    if status != -signal.SIGKILL:
        assert status in (_PUBLISHED, _NOT_PUBLISHED), f"the job ended with status {status}"
        assert (state == new) == (status == _PUBLISHED) or old == new, f"status {status}, and that is not what is there"
    if kind == "stop":
        assert [each.name for each in (root / ".staged").iterdir()] == ["lock"], "a stopped job left something staged"
    staged = list((root / ".staged").glob("*/tables/*/*"))
    assert kind == "kill" or not staged, "tables stay staged"


def check_swept(root: Path, state: State) -> None:
    """Raises AssertionError where a sweep left something wrong."""
    assert seen(root) == state, "the sweep changed what a reader sees"
    assert_swept(root)
    for each in LocalProject(root).find_objects("job"):
        assert each["state"] != "running", "the job of a killed run is still running"


def run(seed: int, count: int) -> list[str]:
    """Findings among `count` disturbed jobs."""
    found: list[str] = []
    shared_memory = Path("/dev/shm")  # no data are kept there: syncs cost nothing
    with tempfile.TemporaryDirectory(dir=shared_memory if shared_memory.is_dir() else None) as folder:
        for number in range(count):
            project, job = f"{seed}-{number // _JOBS}", f"{seed}-{number}"
            old, new, root = (Path(folder, name, "project") for name in ("old", "new", "disturbed"))
            if number % _JOBS == 0:
                shutil.rmtree(old, ignore_errors=True)
                chance = random.Random(project)
                for earlier in range(chance.randint(0, 4)):
                    do_job(old, f"{project}-{earlier}")
                LocalProject(old)
            for copy in (new, root):
                shutil.rmtree(copy, ignore_errors=True)
                shutil.copytree(old, copy, symlinks=True)
            do_job(new, job)
            try:
                _disturb(random.Random(f"disturb {job}"), root, job, seen(old), seen(new))
            except (AssertionError, OSError, AppError, ValueError) as error:
                found.append(f"seed {seed}, number {number}: {type(error).__name__}: {error}".partition("\n")[0])
    return found


def _disturb(chance: random.Random, root: Path, job: str, old: State, new: State) -> None:
    kind = chance.choice(["kill", "kill", "stop", "broken disk", "no room"])
    step = chance.randint(1, 150)
    try:
        status = in_child(lambda disturbance: do_job(root, job, disturbance), kind, step, root)
        check(root, status, kind, old, new)
        state = seen(root)
        if chance.random() < 0.5:
            in_child(lambda _: sweep(root), "kill", chance.randint(1, 60), root)
            assert seen(root) == state, "a killed sweep changed what a reader sees"
        sweep(root)
        check_swept(root, state)
    except AssertionError as error:
        raise AssertionError(f"{kind} at step {step}: {error or 'something is left behind'}") from error
