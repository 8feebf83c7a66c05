"""SnpEff's ANN and VEP's CSQ as rows, and the worst effect of each gene."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

ANN = '##INFO=<ID=ANN,Number=.,Type=String,Description="Functional annotations">\n'
CSQ = (
    '##INFO=<ID=CSQ,Number=.,Type=String,Description="Consequence annotations from Ensembl VEP. Format: '
    'Allele|Consequence|IMPACT|SYMBOL|Gene|Feature_type|Feature|EXON|INTRON|HGVSp|CDS_position|DISTANCE">\n'
)


def test_ann_entries_become_rows_of_their_allele(load: Callable[..., Any]) -> None:
    entry = "G|missense_variant&splice_region_variant|MODERATE|G1|ENSG01.4|transcript|ENST1.8|protein_coding|2/10|c.5A>G|p.A2G|12/900|5/800|2/266||"
    other = "C|downstream_gene_variant|MODIFIER|G2|ENSG02|transcript|ENST2.1|retained_intron||n.*6A>C|||||-17|"
    loaded = load(f"1 100 . A C,G . . AC=1;ANN={entry},{other};DB", meta=ANN)
    columns = ("a_id", "allele", "effect", "putative_impact", "gene_name", "gene_id", "feature_type", "feature_id",
               "transcript_biotype", "rank", "total", "hgvs_c", "hgvs_p", "cdna_position", "cdna_len", "cds_position",
               "cds_len", "protein_position", "protein_len", "distance", "pos", "chr", "bin")  # fmt: skip
    assert loaded.rows("annotations", *columns) == [
        ("1_100_A_G", "G", ["missense_variant", "splice_region_variant"], "MODERATE", "G1", "ENSG01", "transcript", "ENST1.8",
         "protein_coding", 2, 10, "c.5A>G", "p.A2G", 12, 900, 5, 800, 2, 266, None, 100, "1", 0),
        ("1_100_A_C", "C", ["downstream_gene_variant"], "MODIFIER", "G2", "ENSG02", "transcript", "ENST2.1",
         "retained_intron", None, None, "n.*6A>C", None, None, None, None, None, None, None, -17, 100, "1", 0),
    ]  # fmt: skip
    assert loaded.rows("alleles", "a_id", "worst_effect") == [
        ("1_100_A_C", ["G2:downstream_gene_variant"]),
        ("1_100_A_G", ["G1:missense_variant"]),
    ]


def test_the_worst_effect_of_a_gene_is_of_the_highest_impact_the_first_on_ties(load: Callable[..., Any]) -> None:
    def entry(effect: str, impact: str, gene: str) -> str:
        return f"C|{effect}|{impact}|{gene}||||||||||||"

    entries = [
        entry("intron_variant", "MODIFIER", "B"), entry("stop_gained", "HIGH", "A"), entry("missense_variant", "MODERATE", "B"),
        entry("frameshift_variant", "HIGH", "A"), entry("intergenic_region", "MODIFIER", ""),
    ]  # fmt: skip
    loaded = load(f"1 100 . A C,T . . ANN={','.join(entries)}", "1 200 . A C . . .", meta=ANN)
    assert loaded.rows("alleles", "worst_effect") == [(["B:missense_variant", "A:stop_gained"],), ([],), ([],)]
    assert loaded.annotations.num_rows == 5


def test_csq_is_read_by_the_format_of_the_header(load: Callable[..., Any]) -> None:
    lines = (
        "1 100 . A C . . CSQ=C|missense_variant|MODERATE|G1|ENSG1|Transcript|ENST1|10/11||p.Ala3%3D|1001-1003|",
        "1 200 . CAG C,CAGT . . CSQ=-|intron_variant|MODIFIER|G1|ENSG1|Transcript|ENST1||9/9||?-12|,AGT|upstream_gene_variant|MODIFIER|G2|ENSG2|Transcript|ENST2|||||443",
    )
    loaded = load(*lines, meta=CSQ)
    columns = ("a_id", "allele", "effect", "gene_name", "rank", "total", "hgvs_p", "cds_position", "distance")
    assert loaded.rows("annotations", *columns) == [
        ("1_100_A_C", "C", ["missense_variant"], "G1", 10, 11, "p.Ala3=", 1001, None),
        ("1_200_CAG_C", "-", ["intron_variant"], "G1", 9, 9, None, None, None),
        ("1_200_CAG_CAGT", "AGT", ["upstream_gene_variant"], "G2", None, None, None, None, 443),
    ]


def test_ann_of_a_comparison_of_two_alleles_is_of_the_first(load: Callable[..., Any]) -> None:
    loaded = load("1 100 . A C,G . . ANN=G-C|start_lost|HIGH|G1||||||||||||", meta=ANN)
    assert loaded.rows("annotations", "a_id", "allele") == [("1_100_A_G", "G-C")]


def test_entries_of_alleles_that_the_line_lacks_are_left_with_a_remark(load: Callable[..., Any]) -> None:
    loaded = load("1 100 . A C . . ANN=T|start_lost|HIGH|G1||||||||||||", meta=ANN)
    assert loaded.annotations.num_rows == 0
    assert not loaded.faults
    assert loaded.remarks == [
        "annotations name no allele of their line and were not loaded: 1 entry, first in tiny.vcf line 1"
    ]


def test_an_entry_of_another_width_is_left_with_a_remark(load: Callable[..., Any]) -> None:
    loaded = load(
        "1 100 . A C . . DB", "1 101 . A C . . ANN=C|start_lost|HIGH,C|start_lost|HIGH|G1||||||||||||", meta=ANN
    )
    assert loaded.records == 2
    assert loaded.rows("annotations", "a_id", "gene_name") == [("1_101_A_C", "G1")]
    (remark,) = loaded.remarks
    assert remark.startswith("entries of INFO/ANN were not read, since they do not have the 16 parts")
    assert remark.endswith(": 1 entry, first in tiny.vcf line 2")


def test_ann_is_taken_before_csq(load: Callable[..., Any]) -> None:
    loaded = load("1 100 . A C . . CSQ=x;ANN=C|start_lost|HIGH|G1||||||||||||", meta=CSQ + ANN)
    assert loaded.rows("annotations", "effect") == [(["start_lost"],)]


def test_vep_may_write_its_columns_in_ann(load: Callable[..., Any]) -> None:
    line = "1 200 . CAG C . . {}=-|intron_variant|MODIFIER|G1|ENSG1|Transcript|ENST1||9/9|p.A1G||"
    columns = ("a_id", "allele", "effect", "rank", "total", "hgvs_c", "hgvs_p")
    expected = [("1_200_CAG_C", "-", ["intron_variant"], 9, 9, None, "p.A1G")]
    assert load(line.format("ANN"), meta=CSQ.replace("ID=CSQ", "ID=ANN")).rows("annotations", *columns) == expected
    assert load(line.format("CSQ"), meta=CSQ).rows("annotations", *columns) == expected


def test_ann_whose_header_names_few_parts_is_read_by_the_standard(load: Callable[..., Any]) -> None:
    meta = ANN.replace("annotations", "annotations: 'Allele | Annotation'")
    loaded = load("1 100 . A C . . ANN=C|start_lost", "1 101 . A C . . ANN=C|start_lost|HIGH|G1||||||||||||", meta=meta)
    assert loaded.rows("annotations", "a_id", "gene_name") == [("1_101_A_C", "G1")]
    assert len(loaded.remarks) == 1


def named(meta: str, load: Callable[..., Any], site: str, entries: str) -> list[tuple[str, str]]:
    """The ALT and the effect of each entry; entries are `allele:effect`, or `allele:effect:number`."""
    parts = [each.split(":") for each in entries.split()]
    width = meta.count("|") + 1
    csq = ",".join("|".join([*each, *[""] * (width - len(each))]) for each in parts)
    pos, ref, alt = site.split()
    loaded = load(f"1 {pos} . {ref} {alt} . . CSQ={csq}", meta=meta)
    assert not loaded.faults
    rows = loaded.rows("annotations", "a_id", "effect")
    return [(a_id.split("_")[3], effect[0]) for a_id, effect in rows]


def csq_of(columns: str) -> str:
    return f'##INFO=<ID=CSQ,Number=.,Type=String,Description="By VEP. Format: {columns}">\n'


@pytest.mark.parametrize(
    ("site", "entries", "expected"),
    [
        # As the line stood when it was annotated.
        ("9 A C,G", "G:g C:c", [("G", "g"), ("C", "c")]),
        ("9 C CC,CCC,CT", "C:x CC:y T:z", [("CC", "x"), ("CCC", "y"), ("CT", "z")]),
        ("9 CA C,TA", "C:x TA:y", [("C", "x"), ("TA", "y")]),
        ("9 CAG C,*", "-:x *:y", [("C", "x")]),
        ("9 AC AG,<*>", "G:x", [("AG", "x")]),
        ("9 AC AG", "AG:x", [("AG", "x")]),
        # Split after it was annotated.
        ("9 A G", "C:c G:g", [("G", "g")]),
        ("9 C CC", "C:x CC:y T:z", [("CC", "x")]),
        ("9 C CCC", "C:x CC:y T:z", [("CCC", "y")]),
        ("9 CA CC", "C:x CC:y", [("CC", "x")]),
        ("9 CA C", "C:x TA:y", [("C", "x")]),
        ("9 CA C", "C:x -:y", [("C", "y")]),
        ("9 AC AG", "G:x *:y", [("AG", "x")]),
        # One entry of a line that was split: it may be of another allele.
        ("9 C CC", "CC:y", []),
        ("9 CA CTA", "CTA:x TA:y", []),
        # Structural variants.
        ("9 N <DEL>", "deletion:x", [("<DEL>", "x")]),
        ("9 N <CNV:TR>", "tandem_repeat:x", [("<CNV:TR>", "x")]),
        ("9 N <DEL>,<DUP>", "duplication:x deletion:y", [("<DUP>", "x"), ("<DEL>", "y")]),
        ("9 N <DEL:ME>,<DUP:ME>", "copy_number_variation:x", []),
        ("9 N <DEL>", "T:x", []),
        ("9 N <DEL>", "duplication:x deletion:y copy_number_variation:z", [("<DEL>", "y"), ("<DEL>", "z")]),
        ("9 N <DUP:TANDEM>", "duplication:x", [("<DUP:TANDEM>", "x")]),
        ("9 N N[chr2:5[", "chromosome_breakpoint:x", [("N[chr2:5[", "x")]),
    ],
)
def test_vep_names_alleles_by_all_of_their_line(
    load: Callable[..., Any], site: str, entries: str, expected: list[tuple[str, str]]
) -> None:
    assert named(csq_of("Allele|Consequence"), load, site, entries) == expected


@pytest.mark.parametrize(
    ("site", "entries", "expected"),
    [
        ("9 A C,G", "C:c:1 G:g:2", [("C", "c"), ("G", "g")]),
        ("9 A G", "C:c:1 G:g:2", [("G", "g")]),
        ("9 A G", "C:c:1", []),
        ("9 A C,G", "G:g:1 C:c: C:d:x", [("G", "g"), ("C", "c"), ("C", "d")]),
        ("9 N <DEL>,<DEL>", "deletion:x:2", [("<DEL>-2", "x")]),
    ],
)
def test_the_number_of_an_allele_counts_where_its_name_fits(
    load: Callable[..., Any], site: str, entries: str, expected: list[tuple[str, str]]
) -> None:
    assert named(csq_of("Allele|Consequence|ALLELE_NUM"), load, site, entries) == expected


def test_alleles_that_vep_made_minimal_are_told_by_number_where_they_are_alike(load: Callable[..., Any]) -> None:
    site, meta = "9 CAA CA,C,CAT", csq_of("Allele|Consequence|MINIMISED")
    assert named(meta, load, site, "-:x:1 T:z:1") == [("CAT", "z")]
    meta = csq_of("Allele|Consequence|ALLELE_NUM|MINIMISED")
    assert named(meta, load, site, "-:x:1 -:y:2 T:z:3") == [("CA", "x"), ("C", "y"), ("CAT", "z")]


def test_entries_without_an_allele_are_of_the_only_alt(load: Callable[..., Any]) -> None:
    meta = csq_of("Consequence|SYMBOL|Gene")
    loaded = load("1 9 . A C . . CSQ=missense_variant|G|E", "1 10 . A C,G . . CSQ=stop_gained|G|E", meta=meta)
    assert loaded.rows("annotations", "a_id", "allele", "gene_name") == [("1_9_A_C", None, "G")]
    assert loaded.remarks == [
        "annotations name no allele of their line and were not loaded: 1 entry, first in tiny.vcf line 2"
    ]


def test_without_impact_the_terms_tell_the_worst_effect(load: Callable[..., Any]) -> None:
    entries = "C|intron_variant|G,C|splice_region_variant&stop_gained|G,C|missense_variant|G,C|unheard_of|H,C||I"
    loaded = load(f"1 9 . A C . . CSQ={entries}", meta=csq_of("Allele|Consequence|SYMBOL"))
    assert loaded.rows("alleles", "worst_effect") == [(["G:splice_region_variant", "H:unheard_of"],)]
    assert loaded.rows("annotations", "effect", "putative_impact")[4] == ([], None)


def test_a_line_without_alt_may_be_annotated(load: Callable[..., Any]) -> None:
    ann, csq = (
        load("1 9 . A . . . ANN=C|x|HIGH|G||||||||||||", meta=ANN),
        load("1 9 . A . . . CSQ=C|x", meta=csq_of("Allele|Consequence")),
    )
    for loaded in (ann, csq):
        assert (loaded.records, loaded.annotations.num_rows, len(loaded.remarks), loaded.faults.total) == (1, 0, 1, 0)


@pytest.mark.parametrize(
    ("info", "meta", "remark"),
    [
        ("X=1;CSQ=C|x", "", "INFO/CSQ was not read, since the header does not define it"),
        ("ANN=C|x", "", "INFO/ANN was not read, since the header does not define it"),
        ("CSQ=C|x", csq_of("?").replace("Format: ?", ""),
         "INFO/CSQ was not read, since its header line has no Format with known parts"),
        ("CSQ=C|x", ANN + csq_of("Allele|Consequence"), "INFO/CSQ was not read, since INFO/ANN is read instead"),
        ("EFF=x(HIGH|)", "", "INFO/EFF was not read, since the header does not define it"),
        ("vep=C|x", csq_of("Allele|Consequence").replace("=CSQ", "=vep"),
         "INFO/vep was not read, since annotation_field does not name it"),
        ("BCSQ=x|G", csq_of("Consequence|gene").replace("=CSQ", "=BCSQ"),
         "INFO/BCSQ was not read, since its header line has no Format with known parts"),
    ],
)  # fmt: skip
def test_annotation_that_is_not_read_is_remarked_on(
    load: Callable[..., Any], info: str, meta: str, remark: str
) -> None:
    loaded = load(f"1 9 . A C . . {info}", f"1 10 . A C . . {info}", "1 11 . A C . . BCSQX=1", meta=meta)
    assert loaded.records == 3
    assert loaded.remarks == [f"{remark}: 2 lines, first in tiny.vcf line 1"]


def test_a_field_that_the_user_names_is_read(load: Callable[..., Any]) -> None:
    meta = ANN + csq_of("Allele|Consequence|SYMBOL").replace("=CSQ", "=vep")
    loaded = load("1 9 . A C . . vep=C|stop_gained|G", meta=meta, annotation_field="vep")
    assert loaded.rows("annotations", "a_id", "effect", "gene_name") == [("1_9_A_C", ["stop_gained"], "G")]


def test_eff_of_snpeff_is_read_with_allele_numbers_or_alts(load: Callable[..., Any]) -> None:
    meta = "##INFO=<ID=EFF,Number=.,Type=String,Description=\"Format: 'Effect ( Effect_Impact | Functional_Class '\">\n"
    lines = (
        "1 9 . A C,G . . EFF=STOP_GAINED(HIGH|NONSENSE|Cga/Tga|R1*|9|G1|protein_coding|CODING|ENST1|3|2)",
        "1 10 . A C,G . . EFF=stop_gained&x(HIGH|NONSENSE|c|p.R1*/c.1C>T|9|G1||CODING|ENST1|3|G|WARN),x(HIGH|)",
    )
    loaded = load(*lines, meta=meta)
    columns = (
        "a_id",
        "effect",
        "putative_impact",
        "gene_name",
        "transcript_biotype",
        "feature_id",
        "rank",
        "hgvs_p",
        "hgvs_c",
    )
    assert loaded.rows("annotations", *columns) == [
        ("1_9_A_G", ["STOP_GAINED"], "HIGH", "G1", "protein_coding", "ENST1", 3, None, None),
        ("1_10_A_G", ["stop_gained", "x"], "HIGH", "G1", None, "ENST1", 3, "p.R1*", "c.1C>T"),
    ]
    assert loaded.rows("alleles", "worst_effect") == [([],), (["G1:STOP_GAINED"],), ([],), (["G1:stop_gained"],)]
    assert len(loaded.remarks) == 1
