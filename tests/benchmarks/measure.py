"""Wall time and CPU of whole process trees, and the table in which benchmarks show them."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of one run, with all processes that it started."""

    wall: float
    cpu: float

    def less(self, other: Cost) -> Cost:
        """What is left when another cost, such as that of an empty session, is taken off."""
        return Cost(self.wall - other.wall, self.cpu - other.cpu)


def run_measured(command: Sequence[str], env: Mapping[str, str] | None = None) -> Cost:
    """Runs a command from the suite's root and waits for every process that it left. Raises if it fails."""
    # Orphans come to us, as to init: so the CPU of daemons that outlive their parent is counted too (Linux only).
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1)
    before, start = _children_cpu(), time.perf_counter()
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    wall = time.perf_counter() - start
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            break
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return Cost(wall, _children_cpu() - before)


def run_python(*arguments: str) -> Cost:
    """Runs a module of ours in a Python of its own."""
    return run_measured([sys.executable, "-m", *arguments])


def medians(rounds: Sequence[Mapping[str, Cost]]) -> dict[str, Cost]:
    """The median cost of each way over interleaved rounds."""
    return {way: Cost(median(r[way].wall for r in rounds), median(r[way].cpu for r in rounds)) for way in rounds[0]}


def show_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on stdout."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    print(f"\n{title}")
    for row in (header, ["-" * width for width in widths], *rows):
        cells = [
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells))


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
