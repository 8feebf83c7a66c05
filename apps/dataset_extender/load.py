"""The load: the source file in tasks, its types agreed over all of them, and what its ids have in common with the target's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from apps.dataset_extender.inference import Evidence, join_kinds
from apps.dataset_extender.plan import Plan
from apps.dataset_extender.task import SAMPLE_BYTES, InferPlan, InferResult, InferTask, infer_pieces, sample_kinds
from common.dictionary import Field
from common.errors import Rule
from common.faults import Faults, counted
from common.job import Run
from common.platform import Staging
from common.scan.delimited import Piece
from common.scan.header import describe_nameless
from common.scan.records import BlankRows
from common.spark.session import Cluster
from common.tables.columns import ColumnPlan
from common.tables.key_checks import KeyColumn
from common.tables.links import (
    Link,
    LinkCounts,
    StoredField,
    bucket_count,
    count_links,
    count_rows,
    extract_column,
    stored_files,
)
from common.tables.tasks import cut_files, text_bytes
from common.values.column_stats import ColumnStats
from common.values.types import ARROW_TYPES

_UNREADABLE_RULES = (Rule.FIELD_NAME, Rule.UNREADABLE, Rule.ROW_WIDTH)
_CELL_BYTES = 2
"""Bytes of text per cell, at the least, by which rows are bounded before they are counted."""

SOFT_ROWS = 10_000_000
"""Rows beyond which a run warns; the older documentation of the app's model names this limit."""


@dataclass
class Load:
    """What was loaded. `evidence` holds the agreed kind of each field; `counts` is None where rows could not be read."""

    staging: Staging
    results: list[InferResult]
    evidence: dict[str, Evidence]
    stats: dict[str, ColumnStats]
    link: Link | None = None
    counts: LinkCounts | None = None
    faults: Faults = field(default_factory=Faults)

    @property
    def rows(self) -> int:
        """Rows of the source file."""
        return sum(result.rows for result in self.results)

    @property
    def bytes(self) -> int:
        """Bytes of Parquet written."""
        return sum(result.bytes for result in self.results)


def load_source(run: Run, plan: Plan, staging: Staging) -> Load:
    """Loads the source file into a staged table. Faults are gathered, not raised: the check adds its own."""
    with run.progress.stage("load") as stage:
        pieces = cut_files([plan.file], run.cluster)[plan.file.path]
        rows = text_bytes(pieces) // (_CELL_BYTES * len(plan.header))
        target_files = stored_files(run.platform, plan.key_mapping)
        buckets = bucket_count(max(rows, count_rows(target_files)))
        infer_plan = _plan_tasks(plan, staging, buckets)
        results = run_tasks(run.cluster, infer_plan, pieces)
        load = _gather(plan, staging, results)
        if not any(code in load.faults.counts for code in _UNREADABLE_RULES):
            load.link = _link(run, plan, infer_plan, target_files, load)
            load.counts = count_links(run.cluster, load.link)
        stage.note(f"{counted(load.rows, 'row')} of {counted(len(load.evidence), 'field')}")
    for name, evidence in load.evidence.items():
        for remark in evidence.remarks():
            run.progress.warn(f"{name} ({evidence.type}): {remark}")
    blank = BlankRows()
    for result in results:
        blank.merge(result.blank)
    for text in [*blank.warnings(), *(describe_nameless([plan.file]) if not load.faults else [])]:
        run.progress.warn(text)
    if not load.rows and not load.faults:
        run.progress.warn(f"{plan.file.name} has no rows below its header; what is added is empty")
    if load.rows > SOFT_ROWS:
        run.progress.warn(
            f"{plan.file.name} has {load.rows:,} rows, more than {SOFT_ROWS:,}; the app is meant for fewer"
        )
    return load


def _plan_tasks(plan: Plan, staging: Staging, buckets: int) -> InferPlan:
    key = Field(plan.entity, plan.key_column, plan.target_key.type)
    return InferPlan(
        plan.file, plan.header, plan.form, ColumnPlan(key, None, is_hierarchical=False), plan.max_categories,
        staging.table_folder(plan.table), staging.scratch_folder("keys"), buckets,
    )  # fmt: skip


def run_tasks(
    cluster: Cluster, plan: InferPlan, pieces: list[Piece], sample_bytes: int = SAMPLE_BYTES
) -> list[InferResult]:
    """One pass over the file. Pieces in which a field looked narrower than it is in others are loaded again as it is."""
    kinds = sample_kinds(plan, pieces if len(pieces) > 1 else [], sample_bytes)
    tasks = [InferTask(number, plan, (piece,), kinds) for number, piece in enumerate(pieces)]
    results = cluster.map(infer_pieces, tasks, "load")
    agreed = {name: join_kinds(result.evidence[name].kind for result in results) for name in plan.fields}
    again = [number for number, result in enumerate(results) if result.kinds != agreed and not result.faults]
    if again:
        redone = cluster.map(infer_pieces, [replace(tasks[number], kinds=agreed) for number in again], "load")
        for number, result in zip(again, redone, strict=True):
            results[number] = result
    return results


def _gather(plan: Plan, staging: Staging, results: list[InferResult]) -> Load:
    names = [name for name in plan.header if name != plan.key_column]
    evidence = {name: Evidence(plan.max_categories) for name in names}
    stats = {name: ColumnStats(0) for name in plan.header}
    load = Load(staging, results, evidence, stats)
    for result in results:
        load.faults.merge(result.faults)
    if not load.faults:
        for result in results:
            for name in names:
                evidence[name].merge(result.evidence[name])
            for name, each in result.stats.items():
                stats[name].merge(each)
    return load


def _link(run: Run, plan: Plan, tasks: InferPlan, target_files: list[str], load: Load) -> Link:
    key_files = tuple(f"{tasks.key_folder}/{result.keys}" for result in load.results)
    source = KeyColumn(plan.entity, plan.key_column, key_files, (plan.file.name,))
    stored, folder = StoredField(plan.target_key, plan.key_mapping), load.staging.scratch_folder("target_keys")
    target = extract_column(run.cluster, target_files, stored, tasks.buckets, folder)
    return Link(source, target, ARROW_TYPES[plan.target_key.type], tasks.buckets)
