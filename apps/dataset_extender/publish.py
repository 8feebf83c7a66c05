"""The publish: the new table, the new Dataset's record and the report in one step; then what was linked."""

from __future__ import annotations

from typing import Any

from apps.dataset_extender.dataset import build_codings, build_extended
from apps.dataset_extender.load import Load
from apps.dataset_extender.plan import Plan
from apps.dataset_extender.report import build_report, show_summary
from common.job import Run
from common.job.publish import publish
from common.platform import TableChange
from common.tables.codings import stage_codings


def publish_extended(run: Run, plan: Plan, load: Load, relationship: str) -> dict[str, Any]:
    """Publishes the new Dataset; the target's record and tables stay as they are."""
    codings = build_codings(plan, load)
    dataset = build_extended(plan, load, codings, relationship)
    changes = [TableChange(plan.table, "new", [result.file for result in load.results])]
    own = {coding.name: coding for coding in codings.values()}
    changes += stage_codings(run.platform, load.staging, plan.database, own)
    outputs = publish(run, load.staging, dataset, changes, build_report(run, plan, load, relationship, codings))
    show_summary(run, plan, load, codings)
    return outputs | {"database": plan.database.id}
