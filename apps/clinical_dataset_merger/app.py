"""Clinical Dataset Merger: the entities of two Datasets in a new one, linked by a key; no row is copied.

plan (driver only, no Spark) -> link (one pass over the two key columns) -> publish (one commit).
"""

from __future__ import annotations

import sys

from common.job.run import execute

if __name__ == "__main__":  # before all other imports, so that a stop during them is answered
    sys.exit(execute(__file__))

from typing import Any

from apps.clinical_dataset_merger.check import link_datasets
from apps.clinical_dataset_merger.plan import make_plan
from apps.clinical_dataset_merger.publish import publish_merged
from common.job import Run


def main(run: Run) -> dict[str, Any]:
    """One run of the merger; returns its outputs by name."""
    plan = make_plan(run)
    staging = run.stage(None)
    counts = link_datasets(run, plan, staging)
    return publish_merged(run, plan, counts, staging)
