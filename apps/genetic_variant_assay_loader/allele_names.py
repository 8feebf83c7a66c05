"""Which ALT allele of its line an annotation is about, by the name or the number that VEP or SnpEff gave it.

VEP drops the first base of all alleles of a line where they begin alike and one differs in length from REF, so `C` means
another allele on `C > CC,CCC` than on `A > C`. Of a structural variant it writes the class. SnpEff writes the ALT.
Sources: VEP's `Parser/VCF.pm`, and SnpEff's ANN standard 1.0.
"""

from __future__ import annotations

import re
from itertools import takewhile

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from common.vcf.lines import Mask, Positions
from common.vcf.sites import Sites

_CLASSES = {
    "<DEL>": "DELETION", "<DUP>": "DUPLICATION", "<INS>": "INSERTION", "<INV>": "INVERSION",
    "<CNV>": "COPY_NUMBER_VARIATION", "<DUP:TANDEM>": "TANDEM_DUPLICATION",
}  # fmt: skip
_APART = pa.array(["DELETION", "DUPLICATION", "INSERTION", "INVERSION"])
"""Classes that exclude each other; a copy number variation may be a deletion or a duplication."""

_BASES_OR_NONE = r"^([ACGTN.*]+|-)$"


def find_snpeff_alleles(named: pa.Array, line: Positions, sites: Sites) -> Positions:
    """The ALT of each entry, as a place among those of the block; -1 for none of its line's. An allele compared with
    another is `G-C`, a compound one `G-…`."""
    named = pc.replace_substring_regex(pc.ascii_upper(named.fill_null("")), r"^([ACGTN]+)-.*$", r"\1")
    return _find(named, line, pc.ascii_upper(sites.alt), sites.alt_line, np.arange(len(sites.alt)))


def find_vep_alleles(
    named: pa.Array | None, number: pa.Array | None, line: Positions, sites: Sites, is_minimal: bool
) -> Positions:
    """The ALT of each entry, as a place among those of the block; -1 for none of its line's, or if it cannot be told.

    A `number` (ALLELE_NUM) counts where the name fits it, since it is of the line before that was split. `is_minimal` if
    alleles were trimmed to what is not in REF (`--minimal`). Entries without either are about the only ALT of their line.
    """
    counts = np.diff(sites.first_alt)
    given, is_split = _numbers(number, line, counts)
    if named is None:
        only = np.where(counts[line] == 1, 1, 0) if number is None else given
        return np.where(only > 0, sites.first_alt[line] + only - 1, -1)
    named = pc.ascii_upper(named.fill_null("-"))
    names = _minimal_names(sites) if is_minimal else _vep_names(sites)
    found = _find_named(named, line, names, sites)
    at = np.flatnonzero(given > 0)
    if len(at):
        alt = sites.first_alt[line[at]] + given[at] - 1
        fits = np.asarray(pc.equal(named.take(pa.array(at)), names.take(pa.array(alt)))) | ~sites.is_bases[alt]
        found[at[fits]] = alt[fits]
    if is_minimal:
        return np.where(is_split, -1, found)
    left = np.flatnonzero(found < 0)
    left = left[np.asarray(pc.match_substring_regex(named.take(pa.array(left)), _BASES_OR_NONE))]
    if len(left):
        _read_as_split(np.unique(line[left]), named, line, sites, found)
    return found


def _numbers(number: pa.Array | None, line: Positions, counts: Positions) -> tuple[Positions, Mask]:
    """ALLELE_NUM of each entry, 0 where there is none; and which entries are of a line that was split, as a number there
    goes beyond the ALT alleles, so that none counts."""
    if number is None:
        return np.zeros(len(line), np.int64), np.zeros(len(line), np.bool_)
    is_number = pc.fill_null(pc.match_substring_regex(number, r"^\d{1,9}$"), False)
    given: Positions = np.asarray(pc.if_else(is_number, number, "0").cast(pa.int64()))
    is_split = (np.bincount(line[given > counts[line]], minlength=len(counts)) > 0)[line]
    return np.where(is_split, 0, given), is_split


def _find_named(named: pa.Array, line: Positions, names: pa.Array, sites: Sites) -> Positions:
    """Entries by `names` of the ALT alleles; those of structural variants by ALT or class too, or by any other word
    where the line has no other ALT, but not by a class apart from its own."""
    of, odd = np.arange(len(sites.alt)), sites.is_allele & ~sites.is_bases
    if not odd.any():
        return _find(named, line, names, sites.alt_line, of)
    at = np.flatnonzero(odd)
    alts = pc.ascii_upper(sites.alt.take(pa.array(at))).to_pylist()
    classes = pa.array([_CLASSES.get(alt, alt) for alt in alts])
    of_line, of = np.concatenate((sites.alt_line, sites.alt_line[at])), np.concatenate((of, at))
    found = _find(named, line, pa.concat_arrays([names, classes]), of_line, of)
    alone = np.full(len(sites.pos), -1)
    alone[sites.alt_line[at]] = at
    alone[np.bincount(sites.alt_line[sites.is_allele], minlength=len(alone)) != 1] = -1
    kind = np.full(len(sites.alt), -1)
    kind[at] = _apart(pa.array([_CLASSES.get(re.sub(r":.*>", ">", alt)) for alt in alts], pa.string()))
    word = _apart(named)
    other = (word >= 0) & (kind[alone[line]] >= 0) & (kind[alone[line]] != word)
    fits = ~other & ~np.asarray(pc.match_substring_regex(named, _BASES_OR_NONE))
    return np.where((found < 0) & fits, alone[line], found)


