"""Molecular Expression Assay Loader: expression values and a feature annotation to a Dataset with an expression assay.

plan (headers only, no Spark) -> load (rows dealt out to buckets, then parsed, checked and written) -> publish (one commit).
"""

from __future__ import annotations

import sys

from common.job.run import execute

if __name__ == "__main__":  # before all other imports, so that a stop during them is answered
    sys.exit(execute(__file__))

from dataclasses import replace
from typing import Any

from apps.molecular_expression_assay_loader.load import load_expression
from apps.molecular_expression_assay_loader.plan import make_plan
from apps.molecular_expression_assay_loader.publish import publish_assay
from common.job import Run


def main(run: Run) -> dict[str, Any]:
    """One run of the loader; returns its outputs by name."""
    plan = make_plan(run)
    staging = run.stage(plan.database)
    plan = replace(plan, database=staging.database)
    load = load_expression(run, plan, staging)
    return publish_assay(run, plan, load)
