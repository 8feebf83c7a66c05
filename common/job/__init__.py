"""One run of an app: its input checked against `dxapp.json`, links resolved, its output or its error written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from common.dataset.database import Database
from common.job.progress import Progress
from common.platform import Platform, Staging
from common.spark.session import Cluster


@dataclass
class Run:
    """What an app's `main(run)` gets. `inputs` has one attribute per input of `dxapp.json`: the default or None where not
    given, an `InputFile` for class file, a `Record` for class record, lists of these for arrays."""

    app: str
    inputs: SimpleNamespace
    platform: Platform
    cluster: Cluster
    job_dir: Path
    progress: Progress
    stagings: list[Staging]
    """What the run staged; it is closed when the run ends."""

    def stage(self, database: Database | None) -> Staging:
        """Opens a staging place for tables of this database; None for a run that makes a record only."""
        self.stagings.append(self.platform.stage(database))
        return self.stagings[-1]


Main = Callable[[Run], dict[str, Any]]
"""An app's entry: a run to its outputs by name, objects as links."""
