"""The link: how many ids of the assay and of the target belong together; here, those that are equal."""

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
    """Different ids of one side, and those of them that are linked to the other."""

    ids: int
    matched: int

    def to_json(self) -> dict[str, int]:
        """With the ids that nothing is linked to."""
        return {"ids": self.ids, "matched": self.matched, "unmatched": self.ids - self.matched}


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of a linking file: all of them, those whose assay id the assay does not have, and of the rest those whose other id
    the target does not have; the linked ones are in the linking table's files."""

    pairs: int
    unknown_samples: int
    unknown_phenos: int
    linked: int
    shared_samples: int
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Linked:
    """The outcome of the link; `pairs` if there was a linking file."""

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
    """Counts the ids that both sides have. Raises one `FaultError` with what the data show against the link."""
    with run.progress.stage("link") as stage:
        counts = count_stored(run.cluster, run.platform, staging, plan.sample, plan.pheno)
        faults = Faults()
        validate_counts(counts, plan.sample, plan.pheno, faults, one_to_one=plan.is_one)
        faults.raise_if_any("The link")
        matched = counts.matched_ids
        stage.note(f"{matched:,} ids of {plan.sample.shown} found in {plan.pheno.shown}")
    return Linked(Side(counts.source_ids, matched), Side(counts.target_ids, matched))


def build_joins(plan: Plan) -> tuple[Join, ...]:
    """The joins from the target's field to the assay's: direct, or through the linking table, whose rows refer to both."""
    relationship = "one_to_one" if plan.is_one else "many_to_one"
    sample, pheno = plan.sample.mapping.path, plan.pheno.mapping.path
    if plan.linking is None:
        return (Join(pheno, sample, relationship),)
    p_sample, g_sample = (each.path for each in linking_mappings(plan.linking.database).values())
    return Join(pheno, p_sample, relationship), Join(sample, g_sample, relationship)
