"""The allele table of a block of lines: one row per ALT allele, its normal form, its type and its frequencies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Set
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from apps.genetic_variant_assay_loader import schema
from common.errors import Rule
from common.genome import BIN_WIDTH
from common.vcf.genotypes import AlleleCounts
from common.vcf.header import VcfHeader
from common.vcf.lines import LineBlock, LineFaults, Mask, Positions
from common.vcf.sites import Sites, info_values, is_number, parse_floats

ALLELE_TYPES = pa.array(["SNP", "Ins", "Del", "Mixed"])
SNP, INS, DEL, MIXED = range(4)
_LENGTH = r"^-?\d{1,10}$"  # below zero as versions before 4.4 wrote it of deletions


@dataclass(frozen=True, slots=True)
class AlleleIds:
    """Ids of the block: `a_id` per ALT allele, `locus_id` per line (null where a line has no locus)."""

    a_id: pa.Array
    locus_id: pa.Array


@dataclass(frozen=True, slots=True)
class NormalForm:
    """Alleles without the bases that REF and ALT share at their ends; `type` is an index into `ALLELE_TYPES`."""

    pos: Positions
    end: Positions
    ref: pa.Array
    alt: pa.Array
    type: npt.NDArray[np.int64]


def build_ids(sites: Sites, earlier: Set[str]) -> AlleleIds:
    """`<chr>_<pos>_<ref>_<alt>`, and for the locus the first ALT that is an allele.

    Readers split an id at `_` into four, so within its parts `_` becomes `-`. A position may have a symbolic allele
    several times: the second ends in `-2`, and so on, `earlier` ids of the position before this block counted in.
    """
    line = pa.array(sites.alt_line)
    alt = pc.replace_substring(sites.alt, "_", "-")
    pos = pa.array(sites.pos).cast(pa.string())
    a_id = pc.binary_join_element_wise(sites.chr_id.take(line), pos.take(line), sites.ref.take(line), alt, "_")
    a_id = _number_repeats(a_id, sites.is_symbolic, earlier)
    made = np.flatnonzero(sites.is_allele)
    lines, first = np.unique(sites.alt_line[made], return_index=True)
    locus = np.full(len(sites.pos), -1)
    locus[lines] = made[first]
    return AlleleIds(a_id, a_id.take(pa.array(locus, mask=locus < 0)))


def _number_repeats(a_id: pa.Array, symbolic: Mask, earlier: Set[str]) -> pa.Array:
    if not symbolic.any():
        return a_id
    seen = Counter(each.rpartition(">")[0] for each in earlier)
    numbered = []
    for each in a_id.filter(pa.array(symbolic)).to_pylist():
        name = each.rpartition(">")[0]
        seen[name] += 1
        numbered.append(each if seen[name] == 1 else f"{each}-{seen[name]}")
    return pc.replace_with_mask(a_id, pa.array(symbolic), pa.array(numbered))


def build_alleles(
    sites: Sites, ids: AlleleIds, copies: AlleleCounts, samples: int, ends: Positions, worst_effect: pa.Array,
    gnomad: pa.Array,
) -> pa.Table:  # fmt: skip
    """Rows of `schema.ALLELE_PART`, one per ALT allele that is an allele. `ends`, `worst_effect` and `gnomad` have a
    value per ALT."""
    made = np.flatnonzero(sites.is_allele)
    line = sites.alt_line[made]
    normal = normalise(
        sites.ref.take(pa.array(line)), sites.alt.take(pa.array(made)), sites.pos[line], sites.is_bases[made]
    )
    called, missing, alt = copies.called[line], copies.missing[line], copies.alt[made]
    alleles, lines = pa.array(made), pa.array(line)
    columns = [
        ids.a_id.take(alleles), ids.locus_id.take(lines), sites.rsids.take(lines), sites.chr.take(lines),
        sites.pos[line], pa.array(ends[made], mask=ends[made] < 0), sites.ref.take(lines), sites.alt.take(alleles),
        normal.pos, normal.end, normal.ref, normal.alt, sites.qual.take(lines),
        sites.filter.take(lines), ALLELE_TYPES.take(pa.array(normal.type)), worst_effect.take(alleles),
        gnomad.take(alleles), ratio(alt, called), ratio(copies.ref[line], called), ratio(missing, called + missing),
        ratio(copies.alt_samples[made], np.full(len(made), samples)), copies.alt_samples[made], alt,
        copies.ref[line], missing, sites.pos[line] // BIN_WIDTH, called,
    ]  # fmt: skip
    arrays = [pa.array(values).cast(of.type) for values, of in zip(columns, schema.ALLELE_PART, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema.ALLELE_PART)


def ratio(part: Positions, whole: Positions) -> pa.Array:
    """`part / whole`, null where `whole` is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return pa.array(part / whole, mask=whole == 0)


