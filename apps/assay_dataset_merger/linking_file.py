"""Links the assay to the target by a file. Tasks read its pairs and match them with both sides; pairs that link become a table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pyarrow as pa

from apps.assay_dataset_merger.assay import LINKING_TABLE
from apps.assay_dataset_merger.link import Linked, Pairs, Side
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
from common.errors import Rule
from common.faults import Faults, Place
from common.job import Run
from common.platform import Staging
from common.scan.records import BlankRows, TextFormat
from common.tables.key_checks import KeyColumn
from common.tables.links import StoredField, bucket_count, count_rows, extract_column, stored_files
from common.tables.tasks import cut_files, text_bytes

_PAIR_BYTES = 4
"""Bytes of text per pair, at the least, by which pairs are bounded before they are counted."""


def link_by_file(run: Run, plan: Plan, linking: LinkingFile, staging: Staging) -> Linked:
    """Links by the pairs of the file, and stages the linking table. Raises one `FaultError` with all faults of file and data.

    An unknown id is not a fault: it is counted, and its pairs are left out of the table.
    """
    with run.progress.stage("link") as stage:
        buckets, pairs = _parse_file(run, plan, linking, staging)
        samples, phenos = (
            _extract_ids(run, stored, staging, side, buckets)
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
            (plan.sample.field.type, plan.pheno.field.type), buckets, f"{folder}/{number:05d}.arrow",
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


def _extract_ids(run: Run, stored: StoredField, staging: Staging, side: str, buckets: int) -> KeyColumn:
    place = KeyColumn(stored.field.entity, stored.field.name, (), ())
    return extract_column(
        run.cluster, stored_files(run.platform, stored.mapping), stored.mapping.column, place, buckets,
        staging.scratch_folder(f"{side}_ids"), as_text=True, distinct=stored.distinct,
    )  # fmt: skip


def _match(
    run: Run, buckets: int, name: str, scratch: str, match: Callable[[MatchTask], MatchResult], pairs: tuple[str, ...],
    ids: KeyColumn, heading: str = "", is_one: bool = False, table_folder: str = "",
) -> tuple[list[MatchResult], tuple[str, ...]]:  # fmt: skip
    """The results of all buckets, and the files of the pairs that were kept."""
    tasks = [
        MatchTask(
            pairs,
            ids,
            buckets,
            bucket,
            f"{scratch}/{match.__name__}-{bucket:05d}.arrow",
            name,
            heading,
            is_one,
            table_folder,
        )
        for bucket in range(buckets)
    ]
    return run.cluster.map(match, tasks, "link"), tuple(task.kept for task in tasks)


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
        faults.add(
            Rule.NO_OVERLAP,
            text,
            Place(name),
            remedy="Check which column holds which id: name the columns like the fields.",
        )
    faults.raise_if_any("The link")
