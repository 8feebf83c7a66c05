"""The publish: staged tables, the record with its descriptor, and the report become visible in one step.

Add here what the Dataset says of its tables, and what a run reports. Before `publish` no reader sees anything of the run.
"""

from __future__ import annotations

from typing import Any

from apps.new_loader.load import Load
from apps.new_loader.plan import MAX_COLUMNS, Plan
from common.dataset.layout import build_dataset
from common.dataset.names import dataset_stem
from common.job import Run
from common.job.publish import publish
from common.platform import TableChange


def publish_dataset(run: Run, plan: Plan, load: Load) -> dict[str, Any]:
    """Publishes the Dataset, and returns the app's outputs."""
    schema = f"ds-{dataset_stem(plan.name)}"
    columns = max(MAX_COLUMNS, len(plan.header))
    dataset = build_dataset(plan.name, f"Dataset: {plan.name}", schema, plan.dictionary, plan.database, columns)
    change = TableChange(plan.table.table, "new", [result.file for result in load.results])
    outputs = publish(run, load.staging, dataset, [change], {"dataset": plan.name, "rows": load.rows})
    rows = [[plan.entity.name, f"{load.rows:,}", f"{len(plan.header):,}"]]
    run.progress.table(plan.name, ["entity", "rows", "fields"], rows)
    return {**outputs, "database": plan.database.id}
