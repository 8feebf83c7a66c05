"""Versions cut from Ensembl ids, and kinds told apart."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from common.expression.feature_ids import KINDS, KindsSeen, parse_feature_ids, validate_kinds


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
