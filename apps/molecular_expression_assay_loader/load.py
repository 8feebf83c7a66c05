"""The load: annotation, then the two passes over the data, in tasks; all that is wrong is raised at the end, together."""

from __future__ import annotations

from dataclasses import dataclass, field

from apps.molecular_expression_assay_loader.annotation import AnnotationTask, load_annotation
from apps.molecular_expression_assay_loader.plan import Plan
from apps.molecular_expression_assay_loader.scratch import Sizes, TaskPlan
from apps.molecular_expression_assay_loader.task import (
    BucketResult,
    ReferenceTask,
    ShuffleResult,
    ShuffleTask,
    load_buckets,
    plan_buckets,
    shuffle_pieces,
    write_reference_tables,
    write_samples,
)
from common.errors import Rule
from common.expression.feature_ids import count_dates, validate_kinds
from common.faults import Faults, Place, counted
from common.job import Run
from common.platform import Staging
from common.scan.delimited import whole_piece
from common.scan.records import BlankRows
from common.tables.tasks import cut_files, group_pieces, task_bytes, text_bytes, write_plan

TABLES = ("sample", "expression", "expr_annotation", "expression_read_optimized")

LARGE_ASSAY = 100_000_000
"""Samples times features from which on the platform's documentation says to ask first."""

SIZES = Sizes()
_BUCKET_CELLS = 1 << 19
_BUCKETS = (256, 1024)
"""Least and most buckets. The least costs nothing that can be measured, and bounds what a task holds where gzip hides how much
text there is: a matrix of zeros may be a thousandth of it."""

_CELL_BYTES = 5


@dataclass
class Load:
    """What was loaded: files by table, relative to the table's folder, and counts."""

    staging: Staging
    files: dict[str, list[str]] = field(default_factory=dict)
    samples: int = 0
    features: int = 0
    unannotated: int = 0
    rows: int = 0


def load_expression(run: Run, plan: Plan, staging: Staging) -> Load:
    """Loads all sources into staged tables. Raises one `FaultError` with all that is wrong with annotation and data."""
    load, faults = Load(staging), Faults()
    with run.progress.stage("load") as stage:
        plan_path = _write_plan(run, plan, load, faults)
        shuffled = _shuffle(run, plan, plan_path, faults)
        cells = sum(int(result.cells.sum()) for result in shuffled)
        if cells > LARGE_ASSAY:
            run.progress.warn(
                f"the assay has {cells:,} values; above {LARGE_ASSAY:,} the platform asks to be contacted first"
            )
        load.samples = write_samples(plan_path, [result.path for result in shuffled])
        results = run.cluster.map(load_buckets, plan_buckets(plan_path, shuffled, run.cluster.parallelism), "values")
        _gather(load, results, faults)
        if not load.features and not faults:
            faults.add(Rule.EXPRESSION_FORMAT, "there is no row of values", Place(plan.sources[0].file.name))
        faults.raise_if_any("The load")
        _write_reference_tables(run, plan_path, load, results)
        stage.note(
            f"{counted(load.rows, 'value')} of {counted(load.features, 'feature')} for {counted(load.samples, 'sample')}"
        )
    if load.unannotated and plan.annotation:
        run.progress.warn(f"{load.unannotated:,} of {load.features:,} features have no place in {plan.annotation.name}")
    return load


def _write_plan(run: Run, plan: Plan, load: Load, faults: Faults) -> str:
    """Reads the annotation in a task, and leaves the plan for all tasks to find."""
    scratch = load.staging.scratch_folder("expression")
    annotation = None
    if plan.annotation:
        annotation = f"{scratch}/annotation.arrow"
        task = AnnotationTask(plan.annotation.path, plan.annotation.name, plan.id_type, annotation)
        for found in run.cluster.map(load_annotation, [task], "annotation"):
            faults.merge(found)
    tables = {table: load.staging.table_folder(table) for table in TABLES}
    cells = text_bytes(whole_piece(source.file) for source in plan.sources) // _CELL_BYTES
    least, most = _BUCKETS
    buckets = min(max(cells // _BUCKET_CELLS, least), most)
    path = f"{scratch}/plan.pickle"
    write_plan(
        TaskPlan(plan.format, plan.sources, plan.rules, plan.id_type, buckets, annotation, scratch, tables, SIZES), path
    )
    return path


def _shuffle(run: Run, plan: Plan, plan_path: str, faults: Faults) -> list[ShuffleResult]:
    """The first pass: rows dealt out to buckets; faults of structure and of ids."""
    cut = cut_files([source.file for source in plan.sources], run.cluster)
    pieces = [(index, piece) for index, source in enumerate(plan.sources) for piece in cut[source.file.path]]
    target = task_bytes(text_bytes(piece for _, piece in pieces), run.cluster) if plan.format != "matrix" else 0
    groups = group_pieces(pieces, target)  # a task takes pieces of one matrix only
    tasks = [ShuffleTask(number, plan_path, pieces) for number, pieces in enumerate(groups)]
    results = run.cluster.map(shuffle_pieces, tasks, "rows")
    for result in results:
        faults.merge(result.faults)
    faults.merge(validate_kinds((result.kinds for result in results), plan.id_type))
    _warn(run, results)
    return results


def _warn(run: Run, results: list[ShuffleResult]) -> None:
    """What is passed over, and ids that a spreadsheet may have spoilt."""
    blank = BlankRows()
    for result in results:
        blank.merge(result.blank)
    for text in blank.warnings():
        run.progress.warn(text)
    dates, first = count_dates(result.kinds for result in results)
    if first:
        run.progress.warn(
            f"{dates:,} feature {'id is a date' if dates == 1 else 'ids are dates'}, which spreadsheets make of gene symbols such as "
            f"MARCH1 and SEPT2; the first is {first.value!r} ({first.file} line {first.line:,})"
        )


def _gather(load: Load, results: list[BucketResult], faults: Faults) -> None:
    for result in results:
        faults.merge(result.faults)
        load.features += result.features
        load.unannotated += result.unannotated
        load.rows += result.rows
        for table, files in result.files.items():
            load.files.setdefault(table, []).extend(files)


def _write_reference_tables(run: Run, plan_path: str, load: Load, results: list[BucketResult]) -> None:
    task = ReferenceTask(plan_path, tuple(result.features_file for result in results))
    for files in run.cluster.map(write_reference_tables, [task], "samples and annotation"):
        load.files.update(files)
