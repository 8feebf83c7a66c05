"""The publish: the new table, the new Dataset's record and the report in one step; then what was linked."""

from __future__ import annotations

from typing import Any

from apps.dataset_extender.dataset import build_codings, build_extended
from apps.dataset_extender.load import Load
from apps.dataset_extender.plan import Plan
from apps.dataset_extender.report import build_report, show_summary
from common.dataset.descriptor import write_descriptor
from common.job import Run
from common.job.report import write_report
from common.platform import RecordDraft, TableChange
from common.tables.codings import stage_codings


def publish_extended(run: Run, plan: Plan, load: Load, relationship: str) -> dict[str, Any]:
    """Publishes the new Dataset; the target's record and tables stay as they are."""
    codings = build_codings(plan, load)
    with run.progress.stage("publish") as stage:
        dataset = build_extended(plan, load, codings, relationship)
        draft = RecordDraft(
            plan.name, write_descriptor(dataset), dataset.schema, dataset.databases, dataset.description
        )
        changes = [TableChange(plan.table, "new", [result.file for result in load.results])]
        own = {coding.name: coding for coding in codings.values()}
        changes += stage_codings(run.platform, load.staging, plan.database, own)
        report = write_report(run, build_report(run, plan, load, relationship, codings))
        published = load.staging.publish(changes, draft, {"report": report})
        stage.note(published.record or "")
    show_summary(run, plan, load, codings)
    link = run.platform.link
    outputs = {name: link(file_id) for name, file_id in published.files.items()}
    return {"dataset": link(published.record or ""), "database": plan.database.id, **outputs}
