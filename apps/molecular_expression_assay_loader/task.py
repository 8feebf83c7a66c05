"""What tasks do. Those of the first pass deal rows out to buckets, those of the second check and write the rows of some buckets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.molecular_expression_assay_loader.annotation import ANNOTATION_COLUMNS, Annotation, read_places
from apps.molecular_expression_assay_loader.block import Gathered
from apps.molecular_expression_assay_loader.long_input import CellShuffler, GatheredCells, cells_schema
from apps.molecular_expression_assay_loader.long_tables import Melt
from apps.molecular_expression_assay_loader.matrix_input import ROWS, GatheredRows, shuffle_rows
from apps.molecular_expression_assay_loader.scratch import TaskPlan, read_arrow, write_arrow
from common.expression.feature_ids import KindsSeen
from common.faults import Faults
from common.scan.delimited import Piece
from common.scan.parquet import PartWriter, part_name
from common.scan.records import BlankRows
from common.tables.shuffle import ShuffleWriter
from common.tables.tasks import read_plan

_CELL_COST = 2
"""How much more memory cells take that come one by one, each with its place, than those of a matrix."""


@dataclass(frozen=True, slots=True)
class ShuffleTask:
    """Pieces for one task, each with the index of its source; of a matrix one piece."""

    number: int
    plan_path: str
    pieces: tuple[tuple[int, Piece], ...]


@dataclass
class ShuffleResult:
    """What a shuffle task says of its work: the file of the dealt rows, and how many cells each bucket has in it. `blank` counts,
    by file, rows without id and value, which are passed over."""

    path: str
    cells: np.ndarray
    kinds: KindsSeen = field(default_factory=KindsSeen)
    faults: Faults = field(default_factory=Faults)
    blank: BlankRows = field(default_factory=BlankRows)


def shuffle_pieces(task: ShuffleTask) -> ShuffleResult:
    """Deals out the pieces of a task. Faults are returned, not raised."""
    plan: TaskPlan = read_plan(task.plan_path)
    annotation = read_places(plan)
    name = part_name(task.number).replace(".parquet", ".arrow")
    is_matrix = plan.format == "matrix"
    schema: pa.Schema = ROWS if is_matrix else cells_schema(plan)
    with ShuffleWriter(f"{plan.scratch}/{name}", schema, plan.buckets) as out:
        result = ShuffleResult(out.path, out.rows)
        if is_matrix:
            for index, piece in task.pieces:
                source = plan.sources[index]
                shuffle_rows(piece, source, plan, annotation, out, result.kinds, result.faults, result.blank)
            result.cells = out.rows * len(plan.sources[task.pieces[0][0]].samples)
            return result
        shuffler = CellShuffler(plan, annotation, out, result.faults)
        for index, piece in task.pieces:
            shuffler.add_piece(index, piece)
        shuffler.close()
        result.kinds, result.blank = shuffler.kinds, shuffler.blank
    return result


@dataclass(frozen=True, slots=True)
class BucketTask:
    """One group of buckets, and the files that hold them; `is_partitioned` if the table by place is laid out in folders."""

    number: int
    plan_path: str
    files: tuple[str, ...]
    buckets: tuple[int, ...]
    is_partitioned: bool


@dataclass
class BucketResult:
    """What a load task says of its work: files by table, counts, faults, and the scratch file with its features' annotation."""

    features_file: str
    files: dict[str, list[str]] = field(default_factory=dict)
    rows: int = 0
    features: int = 0
    unannotated: int = 0
    faults: Faults = field(default_factory=Faults)


@dataclass(frozen=True, slots=True)
class ReferenceTask:
    """The small tables: the samples of the load, and the annotation of its features from the load tasks' files."""

    plan_path: str
    features_files: tuple[str, ...]


