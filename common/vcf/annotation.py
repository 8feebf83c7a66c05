"""Effects of alleles on genes: SnpEff's INFO/ANN (standard 1.0) and VEP's INFO/CSQ (columns by the header) as rows.

Sources: http://pcingola.github.io/SnpEff/adds/VCFannotationformat_v1.0.pdf, and VEP's VCF output format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.vcf import schema
from common.vcf.alleles import AlleleIds
from common.vcf.header import VcfHeader
from common.vcf.lines import LineBlock, LineFaults, Positions
from common.vcf.sites import Sites, info_values

_ANN_PLACES = {
    "allele": 0, "effect": 1, "putative_impact": 2, "gene_name": 3, "gene_id": 4, "feature_type": 5, "feature_id": 6,
    "transcript_biotype": 7, "rank": 8, "hgvs_c": 9, "hgvs_p": 10, "cdna": 11, "cds": 12, "protein": 13, "distance": 14,
}  # fmt: skip
_ANN_WIDTH = 16
_CSQ_NAMES = {
    "allele": "Allele", "effect": "Consequence", "putative_impact": "IMPACT", "gene_name": "SYMBOL", "gene_id": "Gene",
    "feature_type": "Feature_type", "feature_id": "Feature", "transcript_biotype": "BIOTYPE", "rank": "EXON",
    "intron": "INTRON", "hgvs_c": "HGVSc", "hgvs_p": "HGVSp", "cdna": "cDNA_position", "cds": "CDS_position",
    "protein": "Protein_position", "distance": "DISTANCE", "allele_number": "ALLELE_NUM",
}  # fmt: skip
_IMPACTS = pa.array(["HIGH", "MODERATE", "LOW", "MODIFIER"])
_ESCAPED = {"%3D": "=", "%3B": ";", "%2C": ",", "%25": "%"}  # VCF 4.3, section 1.2
_FIRST, _SECOND = r"^(?P<value>-?\d{1,18})(?:\D|$)", r"/(?P<value>\d{1,18})$"


@dataclass(frozen=True, slots=True)
class AnnotationScheme:
    """Which INFO field holds annotations, how many parts an entry has, and where each of ours stands among them. `is_vep`
    if alleles are named as VEP names them, not as SnpEff does."""

    key: str
    width: int
    places: Mapping[str, int]
    is_vep: bool


def annotation_scheme(header: VcfHeader) -> AnnotationScheme | None:
    """ANN if the header declares it, else CSQ, else None. VEP's columns may stand in ANN too (`--vcf_info_field ANN`)."""
    key = "ANN" if "ANN" in header.info else "CSQ"
    columns = header.annotation_columns(key)
    places = {ours: columns.index(theirs) for ours, theirs in _CSQ_NAMES.items() if theirs in columns}
    if key == "ANN" and "effect" not in places:
        width = len(columns) if len(columns) > max(_ANN_PLACES.values()) else _ANN_WIDTH
        return AnnotationScheme(key, width, _ANN_PLACES, is_vep=False)
    return AnnotationScheme(key, len(columns), places, is_vep=True) if "allele" in places else None


