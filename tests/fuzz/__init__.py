"""Fuzzers. Each module `fuzz_<name>` makes inputs and says for which of them the suite does the wrong thing.

It has `run(seed, count)`, which tries `count` inputs that follow from the seed and gives a line for each finding, with what
is needed to repeat it; and `SUITE_COUNT`, how many inputs take about two seconds.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Protocol, cast

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""The folder for files of inputs; None for the usual one."""


class Fuzzer(Protocol):
    """A module of this folder."""

    SUITE_COUNT: int

    def run(self, seed: int, count: int) -> list[str]: ...


def fuzzers() -> dict[str, Fuzzer]:
    """All fuzzers by name."""
    names = sorted(path.stem.removeprefix("fuzz_") for path in Path(__file__).parent.glob("fuzz_*.py"))
    return {name: cast(Fuzzer, importlib.import_module(f"tests.fuzz.fuzz_{name}")) for name in names}
