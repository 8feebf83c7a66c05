"""Wall and CPU time and peak memory of whole process trees, in interleaved rounds; tables of medians and ratios."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


@dataclass(frozen=True)
class Way:
    """One way of doing the job: a command, variables beside those of this process, and what to do before each run."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], object] = lambda: None


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds until the command ended; seconds of CPU by it and all its descendants, daemons too; and the peak of the memory
    of the largest of them, MiB."""

    wall: float
    cpu: float
    peak: float = 0.0

    def less(self, other: Cost) -> Cost:
        """What is left when another cost, such as that of an empty session, is taken off."""
        return Cost(self.wall - other.wall, self.cpu - other.cpu, self.peak)


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
print(status, wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""


def measure(way: Way) -> Cost:
    """One run. The supervisor adopts orphans (Spark leaves its Java behind), so that their CPU time counts; Linux only."""
    way.before()
    command = [sys.executable, "-c", _SUPERVISOR, *way.command]
    environment = {**os.environ, **way.environment}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    status, wall, cpu, peak = ran.stdout.split()
    if status != "0":
        raise RuntimeError(f"{way.command} failed: {ran.stderr}")
    return Cost(float(wall), float(cpu), float(peak))


def compare(title: str, ways: Mapping[str, Way], rounds: int = 3) -> dict[str, Cost]:
    """Medians of interleaved rounds, printed as a table and returned."""
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            costs[name].append(measure(way))
    medians = {
        name: Cost(*(statistics.median(getattr(cost, part) for cost in each) for part in ("wall", "cpu", "peak")))
        for name, each in costs.items()
    }
    rows = [[name, f"{cost.wall:.1f}", f"{cost.cpu:.1f}", f"{cost.peak:.0f}"] for name, cost in medians.items()]
    show_table(f"{title} (medians of {rounds} rounds)", ["", "wall s", "CPU s", "peak MiB"], rows)
    return medians


def show_ratios(ours: Cost, peers: Mapping[str, Cost]) -> None:
    """Our cost as a share of each peer's, empty sessions taken off beforehand."""
    rows = [[name, f"{ours.wall / cost.wall:.2f}", f"{ours.cpu / cost.cpu:.2f}"] for name, cost in peers.items()]
    show_table("ours, less an empty session, as a share of", ["", "wall", "CPU"], rows)


def show_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on stdout, names to the left, figures to the right."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    print(f"\n{title}")
    for row in (header, ["-" * width for width in widths], *rows):
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join([row[0].ljust(widths[0]), *cells]), flush=True)