def normalise(ref: pa.Array, alt: pa.Array, pos: Positions, is_bases: npt.NDArray[np.bool_]) -> NormalForm:
    """Trims the shared suffix, then the shared prefix, and keeps at least one base of each.

    No reference is read, so nothing is shifted to the left. Symbolic alleles and breakends stay as they are.
    """
    ref_bytes, ref_start, ref_end = _spans(ref)
    alt_bytes, alt_start, alt_end = _spans(alt)
    for step in (-1, 1):
        active = np.flatnonzero(is_bases & (ref_end - ref_start > 1) & (alt_end - alt_start > 1))
        while len(active):
            one = ref_bytes[ref_end[active] - 1 if step < 0 else ref_start[active]]
            other = alt_bytes[alt_end[active] - 1 if step < 0 else alt_start[active]]
            active = active[one == other]
            for edges in (ref_end, alt_end) if step < 0 else (ref_start, alt_start):
                edges[active] += step
            active = active[(ref_end - ref_start > 1)[active] & (alt_end - alt_start > 1)[active]]
    trimmed = pos + ref_start - _spans(ref)[1]
    ref_length, alt_length = ref_end - ref_start, alt_end - alt_start
    first_same = ref_bytes[ref_start] == alt_bytes[alt_start]
    type_ = np.select(
        [~is_bases, (ref_length == 1) & (alt_length == 1), (ref_length == 1) & first_same,
         (alt_length == 1) & first_same],
        [MIXED, SNP, INS, DEL], MIXED,
    )  # fmt: skip
    return NormalForm(
        trimmed, trimmed + ref_length - 1, _slices(ref_bytes, ref_start, ref_end),
        _slices(alt_bytes, alt_start, alt_end), type_,
    )  # fmt: skip


def _spans(texts: pa.Array) -> tuple[npt.NDArray[np.uint8], Positions, Positions]:
    """The bytes of a string array and where each string starts and ends in them."""
    _, offsets, data = texts.buffers()
    edges = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    return np.frombuffer(data or b"", np.uint8), edges[:-1].copy(), edges[1:].copy()


def _slices(data: npt.NDArray[np.uint8], start: Positions, end: Positions) -> pa.Array:
    lengths = end - start
    edges = np.concatenate(([0], np.cumsum(lengths)))
    picked = data[np.repeat(start - edges[:-1], lengths) + np.arange(edges[-1])]
    return pa.StringArray.from_buffers(len(start), pa.py_buffer(edges.astype(np.int32)), pa.py_buffer(picked))


