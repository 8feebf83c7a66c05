"""The publish: staged tables, descriptor, record and report made visible in one step; then the summary."""

from __future__ import annotations

import csv
import io
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa

from apps.genetic_variant_assay_loader import schema
from apps.genetic_variant_assay_loader.annotation import NO_ALLELE
from apps.genetic_variant_assay_loader.assay import DATASET_SCHEMA, SAMPLE, build_variant_dataset
from apps.genetic_variant_assay_loader.combine import combine_alleles
from apps.genetic_variant_assay_loader.genotype_table import KINDS
from apps.genetic_variant_assay_loader.load import ALLELES, TABLES, Loads
from apps.genetic_variant_assay_loader.plan import Plan
from common.dataset.descriptor import write_descriptor
from common.job import Run
from common.platform import RecordDraft, TableChange
from common.scan.files import locate
from common.scan.parquet import PartWriter, part_name
from common.tables.quarantine import COLUMNS, guarded, shown_share

_SCHEMAS = {"genotype": schema.GENOTYPE, "allele": schema.ALLELE, "annotation": schema.ANNOTATION}


def publish_dataset(run: Run, plan: Plan, loads: Loads) -> dict[str, Any]:
    """Publishes the Dataset; returns the app's outputs."""
    for remark in loads.remarks.values():
        run.progress.warn(str(remark))
    with run.progress.stage("publish") as stage:
        changes = [_sample_change(plan, loads)]
        for name, table in TABLES.items():
            is_split = table == ALLELES and len(plan.groups) > 1
            files = combine_alleles(run, plan, loads) if is_split else loads.files(name)
            changes.append(TableChange(table, "new", files or [_write_empty(loads, table, _SCHEMAS[name])]))
        descriptor = write_descriptor(build_variant_dataset(plan))
        draft = RecordDraft(plan.name, descriptor, DATASET_SCHEMA, [plan.database], f"Dataset: {plan.name}")
        published = loads.staging.publish(changes, draft, _write_files(run, plan, loads))
        stage.note(str(published.record))
    _show_summary(run, plan, loads)
    link = run.platform.link
    outputs: dict[str, Any] = {name: link(file_id) for name, file_id in published.files.items()}
    return outputs | {"dataset": link(str(published.record)), "database": plan.database.id}


def _sample_change(plan: Plan, loads: Loads) -> TableChange:
    name = part_name(0)
    with PartWriter(f"{loads.staging.table_folder(SAMPLE)}/{name}", schema.SAMPLE) as writer:
        writer.add(pa.table({"sample_id": pa.array(plan.samples, pa.string())}, schema=schema.SAMPLE))
    return TableChange(SAMPLE, "new", [name])


def _write_empty(loads: Loads, table: str, columns: pa.Schema) -> str:
    """A file without rows, so that readers find the columns of a table that has none."""
    name = part_name(0)
    with PartWriter(f"{loads.staging.table_folder(table)}/{name}", columns):
        pass
    return name


def _write_files(run: Run, plan: Plan, loads: Loads) -> dict[str, Path]:
    report = run.job_dir / "report.json"
    report.write_text(
        json.dumps(_build_report(run, plan, loads), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    files = {"report": report}
    if any(result.quarantine for result in loads.results):
        files["faults"] = _write_faults(run.job_dir / "faults.csv", loads)
    return files


def _write_faults(path: Path, loads: Loads) -> Path:
    """All lines that were set aside, with their true line numbers, as every loader writes them."""
    folder = loads.staging.scratch_folder("quarantine")
    limit = csv.field_size_limit(sys.maxsize)  # a line of a large cohort is one cell
    with ExitStack() as stack, path.open("w", encoding="utf-8", newline="") as out:
        stack.callback(csv.field_size_limit, limit)
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        for result in loads.results:
            if result.quarantine:
                filesystem, inner = locate(f"{folder}/{result.quarantine}")
                with (
                    filesystem.open_input_stream(inner) as source,
                    io.TextIOWrapper(source, "utf-8", newline="") as text,
                ):
                    for stored, piece, file, line, *rest in csv.reader(text):
                        true = int(line) + loads.bases[stored, int(piece)]
                        writer.writerow(("variant", guarded(file), true, *map(guarded, rest)))
    return path


def _build_report(run: Run, plan: Plan, loads: Loads) -> dict[str, Any]:
    rows = loads.rows
    return {
        "app": run.app, "job": run.job_id, "dataset": plan.name, "assay": plan.assay, "reference": plan.reference,
        "database": {"id": plan.database.id, "name": plan.database.name, "unique_name": plan.database.unique_name},
        "samples": len(plan.samples), "sample_groups": len(plan.groups), "records": loads.records,
        "set_aside": loads.set_aside, "faulty_share": loads.set_aside / max(loads.records + loads.set_aside, 1),
        "files": [
            {"name": file.name, "kind": file.kind, "samples": len(group.samples), "version": file.header.version}
            for group in plan.groups for file in group.files
        ],
        "genotypes": {kind: rows[kind] for kind in KINDS}, "alleles": _allele_rows(plan, loads),
        "annotations": rows["annotation"], "annotations_of_no_allele": loads.remarks[NO_ALLELE].count if NO_ALLELE in loads.remarks else 0,
        "header_remarks": [str(remark) for remark in plan.remarks.values()],
        "faults": loads.faults.to_json(),
        "stages": [{"name": each.name, "seconds": each.seconds, "note": each.text} for each in run.progress.stages],
        "warnings": list(run.progress.warnings),
    }  # fmt: skip


def _allele_rows(plan: Plan, loads: Loads) -> int:
    return loads.rows["allele"] // len(plan.groups)


def _show_summary(run: Run, plan: Plan, loads: Loads) -> None:
    rows = [["sample", f"{len(plan.samples):,}"]]
    rows += [[f"genotype, {kind}", f"{loads.rows[kind]:,}"] for kind in KINDS if loads.rows[kind]]
    rows += [["allele", f"{_allele_rows(plan, loads):,}"], ["annotation", f"{loads.rows['annotation']:,}"]]
    if plan.quarantines:
        rows.append(["lines set aside", shown_share(loads.records, loads.set_aside)])
    run.progress.table(plan.name, ["rows of", "count"], rows)
