"""The allele table of a block of lines: one row per ALT allele, its normal form, its type and its frequencies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from common.vcf import schema
from common.vcf.genotypes import Copies
from common.vcf.lines import LineBlock, LineFaults, Positions
from common.vcf.sites import Sites, info_values, is_number, parse_floats

ALLELE_TYPES = pa.array(["SNP", "Ins", "Del", "Mixed"])
SNP, INS, DEL, MIXED = range(4)


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


def build_ids(sites: Sites) -> AlleleIds:
    """`<chr>_<pos>_<ref>_<alt>`, and for the locus the first ALT that is an allele.

    Readers split an id at `_` into four, so within its parts `_` becomes `-`.
    """
    line = pa.array(sites.alt_line)
    alt = pc.replace_substring(sites.alt, "_", "-")
    pos = pa.array(sites.pos).cast(pa.string())
    a_id = pc.binary_join_element_wise(sites.chr_id.take(line), pos.take(line), sites.ref.take(line), alt, "_")
    made = np.flatnonzero(sites.is_allele)
    lines, first = np.unique(sites.alt_line[made], return_index=True)
    locus = np.full(len(sites.pos), -1)
    locus[lines] = made[first]
    return AlleleIds(a_id, a_id.take(pa.array(locus, mask=locus < 0)))


def build_alleles(
    sites: Sites, ids: AlleleIds, copies: Copies, samples: int, worst_effect: pa.Array, gnomad: pa.Array
) -> pa.Table:
    """Rows of `schema.ALLELE_PART`, one per ALT allele that is an allele. `worst_effect` and `gnomad` have a value per
    ALT."""
    made = np.flatnonzero(sites.is_allele)
    line = sites.alt_line[made]
    normal = normalise(
        sites.ref.take(pa.array(line)), sites.alt.take(pa.array(made)), sites.pos[line], sites.is_bases[made]
    )
    last = sites.pos[line] + np.asarray(pc.binary_length(sites.ref))[line] - 1
    called, missing, alt = copies.called[line], copies.missing[line], copies.alt[made]
    alleles, lines = pa.array(made), pa.array(line)
    columns = [
        ids.a_id.take(alleles), ids.locus_id.take(lines), sites.rsids.take(lines), sites.chr.take(lines),
        sites.pos[line], np.where(sites.is_bases[made], last, sites.end[line]), sites.ref.take(lines),
        sites.alt.take(alleles), normal.pos, normal.end, normal.ref, normal.alt, sites.qual.take(lines),
        sites.filter.take(lines), ALLELE_TYPES.take(pa.array(normal.type)), worst_effect.take(alleles),
        gnomad.take(alleles), ratio(alt, called), ratio(copies.ref[line], called), ratio(missing, called + missing),
        ratio(copies.alt_samples[made], np.full(len(made), samples)), copies.alt_samples[made], alt,
        copies.ref[line], missing, sites.pos[line] // schema.BIN_WIDTH, called,
    ]  # fmt: skip
    arrays = [pa.array(values).cast(of.type) for values, of in zip(columns, schema.ALLELE_PART, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema.ALLELE_PART)


def ratio(part: Positions, whole: Positions) -> pa.Array:
    """`part / whole`, null where the whole is nothing."""
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


def parse_frequencies(block: LineBlock, sites: Sites, key: str | None, found: LineFaults) -> pa.Array:
    """The INFO field `key` per ALT allele: Number=A, or one value for all; null where it is absent."""
    absent = pa.nulls(len(sites.alt), pa.float64())
    if key is None:
        return absent
    stated = info_values(sites.info, key)
    lines = np.flatnonzero(np.asarray(stated.is_valid()))
    if not len(lines):
        return absent
    lists = pc.split_pattern(stated.take(pa.array(lines)), ",")
    counts, values = np.asarray(pc.list_value_length(lists)), lists.flatten()
    wanted = np.diff(sites.first_alt)[lines]
    missing = pc.equal(values, ".")
    number = np.asarray(pc.or_(missing, is_number(values)))
    wrong = ((counts != wanted) & (counts != 1)) | (np.add.reduceat(~number, np.cumsum(counts) - counts) > 0)
    if wrong.any():
        text = "not a number for each ALT allele"
        found.add(block.numbers[lines[wrong]], 206, f"INFO/{key}", text, stated.take(pa.array(lines[wrong])))
        return absent
    numbers = parse_floats(pc.if_else(missing, pa.scalar(None, pa.string()), values))
    of_line = np.full(len(block), -1)
    of_line[lines] = np.arange(len(lines))
    entry = of_line[sites.alt_line]
    within = np.arange(len(sites.alt)) - sites.first_alt[sites.alt_line]
    first = (np.cumsum(counts) - counts)[entry]
    element = first + np.where(counts[entry] == 1, 0, within)
    return numbers.take(pa.array(element, mask=entry < 0))
