"""A run that is stopped while Spark's tasks are at work: nothing staged is left, no trace is shown."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import wait_for, without_progress

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parents[2]

APP = """
import sys, time
from pathlib import Path
from common.job.run import execute

def work(sign):
    Path(sign).touch()
    time.sleep(600)

def main(run):
    run.platform.stage(None).scratch_folder("keys")
    return {{"rows": len(run.cluster.map(work, {at_work!r}, "sleep"))}}

sys.exit(execute({app!r}, main, ["--project", {project!r}, "--job-dir", {job!r}, "--master", "local[2]"]))
"""

DXAPP = {
    "name": "sleeper", "title": "Sleeper", "summary": "Sleeps", "version": "1.0.0",
    "outputSpec": [{"name": "rows", "class": "int"}],
}  # fmt: skip


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"])
def test_a_run_stopped_amid_its_tasks_leaves_nothing_staged(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    (tmp_path / "dxapp.json").write_text(json.dumps(DXAPP), encoding="utf-8")
    (tmp_path / "job_input.json").write_text("{}", encoding="utf-8")
    project = tmp_path / "project"
    at_work = [tmp_path / "one task", tmp_path / "the other"]
    script = APP.format(
        app=str(tmp_path / "app.py"), project=str(project), job=str(tmp_path), at_work=list(map(str, at_work))
    )
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(at_work, process)
        process.send_signal(number)
        _, shown = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, without_progress(shown)) == (status, "The run was stopped before it was done.\n")
    assert json.loads((tmp_path / "job_error.json").read_text(encoding="utf-8"))["error"]["type"] == "AppError"
    assert [path.name for path in (project / ".staged").iterdir() if path.is_dir()] == []
