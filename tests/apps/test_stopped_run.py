"""A run that is stopped at any time ends at once, says why, leaves no process and no file, and shows no stack trace."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from common.platform.local import LocalProject
from common.spark import standalone
from common.spark.scratch import sweep
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
    run.stage(None).scratch_folder("keys")
    return {{"rows": len(run.cluster.map(work, {at_work!r}, "sleep"))}}

sys.exit(execute({app!r}, main, ["--project", {project!r}, "--job-dir", {job!r}, "--master", {master!r}]))
"""

DXAPP = {
    "name": "sleeper", "title": "Sleeper", "summary": "Sleeps", "version": "1.0.0",
    "outputSpec": [{"name": "rows", "class": "int"}],
}  # fmt: skip


class StoppedRun:
    """A run of this app in a separate process, with a separate folder for temporary files."""

    def __init__(self, root: Path, master: str = "local[2]") -> None:
        self.root, self.project, self.temporary = root, root / "project", root / "tmp"
        self.temporary.mkdir()
        (root / "dxapp.json").write_text(json.dumps(DXAPP), encoding="utf-8")
        (root / "job_input.json").write_text("{}", encoding="utf-8")
        self.at_work = [root / "one task", root / "the other"]
        script = APP.format(
            app=str(root / "app.py"), project=str(self.project), job=str(root), at_work=list(map(str, self.at_work)),
            master=master,
        )  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True,
            env={**os.environ, "TMPDIR": str(self.temporary)},
        )  # fmt: skip
        self.all: list[psutil.Process] = []

    def wait_for_spark(self) -> None:
        """Waits until Java has started, though it is not ready yet."""
        while not (started := psutil.Process(self.process.pid).children()):
            time.sleep(0.02)
        self.all = started

    def wait_for_java(self) -> psutil.Process:
        """The Java of Spark, once it is there."""
        while True:
            for each in psutil.Process(self.process.pid).children():
                with suppress(psutil.Error):  # it may be the Java that only told its release
                    if "SparkSubmit" in str(each.cmdline()):
                        return each
            time.sleep(0.02)

    def wait_for_tasks(self) -> None:
        wait_for(self.at_work, self.process)
        self.all = psutil.Process(self.process.pid).children(recursive=True)

    def end(self) -> tuple[int, str]:
        """The status and output of the run, once it and all processes that it started have ended."""
        _, shown = self.process.communicate(timeout=60)
        _, left = psutil.wait_procs(self.all, timeout=0 if self.process.returncode >= 0 else 20)
        # A zombie has ended; only process 1 has not collected its status yet.
        assert [each for each in left if each.is_running() and each.status() != psutil.STATUS_ZOMBIE] == []
        return self.process.returncode, without_progress(shown)

    def error(self) -> str:
        return str(json.loads((self.root / "job_error.json").read_text(encoding="utf-8"))["error"]["message"])

    def left(self) -> list[str]:
        staged = [path for path in (self.project / ".staged").iterdir() if path.is_dir()]
        return [path.name for path in (*staged, *self.temporary.iterdir())]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[StoppedRun]:
    stopped = StoppedRun(tmp_path)
    yield stopped
    stopped.process.kill()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"])
def test_a_run_stopped_amid_its_tasks_leaves_nothing(run: StoppedRun, number: signal.Signals, status: int) -> None:
    run.wait_for_tasks()
    os.killpg(run.process.pid, number) if number == signal.SIGINT else run.process.send_signal(
        number
    )  # as a terminal does
    assert run.end() == (status, "The run was stopped before it was done.\n")
    assert (run.error(), run.left()) == ("The run was stopped before it was done.", [])


@pytest.mark.parametrize("delay", [0.0, 0.5, 1.0, 2.0])
def test_a_run_stopped_while_spark_starts_leaves_nothing(run: StoppedRun, delay: float) -> None:
    run.wait_for_spark()
    time.sleep(delay)
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == (143, "The run was stopped before it was done.\n")
    assert (run.error(), run.left()) == ("The run was stopped before it was done.", [])


def test_a_run_whose_java_is_killed_says_so(run: StoppedRun) -> None:
    run.wait_for_tasks()
    psutil.Process(run.process.pid).children()[0].kill()
    status, shown = run.end()
    assert (status, shown.splitlines()) == (1, run.error().splitlines())
    assert shown.startswith("Error 92 (Spark failed): Spark's Java process was killed by SIGKILL")
    assert run.left() == []


