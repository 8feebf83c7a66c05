"""The load: files cut into tasks, one pass over the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from apps.genetic_variant_assay_loader.plan import Plan
from apps.genetic_variant_assay_loader.task import PieceResult, TaskResult, VariantTask, load_task
from common.faults import Faults, counted
from common.job import Run
from common.platform import Staging
from common.tables.tasks import gather
from common.vcf.container import VcfFile, VcfPiece, cut_pieces, line_bases
from common.vcf.lines import Remarks, add_remarks

GENOTYPES, ALLELES, ANNOTATIONS = (
    "genotype_alt_read_optimized", "allele_read_optimized", "annotation_read_optimized",
)  # fmt: skip
TABLES = {"genotype": GENOTYPES, "allele": ALLELES, "annotation": ANNOTATIONS}

_TASKS_PER_CORE = 2
TASK_BYTES = (16 << 20, 256 << 20)
"""Least and most bytes of compressed VCF for one task."""

PARTITIONED_FROM_BYTES = 64 << 30
"""Bytes of compressed VCF from which tables are laid out in folders by contig and bin: some 10 MiB of genotypes in
each."""

_PLAIN_FACTOR = 4
"""Plain text weighs less by the byte than compressed text does: here as much as a quarter, measured in time to load."""


@dataclass
class Loads:
    """Results in the order of tasks, the staging place, true line numbers, the faults and remarks found so far."""

    staging: Staging
    is_partitioned: bool = False
    results: list[TaskResult] = field(default_factory=list)
    bases: dict[tuple[str, int], int] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    remarks: Remarks = field(default_factory=dict)

    def pieces(self) -> Iterator[PieceResult]:
        """All pieces, those of a file in order."""
        for result in self.results:
            yield from result.pieces

    @property
    def records(self) -> int:
        """Good data lines, those of sample groups counted each."""
        return sum(piece.records for piece in self.pieces())

    @property
    def set_aside(self) -> int:
        """Faulty data lines, those of sample groups counted each."""
        return sum(result.set_aside for result in self.results)

    @property
    def rows(self) -> Counter[str]:
        """Rows written by table, those of genotypes by kind."""
        return sum((result.rows for result in self.results), Counter())

    def files(self, table: str) -> list[str]:
        """Staged files of a table, by its short name."""
        return [name for result in self.results for name in result.files.get(table, [])]

    def by_file(self) -> dict[str, list[PieceResult]]:
        """The pieces of each file in order, by its path."""
        found: dict[str, list[PieceResult]] = {}
        for result in self.pieces():
            found.setdefault(result.piece.path, []).append(result)
        return found

    def base(self, piece: VcfPiece) -> int:
        """Lines of the file before the piece."""
        return self.bases[piece.path, piece.number]


def load_pieces(run: Run, plan: Plan, staging: Staging) -> Loads:
    """Loads all files into staged tables. Faults are gathered, not raised: the check adds its own."""
    loads = Loads(staging, _total(plan) >= PARTITIONED_FROM_BYTES)
    with run.progress.stage("load") as stage:
        loads.results = run.cluster.map(load_task, _build_tasks(run, plan, loads), "load")
        _resolve_lines(plan, loads)
        genotypes = sum(count for name, count in loads.rows.items() if name not in TABLES)
        stage.note(f"{counted(loads.records, 'record')}, {counted(genotypes, 'genotype')}")
    return loads


def reload_without(run: Run, plan: Plan, loads: Loads, missed: Mapping[int, Mapping[str, tuple[str, int]]]) -> None:
    """Loads again, with their lines set aside, what holds these alleles: by group, each with its contig and position."""
    again: dict[int, VariantTask] = {}
    for at, result in enumerate(loads.results):
        held = [each for piece in result.pieces for each in piece.runs]
        within = frozenset(
            a_id for a_id, (chr_, pos) in missed.get(result.task.group, {}).items()
            if any(each.chr == chr_ and each.first <= pos <= each.last for each in held)
        )  # fmt: skip
        if within:
            again[at] = replace(result.task, missed=within)
    for at, result in zip(again, run.cluster.map(load_task, list(again.values()), "again"), strict=True):
        loads.results[at] = result
    loads.faults, loads.remarks = Faults(), {}
    _resolve_lines(plan, loads)


def _resolve_lines(plan: Plan, loads: Loads) -> None:
    """What tasks count within their piece becomes a line of the file: the lines of earlier pieces are known only
    now."""
    by_file = loads.by_file()
    for group in plan.groups:
        for file in group.files:
            results = by_file[file.path]
            for result, base in zip(results, line_bases(file, [each.lines for each in results]), strict=True):
                loads.bases[file.path, result.piece.number] = base
                loads.faults.merge(_shifted(result.faults, base))
                remarks = {text: replace(each, line=(each.line or 0) + base) for text, each in result.remarks.items()}
                add_remarks(loads.remarks, remarks)


def _shifted(faults: Faults, lines: int) -> Faults:
    moved = {
        code: [replace(fault, line=(fault.line or 0) + lines) for fault in examples]
        for code, examples in faults.examples.items()
    }
    return Faults(dict(faults.counts), moved, faults.kinds)


def _build_tasks(run: Run, plan: Plan, loads: Loads) -> list[VariantTask]:
    """Consecutive pieces of a group in tasks of a bounded size, so that many small files make few Parquet files."""
    staging, total = loads.staging, _total(plan)
    least, most = TASK_BYTES
    target = min(max(total // (_TASKS_PER_CORE * run.cluster.parallelism) + 1, least), most) if total > least else most
    is_part = len(plan.groups) > 1
    folders = {
        "genotype": staging.table_folder(GENOTYPES), "annotation": staging.table_folder(ANNOTATIONS),
        "allele": staging.scratch_folder("alleles") if is_part else staging.table_folder(ALLELES),
    }  # fmt: skip
    if plan.quarantines:
        folders["quarantine"] = staging.scratch_folder("quarantine")
    tasks: list[VariantTask] = []
    for number, group in enumerate(plan.groups):
        own = folders if number == 0 else {name: folder for name, folder in folders.items() if name != "annotation"}
        for pieces in gather(_weighted(group.files, target), target):
            tasks.append(VariantTask(
                len(tasks), number, pieces, plan.stored, plan.gnomad_field, own, is_part, loads.is_partitioned,
                annotation_field=plan.annotation_field,
            ))  # fmt: skip
    return tasks


def _weighted(files: tuple[VcfFile, ...], target: int) -> Iterator[tuple[VcfPiece, int]]:
    for file in files:
        factor = _PLAIN_FACTOR if file.kind == "plain" else 1
        for piece in cut_pieces(file, target * factor):
            yield piece, (piece.end - piece.start) // factor


def _total(plan: Plan) -> int:
    return sum(_weight(file) for group in plan.groups for file in group.files)


def _weight(file: VcfFile) -> int:
    return file.size // (_PLAIN_FACTOR if file.kind == "plain" else 1)
