"""Dataset Extender: one delimited file without a dictionary to new fields, or a new entity, of a Dataset.

plan (driver only, no Spark) -> load (one pass, types inferred in tasks) -> check (ids) -> publish (one commit).
"""

from __future__ import annotations

import sys

from common.job.run import execute

if __name__ == "__main__":  # before all other imports, so that a stop during them is answered
    sys.exit(execute(__file__))

from dataclasses import replace
from typing import Any

from apps.dataset_extender.check import check_link
from apps.dataset_extender.load import load_source
from apps.dataset_extender.plan import make_plan
from apps.dataset_extender.publish import publish_extended
from apps.dataset_extender.report import build_report
from common.job import Run
from common.job.report import write_report


def main(run: Run) -> dict[str, Any]:
    """One run of the extender; returns its outputs by name."""
    plan = make_plan(run)
    staging = run.stage(plan.database)
    plan = replace(plan, database=staging.database)
    load = load_source(run, plan, staging)
    relationship = check_link(run, plan, load)
    if load.faults:
        write_report(run, build_report(run, plan, load, relationship))
        load.faults.raise_if_any("The load")
    return publish_extended(run, plan, load, relationship)
