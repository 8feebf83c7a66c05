"""A project whose files an attacker has made: nothing outside the project is removed, read or written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import AppError
from common.platform.local import LocalProject
from common.platform.local.store import build_object
from common.platform.names import new_id
from tests.unit.platform.project_state import new_database, publish_tables

DEAD = "job-" + "d" * 24
UNIQUE = "database_" + "a" * 24 + "__x"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with one Dataset, of a database with one table."""
    project = LocalProject(tmp_path / "project")
    publish_tables(project, new_database("clinic"), {("patient", "new"): {"p.parquet": "p"}}, "study")
    return tmp_path / "project"


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A folder that must stay as it is."""
    folder = tmp_path / "outside"
    (folder / "000001-spark").mkdir(parents=True)
    for name in ("kept.txt", "journal.json", "000001-spark/.history.json"):
        (folder / name).write_text("[]", encoding="utf-8")
    before = {str(each): each.stat().st_mtime_ns for each in folder.rglob("*")}
    yield folder
    assert {str(each): each.stat().st_mtime_ns for each in folder.rglob("*")} == before


def leave_journal(root: Path, journal: object, job: str = DEAD) -> Path:
    """What a killed job left."""
    folder = root / ".staged" / job
    folder.mkdir()
    (folder / "journal.json").write_text(json.dumps(journal), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("journal", "said"),
    [
        ({"objects": ["../../outside"], "version": None}, 'objects.0: "../../outside" does not match'),
        (
            {"objects": [], "version": ["../../../outside", "000001-" + DEAD]},
            'version.0: "../../../outside" does not match',
        ),
        (
            {"objects": [], "version": [UNIQUE, "../../../../outside"]},
            'version.1: "../../../../outside" does not match',
        ),
        ({"objects": [], "version": [UNIQUE, "000001-job-" + "e" * 24]}, "is of another job"),
        ({"objects": "file", "version": None}, 'objects: "file" is not of type "array"'),
        (["file"], "is not of type"),
    ],
)
def test_a_forged_journal_removes_nothing_and_is_told(root: Path, outside: Path, journal: object, said: str) -> None:
    folder = leave_journal(root, journal)
    with pytest.raises(AppError) as refused:
        LocalProject(root).stage(None)
    assert refused.value.code == 91
    assert str(folder / "journal.json") in refused.value.text
    assert said in refused.value.text
    assert folder.exists()


def test_a_journal_of_one_job_removes_nothing_of_another(root: Path) -> None:
    project = LocalProject(root)
    (database,) = project.databases()
    record = project.find_record("study").id
    version = (root / "databases" / database.unique_name).readlink().name
    theirs = build_object(
        new_id("file"), "theirs", project.id, "job-" + "t" * 24, **{".commit": {"anchor": new_id("record")}}
    )
    (root / "objects" / f"{theirs['id']}.json").write_text(json.dumps(theirs), encoding="utf-8")
    leave_journal(root, {"objects": [record, theirs["id"]], "version": [database.unique_name, f"000001-{DEAD}"]})
    LocalProject(root).stage(None).close()
    assert (root / "objects" / f"{theirs['id']}.json").exists()
    assert LocalProject(root).find_record("study").id == record
    assert (root / "databases" / ".versions" / database.unique_name / version / "patient" / "p.parquet").exists()


def test_a_staged_folder_that_is_a_link_is_left_alone(root: Path, outside: Path) -> None:
    (root / ".staged" / DEAD).symlink_to(outside)
    LocalProject(root).stage(None).close()
    assert (root / ".staged" / DEAD).is_symlink()


@pytest.mark.parametrize("name", ["draft", "lock"])
def test_a_file_that_is_a_link_is_not_written_through(root: Path, outside: Path, name: str) -> None:
    (root / ".staged" / name).unlink(missing_ok=True)
    (root / ".staged" / name).symlink_to(outside / "kept.txt")
    project = LocalProject(root)
    if name == "lock":
        with pytest.raises(AppError, match="is not a plain file"):
            project.write_job("app", "running", {})
    else:
        project.write_job("app", "running", {})
        assert project.describe(project.job_id)["state"] == "running"


def test_a_second_name_of_a_file_elsewhere_is_not_written_through(root: Path, outside: Path) -> None:
    (root / ".staged" / "draft").hardlink_to(outside / "kept.txt")
    LocalProject(root).write_job("app", "running", {})


@pytest.mark.parametrize("name", ["objects", "files", "databases", ".staged", "databases/.versions"])
def test_a_folder_of_the_project_that_is_a_link_is_refused(root: Path, outside: Path, name: str) -> None:
    (root / name).rename(root / "moved")
    (root / name).symlink_to(outside)
    with pytest.raises(AppError, match="is a link"):
        LocalProject(root)


@pytest.mark.parametrize(
    "target", ["{outside}", "../../outside/000001-spark", ".versions", ".versions/{unique}/..", "/"]
)
def test_a_database_that_is_elsewhere_is_refused(root: Path, outside: Path, target: str) -> None:
    project = LocalProject(root)
    (database,) = project.databases()
    link = root / "databases" / database.unique_name
    link.unlink()
    link.symlink_to(target.format(outside=outside, unique=database.unique_name))
    with pytest.raises(AppError, match="is not a version of the database") as refused:
        LocalProject(root).find_database(database.id)
    assert refused.value.code == 91


@pytest.mark.parametrize("place", ["", "patient", "patient/p.parquet"])
def test_a_version_table_or_file_that_is_a_link_is_refused(root: Path, outside: Path, place: str) -> None:
    project = LocalProject(root)
    (database,) = project.databases()
    path = (
        root
        / "databases"
        / ".versions"
        / database.unique_name
        / (root / "databases" / database.unique_name).readlink().name
        / place
    )
    path.rename(root / "moved")
    path.symlink_to(root / "moved" if place else outside)
    with pytest.raises(AppError) as refused:
        read_patients(root, database.id)
    assert refused.value.code == 91


def read_patients(root: Path, database_id: str) -> list[str]:
    project = LocalProject(root)
    return project.table_files(project.find_database(database_id), "patient")


def test_a_pipe_in_place_of_an_object_does_not_hang(root: Path) -> None:
    record = LocalProject(root).find_record("study").id
    (root / "objects" / f"{record}.json").unlink()
    os.mkfifo(root / "objects" / f"{record}.json")
    with pytest.raises(AppError, match="is not a plain file"):
        LocalProject(root).find_record(record)


@pytest.mark.parametrize("name", ["../../../outside/kept.txt", "/etc/passwd", "..", "a\0b", "a/b", "é" * 200])
def test_a_file_object_with_a_forged_name_is_refused(root: Path, outside: Path, name: str) -> None:
    project = LocalProject(root)
    (path,) = (each for each in (root / "objects").glob("file-*.json"))
    forged = {**json.loads(path.read_text(encoding="utf-8")), "name": name}
    path.write_text(json.dumps(forged), encoding="utf-8")
    with pytest.raises(AppError, match="is not a name of a file"):
        project.file_path(path.stem)


@pytest.mark.parametrize("table", ["../patient", "../../../../outside", "/etc", "a\0b", "patient/..", ""])
def test_only_a_table_of_the_database_is_looked_into(root: Path, table: str) -> None:
    project = LocalProject(root)
    (database,) = project.databases()
    assert project.table_files(project.find_database(database.id), table) == []
