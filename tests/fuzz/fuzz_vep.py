"""Annotated lines whose entries are named as VEP or SnpEff names them, read in any cut, against a model in plain Python.

A line is made with its ALT alleles, annotated, and at times split afterwards, as tools do. No entry may be loaded with another
ALT than the one it was written for; those of a line that was not split are all loaded; and no line is refused.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from apps.genetic_variant_assay_loader.annotation import consequences
from apps.genetic_variant_assay_loader.order import ContigRun
from apps.genetic_variant_assay_loader.task import parse_block, reading_of
from common.vcf.header import VcfHeader, parse_header
from common.vcf.lines import LineFaults

SUITE_COUNT = 250

Effects = Counter[tuple[str, str]]
"""ALT and effect."""

_COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
_SYMBOLIC = {
    "<DEL>": "deletion",
    "<DUP>": "duplication",
    "<INV>": "inversion",
    "<CN0>": "odd_class",
    "N[2:5[": "breakpoint",
}
_KNOWN = ("<DEL>", "<DUP>", "<INV>")
_IMPACTS = ("HIGH", "MODERATE", "LOW", "MODIFIER")
_NONE = ("*", "<*>", "<NON_REF>")


@dataclass
class Entry:
    """One annotation: the ALT it was written for, its number and name, its terms and gene."""

    alt: str
    number: int
    name: str
    effect: str
    gene: str


@dataclass
class Line:
    """A line as it is in the file; `is_whole` if it was not split after it was annotated."""

    pos: int
    ref: str
    alts: list[str]
    entries: list[Entry]
    is_whole: bool


def vep_names(ref: str, alts: list[str]) -> list[str]:
    """The names by VEP's `Parser/VCF.pm`."""
    if any(alt in _SYMBOLIC for alt in alts):
        return [_SYMBOLIC.get(alt, alt) for alt in alts]
    indel = any(len(alt) != len(ref) for alt in alts)
    firsts = {allele[0] for allele in (ref, *alts) if allele not in _NONE}
    if indel and len(firsts) == 1:
        return [alt if alt in _NONE else alt[1:] or "-" for alt in alts]
    return alts


def minimal_name(ref: str, alt: str) -> str:
    """ALT less the bases that it shares with REF, first at the start, then at the end."""
    if alt in _NONE or alt in _SYMBOLIC:
        return _SYMBOLIC.get(alt, alt)
    while ref and alt and ref[0] == alt[0]:
        ref, alt = ref[1:], alt[1:]
    while ref and alt and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    return alt or "-"


def make_line(pick: random.Random, pos: int, columns: tuple[str, ...]) -> Line:
    """A line that one tool annotated; at times another has split it since."""
    if pick.random() < 0.15:
        ref = "N"
        alts = pick.sample(_KNOWN, 2) if pick.random() < 0.3 else [pick.choice([*_SYMBOLIC])]
    else:
        letters = pick.choice(("AC", "ACGT", "C"))
        ref = "".join(pick.choices(letters, k=pick.choice((1, 1, 2, 3))))
        made = {
            "".join(pick.choices(letters, k=pick.choice((1, 1, 2, 3, 4)))) for _ in range(pick.choice((1, 1, 2, 3)))
        }
        alts = sorted(made - {ref}) or [ref + "T"]
        pick.shuffle(alts)
        alts += [each for each in _NONE if pick.random() < 0.05]
    names = vep_names(ref, alts) if columns else alts
    if "MINIMISED" in columns:
        names = [minimal_name(ref, alt) for alt in alts]
    terms = [*consequences(), "odd"]
    entries = [
        Entry(alt, number, name, "&".join(pick.sample(terms, pick.choice((0, 1, 1, 2)))), gene)
        for number, (alt, name) in enumerate(zip(alts, names, strict=True), 1)
        if alt not in ("<*>", "<NON_REF>")
        for gene in pick.choices(("G1", "G2", ""), k=pick.choice((1, 2)))
    ]
    pick.shuffle(entries)
    rest = [alt for alt in alts if alt not in _NONE]
    if len(alts) > 1 and pick.random() < 0.3:
        return Line(pos, ref, [pick.choice(rest)], entries, is_whole=False)
    return Line(pos, ref, alts, entries, is_whole=True)


def entry_text(entry: Entry, columns: tuple[str, ...]) -> str:
    """The entry as its tool writes it: VEP by `columns`, SnpEff by its standard."""
    rank = min(consequences().get(term, 4) for term in entry.effect.split("&"))
    impact = _IMPACTS[rank] if rank < len(_IMPACTS) else ""
    if not columns:
        return "|".join((entry.name, entry.effect, impact, entry.gene, *[""] * 12))
    values = {
        "Allele": entry.name, "Consequence": entry.effect, "SYMBOL": entry.gene, "ALLELE_NUM": str(entry.number),
        "IMPACT": impact,
    }  # fmt: skip
    return "|".join(values.get(column, "") for column in columns)


def expected(line: Line, columns: tuple[str, ...]) -> tuple[Effects, Effects]:
    """What must be loaded of a line, and what may be."""
    if columns and "Allele" not in columns:
        only = [alt for alt in line.alts if len(line.alts) == 1 and alt not in _NONE]
        may = Counter((alt, entry.effect) for entry in line.entries for alt in only)
        return may, may
    kept = [entry for entry in line.entries if entry.alt in line.alts and entry.alt not in _NONE]
    if "MINIMISED" in columns and "ALLELE_NUM" not in columns:
        names = Counter(minimal_name(line.ref, alt) for alt in line.alts)
        kept = [entry for entry in kept if names[entry.name] == 1]
    may = Counter((entry.alt, entry.effect) for entry in kept)
    return (may if line.is_whole or not columns else Counter()), may


