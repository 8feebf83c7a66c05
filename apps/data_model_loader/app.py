"""Data Model Loader: data dictionary, codings, entity dictionary and data CSVs to a new Dataset.

plan (driver only, no Spark) -> load (one pass, in tasks) -> check (keys and references) -> publish (one commit).
"""

from __future__ import annotations

import sys

from common.job.run import execute

if __name__ == "__main__":  # before all other imports, so that a stop during them is answered
    sys.exit(execute(__file__))

from dataclasses import replace
from typing import Any

from apps.data_model_loader.check import check_references, refuse_faults
from apps.data_model_loader.load import load_entities
from apps.data_model_loader.plan import make_plan
from apps.data_model_loader.publish import publish_dataset
from apps.data_model_loader.report import warn_of_partial_dates
from common.job import Run


def main(run: Run) -> dict[str, Any]:
    """One run of the loader; returns its outputs by name."""
    plan = make_plan(run)
    staging = run.stage(None if plan.validates_only else plan.database)
    if not plan.validates_only:
        plan = replace(plan, database=staging.database)
    loads = load_entities(run, plan, staging)
    check_references(run, plan, loads)
    warn_of_partial_dates(run, loads)
    refuse_faults(run, plan, loads)
    return publish_dataset(run, plan, loads)