def parse_ends(block: LineBlock, sites: Sites, header: VcfHeader, found: LineFaults) -> Positions:
    """The last base of the reference that each ALT allele stands for.

    VCF 4.4, section 3: that of REF for bases, breakends and `<INS>`; POS + SVLEN for `<DEL>`, `<DUP>`, `<INV>`, `<CNV>`.
    Other symbolic alleles, and these without SVLEN, have INFO/END. Up to 4.3 INFO/END comes first where a symbolic
    allele is alone on its line, as SVLEN was another thing then: a difference of lengths, of an inversion 0. -1 where one of
    the four has neither: its end is not known.
    """
    last = sites.pos + np.asarray(pc.binary_length(sites.ref)) - 1
    ends: Positions = last[sites.alt_line]
    if not sites.is_symbolic.any():
        return ends
    at = np.flatnonzero(sites.is_symbolic)
    line, alt = sites.alt_line[at], sites.alt.take(pa.array(at))
    defined = np.where(np.asarray(pc.match_substring_regex(alt, r"^<INS[:>]")), ends[at], -1)
    stated = sites.stated_end[line]
    is_stated = (stated >= 0) & (header.version < "4.4") & (np.diff(sites.first_alt)[line] == 1)
    spans = np.asarray(pc.match_substring_regex(alt, r"^<(DEL|DUP|INV|CNV)[:>]"))
    spanning = spans & ~is_stated
    if spanning.any():
        length = _allele_values(
            block, sites, np.unique(line[spanning]), "SVLEN", lambda values: pc.match_substring_regex(values, _LENGTH),
            "not a length for each ALT allele", found,
        )  # fmt: skip
        given = length.take(pa.array(at))
        known = spanning & np.asarray(given.is_valid())
        lengths = np.abs(np.asarray(pc.fill_null(given, "0").cast(pa.int64())))
        defined = np.where(known, sites.pos[line] + lengths, defined)
    first, second = np.where(is_stated, (stated, defined), (defined, stated))
    unknown = spans & (first < 0) & (second < 0)
    found.remark(
        block.numbers[np.unique(line[unknown])], "an allele has neither INFO/END nor SVLEN; its end_pos is null"
    )
    ends[at] = np.where(unknown, -1, np.where(first >= 0, first, np.where(second >= 0, second, ends[at])))
    return ends


def parse_frequencies(block: LineBlock, sites: Sites, key: str | None, found: LineFaults) -> pa.Array:
    """The INFO field `key` as a number per ALT allele."""
    if key is None:
        return pa.nulls(len(sites.alt), pa.float64())
    lines = np.arange(len(block))
    return parse_floats(_allele_values(block, sites, lines, key, is_number, "not a number for each ALT allele", found))


def _allele_values(
    block: LineBlock, sites: Sites, lines: Positions, key: str, is_value: Callable[[pa.Array], pa.Array], text: str,
    found: LineFaults,
) -> pa.Array:  # fmt: skip
    """The INFO field `key` of these lines as text per ALT allele: Number=A, or one value for all; null where it is
    absent. Lines where it is neither, or a value is none, are faults 206 of this `text`."""
    absent = pa.nulls(len(sites.alt), pa.string())
    stated = info_values(sites.info.take(pa.array(lines)), key)
    lines, stated = lines[np.asarray(stated.is_valid())], stated.drop_null()
    if not len(lines):
        return absent
    lists = pc.split_pattern(stated, ",")
    counts, values = np.asarray(pc.list_value_length(lists)), lists.flatten()
    wanted = np.diff(sites.first_alt)[lines]
    missing = pc.equal(values, ".")
    good = np.asarray(pc.or_(missing, is_value(values)))
    wrong = ((counts != wanted) & (counts != 1)) | (np.add.reduceat(~good, np.cumsum(counts) - counts) > 0)
    if wrong.any():
        found.add(block.numbers[lines[wrong]], Rule.VCF_VALUE, f"INFO/{key}", text, stated.filter(pa.array(wrong)))
        return absent
    of_line = np.full(len(block), -1)
    of_line[lines] = np.arange(len(lines))
    entry = of_line[sites.alt_line]
    within = np.arange(len(sites.alt)) - sites.first_alt[sites.alt_line]
    first = (np.cumsum(counts) - counts)[entry]
    element = first + np.where(counts[entry] == 1, 0, within)
    values = pc.if_else(missing, pa.scalar(None, pa.string()), values)
    return values.take(pa.array(element, mask=entry < 0))
