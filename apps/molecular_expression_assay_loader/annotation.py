"""Where features lie on the genome and what their genes are called: from GTF, GFF3 or a table of the annotation columns.

Formats: GTF 2.2 (https://mblab.wustl.edu/GTF22.html) as Ensembl and GENCODE write it, GFF3
(https://github.com/The-Sequence-Ontology/Specifications/blob/master/gff3.md). Positions are 1-based and inclusive.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.molecular_expression_assay_loader.scratch import TaskPlan, read_arrow, write_arrow
from common.errors import Rule
from common.expression.feature_ids import parse_feature_ids
from common.expression.feature_lines import BLOCK_BYTES, FeatureLines, read_feature_lines
from common.faults import EXAMPLES_PER_RULE, Faults, Place
from common.genome import BIN_WIDTH, chromosomes
from common.tables.shuffle import buckets_of

ANNOTATION_COLUMNS = pa.schema(
    [("feature_id", pa.string()), ("gene_name", pa.string()), ("CHROM", pa.string()), ("start", pa.int64()),
     ("end", pa.int64()), ("strand", pa.string()), ("feature_version", pa.string())]
)  # fmt: skip
"""The columns of `expr_annotation`."""

_GENE_TYPE = "gene$"
_TRANSCRIPT_TYPE = "(transcript|RNA|_segment)$"
_ID_PREFIX = "^(gene|transcript|rna)[:-]"
"""Prefixes of ids in GFF3: Ensembl `gene:ENSG00000097007`, NCBI `gene-ABL1`. NCBI's `transcript_id` stands on every copy of a
transcript, its `rna-…` on one; without a `transcript_id` it repeats the gene's id (`rna-MIR6859-1`), and stays as it is.
"""


@dataclass(frozen=True)
class Annotation:
    """Annotated features, each once: `table` has `ANNOTATION_COLUMNS`, and `chr` and `bin`, null where a feature has no place."""

    table: pa.Table

    def places(self, features: pa.Array) -> pa.Table:
        """The rows of these features, in their order; nulls for features without annotation. An id is also found that still has
        the prefix of GFF3 (`gene-ABL1`)."""
        known = self.table.column("feature_id").combine_chunks()
        found = pc.index_in(features, value_set=known)
        if found.null_count and pc.any(pc.match_substring_regex(features, _ID_PREFIX)).as_py():
            found = pc.coalesce(
                found, pc.index_in(pc.replace_substring_regex(features, _ID_PREFIX, ""), value_set=known)
            )
        return self.table.take(found)

    def buckets(self, features: pa.Array, buckets: int) -> np.ndarray:
        """The bucket of each feature: by its chromosome and bin, so that a bin is whole in one bucket; by its id if it has none."""
        places = self.places(features)
        chrom, bins = (places.column(name).combine_chunks() for name in ("chr", "bin"))
        keys = pc.binary_join_element_wise(chrom, bins.cast(pa.string()), "/")
        return buckets_of(pc.coalesce(keys, features).dictionary_encode(), buckets)


def read_places(plan: TaskPlan) -> Annotation:
    """The annotation that the plan names; an empty one if it names none."""
    return _read_places(plan.annotation) if plan.annotation else empty_annotation()


@lru_cache(maxsize=2)
def _read_places(path: str) -> Annotation:
    return Annotation(read_arrow(path).combine_chunks())


def empty_annotation() -> Annotation:
    """The annotation of a load that was given none."""
    return Annotation(_add_bins(ANNOTATION_COLUMNS.empty_table()))


@dataclass(frozen=True, slots=True)
class AnnotationTask:
    """An annotation file to read, and where to leave what it says for `read_places`."""

    path: str
    name: str
    id_type: str
    target: str


def load_annotation(task: AnnotationTask) -> Faults:
    """Reads an annotation file in a task; returns its faults."""
    annotation, faults = read_annotation(task.path, task.name, task.id_type)
    write_arrow(task.target, annotation.table)
    return faults


def read_annotation(path: str, name: str, id_type: str, block_bytes: int = BLOCK_BYTES) -> tuple[Annotation, Faults]:
    """Genes and transcripts of an annotation file, with its faults (109). Raises `AppError` 65 for a file that cannot be read."""
    faults = Faults()
    lines = read_feature_lines(path, name, faults, block_bytes)
    if lines is None:
        return empty_annotation(), faults
    rows = _rows_of_features(lines) if lines.is_gff else lines.cells
    parsed = parse_feature_ids(pc.fill_null(rows.column("feature_id"), "").combine_chunks(), id_type)
    start, end = (_positions(rows, lines, name, column, faults) for column in ("start", "end"))
    chrom = chromosomes(_text(rows, "CHROM").combine_chunks())
    strand = _text(rows, "strand")
    _validate_rows(rows, parsed.ids, start, end, strand, name, faults)
    table = pa.table(
        [parsed.ids, _text(rows, "gene_name"), chrom, start, end,
         pc.if_else(pc.is_in(strand, pa.array(["+", "-"])), strand, None),
         pc.coalesce(parsed.versions, _text(rows, "feature_version"))],
        schema=ANNOTATION_COLUMNS,
    )  # fmt: skip
    return Annotation(_add_bins(table)), faults


def _add_bins(table: pa.Table) -> pa.Table:
    has_place = pc.and_(table.column("CHROM").is_valid(), table.column("start").is_valid())
    chrom = pc.if_else(has_place, table.column("CHROM"), pa.scalar(None, pa.string()))
    bins = pc.if_else(has_place, pc.divide(table.column("start"), BIN_WIDTH), pa.scalar(None, pa.int64()))
    return table.append_column("chr", chrom).append_column("bin", bins)


def _text(rows: pa.Table, column: str) -> pa.ChunkedArray:
    """A column with null for blank cells; all null if the file has none of that name."""
    if column not in rows.column_names:
        return pa.chunked_array([pa.nulls(rows.num_rows, pa.string())])
    cells = rows.column(column)
    return pc.if_else(pc.is_in(cells, pa.array(["", "."] if column != "strand" else [""])), None, cells)


def _rows_of_features(lines: FeatureLines) -> pa.Table:
    """Genes and transcripts among the lines of a GTF or GFF3, with the columns of an annotation table and `line`."""
    cells = lines.cells
    is_gene = pc.match_substring_regex(cells.column("type"), _GENE_TYPE)
    is_transcript = pc.match_substring_regex(cells.column("type"), _TRANSCRIPT_TYPE)
    kept = pc.or_(is_gene, is_transcript)
    is_gene, cells = is_gene.filter(kept), cells.filter(kept)
    own_id = pc.replace_substring_regex(cells.column("ID"), "^((gene|transcript|rna):|gene-)", "")
    of_ncbi = pc.and_(pc.starts_with(own_id, "rna-"), cells.column("transcript_id").is_valid())
    gene_name = pc.coalesce(
        cells.column("gene_name"), pc.if_else(is_gene, cells.column("Name"), None), cells.column("gene")
    )
    parent = pc.index_in(cells.column("Parent"), value_set=cells.column("ID").combine_chunks(), skip_nulls=True)
    return pa.table(
        {
            "feature_id": _decoded(pc.if_else(
                is_gene,
                pc.coalesce(cells.column("gene_id"), own_id),
                pc.coalesce(pc.if_else(of_ncbi, pc.utf8_slice_codeunits(own_id, 4), None), cells.column("transcript_id"), own_id),
            ), lines.is_gff3),
            "gene_name": _decoded(pc.coalesce(gene_name, gene_name.take(parent)), lines.is_gff3),
            "CHROM": cells.column("CHROM"), "start": cells.column("start"), "end": cells.column("end"),
            "strand": cells.column("strand"), "line": cells.column("line"),
            "feature_version": pc.coalesce(
                pc.if_else(is_gene, cells.column("gene_version"), cells.column("transcript_version")),
                cells.column("version"),
            ),
        }
    )  # fmt: skip


def _decoded(names: pa.ChunkedArray, is_gff3: bool) -> pa.ChunkedArray:
    """GFF3 writes reserved characters as %XX."""
    if not is_gff3 or not pc.any(pc.match_substring(names, "%")).as_py():
        return names
    return pa.chunked_array([pa.array([unquote(name) if name else name for name in names.to_pylist()], pa.string())])


def _positions(rows: pa.Table, lines: FeatureLines, name: str, column: str, faults: Faults) -> pa.ChunkedArray:
    """Positions as integers, null where blank in a table; a fault for each that is not a whole number from 1 on."""
    texts = _text(rows, column)
    is_number = pc.fill_null(pc.match_substring_regex(texts, r"^[1-9]\d{0,11}$"), False)
    may_be_blank = pc.and_(texts.is_null(), not lines.is_gff)
    wrong = pc.invert(pc.or_(is_number, may_be_blank))
    _add(faults, rows, wrong, name, column, "not a position: a whole number from 1 on")
    return pc.if_else(is_number, texts, None).cast(pa.int64())


def _validate_rows(
    rows: pa.Table, ids: pa.Array, start: pa.Array, end: pa.Array, strand: pa.Array, name: str, faults: Faults
) -> None:
    _add(faults, rows, pc.equal(ids, ""), name, "feature_id", "no feature id")
    _add(faults, rows, pc.fill_null(pc.less(end, start), False), name, "end", "the end is before the start")
    known = pc.or_(pc.is_null(strand), pc.is_in(strand, pa.array(["+", "-", ".", "?"])))
    _add(faults, rows, pc.invert(known), name, "strand", "not +, - or .")
    codes = ids.dictionary_encode().indices.to_numpy()
    first = np.zeros(len(ids), dtype=bool)
    first[np.unique(codes, return_index=True)[1]] = True
    _add(faults, rows, pa.array(~first), name, "feature_id", "the feature is repeated, if versions are ignored")
    if not len(ids):
        faults.add(Rule.ANNOTATION_FILE, "no gene or transcript in the file", Place(name))


def _add(faults: Faults, rows: pa.Table, wrong: pa.Array, name: str, column: str, text: str) -> None:
    at = np.flatnonzero(np.asarray(wrong))
    for row in rows.take(pa.array(at[:EXAMPLES_PER_RULE])).to_pylist():
        faults.add(Rule.ANNOTATION_FILE, text, Place(name, row["line"], field=column), value=row[column])
    faults.add_count(Rule.ANNOTATION_FILE, max(0, len(at) - EXAMPLES_PER_RULE))
