"""The report with statistics of each field, the warnings of partial dates, and the summary table."""

from __future__ import annotations

from typing import Any

from apps.data_model_loader.load import Loads
from apps.data_model_loader.plan import Plan
from common.job import Run
from common.job.progress import shown_size
from common.tables.quarantine import shown_share


def build_report(plan: Plan, loads: Loads) -> dict[str, Any]:
    """The report as JSON: what was loaded, statistics per field, faults."""
    entities = {}
    for name, load in loads.entities.items():
        stats = load.column_stats
        entities[name] = {
            "rows": load.rows, "quarantined": load.quarantined, "faulty_share": load.faulty_share, "parquet_bytes": load.bytes,
            "tables": [table.table for table in plan.tables[name]], "files": [file.name for file in load.plan.files],
            "fields": {field: each.to_json() for field, each in stats.items()},
        }  # fmt: skip
    return {
        "dataset": plan.name, "validate_only": plan.validates_only,
        "database": plan.database.to_json(),
        "insert_mode": plan.insert_mode, "entities": entities, "faults": loads.faults.to_json(),
    }  # fmt: skip


def warn_of_partial_dates(run: Run, loads: Loads) -> None:
    """Warns of dates of which a part was missing and is stored as the first, field by field with their counts."""
    filled = {"year": "of a year alone", "month": "without a day", "day": "without a time"}
    for name, load in loads.entities.items():
        made = {column.field.name for column in load.plan.columns if column.has_precision}
        for field, stats in load.column_stats.items():
            if stats.partial:
                found = ", ".join(f"{n:,} {filled[part]}" for part, n in stats.partial.items())
                text = f"{name}.{field}: {found}; the first day or 00:00:00 is stored"
                more = "" if field in made else "; date_precision keeps what is known in a column of its own"
                run.progress.warn(f"{text}{more}")


def show_summary(run: Run, plan: Plan, loads: Loads) -> None:
    """One row per entity: rows, fields, rows set aside, size of its Parquet."""
    rows = []
    for name, entity in plan.dictionary.entities.items():
        load = loads.entities.get(name)
        rows.append([
            name, f"{load.rows:,}" if load else "as it stood", f"{len(entity.fields):,}",
            shown_share(load.rows, load.quarantined) if load else "0", shown_size(load.bytes) if load else "",
        ])  # fmt: skip
    run.progress.table(plan.name, ["entity", "rows", "fields", "faulty rows", "size"], rows)
