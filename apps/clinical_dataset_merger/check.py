"""Links two Datasets: reads both key columns once, counts the ids that they share, and finds their relationship."""

from __future__ import annotations

from apps.clinical_dataset_merger.plan import Plan
from common.faults import Faults
from common.job import Run
from common.platform import Staging
from common.tables.links import LinkCounts, count_stored, validate_counts


def link_datasets(run: Run, plan: Plan, staging: Staging) -> LinkCounts:
    """Counts rows and ids of both linking fields. Raises one `FaultError` with all faults of the link in the data."""
    with run.progress.stage("link") as stage:
        source, target = plan.referring, plan.referred
        counts = count_stored(run.cluster, run.platform, staging, source, target)
        faults = Faults()
        validate_counts(counts, source, target, faults, one_to_one=plan.relationship == "one_to_one")
        faults.raise_if_any("The link")
        stage.note(f"{counts.matched_ids:,} ids of {source.shown} found in {target.shown}")
    return counts
