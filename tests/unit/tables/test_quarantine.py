"""The share of rows that may be set aside, and cells of the faults file that no spreadsheet runs."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import AppError
from common.faults import Faults
from common.tables.quarantine import guarded, parse_share, validate_share


@pytest.mark.parametrize(
    "cell", ["=1+1", "+A1", "-7,F", "@SUM(A1)", "\tx", "\r", "'=1", "''@", "'", "'x", "P1,=1", "", "5"]
)
def test_a_guarded_cell_begins_with_nothing_that_runs_and_comes_back_by_taking_one_apostrophe_off(cell: str) -> None:
    shown = guarded(cell)
    assert shown[:1] not in ("=", "+", "-", "@", "\t", "\r") or not shown
    assert (shown[1:] if re.match(r"'+[=+\-@\t\r]", shown) else shown) == cell


@given(st.text(alphabet="'=+-@\t\rx", max_size=5))
def test_no_two_cells_are_guarded_alike(cell: str) -> None:
    shown = guarded(cell)
    assert (shown[1:] if re.match(r"'+[=+\-@\t\r]", shown) else shown) == cell


@pytest.mark.parametrize(("good", "faulty", "most", "count"), [
    (1, 1, 0.5, 0), (1, 2, 0.5, 1), (0, 5, 1, 0), (0, 0, 0, 0), (99, 1, 0, 1), (0, 1, 0.99, 1),
])  # fmt: skip
def test_a_share_above_the_limit_is_fault_77(good: int, faulty: int, most: float, count: int) -> None:
    faults = Faults()
    validate_share(good, faulty, most, "patient", faults)
    assert faults.counts == ({77: count} if count else {})


@pytest.mark.parametrize("share", [-0.1, 1.1, 50, float("nan")])
def test_a_limit_that_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(AppError, match="max_faulty_share"):
        parse_share(share)