def parse_annotations(
    block: LineBlock, sites: Sites, ids: AlleleIds, scheme: AnnotationScheme | None, found: LineFaults
) -> tuple[pa.Table, pa.Array, int]:
    """Rows of `schema.ANNOTATION`, the worst effects per ALT allele, and how many entries name no allele of their line.

    Such entries are left where lines were split after they were annotated.
    """
    stated = info_values(sites.info, scheme.key) if scheme else pa.nulls(len(block), pa.string())
    lines = np.flatnonzero(np.asarray(stated.is_valid()))
    if scheme is None or not len(lines):
        return schema.ANNOTATION.empty_table(), _no_effects(len(sites.alt)), 0
    lists = pc.split_pattern(stated.take(pa.array(lines)), ",")
    line = np.repeat(lines, np.asarray(pc.list_value_length(lists)))
    parts = pc.split_pattern(lists.flatten(), "|")
    wrong = np.asarray(pc.list_value_length(parts)) != scheme.width
    if wrong.any():
        at = np.unique(line[wrong])
        text = f"an entry has not the {scheme.width} parts that the header names"
        found.add(block.numbers[at], 212, f"INFO/{scheme.key}", text, stated.take(pa.array(at)))
        return schema.ANNOTATION.empty_table(), _no_effects(len(sites.alt)), 0
    flat = parts.flatten()
    start = np.arange(len(line)) * scheme.width
    columns = {name: _part(flat, start + place) for name, place in scheme.places.items()}
    alt = _match_alleles(columns, line, sites, scheme)
    of_allele = alt >= 0
    of_allele[of_allele] = sites.is_allele[alt[of_allele]]
    kept = pa.array(np.flatnonzero(of_allele))
    columns = {name: values.take(kept) for name, values in columns.items()}
    table = _table(columns, sites, ids, alt[of_allele])
    return table, _worst_effects(table, alt[of_allele], len(sites.alt)), int((alt < 0).sum())


def _part(flat: pa.Array, places: Positions) -> pa.Array:
    values = flat.take(pa.array(places))
    return pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)


def _match_alleles(
    columns: Mapping[str, pa.Array], line: Positions, sites: Sites, scheme: AnnotationScheme
) -> Positions:
    """Which ALT of the block each entry is about; -1 for none of its line's."""
    given = pc.fill_null(columns.get("allele_number", pa.nulls(len(line), pa.string())), "")
    if pc.all(pc.match_substring_regex(given, r"^\d{1,9}$")).as_py():
        number = np.asarray(given.cast(pa.int64()))
        in_line = (number >= 1) & (number <= np.diff(sites.first_alt)[line])
        return np.where(in_line, sites.first_alt[line] + number - 1, -1)
    known, of = [_keyed(sites.alt_line, sites.alt)], [np.arange(len(sites.alt))]
    if scheme.is_vep:
        trimmed, at = _trimmed_as_vep(sites)
        known.append(_keyed(sites.alt_line[at], trimmed))
        of.append(at)
    named = pc.fill_null(columns["allele"], "-")
    if not scheme.is_vep:
        # SnpEff writes an allele compared with another as `G-C`, and a compound one as `G-…`.
        named = pc.struct_field(pc.extract_regex(named, r"^(?P<allele>[^-]+)"), "allele")
    place = pc.index_in(_keyed(line, pc.ascii_upper(named)), _upper_keys(known))
    found = np.asarray(pc.fill_null(place, -1)).astype(np.int64)
    return np.where(found >= 0, np.concatenate(of)[found], -1)


