"""What one task does: reads its pieces once, writes Parquet, and returns figures and faults of a few kilobytes."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Set
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.genetic_variant_assay_loader import schema
from apps.genetic_variant_assay_loader.allele_table import (
    AlleleIds,
    build_alleles,
    build_ids,
    parse_ends,
    parse_frequencies,
)
from apps.genetic_variant_assay_loader.annotation import (
    AnnotationScheme,
    annotation_scheme,
    note_unread,
    parse_annotations,
    unread_annotations,
)
from apps.genetic_variant_assay_loader.genotype_table import KINDS, build_genotypes
from apps.genetic_variant_assay_loader.order import ContigRun, check_order, find_repeats
from apps.genetic_variant_assay_loader.parts import TableParts
from common.errors import Rule
from common.faults import Faults
from common.scan.files import locate
from common.scan.parquet import part_name
from common.vcf.container import VcfPiece, read_vcf_file, read_vcf_lines
from common.vcf.genotypes import HALF, NO_CALL, REF, parse_genotypes
from common.vcf.header import VcfHeader
from common.vcf.lines import LineBlock, LineFaults, Mask, Remarks, add_remarks, split_lines
from common.vcf.sites import Sites, parse_sites

BLOCK_BYTES = 8 << 20
"""Text parsed at once. A call of four bytes takes some 30 bytes while it is parsed, whatever the number of lines."""

_BLOCK_BYTES_ALL_KINDS = 2 << 20
"""The same where each call makes a row."""


@dataclass(frozen=True, slots=True)
class VariantTask:
    """Consecutive pieces of files of one sample group, and the `folders` for genotypes, alleles, annotations and the
    quarantine. Only the first group has annotations, and only a permissive run a quarantine. `is_part` if the alleles are
    yet to be added up over groups; `is_partitioned` if the tables are laid out in folders by contig and bin. Lines with a
    `missed` allele are set aside."""

    number: int
    group: int
    pieces: tuple[VcfPiece, ...]
    stored: tuple[bool, bool, bool]
    gnomad_field: str | None
    folders: Mapping[str, str]
    is_part: bool = False
    is_partitioned: bool = False
    missed: frozenset[str] = frozenset()
    annotation_field: str | None = None


@dataclass(frozen=True, slots=True)
class PieceResult:
    """What a piece held: all its lines, the good records, its order, and faults and remarks with lines counted from 1
    within the piece."""

    piece: VcfPiece
    lines: int
    records: int
    runs: tuple[ContigRun, ...]
    faults: Faults
    remarks: Remarks


@dataclass
class TaskResult:
    """Files written and rows in them by table, rows of genotypes by kind, and lines that were set aside."""

    task: VariantTask
    pieces: list[PieceResult] = field(default_factory=list)
    files: dict[str, list[str]] = field(default_factory=dict)
    rows: Counter[str] = field(default_factory=Counter)
    set_aside: int = 0
    quarantine: str | None = None


def load_task(task: VariantTask) -> TaskResult:
    """Reads the pieces of a task. Plain Python: it runs the same in a test as in Spark. Raises `AppError` 213."""
    result = TaskResult(task)
    with _Output(task) as output:
        for piece in task.pieces:
            result.pieces.append(_load_piece(piece, task, output, result))
    result.files = output.files()
    result.quarantine = output.quarantine_name
    return result


def _load_piece(piece: VcfPiece, task: VariantTask, output: _Output, result: TaskResult) -> PieceResult:
    reading = _reading(piece, task)
    runs: tuple[ContigRun, ...] = ()
    lines, records, faults = 0, 0, Faults()
    remarks: Remarks = {}
    for text in read_vcf_lines(piece, _BLOCK_BYTES_ALL_KINDS if any(task.stored) else BLOCK_BYTES):
        found = LineFaults(piece.file)
        block = parse_block(text, lines + 1, runs, reading, found)
        output.add(block, result.rows)
        if found.bad and "quarantine" in task.folders:
            output.set_aside(piece, text, lines + 1, found)
            result.set_aside += len(found.bad)
        faults.merge(found.faults)
        add_remarks(remarks, found.remarks)
        runs, lines, records = block.runs, lines + block.lines, records + block.records
    return PieceResult(piece, lines, records, runs, faults, remarks)


def _reading(piece: VcfPiece, task: VariantTask) -> Reading:
    """How to read the piece, by its file's own header: cheaper to read again than to send to every task."""
    file, found = read_vcf_file(piece.file, piece.path, None)  # the plan has found it small enough
    if file is None:
        found.faults.raise_if_any("The load")
        raise AssertionError("a header without faults was read")
    return reading_of(
        file.header, *task.stored, gnomad_field=task.gnomad_field, missed=task.missed,
        annotates="annotation" in task.folders, annotation_field=task.annotation_field,
    )  # fmt: skip


