"""The publish: staged tables, descriptor, record and report made visible in one step; then the summary."""

from __future__ import annotations

from typing import Any

from apps.molecular_expression_assay_loader.assay import build_assay_dataset
from apps.molecular_expression_assay_loader.load import TABLES, Load
from apps.molecular_expression_assay_loader.plan import Plan
from common.dataset.model import Dataset
from common.job import Run
from common.job.publish import publish
from common.platform import TableChange


def publish_assay(run: Run, plan: Plan, load: Load) -> dict[str, Any]:
    """Publishes the Dataset with its tables."""
    dataset = build_assay_dataset(plan)
    changes = [TableChange(table, "new", load.files[table]) for table in TABLES]
    outputs = publish(run, load.staging, dataset, changes, build_report(plan, load, dataset))
    files = {table: f"{len(load.files[table]):,}" for table in TABLES}
    rows = {"sample": load.samples, "expr_annotation": load.features}
    shown = [[table, f"{rows.get(table, load.rows):,}", files[table]] for table in TABLES]
    run.progress.table(f"{plan.name}: {plan.assay_name}", ["table", "rows", "files"], shown)
    return outputs | {"database": plan.database.id}


def build_report(plan: Plan, load: Load, dataset: Dataset) -> dict[str, Any]:
    """What the report says of the load: the assay, from which files, and counts."""
    assay = dataset.assays[0].keys
    return {
        "dataset": plan.name,
        "database": plan.database.to_json(),
        "assay": {key: assay[key] for key in ("name", "uuid", "generalized_assay_model", "generalized_assay_model_version")},
        "reference_genome": plan.reference_genome, "format": plan.format, "feature_value_type": plan.value_type,
        "files": [source.file.name for source in plan.sources],
        "feature_annotation": plan.annotation.name if plan.annotation else None,
        "samples": load.samples, "features": load.features, "features_without_place": load.unannotated,
        "values": load.rows, "tables": {table: len(load.files[table]) for table in TABLES},
    }  # fmt: skip
