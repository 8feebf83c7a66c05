"""Whether lines are in order of contig and position and no allele stands twice, within a piece and from piece to
piece."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from apps.genetic_variant_assay_loader.allele_table import AlleleIds
from common.errors import Rule
from common.vcf.lines import LineBlock, LineFaults, Positions
from common.vcf.sites import Sites


@dataclass(frozen=True, slots=True)
class ContigRun:
    """Lines of one contig that follow one another: their first and last position, the line of the first, and the
    alleles at both, by `a_id`; digests of the lines at the last. A piece has few of them, so a task can return them."""

    chr: str
    line: int
    first: int
    last: int
    first_alleles: frozenset[str]
    last_alleles: frozenset[str]
    last_lines: frozenset[bytes] = frozenset()


def find_repeats(runs: tuple[ContigRun, ...], block: LineBlock, sites: Sites) -> set[int]:
    """The numbers of lines that are wholly equal to an earlier one of their position. Symbolic alleles may be repeated."""
    starts = np.concatenate(([True], (np.diff(sites.pos) != 0) | (np.diff(_codes(sites)) != 0), [True]))
    shares = np.flatnonzero(~(starts[:-1] & starts[1:])).tolist()
    seen: set[bytes] = set()
    if runs and (runs[-1].chr, runs[-1].last) == (sites.chr[0].as_py(), sites.pos[0]):
        seen = {*runs[-1].last_lines}
        shares = sorted({0, *shares})
    symbolic = {*sites.alt_line[sites.is_symbolic].tolist()}
    shares = [line for line in shares if line not in symbolic]
    digests = {line: _digest(block, line) for line in _alike(block, shares, bool(seen))}
    repeats = set()
    for line, digest in digests.items():
        if digest in seen:
            repeats.add(int(block.numbers[line]))
        seen.add(digest)
    return repeats


def _alike(block: LineBlock, lines: list[int], all_: bool) -> list[int]:
    """Those of the lines that agree in CHROM to ALT with another; `all_` of them if there may be such in an earlier block."""
    sites = [block.data[block.bounds[line, 0] : block.bounds[line, 9]].tobytes() for line in lines]
    counts = Counter(sites)
    return [line for line, site in zip(lines, sites, strict=True) if all_ or counts[site] > 1]


def _digest(block: LineBlock, line: int) -> bytes:
    return hashlib.blake2b(block.text(line), digest_size=16).digest()


def _codes(sites: Sites) -> npt.NDArray[np.int64]:
    return np.asarray(sites.chr.dictionary_encode().indices).astype(np.int64)


def check_order(
    runs: tuple[ContigRun, ...], block: LineBlock, sites: Sites, ids: AlleleIds, found: LineFaults
) -> tuple[ContigRun, ...]:
    """The runs so far with those of this block. Marks lines out of order (207) and alleles that were there before
    (208)."""
    names = sites.chr.dictionary_encode()
    code = np.asarray(names.indices)
    edges = [0, *(np.flatnonzero(np.diff(code)) + 1).tolist(), len(code)]
    for start, end in pairwise(edges):
        chr_ = names.dictionary[code[start]].as_py()
        if runs and runs[-1].chr == chr_:
            previous, known = runs[-1], runs[:-1]
        else:
            previous, known = None, runs
        if any(run.chr == chr_ for run in known):
            text = "the contig comes back after another"
            found.add(block.numbers[start:end], Rule.UNSORTED, "CHROM", text, sites.chr[start:end])
            continue
        run = _extend(previous, chr_, start, end, block, sites, ids, found)
        runs = (*known, run)
    return runs


def _extend(
    previous: ContigRun | None, chr_: str, start: int, end: int, block: LineBlock, sites: Sites, ids: AlleleIds,
    found: LineFaults,
) -> ContigRun:  # fmt: skip
    pos = sites.pos[start:end]
    reached = np.maximum.accumulate(np.concatenate(([previous.last if previous else 0], pos)))[:-1]
    late = pos < reached
    if late.any():
        text = "a position before that of an earlier line"
        found.add(block.numbers[start:end][late], Rule.UNSORTED, "POS", text, pa.array(pos[late]))
    earlier = previous.last_alleles if previous and previous.last == pos[0] else frozenset()
    _mark_duplicates(start, end, earlier, block, sites, ids, found)
    first, last = int(pos[0]), int(max(pos.max(), previous.last if previous else 0))
    at_last = _alleles_at(last, start, end, sites, ids)
    lines = frozenset(_digest(block, line) for line in (start + np.flatnonzero(pos == last)).tolist())
    if previous:
        at_last |= previous.last_alleles if previous.last == last else frozenset()
        at_first = previous.first_alleles
        at_first |= _alleles_at(previous.first, start, end, sites, ids) if previous.first == first else frozenset()
        lines |= previous.last_lines if previous.last == last else frozenset()
        return replace(previous, last=last, first_alleles=at_first, last_alleles=at_last, last_lines=lines)
    return ContigRun(
        chr_, int(block.numbers[start]), first, last, _alleles_at(first, start, end, sites, ids), at_last, lines
    )


def _alleles_of(lines: Positions, sites: Sites) -> Positions:
    """The alleles of these lines, as places among the ALTs of the block."""
    wanted = np.zeros(len(sites.pos), np.bool_)
    wanted[lines] = True
    return np.flatnonzero(wanted[sites.alt_line] & sites.is_allele)


def _alleles_at(pos: int, start: int, end: int, sites: Sites, ids: AlleleIds) -> frozenset[str]:
    alts = _alleles_of(start + np.flatnonzero(sites.pos[start:end] == pos), sites)
    return frozenset(ids.a_id.take(pa.array(alts)).to_pylist())


def _mark_duplicates(
    start: int, end: int, earlier: frozenset[str], block: LineBlock, sites: Sites, ids: AlleleIds, found: LineFaults
) -> None:
    pos = sites.pos[start:end]
    shares = np.zeros(len(pos), np.bool_)
    same = pos[1:] == pos[:-1]
    shares[1:] |= same
    shares[:-1] |= same
    shares |= np.diff(sites.first_alt)[start:end] > 1
    if earlier:
        shares |= pos == pos[0]
    alts = _alleles_of(start + np.flatnonzero(shares), sites)
    seen, repeated = set(earlier), []
    for alt, a_id in zip(alts.tolist(), ids.a_id.take(pa.array(alts)).to_pylist(), strict=True):
        if a_id in seen:
            repeated.append(alt)
        seen.add(a_id)
    if repeated:
        lines, first = np.unique(sites.alt_line[repeated], return_index=True)
        text = "the same contig, position, REF and ALT as in an earlier line"
        shown = ids.a_id.take(pa.array(np.array(repeated)[first]))
        found.add(block.numbers[lines], Rule.DUPLICATE_ALLELE, "ALT", text, shown)
