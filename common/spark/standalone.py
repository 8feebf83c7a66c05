"""A real Spark cluster on this machine: a standalone master and workers, each a process of its own, on loopback.

    python -m common.spark.standalone up|down|status [--workers 2] [--cores 1] [--memory 2g]

It is where one sees that an app runs on a cluster as on a laptop. `up` prints the master's URL, for MASTER= and --master.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import shlex
import subprocess
import sys
import time
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from common.errors import AppError, Rule
from common.spark.bundle import ROOT
from common.spark.launch import LOOPBACK, archive_options, environment, spark_home

FOLDER = ROOT / "build" / "cluster"
_PORT = 7077
_DEADLINE = 90  # s, for all workers to register
_GRACE = 15  # s, for a process to end before it is killed


@dataclass(frozen=True)
class Standalone:
    """A cluster that was started: its master's URL, the master's status page, and per process its pid and time of birth.

    The time tells a process of ours from one that was given the same pid since.
    """

    url: str
    page: str
    workers: int
    processes: tuple[tuple[int, float], ...]

    def alive(self) -> list[psutil.Process]:
        """Its processes that still run."""
        found = []
        for pid, born in self.processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                if process.create_time() == born and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    @property
    def is_whole(self) -> bool:
        """True while no process of it has ended."""
        return len(self.alive()) == len(self.processes)


def start(folder: Path = FOLDER, workers: int = 2, cores: int = 1, memory: str = "2g") -> Standalone:
    """Starts the cluster, or finds it running, and waits until every worker has registered.

    `folder` keeps its state, logs and the workers' files. Raises `AppError` 92 if it does not come up.
    """
    running = find(folder)
    if running is not None:
        return running
    stop(folder)  # what is left of one that lost a process, or was cut short as it came up
    folder.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + _DEADLINE
    common = {"--host": LOOPBACK, "--webui-port": 0}
    master = _launch(folder, "master", "Master", {**common, "--port": _PORT})
    cluster = _keep(folder, Standalone("", "", workers, (master,)))
    # Spark takes the next port where one is taken, so the master is asked for its own and none is chosen for it.
    while not (addresses := _addresses(folder)):
        _wait(folder, cluster, deadline)
    wishes = {**common, "--cores": cores, "--memory": memory}
    url, page = addresses
    launched = [
        _launch(folder, name, "Worker", {**wishes, "--work-dir": folder / name}, url)
        for name in (f"worker-{number}" for number in range(1, workers + 1))
    ]
    cluster = _keep(folder, Standalone(url, page, workers, (master, *launched)))
    while registered_workers(cluster) < workers:
        _wait(folder, cluster, deadline)
    return cluster


def find(folder: Path = FOLDER) -> Standalone | None:
    """The cluster that runs from this folder, if every process of it does."""
    cluster = _read_state(folder)
    return cluster if cluster and cluster.url and cluster.is_whole else None


def stop(folder: Path = FOLDER) -> int:
    """Ends the processes of this folder's cluster, those and no others, and returns how many there were."""
    cluster = _read_state(folder)
    processes = cluster.alive() if cluster else []
    for process in processes:
        process.terminate()
    _, left = psutil.wait_procs(processes, timeout=_GRACE)
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=_GRACE)
    _state(folder).unlink(missing_ok=True)
    return len(processes)


def registered_workers(cluster: Standalone) -> int:
    """How many workers the master counts as alive."""
    with contextlib.suppress(OSError, ValueError), urllib.request.urlopen(f"{cluster.page}/json/", timeout=30) as page:  # noqa: S310  # our own http address
        return int(json.load(page)["aliveworkers"])
    return 0


def _launch(folder: Path, name: str, role: str, options: dict[str, object], *arguments: str) -> tuple[int, float]:
    names = environment(f"spark://{LOOPBACK}:{_PORT}")
    # They only keep count, so they need neither the optimising compiler nor collector threads. Spark's own log stays on:
    # it goes to a file of its own.
    daemon = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *archive_options()]
    names |= {"SPARK_DAEMON_JAVA_OPTS": shlex.join(daemon), "SPARK_DAEMON_MEMORY": "512m"}
    command = [str(spark_home() / "bin" / "spark-class"), f"org.apache.spark.deploy.{role.lower()}.{role}"]
    command += [str(part) for option in options.items() for part in option] + list(arguments)
    with _log(folder, name).open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, env=names, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    return process.pid, psutil.Process(process.pid).create_time()


def _addresses(folder: Path) -> tuple[str, str] | None:
    """The master's URL and its status page, once its log tells both."""
    log = _log(folder, "master").read_text(encoding="utf-8", errors="replace")
    url = re.search(r"Starting Spark master at (spark://\S+)", log)
    page = re.search(r"MasterWebUI\b.*:(\d+)$", log, re.MULTILINE)
    return (url[1], f"http://{LOOPBACK}:{page[1]}") if url and page else None


def _wait(folder: Path, cluster: Standalone, deadline: float) -> None:
    if time.monotonic() > deadline or not cluster.is_whole:
        stop(folder)
        raise AppError(Rule.SPARK_FAILED, f"the cluster did not come up; its logs are in {folder}")
    time.sleep(0.2)


def _log(folder: Path, name: str) -> Path:
    return folder / f"{name}.log"


def _state(folder: Path) -> Path:
    return folder / "cluster.json"


def _keep(folder: Path, cluster: Standalone) -> Standalone:
    _state(folder).write_text(json.dumps(asdict(cluster)), encoding="utf-8")
    return cluster


def _read_state(folder: Path) -> Standalone | None:
    try:
        state = json.loads(_state(folder).read_text(encoding="utf-8"))
        return Standalone(state["url"], state["page"], state["workers"], tuple(map(tuple, state["processes"])))
    except (OSError, ValueError, KeyError):
        return None


def main() -> int:
    """Brings the cluster up or down, or says how it stands; the URL goes to stdout, all else to stderr."""
    parser = argparse.ArgumentParser(prog="python -m common.spark.standalone")
    parser.add_argument("action", choices=["up", "down", "status"])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cores", type=int, default=1, help="cores of each worker")
    parser.add_argument("--memory", default="2g", help="memory of each worker")
    given = parser.parse_args()
    if given.action == "down":
        sys.stderr.write(f"Stopped {stop()} processes.\n")
        return 0
    try:
        cluster = start(FOLDER, given.workers, given.cores, given.memory) if given.action == "up" else find()
    except AppError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    if cluster is None:
        sys.stderr.write("No cluster runs; make cluster-up starts one.\n")
        return 1
    sys.stderr.write(f"{registered_workers(cluster)} workers; status at {cluster.page}, logs in {FOLDER}\n")
    sys.stdout.write(f"{cluster.url}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
