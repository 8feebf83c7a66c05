"""Versions cut from Ensembl ids, and kinds told apart."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from common.expression.feature_ids import KINDS, KindsSeen, count_dates, parse_feature_ids, validate_kinds


@given(
    st.from_regex(r"ENS(MUS|TGU|)[GT][0-9]{11}", fullmatch=True),
    st.one_of(st.none(), st.integers(1, 99).map(str)),
    st.sampled_from(["", "_PAR_Y"]),
)
def test_a_version_is_cut_and_the_mark_of_the_y_copy_stays(stem: str, version: str | None, mark: str) -> None:
    found = parse_feature_ids(pa.array([stem + (f".{version}" if version else "") + mark]), "auto")
    assert (found.ids.to_pylist(), found.versions.to_pylist()) == ([stem + mark], [version])
    assert KINDS[found.kinds[0]] == ("ENSG" if stem[-12] == "G" else "ENST")


def test_other_ids_keep_their_dots() -> None:
    texts = ["NM_000546.6", "ENSG1.5", "ENSG00000000001.x", "ENSG00000000001.", "gene.1"]
    found = parse_feature_ids(pa.array(texts), "auto")
    assert found.ids.to_pylist() == texts
    assert found.versions.to_pylist() == [None] * 5
    assert {KINDS[kind] for kind in found.kinds} == {"other"}


def test_the_kind_that_most_ids_have_is_expected_over_all_tasks() -> None:
    seen = [KindsSeen(), KindsSeen()]
    seen[0].add(pa.array(["a", "b"]), np.array([2, 2]), "m.csv", np.array([2, 3]), "feature_id")
    seen[1].add(
        pa.array(["ENSG00000000001", "c", "d"]), np.array([0, 2, 2]), "m.csv", np.array([4, 5, 6]), "feature_id"
    )
    (fault,) = validate_kinds(seen, "auto")
    assert (fault.code, fault.line, fault.value) == (107, 4, "ENSG00000000001")
    assert fault.text == "not of kind other, as most ids are (1 Ensembl genes, 0 Ensembl transcripts, 4 others)"
    assert validate_kinds(seen, "ENSG").counts == {107: 4}
    assert not validate_kinds([], "auto")


def kinds(texts: list[str], id_type: str = "auto") -> list[str]:
    return [KINDS[kind] for kind in parse_feature_ids(pa.array(texts), id_type).kinds]


def seen(texts: list[str]) -> KindsSeen:
    ids = pa.array(texts)
    found = KindsSeen()
    found.add(ids, parse_feature_ids(ids, "auto").kinds, "m.csv", np.arange(2, 2 + len(texts)), "feature_id")
    return found


def test_the_y_copies_of_old_gencode_and_versions_of_lifted_releases_are_ensembl_ids() -> None:
    found = parse_feature_ids(pa.array(["ENSGR0000002586.13", "ENSTR0000381192", "ENSG00000223972.5_2"]), "auto")
    assert found.ids.to_pylist() == ["ENSGR0000002586", "ENSTR0000381192", "ENSG00000223972"]
    assert found.versions.to_pylist() == ["13", None, "5_2"]
    assert [KINDS[kind] for kind in found.kinds] == ["ENSG", "ENST", "ENSG"]


def test_summary_rows_of_counters_are_told_under_any_type() -> None:
    rows = ["N_unmapped", "N_noFeature", "__no_feature", "__alignment_not_unique", "no_feature", "Unassigned_MultiMapping", "Assigned",
            "*", "Total"]  # fmt: skip
    assert kinds(rows) == kinds(rows, "other") == ["summary"] * len(rows)
    assert kinds(["TP53", "_x", "N1", "NOTCH1", "TOTALLY"]) == ["other"] * 5


def test_dates_of_a_spreadsheet_are_counted_and_are_no_fault() -> None:
    dates = ["1-Mar", "2-Sep", "1-Dec-20", "Mar-01", "2023-03-01", "3/1/2023", "01.03.2023", "1. Mrz"]
    assert kinds(dates) == ["date"] * len(dates)
    assert kinds(["MARCH1", "SEPT2", "DEC1", "mar-1", "apr-1", "1.1.1.1", "HLA-A"]) == ["other"] * 7
    found = seen(["TP53", "1-Mar", "2-Sep"])
    count, first = count_dates([found, seen(["BRCA1"])])
    assert (count, first and (first.file, first.line, first.value)) == (2, ("m.csv", 3, "1-Mar"))
    assert not validate_kinds([found], "auto")


REMOVE = (
    "Remove these rows, or give them in a run of their own; or set feature_id_type to other, which takes all ids as they stand, with "
    "their versions."
)


def test_each_kind_of_stranger_has_the_remedy_that_works() -> None:
    gene = "ENSG00000000001"
    remedies = {
        ids: [each.remedy for each in validate_kinds([seen(list(ids))], "auto")]
        for ids in (
            (gene, gene, "ERCC-00002"),
            (gene, gene, "ENST00000000001"),
            ("TP53", "A", gene),
            (gene, gene, "__x"),
        )
    }
    assert list(remedies.values()) == [
        [REMOVE],
        ["Load genes and transcripts in separate runs."],
        ["Set feature_id_type to other to take all ids as they are."],
        ["Remove the summary rows from the file."],
    ]  # fmt: skip
