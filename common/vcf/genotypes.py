"""The calls of a block of lines: allele copies over all calls, and the genotypes that are stored.

Nearly all calls of a cohort are `0/0` or `./.`; they are told from the rest by their first four bytes at once and only
counted. The rest hold few distinct GT strings, each of which is read once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from common.errors import Rule
from common.vcf.lines import MISSING_AT, LineBlock, LineFaults, Mask, Positions
from common.vcf.sites import Sites

REF, HET_REF, HOM, HET_ALT, HALF, NO_CALL = range(6)
GENOTYPE_TYPES = ("ref", "het-ref", "hom", "het-alt", "half", "no-call")

_TERMINATORS = np.zeros(256, np.bool_)
_TERMINATORS[[0, 9, 10, 58]] = True  # NUL, tab, line end, colon
_GT = re.compile(rb"[/|]?(?:\d{1,9}|\.)(?:[/|](?:\d{1,9}|\.))*")
_SHORT = 4
_TOKEN_MASKS = np.array([0, 0xFF, 0xFFFF, 0xFFFFFF], np.uint32)


def _with_ends(*calls: bytes) -> list[int]:
    return [int.from_bytes(call + end, "little") for call in calls for end in (b":", b"\t", b"\n")]


_DIPLOID_REF, _DIPLOID_NONE = _with_ends(b"0/0", b"0|0"), _with_ends(b"./.", b".|.")


@dataclass(frozen=True, slots=True)
class Genotype:
    """What one GT says: its kind, copies of the reference, missing copies, and copies of each other allele,
    ascending."""

    type: int
    ref: int
    missing: int
    copies: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of one block that are stored, an element each: line, sample, kind. Each makes a row per allele of its own,
    or one without: `rows` has the call of each row, `row_alt` its place among the ALT alleles of the block, or -1."""

    line: Positions
    sample: Positions
    type: npt.NDArray[np.int64]
    rows: Positions
    row_alt: Positions


@dataclass(frozen=True, slots=True)
class AlleleCounts:
    """Over all calls, stored or not: per line copies of REF, called and missing copies; per ALT allele copies and
    samples."""

    ref: Positions
    called: Positions
    missing: Positions
    alt: Positions
    alt_samples: Positions


def parse_gt(token: bytes) -> Genotype | None:
    """One GT, of any ploidy, phased or not; None if it is not valid."""
    if not _GT.fullmatch(token):
        return None
    alleles = [int(part) if part != b"." else -1 for part in re.split(rb"[/|]", token.lstrip(b"/|"))]
    copies = tuple((allele, alleles.count(allele)) for allele in sorted(set(alleles)) if allele > 0)
    ref, missing = alleles.count(0), alleles.count(-1)
    if not copies:
        kind = NO_CALL if not ref else HALF if missing else REF
    elif missing:
        kind = HALF
    else:
        kind = HET_ALT if len(copies) > 1 else HET_REF if ref else HOM
    return Genotype(kind, ref, missing, copies)


