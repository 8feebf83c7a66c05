"""Wall and CPU time and peak memory of whole process trees, in interleaved rounds; tables of medians and ratios."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Way:
    """One way of doing the job: a command, variables beside those of this process, and what to do before each run."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], object] = lambda: None


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds until the command ended; seconds of CPU by it and all its descendants, daemons too; and the peak of their
    resident memory together, MiB, in which pages that they share count once for each; and of the `largest` process of each
    kind: `java`, `python`, and `worker` for a Python that Spark runs tasks in."""

    wall: float
    cpu: float
    peak: float = 0.0
    largest: Mapping[str, float] = field(default_factory=dict)

    def less(self, other: Cost) -> Cost:
        """This cost less another one, such as that of an empty session."""
        return Cost(self.wall - other.wall, self.cpu - other.cpu, self.peak)


def measure(way: Way) -> Cost:
    """One run, watched from a separate process, so that no earlier run is counted."""
    way.before()
    environment = {**os.environ, **way.environment}
    command = [sys.executable, "-m", "tests.benchmarks.watch", *way.command]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"{way.command} failed: {ran.stderr}")
    return Cost(**json.loads(ran.stdout))


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
    """Our cost as a share of each peer's cost, both without an empty session."""
    rows = [[name, f"{ours.wall / cost.wall:.2f}", f"{ours.cpu / cost.cpu:.2f}"] for name, cost in peers.items()]
    show_table("ours, less an empty session, as a share of", ["", "wall", "CPU"], rows)


def show_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on stdout, names to the left, figures to the right."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    print(f"\n{title}")
    for row in (header, ["-" * width for width in widths], *rows):
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join([row[0].ljust(widths[0]), *cells]), flush=True)
