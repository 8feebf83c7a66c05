"""The report and the summary table: inferred types with reasons, added fields, linked ids."""

from __future__ import annotations

from typing import Any

from apps.dataset_extender.load import Load
from apps.dataset_extender.plan import Plan
from common.dictionary import Coding
from common.job import Run
from common.job.progress import shown_size
from common.tables.links import SHOWN_HEADER


def build_report(
    run: Run, plan: Plan, load: Load, relationship: str, codings: dict[str, Coding] | None = None
) -> dict[str, Any]:
    """The report as JSON: the target, what was linked, the type of each new field with the reason, its statistics, faults."""
    codings = codings or {}
    record = run.inputs.target_dataset
    return {
        "dataset": plan.name, "target": {"id": record.id, "name": record.name}, "entity": plan.entity,
        "is_new_entity": not plan.extends,
        "database": plan.database.to_json(),
        "table": plan.table, "file": plan.file.name, "rows": load.rows, "parquet_bytes": load.bytes,
        "link": {
            "source_field": plan.key_column, "target_entity": plan.target_entity.name, "target_field": plan.target_key.name,
            "relationship": relationship, **(load.counts.to_json() if load.counts else {}),
        },
        "fields": {} if load.faults else {name: _describe_field(load, name, codings) for name in load.evidence},
        "faults": load.faults.to_json(),
    }  # fmt: skip


def _describe_field(load: Load, name: str, codings: dict[str, Coding]) -> dict[str, Any]:
    evidence = load.evidence[name]
    stats = load.stats[name].to_json()
    if name not in codings:
        stats.pop("top_codes", None)
    coding = codings[name].name if name in codings else None
    return {
        "type": evidence.type,
        "coding": coding,
        "reason": evidence.reason(),
        "remarks": evidence.remarks(),
        **stats,
    }


def show_summary(run: Run, plan: Plan, load: Load, codings: dict[str, Coding]) -> None:
    """The new fields with their types, and both sides of the link."""
    rows = [
        [name, _shown_type(evidence.type, name in codings), f"{load.stats[name].nulls:,}", evidence.reason()]
        for name, evidence in load.evidence.items()
    ]
    added = f"{len(rows):,} new fields of {plan.entity}" if plan.extends else f"new entity {plan.entity}"
    title = f"{plan.name}: {added}, {load.rows:,} rows, {shown_size(load.bytes)}"
    run.progress.table(title, ["field", "type", "empty", "reason"], rows)
    if load.counts:
        sides = (f"{plan.file.name}: {plan.key_column}", f"{plan.target_entity.name}.{plan.target_key.name}")
        run.progress.table("Linked ids", SHOWN_HEADER, load.counts.shown_rows(*sides))


def _shown_type(field_type: str, is_categorical: bool) -> str:
    return f"{field_type} categorical" if is_categorical else field_type
