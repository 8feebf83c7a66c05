"""One run of an app: its input checked against `dxapp.json`, links resolved, its output or its error written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

from common.platform import Platform
from common.spark.session import Cluster


class Stage(Protocol):
    """One stage of a run: its name, what its line says, and its wall time in seconds once it has ended."""

    name: str
    text: str
    seconds: float

    def note(self, text: str) -> None:
        """What the stage's line says, such as `1,204 rows`; a later note replaces an earlier one."""


class Progress(Protocol):
    """What the user sees of a run, on stderr: a line per stage with its counts and time."""

    @property
    def stages(self) -> Sequence[Stage]:
        """The stages that have ended, for the report."""

    @property
    def warnings(self) -> Sequence[str]:
        """What was warned of, for the report."""

    def stage(self, name: str) -> AbstractContextManager[Stage]:
        """A context manager around a stage; `as stage` offers `stage.note("1,204 rows")` for its line."""

    def warn(self, text: str) -> None:
        """A warning: shown at once, and kept for the report."""

    def table(self, title: str, header: list[str], rows: list[list[str]]) -> None:
        """The summary table at the end of a run."""


@dataclass
class Run:
    """What an app's `main(run)` gets. `inputs` has one attribute per input of `dxapp.json`: the default or None where not
    given, an `InputFile` for class file, a `Record` for class record, lists of these for arrays."""

    app: str
    inputs: SimpleNamespace
    platform: Platform
    cluster: Cluster
    job_id: str
    job_dir: Path
    progress: Progress


Main = Callable[[Run], dict[str, Any]]
"""An app's entry: a run to its outputs by name, objects as links."""