def _apart(names: pa.Array) -> npt.NDArray[np.int64]:
    return np.asarray(pc.fill_null(pc.index_in(names, _APART), -1)).astype(np.int64)


def _find(named: pa.Array, line: Positions, names: pa.Array, of_line: Positions, of: Positions) -> Positions:
    """For each entry the one of `of` whose line and name are its own; -1 for none, or several."""
    coded = pa.concat_arrays([names, named]).dictionary_encode()
    code = np.asarray(coded.indices).astype(np.int64)
    known = of_line * len(coded.dictionary) + code[: len(names)]
    order = np.argsort(known, kind="stable")
    known, of = np.append(known[order], -1), np.append(of[order], -1)
    wanted = line * len(coded.dictionary) + code[len(names) :]
    place = np.searchsorted(known[:-1], wanted)
    following = np.minimum(place + 1, len(known) - 1)
    several = (known[following] == wanted) & (of[following] != of[place])
    return np.where((known[place] == wanted) & ~several, of[place], -1)


def _vep_names(sites: Sites) -> pa.Array:
    dropped = _drops_first(sites)
    upper = pc.ascii_upper(sites.alt)
    if not dropped.any():
        return upper
    rest = pc.utf8_slice_codeunits(upper.filter(pa.array(dropped)), 1)
    return pc.replace_with_mask(upper, pa.array(dropped), pc.if_else(pc.equal(rest, ""), "-", rest))


def _drops_first(sites: Sites) -> Mask:
    """ALT alleles of which VEP drops the first base: of lines with an ALT of another length than REF where all alleles of
    bases begin as REF does."""
    ref_of = sites.ref.take(pa.array(sites.alt_line))
    differs: Mask = np.asarray(pc.binary_length(sites.alt)) != np.asarray(pc.binary_length(ref_of))
    if not differs.any():
        return differs
    alike = np.asarray(pc.equal(pc.utf8_slice_codeunits(sites.alt, 0, 1), pc.utf8_slice_codeunits(ref_of, 0, 1)))
    lines = len(sites.pos)
    indel = np.bincount(sites.alt_line[differs], minlength=lines) > 0
    unlike = np.bincount(sites.alt_line[~alike & sites.is_allele], minlength=lines) > 0
    dropped: Mask = (indel & ~unlike)[sites.alt_line] & sites.is_bases
    return dropped


def _minimal_names(sites: Sites) -> pa.Array:
    """ALT alleles without the bases at both ends that they share with REF, those at the start first."""
    refs = sites.ref.take(pa.array(sites.alt_line)).to_pylist()
    alts = zip(refs, pc.ascii_upper(sites.alt).to_pylist(), sites.is_bases.tolist(), strict=True)
    return pa.array([_trimmed(ref, alt) if is_bases else alt for ref, alt, is_bases in alts], pa.string())


def _trimmed(ref: str, alt: str) -> str:
    start = _shared(ref, alt)
    end = _shared(ref[start:][::-1], alt[start:][::-1])
    return alt[start : len(alt) - end] or "-"


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _read_as_split(
    lines: npt.NDArray[np.int64], named: pa.Array, line: Positions, sites: Sites, found: Positions
) -> None:
    """Finds once more the alleles of entries of `lines` that name alleles that their line lacks: a line is split after it
    was annotated, so that VEP saw other alleles on it. Python, line by line: such lines are few."""
    first, last = np.searchsorted(line, lines), np.searchsorted(line, lines, side="right")
    for at, start, end in zip(lines.tolist(), first.tolist(), last.tolist(), strict=True):
        alts = range(sites.first_alt[at], sites.first_alt[at + 1])
        bases = {sites.alt[alt].as_py(): alt for alt in alts if sites.is_bases[alt]}
        names = named.slice(start, end - start).to_pylist()
        ref = sites.ref[at].as_py()
        others = {"*"} & {*names} | {sites.alt[alt].as_py() for alt in alts if not sites.is_bases[alt]}
        known = split_names(ref, [*bases], {*names} - {"*"}, any(len(each) != len(ref) for each in others))
        for entry, name in enumerate(names, start):
            if found[entry] < 0 or sites.is_bases[found[entry]]:
                found[entry] = bases.get(known.get(name, ""), -1)


def split_names(ref: str, alts: list[str], names: set[str], is_indel: bool = False) -> dict[str, str]:
    """What `names` that VEP gave before the line was split say of the ALT alleles that are left of it. `is_indel` if another
    allele, such as `*`, differs in length.

    There are two readings, with the first base or without. One is right if VEP would have named the alleles so, and each
    ALT has a name by it. Empty if neither is, or both.

    >>> split_names("C", ["CC"], {"C", "CC", "T"})
    {'C': 'CC'}
    >>> split_names("A", ["G"], {"C", "G"})
    {'G': 'G'}
    """
    readings = []
    for first in ("",) * ("-" not in names) + (ref[0],):
        meant = {name: first + name.removeprefix("-") for name in names}
        whole = {*meant.values(), *alts}
        drops = is_indel or any(len(each) != len(ref) for each in whole)
        drops &= all(each.startswith(ref[0]) for each in whole)
        if drops == bool(first) and {*alts} <= {*meant.values()} and ref not in meant.values():
            readings.append({name: each for name, each in meant.items() if each in alts})
    return readings[0] if len(readings) == 1 else {}
