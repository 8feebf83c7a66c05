from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from apps.molecular_expression_assay_loader.annotation import AnnotationTask, load_annotation
from apps.molecular_expression_assay_loader.numbers import ValueRules
from apps.molecular_expression_assay_loader.scratch import Sizes, TaskPlan
from apps.molecular_expression_assay_loader.sources import plan_sources
from apps.molecular_expression_assay_loader.task import (
    ReferenceTask,
    ShuffleTask,
    load_buckets,
    plan_buckets,
    shuffle_pieces,
    write_reference_tables,
    write_samples,
)
from common.expression.feature_ids import validate_kinds
from common.faults import Faults
from common.platform import InputFile
from common.scan.delimited import build_pieces, cut_blocks, scan_block, whole_piece
from common.scan.records import BlankRows
from common.tables.tasks import group_pieces, write_plan

TABLES = ("sample", "expression", "expr_annotation", "expression_read_optimized")


@dataclass
class Loaded:
    """What a load wrote, by table: the files relative to its folder; and what it found wrong."""

    folder: Path
    faults: Faults
    files: dict[str, list[str]] = field(default_factory=dict)
    unannotated: int = 0
    blank: BlankRows = field(default_factory=BlankRows)

    def rows(self, table: str) -> list[tuple[object, ...]]:
        """All rows, sorted; `chr` and `bin` at their end are taken from the path where they are folders."""
        found: list[tuple[object, ...]] = []
        for name in self.files[table]:
            folders = [part.split("=")[1] for part in name.split("/")[:-1]]
            partition = (folders[0], int(folders[1])) if folders else ()
            read = pq.ParquetFile(self.folder / table / name).read()
            found += [(*row.values(), *partition) for row in read.to_pylist()]
        return sorted(found, key=lambda row: tuple((cell is None, cell) for cell in row))


Load = Callable[..., Loaded]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Runs the steps of a load one after the other, without Spark: files by name to their text."""
    count = 0

    def run(
        files: dict[str, str | bytes], *, form: str = "auto", counts: bool = False,
        missing: tuple[str, ...] = ("", "NA"), drop_zeros: bool = False, id_type: str = "auto",
        annotation_columns: tuple[str, ...] = (), annotation: str | None = None, buckets: int = 3, parallelism: int = 2,
        piece_bytes: int | None = None, sizes: Sizes = Sizes(),  # noqa: B008 - frozen
    ) -> Loaded:  # fmt: skip
        nonlocal count
        count += 1
        folder = tmp_path / f"load{count}"
        tables = {table: str(folder / table) for table in TABLES}
        for path in (*tables.values(), str(folder / "scratch")):
            Path(path).mkdir(parents=True)
        given = [write_file(folder, name, text) for name, text in files.items()]
        found, sources = plan_sources([InputFile(path.name, str(path)) for path in given], form, annotation_columns)
        faults = Faults()
        target = None
        if annotation is not None:
            target = str(folder / "scratch/annotation.arrow")
            source = write_file(folder, "annotation", annotation)
            faults.merge(load_annotation(AnnotationTask(str(source), source.name, id_type, target)))
        plan_path = str(folder / "scratch/plan")
        rules = ValueRules(counts, missing, drop_zeros)
        write_plan(
            TaskPlan(found, sources, rules, id_type, buckets, target, str(folder / "scratch"), tables, sizes), plan_path
        )
        pieces = []
        for index, each in enumerate(sources):
            cut = [whole_piece(each.file)]
            if piece_bytes and not each.file.is_gzip:
                cut = build_pieces([scan_block(block) for block in cut_blocks(each.file, piece_bytes)])
            pieces += [(index, piece) for piece in cut]
        shuffled = [
            shuffle_pieces(ShuffleTask(number, plan_path, group))
            for number, group in enumerate(group_pieces(pieces, 0 if found == "matrix" else 400))
        ]
        for result in shuffled:
            faults.merge(result.faults)
        faults.merge(validate_kinds((result.kinds for result in shuffled), id_type))
        write_samples(plan_path, [result.path for result in shuffled])
        loaded = Loaded(folder, faults)
        for result in shuffled:
            loaded.blank.merge(result.blank)
        results = [load_buckets(task) for task in plan_buckets(plan_path, shuffled, parallelism)]
        for result in results:
            faults.merge(result.faults)
            loaded.unannotated += result.unannotated
            for table, names in result.files.items():
                loaded.files.setdefault(table, []).extend(names)
        loaded.files |= write_reference_tables(ReferenceTask(plan_path, tuple(each.features_file for each in results)))
        return loaded

    return run


def write_file(folder: Path, name: str, text: str | bytes) -> Path:
    """A file in `folder`: gzip if its name says so."""
    data = text.encode() if isinstance(text, str) else text
    path = folder / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") and not data.startswith(b"\x1f\x8b") else data)
    return path
