"""Effects of alleles on genes: SnpEff's INFO/ANN (standard 1.0) and EFF, and VEP's INFO/CSQ (columns by the header) as
rows.

Sources: http://pcingola.github.io/SnpEff/adds/VCFannotationformat_v1.0.pdf, SnpEff's manual, and VEP's VCF output format.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from apps.genetic_variant_assay_loader import schema
from apps.genetic_variant_assay_loader.allele_names import find_snpeff_alleles, find_vep_alleles
from apps.genetic_variant_assay_loader.allele_table import AlleleIds
from common.genome import BIN_WIDTH
from common.vcf.header import VcfHeader
from common.vcf.lines import LineBlock, LineFaults, Positions
from common.vcf.sites import Sites, info_values
from resources import resource

NO_ALLELE = "annotations name no allele of their line and were not loaded"
_READ = ("ANN", "CSQ", "EFF")
_KEYS = (*_READ, "BCSQ", "vep")
_ANN_PLACES = {
    "allele": 0, "effect": 1, "putative_impact": 2, "gene_name": 3, "gene_id": 4, "feature_type": 5, "feature_id": 6,
    "transcript_biotype": 7, "rank": 8, "hgvs_c": 9, "hgvs_p": 10, "cdna": 11, "cds": 12, "protein": 13, "distance": 14,
}  # fmt: skip
_ANN_WIDTH = 16
_EFF_PLACES = {
    "effect": 0, "putative_impact": 1, "change": 4, "gene_name": 6, "transcript_biotype": 7, "feature_id": 9, "rank": 10,
    "allele": 11,
}  # fmt: skip
_EFF_WIDTHS = (12, 14)  # the last two are errors and warnings
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
    """Which INFO field holds annotations, the form of its entries, the least and the most parts of one, and where each of
    ours stands among them. `is_minimal` if VEP trimmed alleles before it named them."""

    key: str
    form: Literal["ANN", "EFF", "VEP"]
    widths: tuple[int, int]
    places: Mapping[str, int]
    is_minimal: bool = False


def annotation_scheme(header: VcfHeader, field: str | None = None) -> AnnotationScheme | None:
    """The scheme of `field`; by default that of ANN, CSQ or EFF, the first that the header declares. The header line tells
    the form: VEP's columns may be in any field (`--vcf_info_field ANN`). None if it does not."""
    key = field or next((key for key in _READ if key in header.info), "")
    columns = header.annotation_columns(key)
    places = {ours: columns.index(theirs) for ours, theirs in _CSQ_NAMES.items() if theirs in columns}
    if len(places) > 1 or (len(places) == len(columns) == 1):
        return AnnotationScheme(key, "VEP", (len(columns), len(columns)), places, "MINIMISED" in columns)
    if key == "EFF" or (key in header.info and "Effect_Impact" in header.info[key].description):
        return AnnotationScheme(key, "EFF", _EFF_WIDTHS, _EFF_PLACES)
    if key == "ANN" or "Annotation" in columns:
        width = len(columns) if len(columns) > max(_ANN_PLACES.values()) else _ANN_WIDTH
        return AnnotationScheme(key, "ANN", (width, width), _ANN_PLACES)
    return None


def unread_annotations(header: VcfHeader, scheme: AnnotationScheme | None) -> Mapping[str, str]:
    """INFO fields that may hold annotations but are not read, each with the reason."""
    reasons = {}
    for key in _KEYS:
        if scheme and (key == scheme.key or key not in {"ANN", "CSQ", *header.info}):
            continue
        reason = f"INFO/{scheme.key} is read instead" if scheme else "annotation_field does not name it"
        if key not in header.info:
            reason = "the header does not define it"
        elif annotation_scheme(header, key) is None:
            reason = "its header line has no Format with known parts"
        reasons[key] = f"INFO/{key} was not read, since {reason}"
    return reasons


