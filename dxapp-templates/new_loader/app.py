"""New Loader: delimited files of texts to a new Dataset of one entity.

plan (driver only, no Spark) -> load (one pass, in tasks) -> check (over all rows) -> publish (one commit).
"""

from __future__ import annotations

import sys

from common.job.run import execute

if __name__ == "__main__":  # before all other imports, so that a stop during them is answered
    sys.exit(execute(__file__))

from dataclasses import replace
from typing import Any

from apps.new_loader.check import check_keys_unique
from apps.new_loader.load import load_files
from apps.new_loader.plan import make_plan
from apps.new_loader.publish import publish_dataset
from common.job import Run


def main(run: Run) -> dict[str, Any]:
    """One run of the loader; returns its outputs by name."""
    plan = make_plan(run)
    staging = run.stage(plan.database)
    plan = replace(plan, database=staging.database)
    load = load_files(run, plan, staging)
    check_keys_unique(run, plan, load)
    return publish_dataset(run, plan, load)
