"""The fixed columns of VCF lines as typed values: where a line lies, which alleles it names, how its calls are laid
out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from common.errors import Rule
from common.genome import chromosome
from common.vcf.header import VcfHeader
from common.vcf.lines import LineBlock, LineFaults, Mask, Positions

_CHROM = re.compile(r"<?([0-9A-Za-z!#$%&*+./:;=?@^_|~-]+)>?")
_FORMAT_KEY = re.compile(r"[0-9A-Za-z_.]+")
_READ_KEYS = ("GT", "DP", "GQ")
_LIST = r"^(\.|[^\s;]+(;[^\s;]+)*)$"
_FILTER_MISPLACED = r"(^0$)|(^0;)|(;0;)|(;0$)|(^\.;)|(;\.;)|(;\.$)"
_BASES = r"(?i)^[ACGTN]+$"
_BASES_OF = {
    "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC", "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG",
}  # fmt: skip
_FIRST_BASES = str.maketrans({code: bases[0] for code, bases in _BASES_OF.items()})
_NUMBER = r"(?i)^[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|infinity|nan)$"
_SYMBOLIC = r"(?i)^[ACGTN]*<[^\s<>,]+>$"  # after bases: a contig of the assembly file inserted (VCF 4.2, section 5.4.2)
_BREAKEND = (
    r"(?i)^(\.[ACGTN]+|[ACGTN]+\.|[ACGTN]+\[[^\s\[\],]+:\d+\[|[ACGTN]+\][^\s\[\],]+:\d+\]"
    r"|\[[^\s\[\],]+:\d+\[[ACGTN]+|\][^\s\[\],]+:\d+\][ACGTN]+)$"
)
_NO_ALLELES = pa.array(["*", "<*>", "<NON_REF>"])


@dataclass(frozen=True, slots=True)
class CallLayout:
    """Per line, the places of GT, DP and GQ in FORMAT, from 0; -1 where FORMAT has no such key. `keys`: how many keys."""

    gt: Positions
    dp: Positions
    gq: Positions
    keys: Positions


@dataclass(frozen=True, slots=True)
class Sites:
    """The fixed columns of good lines. `alt…` arrays have a value per ALT allele of every line, in order; the alleles
    of line i are `first_alt[i]` to `first_alt[i + 1]`. `*`, `<*>` and `<NON_REF>` are among them, but not
    `is_allele`. `stated_end` is INFO/END, -1 where there is none."""

    chr: pa.Array
    chr_id: pa.Array
    pos: Positions
    stated_end: Positions
    ref: pa.Array
    rsids: pa.Array
    qual: pa.Array
    filter: pa.Array
    info: pa.Array
    layout: CallLayout
    alt: pa.Array
    alt_line: Positions
    first_alt: Positions
    is_allele: Mask
    is_bases: Mask
    is_symbolic: Mask


def parse_sites(block: LineBlock, header: VcfHeader, found: LineFaults) -> Sites:
    """Typed fixed columns of a block of at least one line. The values of lines marked bad are undefined."""
    chr_, limits = _parse_chrom(block, header.contigs, found)
    pos = _parse_pos(block, limits, found)
    ref = _parse_ref(block, found)
    alt, alt_line, first_alt, is_allele, is_bases, is_symbolic = _parse_alt(block, found)
    info = block.column(7)
    return Sites(
        chr_, pc.replace_substring(chr_, "_", "-"), pos, _parse_end(block, info, pos, found), ref,
        _parse_rsids(block, found), _parse_qual(block, found), _parse_filter(block, header.version < "4", found), info,
        _parse_format(block, found), alt, alt_line, first_alt, is_allele, is_bases, is_symbolic,
    )  # fmt: skip


def _mark(
    block: LineBlock, bad: Mask | pa.Array, code: Rule, name: str, text: str, values: pa.Array, found: LineFaults
) -> Mask:
    """Makes faults of the lines where `bad` is true, and returns it as NumPy."""
    mask: Mask = np.asarray(bad)
    if mask.any():
        at = np.flatnonzero(mask)
        found.add(block.numbers[at], code, name, text, values.take(pa.array(at)))
    return mask


def _unmatched(values: pa.Array, pattern: str) -> Mask:
    return ~np.asarray(pc.match_substring_regex(values, pattern))


def _distinct(values: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int32]]:
    encoded = values.dictionary_encode()
    return encoded.dictionary, np.asarray(encoded.indices)


def _parse_chrom(block: LineBlock, contigs: Mapping[str, int | None], found: LineFaults) -> tuple[pa.Array, Positions]:
    column = block.column(0)
    names, codes = _distinct(column)
    matches = [_CHROM.fullmatch(name) for name in names.to_pylist()]
    wrong = [match is None or (match[0][0] == "<") != (match[0][-1] == ">") for match in matches]
    _mark(block, np.array(wrong)[codes], Rule.LOCUS, "CHROM", "not a contig name", column, found)
    chromosomes = pa.array([chromosome(name) for name in names.to_pylist()], pa.string())
    lengths = [contigs.get(match[1]) if match else None for match in matches]
    # A telomere may stand one base after the end (VCF 4.2, section 1.4.1).
    limits = np.array([np.iinfo(np.int64).max if length is None else length + 1 for length in lengths])
    return chromosomes.take(pa.array(codes)), limits[codes]


def _parse_pos(block: LineBlock, limits: Positions, found: LineFaults) -> Positions:
    column = block.column(1)
    wrong = _unmatched(column, r"^\d{1,10}$")
    _mark(block, wrong, Rule.LOCUS, "POS", "not a whole number of zero or more", column, found)
    pos: Positions = np.asarray(pc.if_else(pa.array(wrong), "0", column).cast(pa.int64()))
    _mark(block, pos > limits, Rule.LOCUS, "POS", "after the end of the contig that the header gives", column, found)
    return pos


def _parse_ref(block: LineBlock, found: LineFaults) -> pa.Array:
    """REF in upper case; a code for several bases becomes the first of them, as VCF 4.3 (section 1.6.1) has it. But not where
    an ALT is one of them: then the called allele is not known."""
    column = block.column(3)
    ref = pc.ascii_upper(column)
    distinct, codes = _distinct(ref)
    unlike = _unmatched(distinct, _BASES)
    if not unlike.any():
        return ref
    reduced = pa.array([text.translate(_FIRST_BASES) for text in distinct.to_pylist()], pa.string())
    wrong = _unmatched(reduced, _BASES)[codes]
    at = np.flatnonzero(unlike[codes] & ~wrong)
    alts = pc.split_pattern(pc.ascii_upper(block.column(4).take(pa.array(at))), ",").to_pylist()
    refs = ref.take(pa.array(at)).to_pylist()
    wrong[at] = [any(_may_be(alt, text) for alt in of) for of, text in zip(alts, refs, strict=True)]
    _mark(block, wrong, Rule.ALLELE, "REF", "not made of A, C, G, T, N", column, found)
    kept = unlike[codes] & ~wrong
    found.remark(block.numbers[kept], "REF has codes for several bases; each was loaded as the first of them")
    return reduced.take(pa.array(codes))


def _may_be(alt: str, ref: str) -> bool:
    return len(alt) == len(ref) and all(base in _BASES_OF.get(code, code) for base, code in zip(alt, ref, strict=True))


def _parse_alt(block: LineBlock, found: LineFaults) -> tuple[pa.Array, Positions, Positions, Mask, Mask, Mask]:
    column = block.column(4)
    absent = np.asarray(pc.equal(column, "."))
    lists = pc.split_pattern(column, ",")
    counts = np.where(absent, 0, np.asarray(pc.list_value_length(lists)))
    listed = lists.flatten()
    alt = listed.filter(pa.array(np.repeat(~absent, np.maximum(counts, 1)))) if absent.any() else listed
    lines = np.repeat(np.arange(len(block)), counts)
    distinct, codes = _distinct(alt)
    bases = ~_unmatched(distinct, _BASES)
    none = np.asarray(pc.is_in(distinct, _NO_ALLELES))
    known = bases | none | ~_unmatched(distinct, _SYMBOLIC) | ~_unmatched(distinct, _BREAKEND)
    wrong = np.zeros(len(block), np.bool_)
    wrong[lines[~known[codes]]] = True
    _mark(block, wrong, Rule.ALLELE, "ALT", "not bases, a symbolic allele, a breakend, * or a dot", column, found)
    shown = pc.if_else(pa.array(bases), pc.ascii_upper(distinct), distinct).take(pa.array(codes))
    symbolic = ~none & np.asarray(pc.starts_with(distinct, "<"))
    first_alt = np.concatenate(([0], np.cumsum(counts)))
    return shown, lines, first_alt, ~none[codes], bases[codes], symbolic[codes]


def _parse_rsids(block: LineBlock, found: LineFaults) -> pa.Array:
    column = block.column(2)
    wrong = _unmatched(column, _LIST)
    _mark(block, wrong, Rule.VCF_VALUE, "ID", "not ids separated by single semicolons", column, found)
    lists = pc.split_pattern(column, ";")
    offsets = np.asarray(lists.offsets)
    items = lists.flatten()
    kept = np.asarray(pc.match_substring_regex(items, r"^rs\d"))
    before = np.concatenate(([0], np.cumsum(kept)))
    return pa.ListArray.from_arrays(pa.array(before[offsets].astype(np.int32)), items.filter(pa.array(kept)))


def parse_floats(values: pa.Array) -> pa.Array:
    """Text that is known to be numbers, in any spelling of infinity and NaN, as doubles."""
    try:
        return values.cast(pa.float64())
    except pa.ArrowInvalid:
        return pa.array([None if value is None else float(value) for value in values.to_pylist()], pa.float64())


def is_number(values: pa.Array) -> pa.Array:
    """Whether text is a number as VCF 4.3 writes Floats."""
    return pc.match_substring_regex(values, _NUMBER)


def _parse_qual(block: LineBlock, found: LineFaults) -> pa.Array:
    column = block.column(5)
    given = pc.if_else(pc.equal(column, "."), pa.scalar(None, pa.string()), column)
    wrong = ~np.asarray(pc.fill_null(is_number(given), True))
    _mark(block, wrong, Rule.VCF_VALUE, "QUAL", "not a number", column, found)
    qual = parse_floats(pc.if_else(pa.array(wrong), pa.scalar(None, pa.string()), given))
    negative = pc.and_(pc.less(qual, 0.0), pc.is_finite(qual))
    below = np.asarray(pc.fill_null(negative, False))
    found.remark(block.numbers[below], "QUAL is below zero and was loaded as missing")
    return pc.if_else(pa.array(below), pa.scalar(None, pa.float64()), qual) if below.any() else qual


def _parse_filter(block: LineBlock, is_old: bool, found: LineFaults) -> pa.Array:
    column = block.column(6)
    if is_old:  # VCF 3.3 writes 0 where filters were passed
        column = pc.if_else(pc.equal(column, "0"), "PASS", column)
    distinct, codes = _distinct(column)
    wrong = _unmatched(distinct, _LIST) | ~_unmatched(distinct, _FILTER_MISPLACED)
    text = "not filter ids separated by single semicolons, without 0 and the dot"
    _mark(block, wrong[codes], Rule.VCF_VALUE, "FILTER", text, column, found)
    return pc.if_else(pc.equal(column, "."), pa.scalar(None, pa.string()), column)


def info_values(info: pa.Array, key: str) -> pa.Array:
    """The value of `key=` in each INFO; null where it is absent or a dot."""
    found = pc.struct_field(pc.extract_regex(info, rf"(?:^|;){re.escape(key)}=(?P<value>[^;]*)"), "value")
    return pc.if_else(pc.equal(found, "."), pa.scalar(None, pa.string()), found)


def _parse_end(block: LineBlock, info: pa.Array, pos: Positions, found: LineFaults) -> Positions:
    """INFO/END, -1 where there is none or it is before POS. Some callers write the place of a mate there."""
    stated = info_values(info, "END") if np.asarray(pc.match_substring(info, "END=")).any() else None
    if stated is None or stated.null_count == len(stated):
        return np.full(len(block), -1)
    wrong = np.asarray(pc.fill_null(pc.invert(pc.match_substring_regex(stated, r"^\d{1,10}$")), False))
    _mark(block, wrong, Rule.VCF_VALUE, "INFO/END", "not a position", stated, found)
    ends: Positions = np.asarray(pc.fill_null(pc.if_else(pa.array(wrong), "-1", stated), "-1").cast(pa.int64()))
    before = (ends >= 0) & (ends < pos)
    found.remark(block.numbers[before], "INFO/END is before POS and was not read")
    return np.where(before, -1, ends)


def _parse_format(block: LineBlock, found: LineFaults) -> CallLayout:
    if block.bounds.shape[1] < 18:
        absent = np.full(len(block), -1)
        return CallLayout(absent, absent, absent, np.zeros(len(block), np.int64))
    column = block.column(8)
    distinct, codes = _distinct(column)
    keys = [[] if text == "." else text.split(":") for text in distinct.to_pylist()]
    twice = [any(of.count(key) > 1 for key in _READ_KEYS) for of in keys]
    _mark(block, np.array(twice)[codes], Rule.VCF_VALUE, "FORMAT", "GT, DP or GQ repeats", column, found)
    odd = [len(set(of)) < len(of) or not all(map(_FORMAT_KEY.fullmatch, of)) for of in keys]
    text = "FORMAT has keys that are not valid or repeat; only GT, DP and GQ were read"
    found.remark(block.numbers[np.array(odd)[codes]], text)
    places = {key: np.array([of.index(key) if key in of else -1 for of in keys])[codes] for key in _READ_KEYS}
    return CallLayout(places["GT"], places["DP"], places["GQ"], np.array([len(of) for of in keys])[codes])
