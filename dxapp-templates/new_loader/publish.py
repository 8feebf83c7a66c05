"""The publish: staged tables, the record with its descriptor, and the report, made visible in one step.

Here goes: what the Dataset says of its tables, and what a run reports. Before `publish` no reader sees anything of the run.
"""

from __future__ import annotations

from typing import Any

from apps.new_loader.load import Load
from apps.new_loader.plan import MAX_COLUMNS, Plan
from common.dataset.descriptor import write_descriptor
from common.dataset.layout import build_dataset
from common.dataset.names import dataset_stem
from common.job import Run
from common.job.report import write_report
from common.platform import RecordDraft, TableChange


def publish_dataset(run: Run, plan: Plan, load: Load) -> dict[str, Any]:
    """Publishes the Dataset, and returns the app's outputs."""
    with run.progress.stage("publish") as stage:
        schema = f"ds-{dataset_stem(plan.name)}"
        columns = max(MAX_COLUMNS, len(plan.header))
        dataset = build_dataset(plan.name, f"Dataset: {plan.name}", schema, plan.dictionary, plan.database, columns)
        draft = RecordDraft(plan.name, write_descriptor(dataset), schema, [plan.database], dataset.description)
        change = TableChange(plan.table.table, "new", [result.file for result in load.results])
        report = write_report(run, {"dataset": plan.name, "rows": load.rows})
        published = load.staging.publish([change], draft, {"report": report})
        stage.note(published.record or "")
    run.progress.table(
        plan.name, ["entity", "rows", "fields"], [[plan.entity.name, f"{load.rows:,}", f"{len(plan.header):,}"]]
    )
    link = run.platform.link
    return {
        "dataset": link(published.record or ""),
        "database": plan.database.id,
        "report": link(published.files["report"]),
    }
