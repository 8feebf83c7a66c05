"""The check: what only all rows together can show. Any fault, of the load or of the check, ends the run here.

Add here unique keys, references that resolve and one-to-one relationships. They are checked over the key columns only, in tasks.
"""

from __future__ import annotations

from apps.new_loader.load import Load
from apps.new_loader.plan import Plan
from common.faults import counted
from common.job import Run
from common.tables.key_checks import KeyCheck, KeyColumn, KeySpace, check_keys
from common.values.types import ARROW_TYPES


def check_keys_unique(run: Run, plan: Plan, load: Load) -> None:
    """Adds repeated keys (74) to the faults of the load, and raises them all."""
    key_files = tuple(result.key_file for result in load.results)
    column = KeyColumn(plan.entity.name, plan.header[0], key_files, tuple(file.name for file in plan.files))
    space = KeySpace(column, (), ARROW_TYPES["string"], buckets=1)
    with run.progress.stage("check") as stage:
        for result in run.cluster.map(check_keys, [KeyCheck(space, bucket=0)], "check"):
            load.faults.merge(result.faults)
        stage.note(counted(load.faults.total, "fault"))
    load.faults.raise_if_any("The load")
