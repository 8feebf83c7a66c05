"""The load: one pass over the data, in tasks.

Add here how the input is cut into tasks, and what is gathered from their results.
"""

from __future__ import annotations

from dataclasses import dataclass

from apps.new_loader.plan import Plan
from apps.new_loader.task import LoadResult, LoadTask, load_piece
from common.faults import Faults, counted
from common.job import Run
from common.platform import Staging
from common.scan.header import describe_nameless
from common.scan.records import BlankRows
from common.tables.tasks import cut_files


@dataclass
class Load:
    """All tasks' results in the order of tasks, the staging place, and the faults found so far."""

    staging: Staging
    results: list[LoadResult]
    faults: Faults

    @property
    def rows(self) -> int:
        """Rows written."""
        return sum(result.rows for result in self.results)


def load_files(run: Run, plan: Plan, staging: Staging) -> Load:
    """Loads all files into the staged table. Faults are gathered: the check adds its own."""
    with run.progress.stage("load") as stage:
        folder, keys = staging.table_folder(plan.table.table), staging.scratch_folder("keys")
        cut = cut_files(plan.files, run.cluster)
        pieces = [(index, piece) for index, file in enumerate(plan.files) for piece in cut[file.path]]
        tasks = [
            LoadTask(number, index, piece, plan.entity.name, plan.table.arrow_schema, plan.header, folder,
                     f"{keys}/{number:05d}.arrow")
            for number, (index, piece) in enumerate(pieces)
        ]  # fmt: skip
        load = Load(staging, run.cluster.map(load_piece, tasks, "load"), Faults())
        blank = BlankRows()
        for result in load.results:
            load.faults.merge(result.faults)
            blank.merge(result.blank)
        stage.note(counted(load.rows, "row"))
    for text in [*blank.warnings(), *describe_nameless(plan.files)]:
        run.progress.warn(text)
    return load
