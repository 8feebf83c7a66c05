"""SnpEff's ANN and VEP's CSQ as rows, and the worst effect of each gene."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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


def test_entries_of_alleles_that_the_line_lacks_are_left(load: Callable[..., Any]) -> None:
    loaded = load("1 100 . A C . . ANN=T|start_lost|HIGH|G1||||||||||||", meta=ANN)
    assert loaded.annotations.num_rows == 0
    assert not loaded.faults


def test_an_entry_of_another_width_is_refused(load: Callable[..., Any]) -> None:
    loaded = load("1 100 . A C . . ANN=C|start_lost|HIGH", "1 101 . A C . . DB", meta=ANN)
    assert loaded.refused() == [(212, 1, "INFO/ANN", "C|start_lost|HIGH")]


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
    assert loaded.refused() == [(212, 1, "INFO/ANN", "C|start_lost")]
    assert loaded.rows("annotations", "a_id", "gene_name") == [("1_101_A_C", "G1")]


def test_entries_go_by_the_number_of_their_allele_unless_it_is_none(load: Callable[..., Any]) -> None:
    meta = CSQ.replace("|DISTANCE", "|ALLELE_NUM")
    line = "1 100 . A C,G . . CSQ=G|intron_variant|MODIFIER|G1|||||||99999999999999999999/3|{}"
    for number, a_id in (("1", "1_100_A_C"), ("x", "1_100_A_G"), ("", "1_100_A_G")):
        assert load(line.format(number), meta=meta).rows("annotations", "a_id", "cds_position", "cds_len") == [
            (a_id, None, 3)
        ]
