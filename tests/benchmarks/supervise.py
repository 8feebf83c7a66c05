"""Runs a command and prints its status, its wall seconds, the CPU seconds of all that it started, and the peak MiB of the
largest of them. Linux only; a process of its own, as `measure` starts it.

The kernel adds a process's CPU time to whoever waits for it. Orphans come to us, as to init: Spark leaves its Java behind.
Nobody waits for the Python workers of Spark: their daemon ignores SIGCHLD (pyspark/daemon.py), so what they used is lost to
every account. They do most of the work of ours, so they are watched in /proc while they live; see proc(5).
"""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from signal import SIGCHLD
from threading import Event, Thread

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_LOOK_EVERY = 0.05  # s; so much of the end of each worker may go unseen
_TICK = os.sysconf("SC_CLK_TCK")


class UnwaitedChildren:
    """The processes whose parent ignores their end: the CPU seconds and peak MiB of each as last seen."""

    def __init__(self) -> None:
        self.cpu: dict[int, float] = {}
        self.peak: dict[int, float] = {}

    def look(self) -> None:
        """Takes in all that live now."""
        parents, used = _read_processes()
        for process, parent in parents.items():
            with suppress(OSError, StopIteration):
                if _is_ours(process, parents) and _ignores_children(parent):
                    self.cpu[process] = used[process]
                    self.peak[process] = int(_status(process, "VmHWM").split()[0]) / 1024

    def watch(self, ended: Event) -> None:
        """Looks until told to end."""
        while not ended.wait(_LOOK_EVERY):
            self.look()


def _read_processes() -> tuple[dict[int, int], dict[int, float]]:
    """Parent, and CPU seconds with those of children that were waited for, of every process."""
    parents, used = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[int(folder.name)] = int(fields[1])
            used[int(folder.name)] = sum(map(int, fields[11:15])) / _TICK
    return parents, used


def _is_ours(process: int, parents: dict[int, int]) -> bool:
    while process and process != os.getpid():
        process = parents.get(process, 0)
    return process == os.getpid()


def _ignores_children(process: int) -> bool:
    return bool(int(_status(process, "SigIgn"), 16) >> (SIGCHLD - 1) & 1)


def _status(process: int, key: str) -> str:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{key}:"))


def main() -> None:
    """Runs the command of the arguments."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    unwaited, ended = UnwaitedChildren(), Event()
    watching = Thread(target=unwaited.watch, args=(ended,))
    watching.start()
    begun = time.monotonic()
    status = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
    wall = time.monotonic() - begun
    with suppress(ChildProcessError):
        while True:
            os.wait()
    ended.set()
    watching.join()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime + sum(unwaited.cpu.values())
    print(status, wall, cpu, max([used.ru_maxrss / 1024, *unwaited.peak.values()]))


if __name__ == "__main__":
    main()
