"""Links the assay to the target, by equal ids or by the pairs of a linking file, and counts the ids that are linked.

With a file, tasks read its pairs and match them with both sides. Pairs that link become a table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from apps.assay_dataset_merger.assay import LINKING_TABLE, linking_mappings
from apps.assay_dataset_merger.plan import LinkingFile, Plan, as_linking_faults
from apps.assay_dataset_merger.task import (
    MatchResult,
    MatchTask,
    ParseTask,
    count_samples,
    match_phenos,
    match_samples,
    parse_pairs,
    spell_ids,
)
from common.dataset.model import Join
from common.errors import Rule
from common.faults import Faults, Place
from common.job import Run
from common.platform import Staging
from common.scan.records import BlankRows, TextFormat
from common.tables.key_checks import KeyColumn
from common.tables.links import (
    StoredField,
    bucket_count,
    count_rows,
    count_stored,
    extract_column,
    stored_files,
    validate_counts,
)
from common.tables.tasks import cut_files, text_bytes

_PAIR_BYTES = 4
"""Bytes of text per pair, at the least, by which pairs are bounded before they are counted."""

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


def link_by_file(run: Run, plan: Plan, linking: LinkingFile, staging: Staging) -> Linked:
    """Links by the pairs of the file, and stages the linking table. Raises one `FaultError` with all faults of file and data.

    An unknown id is not a fault: it is counted, and its pairs are left out of the table.
    """
    with run.progress.stage("link") as stage:
        buckets, pairs = _parse_file(run, plan, linking, staging)
        samples, phenos = (
            _extract_ids(run, stored, staging.scratch_folder(f"{side}_ids"), buckets)
            for side, stored in (("sample", plan.sample), ("pheno", plan.pheno))
        )
        scratch, name = staging.scratch_folder("pairs"), linking.file.name
        table = staging.table_folder(LINKING_TABLE)
        matching = partial(_match, run, buckets, name, scratch)
        headings = _headings(plan, linking)
        known, known_files = matching(match_samples, pairs, samples, headings[0])
        linked, linked_files = matching(match_phenos, known_files, phenos, headings[1], plan.is_one, table)
        counted, _ = matching(count_samples, linked_files, samples, is_one=plan.is_one)
        _validate(plan, known, linked, counted, name)
        pairs_read, linked_pairs = _sum(known, "pairs"), _sum(linked, "kept")
        stage.note(f"{linked_pairs:,} of {pairs_read:,} pairs of {name} link {plan.sample.shown} to {plan.pheno.shown}")
    shared = _sum(counted, "shared")
    if shared:
        run.progress.warn(f"assay ids that are linked to several ids of {plan.pheno.shown}: {shared:,}")
    counts = Pairs(
        pairs_read, pairs_read - _sum(known, "kept"), _sum(known, "kept") - linked_pairs, linked_pairs, shared,
        tuple(each.file for each in linked if each.file),
    )  # fmt: skip
    return Linked(
        Side(_sum(known, "ids"), _sum(counted, "matched")), Side(_sum(linked, "ids"), _sum(linked, "matched")), counts
    )


def _parse_file(run: Run, plan: Plan, linking: LinkingFile, staging: Staging) -> tuple[int, tuple[str, ...]]:
    """The number of buckets, and the files of the pairs in them."""
    pieces = cut_files([linking.file], run.cluster)[linking.file.path]
    tables = (stored_files(run.platform, each.mapping) for each in (plan.sample, plan.pheno))
    buckets = bucket_count(max(text_bytes(pieces) // _PAIR_BYTES, *map(count_rows, tables)))
    folder, form = staging.scratch_folder("parsed"), TextFormat(linking.delimiter, ("",))
    tasks = [
        ParseTask(
            piece, form, linking.header, (linking.sample_column, linking.pheno_column),
            (plan.sample.field.type, plan.pheno.field.type), buckets, f"{folder}/{number:05d}.arrow"
        )
        for number, piece in enumerate(pieces)
    ]  # fmt: skip
    faults, blank = Faults(), BlankRows()
    for found, passed_over in run.cluster.map(parse_pairs, tasks, "linking file"):
        faults.merge(found)
        blank.merge(passed_over)
    for text in blank.warnings():
        run.progress.warn(text)
    as_linking_faults(faults).raise_if_any("The linking file")
    return buckets, tuple(task.path for task in tasks)


def _headings(plan: Plan, linking: LinkingFile) -> tuple[str, str]:
    """The header's cells as ids of the assay and of the target would be written; blank if one is named like its field."""
    sides = ((linking.sample_column, plan.sample.field), (linking.pheno_column, plan.pheno.field))
    cells = [(linking.header[at].strip(), field) for at, field in sides]
    if any(cell.casefold() == field.name.casefold() for cell, field in cells):
        return "", ""
    sample, pheno = (spell_ids(pa.array([cell], pa.string()), field.type)[0].as_py() for cell, field in cells)
    return sample, pheno


def _extract_ids(run: Run, stored: StoredField, folder: str, buckets: int) -> KeyColumn:
    files = stored_files(run.platform, stored.mapping)
    return extract_column(run.cluster, files, stored, buckets, folder, as_text=True)


def _match(
    run: Run, buckets: int, name: str, scratch: str, match: Callable[[MatchTask], MatchResult], pairs: tuple[str, ...],
    ids: KeyColumn, heading: str = "", is_one: bool = False, table_folder: str = "",
) -> tuple[list[MatchResult], tuple[str, ...]]:  # fmt: skip
    """The results of all buckets, and the files of the pairs that were kept."""
    kept = [f"{scratch}/{match.__name__}-{bucket:05d}.arrow" for bucket in range(buckets)]
    tasks = [
        MatchTask(pairs, ids, buckets, bucket, path, name, heading, is_one, table_folder)
        for bucket, path in enumerate(kept)
    ]
    return run.cluster.map(match, tasks, "link"), tuple(kept)


def _sum(results: list[MatchResult], count: str) -> int:
    return sum(getattr(each, count) for each in results)


def _validate(
    plan: Plan, known: list[MatchResult], linked: list[MatchResult], counted: list[MatchResult], name: str
) -> None:
    """Raises faults 303, 310, 311 and 322."""
    faults = Faults()
    for result in (*known, *linked, *counted):
        faults.merge(result.faults)
    if _sum([*known, *linked], "headless"):
        text = "the first line holds ids of the Datasets, not the names of columns"
        remedy = f"Put a line before it: {plan.sample.field.name},{plan.pheno.field.name}, in the order of the columns."
        faults.add(Rule.LINKING_FILE, text, Place(name, 1), remedy=remedy)
    rows, ids = _sum(linked, "rows"), _sum(linked, "ids")
    sample, pheno = plan.sample.shown, plan.pheno.shown
    if rows != ids:
        text = f"{rows:,} rows of the target have {ids:,} different ids"
        faults.add(Rule.TARGET_NOT_UNIQUE, text, Place(entity=plan.pheno.field.entity, field=plan.pheno.field.name))
    if not _sum(linked, "kept"):
        pairs, kept = _sum(known, "pairs"), _sum(known, "kept")
        text = f"of {pairs:,} pairs {kept:,} have an id of {sample}, and none of these an id of {pheno}"
        remedy = "Check which column holds which id: name the columns like the fields."
        faults.add(Rule.NO_OVERLAP, text, Place(name), remedy=remedy)
    faults.raise_if_any("The link")
