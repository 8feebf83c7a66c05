"""A real Spark cluster on this machine: a standalone master and workers, each a process of its own, on loopback.

    python -m common.spark.standalone up|down|status [--workers 2] [--cores 1] [--memory 2g]

It is where one sees that an app runs on a cluster as on a laptop. `up` prints the master's URL, for MASTER= and --master.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from common.errors import AppError
from common.spark.bundle import ROOT
from common.spark.launch import LOOPBACK, environment, java_options, spark_home

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
    folder.mkdir(parents=True, exist_ok=True)
    port, page = _free_port(_PORT), _free_port()
    url, names = f"spark://{LOOPBACK}:{port}", {"--host": LOOPBACK}
    processes = [_launch(folder, "master", "master.Master", {**names, "--port": port, "--webui-port": page})]
    wishes = {**names, "--webui-port": 0, "--cores": cores, "--memory": memory}
    for number in range(1, workers + 1):
        work = {**wishes, "--work-dir": folder / f"worker-{number}"}
        processes.append(_launch(folder, f"worker-{number}", "worker.Worker", work, url))
    cluster = Standalone(url, f"http://{LOOPBACK}:{page}", workers, tuple(processes))
    _state(folder).write_text(json.dumps(asdict(cluster)), encoding="utf-8")
    deadline = time.monotonic() + _DEADLINE
    while registered_workers(cluster) < workers:
        if time.monotonic() > deadline or not cluster.is_whole:
            stop(folder)
            raise AppError(92, f"the cluster did not come up; its logs are in {folder}")
        time.sleep(0.2)
    return cluster


def find(folder: Path = FOLDER) -> Standalone | None:
    """The cluster that runs from this folder, if every process of it does."""
    cluster = _read_state(folder)
    return cluster if cluster and cluster.is_whole else None


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
    with contextlib.suppress(OSError, ValueError), urllib.request.urlopen(f"{cluster.page}/json/", timeout=5) as page:  # noqa: S310  # our own http address
        return int(json.load(page)["aliveworkers"])
    return 0


def _launch(folder: Path, name: str, role: str, options: dict[str, object], *arguments: str) -> tuple[int, float]:
    names = environment(f"spark://{LOOPBACK}:{_PORT}")
    # They only keep count, so they need neither the optimising compiler nor collector threads.
    daemon = ["-XX:+UseSerialGC", *java_options()]
    names |= {"SPARK_DAEMON_JAVA_OPTS": shlex.join(daemon), "SPARK_DAEMON_MEMORY": "512m"}
    command = [str(spark_home() / "bin" / "spark-class"), f"org.apache.spark.deploy.{role}"]
    command += [str(part) for option in options.items() for part in option] + list(arguments)
    with (folder / f"{name}.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, env=names, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    return process.pid, psutil.Process(process.pid).create_time()


def _free_port(wanted: int = 0) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted))
        except OSError:
            return _free_port()
        return int(probe.getsockname()[1])


def _state(folder: Path) -> Path:
    return folder / "cluster.json"


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
