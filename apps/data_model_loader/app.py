"""Data Model Loader: data dictionary, codings, entity dictionary and data CSVs to a new Dataset.

plan (driver only, no Spark) -> load (one pass, in tasks) -> check (keys and references) -> publish (one commit).
"""

from __future__ import annotations

import sys

from common.job.run import execute

if __name__ == "__main__":  # before all other imports, so that a stop during them is answered
    sys.exit(execute(__file__))

from typing import Any

from apps.data_model_loader.check import check_references, refuse_faults
from apps.data_model_loader.load import load_entities
from apps.data_model_loader.plan import make_plan
from apps.data_model_loader.publish import publish_dataset
from apps.data_model_loader.report import build_report, warn_of_partial_dates
from common.job import Run
from common.job.report import write_report


def main(run: Run) -> dict[str, Any]:
    """One run of the loader; returns its outputs by name."""
    plan = make_plan(run)
    loads = load_entities(run, plan)
    check_references(run, plan, loads)
    warn_of_partial_dates(run, loads)
    report = write_report(run, build_report(plan, loads))  # before faults end the run, so that they can be read from it
    refuse_faults(plan, loads)
    return publish_dataset(run, plan, loads, report)
