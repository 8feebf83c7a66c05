"""Assay Dataset Merger: an assay of one Dataset and the entities of another in a new one, linked by ids; no row is copied.

plan (driver only, no Spark) -> link (one pass over the id columns, and the linking file if there is one) -> publish (one commit).
"""

from __future__ import annotations

import sys

from common.job.run import execute

if __name__ == "__main__":  # before all other imports, so that a stop during them is answered
    sys.exit(execute(__file__))

from dataclasses import replace
from typing import Any

from apps.assay_dataset_merger.check import link_by_field, link_by_file
from apps.assay_dataset_merger.plan import make_plan
from apps.assay_dataset_merger.publish import publish_merged
from common.job import Run


def main(run: Run) -> dict[str, Any]:
    """One run of the merger; returns its outputs by name."""
    plan = make_plan(run)
    if plan.linking:
        staging = run.stage(plan.linking.database)
        linking = replace(plan.linking, database=staging.database)
        plan = replace(plan, linking=linking)
        linked = link_by_file(run, plan, linking, staging)
    else:
        staging = run.stage(None)
        linked = link_by_field(run, plan, staging)
    return publish_merged(run, plan, linked, staging)
