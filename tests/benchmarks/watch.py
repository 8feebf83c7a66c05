"""`python -m tests.benchmarks.watch COMMAND…`: runs it; prints, as the JSON of a `measure.Cost`, wall s, CPU s and peak MiB of
the whole tree of its processes, and the peak of the largest process of each kind.

The kernel's own sums miss Spark's Python workers: their daemon ignores SIGCHLD, and then their times are added to nobody's.
So every process of the tree is read several times a second and its last reading kept. Linux only.
"""

from __future__ import annotations

import ctypes
import json
import resource
import subprocess
import sys
import time

import psutil

INTERVAL = 0.05
_WORKERS = "pyspark.daemon", "common.spark.daemon"
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h: orphans come to us, as Spark's Java does when its Python has ended


def main() -> int:
    """The status of the command."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    tree, cpu, peak, largest = psutil.Process(), dict[tuple[int, float], float](), 0.0, dict[str, float]()
    begun = time.monotonic()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
    wall = 0.0
    while True:
        if not wall and process.poll() is not None:
            wall = time.monotonic() - begun
        living = tree.children(recursive=True)
        if wall and all(_read(each, cpu, largest) is None for each in living):
            break
        peak = max(peak, sum(_read(each, cpu, largest) or 0.0 for each in living))
        time.sleep(INTERVAL)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = max(sum(cpu.values()), used.ru_utime + used.ru_stime)
    print(json.dumps({"wall": wall, "cpu": seconds, "peak": peak, "largest": largest}))
    return process.returncode


def _read(process: psutil.Process, cpu: dict[tuple[int, float], float], largest: dict[str, float]) -> float | None:
    """Keeps the CPU seconds of a process, and its resident MiB if none of its kind had more; these, or None if it has ended."""
    try:
        with process.oneshot():
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            times = process.cpu_times()
            cpu[process.pid, process.create_time()] = times.user + times.system
            resident = float(process.memory_info().rss) / 2**20
            kind = _kind(process)
            largest[kind] = max(largest.get(kind, 0.0), resident)
            return resident
    except psutil.NoSuchProcess:
        return None


def _kind(process: psutil.Process) -> str:
    """`worker` for a Python that Spark runs tasks in, or else the name of the program without its version."""
    return "worker" if not set(_WORKERS).isdisjoint(process.cmdline()) else process.name().rstrip("0123456789.")


if __name__ == "__main__":
    sys.exit(main())