def worst_effects(line: Line, alt: str) -> list[str]:
    """`GENE:effect` for each gene of an ALT: the first effect of the highest impact."""
    by_gene: dict[str, tuple[int, str]] = {}
    for entry in line.entries:
        if entry.alt == alt and entry.gene and entry.effect:
            terms = entry.effect.split("&")
            rank = min(consequences().get(term, 4) for term in terms)
            if entry.gene not in by_gene or rank < by_gene[entry.gene][0]:
                by_gene[entry.gene] = (rank, terms[0])
    return [f"{gene}:{effect}" for gene, (_, effect) in by_gene.items()]


def run(seed: int, count: int) -> list[str]:
    """Findings of `count` files of some lines each."""
    return [f"seed {seed}, input {number}: {text}" for number in range(count) for text in _try(f"{seed}:{number}")]


def _try(name: str) -> list[str]:
    pick = random.Random(name)
    columns, key, meta = _make_header(pick)
    header, _ = parse_header(f"##fileformat=VCFv4.2\n{meta}{_COLUMNS}".encode(), "a.vcf")
    if header is None:
        return [f"the header was refused: {meta}"]
    lines = [make_line(pick, 10 * at, columns) for at in range(1, pick.choice((2, 3, 8)))]
    texts = []
    for line in lines:
        entries = [entry_text(entry, columns) for entry in line.entries]
        if pick.random() < 0.1:
            entries.insert(pick.randrange(len(entries) + 1), "T|of|another|width" + "|" * pick.randrange(20, 30))
        site = f"1\t{line.pos}\t.\t{line.ref}\t{','.join(line.alts)}"
        texts.append(f"{site}\t.\t.\tX=1;{key}={','.join(entries)};DB\n".encode())
        if pick.random() < 0.1:
            texts.append(f"1\t{line.pos + 1}\t.\tA\t.\t.\t.\t{key}={entries[0]}\n".encode())
    cuts = sorted({0, len(texts), *(pick.randrange(len(texts) + 1) for _ in range(pick.choice((0, 1, 3))))})
    return _read(lines, columns, header, [b"".join(texts[start:end]) for start, end in pairwise(cuts)])


def _make_header(pick: random.Random) -> tuple[tuple[str, ...], str, str]:
    """VEP's columns, none for SnpEff; the INFO field; its definition. Trimmed alleles that were split cannot be told."""
    if pick.random() < 0.25:
        return (), "ANN", '##INFO=<ID=ANN,Number=.,Type=String,Description="Functional annotations">\n'
    chosen = [column for column in ("IMPACT", "ALLELE_NUM", "MINIMISED", "Gene") if pick.random() < 0.4]
    chosen = ["Allele", *chosen] if pick.random() < 0.9 else ["Gene"]
    columns = tuple(pick.sample(["Consequence", "SYMBOL", *chosen], len(chosen) + 2))
    key, quote = pick.choice(("CSQ", "CSQ", "ANN")), pick.choice(("", "'"))
    sentence = f"By VEP. Format: {quote}{'|'.join(columns)}{quote}"
    return columns, key, f'##INFO=<ID={key},Number=.,Type=String,Description="{sentence}">\n'


def _read(lines: list[Line], columns: tuple[str, ...], header: VcfHeader, blocks: list[bytes]) -> list[str]:
    found, runs, first = LineFaults("a.vcf"), tuple[ContigRun, ...](), 1
    rows, worst = list[tuple[int, str, str]](), dict[tuple[int, str], list[str]]()
    for text in blocks:
        block = parse_block(text, first, runs, reading_of(header), found)
        runs, first = block.runs, first + block.lines
        alleles = block.alleles.select(["a_id", "pos", "alt", "worst_effect"]).to_pylist()
        places = {each["a_id"]: (each["pos"], each["alt"]) for each in alleles}
        worst |= {(each["pos"], each["alt"]): each["worst_effect"] for each in alleles}
        for each in block.annotations.select(["a_id", "effect"]).to_pylist():
            rows.append((*places[each["a_id"]], "&".join(each["effect"])))
    if found.faults:
        return [f"refused: {found.faults.render()}"]
    return [text for line in lines for text in _compare(line, columns, rows, worst)]


def _compare(
    line: Line, columns: tuple[str, ...], rows: list[tuple[int, str, str]], worst: dict[tuple[int, str], list[str]]
) -> list[str]:
    """What is wrong with the rows of a line."""
    if "MINIMISED" in columns and not line.is_whole and "ALLELE_NUM" not in columns:
        return []
    loaded = Counter((alt, effect) for pos, alt, effect in rows if pos == line.pos)
    must, may = expected(line, columns)
    shown = f"{line.ref} > {line.alts}, {columns or 'ANN'}, {line.entries}"
    if loaded - may or must - loaded:
        return [f"wrongly loaded {[*(loaded - may)]}, wrongly left {[*(must - loaded)]}: {shown}"]
    if line.is_whole and must.total() == sum(entry.alt not in _NONE for entry in line.entries):
        for alt in line.alts:
            if alt not in _NONE and worst[line.pos, alt] != worst_effects(line, alt):
                return [f"worst of {alt} is {worst[line.pos, alt]}, not {worst_effects(line, alt)}: {shown}"]
    return []