def note_unread(block: LineBlock, sites: Sites, unread: Mapping[str, str], found: LineFaults) -> None:
    """Remarks on lines that hold annotations which are not read."""
    text = memoryview(sites.info.buffers()[2] or b"")
    for key, reason in unread.items():
        if re.search(f"{key}=".encode(), text):
            lines = np.asarray(info_values(sites.info, key).is_valid())
            found.remark(block.numbers[lines], reason)


def parse_annotations(
    block: LineBlock, sites: Sites, ids: AlleleIds, scheme: AnnotationScheme | None, found: LineFaults
) -> tuple[pa.Table, pa.Array]:
    """Rows of `schema.ANNOTATION`, and the worst effects per ALT allele. Entries of another width than the header's, and
    those that name no allele of their line, as some do where lines were split after they were annotated, are remarked on."""
    stated = info_values(sites.info, scheme.key) if scheme else pa.nulls(len(block), pa.string())
    lines = np.flatnonzero(np.asarray(stated.is_valid()))
    if scheme is None or not len(lines):
        return schema.ANNOTATION.empty_table(), _no_effects(len(sites.alt))
    lists = pc.split_pattern(stated.take(pa.array(lines)), ",")
    line = np.repeat(lines, np.asarray(pc.list_value_length(lists)))
    entries = lists.flatten()
    if scheme.form == "EFF":  # `effect(impact|…)`
        entries = pc.replace_substring(pc.utf8_rtrim(entries, ")"), "(", "|", max_replacements=1)
    parts = pc.split_pattern(entries, "|")
    counts = np.asarray(pc.list_value_length(parts))
    wrong = (counts < scheme.widths[0]) | (counts > scheme.widths[1])
    if wrong.any():
        text = f"entries of INFO/{scheme.key} were not read, since they do not have the {scheme.widths[0]} parts that its form has"
        found.remark(block.numbers[line[wrong]], text, "entry")
    start = (np.cumsum(counts) - counts)[~wrong]
    line, flat = line[~wrong], parts.flatten()
    columns = {name: _part(flat, start + place) for name, place in scheme.places.items()}
    alt = _find_alleles(columns, line, sites, scheme)
    found.remark(block.numbers[line[alt < 0]], NO_ALLELE, "entry")
    of_allele = alt >= 0
    of_allele[of_allele] = sites.is_allele[alt[of_allele]]
    kept = pa.array(np.flatnonzero(of_allele))
    columns = {name: values.take(kept) for name, values in columns.items()}
    table = _table(columns, sites, ids, alt[of_allele])
    return table, _worst_effects(table, alt[of_allele], len(sites.alt))


def _find_alleles(
    columns: Mapping[str, pa.Array], line: Positions, sites: Sites, scheme: AnnotationScheme
) -> Positions:
    if scheme.form == "VEP":
        return find_vep_alleles(columns.get("allele"), columns.get("allele_number"), line, sites, scheme.is_minimal)
    found = find_snpeff_alleles(columns["allele"], line, sites)
    if scheme.form == "EFF":  # its Genotype_Number is an ALT in some versions
        return np.where(found >= 0, found, find_vep_alleles(None, columns["allele"], line, sites, is_minimal=False))
    return found


def _part(flat: pa.Array, places: Positions) -> pa.Array:
    values = flat.take(pa.array(places))
    return pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)


