from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from common.dataset.database import link
from common.errors import AppError, Rule
from common.faults import FaultError, Faults, Place
from common.job import Main, Run
from common.job.run import execute
from common.platform import RecordDraft
from common.platform.local import LocalProject
from tests.processes import wait_for

ROOT = Path(__file__).resolve().parents[3]
DXAPP = {
    "name": "counter", "title": "Counter", "summary": "Counts lines", "version": "1.0.0",
    "inputSpec": [
        {"name": "table", "class": "file", "label": "Table"},
        {"name": "header", "class": "boolean", "default": True},
    ],
    "outputSpec": [{"name": "rows", "class": "int"}, {"name": "note", "class": "string", "optional": True}],
}  # fmt: skip


def count_lines(run: Run) -> dict[str, Any]:
    with run.progress.stage("count") as stage:
        lines = Path(run.inputs.table.path).read_text(encoding="utf-8").splitlines()
        stage.note(f"{len(lines)} lines")
    return {"rows": len(lines) - run.inputs.header, "note": None}


class Job:
    """A job folder, a project and an app's folder, and what is left in them after a run."""

    def __init__(self, root: Path) -> None:
        self.app_file = root / "app" / "app.py"
        self.folder = root / "job"
        self.project = root / "project"
        for folder in (self.app_file.parent, self.folder):
            folder.mkdir()
        self.app_file.with_name("dxapp.json").write_text(json.dumps(DXAPP), encoding="utf-8")
        (root / "patient.csv").write_text("id\n1\n2\n", encoding="utf-8")
        self.give({"table": str(root / "patient.csv")})

    def give(self, value: object) -> None:
        (self.folder / "job_input.json").write_text(json.dumps(value), encoding="utf-8")

    @property
    def arguments(self) -> list[str]:
        return ["--project", str(self.project), "--job-dir", str(self.folder)]

    def run(self, main: Main, *options: str) -> int:
        return execute(self.app_file, main, [*self.arguments, *options])

    def read(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def described(self) -> dict[str, Any]:
        (described,) = LocalProject(self.project).find_objects("job")
        return described

    def staged(self) -> list[str]:
        return [path.name for path in (self.project / ".staged").iterdir() if path.is_dir()]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def test_a_run_writes_its_output_and_nothing_else(
    job: Job, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.job.progress.time", SimpleNamespace(monotonic=iter([5.0, 7.26]).__next__))
    assert job.run(count_lines) == 0
    assert job.files() == ["job_input.json", "job_output.json"]
    assert (job.folder / "job_output.json").read_text(encoding="utf-8") == '{\n  "rows": 2\n}\n'
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.split() == ["count", "3", "lines", "2.3", "s"]


def test_the_job_itself_is_an_object_of_the_project(job: Job) -> None:
    job.run(count_lines)
    described = job.described()
    assert (described["state"], described["executableName"], described["output"]) == ("done", "counter", {"rows": 2})


def test_a_users_mistake_is_one_block_with_its_number_and_no_trace(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(run: Run) -> dict[str, Any]:
        raise AppError(Rule.MAX_COLUMNS, "max_columns is 1", "Give 2 or more.")

    assert job.run(refuse) == 1
    message = "Error 16 (max_columns out of range): max_columns is 1\n  Remedy: Give 2 or more."
    assert job.read("job_error.json") == {"error": {"type": "AppError", "message": message}}
    assert capsys.readouterr().err == message + "\n"
    assert job.files() == ["job_error.json", "job_input.json"]
    assert (job.described()["state"], job.described()["failureMessage"]) == ("failed", message)


def test_a_faulty_input_is_refused_before_the_app_is_called(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    job.give({"tables": "patient.csv", "header": "yes"})
    assert job.run(lambda run: pytest.fail("the app was called")) == 1
    message = job.read("job_error.json")["error"]["message"]
    assert message.startswith("Error 90: The job input check found 3 faults; nothing was published.\n")
    assert "tables: there is no such input" in message
    assert message + "\n" == capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (None, 91, "job_input.json: No such file or directory"),
        ('{"table": \n}', 90, "job_input.json: line 2, column 1"),
        ("[]", 90, "job_input.json does not hold a JSON object"),
    ],
)
def test_a_job_input_that_cannot_be_read_is_the_users_mistake(job: Job, text: str | None, code: int, said: str) -> None:
    path = job.folder / "job_input.json"
    path.unlink()
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert job.run(count_lines) == 1
    error = job.read("job_error.json")["error"]
    assert error["type"] == "AppError"
    assert error["message"].startswith(f"Error {code} ")
    assert said in error["message"]


def test_a_bug_is_one_line_for_the_user_with_its_trace_in_a_file(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    def divide(run: Run) -> dict[str, Any]:
        return {"rows": 1 // 0}

    assert job.run(divide) == 1
    trace = job.folder / "job_error.log"
    assert capsys.readouterr().err == (
        f"Internal error: ZeroDivisionError: integer division or modulo by zero (trace in {trace})\n"
    )
    assert job.read("job_error.json")["error"]["type"] == "AppInternalError"
    assert 'return {"rows": 1 // 0}' in trace.read_text(encoding="utf-8")


def test_verbose_shows_the_trace_too(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    def divide(run: Run) -> dict[str, Any]:
        return {"rows": 1 // 0}

    job.run(divide, "--verbose")
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_outputs_that_the_spec_does_not_allow_are_a_bug(job: Job) -> None:
    assert job.run(lambda run: {"row": 2}) == 1
    error = job.read("job_error.json")["error"]
    assert error["type"] == "AppInternalError"
    assert "row is not in the outputSpec; rows is missing" in error["message"]


def test_what_an_earlier_run_left_is_gone(job: Job) -> None:
    assert job.run(lambda run: {}) == 1
    assert job.files() == ["job_error.json", "job_error.log", "job_input.json"]
    assert job.run(count_lines) == 0
    assert job.files() == ["job_input.json", "job_output.json"]
    job.give([])
    assert job.run(count_lines) == 1
    assert job.files() == ["job_error.json", "job_input.json"]


def test_the_faults_of_a_refused_run_are_in_its_report_and_not_in_the_next_ones(job: Job) -> None:
    def refuse(run: Run) -> dict[str, Any]:
        faults = Faults()
        faults.add(Rule.DATA_FILE_MISSING, "the entity has no data file", Place(entity="visit"))
        raise FaultError("The plan", faults)

    assert job.run(refuse) == 1
    assert [(each["code"], each["count"]) for each in job.read("report.json")["faults"]] == [(61, 1)]
    assert job.run(count_lines) == 0
    assert "report.json" not in job.files()


def test_a_full_disk_is_no_bug_and_room_for_its_error_was_reserved(job: Job) -> None:
    def fill(run: Run) -> dict[str, Any]:
        assert (run.job_dir / "job_error_reserved_space").stat().st_size == 64 * 1024
        with Path("/dev/full").open("w", encoding="utf-8") as full:
            full.write("x")
        return {}

    assert job.run(fill) == 1
    error = job.read("job_error.json")["error"]
    assert error["type"] == "AppError"
    assert "No space left on device" in error["message"]


def test_a_staging_that_the_app_left_open_is_closed(job: Job) -> None:
    def stage(run: Run) -> dict[str, Any]:
        Path(run.stage(None).scratch_folder("keys"), "part").write_text("x", encoding="utf-8")
        assert job.staged() == [run.platform.job_id]
        raise AppError(Rule.KEY_EMPTY, "a key is empty")

    assert job.run(stage) == 1
    assert job.staged() == []


def test_ctrl_c_ends_in_an_error_and_status_130(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(run: Run) -> dict[str, Any]:
        run.stage(None)
        raise KeyboardInterrupt

    assert job.run(interrupt) == 130
    assert capsys.readouterr().err == "The run was stopped before it was done.\n"
    assert job.read("job_error.json")["error"]["type"] == "AppError"
    assert job.staged() == []


WAITING_APP = """
import sys, time
from pathlib import Path
from common.job.run import execute

def main(run):
    run.stage(None).scratch_folder("keys")
    (run.job_dir / "staged").touch()
    time.sleep(600)

sys.exit(execute({app!r}, main, {arguments!r}))
"""


@pytest.mark.processes
def test_sigterm_stops_the_run_cleanly(job: Job) -> None:
    script = WAITING_APP.format(app=str(job.app_file), arguments=job.arguments)
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        wait_for([job.folder / "staged"], process)
        process.send_signal(signal.SIGTERM)
        _, shown = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, shown) == (143, "The run was stopped before it was done.\n")
    assert job.read("job_error.json")["error"]["message"] == "The run was stopped before it was done."
    assert job.staged() == []


def publish_record(run: Run) -> dict[str, Any]:
    run.stage(None).publish([], RecordDraft("study", {"model": {}}, "ds-study", []), {})
    return {"rows": 1}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_after_the_commit_changes_nothing(job: Job, number: signal.Signals) -> None:
    def publish_late(run: Run) -> dict[str, Any]:
        outputs = publish_record(run)
        signal.raise_signal(number)
        return outputs

    assert job.run(publish_late) == 0
    assert job.read("job_output.json") == {"rows": 1}
    assert job.staged() == []


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=lambda each: str(each),
)
def test_a_signal_before_it_stops_the_run(job: Job, number: signal.Signals, status: int) -> None:
    def publish_too_late(run: Run) -> dict[str, Any]:
        signal.raise_signal(number)
        return publish_record(run)

    assert job.run(publish_too_late) == status
    assert job.files() == ["job_error.json", "job_input.json"]
    assert LocalProject(job.project).find_objects("record") == []
    assert job.described()["state"] == "failed"


def test_a_disk_that_does_not_confirm_the_commit_is_a_warning(
    job: Job, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_disk(path: Path) -> None:
        if any((job.project / "objects").glob("record-*")) and path.name == "objects":
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("common.platform.local.disk.sync", break_disk)
    assert job.run(publish_record) == 0
    assert "Warning: all is published, but the disk did not confirm it: Input/output error" in capsys.readouterr().err


def test_the_job_of_a_killed_run_is_told_by_the_next(job: Job) -> None:
    killed = LocalProject(job.project)
    killed.write_job("counter", "running", {})
    del killed  # which frees its lock, as its death would
    assert job.run(count_lines) == 0
    first, second = LocalProject(job.project).find_objects("job")
    assert (first["state"], first["failureMessage"], second["state"]) == (
        "failed", "The run was killed before it was done. Nothing was published.", "done",
    )  # fmt: skip
    assert job.staged() == []


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't start new thread"), OSError(errno.ENOMEM, "no")])
def test_want_of_memory_is_no_bug(job: Job, error: Exception) -> None:
    def run_out(run: Run) -> dict[str, Any]:
        raise error

    assert job.run(run_out) == 1
    assert job.read("job_error.json")["error"]["message"].startswith("Error 92 (Spark failed): no memory is left")


@pytest.mark.processes
def test_a_screen_that_is_gone_does_not_stop_a_run(job: Job) -> None:
    script = WAITING_APP.replace("time.sleep(600)", "run.progress.warn('x'); return {{'rows': 1}}")
    script = script.format(app=str(job.app_file), arguments=job.arguments)
    reading, writing = os.pipe()
    os.close(reading)
    status = subprocess.run([sys.executable, "-c", script], cwd=ROOT, stderr=writing, check=False).returncode
    os.close(writing)
    assert (status, job.read("job_output.json")) == (0, {"rows": 1})


@pytest.mark.processes
def test_a_run_that_never_asks_for_spark_does_not_import_it(job: Job) -> None:
    script = (
        "import sys\nfrom common.job.run import execute\n"
        f"status = execute({str(job.app_file)!r}, lambda run: {{'rows': 0}}, {job.arguments!r})\n"
        "print(status, 'pyspark' in sys.modules, 'pandas' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout == "0 False False\n"


def test_libraries_warnings_are_shown_on_demand_only(job: Job) -> None:
    def warn(run: Run) -> dict[str, Any]:
        warnings.warn("use something else", FutureWarning, stacklevel=1)
        return {"rows": 0}

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        job.run(warn)
        assert seen == []
        job.run(warn, "--verbose")
    assert [str(each.message) for each in seen] == ["use something else"]


def test_a_published_record_can_be_an_output(tmp_path: Path) -> None:
    job = Job(tmp_path)
    spec = {**DXAPP, "outputSpec": [{"name": "dataset", "class": "record"}]}
    job.app_file.with_name("dxapp.json").write_text(json.dumps(spec), encoding="utf-8")

    def publish(run: Run) -> dict[str, Any]:
        record = run.stage(None).publish([], RecordDraft("study", {"model": {}}, "ds-study", []), {}).record
        assert record is not None
        return {"dataset": link(record)}

    assert job.run(publish) == 0
    assert job.read("job_output.json") == {
        "dataset": {"$dnanexus_link": LocalProject(job.project).find_record("study").id}
    }
    assert job.staged() == []


def test_faulty_usage_ends_with_status_2(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        job.run(count_lines, "--projekt", "x")
    assert ended.value.code == 2
    assert "--projekt" in capsys.readouterr().err
