"""The door for tasks: a block of VCF lines to the rows of the assay's tables, its faults, and what its lines say of
order."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

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
from apps.genetic_variant_assay_loader.genotype_table import build_genotypes
from apps.genetic_variant_assay_loader.order import Run, check_order, find_repeats
from common.errors import Rule
from common.vcf.genotypes import HALF, NO_CALL, REF, parse_genotypes
from common.vcf.header import VcfHeader
from common.vcf.lines import LineBlock, LineFaults, Mask, split_lines
from common.vcf.sites import Sites, parse_sites


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
    runs: tuple[Run, ...]
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


def parse_block(text: bytes, first: int, runs: tuple[Run, ...], reading: Reading, found: LineFaults) -> BlockTables:
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
    found.remark(repeats, "lines that are wholly equal to an earlier one were counted once")
    if tables is not None:
        return tables
    return BlockTables({}, schema.ALLELE_PART.empty_table(), schema.ANNOTATION.empty_table(), runs, lines, 0)


def _parse_lines(
    block: LineBlock, lines: int, runs: tuple[Run, ...], reading: Reading, found: LineFaults
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
