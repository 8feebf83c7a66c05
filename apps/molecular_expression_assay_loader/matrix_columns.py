"""The columns of a matrix: samples, and annotation, which is left out. Told from their names and from the first rows.

A name that could be either is refused, never guessed: a column of lengths loaded as a sample is a wrong value without a word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from apps.molecular_expression_assay_loader.known_files import AS_MANIFEST
from common.errors import Rule
from common.expression.feature_ids import is_ensembl_id
from common.faults import Faults, Place

_HEADER_REMEDY = "Write a header above it: feature_id and the names of the samples."
_HTSEQ_REMEDY = (
    "Leave out its summary rows, write the header feature_id,value above it, and give it with a manifest, file_id,sample_id, that "
    "names the file of each sample."
)
_LONG_AS = "a long table has the header feature_id,sample_id,value, in this order and without other columns"
_MANIFEST_AS = "a manifest has the header file_id,sample_id"

_ANNOTATION = frozenset(
    """
    entrezgeneid entrezid entrez entrezgene geneid genename genesymbol symbol hugosymbol hgncsymbol hgncid externalgenename
    geneshortname description genedescription length genelength transcriptlength efflength effectivelength exonlength medianlength
    chr chrom chromosome chromosomename seqname seqnames seqid strand txstart txend startposition endposition genestart geneend
    genebiotype biotype genetype genestatus transcripttype transcriptbiotype classcode transcriptid transcriptids transcriptname
    ensembl ensemblid ensemblgeneid ensembltranscriptid ensg uniprot uniprotid swissprot refseq refseqid refseqaccession unigene
    proteinid probeid geneversion featuretype exoncount numexons tssid nearestrefid gccontent percentagegenegccontent cytoband
    featureid locustag
    """.split()  # noqa: SIM905 - a list of words, one a line, would be a page
)
_UNSURE = frozenset(
    """
    start end stop width position pos location locus name id class source level type band map score reference contig gc biotypes tag
    product note accession family group category transcript gene
    count counts readcount readcounts tpm fpkm fpkmuq rpkm cpm value values expression coverage numreads estcounts expectedcount
    mean average median sum total min max sd var stddev variance basemean logfc log2foldchange lfcse stat pvalue pval padj fdr qvalue
    logcpm aveexpr
    """.split()  # noqa: SIM905 - as above
)
"""Names that are probably not those of samples."""

_MEASURES = frozenset({
    "count", "counts", "readcount", "readcounts", "tpm", "fpkm", "fpkmuq", "rpkm", "cpm", "value", "values", "expression",
    "estcounts",
})  # fmt: skip
_SAMPLE = frozenset(
    """
    sample sampleid samplename samples samplebarcode tumorsamplebarcode barcode aliquot aliquotid patient patientid subject subjectid
    donor donorid run runid library libraryid cell cellid cellline variable
    """.split()  # noqa: SIM905 - as above
)
_IDS = _ANNOTATION | _SAMPLE | {
    "", "id", "ids", "gene", "genes", "feature", "features", "name", "transcript", "target", "targetid", "index", "g",
}  # fmt: skip
"""Names of a column of feature ids."""

_NUMBER = re.compile(
    r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*|\s*[+-]?(nan|inf(inity)?)\s*", re.ASCII | re.IGNORECASE
)
_WORD = re.compile(r"[^\W\d_]")
_LIKE_MISSING = frozenset({"", "na", "n/a", "#n/a", "null", "none", "nd", "-", "--", ".", "?"})


def plan_columns(
    header: Sequence[str], rows: Sequence[Sequence[str]], stated: Collection[str], file: str, shown: str, faults: Faults
) -> tuple[tuple[int, str], ...]:
    """The columns that are not samples, by their places after the ids: those `stated` and those known to be annotation. `rows` are
    the first of the file, `shown` is the header as faults show it.

    Adds faults 102 and 103 for a header that is not of a matrix, and for columns that may not be samples.
    """
    place = Place(file, 1)
    if found := _other_shape(header, rows):
        faults.add(Rule.EXPRESSION_HEADER, found[0], place, value=shown, remedy=found[1])
        return ()
    texts = {at: cell for at in range(1, len(header)) if (cell := _text_of(at, rows, len(header))) is not None}
    keys = {_key(name) for name in header[1:]}
    has_annotation = bool(keys & _ANNOTATION) or {"start", "end"} <= keys
    left_out: list[tuple[int, str]] = []
    kept = Counter[str]()
    for at, name in enumerate(header[1:], start=1):
        key = _key(name)
        if name in stated or key in _ANNOTATION or (key in _UNSURE - _MEASURES and (at in texts or has_annotation)):
            left_out.append((at - 1, name))
        else:
            kept[name] += 1
            _validate_sample(at, header, texts.get(at), place, faults)
    if not kept:
        text, remedy = "no column is a sample: all are annotation", "Give a table with a column for each sample."
        faults.add(Rule.EXPRESSION_HEADER, text, place, value=shown, remedy=remedy)
    for name, count in kept.items():
        if name and count > 1:
            text = f"the sample heads {count:,} columns"
            faults.add(Rule.DUPLICATE_FEATURE, text, replace(place, field=name), value=name)
    return tuple(left_out)


def _validate_sample(at: int, header: Sequence[str], text: str | None, place: Place, faults: Faults) -> None:
    """A fault if column `at` has no name, holds texts such as `text`, or has a name that may not be that of a sample."""
    name, key = header[at], _key(header[at])
    if not name:
        said = f"column {at + 1:,} has no sample name"
        remedy = "Give the column a name; or remove it, with its delimiter, from every line."
    elif text is not None:
        said = f"column {at + 1:,} holds texts, such as {text!r}, so it is not a sample"
        remedy = _text_remedy(name, header)
    elif key in _UNSURE:
        said = f"column {at + 1:,} is named like annotation or like a figure, so it may not be a sample"
        remedy = _unsure_remedy(key, header)
    else:
        return
    faults.add(Rule.EXPRESSION_HEADER, said, replace(place, field=name), value=name, remedy=remedy)


def _other_shape(header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, str] | None:
    """What is wrong with a header that is not of a matrix, and what to do."""
    keys, cells = {_key(name) for name in header}, header[1:]
    if is_ensembl_id(header[0]) or (
        all(map(_NUMBER.fullmatch, cells))
        and _key(header[0]) not in _IDS
        and (len(cells) == 1 or len(set(cells)) < len(cells))
    ):
        text = "the first line begins with a feature id, so the file has no header"
        return (f"{text}, as HTSeq writes it", _HTSEQ_REMEDY) if len(cells) == 1 else (text, _HEADER_REMEDY)
    if is_ensembl_id(cells[0]):
        return "features head the columns", "Turn the table, so that features are its rows and samples its columns."
    if {"file_id", "sample_id"} <= set(header):
        return "not the columns of a manifest, in this order", f"Correct the header: {_MANIFEST_AS}."
    if {"feature_id", "sample_id"} <= set(header) or (keys & _SAMPLE and keys & _MEASURES and len(header) > 2):
        return "this is a long table with another header", f"Correct the header: {_LONG_AS}."
    if (
        _key(header[0]) not in _ANNOTATION
        and _are_row_numbers([row[0].strip() for row in rows])
        and _text_of(1, rows, len(header)) is not None
    ):
        name = f"is named {header[0]!r}" if header[0] else "has no name"
        text = f"column 1 {name} and holds row numbers; the feature ids are in column 2, {cells[0]}"
        return text, "Remove column 1 from every line."
    return None


def _are_row_numbers(ids: Sequence[str]) -> bool:
    """Whether these count up from 0 or 1."""
    return len(ids) > 1 and any(list(ids) == [str(start + at) for at in range(len(ids))] for start in (0, 1))


def _key(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


def _text_of(at: int, rows: Sequence[Sequence[str]], width: int) -> str | None:
    """A text of a column that has words and no number, at least in these rows; None for a column of numbers, or if there is some
    doubt: one text that repeats may stand for missing values."""
    cells = [row[at].strip() for row in rows if len(row) == width]
    texts = {cell: None for cell in cells if cell.lower() not in _LIKE_MISSING}
    if (
        not all(map(_WORD.search, texts))
        or any(map(_NUMBER.fullmatch, texts))
        or len(texts) < (1 if width == 3 and at == 1 else 2)
    ):
        return None
    return next(iter(texts))


def _text_remedy(name: str, header: Sequence[str]) -> str:
    remedy = f"If it is annotation, name it in annotation_columns: {name}."
    if len(header) == 2:
        return f"If the file is a manifest: {_MANIFEST_AS}. {remedy}"
    return f"{remedy} If the file is a long table: {_LONG_AS}." if len(header) == 3 else remedy


def _unsure_remedy(key: str, header: Sequence[str]) -> str:
    if len(header) == 2 and key in _MEASURES:
        return f"If it is a sample, put the sample's name in its place. {AS_MANIFEST}"
    return "If it is not a sample, name it in annotation_columns; if it is one, give the sample another name."
