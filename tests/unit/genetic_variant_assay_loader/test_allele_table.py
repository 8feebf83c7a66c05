"""Alleles: their ids, their normal form and type, and what the fixed columns say of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.genetic_variant_assay_loader.allele_table import ALLELE_TYPES, normalise


@pytest.mark.parametrize(
    ("ref", "alt", "normal", "type_"),
    [
        ("A", "C", (100, 100, "A", "C"), "SNP"),
        ("A", "ACG", (100, 100, "A", "ACG"), "Ins"),
        ("ACG", "A", (100, 102, "ACG", "A"), "Del"),
        ("CAGT", "CAGTAGT", (100, 100, "C", "CAGT"), "Ins"),
        ("AC", "GT", (100, 101, "AC", "GT"), "Mixed"),
        ("TAT", "TGT", (101, 101, "A", "G"), "SNP"),
        ("GTC", "GTCT", (102, 102, "C", "CT"), "Ins"),
        ("AC", "ATG", (101, 101, "C", "TG"), "Mixed"),
        ("TA", "CA", (100, 100, "T", "C"), "SNP"),
        ("A", "<DEL>", (100, 100, "A", "<DEL>"), "Mixed"),
        ("A", "A[2:5[", (100, 100, "A", "A[2:5["), "Mixed"),
        ("T", "C<ctg1>", (100, 100, "T", "C<ctg1>"), "Mixed"),
        ("a", "c", (100, 100, "A", "C"), "SNP"),
    ],
)
def test_alleles_are_trimmed_and_typed(
    load: Callable[..., Any], ref: str, alt: str, normal: tuple[int, int, str, str], type_: str
) -> None:
    loaded = load(f"1 100 . {ref} {alt} . . .")
    assert loaded.rows("alleles", "norm_pos", "norm_end_pos", "norm_ref", "norm_alt", "allele_type") == [
        (*normal, type_)
    ]


_BASES = st.text("ACGT", min_size=1, max_size=8)


@given(st.lists(st.tuples(_BASES, _BASES), min_size=1, max_size=10))
def test_normal_forms_change_the_reference_as_the_alleles_do(pairs: list[tuple[str, str]]) -> None:
    import numpy as np
    import pyarrow as pa

    refs, alts = (pa.array(list(texts)) for texts in zip(*pairs, strict=True))
    normal = normalise(refs, alts, np.full(len(pairs), 100), np.ones(len(pairs), np.bool_))
    found = zip(normal.pos.tolist(), normal.end.tolist(), normal.ref.to_pylist(), normal.alt.to_pylist(), strict=True)
    for (ref, alt), (pos, end, norm_ref, norm_alt) in zip(pairs, found, strict=True):
        before, after = ref[: pos - 100], ref[end - 99 :]
        assert before + norm_ref + after == ref
        assert before + norm_alt + after == alt
        assert min(len(norm_ref), len(norm_alt)) >= 1
        if min(len(norm_ref), len(norm_alt)) > 1:
            assert norm_ref[0] != norm_alt[0]
            assert norm_ref[-1] != norm_alt[-1]
    assert len(ALLELE_TYPES) == 4


def test_ids_have_four_parts_whatever_the_contig_and_the_allele(load: Callable[..., Any]) -> None:
    loaded = load(
        "chr1 47360 . C T,CT . . .",
        "chrM 5 . A *,C . . .",
        "chrUn_KI270302v1 7 . A <DUP_X> . . .",
        "<ctg> 9 . A C . . .",
    )
    assert loaded.rows("alleles", "a_id", "locus_id", "chr", "alt") == [
        ("1_47360_C_T", "1_47360_C_T", "1", "T"),
        ("1_47360_C_CT", "1_47360_C_T", "1", "CT"),
        ("MT_5_A_C", "MT_5_A_C", "MT", "C"),
        ("Un-KI270302v1_7_A_<DUP-X>", "Un-KI270302v1_7_A_<DUP-X>", "Un_KI270302v1", "<DUP_X>"),
        ("ctg_9_A_C", "ctg_9_A_C", "ctg", "C"),
    ]


def test_fixed_columns_become_typed_values(load: Callable[..., Any]) -> None:
    loaded = load(
        "1 100 rs7;x;rs12 AC A 29.5 PASS DP=3",
        "1 2499999 . A C . . .",
        "1 2500000 esv1 A <DEL> inf q10;s50 END=2500400",
    )
    columns = ("pos", "end_pos", "dbsnp151_rsid", "qual", "filter", "bin")
    assert loaded.rows("alleles", *columns) == [
        (100, 101, ["rs7", "rs12"], 29.5, "PASS", 0),
        (2499999, 2499999, [], None, None, 0),
        (2500000, 2500400, [], float("inf"), "q10;s50", 1),
    ]


ENDS = {
    "bases end where REF does": ("4.2", "ACG A . . END=900", [102]),
    "a breakend ends where REF does": ("4.2", "AC A[2:5[ . . END=900;SVLEN=7", [101]),
    "END comes first before 4.4": ("4.3", "A <INV> . . END=300;SVLEN=0", [300]),
    "END comes first before 4.4, of insertions too": ("4.1", "A <INS> . . END=101;SVLEN=50", [101]),
    "SVLEN, of a sign or none, where no END stands": ("4.2", "A <DEL> . . SVLEN=-205", [305]),
    "SVLEN comes first from 4.4 on": ("4.4", "A <DUP:TANDEM> . . END=900;SVLEN=30", [130]),
    "END where SVLEN is missing": ("4.5", "A <CNV:TR> . . SVLEN=.;END=130", [130]),
    "an insertion ends where REF does from 4.4 on": ("4.4", "AC <INS:ME> . . END=150;SVLEN=50", [101]),
    "each allele has a length of its own": ("4.5", "A <DEL>,<DEL>,C,<INS> . . END=900;SVLEN=100,110,.,50",
                                            [200, 210, 100, 100]),
    "several before 4.4 have theirs too": ("4.2", "A <DEL>,<DUP> . . END=900;SVLEN=-100,300", [200, 400]),
    "one length may be for all": ("4.2", "A <CNV>,<DEL> . . SVLEN=30", [130, 130]),
    "other symbols have END": ("4.2", "A <CN0>,<CN2> . . END=900;SVLEN=7", [900, 900]),
    "a block of reference makes no allele and no end": ("4.5", "A <DEL>,<*> . . END=900;SVLEN=7,.", [107]),
    "nothing stated is no known end": ("4.4", "AC <DEL> . . IMPRECISE", [None]),
    "nothing stated of other symbols is REF alone": ("4.4", "AC <CTX> . . IMPRECISE", [101]),
}  # fmt: skip


@pytest.mark.parametrize("case", ENDS)
def test_an_allele_ends_where_its_version_of_vcf_says(load: Callable[..., Any], case: str) -> None:
    version, line, ends = ENDS[case]
    loaded = load(f"1 100 . {line}", version=version)
    assert not loaded.faults
    assert [end for (end,) in loaded.rows("alleles", "end_pos")] == ends


@pytest.mark.parametrize("value", ["1.5", "long", "1,2"])
def test_a_length_that_is_needed_must_be_one_for_each_allele(load: Callable[..., Any], value: str) -> None:
    loaded = load(
        f"1 5 . A <DEL> . . SVLEN={value}", f"1 6 . A <DEL> . . END=9;SVLEN={value}", f"1 7 . A C . . SVLEN={value}"
    )
    assert loaded.refused() == [(206, 1, "INFO/SVLEN", value)]
    assert loaded.rows("alleles", "pos", "end_pos") == [(6, 9), (7, 7)]


def test_gnomad_frequency_comes_from_the_named_field_for_each_allele(load: Callable[..., Any]) -> None:
    meta = '##INFO=<ID=G_AF,Number=A,Type=Float,Description="x">\n'
    lines = (
        "1 1 . A C,G . . XG_AF=9;G_AF=0.25,.",
        "1 2 . A C . . G_AF=1e-3;X",
        "1 3 . A C,T . . G_AF=0.5",
        "1 4 . A C . . G_AF",
    )
    loaded = load(*lines, meta=meta, gnomad_field="G_AF")
    assert [value for (value,) in loaded.rows("alleles", "gnomad201_alt_freq")] == [0.25, None, 0.001, 0.5, 0.5, None]


def test_a_frequency_for_too_many_alleles_or_no_number_is_refused(load: Callable[..., Any]) -> None:
    meta = '##INFO=<ID=G_AF,Number=A,Type=Float,Description="x">\n'
    loaded = load(
        "1 1 . A C . . G_AF=1,2", "1 2 . A C . . G_AF=many", "1 3 . A C . . G_AF=.", meta=meta, gnomad_field="G_AF"
    )
    assert loaded.refused() == [(206, 1, "INFO/G_AF", "1,2"), (206, 2, "INFO/G_AF", "many")]
    assert loaded.records == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("1 x . A C . . .", (202, 1, "POS", "x")),
        ("1 -5 . A C . . .", (202, 1, "POS", "-5")),
        ("chr,1 5 . A C . . .", (202, 1, "CHROM", "chr,1")),
        ("<1 5 . A C . . .", (202, 1, "CHROM", "<1")),
        ("small 12 . A C . . .", (202, 1, "POS", "12")),
        ("1 5 . R G . . .", (204, 1, "REF", "R")),
        ("1 5 . . C . . .", (204, 1, "REF", ".")),
        ("1 5 . A C,,G . . .", (204, 1, "ALT", "C,,G")),
        ("1 5 . A <X . . .", (204, 1, "ALT", "<X")),
        ("1 5 . A ]1:100] . . .", (204, 1, "ALT", "]1:100]")),
        ("1 5 . A C high . .", (206, 1, "QUAL", "high")),
        ("1 5 rs1;;rs2 A C . . .", (206, 1, "ID", "rs1;;rs2")),
        ("1 5 . A C . PASS; .", (206, 1, "FILTER", "PASS;")),
        ("1 5 . A C . q1;0 .", (206, 1, "FILTER", "q1;0")),
        ("1 5 . A C . . END=1.5", (206, 1, "INFO/END", "1.5")),
        ("1 5 . A C .", (203, 1, "", "1\t5\t.\tA\tC\t.")),
        ("1 5 . A C . . . GT", (203, 1, "", "1\t5\t.\tA\tC\t.\t.\t.\tGT")),
        ("##late=1", (201, 1, "", None)),
    ],
)
def test_a_faulty_line_is_refused_by_number_line_field_and_value(
    load: Callable[..., Any], line: str, expected: tuple[int, int, str, str | None]
) -> None:
    loaded = load(line, "2 7 . A C . . .", meta="##contig=<ID=small,length=10>\n")
    assert loaded.refused() == [expected]
    assert loaded.rows("alleles", "a_id") == [("2_7_A_C",)]


def test_all_faults_of_a_line_are_told(load: Callable[..., Any]) -> None:
    loaded = load("1 x . B C,, low . .")
    assert [code for code, *_ in loaded.refused()] == [202, 204, 204, 206]


def test_lines_may_end_in_crlf_be_empty_and_the_last_unended(load: Callable[..., Any]) -> None:
    loaded = load(text=b"1\t5\t.\tA\tC\t.\t.\t.\r\n\r\n1\t6\t.\tA\tC\t.\t.\tDB")
    assert loaded.rows("alleles", "a_id") == [("1_5_A_C",), ("1_6_A_C",)]
    assert not loaded.faults


def test_a_line_that_is_not_utf8_is_refused(load: Callable[..., Any]) -> None:
    loaded = load(text=b"1\t5\t.\tA\tC\t.\t.\tX=\xe4\n1\t6\t\xc3\xa4\tA\tC\t.\t.\tDB\n")
    assert loaded.refused() == [(201, 1, "", None)]
    assert loaded.rows("alleles", "a_id") == [("1_6_A_C",)]


def test_an_end_before_pos_is_not_read(load: Callable[..., Any]) -> None:
    loaded = load(
        "1 500 . G <DEL> . . SVLEN=-8;END=492", "1 600 . NN <CTX> . . END=50", "1 700 . N N[2:16[ . . END=16",
        "1 800 . A <DEL> . . END=800",
    )  # fmt: skip
    assert loaded.rows("alleles", "pos", "end_pos") == [(500, 508), (600, 601), (700, 700), (800, 800)]
    assert loaded.remarks == ["INFO/END is before POS and was not read: 3 lines, first in tiny.vcf line 1"]


def test_a_quality_below_zero_is_missing_with_a_remark(load: Callable[..., Any]) -> None:
    loaded = load("1 5 . A C -10 . .", "1 6 . A C -0.0 . .", "1 7 . A C 3 . .", "1 8 . A C -inf . .")
    assert loaded.rows("alleles", "qual") == [(None,), (-0.0,), (3.0,), (float("-inf"),)]
    assert [remark[:24] for remark in loaded.remarks] == ["QUAL is below zero and w"]


def test_codes_of_several_bases_in_ref_are_the_first_of_them(load: Callable[..., Any]) -> None:
    loaded = load("1 5 . R C . . .", "1 6 . aYm A . . .", "1 7 . A C . . .", "1 8 . RT AT,C . . .", "1 9 . X C . . .")
    assert loaded.rows("alleles", "a_id") == [("1_5_A_C",), ("1_6_ACA_A",), ("1_7_A_C",)]
    assert loaded.refused() == [(204, 4, "REF", "RT"), (204, 5, "REF", "X")]
    assert loaded.remarks == [
        "REF has codes for several bases; each was loaded as the first of them: 2 lines, first in tiny.vcf line 1"
    ]


def test_keys_of_format_that_are_not_read_may_be_anything_but_those_that_are_stand_once(
    load: Callable[..., Any],
) -> None:
    lines = (
        "1 5 . A C . . . GT:G%3AS:DP 0/1:x:7",
        "1 6 . A C . . . GT:A:A 0/1:1:2",
        "1 7 . A C . . . DP:GT:DP 1:0/1:2",
    )
    loaded = load(*lines, samples="S")
    assert loaded.rows("alt", "pos", "depth") == [(5, 7), (6, None)]
    assert loaded.refused() == [(206, 3, "FORMAT", "DP:GT:DP")]
    assert [remark.rpartition(": ")[2] for remark in loaded.remarks] == ["2 lines, first in tiny.vcf line 1"]


def test_zero_is_the_filter_that_vcf_3_3_writes_for_pass(load: Callable[..., Any]) -> None:
    assert load("1 5 . A C -1 0 .", version="3.3").rows("alleles", "filter", "qual") == [("PASS", None)]
    assert load("1 5 . A D3 -1 0 .", version="3.3").refused() == [(204, 1, "ALT", "D3")]


def test_an_end_that_is_not_known_is_remarked_on(load: Callable[..., Any]) -> None:
    loaded = load("1 100 . A <DEL> . . .", "1 200 . A <DUP>,C . . SVLEN=.", "1 300 . A <INV> . . END=310")
    assert loaded.rows("alleles", "end_pos") == [(None,), (None,), (200,), (310,)]
    assert loaded.remarks == [
        "an allele has neither INFO/END nor SVLEN; its end_pos is null: 2 lines, first in tiny.vcf line 1"
    ]
