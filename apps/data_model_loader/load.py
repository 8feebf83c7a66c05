"""The load: every entity's files cut into tasks, one pass over the data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

from apps.data_model_loader.plan import Plan
from apps.data_model_loader.task import LoadPlan, LoadResult, LoadTask, TableTarget, load_pieces
from common.faults import Faults, counted
from common.job import Run
from common.platform import Staging
from common.scan.delimited import whole_piece
from common.scan.header import describe_nameless
from common.scan.records import BlankRows
from common.tables.columns import ColumnPlan
from common.tables.key_checks import BUCKET_ROWS
from common.tables.tasks import cut_files, group_pieces, task_bytes, text_bytes, write_plan
from common.values.column_stats import ColumnStats, sketch_size

_KEY_BYTES = 48
"""Text bytes per row, at the least, by which the rows of a key space are bounded before they are counted."""


@dataclass
class EntityLoad:
    """The load of one entity: its plan, tasks and results, the latter in the order of tasks."""

    plan: LoadPlan
    plan_path: str
    tasks: list[LoadTask] = field(default_factory=list)
    results: list[LoadResult] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows written."""
        return sum(result.rows for result in self.results)

    @property
    def bytes(self) -> int:
        """Bytes of Parquet written."""
        return sum(result.bytes for result in self.results)

    @property
    def quarantined(self) -> int:
        """Rows set aside."""
        return sum(result.quarantined for result in self.results)

    @property
    def faulty_share(self) -> float:
        """Share of the rows that were set aside."""
        return self.quarantined / max(self.rows + self.quarantined, 1)

    @cached_property
    def column_stats(self) -> dict[str, ColumnStats]:
        """Statistics of all tasks together, by field. Ask for them after the check, which may load rows again."""
        size = sketch_size(len(self.plan.columns))
        merged = {each.field.name: ColumnStats(size) for each in self.plan.columns}
        for result in self.results:
            for name, stats in result.stats.items():
                merged[name].merge(stats)
        return merged


@dataclass
class Loads:
    """All entities' loads, the staging place and the faults found so far."""

    staging: Staging
    entities: dict[str, EntityLoad] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)


def load_entities(run: Run, plan: Plan, staging: Staging) -> Loads:
    """Loads all files of all entities into staged tables. Faults are gathered, not raised: the check adds its own."""
    loads = Loads(staging)
    with run.progress.stage("load") as stage:
        for entity in plan.files:
            load_plan = _plan_entity(plan, entity, loads.staging)
            path = f"{loads.staging.scratch_folder('plans')}/{load_plan.number}.pickle"
            write_plan(load_plan, path)
            loads.entities[entity] = EntityLoad(load_plan, path)
        files = [file for bound in plan.files.values() for file in bound.files]
        pieces = cut_files(files, run.cluster)
        target = task_bytes(text_bytes(piece for each in pieces.values() for piece in each), run.cluster)
        for load in loads.entities.values():
            own = [(index, piece) for index, file in enumerate(load.plan.files) for piece in pieces[file.path]]
            groups = group_pieces(own, target)
            load.tasks = [LoadTask(number, load.plan_path, group) for number, group in enumerate(groups)]
        run_loads(run, loads, [(entity, task) for entity, load in loads.entities.items() for task in load.tasks])
        blank = BlankRows()
        for load in loads.entities.values():
            for result in load.results:
                loads.faults.merge(result.faults)
                blank.merge(result.blank)
        rows = sum(load.rows for load in loads.entities.values())
        stage.note(f"{counted(rows, 'row')} of {counted(len(loads.entities), 'entity')}")
    for text in [*blank.warnings(), *(describe_nameless(files) if not loads.faults else [])]:
        run.progress.warn(text)
    return loads


def run_loads(run: Run, loads: Loads, tasks: list[tuple[str, LoadTask]]) -> None:
    """Runs load tasks, the largest first so that none is left over at the end, and puts each result in its place."""
    ordered = sorted(tasks, key=lambda each: -text_bytes(piece for _, piece in each[1].pieces))
    results = run.cluster.map(load_pieces, [task for _, task in ordered], "load")
    for (entity, task), result in zip(ordered, results, strict=True):
        load = loads.entities[entity]
        load.results = sorted([*(r for r in load.results if r.number != task.number), result], key=lambda r: r.number)


def _plan_entity(plan: Plan, entity: str, staging: Staging) -> LoadPlan:
    model, dictionary, bound = plan.dictionary.entities[entity], plan.dictionary, plan.files[entity]
    dates = {each.precision_of for each in model.fields}
    columns = tuple(
        ColumnPlan(each, dictionary.coding_of(each), dictionary.is_hierarchical(each), each.name in dates)
        for each in model.fields
        if not each.precision_of
    )
    tables = () if plan.validates_only else plan.tables[entity]
    targets = tuple(TableTarget(each.table, staging.table_folder(each.table), each.arrow_schema) for each in tables)
    buckets = key_buckets(plan)
    keys = {each.name: buckets for each in model.fields if each.primary_key_type or each.reference}
    return LoadPlan(
        list(plan.files).index(entity), entity, columns, targets, bound.files, bound.headers, plan.form,
        model.primary_key.name if model.primary_key else None, keys, staging.scratch_folder("keys"),
        staging.scratch_folder("quarantine") if plan.quarantines else None,
    )  # fmt: skip


def key_buckets(plan: Plan) -> int:
    """Hash buckets of each key space, from the size of the input: so many that a check task's memory stays bounded."""
    largest = max((text_bytes(map(whole_piece, each.files)) for each in plan.files.values()), default=0)
    return 1 + largest // (BUCKET_ROWS * _KEY_BYTES)


def with_rejects(task: LoadTask, paths: tuple[str, ...]) -> LoadTask:
    """The task as it runs again without the rows that the check turned down."""
    return replace(task, rejects=paths)
