"""The publish: staged tables, descriptor, record and report made visible in one step; then the summary."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from apps.data_model_loader.load import EntityLoad, Loads
from apps.data_model_loader.plan import Plan
from apps.data_model_loader.report import build_report, show_summary
from common.dataset.layout import build_dataset
from common.job import Run
from common.job.publish import publish
from common.platform import TableChange
from common.scan.files import locate
from common.tables.codings import stage_codings
from common.tables.quarantine import COLUMNS


def publish_dataset(run: Run, plan: Plan, loads: Loads) -> dict[str, Any]:
    """Publishes the Dataset, or, where the run only validates, its report."""
    faults, report = _write_faults(run.job_dir / "faults.csv", loads), build_report(plan, loads)
    if plan.validates_only:
        outputs = publish(run, loads.staging, None, [], report, faults)
    else:
        changes = [change for load in loads.entities.values() for change in _table_changes(plan, load)]
        changes += [TableChange(table, "remove", []) for table in plan.outdated]
        changes += stage_codings(run.platform, loads.staging, plan.database, plan.dictionary.codings)
        dataset = build_dataset(
            plan.name, f"Dataset: {plan.name}", plan.schema, plan.dictionary, plan.database, plan.max_columns
        )
        outputs = {**publish(run, loads.staging, dataset, changes, report, faults), "database": plan.database.id}
    show_summary(run, plan, loads)
    return outputs


def _table_changes(plan: Plan, load: EntityLoad) -> list[TableChange]:
    changes = []
    for table in load.plan.tables:
        mode = plan.insert_mode if table.name in plan.existing else "new"
        written = [result.files[table.name] for result in load.results]
        changes.append(TableChange(table.name, "new" if mode == "error" else mode, written))
    return changes


def _write_faults(path: Path, loads: Loads) -> Path | None:
    """Copies all quarantined rows, if any, from the files of the tasks to one CSV, by entity and file."""
    if not any(load.quarantined for load in loads.entities.values()):
        return None
    with path.open("wb") as out:
        out.write((",".join(COLUMNS) + "\n").encode())
        for load in loads.entities.values():
            for result in load.results:
                if result.quarantine:
                    filesystem, inner = locate(f"{load.plan.quarantine_folder}/{result.quarantine}")
                    with filesystem.open_input_stream(inner) as source:
                        shutil.copyfileobj(source, out)
    return path
