"""Links the assay to the target by equal ids, and counts the ids that are linked."""

from __future__ import annotations

from dataclasses import dataclass

from apps.assay_dataset_merger.assay import linking_mappings
from apps.assay_dataset_merger.plan import Plan
from common.dataset.model import Join
from common.faults import Faults
from common.job import Run
from common.platform import Staging
from common.tables.links import count_stored, validate_counts

SHOWN_HEADER = ["side", "field", "ids", "matched", "unmatched"]


@dataclass(frozen=True, slots=True)
class Side:
    """How many different ids one side has, and how many of them are linked to the other side."""

    ids: int
    matched: int

    def to_json(self) -> dict[str, int]:
        """The counts as the report has them, with the ids that are not linked."""
        return {"ids": self.ids, "matched": self.matched, "unmatched": self.ids - self.matched}


@dataclass(frozen=True, slots=True)
class Pairs:
    """How many pairs a linking file has, how many have an id unknown to the assay or else to the target, and how many link.
    `files` are the files of the linking table."""

    pairs: int
    unknown_samples: int
    unknown_phenos: int
    linked: int
    shared_samples: int
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Linked:
    """The result of the link. `pairs` is None without a linking file."""

    sample: Side
    pheno: Side
    pairs: Pairs | None = None

    def shown_rows(self, plan: Plan) -> list[list[str]]:
        """A row for each side of the summary table under `SHOWN_HEADER`."""
        sides = (("assay", plan.sample, self.sample), ("target", plan.pheno, self.pheno))
        return [
            [name, stored.shown, *(f"{count:,}" for count in side.to_json().values())] for name, stored, side in sides
        ]


def link_by_field(run: Run, plan: Plan, staging: Staging) -> Linked:
    """Counts the ids that both sides have. Raises one `FaultError` with all faults of the link in the data."""
    with run.progress.stage("link") as stage:
        counts = count_stored(run.cluster, run.platform, staging, plan.sample, plan.pheno)
        faults = Faults()
        validate_counts(counts, plan.sample, plan.pheno, faults, one_to_one=plan.is_one)
        faults.raise_if_any("The link")
        matched = counts.matched_ids
        stage.note(f"{matched:,} ids of {plan.sample.shown} found in {plan.pheno.shown}")
    return Linked(Side(counts.source_ids, matched), Side(counts.target_ids, matched))


def build_joins(plan: Plan) -> tuple[Join, ...]:
    """The joins of the target's field and the assay's: direct, or by the linking table, which refers to both."""
    relationship = "one_to_one" if plan.is_one else "many_to_one"
    sample, pheno = plan.sample.mapping.path, plan.pheno.mapping.path
    if plan.linking is None:
        return (Join(pheno, sample, relationship),)
    p_sample, g_sample = (each.path for each in linking_mappings(plan.linking.database).values())
    return Join(pheno, p_sample, relationship), Join(sample, g_sample, relationship)
