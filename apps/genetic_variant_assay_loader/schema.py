"""The columns of the four tables of a genetic variant assay: their names, order and types, in one place.

`chr` has no prefix; positions are counted from 1. The readers of these tables filter by `chr`, `pos` and `bin`.
"""

from __future__ import annotations

import pyarrow as pa

_STRINGS = pa.list_(pa.field("element", pa.string()))

SAMPLE = pa.schema([("sample_id", pa.string())])

GENOTYPE = pa.schema([
    ("a_id", pa.string()), ("sample_id", pa.string()), ("locus_id", pa.string()), ("chr", pa.string()),
    ("pos", pa.int64()), ("type", pa.string()), ("genotype_quality", pa.int64()), ("depth", pa.int64()),
    ("ref_yn", pa.bool_()), ("halfref_yn", pa.bool_()), ("nocall_yn", pa.bool_()), ("bin", pa.int32()),
])  # fmt: skip

ALLELE = pa.schema([
    ("a_id", pa.string()), ("locus_id", pa.string()), ("dbsnp151_rsid", _STRINGS), ("chr", pa.string()),
    ("pos", pa.int64()), ("end_pos", pa.int64()), ("ref", pa.string()), ("alt", pa.string()),
    ("norm_pos", pa.int64()), ("norm_end_pos", pa.int64()), ("norm_ref", pa.string()), ("norm_alt", pa.string()),
    ("qual", pa.float64()), ("filter", pa.string()), ("allele_type", pa.string()), ("worst_effect", _STRINGS),
    ("gnomad201_alt_freq", pa.float64()), ("alt_freq", pa.float64()), ("ref_freq", pa.float64()),
    ("nc_freq", pa.float64()), ("gt_freq", pa.float64()), ("gt_count", pa.int64()), ("alt_count", pa.int64()),
    ("ref_count", pa.int64()), ("nc_count", pa.int64()), ("bin", pa.int32()),
])  # fmt: skip

ALLELE_PART = ALLELE.append(pa.field("called_count", pa.int64()))
"""Alleles as one piece counted them. `called_count`, the copies of any allele, is what frequencies over several pieces
need."""

GROUP = pa.field("group", pa.int32())
"""Beside `ALLELE_PART`: the number of the sample group that the piece is of."""

ANNOTATION = pa.schema([
    ("a_id", pa.string()), ("allele", pa.string()), ("effect", _STRINGS), ("putative_impact", pa.string()),
    ("gene_name", pa.string()), ("gene_id", pa.string()), ("feature_type", pa.string()), ("feature_id", pa.string()),
    ("transcript_biotype", pa.string()), ("rank", pa.int64()), ("total", pa.int64()), ("hgvs_c", pa.string()),
    ("hgvs_p", pa.string()), ("cdna_position", pa.int64()), ("cdna_len", pa.int64()), ("cds_position", pa.int64()),
    ("cds_len", pa.int64()), ("protein_position", pa.int64()), ("protein_len", pa.int64()), ("distance", pa.int64()),
    ("pos", pa.int64()), ("chr", pa.string()), ("bin", pa.int32()),
])  # fmt: skip
