"""What a load tells: the report of figures per field, and the summary table at the end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from apps.data_model_loader.load import Loads
from apps.data_model_loader.plan import Plan
from common.job import Run


def build_report(run: Run, plan: Plan, loads: Loads) -> dict[str, Any]:
    """The report as JSON: what was loaded, observed figures per field, faults, stages with their seconds, warnings."""
    entities = {}
    for name, load in loads.entities.items():
        figures = load.figures()
        entities[name] = {
            "rows": load.rows, "quarantined": load.quarantined, "parquet_bytes": load.bytes,
            "tables": [table.table for table in plan.tables[name]], "files": [file.name for file in load.plan.files],
            "fields": {field: each.to_json() for field, each in figures.items()},
        }  # fmt: skip
    return {
        "app": run.app, "job": run.job_id, "dataset": plan.name, "validate_only": plan.validates_only,
        "database": {"id": plan.database.id, "name": plan.database.name, "unique_name": plan.database.unique_name},
        "insert_mode": plan.insert_mode, "entities": entities, "faults": loads.faults.to_json(),
        "stages": [{"name": each.name, "seconds": each.seconds, "note": each.text} for each in run.progress.stages],
        "warnings": list(run.progress.warnings),
    }  # fmt: skip


def write_report(run: Run, plan: Plan, loads: Loads) -> Path:
    """Writes `report.json` in the job folder."""
    path = run.job_dir / "report.json"
    path.write_text(json.dumps(build_report(run, plan, loads), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def show_summary(run: Run, plan: Plan, loads: Loads) -> None:
    """One row per entity: rows, fields, rows set aside, size of its Parquet."""
    rows = []
    for name, entity in plan.dictionary.entities.items():
        load = loads.entities.get(name)
        rows.append([
            name, f"{load.rows:,}" if load else "as it stood", f"{len(entity.fields):,}",
            f"{load.quarantined:,}" if load else "0", shown_size(load.bytes) if load else "",
        ])  # fmt: skip
    run.progress.table(plan.name, ["entity", "rows", "fields", "faulty rows", "size"], rows)


def shown_size(size: int) -> str:
    """A size in bytes as people read it.

    >>> shown_size(1536)
    '1.5 KiB'
    """
    amount, units = float(size), ["B", "KiB", "MiB", "GiB", "TiB"]
    while amount >= 1024 and len(units) > 1:
        amount, units = amount / 1024, units[1:]
    return f"{amount:.0f} {units[0]}" if units[0] == "B" else f"{amount:.1f} {units[0]}"