def _keyed(line: Positions, text: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(pa.array(line).cast(pa.string()), text, " ")


def _upper_keys(known: list[pa.Array]) -> pa.Array:
    return pc.ascii_upper(pa.concat_arrays(known))


def _trimmed_as_vep(sites: Sites) -> tuple[pa.Array, Positions]:
    """ALTs as VEP names them on lines whose alleles differ in length and all begin alike: without that base, `-` for
    nothing."""
    length = np.asarray(pc.binary_length(sites.alt))
    ref_of = sites.ref.take(pa.array(sites.alt_line))
    differs = length != np.asarray(pc.binary_length(ref_of))
    alike = np.asarray(pc.equal(pc.utf8_slice_codeunits(sites.alt, 0, 1), pc.utf8_slice_codeunits(ref_of, 0, 1)))
    alike |= ~sites.is_allele
    lines = len(sites.pos)
    indel = np.bincount(sites.alt_line[differs], minlength=lines) > 0
    unlike = np.bincount(sites.alt_line[~alike], minlength=lines) > 0
    at = np.flatnonzero((indel & ~unlike)[sites.alt_line] & sites.is_bases)
    rest = pc.utf8_slice_codeunits(sites.alt.take(pa.array(at)), 1)
    return pc.if_else(pc.equal(rest, ""), "-", rest), at


def _table(columns: Mapping[str, pa.Array], sites: Sites, ids: AlleleIds, alt: Positions) -> pa.Table:
    absent = pa.nulls(len(alt), pa.string())
    given = {name: columns.get(name, absent) for name in (*_ANN_PLACES, "intron")}
    exon = pc.coalesce(given["rank"], given["intron"])
    line = sites.alt_line[alt]
    built = {
        **given,
        "a_id": ids.a_id.take(pa.array(alt)),
        "effect": pc.split_pattern(pc.fill_null(given["effect"], ""), "&"),
        "putative_impact": pc.ascii_upper(given["putative_impact"]),
        "gene_id": pc.replace_substring_regex(given["gene_id"], r"^(ENS[A-Z]*G\d+)\.\d+$", r"\1"),
        "rank": _integer(exon, _FIRST), "total": _integer(exon, _SECOND),
        "hgvs_c": _unescaped(given["hgvs_c"]), "hgvs_p": _unescaped(given["hgvs_p"]),
        "distance": _integer(given["distance"], _FIRST),
        "pos": pa.array(sites.pos[line]), "chr": sites.chr.take(pa.array(line)),
        "bin": pa.array(sites.pos[line] // schema.BIN_WIDTH),
    }  # fmt: skip
    for name in ("cdna", "cds", "protein"):
        built[f"{name}_position"] = _integer(given[name], _FIRST)
        built[f"{name}_len"] = _integer(given[name], _SECOND)
    return pa.Table.from_arrays([built[of.name].cast(of.type) for of in schema.ANNOTATION], schema=schema.ANNOTATION)


def _integer(text: pa.Array, pattern: str) -> pa.Array:
    """`12/305`, `12` or `12-15`: the first number, or the one after the slash."""
    return pc.struct_field(pc.extract_regex(text, pattern), "value").cast(pa.int64())


def _unescaped(text: pa.Array) -> pa.Array:
    for code, character in _ESCAPED.items():
        text = pc.replace_substring(text, code, character)
    return text


def _worst_effects(table: pa.Table, alt: Positions, alts: int) -> pa.Array:
    """Per ALT `GENE:effect` for each of its genes in order of appearance: the effect of highest impact, the first on
    ties."""
    gene = pc.coalesce(table["gene_name"], table["gene_id"]).combine_chunks()
    with_gene = np.flatnonzero(np.asarray(gene.is_valid()))
    if not len(with_gene):
        return _no_effects(alts)
    names = gene.take(pa.array(with_gene)).dictionary_encode()
    code, of = np.asarray(names.indices), alt[with_gene]
    impact = table["putative_impact"].combine_chunks().take(pa.array(with_gene))
    severity = np.asarray(pc.fill_null(pc.index_in(impact, _IMPACTS), len(_IMPACTS)))
    order = np.lexsort((np.arange(len(of)), severity, code, of))
    group = np.concatenate(([True], (np.diff(of[order]) != 0) | (np.diff(code[order]) != 0)))
    worst = order[group]
    appearance = np.minimum.reduceat(order, np.flatnonzero(group))
    worst = worst[np.lexsort((appearance, of[worst]))]
    effects = pc.list_element(table["effect"].combine_chunks().take(pa.array(with_gene[worst])), 0)
    items = pc.binary_join_element_wise(names.dictionary.take(pa.array(code[worst])), effects, ":")
    counts = np.bincount(of[worst], minlength=alts)
    return pa.ListArray.from_arrays(pa.array(np.concatenate(([0], np.cumsum(counts))).astype(np.int32)), items)


def _no_effects(alts: int) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(np.zeros(alts + 1, np.int32)), pa.array([], pa.string()))
