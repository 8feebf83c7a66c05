"""Lines of GTF and GFF3 against a plain reading of their attributes, character by character, whatever the blocks they are read in."""

from __future__ import annotations

import random
import re
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from apps.molecular_expression_assay_loader.annotation import read_annotation
from common.faults import EXAMPLES_PER_RULE
from tests.fuzz import MEMORY

SUITE_COUNT = 800
_TOGETHER = 40  # inputs to most files
_BLOCKS, _LONG_BLOCKS = [1, 16, 64, 200, 1 << 20], [600, 3000, 3000, 1 << 20, 1 << 20]
_TYPES = ["gene", "gene", "ncRNA_gene", "pseudogene", "transcript", "mRNA", "V_gene_segment", "exon", "CDS"]
_KEYS = [
    "gene_id", "gene_id", "transcript_id", "gene_name", "gene_version", "transcript_version", "version", "ID", "Name", "gene", "Parent",
    "note", "description", "gene_idx", "xgene_id", "Gene_id", "tag",
]  # fmt: skip
_VALUES = [
    "A", "B2", "C", "ENSG00000000001.5", "ENSGR0000000002.1", "ENST00000000003", "CYCD1;1", "a b", " a ", "", "x; gene_id y", "x=y", "é;è", "a,b",
    "; gene_name Q;", "gene_id", "%3B%20", "gene:G1", "gene-G2", "rna-NM_1.2", "rna-NM_1.2-2", "transcript:T1", "5'-3'", "\x1f", "\\", "%", "0",
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """An input: the text of an annotation file, and the bytes of a block."""

    text: str
    is_gff3: bool
    block: int


def run(seed: int, count: int) -> list[str]:
    """Findings among `count` inputs: seed and number, then what differs. Most inputs are read as parts of a longer file; if that
    differs, each is read alone, so that what is reported is short."""
    found = []
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        path, first = Path(folder) / "annotation", 0
        while first < count:
            draw = random.Random(f"{seed}/{first}")
            together = draw.choice([1, 1, _TOGETHER])
            numbers = range(first, min(first + together, count))
            is_gff3 = draw.random() < 0.5
            case = make_case(draw, is_gff3, seed, numbers)
            if difference := _try(case, path):
                alone = [make_case(random.Random(0), is_gff3, seed, range(number, number + 1)) for number in numbers]
                short = [(each, text) for each in alone if (text := _try(each, path))] or [(case, difference)]
                found += [
                    f"gtf seed {seed} numbers {numbers[0]} to {numbers[-1]}: {text}\n{each}" for each, text in short
                ]
            first += together
    return found


def _try(case: Case, path: Path) -> str:
    try:
        return compare(case, path)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        return f"{type(error).__name__}: {error}"


def make_case(draw: random.Random, is_gff3: bool, seed: int, numbers: range) -> Case:
    """A file of a few lines for each number, after one that is plain, so that it tells its form."""
    end = draw.choice(["\n", "\n", "\r\n"])
    lines = [_line("gene", 1, "ID=first" if is_gff3 else 'gene_id "first";')]
    for number in numbers:
        lines += _lines(random.Random(f"{seed}/{number}/lines"), is_gff3, 10 * (number - numbers[0]) + 2)
    text = end.join(lines) + draw.choice(["", end])
    return Case(text, is_gff3, draw.choice(_BLOCKS if len(numbers) == 1 else _LONG_BLOCKS))


def _lines(draw: random.Random, is_gff3: bool, first: int) -> list[str]:
    lines = []
    for number in range(first, first + draw.randint(1, 3)):
        if draw.random() < 0.1:
            lines.append(draw.choice(["", "# note", "#!x\ty"]))
        attributes = _gff3(draw, number) if is_gff3 else _gtf(draw, number)
        lines.append(_line(draw.choice(_TYPES), number, attributes))
    return lines


def _line(kind: str, number: int, attributes: str) -> str:
    return f"1\tx\t{kind}\t{number}\t{number + 5}\t.\t+\t.\t{attributes}"


def _own(draw: random.Random, number: int) -> tuple[str, str]:
    """The attribute that mostly comes first, with an id of its own."""
    return draw.choice(["gene_id", "transcript_id", "ID"]), draw.choice(
        [f"f{number}", f"ENSG{number:011d}.2", f"rna-f{number}"]
    )


def _gtf(draw: random.Random, number: int) -> str:
    fields = []
    for key, value in [
        _own(draw, number),
        *((draw.choice(_KEYS), draw.choice(_VALUES)) for _ in range(draw.randint(0, 6))),
    ]:
        written = f'"{value}"' if draw.random() < 0.9 or re.search('[; "]', value) or not value else value
        if draw.random() < 0.02:
            written = draw.choice([f'"{value}', f'{value}"', f"{written} more", f'{written}"'])
        fields.append(
            f"{draw.choice(['', '', ' ', '  '])}{key}{draw.choice([' ', ' ', '  '])}{written}{draw.choice(['', ' '])}"
        )
    draw.shuffle(fields) if draw.random() < 0.3 else None
    return draw.choice([";", "; ", ";;"]).join(fields) + draw.choice(["", ";", "; "])


def _gff3(draw: random.Random, number: int) -> str:
    fields = []
    for key, value in [
        _own(draw, number),
        *((draw.choice(_KEYS), draw.choice(_VALUES)) for _ in range(draw.randint(0, 6))),
    ]:
        fields.append(f"{draw.choice(['', '', ' '])}{key}={value.replace(';', '%3B')}")
    if draw.random() < 0.05:
        fields.append(draw.choice(["flag", "=x", "note="]))
    return ";".join(fields) + draw.choice(["", ";"])


def attributes_of(text: str, is_gff3: bool) -> tuple[dict[str, str], bool]:
    """The first value that is not blank of each key, read character by character; and whether a quote stays open."""
    fields, field, inside = [], "", False
    for letter in text:
        inside ^= letter == '"' and not is_gff3
        if letter == ";" and not inside:
            fields.append(field)
            field = ""
        else:
            field += letter
    found: dict[str, str] = {}
    for each in [*fields, field]:
        key, _, rest = each.strip(" ").partition("=" if is_gff3 else " ")
        key, rest = key.strip(" "), rest.strip(" ")
        if not is_gff3:
            rest = rest[1:].split('"')[0] if rest.startswith('"') else rest.split('"')[0]
        if value := rest.strip(" "):
            found.setdefault(key, value)
    return found, inside


def read_plainly(case: Case) -> tuple[list[tuple[str, str | None, str | None, int]], Counter[tuple[int, str]]]:
    """Features as id, name, version and start; and faults by line."""
    lines, faults = [], Counter[tuple[int, str]]()
    for number, line in enumerate(re.split("\r?\n", case.text), start=1):
        cells = line.split("\t")
        if len(cells) == 9 and re.search("(gene|transcript|RNA|_segment)$", cells[2]):
            attributes, is_open = attributes_of(cells[8], case.is_gff3)
            faults[number, "a quote in column 9 is never closed"] += is_open
            lines.append((number, cells, attributes))
    rows, seen = [], set[str]()
    names = [_own_name(attributes, cells[2]) for _, cells, attributes in lines]
    ids = [attributes.get("ID") for _, _, attributes in lines]
    for (number, cells, attributes), name in zip(lines, names, strict=True):
        parent = attributes.get("Parent")
        name = name or (names[ids.index(parent)] if parent and parent in ids else None)
        is_gene = cells[2].endswith("gene")
        feature = _feature_of(attributes, is_gene) or ""
        feature, name = (unquote(each) if each and case.is_gff3 else each for each in (feature, name))
        given = attributes.get("gene_version" if is_gene else "transcript_version") or attributes.get("version")
        parts = re.fullmatch(r"(ENS[GT](?:\d{11}|R\d{10}))\.(\d+)", feature or "")
        stem, version = (parts[1], parts[2]) if parts else (feature or "", given)
        faults[number, "no feature id"] += not stem
        faults[number, "the feature is repeated, if versions are ignored"] += stem in seen
        seen.add(stem)
        rows.append((stem, name, version, int(cells[3])))
    return rows, +faults


def _own_name(attributes: dict[str, str], kind: str) -> str | None:
    name = attributes.get("Name") if kind.endswith("gene") else None
    return attributes.get("gene_name") or name or attributes.get("gene")


def _feature_of(attributes: dict[str, str], is_gene: bool) -> str | None:
    own, transcript = attributes.get("ID"), attributes.get("transcript_id")
    bare = re.sub("^((gene|transcript|rna):|gene-)", "", own) if own else None
    if is_gene:
        return attributes.get("gene_id") or bare
    return (bare[4:] or None if bare and bare.startswith("rna-") and transcript else None) or transcript or bare


def compare(case: Case, path: Path) -> str:
    """What differs between the two readings; blank if nothing does."""
    path.write_bytes(case.text.encode())
    annotation, faults = read_annotation(str(path), "a", "auto", case.block)
    columns = (
        annotation.table.column(name).to_pylist() for name in ("feature_id", "gene_name", "feature_version", "start")
    )
    found, found_faults = list(zip(*columns, strict=True)), Counter((each.line or 0, each.text) for each in faults)
    right, right_faults = read_plainly(case)
    is_whole = right_faults.total() <= EXAMPLES_PER_RULE
    if (
        (found_faults != right_faults)
        if is_whole
        else (found_faults - right_faults or faults.total != right_faults.total())
    ):
        return f"faults: {dict(found_faults)}, should be {dict(right_faults)}"
    shown = [tuple(None if cell in ("", ".") and at else cell for at, cell in enumerate(row)) for row in right]
    return "" if found == shown else f"features: {found}, should be {shown}"