def _table(columns: Mapping[str, pa.Array], sites: Sites, ids: AlleleIds, alt: Positions) -> pa.Table:
    absent = pa.nulls(len(alt), pa.string())
    given = {name: columns.get(name, absent) for name in (*_ANN_PLACES, "intron")}
    if "change" in columns:  # EFF: `p.Ala32Thr/c.94G>A`; `A32T` in older versions, which is not HGVS
        given["hgvs_p"] = pc.struct_field(pc.extract_regex(columns["change"], r"^(?P<value>p\.[^/]*)"), "value")
        given["hgvs_c"] = pc.struct_field(
            pc.extract_regex(columns["change"], r"(?:^|/)(?P<value>[cn]\.[^/]*)$"), "value"
        )
    exon = pc.coalesce(given["rank"], given["intron"])
    line = sites.alt_line[alt]
    built = {
        **given,
        "a_id": ids.a_id.take(pa.array(alt)),
        "effect": _terms(given["effect"]),
        "putative_impact": pc.ascii_upper(given["putative_impact"]),
        "gene_id": pc.replace_substring_regex(given["gene_id"], r"^(ENS[A-Z]*G\d+)\.\d+$", r"\1"),
        "rank": _integer(exon, _FIRST), "total": _integer(exon, _SECOND),
        "hgvs_c": _unescaped(given["hgvs_c"]), "hgvs_p": _unescaped(given["hgvs_p"]),
        "distance": _integer(given["distance"], _FIRST),
        "pos": pa.array(sites.pos[line]), "chr": sites.chr.take(pa.array(line)),
        "bin": pa.array(sites.pos[line] // BIN_WIDTH),
    }  # fmt: skip
    for name in ("cdna", "cds", "protein"):
        built[f"{name}_position"] = _integer(given[name], _FIRST)
        built[f"{name}_len"] = _integer(given[name], _SECOND)
    return pa.Table.from_arrays([built[of.name].cast(of.type) for of in schema.ANNOTATION], schema=schema.ANNOTATION)


def _terms(effect: pa.Array) -> pa.Array:
    """`a&b` as a list; an empty list for null."""
    lists = pc.split_pattern(effect, "&")
    return lists if not lists.null_count else pc.coalesce(lists, pa.scalar([], lists.type))


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
    effects = table["effect"].combine_chunks()
    used = np.flatnonzero(np.asarray(gene.is_valid()) & (np.asarray(pc.list_value_length(effects)) > 0))
    if not len(used):
        return _no_effects(alts)
    names, effects = gene.take(pa.array(used)).dictionary_encode(), effects.take(pa.array(used))
    code, of = np.asarray(names.indices), alt[used]
    severity = _severity(table["putative_impact"].combine_chunks().take(pa.array(used)), effects)
    order = np.lexsort((np.arange(len(of)), severity, code, of))
    group = np.concatenate(([True], (np.diff(of[order]) != 0) | (np.diff(code[order]) != 0)))
    worst = order[group]
    appearance = np.minimum.reduceat(order, np.flatnonzero(group))
    worst = worst[np.lexsort((appearance, of[worst]))]
    first = pc.list_element(effects.take(pa.array(worst)), 0)
    items = pc.binary_join_element_wise(names.dictionary.take(pa.array(code[worst])), first, ":")
    counts = np.bincount(of[worst], minlength=alts)
    return pa.ListArray.from_arrays(pa.array(np.concatenate(([0], np.cumsum(counts))).astype(np.int32)), items)


def _severity(impact: pa.Array, effects: pa.Array) -> npt.NDArray[np.int64]:
    """0 for HIGH to 3 for MODIFIER, 4 for none that is known; by the terms of the effect where no impact is given."""
    stated = pc.index_in(impact, _IMPACTS)
    if not stated.null_count:
        return np.asarray(stated).astype(np.int64)
    terms = pc.fill_null(pc.index_in(effects.flatten(), pa.array([*consequences()])), len(consequences()))
    ranks = np.array([*consequences().values(), len(_IMPACTS)])[np.asarray(terms)]
    lengths = np.asarray(pc.list_value_length(effects))
    by_term = np.minimum.reduceat(ranks, np.cumsum(lengths) - lengths)
    return np.asarray(pc.coalesce(stated.cast(pa.int64()), pa.array(by_term)))


@cache
def consequences() -> Mapping[str, int]:
    """The Sequence Ontology terms that VEP writes, each with the place of its impact in HIGH, MODERATE, LOW, MODIFIER."""
    content = json.loads(resource("consequences.json").read_text(encoding="utf-8"))
    return {term: _IMPACTS.index(impact).as_py() for impact, terms in content.items() for term in terms}


def _no_effects(alts: int) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(np.zeros(alts + 1, np.int32)), pa.array([], pa.string()))
