"""The folder that a job's nodes share, on the driver's own disk and on another file system."""

from __future__ import annotations

from pathlib import Path

import pyarrow.fs as pafs
import pytest

from common.errors import AppError
from common.platform.dx.staging import SharedFolder


def remote(folder: Path) -> SharedFolder:
    """A shared folder on another file system than the driver's disk."""
    shared = SharedFolder("file:///jobs/one")
    shared._files, shared.uri = pafs.SubTreeFileSystem(str(folder), pafs.LocalFileSystem()), "hdfs:///jobs/one"
    return shared


def test_a_local_folder_is_known_by_path_to_tasks_and_by_uri_to_spark(tmp_path: Path) -> None:
    shared = SharedFolder(f"{tmp_path}/jobs/")
    assert shared.make("tables", "visit") == f"{tmp_path}/jobs/tables/visit"
    assert shared.spark_uri == f"file://{tmp_path}/jobs"
    assert (tmp_path / "jobs" / "tables" / "visit").is_dir()


def test_another_file_system_is_known_by_its_uri(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("rows", encoding="utf-8")
    shared = remote(tmp_path)
    assert shared.spark_uri == "hdfs:///jobs/one"
    assert shared.put(tmp_path / "here", "inputs", "file-1", "a.csv") == "hdfs:///jobs/one/inputs/file-1/a.csv"
    assert (tmp_path / "jobs" / "one" / "inputs" / "file-1" / "a.csv").read_text(encoding="utf-8") == "rows"
    shared.make("copied", "t", "chr=1")
    for name in ("b.parquet", "chr=1/a.parquet", "_SUCCESS"):
        (tmp_path / "jobs" / "one" / "copied" / "t" / name).touch()
    assert shared.parquet_files("copied", "t") == [
        "hdfs:///jobs/one/copied/t/b.parquet", "hdfs:///jobs/one/copied/t/chr=1/a.parquet",
    ]  # fmt: skip
    shared.remove()
    assert not (tmp_path / "jobs" / "one").exists()
    shared.remove()


def test_what_is_no_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AppError, match="cannot be used to stage tables"):
        SharedFolder("gopher://host/jobs")
