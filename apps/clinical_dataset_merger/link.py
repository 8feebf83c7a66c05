"""The link: one pass over the two key columns, to count what they have in common and find how they relate."""

from __future__ import annotations

from collections.abc import Sequence

from apps.clinical_dataset_merger.plan import Plan
from common.dataset.layout import ARROW_TYPES
from common.dataset.model import ColumnMapping, Dataset
from common.dictionary import Field
from common.errors import AppError
from common.faults import Faults
from common.job import Run
from common.platform import Staging
from common.tables.keys import KeyColumn
from common.tables.links import Link, LinkCounts, bucket_count, count_links, count_rows, extract_column

NOT_UNIQUE, NO_OVERLAP, NOT_KEPT = 303, 310, 311


def link_datasets(run: Run, plan: Plan, staging: Staging) -> LinkCounts:
    """Rows and ids of both linking fields. Raises one `FaultError` with what the data show against the link."""
    with run.progress.stage("link") as stage:
        files = [_table_files(run, dataset, each) for dataset, each in _sides(plan)]
        buckets = bucket_count(max(map(count_rows, files)))
        source, target = (
            _read_ids(run, staging, side, dataset, each, paths, buckets)
            for side, (dataset, each), paths in zip(("source", "target"), _sides(plan), files, strict=True)
        )
        counts = count_links(run.cluster, Link(source, target, ARROW_TYPES[plan.referring.type], buckets))
        _validate_counts(plan, counts)
        stage.note(f"{counts.matched_ids:,} ids of {plan.shown_link[0]} found in {plan.shown_link[1]}")
    return counts


def _sides(plan: Plan) -> tuple[tuple[Dataset, Field], tuple[Dataset, Field]]:
    return (plan.source, plan.referring), (plan.target, plan.referred)


def _mapping(dataset: Dataset, of: Field) -> ColumnMapping:
    return dataset.mappings[of.entity, of.name]


def _table_files(run: Run, dataset: Dataset, of: Field) -> list[str]:
    """The Parquet files of the table that stores a field. Raises `AppError` 91 if there are none."""
    mapping = _mapping(dataset, of)
    files = run.platform.table_files(run.platform.find_database(mapping.database_id), mapping.table)
    if not files:
        text = f"table {mapping.table} of database {mapping.database_name} is gone, which holds {of.entity} of {dataset.name}"
        raise AppError(91, text)
    return files


def _read_ids(
    run: Run, staging: Staging, side: str, dataset: Dataset, of: Field, files: Sequence[str], buckets: int
) -> KeyColumn:
    place = KeyColumn(of.entity, of.name, (), ())
    return extract_column(
        run.cluster, files, _mapping(dataset, of).column, place, buckets, staging.scratch_folder(f"{side}_ids")
    )


def _validate_counts(plan: Plan, counts: LinkCounts) -> None:
    """Raises faults 303, 310 and 311."""
    faults = Faults()
    source, target = ({"entity": each.entity, "field": each.name} for each in (plan.referring, plan.referred))
    if not counts.is_target_unique:
        text = f"{counts.target_rows:,} rows of the target have {counts.target_ids:,} different ids"
        faults.add(NOT_UNIQUE, text, **target)
    if not counts.matched_ids:
        text = f"none of the source's {counts.source_ids:,} ids is among the target's {counts.target_ids:,}"
        faults.add(NO_OVERLAP, text, **source)
    if plan.relationship == "one_to_one" and not counts.is_source_unique:
        text = f"{counts.source_rows:,} rows of the source have {counts.source_ids:,} different ids: not one to one"
        faults.add(NOT_KEPT, text, **source)
    faults.raise_if_any("The link")
