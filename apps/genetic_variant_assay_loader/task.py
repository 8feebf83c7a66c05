"""What one task does: reads its pieces once, writes Parquet, and returns figures and faults of a few kilobytes."""

from __future__ import annotations

import csv
import io
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from apps.genetic_variant_assay_loader import schema
from apps.genetic_variant_assay_loader.block import BlockTables, Reading, parse_block, reading_of
from apps.genetic_variant_assay_loader.genotype_table import KINDS
from apps.genetic_variant_assay_loader.order import Run
from apps.genetic_variant_assay_loader.parts import TableParts
from common.faults import Faults
from common.scan.files import locate
from common.scan.parquet import part_name
from common.vcf.container import Piece, read_lines, read_vcf_file
from common.vcf.lines import LineFaults, Remarks, add_remarks

BLOCK_BYTES = 8 << 20
"""Text parsed at once. A call of four bytes takes some 30 bytes while it is parsed, whatever the number of lines."""

_BLOCK_BYTES_ALL_KINDS = 2 << 20
"""The same where each call makes a row."""


@dataclass(frozen=True, slots=True)
class LoadTask:
    """Consecutive pieces of files of one sample group, and the folders for what is made of them. `annotation_folder` is
    None for all groups but the first, whose annotations stand for all; `is_part` if the alleles are yet to be added up
    over groups; `is_partitioned` if the tables are laid out in folders by contig and bin. Lines with a `missed` allele
    are set aside."""

    number: int
    group: int
    pieces: tuple[Piece, ...]
    stored: tuple[bool, bool, bool]
    gnomad_field: str | None
    genotype_folder: str
    allele_folder: str
    annotation_folder: str | None
    quarantine_folder: str | None
    is_part: bool
    is_partitioned: bool = False
    missed: frozenset[str] = frozenset()
    annotation_field: str | None = None


@dataclass(frozen=True, slots=True)
class PieceResult:
    """What a piece held: all its lines, the good records, its order, and faults and remarks with lines counted from 1
    within the piece."""

    piece: Piece
    lines: int
    records: int
    runs: tuple[Run, ...]
    faults: Faults
    remarks: Remarks


@dataclass
class TaskResult:
    """Files written and rows in them by table, rows of genotypes by kind, and lines that were set aside."""

    task: LoadTask
    pieces: list[PieceResult] = field(default_factory=list)
    files: dict[str, list[str]] = field(default_factory=dict)
    rows: Counter[str] = field(default_factory=Counter)
    set_aside: int = 0
    quarantine: str | None = None


def load_task(task: LoadTask) -> TaskResult:
    """Reads the pieces of a task. Plain Python: it runs the same in a test as in Spark. Raises `AppError` 213."""
    result = TaskResult(task)
    with _Output(task) as output:
        for piece in task.pieces:
            result.pieces.append(_load_piece(piece, task, output, result))
    result.files = output.files()
    result.quarantine = output.quarantine_name
    return result


def _load_piece(piece: Piece, task: LoadTask, output: _Output, result: TaskResult) -> PieceResult:
    reading = _reading(piece, task)
    runs: tuple[Run, ...] = ()
    lines, records, faults = 0, 0, Faults()
    remarks: Remarks = {}
    for text in read_lines(piece, _BLOCK_BYTES_ALL_KINDS if any(task.stored) else BLOCK_BYTES):
        found = LineFaults(piece.file)
        block = parse_block(text, lines + 1, runs, reading, found)
        output.add(block, result.rows)
        if found.bad and task.quarantine_folder:
            output.set_aside(piece, text, lines + 1, found)
            result.set_aside += len(found.bad)
        faults.merge(found.faults)
        add_remarks(remarks, found.remarks)
        runs, lines, records = block.runs, lines + block.lines, records + block.records
    return PieceResult(piece, lines, records, runs, faults, remarks)


def _reading(piece: Piece, task: LoadTask) -> Reading:
    """How to read the piece, by its file's own header: cheaper to read again than to send to every task."""
    file, found = read_vcf_file(piece.file, piece.path, None)  # the plan has found it small enough
    if file is None:
        found.faults.raise_if_any("The load")
        raise AssertionError("a header without faults was read")
    return reading_of(
        file.header, *task.stored, gnomad_field=task.gnomad_field, missed=task.missed,
        annotates=task.annotation_folder is not None, annotation_field=task.annotation_field,
    )  # fmt: skip


class _Output:
    """The files of one task: per table and kind of genotype, opened when there is a first row."""

    def __init__(self, task: LoadTask) -> None:
        self._task = task
        self._parts: dict[str, TableParts] = {}
        self._closing = ExitStack()
        self._quarantine: pa.NativeFile | None = None
        self.quarantine_name: str | None = None

    def __enter__(self) -> _Output:
        return self

    def __exit__(self, *raised: object) -> None:
        self._closing.__exit__(*raised)  # type: ignore[arg-type]  # the three of the protocol

    def add(self, block: BlockTables, rows: Counter[str]) -> None:
        """Takes in a block's rows and counts them."""
        task = self._task
        alleles = block.alleles.select(schema.ALLELE.names)
        if task.is_part:
            group = pa.array(np.full(block.alleles.num_rows, task.group, np.int32))
            alleles = block.alleles.append_column(schema.GROUP, group)
        for kind, table in block.genotypes.items():
            self._add(kind, task.genotype_folder, table, schema.GENOTYPE, rows)
        self._add("allele", task.allele_folder, alleles, alleles.schema, rows)
        if task.annotation_folder:
            self._add("annotation", task.annotation_folder, block.annotations, schema.ANNOTATION, rows)

    def _add(self, name: str, folder: str, table: pa.Table, columns: pa.Schema, rows: Counter[str]) -> None:
        if not table.num_rows:
            return
        if name not in self._parts:
            is_partitioned = self._task.is_partitioned and not (name == "allele" and self._task.is_part)
            parts = TableParts(folder, self._task.number, columns, is_partitioned)
            self._parts[name] = self._closing.enter_context(parts)
        self._parts[name].add(table)
        rows[name] += table.num_rows

    def set_aside(self, piece: Piece, text: bytes, first: int, found: LineFaults) -> None:
        """Writes bad lines whole, with the number of the piece and the line within it."""
        if self._quarantine is None:
            self.quarantine_name = part_name(self._task.number).replace(".parquet", ".csv")
            filesystem, inner = locate(f"{self._task.quarantine_folder}/{self.quarantine_name}")
            self._quarantine = self._closing.enter_context(filesystem.open_output_stream(inner))
        lines = text.split(b"\n")
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        for number, reasons in sorted(found.bad.items()):
            codes, fields, texts = zip(*reasons, strict=True)
            record = lines[number - first].decode("utf-8", "replace").rstrip("\r")
            writer.writerow((
                piece.path, piece.number, piece.file, number, ";".join(map(str, codes)), ";".join(fields),
                "; ".join(texts), record,
            ))  # fmt: skip
        self._quarantine.write(out.getvalue().encode("utf-8"))

    def files(self) -> dict[str, list[str]]:
        """Names of the files written, by table."""
        tables: dict[str, list[str]] = {}
        for name, parts in self._parts.items():
            tables.setdefault("genotype" if name in KINDS else name, []).extend(parts.names)
        return tables
