"""Publishes the merged Dataset's record, the linking table if there is one, and the report, in one step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from apps.assay_dataset_merger.assay import LINKING_TABLE, link_assay
from apps.assay_dataset_merger.check import SHOWN_HEADER, Linked, build_joins
from apps.assay_dataset_merger.plan import Plan
from common.dataset.model import Dataset
from common.job import Run
from common.job.publish import publish
from common.platform import Staging, TableChange


def publish_merged(run: Run, plan: Plan, linked: Linked, staging: Staging) -> dict[str, Any]:
    """Publishes the merged Dataset. Both source records and all tables stay as they are."""
    dataset = build_merged(plan)
    changes = [TableChange(LINKING_TABLE, "new", linked.pairs.files)] if linked.pairs else []
    outputs = publish(run, staging, dataset, changes, build_report(run, plan, linked, dataset))
    show_summary(run, plan, linked, dataset)
    return outputs


def build_merged(plan: Plan) -> Dataset:
    """The target with the assay as the last one, so that the default assay of readers does not change."""
    linking = plan.linking.database if plan.linking else None
    joins = build_joins(plan)
    assay = link_assay(plan.assay, plan.source, plan.sample.field, linking, joins, plan.assay_name)
    target = plan.target
    return replace(target, name=plan.name, description=f"Dataset: {plan.name}", assays=(*target.assays, assay))


def build_report(run: Run, plan: Plan, linked: Linked, dataset: Dataset) -> dict[str, Any]:
    """The report as JSON: both Datasets, the assay, how it is linked, the ids of both sides."""
    records = {"source": run.inputs.source_dataset, "target": run.inputs.target_dataset}
    assay, pairs = dataset.assays[-1], linked.pairs
    return {
        "dataset": plan.name, **{side: {"id": each.id, "name": each.name} for side, each in records.items()},
        "assay": {
            "name": assay.name, "uuid": assay.keys.get("uuid"), "name_in_source": plan.assay.name,
            "generalized_assay_model": assay.keys.get("generalized_assay_model"),
        },
        "link": {
            "assay_entity": plan.sample.field.entity, "assay_field": plan.sample.field.name,
            "pheno_entity": plan.pheno.field.entity, "pheno_field": plan.pheno.field.name,
            "assay_entries_per_pheno": "one" if plan.is_one else "many",
            "assay": linked.sample.to_json(), "target": linked.pheno.to_json(),
        },
        "linking_file": plan.linking and pairs and {
            "file": plan.linking.file.name, "pairs": pairs.pairs, "linked": pairs.linked,
            "unknown_assay_ids": pairs.unknown_samples, "unknown_target_ids": pairs.unknown_phenos, "shared_assay_ids": pairs.shared_samples,
            "table": f"{plan.linking.database.unique_name}.{LINKING_TABLE}",
        },
        "databases": [each.to_json() for each in dataset.databases],
        "assays": [each.name for each in dataset.assays],
    }  # fmt: skip


def show_summary(run: Run, plan: Plan, linked: Linked, dataset: Dataset) -> None:
    """Shows the assays, the ids of both sides, and the pairs of a linking file."""
    rows = [[each.name, each.model] for each in dataset.assays]
    run.progress.table(plan.name, ["assay", "model"], rows)
    run.progress.table("Linked ids", SHOWN_HEADER, linked.shown_rows(plan))
    if plan.linking and (pairs := linked.pairs):
        header = ["linking file", "pairs", "linked", "unknown assay id", "unknown target id"]
        counts = (pairs.pairs, pairs.linked, pairs.unknown_samples, pairs.unknown_phenos)
        run.progress.table("Linking pairs", header, [[plan.linking.file.name, *(f"{count:,}" for count in counts)]])
