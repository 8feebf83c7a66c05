"""Publishes the merged Dataset's record and the report in one step, and shows what was linked."""

from __future__ import annotations

from typing import Any

from apps.clinical_dataset_merger.plan import Plan
from common.dataset.merge import merge_datasets
from common.dataset.model import Dataset
from common.job import Run
from common.job.publish import publish
from common.platform import Staging
from common.tables.links import SHOWN_HEADER, LinkCounts


def publish_merged(run: Run, plan: Plan, counts: LinkCounts, staging: Staging) -> dict[str, Any]:
    """Publishes the merged Dataset. Both source records and all tables stay as they are."""
    relationship = plan.relationship or counts.relationship
    link = (plan.referring.field, plan.referred.field)
    dataset = merge_datasets(plan.name, plan.source, plan.target, link, relationship, plan.names)
    outputs = publish(run, staging, dataset, [], build_report(run, plan, counts, dataset, relationship))
    show_summary(run, plan, counts, dataset)
    return outputs


def build_report(run: Run, plan: Plan, counts: LinkCounts, dataset: Dataset, relationship: str) -> dict[str, Any]:
    """The report as JSON: both Datasets, how they are linked, entities and codings that were added, renamed or shared."""
    records = {"source": run.inputs.source_dataset, "target": run.inputs.target_dataset}
    names, mine = plan.names, plan.target.dictionary
    return {
        "dataset": plan.name, **{side: {"id": each.id, "name": each.name} for side, each in records.items()},
        "link": {
            "source_entity": plan.referring.field.entity, "source_field": plan.referring.field.name,
            "target_entity": plan.referred.field.entity, "target_field": plan.referred.field.name,
            "relationship": relationship, "is_inferred": not plan.relationship, **counts.to_json(),
        },
        "new_entities": {name: len(each.fields) for name, each in dataset.dictionary.entities.items() if name not in mine.entities},
        "new_codings": [name for name in dataset.dictionary.codings if name not in mine.codings],
        "shared_codings": list(names.shared_codings),
        "renamed": {"entities": dict(names.entities), "codings": dict(names.codings)},
        "databases": [each.to_json() for each in dataset.databases],
        "assays": [assay.name for assay in dataset.assays], "assays_left_out": [assay.name for assay in plan.source.assays],
    }  # fmt: skip


def show_summary(run: Run, plan: Plan, counts: LinkCounts, dataset: Dataset) -> None:
    """Shows the entities with their origin, and both sides of the link."""
    old_names = {new: old for old, new in plan.names.entities.items()}
    rows = []
    for name, entity in dataset.dictionary.entities.items():
        origin = "target" if name in plan.target.dictionary.entities else "source"
        rows.append([name, origin, old_names.get(name, ""), f"{len(entity.fields):,}"])
    run.progress.table(plan.name, ["entity", "from", "its name there", "fields"], rows)
    run.progress.table("Linked ids", SHOWN_HEADER, counts.shown_rows(plan.referring.shown, plan.referred.shown))
