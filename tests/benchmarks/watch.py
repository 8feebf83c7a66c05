"""`python -m tests.benchmarks.watch COMMAND…`: runs it; prints wall s, CPU s and peak MiB of the whole tree of its processes.

The kernel's own sums miss Spark's Python workers: their daemon ignores SIGCHLD, and then their times are added to nobody's.
So every process of the tree is read several times a second and its last reading kept. Linux only.
"""

from __future__ import annotations

import ctypes
import resource
import subprocess
import sys
import time

import psutil

INTERVAL = 0.05
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h: orphans come to us, as Spark's Java does when its Python has ended


def main() -> int:
    """The status of the command."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    tree, cpu, peak = psutil.Process(), dict[tuple[int, float], float](), 0.0
    begun = time.monotonic()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
    wall = 0.0
    while True:
        if not wall and process.poll() is not None:
            wall = time.monotonic() - begun
        living = tree.children(recursive=True)
        if wall and all(_read(each, cpu) is None for each in living):
            break
        peak = max(peak, sum(_read(each, cpu) or 0.0 for each in living))
        time.sleep(INTERVAL)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(wall, max(sum(cpu.values()), used.ru_utime + used.ru_stime), peak)
    return process.returncode


def _read(process: psutil.Process, cpu: dict[tuple[int, float], float]) -> float | None:
    """Keeps the CPU seconds of a process; its resident MiB, or None if it has ended."""
    try:
        with process.oneshot():
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            times = process.cpu_times()
            cpu[process.pid, process.create_time()] = times.user + times.system
            return float(process.memory_info().rss) / 2**20
    except psutil.NoSuchProcess:
        return None


if __name__ == "__main__":
    sys.exit(main())
