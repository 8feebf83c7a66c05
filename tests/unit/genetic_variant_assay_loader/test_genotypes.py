"""Calls of every shape: which rows they make, and what they count."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.vcf.genotypes import GENOTYPE_TYPES, parse_gt

ALL = {"ref": True, "halfref": True, "nocall": True}


def test_each_diploid_call_makes_the_rows_of_its_kind(load: Callable[..., Any]) -> None:
    calls = "0/0 0/1 1/1 1/2 ./1 0/. ./0 ./. 2|1"
    loaded = load(f"1 100 . A C,G . . . GT {calls}", samples="a b c d e f g h i", **ALL)
    assert loaded.rows("alt", "sample_id", "a_id", "type") == [
        ("b", "1_100_A_C", "het-ref"),
        ("c", "1_100_A_C", "hom"),
        ("d", "1_100_A_C", "het-alt"),
        ("d", "1_100_A_G", "het-alt"),
        ("e", "1_100_A_C", "half"),
        ("i", "1_100_A_C", "het-alt"),
        ("i", "1_100_A_G", "het-alt"),
    ]
    assert loaded.rows("ref", "sample_id", "a_id", "type", "ref_yn") == [("a", None, "ref", True)]
    assert loaded.rows("halfref", "sample_id", "a_id", "type", "halfref_yn") == [
        ("f", None, "half", True),
        ("g", None, "half", True),
    ]
    assert loaded.rows("nocall", "sample_id", "a_id", "type", "nocall_yn") == [("h", None, "no-call", True)]


def test_excluded_kinds_make_no_row_but_are_counted(load: Callable[..., Any]) -> None:
    loaded = load("1 100 . A C . . . GT 0/0 0/1 ./. 0/.", samples="a b c d")
    assert set(loaded.by_kind) == {"alt"}
    counts = loaded.rows(
        "alleles", "alt_count", "ref_count", "nc_count", "gt_count", "alt_freq", "ref_freq", "nc_freq", "gt_freq"
    )
    assert counts == [(1, 4, 3, 1, 1 / 5, 4 / 5, 3 / 8, 1 / 4)]


def test_haploid_calls_are_ref_hom_and_no_call(load: Callable[..., Any]) -> None:
    loaded = load("X 100 . A C . . . GT:DP 0:3 1:4 .:5 0/1:6", samples="a b c d", **ALL)
    assert loaded.rows("alt", "sample_id", "type", "depth") == [("b", "hom", 4), ("d", "het-ref", 6)]
    assert loaded.rows("ref", "sample_id", "depth") == [("a", 3)]
    assert loaded.rows("nocall", "sample_id", "depth") == [("c", 5)]
    assert loaded.rows("alleles", "alt_count", "ref_count", "nc_count") == [(2, 2, 1)]


def test_polyploid_calls_follow_their_missing_reference_and_distinct_alleles(load: Callable[..., Any]) -> None:
    calls = "0/0/0 0/0/1 1/1/1 0/1/2 ./1/1 ././. 0/./0 0/0/0/0/0/0/0/1"
    loaded = load(f"1 100 . A C,G . . . GT {calls}", samples="a b c d e f g h", **ALL)
    assert loaded.rows("alt", "sample_id", "a_id", "type") == [
        ("b", "1_100_A_C", "het-ref"),
        ("c", "1_100_A_C", "hom"),
        ("d", "1_100_A_C", "het-alt"),
        ("d", "1_100_A_G", "het-alt"),
        ("e", "1_100_A_C", "half"),
        ("h", "1_100_A_C", "het-ref"),
    ]
    assert [kind for kind in ("ref", "nocall", "halfref") for _ in loaded.rows(kind, "sample_id")] == [
        "ref",
        "nocall",
        "halfref",
    ]
    assert loaded.rows("alleles", "alt_count", "gt_count", "ref_count", "nc_count") == [(8, 5, 15, 5), (1, 1, 15, 5)]


def test_allele_indices_above_nine_are_read_whole(load: Callable[..., Any]) -> None:
    alts = ",".join("A" + "C" * length for length in range(1, 12))
    loaded = load(f"1 100 . A {alts} . . . GT 0/10 11|11 1/11", samples="a b c")
    assert loaded.rows("alt", "sample_id", "a_id", "type") == [
        ("a", f"1_100_A_A{'C' * 10}", "het-ref"),
        ("b", f"1_100_A_A{'C' * 11}", "hom"),
        ("c", "1_100_A_AC", "het-alt"),
        ("c", f"1_100_A_A{'C' * 11}", "het-alt"),
    ]


def test_pools_of_any_ploidy_are_read_whole(load: Callable[..., Any]) -> None:
    pool = "/".join(["0"] * 998 + ["1", "2"])
    loaded = load(f"1 100 . A C,G . . . GT {pool} 0/0/0 .{pool[1:]}", samples="a b c")
    assert loaded.rows("alt", "sample_id", "a_id", "type") == [
        ("a", "1_100_A_C", "het-alt"),
        ("a", "1_100_A_G", "het-alt"),
        ("c", "1_100_A_C", "half"),
        ("c", "1_100_A_G", "half"),
    ]
    assert loaded.rows("alleles", "alt_count", "ref_count", "nc_count") == [(2, 1998, 1), (2, 1998, 1)]


def test_gt_is_found_where_format_puts_it(load: Callable[..., Any]) -> None:
    loaded = load("1 100 . A C . . . DP:GT:GQ 7:0/1:30 8:0/0:31 9 .:1|1", samples="a b c d", **ALL)
    assert loaded.rows("alt", "sample_id", "type", "depth", "genotype_quality") == [
        ("a", "het-ref", 7, 30),
        ("d", "hom", None, None),
    ]
    assert loaded.rows("nocall", "sample_id", "depth") == [("c", 9)]
    assert loaded.rows("alleles", "ref_count", "alt_count", "nc_count") == [(3, 3, 1)]


def test_a_line_without_gt_makes_alleles_and_no_genotype(load: Callable[..., Any]) -> None:
    loaded = load("1 100 . A C . . . DP 7 8", "1 200 . A C . . . . . .", samples="a b", **ALL)
    assert loaded.by_kind == {}
    assert loaded.rows("alleles", "pos", "alt_count", "ref_count", "nc_count", "alt_freq") == [
        (100, 0, 0, 0, None),
        (200, 0, 0, 0, None),
    ]


def test_trailing_fields_that_are_missing_are_null(load: Callable[..., Any]) -> None:
    loaded = load("1 100 . A C . . . GT:AD:DP:GQ 0/1:1,2:3:99 0/1:1,2:3 0/1:. 1/1", samples="a b c d")
    assert loaded.rows("alt", "sample_id", "depth", "genotype_quality") == [
        ("a", 3, 99),
        ("b", 3, None),
        ("c", None, None),
        ("d", None, None),
    ]


def test_fractional_quality_is_rounded_and_large_depth_kept(load: Callable[..., Any]) -> None:
    loaded = load("1 100 . A C . . . GT:GQ:DP 0/1:47.6:1513383202 0/1:nan:0", samples="a b")
    assert loaded.rows("alt", "genotype_quality", "depth") == [(48, 1513383202), (None, 0)]


def test_star_and_non_ref_count_as_other_alleles_but_make_no_row(load: Callable[..., Any]) -> None:
    loaded = load("1 100 . A C,*,<NON_REF> . . . GT 0/2 1/2 1/3 0/1 2/2", samples="a b c d e")
    assert loaded.rows("alleles", "a_id", "alt_count", "ref_count") == [("1_100_A_C", 3, 2)]
    assert loaded.rows("alt", "sample_id", "a_id", "type") == [
        ("b", "1_100_A_C", "het-alt"),
        ("c", "1_100_A_C", "het-alt"),
        ("d", "1_100_A_C", "het-ref"),
    ]
    assert loaded.rows("alleles", "alt_freq") == [(3 / 10,)]


@pytest.mark.parametrize("alt", [".", "<NON_REF>", "*", "<*>", "*,<NON_REF>"])
def test_a_line_without_an_allele_makes_no_locus(load: Callable[..., Any], alt: str) -> None:
    loaded = load(f"1 100 . A {alt} . . END=200 GT:DP 0/0:3 0|1:4", samples="a b", **ALL)
    assert (loaded.records, loaded.by_kind, loaded.alleles.num_rows, loaded.refused()) == (1, {}, 0, [])


def test_phase_before_the_first_allele_of_vcf_4_4_is_read(load: Callable[..., Any]) -> None:
    loaded = load("1 100 . A C . . . GT /0/1 |1|1 |1", samples="a b c")
    assert loaded.rows("alt", "sample_id", "type") == [("a", "het-ref"), ("b", "hom"), ("c", "hom")]


@pytest.mark.parametrize("token", ["1/C", "0/3", "0.0", "0/|1", "a", "-1/0", "0//1", "0/1/", "", "0/" + "9" * 20])
def test_a_call_that_is_none_is_refused_with_its_line(load: Callable[..., Any], token: str) -> None:
    text = f"1\t90\t.\tA\tC,G\t.\t.\t.\tGT\t0/0\t0/1\n1\t100\t.\tA\tC,G\t.\t.\t.\tGT\t0/1\t{token}\n"
    loaded = load(text=text.encode(), samples="a b")
    assert loaded.refused() == [(205, 2, "GT", token)]
    assert loaded.records == 1


def test_depth_and_quality_that_are_no_numbers_are_refused(load: Callable[..., Any]) -> None:
    loaded = load(
        "1 100 . A C . . . GT:DP 0/1:x",
        "1 110 . A C . . . GT:GQ 1/1:-3",
        "1 120 . A C . . . GT:DP 0/1:3:4",
        samples="a",
    )
    assert sorted(loaded.refused()) == [(206, 1, "DP", "x"), (206, 2, "GQ", "-3"), (206, 3, "FORMAT", None)]


_ALLELE = st.one_of(st.just("."), st.integers(0, 12).map(str))


@given(st.lists(_ALLELE, min_size=1, max_size=9), st.data())
def test_any_genotype_is_read_as_its_alleles(alleles: list[str], data: st.DataObject) -> None:
    separators = [data.draw(st.sampled_from("/|")) for _ in alleles[1:]]
    token = alleles[0] + "".join(sep + allele for sep, allele in zip(separators, alleles[1:], strict=True))
    call = parse_gt(token.encode())
    assert call is not None
    counts = Counter(alleles)
    assert (call.ref, call.missing) == (counts["0"], counts["."])
    assert dict(call.copies) == {int(allele): count for allele, count in counts.items() if allele not in "0."}


@given(st.text("0123456789./|:- ", max_size=8))
def test_what_is_no_genotype_is_never_read_as_one(token: str) -> None:
    assert (parse_gt(token.encode()) is None) == (re.fullmatch(r"[/|]?(\d+|\.)([/|](\d+|\.))*", token) is None)


_TOKENS = st.lists(st.sampled_from(["0/0", "0|0", "./.", "0/1", "1|2", "1", "0", ".", "./1", "0/1/1", "0/.", "10/2", "0/0/0/0/0/1"]),
                   min_size=1, max_size=20)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(st.lists(_TOKENS, min_size=1, max_size=4), st.sampled_from(["", ":7", ":7:30"]), st.booleans())
def test_fast_and_general_paths_agree_with_one_call_at_a_time(
    load: Callable[..., Any], lines: list[list[str]], rest: str, first: bool
) -> None:
    """A whole block against each of its calls read by itself: rows of every kind and copies of every allele."""
    width = max(len(line) for line in lines)
    lines = [line + ["0/0"] * (width - len(line)) for line in lines]
    alts = ",".join("A" + "T" * length for length in range(1, 11))
    names = " ".join(f"s{number}" for number in range(width))
    form = "GT:DP:GQ" if first else "XX:GT:DP:GQ"
    texts = [
        f"1 {100 + 10 * number} . A {alts} . . . {form} "
        + " ".join(("" if first else "x:") + token + rest for token in line)
        for number, line in enumerate(lines)
    ]
    loaded = load(*texts, samples=names, **ALL)
    assert not loaded.faults
    expected: Counter[tuple[int, str, str]] = Counter()
    for number, line in enumerate(lines):
        for sample, token in enumerate(line):
            call = parse_gt(token.encode())
            assert call is not None
            expected[100 + 10 * number, f"s{sample}", GENOTYPE_TYPES[call.type]] += max(1, len(call.copies))
    found = Counter(row for kind in loaded.by_kind for row in loaded.rows(kind, "pos", "sample_id", "type"))
    assert found == expected
    for kind in loaded.by_kind:
        order = [(pos, int(sample[1:])) for pos, sample in loaded.rows(kind, "pos", "sample_id")]
        assert order == sorted(order)