class _Output:
    """The files of one task: per table and kind of genotype, opened when there is a first row."""

    def __init__(self, task: VariantTask) -> None:
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
        for name, table in (*block.genotypes.items(), ("allele", alleles), ("annotation", block.annotations)):
            folder = task.folders.get("genotype" if name in KINDS else name)
            if folder and table.num_rows:
                self._add(name, folder, table)
                rows[name] += table.num_rows

    def _add(self, name: str, folder: str, table: pa.Table) -> None:
        if name not in self._parts:
            is_partitioned = self._task.is_partitioned and not (name == "allele" and self._task.is_part)
            columns = schema.GENOTYPE if name in KINDS else table.schema
            parts = TableParts(folder, self._task.number, columns, is_partitioned)
            self._parts[name] = self._closing.enter_context(parts)
        self._parts[name].add(table)

    def set_aside(self, piece: VcfPiece, text: bytes, first: int, found: LineFaults) -> None:
        """Writes bad lines whole, with the number of the piece and the line within it."""
        if self._quarantine is None:
            self.quarantine_name = part_name(self._task.number).replace(".parquet", ".csv")
            filesystem, inner = locate(f"{self._task.folders['quarantine']}/{self.quarantine_name}")
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


@dataclass(frozen=True, slots=True)
class Reading:
    """How lines are to be read: by which header, which kinds of genotype are stored besides those with an allele, which
    INFO field, if any, is the gnomAD frequency, and the alleles whose lines are bad since pieces with other samples
    have none of them. `unread` are annotations to remark on, each with the reason."""

    header: VcfHeader
    annotation: AnnotationScheme | None
    unread: Mapping[str, str]
    samples: pa.Array
    keep: Mask
    gnomad_field: str | None = None
    missed: pa.Array | None = None


@dataclass(frozen=True, slots=True)
class BlockTables:
    """What a block gave: rows, and how many lines it had, `records` of them good."""

    genotypes: dict[str, pa.Table]
    alleles: pa.Table
    annotations: pa.Table
    runs: tuple[ContigRun, ...]
    lines: int
    records: int


def reading_of(
    header: VcfHeader, ref: bool = False, halfref: bool = False, nocall: bool = False, gnomad_field: str | None = None,
    missed: Set[str] = frozenset(), annotates: bool = True, annotation_field: str | None = None,
) -> Reading:  # fmt: skip
    """How to read files with this header; the three flags say which calls without an allele are stored, `annotates` whether
    annotations are read, and `annotation_field` from where, if not by the rule of `annotation_scheme`."""
    keep = np.zeros(6, np.bool_)
    keep[[REF, HALF, NO_CALL]] = ref, halfref, nocall
    scheme = annotation_scheme(header, annotation_field) if annotates else None
    return Reading(header, scheme, unread_annotations(header, scheme) if annotates else {},
                   pa.array(header.samples, pa.string()), keep, gnomad_field,
                   pa.array(sorted(missed)) if missed else None)  # fmt: skip


def parse_block(
    text: bytes, first: int, runs: tuple[ContigRun, ...], reading: Reading, found: LineFaults
) -> BlockTables:
    """Rows of the lines without a fault. Faults go to `found`, all that can be known: a line with one is left out and
    the rest is read again, which costs only where there are faults. `first` numbers the first line, `runs` is the order
    so far."""
    block, lines = split_lines(text, first, reading.header.columns, found)
    tables: BlockTables | None = None
    while tables is None and len(block):
        bad = len(found.bad)
        found.remarks.clear()
        tables = _parse_lines(block, lines, runs, reading, found)
        if len(found.bad) > bad:
            tables = None
        if tables is None:
            block = block.take(~np.isin(block.numbers, [*found.bad, *found.repeats]))
    repeats = np.array(sorted(found.repeats - found.bad.keys()), np.int64)
    found.remark(repeats, "lines equal to an earlier line were loaded once")
    if tables is not None:
        return tables
    return BlockTables({}, schema.ALLELE_PART.empty_table(), schema.ANNOTATION.empty_table(), runs, lines, 0)


def _parse_lines(
    block: LineBlock, lines: int, runs: tuple[ContigRun, ...], reading: Reading, found: LineFaults
) -> BlockTables | None:
    """The rows, or None as soon as a stage has found faults."""
    bad = len(found.bad)
    sites = parse_sites(block, reading.header, found)
    if len(found.bad) > bad:
        return None
    if repeats := find_repeats(runs, block, sites):
        found.repeats |= repeats
        return None
    ids = build_ids(sites, runs[-1].last_alleles if runs else frozenset())
    if reading.missed is not None:
        _mark_missed(block, sites, ids, reading.missed, found)
    runs = check_order(runs, block, sites, ids, found)
    if len(found.bad) > bad:
        return None
    calls, copies = parse_genotypes(block, sites, reading.keep, found)
    genotypes = build_genotypes(block, sites, ids, calls, reading.samples, found)
    ends = parse_ends(block, sites, reading.header, found)
    gnomad = parse_frequencies(block, sites, reading.gnomad_field, found)
    annotations, effects = parse_annotations(block, sites, ids, reading.annotation, found)
    note_unread(block, sites, reading.unread, found)
    if len(found.bad) > bad:
        return None
    alleles = build_alleles(sites, ids, copies, len(reading.samples), ends, effects, gnomad)
    return BlockTables(genotypes, alleles, annotations, runs, lines, len(block))


def _mark_missed(block: LineBlock, sites: Sites, ids: AlleleIds, missed: pa.Array, found: LineFaults) -> None:
    at = np.flatnonzero(np.asarray(pc.is_in(ids.a_id, missed)) & sites.is_allele)
    lines, first = np.unique(sites.alt_line[at], return_index=True)
    text = "not in a piece with other samples, from which lines were set aside"
    found.add(block.numbers[lines], Rule.PIECES_DISAGREE, "ALT", text, ids.a_id.take(pa.array(at[first])))
