"""The publish: staged tables, descriptor, record and report made visible in one step; then the summary."""

from __future__ import annotations

from typing import Any

from apps.molecular_expression_assay_loader.assay import SCHEMA, build_assay_dataset
from apps.molecular_expression_assay_loader.load import TABLES, Load
from apps.molecular_expression_assay_loader.plan import Plan
from common.dataset.descriptor import write_descriptor
from common.dataset.model import Dataset
from common.job import Run
from common.job.report import write_report
from common.platform import RecordDraft, TableChange


def publish_assay(run: Run, plan: Plan, load: Load) -> dict[str, Any]:
    """Publishes the Dataset with its tables."""
    dataset = build_assay_dataset(plan)
    with run.progress.stage("publish") as stage:
        report = write_report(run, build_report(plan, load, dataset))
        changes = [TableChange(table, "new", load.files[table]) for table in TABLES]
        draft = RecordDraft(plan.name, write_descriptor(dataset), SCHEMA, [plan.database], dataset.description)
        published = load.staging.publish(changes, draft, {"report": report})
        stage.note(published.record or "")
    files = {table: f"{len(load.files[table]):,}" for table in TABLES}
    rows = {"sample": load.samples, "expr_annotation": load.features}
    shown = [[table, f"{rows.get(table, load.rows):,}", files[table]] for table in TABLES]
    run.progress.table(f"{plan.name}: {plan.assay_name}", ["table", "rows", "files"], shown)
    link = run.platform.link
    outputs: dict[str, Any] = {name: link(file_id) for name, file_id in published.files.items()}
    return {"dataset": link(published.record or ""), "database": plan.database.id, **outputs}


def build_report(plan: Plan, load: Load, dataset: Dataset) -> dict[str, Any]:
    """What the report says of the load: the assay, from which files, and counts."""
    assay = dataset.assays[0].keys
    return {
        "dataset": plan.name,
        "database": {"id": plan.database.id, "name": plan.database.name, "unique_name": plan.database.unique_name},
        "assay": {key: assay[key] for key in ("name", "uuid", "generalized_assay_model", "generalized_assay_model_version")},
        "reference_genome": plan.reference_genome, "format": plan.format, "feature_value_type": plan.value_type,
        "files": [source.file.name for source in plan.sources],
        "feature_annotation": plan.annotation.name if plan.annotation else None,
        "samples": load.samples, "features": load.features, "features_without_place": load.unannotated,
        "values": load.rows, "tables": {table: len(load.files[table]) for table in TABLES},
    }  # fmt: skip
