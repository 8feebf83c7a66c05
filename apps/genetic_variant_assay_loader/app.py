"""Genetic Variant Assay Loader: the pieces of one logical VCF to a new Dataset with a `genetic_variant` assay.

plan (headers, no Spark) -> load (one pass, in tasks) -> check (order, overlap, agreement) -> publish (one commit).
"""

from __future__ import annotations

import sys

from common.job.run import execute

if __name__ == "__main__":  # before all other imports, so that a stop during them is answered
    sys.exit(execute(__file__))

from dataclasses import replace
from typing import Any

from apps.genetic_variant_assay_loader.check import check_pieces
from apps.genetic_variant_assay_loader.load import load_pieces
from apps.genetic_variant_assay_loader.plan import make_plan
from apps.genetic_variant_assay_loader.publish import publish_dataset
from common.job import Run


def main(run: Run) -> dict[str, Any]:
    """One run of the loader; returns its outputs by name."""
    plan = make_plan(run)
    staging = run.stage(plan.database)
    plan = replace(plan, database=staging.database)
    loads = load_pieces(run, plan, staging)
    check_pieces(run, plan, loads)
    return publish_dataset(run, plan, loads)
