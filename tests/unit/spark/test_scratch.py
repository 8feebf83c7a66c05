"""The folder of a run for temporary files: it exists while the run lives; if the run is killed, the next run removes it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from common.spark.scratch import Scratch
from tests.processes import wait_for

ROOT = Path(__file__).resolve().parents[3]
HOLDER = """
import sys, time
from common.spark.scratch import Scratch
scratch = Scratch()
(scratch.path / "blockmgr-1").mkdir()
open(sys.argv[1], "w").close()
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_goes_with_its_run(place: Path) -> None:
    scratch = Scratch()
    (scratch.path / "spark-1").mkdir()
    assert list(place.iterdir()) == [scratch.path]
    scratch.remove()
    assert list(place.iterdir()) == []


def test_temporary_files_go_to_the_folder_and_later_ones_do_not(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMPDIR", raising=False)
    scratch = Scratch()
    with scratch.as_temporary():
        assert (tempfile.gettempdir(), os.environ["TMPDIR"]) == (str(scratch.path), str(scratch.path))
    assert (tempfile.gettempdir(), os.environ.get("TMPDIR")) == (str(place), None)
    scratch.remove()


@pytest.mark.processes
def test_the_folder_of_a_run_at_work_stays_and_that_of_a_killed_one_is_swept(place: Path) -> None:
    sign = place / "ready"
    environment = {**os.environ, "TMPDIR": str(place)}
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(sign)], cwd=ROOT, env=environment, text=True)
    try:
        wait_for([sign], holder)
        (theirs,) = place.glob("loader-spark-*")
        Scratch().remove()
        assert theirs.is_dir()
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert theirs.is_dir()
    Scratch().remove()
    assert not theirs.exists()


def test_a_link_among_them_is_not_followed(place: Path) -> None:
    kept = place / "kept"
    kept.mkdir()
    (place / "loader-spark-x").symlink_to(kept)
    (kept / "file").touch()
    Scratch().remove()
    assert (kept / "file").exists()
