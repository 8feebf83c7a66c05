"""The publish of a run: tables, record, descriptor and report in one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.dataset.database import link
from common.dataset.descriptor import write_descriptor
from common.dataset.model import Dataset
from common.job import Run
from common.job.report import write_report
from common.platform import RecordDraft, Staging, TableChange


def publish(
    run: Run, staging: Staging, dataset: Dataset | None, tables: Sequence[TableChange], report: Mapping[str, Any],
    faults: Path | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Publishes a Dataset with its tables, or, without a Dataset, files only; returns the outputs as links: `dataset`, `report`,
    and `faults` if there is such a file. `report` is what the app has to say in the report."""
    with run.progress.stage("publish") as stage:
        files = {"report": write_report(run, report)} | ({"faults": faults} if faults else {})
        draft = None
        if dataset:
            descriptor = write_descriptor(dataset)
            draft = RecordDraft(dataset.name, descriptor, dataset.schema, dataset.databases, dataset.description)
        published = staging.publish(tables, draft, files)
        stage.note(published.record or "nothing: this run only validates")
    made = {"dataset": published.record} if published.record else {}
    return {name: link(object_id) for name, object_id in {**made, **published.files}.items()}
