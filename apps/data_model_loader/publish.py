"""The publish: staged tables, descriptor, record and report made visible in one step; then the summary."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from apps.data_model_loader.load import EntityLoad, Loads
from apps.data_model_loader.plan import Plan
from apps.data_model_loader.report import show_summary
from common.dataset.descriptor import write_descriptor
from common.dataset.layout import build_dataset
from common.job import Run
from common.platform import Published, RecordDraft, TableChange
from common.scan.files import locate
from common.tables.codings import stage_codings
from common.tables.quarantine import COLUMNS


def publish_dataset(run: Run, plan: Plan, loads: Loads, report: Path) -> dict[str, Any]:
    """Publishes the Dataset, or, where the run only validates, its report."""
    with run.progress.stage("publish") as stage:
        files = {"report": report, **_write_faults(run.job_dir / "faults.csv", loads)}
        published = _publish_files(loads, files) if plan.validates_only else _publish_tables(run, plan, loads, files)
        stage.note(published.record or "nothing: this run only validates")
    show_summary(run, plan, loads)
    link = run.platform.link
    outputs: dict[str, Any] = {name: link(file_id) for name, file_id in published.files.items()}
    if published.record:
        outputs |= {"dataset": link(published.record), "database": plan.database.id}
    return outputs


def _publish_files(loads: Loads, files: dict[str, Path]) -> Published:
    return loads.staging.publish([], None, files)


def _publish_tables(run: Run, plan: Plan, loads: Loads, files: dict[str, Path]) -> Published:
    dataset = build_dataset(
        plan.name, f"Dataset: {plan.name}", plan.schema, plan.dictionary, plan.database, plan.max_columns
    )
    changes = [change for load in loads.entities.values() for change in _table_changes(plan, load)]
    changes += [TableChange(table, "remove", []) for table in plan.outdated]
    draft = RecordDraft(plan.name, write_descriptor(dataset), plan.schema, [plan.database], f"Dataset: {plan.name}")
    return loads.staging.publish(
        [*changes, *stage_codings(run.platform, loads.staging, plan.database, plan.dictionary.codings)], draft, files
    )


def _table_changes(plan: Plan, load: EntityLoad) -> list[TableChange]:
    changes = []
    for table in load.plan.tables:
        mode = plan.insert_mode if table.name in plan.existing else "new"
        written = [result.files[table.name] for result in load.results]
        changes.append(TableChange(table.name, "new" if mode == "error" else mode, written))
    return changes


def _write_faults(path: Path, loads: Loads) -> dict[str, Path]:
    """All quarantined rows, if any, as one CSV, by entity and file, copied together from what the tasks wrote."""
    if not any(load.quarantined for load in loads.entities.values()):
        return {}
    with path.open("wb") as out:
        out.write((",".join(COLUMNS) + "\n").encode())
        for load in loads.entities.values():
            for result in load.results:
                if result.quarantine:
                    filesystem, inner = locate(f"{load.plan.quarantine_folder}/{result.quarantine}")
                    with filesystem.open_input_stream(inner) as source:
                        shutil.copyfileobj(source, out)
    return {"faults": path}