def plan_buckets(plan_path: str, shuffled: Sequence[ShuffleResult], parallelism: int) -> list[BucketTask]:
    """Buckets grouped into tasks of about a block each, as many for every core, largest buckets first."""
    plan: TaskPlan = read_plan(plan_path)
    most = plan.sizes.block_cells // (1 if plan.format == "matrix" else _CELL_COST)
    summed = np.sum([result.cells for result in shuffled], axis=0)
    cells = {bucket: int(summed[bucket]) for bucket in np.flatnonzero(summed).tolist()}
    total = sum(cells.values())
    wanted = max(-(-total // most), min(parallelism, -(-total // plan.sizes.least_cells)), 1)
    wanted = -(-wanted // parallelism) * parallelism if wanted > 1 else 1
    groups: list[set[int]] = [set() for _ in range(min(wanted, max(1, len(cells))))]
    loads = [0] * len(groups)
    for bucket, count in sorted(cells.items(), key=lambda item: (-item[1], item[0])):
        lightest = loads.index(min(loads))
        groups[lightest].add(bucket)
        loads[lightest] += count
    return [
        BucketTask(
            number, plan_path,
            tuple(result.path for result in shuffled if result.cells[list(group)].any()), tuple(sorted(group)),
            total >= plan.sizes.partitioned_cells,
        )
        for number, group in enumerate(groups)
    ]  # fmt: skip


def write_samples(plan_path: str, files: Sequence[str]) -> int:
    """Writes the samples of the load, ascending, where `read_samples` finds them; returns how many there are."""
    plan: TaskPlan = read_plan(plan_path)
    if plan.format == "long":
        parts = [read_arrow(f"{file}.samples").column("sample_id") for file in files]
        names = pa.chunked_array([chunk for part in parts for chunk in part.chunks], pa.string())
    else:
        names = pa.chunked_array([pa.array(source.samples, pa.string()) for source in plan.sources])
    samples = pc.unique(names)
    write_arrow(_samples_path(plan), pa.table({"sample_id": samples.take(pc.sort_indices(samples))}))
    return len(samples)


def read_samples(plan: TaskPlan) -> pa.StringArray:
    """The samples of the load, ascending."""
    return read_arrow(_samples_path(plan)).column("sample_id").combine_chunks()


def _samples_path(plan: TaskPlan) -> str:
    return f"{plan.scratch}/samples.arrow"


def load_buckets(task: BucketTask) -> BucketResult:
    """Loads a group of buckets: parse, check, write. Faults are returned, not raised; after one, rows are only checked."""
    plan: TaskPlan = read_plan(task.plan_path)
    samples = read_samples(plan)
    annotation = read_places(plan)
    gathered: Gathered = (GatheredRows if plan.format == "matrix" else GatheredCells)(
        plan, task.files, task.buckets, samples
    )
    result = BucketResult(f"{plan.scratch}/features-{part_name(task.number)}", faults=gathered.faults)
    result.features = len(gathered.features)
    result.unannotated = _write_features(gathered, annotation, result.features_file)
    blocks = max(1, round(result.features * len(samples) / plan.sizes.block_cells))
    step = max(1, -(-result.features // blocks))
    with Melt(plan, samples, task.number, result.features, task.is_partitioned) as melt:
        for start in range(0, result.features, step):
            block = gathered.read_block(start, min(start + step, result.features))
            if not gathered.faults:
                melt.write(block, annotation)
    result.rows, result.files = melt.rows, melt.files
    return result


def _write_features(gathered: Gathered, annotation: Annotation, path: str) -> int:
    """Writes the `expr_annotation` rows of the features; returns how many of them have no place on the genome."""
    places = annotation.places(gathered.features)
    unannotated: int = places.column("bin").null_count
    versions = pc.coalesce(gathered.versions, places.column("feature_version"))
    columns = [gathered.features, *(places.column(name) for name in ANNOTATION_COLUMNS.names[1:-1]), versions]
    write_arrow(path, pa.table(columns, schema=ANNOTATION_COLUMNS))
    return unannotated


def write_reference_tables(task: ReferenceTask) -> dict[str, list[str]]:
    """Writes the `sample` and `expr_annotation` tables, a file each, ordered by their keys; returns the files by table."""
    plan: TaskPlan = read_plan(task.plan_path)
    features = pa.concat_tables([read_arrow(path) for path in task.features_files])
    tables = {"sample": pa.table({"sample_id": read_samples(plan)}), "expr_annotation": features.sort_by("feature_id")}
    files: dict[str, list[str]] = {}
    for name, table in tables.items():
        files[name] = [part_name(0)]
        with PartWriter(f"{plan.tables[name]}/{files[name][0]}", table.schema) as writer:
            writer.add(table)
    return files