def test_a_run_whose_java_is_killed_while_spark_starts_says_so(run: StoppedRun) -> None:
    java = run.wait_for_java()
    time.sleep(0.8)
    java.kill()
    status, shown = run.end()
    assert (status, shown.splitlines()) == (1, run.error().splitlines())
    assert shown.startswith("Error 92 (Spark failed): ")
    assert "Java process" in shown
    assert run.left() == []


LOADER = [sys.executable, "-m", "apps.data_model_loader.app", "--master", "local[2]"]


def test_a_run_stopped_amid_the_imports_of_its_app_says_so(tmp_path: Path) -> None:
    options = ["--project", str(tmp_path / "project"), "--job-dir", str(tmp_path)]
    with subprocess.Popen([*LOADER, *options], cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        wait_for([tmp_path / "job_error_reserved_space"], process)
        process.terminate()
        _, shown = process.communicate(timeout=60)
    assert (process.returncode, shown) == (143, "The run was stopped before it was done.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["job_error.json"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems do not hold a process to this limit")
@pytest.mark.parametrize("limit", [400, 600], ids=["for the imports", "for Java"])
def test_a_run_without_enough_memory_says_so_and_leaves_nothing(tmp_path: Path, limit: int) -> None:
    given = ROOT / "apps" / "data_model_loader" / "examples" / "job_input.json"
    (tmp_path / "job_input.json").write_bytes(given.read_bytes())
    options = ["--project", str(tmp_path / "project"), "--job-dir", str(tmp_path)]
    ran = subprocess.run(
        [*LOADER, *options], cwd=ROOT, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit << 20, limit << 20)),
    )  # fmt: skip
    message = json.loads((tmp_path / "job_error.json").read_text(encoding="utf-8"))["error"]["message"]
    assert (ran.returncode, message.partition(": ")[0]) == (1, "Error 92 (Spark failed)")
    assert "memory" in message
    assert message in ran.stderr
    project = LocalProject(tmp_path / "project")
    assert [job["state"] for job in project.find_objects("job")] in ([], ["failed"])
    assert [path for path in (tmp_path / "project" / ".staged").glob("*") if path.is_dir()] == []


def test_what_a_killed_run_started_ends_and_the_next_run_sweeps_what_it_left(run: StoppedRun) -> None:
    run.wait_for_tasks()
    run.process.kill()
    assert run.end()[0] == -signal.SIGKILL
    assert len(run.left()) == 2
    sweep(run.temporary)
    LocalProject(run.project).stage(None).close()
    assert run.left() == []
    (job,) = LocalProject(run.project).find_objects("job")
    assert job["failureMessage"] == "The run was killed before it was done. Nothing was published."


@pytest.fixture
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A standalone cluster with two workers, which outlives the run."""
    folder = tmp_path_factory.mktemp("cluster")
    yield standalone.start(folder).url
    standalone.stop(folder)


def executors() -> list[psutil.Process]:
    """The processes of executors on this machine."""
    found = []
    for each in psutil.process_iter(["cmdline"]):
        if "org.apache.spark.executor.CoarseGrainedExecutorBackend" in (each.info["cmdline"] or []):
            found += [each, *each.children(recursive=True)]
    return found


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)], ids=["SIGTERM", "SIGKILL"]
)
def test_a_run_stopped_on_a_cluster_ends_its_executors_and_the_next_run_finds_nothing_staged(
    master: str, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    run = StoppedRun(tmp_path, master)
    wait_for(run.at_work, run.process)
    at_work = executors()
    assert at_work
    run.process.send_signal(number)
    assert run.process.wait(timeout=60) == status
    _, left = psutil.wait_procs(at_work, timeout=60)
    assert [each for each in left if each.is_running() and each.status() != psutil.STATUS_ZOMBIE] == []
    if number == signal.SIGTERM:
        assert run.error() == "The run was stopped before it was done."
    LocalProject(str(run.project)).stage(None).close()
    assert [path for path in (run.project / ".staged").iterdir() if path.is_dir()] == []
    jobs = [json.loads(path.read_text(encoding="utf-8")) for path in (run.project / "objects").glob("job-*.json")]
    assert [each["state"] for each in jobs] == ["failed"]