def parse_genotypes(block: LineBlock, sites: Sites, keep: Mask, found: LineFaults) -> tuple[Calls, AlleleCounts]:
    """Counts all calls of the lines that make a locus and returns those whose kind is in `keep` (six flags, by kind).

    Calls of lines without a locus are not read.
    """
    has_locus = np.bincount(sites.alt_line[sites.is_allele], minlength=len(block)) > 0
    lines = np.flatnonzero(has_locus & (sites.layout.gt >= 0) & (block.before.shape[1] > 0))
    before = _gt_positions(block, sites, lines)
    words = np.ndarray((len(block.data) - 8,), "<u4", block.data, offset=1, strides=(1,))[before]
    is_ref, is_none = _is_one_of(words, _DIPLOID_REF), _is_one_of(words, _DIPLOID_NONE)
    others = np.flatnonzero(~(is_ref | is_none))
    line, sample = lines[others // max(1, before.shape[1])], others % max(1, before.shape[1])
    at = before[others // max(1, before.shape[1]), sample] + 1
    vocabulary, codes = _distinct_tokens(block.data, at, words.ravel()[others])
    calls = [parse_gt(entry) for entry in vocabulary]
    if _mark_faulty(block, sites, vocabulary, calls, codes, line, found):
        return _no_calls(), _no_copies(len(block), len(sites.alt))
    read = _Vocabulary.of(calls)
    counted = _count(read, codes, line, sites)
    counted.ref[lines] += 2 * np.count_nonzero(is_ref, axis=1)
    counted.missing[lines] += 2 * np.count_nonzero(is_none, axis=1)
    counted.called[:] += counted.ref
    stored = _stored(read, codes, line, sample, sites, keep)
    for mask, kind in ((is_ref, REF), (is_none, NO_CALL)):
        if keep[kind]:
            stored = _join(stored, _plain_calls(mask, kind, lines))
    return stored, counted


def _is_one_of(words: npt.NDArray[np.uint32], wanted: list[int]) -> Mask:
    mask: Mask = words == wanted[0]
    for word in wanted[1:]:
        mask |= words == word
    return mask


def _gt_positions(block: LineBlock, sites: Sites, lines: Positions) -> Positions:
    """Per line and sample the byte before GT: the tab before the field, or the colon before GT where it is not
    first."""
    before = block.before if len(lines) == len(block) else block.before[lines]
    later = sites.layout.gt[lines] > 0
    if later.any():
        before = before.copy()
        for place in np.unique(sites.layout.gt[lines][later]):
            rows = sites.layout.gt[lines] == place
            start, _ = find_fields(block.data, before[rows].ravel() + 1, [int(place)])[0]
            missing = len(block.data) + MISSING_AT
            before[rows] = np.where(start >= 0, start, missing).reshape(rows.sum(), -1) - 1
    return before


def find_fields(data: npt.NDArray[np.uint8], start: Positions, places: list[int]) -> list[tuple[Positions, Positions]]:
    """Start and end of the `places`-th parts (ascending) of sample fields; start -1 where the field ends before."""
    found: dict[int, tuple[Positions, Positions]] = {}
    begin, there = start, np.ones(len(start), np.bool_)
    for place in range(max(places) + 1):
        end = _next_terminator(data, begin)
        if place in places:
            found[place] = (np.where(there, begin, -1), end)
        there = there & (data[end] == 58)
        begin = np.where(there, end + 1, end)
    return [found[place] for place in places]


def _next_terminator(data: npt.NDArray[np.uint8], start: Positions) -> Positions:
    end = start.copy()
    moving = np.flatnonzero(~_TERMINATORS[data[end]])
    while len(moving):
        end[moving] += 1
        moving = moving[~_TERMINATORS[data[end[moving]]]]
    return end


def _distinct_tokens(
    data: npt.NDArray[np.uint8], start: Positions, words: npt.NDArray[np.uint32]
) -> tuple[list[bytes], npt.NDArray[np.int64]]:
    """The distinct GT strings at `start`, and which of them stands at each; `words` are the first four bytes of
    each."""
    lengths = np.full(len(words), _SHORT)
    for at in reversed(range(_SHORT)):
        lengths[_TERMINATORS[(words >> (8 * at)) & 0xFF]] = at
    short = lengths < _SHORT
    encoded = pa.array(words[short] & _TOKEN_MASKS[lengths[short]]).dictionary_encode()
    vocabulary = [int(word).to_bytes(_SHORT, "little").rstrip(b"\0") for word in encoded.dictionary.to_pylist()]
    codes = np.empty(len(words), np.int64)
    codes[short] = np.asarray(encoded.indices)
    if not short.all():
        long = start[~short]
        ends = _next_terminator(data, long)
        # Starts and ends in turn are the offsets of an array whose every second value is a token, as in `LineBlock.column`.
        edges = np.stack((long, ends), axis=1).ravel().astype(np.int32)
        every = pa.BinaryArray.from_buffers(
            pa.binary(), len(edges) - 1, [None, pa.py_buffer(edges), pa.py_buffer(data)]
        )
        distinct = every.take(pa.array(np.arange(0, len(edges), 2))).dictionary_encode()
        codes[~short] = np.asarray(distinct.indices) + len(vocabulary)
        vocabulary += distinct.dictionary.to_pylist()
    return vocabulary, codes


def _mark_faulty(
    block: LineBlock, sites: Sites, vocabulary: list[bytes], calls: list[Genotype | None],
    codes: npt.NDArray[np.int64], line: Positions, found: LineFaults,
) -> bool:  # fmt: skip
    """Adds a fault for the first call of each line that is not valid or names an allele that its line lacks."""
    highest = np.array(
        [max((allele for allele, _ in call.copies), default=0) if call else -1 for call in calls], np.int64
    )
    wrong = np.flatnonzero((highest[codes] < 0) | (highest[codes] > np.diff(sites.first_alt)[line]))
    lines, first = np.unique(line[wrong], return_index=True)
    if not len(lines):
        return False
    shown, alts = codes[wrong][first], np.diff(sites.first_alt)[lines]
    found.add(
        block.numbers[lines], Rule.GENOTYPE, "GT", lambda at: "not a genotype" if calls[shown[at]] is None
        else f"names allele {highest[shown[at]]}, but the line has {alts[at]} ALT alleles",
        [vocabulary[code] for code in shown],
    )  # fmt: skip
    return True


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """Distinct calls as arrays; the alleles of call i are `first[i]` to `first[i + 1]` of `allele` and `copies`."""

    type: npt.NDArray[np.int64]
    ref: Positions
    missing: Positions
    first: Positions
    allele: Positions
    copies: Positions

    @classmethod
    def of(cls, calls: list[Genotype | None]) -> _Vocabulary:
        read = [call for call in calls if call]
        pairs = np.array([pair for call in read for pair in call.copies], np.int64).reshape(-1, 2)
        first = np.cumsum([0, *(len(call.copies) for call in read)])
        scalars = np.array([(call.type, call.ref, call.missing) for call in read], np.int64).reshape(-1, 3)
        return cls(scalars[:, 0], scalars[:, 1], scalars[:, 2], first, pairs[:, 0], pairs[:, 1])

    def expand(self, codes: npt.NDArray[np.int64]) -> tuple[Positions, Positions]:
        """For each allele of each call: which call, and which element of `allele`."""
        counts = np.diff(self.first)[codes]
        of = np.repeat(np.arange(len(codes)), counts)
        within = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
        return of, self.first[codes][of] + within


def _count(read: _Vocabulary, codes: npt.NDArray[np.int64], line: Positions, sites: Sites) -> AlleleCounts:
    """Copies in these calls; `called` holds copies of other alleles than REF only."""
    lines = len(sites.pos)

    def total(weights: Positions, by: Positions, size: int) -> Positions:
        return np.bincount(by, weights, minlength=size).astype(np.int64)

    of, element = read.expand(codes)
    alt = sites.first_alt[line[of]] + read.allele[element] - 1
    alt_copies = total(read.copies[element], alt, len(sites.alt))
    return AlleleCounts(
        total(read.ref[codes], line, lines), total(read.copies[element], line[of], lines),
        total(read.missing[codes], line, lines), alt_copies, np.bincount(alt, minlength=len(sites.alt)),
    )  # fmt: skip


def _stored(
    read: _Vocabulary, codes: npt.NDArray[np.int64], line: Positions, sample: Positions, sites: Sites, keep: Mask,
) -> Calls:  # fmt: skip
    alleles = np.diff(read.first)
    plain = np.array([keep[kind] and not count for kind, count in zip(read.type, alleles, strict=True)], np.bool_)
    with_alt = alleles > 0
    chosen = np.flatnonzero((plain | with_alt)[codes])
    codes, line, sample = codes[chosen], line[chosen], sample[chosen]
    of, element = read.expand(codes)
    alt = sites.first_alt[line[of]] + read.allele[element] - 1
    made = sites.is_allele[alt]
    bare = np.flatnonzero(alleles[codes] == 0)
    rows = np.concatenate((of[made], bare))
    row_alt = np.concatenate((alt[made], np.full(len(bare), -1)))
    return Calls(line, sample, read.type[codes], rows, row_alt)


def _plain_calls(mask: npt.NDArray[np.bool_], kind: int, lines: Positions) -> Calls:
    row, sample = np.nonzero(mask)
    return Calls(lines[row], sample, np.full(len(row), kind), np.arange(len(row)), np.full(len(row), -1))


def _join(one: Calls, other: Calls) -> Calls:
    def both(left: Positions, right: Positions) -> Positions:
        return np.concatenate((left, right))

    return Calls(
        both(one.line, other.line), both(one.sample, other.sample), both(one.type, other.type),
        both(one.rows, other.rows + len(one.line)), both(one.row_alt, other.row_alt),
    )  # fmt: skip


def _no_calls() -> Calls:
    empty = np.empty(0, np.int64)
    return Calls(empty, empty, empty, empty, empty)


def _no_copies(lines: int, alts: int) -> AlleleCounts:
    return AlleleCounts(*(np.zeros(size, np.int64) for size in (lines, lines, lines, alts, alts)))
