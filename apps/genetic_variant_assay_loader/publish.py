"""The publish: staged tables, descriptor, record and report made visible in one step; then the summary."""

from __future__ import annotations

import csv
import io
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa

from apps.genetic_variant_assay_loader import schema
from apps.genetic_variant_assay_loader.annotation import NO_ALLELE
from apps.genetic_variant_assay_loader.assay import SAMPLE, build_variant_dataset
from apps.genetic_variant_assay_loader.combine import combine_alleles
from apps.genetic_variant_assay_loader.genotype_table import KINDS
from apps.genetic_variant_assay_loader.load import ALLELES, TABLES, Loads
from apps.genetic_variant_assay_loader.plan import Plan
from common.job import Run
from common.job.publish import publish
from common.platform import TableChange
from common.scan.files import locate
from common.scan.parquet import PartWriter, part_name
from common.tables.quarantine import COLUMNS, guarded, shown_share

_SCHEMAS = {"genotype": schema.GENOTYPE, "allele": schema.ALLELE, "annotation": schema.ANNOTATION}


def publish_dataset(run: Run, plan: Plan, loads: Loads) -> dict[str, Any]:
    """Publishes the Dataset; returns the app's outputs."""
    for remark in loads.remarks.values():
        run.progress.warn(str(remark))
    changes = [_sample_change(plan, loads)]
    for name, table in TABLES.items():
        files = _combine(run, plan, loads) if table == ALLELES and len(plan.groups) > 1 else loads.files(name)
        changes.append(TableChange(table, "new", files or [_write_empty(loads, table, _SCHEMAS[name])]))
    faults = _write_faults(run.job_dir / "faults.csv", loads)
    dataset = build_variant_dataset(plan)
    outputs = publish(run, loads.staging, dataset, changes, _build_report(plan, loads), faults)
    _show_summary(run, plan, loads)
    return outputs | {"database": plan.database.id}


def _combine(run: Run, plan: Plan, loads: Loads) -> list[str]:
    with run.progress.stage("combine"):
        return combine_alleles(run, plan, loads)


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


def _write_faults(path: Path, loads: Loads) -> Path | None:
    """Writes all lines that were set aside, if any, with their true line numbers, as every loader does."""
    if not any(result.quarantine for result in loads.results):
        return None
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


def _build_report(plan: Plan, loads: Loads) -> dict[str, Any]:
    rows = loads.rows
    return {
        "dataset": plan.name, "assay": plan.assay, "reference": plan.reference,
        "database": plan.database.to_json(),
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
