"""Wall and CPU time of whole process trees, in interleaved rounds."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class Way(NamedTuple):
    """One way of doing the job: a command and its environment."""

    command: Sequence[str]
    environment: Mapping[str, str]


class Cost(NamedTuple):
    """Seconds: until the command ended, and of CPU by it and all its descendants, daemons too."""

    wall: float
    cpu: float


_SUPERVISOR = f"""
import ctypes, os, subprocess, sys, time, resource
ctypes.CDLL(None).prctl({PR_SET_CHILD_SUBREAPER}, 1)
begun = time.monotonic()
status = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
wall = time.monotonic() - begun
try:
    while True: os.wait()
except ChildProcessError: pass
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(status, wall, used.ru_utime + used.ru_stime)
"""


def measure(way: Way) -> Cost:
    """One run. The supervisor adopts orphans (Spark leaves its Java behind), so that their CPU time counts; Linux only."""
    command = [sys.executable, "-c", _SUPERVISOR, *way.command]
    ran = subprocess.run(command, env=dict(way.environment), capture_output=True, text=True, check=True)
    status, wall, cpu = ran.stdout.split()
    if status != "0":
        raise RuntimeError(f"{way.command} failed: {ran.stderr}")
    return Cost(float(wall), float(cpu))


def compare(title: str, ways: Mapping[str, Way], rounds: int = 3) -> dict[str, Cost]:
    """Medians of interleaved rounds, printed as a table and returned."""
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            costs[name].append(measure(way))
    medians = {name: Cost(*map(statistics.median, zip(*each, strict=True))) for name, each in costs.items()}
    width = max(map(len, medians))
    print(f"{title}; {rounds} rounds, medians, s\n{'':{width}}   wall    cpu")
    for name, cost in medians.items():
        print(f"{name:{width}}  {cost.wall:5.1f}  {cost.cpu:5.1f}")
    return medians
