"""WALKTHROUGH.md as a program: its `sh` blocks are run in order, and each must print what the `text` block after it shows.

Masks hide what differs between runs: ids, times, sizes of Parquet files, and the project's path.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.processes import without_progress

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "WALKTHROUGH.md"
PROJECT = "build/walkthrough"

_BLOCKS = re.compile(r"^```sh\n(?P<command>.*?)^```\n\n```text\n(?P<shown>.*?)^```\n", re.MULTILINE | re.DOTALL)
_MASKS = (
    (re.compile(r"\b(record|file|database|job)-[0-9A-Za-z]{24}"), r"\1-…"),
    (re.compile(r"\bdatabase_\w{24}__"), "database_…__"),
    (re.compile(r"\d{4}-\d\d-\d\d-\d{6}-\d{6}"), "<time>"),
    (re.compile(r"\s+\d+\.\d s$", re.MULTILINE), "  … s"),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
)
_LAYOUT = (
    (re.compile(r"\b\d[\d.,]* (B|KiB|MiB)\b"), "… B"), (re.compile(r"-{2,}"), "-"), (re.compile(r" {2,}"), " "),
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One command of the page, and what the page says that it prints."""

    command: str
    shown: str


@dataclass(frozen=True)
class Outcome:
    """A step that was run: its exit status, and what it printed, masked."""

    step: Step
    status: int
    printed: str

    @property
    def is_as_shown(self) -> bool:
        """Whether it succeeded and printed what the page shows. Sizes of files, and widths of columns that follow from them, do not count."""
        return self.status == 0 and _without_layout(self.printed) == _without_layout(self.step.shown)


def read_steps(page: str) -> list[Step]:
    """The steps of a page, in order."""
    return [Step(each["command"], each["shown"]) for each in _BLOCKS.finditer(page)]


def run_steps(steps: list[Step], project: str = PROJECT) -> Iterator[Outcome]:
    """Runs the steps in a project, each as a shell would, from the root of the checkout; stops after one that fails."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for step in steps:
        command = ["bash", "-c", step.command.replace(PROJECT, project)]
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, "PATH": path}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        yield Outcome(
            step, done.returncode, mask(done.stdout.replace(f"{ROOT}/{project}", PROJECT).replace(project, PROJECT))
        )
        if done.returncode:
            return


def mask(text: str) -> str:
    """The text without what differs between runs.

    >>> mask("plan         4 entities                  3.3 s")
    'plan         4 entities  … s'
    """
    text = without_progress(text)
    for pattern, by in _MASKS:
        text = pattern.sub(by, text)
    return text.strip("\n") + "\n"


def write_page(page: str, outcomes: list[Outcome]) -> str:
    """The page with what the steps printed."""
    printed = iter(outcomes)
    return _BLOCKS.sub(lambda each: f"```sh\n{each['command']}```\n\n```text\n{next(printed).printed}```\n", page)


def _without_layout(text: str) -> str:
    for pattern, by in _LAYOUT:
        text = pattern.sub(by, text)
    return text
