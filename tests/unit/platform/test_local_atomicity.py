"""A publish that is killed at any instant leaves the old state or the new one, and the next run sweeps what it left."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path

import pytest

from common.dataset.database import Database
from common.errors import AppError
from common.platform.local import LocalProject
from tests.unit.platform.project_state import Tables, assert_swept, new_database, publish_tables, read_state

pytestmark = pytest.mark.processes

JOB = "job-" + "J" * 24
STEPS = {"open", "os.mkdir", "os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir"}

FORK = multiprocessing.get_context("fork")

Load = Callable[[Path], None]


def make_database(root: Path, tables: Tables, *published: object, name: str = "clinic") -> Database:
    """A database made by a job that has ended, and so holds no version."""
    project = LocalProject(root)
    database = new_database(name)
    publish_tables(project, database, tables, *published)
    return database


def die_before_step(number: int, root: Path) -> None:
    """Kills this process in front of its n-th step on files of the project. Python's audit events name every such step,
    whichever module takes it; syncs, which have no event, are counted with them."""
    taken = 0

    def step() -> None:
        nonlocal taken
        taken += 1
        if taken == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_event(event: str, arguments: tuple[object, ...]) -> None:
        if event in STEPS and any(str(root) in str(argument) or event != "open" for argument in arguments):
            step()

    sync = os.fsync
    os.fsync = lambda handle: (step(), sync(handle))[1]  # type: ignore[assignment]
    sys.addaudithook(on_event)


def run_in_child(work: Callable[[], object]) -> int | None:
    """The exit code of a forked child that does this work: 0, or minus the number of the signal that killed it."""
    child = FORK.Process(target=work)
    child.start()
    child.join()
    return child.exitcode


def load_into_existing(root: Path) -> None:
    project = LocalProject(root, JOB)
    database = project.find_database(project.databases()[0].id)
    report = root.parent / "report.json"
    tables = {
        ("patient", "append"): {"part-2.parquet": "p2"},
        ("genotype", "overwrite"): {"chr=1/bin=0/part-2.parquet": "g2", "chr=2/bin=0/part-2.parquet": "g3"},
        ("visit", "new"): {"part-2.parquet": "v2"},
        ("outdated", "remove"): {},
    }
    publish_tables(project, database, tables, "second", {"report": report})


def load_into_new(root: Path) -> None:
    project = LocalProject(root, JOB)
    tables = {("sample", "new"): {"part-1.parquet": "s1"}}
    publish_tables(project, new_database("fresh"), tables, "second", {"report": root.parent / "report.json"})


def make_record_only(root: Path) -> None:
    publish_tables(LocalProject(root, JOB), None, {}, "second", {"report": root.parent / "report.json"})


@pytest.fixture
def template(root: Path, report: Path) -> Path:
    tables = {
        ("patient", "new"): {"part-1.parquet": "p1"},
        ("genotype", "new"): {"chr=1/bin=0/part-1.parquet": "g1"},
        ("untouched", "new"): {"part-1.parquet": "u1"},
        ("outdated", "new"): {"part-1.parquet": "o1"},
    }
    database = make_database(root, tables, "first", {"report": report})
    for number in range(2):  # so that the next publish has an old version to prune
        project = LocalProject(root)
        patients = {("patient", "overwrite"): {f"{number}.parquet": "p"}}
        publish_tables(project, project.find_database(database.id), patients)
    return root


OLD_TABLES = {
    "clinic.genotype": {"chr=1/bin=0/part-1.parquet": "g1"},
    "clinic.outdated": {"part-1.parquet": "o1"},
    "clinic.patient": {"1.parquet": "p"},
    "clinic.untouched": {"part-1.parquet": "u1"},
}
OLD_OBJECTS = [("database", "clinic"), ("file", "descriptor.json.gz"), ("file", "report.json"), ("record", "first")]
NEW_OBJECTS = [("file", "descriptor.json.gz"), ("file", "report.json"), ("record", "second")]
EXTENDED_TABLES = {
    "clinic.genotype": {"chr=1/bin=0/part-2.parquet": "g2", "chr=2/bin=0/part-2.parquet": "g3"},
    "clinic.patient": {"1.parquet": "p", "part-2.parquet": "p2"},
    "clinic.untouched": {"part-1.parquet": "u1"},
    "clinic.visit": {"part-2.parquet": "v2"},
}


def copy_project(template: Path, root: Path) -> None:
    shutil.rmtree(root.parent, ignore_errors=True)
    shutil.copytree(template, root, symlinks=True)
    shutil.copy(template.parent / "report.json", root.parent)


@pytest.mark.parametrize(
    ("load", "new_tables", "new_objects"),
    [
        (load_into_existing, EXTENDED_TABLES, NEW_OBJECTS),
        (
            load_into_new,
            {"fresh.sample": {"part-1.parquet": "s1"}, **OLD_TABLES},
            [("database", "fresh"), *NEW_OBJECTS],
        ),
        (make_record_only, OLD_TABLES, NEW_OBJECTS),
    ],
)
def test_a_publish_killed_at_any_step_leaves_old_or_new_and_can_be_run_again(
    template: Path, load: Load, new_tables: dict[str, dict[str, str]], new_objects: list[tuple[str, str]]
) -> None:
    old = {"tables": OLD_TABLES, "objects": OLD_OBJECTS}
    new = {"tables": new_tables, "objects": sorted(OLD_OBJECTS + new_objects)}
    assert read_state(template) == old
    root = template.parent / "copy" / "project"
    states = []
    for number in range(1, 1000):
        copy_project(template, root)
        status = run_in_child(lambda number=number: (die_before_step(number, root), load(root)))
        states.append(read_state(root))
        assert states[-1] in (old, new)
        LocalProject(root).stage(None).close()
        assert_swept(root)
        assert read_state(root) == states[-1]
        if status == 0:
            break
        assert status == -signal.SIGKILL
        if states[-1] == old and number % 5 == 0:
            load(root)
            assert_swept(root)
            assert read_state(root) == new
    assert states[-1] == new, "a run that is not killed gives the new state"
    commits = [number for number in range(1, len(states)) if states[number] != states[number - 1]]
    assert len(commits) == 1
    assert commits[0] > 20
    assert len(states) - commits[0] > 3, "it was killed after the commit too"


def test_a_sweep_killed_at_any_step_is_finished_by_the_next(template: Path) -> None:
    old = read_state(template)
    left, root = (template.parent / name / "project" for name in ("left", "copy"))

    def is_committed(number: int) -> bool:
        copy_project(template, left)
        run_in_child(lambda: (die_before_step(number, left), load_into_existing(left)))
        return read_state(left) != old

    last = bisect_left(range(1, 1000), True, key=is_committed)
    assert not is_committed(last), "the last step before the commit, where a killed job leaves most"
    for number in range(1, 1000):
        copy_project(left, root)
        status = run_in_child(
            lambda number=number: (die_before_step(number, root), LocalProject(root).stage(None).close())
        )
        assert read_state(root) == old
        LocalProject(root).stage(None).close()
        assert_swept(root)
        if status == 0:
            break
    assert number > 20


def test_a_process_killed_from_outside_at_random_leaves_a_whole_publish(root: Path) -> None:
    first = {"0.parquet": "0" * 1000}
    database = make_database(root, {("a", "new"): first, ("b", "new"): first}, "0")

    def publish_for_ever() -> None:
        for number in range(100_000):
            name = f"{os.getpid()}-{number}"
            project = LocalProject(root)
            files = {f"{name}.parquet": name * 1000}
            tables = {("a", "append"): files, ("b", "append"): files}
            publish_tables(project, project.find_database(database.id), tables, name)

    chance = random.Random(7)
    for _ in range(12):
        child = FORK.Process(target=publish_for_ever)
        child.start()
        time.sleep(chance.uniform(0.005, 0.2))
        child.kill()
        child.join()
        state = read_state(root)
        records = {name for kind, name in state["objects"] if kind == "record"}
        for table in ("clinic.a", "clinic.b"):
            assert set(state["tables"][table]) == {f"{name}.parquet" for name in records}
            assert all(text == Path(name).stem * 1000 for name, text in state["tables"][table].items())
    LocalProject(root).stage(None).close()
    assert_swept(root)


def append_until_it_succeeds(root: Path, database_id: str, name: str) -> None:
    files = {f"{name}.parquet": name}
    refused = 82
    while refused == 82:
        project = LocalProject(root)
        database = project.find_database(database_id)
        try:
            publish_tables(project, database, {("a", "append"): files, ("b", "append"): files}, name)
            return
        except AppError as error:
            refused = error.code
    sys.exit(refused)


def test_jobs_that_publish_into_one_database_at_once_each_succeed_or_are_told_to_run_again(root: Path) -> None:
    database = make_database(root, {("a", "new"): {}, ("b", "new"): {}})
    names = [f"part-{number}" for number in range(6)]
    jobs = [FORK.Process(target=append_until_it_succeeds, args=(root, database.id, name)) for name in names]
    for job in jobs:
        job.start()
    current = root / "databases" / database.unique_name
    while any(job.is_alive() for job in jobs):
        version = current.resolve()
        try:
            seen = [sorted(each.name for each in (version / table).iterdir()) for table in ("a", "b")]
        except FileNotFoundError:
            continue  # two publishes went by between the two listings
        if current.resolve() == version:  # else it may just be on its way out
            assert seen[0] == seen[1], "all tables of a publish become visible together"
    assert [job.exitcode for job in jobs] == [0] * len(jobs)
    assert sorted(read_state(root)["tables"]["clinic.a"]) == [f"{name}.parquet" for name in names]
    assert [name for kind, name in read_state(root)["objects"] if kind == "record"] == names
    assert_swept(root)


def make_one_table(root: Path, name: str) -> None:
    make_database(root, {("a", "new"): {"1.parquet": name}}, name, name=name)


def test_jobs_that_make_databases_in_a_project_that_is_not_there_yet_do_not_disturb_each_other(root: Path) -> None:
    jobs = [FORK.Process(target=make_one_table, args=(root, f"db{number}")) for number in range(6)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert read_state(root)["tables"] == {f"db{number}.a": {"1.parquet": f"db{number}"} for number in range(6)}
    assert len({each["project"] for each in LocalProject(root).find_objects()}) == 1
    assert_swept(root)
