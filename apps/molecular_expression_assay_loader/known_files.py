"""Files of quantifiers, archives and other tools that cannot be loaded as they are: what each is, and what to do."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from common.scan.files import format_of

OF_ONE_SAMPLE = "a file of one sample, whose columns are not samples"
AS_MANIFEST = (
    "Write its ids and the values wanted, TPM or counts, to a file with the header feature_id,value, one for each sample; give "
    "these files with a manifest, file_id,sample_id, that names them."
)
_AS_TEXT = "Save the table as CSV or TSV in UTF-8; of compressed files only gzip is read as it is."
_AS_COUNTS = "Give the values by sample that it was made from."


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What a file is, for a text that begins `this is`, and what the user is to do with it."""

    what: str
    remedy: str
    is_text: bool = True


_FIRST_LINES = {
    r'"[^"\t,\n]*"( "[^"\t,\n]*")+\n': KnownFile(
        "a table whose cells are separated by blanks",
        "Save it with commas or tabs between the cells (in R: write.csv).",
    ),
    r"# ?Program:featureCounts": KnownFile(
        "featureCounts' table with its comment",
        "Remove its first line; the columns Chr, Start, End, Strand and Length are then left out without more.",
    ),
    r"#1\.2\s": KnownFile("a GCT file", "Remove its first two lines."),
    r"#1\.3\s": KnownFile(
        "a GCT file of version 1.3",
        "Remove its first two lines and the rows of sample annotation below the header; name its columns of feature annotation in "
        "annotation_columns.",
    ),
    r"%%MatrixMarket": KnownFile(
        "an MTX file (Matrix Market), a matrix without names",
        "Write it as a long table, feature_id,sample_id,value, with the names of the features and barcodes files for its numbers.",
    ),
    r"N_unmapped\t": KnownFile(
        f"STAR's ReadsPerGene.out.tab, {OF_ONE_SAMPLE}", f"Leave out its four lines that begin with N_. {AS_MANIFEST}"
    ),
    "# gene-model:": KnownFile(
        f"a file of STAR's counts as the GDC gives it, {OF_ONE_SAMPLE}",
        f"Leave out its four lines that begin with N_. {AS_MANIFEST}",
    ),
    r"Status\t[^\n]*\n(Unassigned|Assigned)": KnownFile(
        "featureCounts' summary, which counts reads, not features", "Leave this file out."
    ),
    "##fileformat=VCF": KnownFile("a VCF", "Load it with the genetic_variant_assay_loader."),
    "(#[^\n]*\n)*([^\t\n]*\t){2}[^\t\n]+\t\\d+\t\\d+\t[^\t\n]*\t[-+.?]\t": KnownFile(
        "a GTF or GFF3", "Give it as feature_annotation, and as source_expression_data a table of values."
    ),
}
"""By how a file begins."""

_HEADERS = {
    ("name", "length", "effectivelength", "tpm", "numreads"): KnownFile(
        f"salmon's quant.sf, {OF_ONE_SAMPLE}", AS_MANIFEST
    ),
    ("target_id", "length", "eff_length", "est_counts", "tpm"): KnownFile(
        f"kallisto's abundance.tsv, {OF_ONE_SAMPLE}", AS_MANIFEST
    ),
    ("effective_length", "expected_count", "tpm", "fpkm"): KnownFile(f"RSEM's results, {OF_ONE_SAMPLE}", AS_MANIFEST),
    ("gene id", "gene name", "coverage", "fpkm", "tpm"): KnownFile(
        f"StringTie's gene_abund, {OF_ONE_SAMPLE}", AS_MANIFEST
    ),
    ("t_id", "t_name", "cov", "fpkm"): KnownFile(f"StringTie's t_data.ctab, {OF_ONE_SAMPLE}", AS_MANIFEST),
    ("tracking_id", "locus", "fpkm"): KnownFile(f"Cufflinks' fpkm_tracking, {OF_ONE_SAMPLE}", AS_MANIFEST),
    ("unstranded", "stranded_first", "stranded_second"): KnownFile(
        f"a file of STAR's counts as the GDC gives it, {OF_ONE_SAMPLE}", AS_MANIFEST
    ),
    ("mirna_id", "read_count"): KnownFile(f"a file of miRNA counts as the GDC gives it, {OF_ONE_SAMPLE}", AS_MANIFEST),
    ("basemean", "log2foldchange"): KnownFile("a table of differential expression by DESeq2", _AS_COUNTS),
    ("logfc", "logcpm"): KnownFile("a table of differential expression by edgeR", _AS_COUNTS),
    ("logfc", "aveexpr"): KnownFile("a table of differential expression by limma", _AS_COUNTS),
}
"""By the names that a header has among others, in lower case."""


def known_file(opening: bytes) -> KnownFile | None:
    """What a file is whose text begins with these bytes, if it is known not to be a matrix, long table or manifest."""
    if found := format_of(opening):
        return KnownFile(found, _AS_TEXT, is_text=False)
    text = opening.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace").replace("\r\n", "\n")
    for start, known in _FIRST_LINES.items():
        if re.match(start, text):
            return known
    lines = text.split("\n", 2)
    if lines[0].startswith("#") and len(lines) > 2 and len(_cells(lines[0])) != len(_cells(lines[1])):
        return KnownFile("a file that begins with a comment", "Remove the lines above the header.")
    names = {cell.strip().strip('"').lower() for cell in _cells(lines[0])}
    return next((known for header, known in _HEADERS.items() if names.issuperset(header)), None)


def _cells(line: str) -> list[str]:
    return line.split("\t" if "\t" in line else ",")
