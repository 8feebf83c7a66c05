"""Loads on a standalone cluster with two workers, of which a process is killed or stopped at a random moment.

The project must hold the whole Dataset or nothing of it, the exit status must say which, all executors of the load must end, and the next
run must find nothing staged and no job that still runs.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq

from common.platform.local import LocalProject
from common.spark import standalone

SUITE_COUNT = 2

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "apps" / "data_model_loader" / "examples" / "job_input.json"
ROWS = {"hospital": 3, "patient": 8, "encounter": 10, "test": 10}
_EXECUTOR = "org.apache.spark.executor.CoarseGrainedExecutorBackend"
_LONGEST = 12.0  # s, in which an undisturbed load ends on a quiet machine
_ENDS = 120  # s, after which a run is taken to hang


def run(seed: int, count: int) -> list[str]:
    findings = []
    with tempfile.TemporaryDirectory() as folder:
        url = standalone.start(Path(folder) / "cluster").url
        try:
            for number in range(count):
                chance = random.Random(f"{seed} {number}")
                victim = chance.choice(["SIGKILL", "SIGTERM", "executor", "worker's Python"])
                moment = chance.uniform(0.0, _LONGEST)
                what = f"seed {seed}, number {number}, {victim} after {moment:.1f} s"
                place = Path(folder) / str(number)
                findings += [f"{what}: {each}" for each in _disturb(place, url, victim, moment)]
        finally:
            standalone.stop(Path(folder) / "cluster")
    return findings


def _disturb(place: Path, url: str, victim: str, moment: float) -> list[str]:
    """Runs one load, disturbs it, and says what is wrong afterwards."""
    project, job = place / "project", place / "job"
    command = [
        sys.executable, "-m", "apps", "run", "data_model_loader", "--input-json", str(EXAMPLE), "--project", str(project),
        "--job-dir", str(job), "--master", url,
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        with suppress(subprocess.TimeoutExpired):
            process.wait(moment)
        _strike(process, victim)
        try:
            _, shown = process.communicate(timeout=_ENDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return ["it hangs"]
    found = ["it shows a trace"] if "Traceback" in shown else []
    left = psutil.wait_procs(_executors(), timeout=60)[1]
    found += ["an executor goes on"] if left else []
    tables = _tables(project)
    if tables not in ({}, ROWS):
        found.append(f"the tables have {tables}")
    if victim != "SIGKILL" and (process.returncode == 0) != bool(tables):
        found.append(f"the status is {process.returncode}, and the tables have {tables}: {shown}")
    if victim != "SIGKILL" and process.returncode and not (job / "job_error.json").exists():
        found.append(f"it wrote no error: {process.returncode}, {shown}")
    LocalProject(str(project)).stage(None).close()  # what the next run does first
    found += [f"{path} is still there" for path in (project / ".staged").iterdir() if path.is_dir()]
    jobs = [json.loads(path.read_text(encoding="utf-8")) for path in (project / "objects").glob("job-*.json")]
    found += [f"{each['id']} still runs" for each in jobs if each["state"] == "running"]
    return found


def _strike(process: subprocess.Popen[str], victim: str) -> None:
    if victim.startswith("SIG"):
        process.send_signal(getattr(signal, victim))
        return
    executors = _executors()
    workers = [each for java in executors for each in _children(java)]
    for each in (executors if victim == "executor" else workers)[:1]:
        with suppress(psutil.Error):
            each.kill()


def _executors() -> list[psutil.Process]:
    processes = psutil.process_iter(["cmdline", "status"])
    return [
        each for each in processes
        if _EXECUTOR in (each.info["cmdline"] or []) and each.info["status"] != psutil.STATUS_ZOMBIE
    ]  # fmt: skip


def _children(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return process.children(recursive=True)
    return []


def _tables(project: Path) -> dict[str, Any]:
    """Rows of the tables that a reader of the project sees; none without a record."""
    if not (project / "objects").is_dir():
        return {}
    store = LocalProject(str(project))
    records = [each for each in store.find_objects("record") if each["name"] == "hospital_example"]
    if not records:
        return {}
    record = store.find_record(records[0]["id"])
    database = store.find_database(next(iter(record.details["databases"][0].values()))["$dnanexus_link"])
    return {
        table: sum(pq.read_metadata(path).num_rows for path in store.table_files(database, table))
        for table in store.tables(database)
        if table in ROWS
    }
