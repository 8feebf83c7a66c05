"""Rows that are set aside: how many may be, how a spreadsheet reads them, and those that the key check turned down."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import AppError, Rule
from common.faults import Fault, Faults
from common.scan.delimited import TextFile
from common.scan.records import Records
from common.tables.quarantine import Rejects, guarded, parse_share, validate_share, write_rejects


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


def test_a_row_that_the_key_check_turned_down_is_found_by_its_line_with_the_rule_by_name(tmp_path: Path) -> None:
    path = str(tmp_path / "rejects.arrow")
    repeated = Fault(Rule.KEY_REPEATED, "the key is also in p.csv line 2", "p.csv", 3, "patient", "id", "P1")
    write_rejects(path, pa.chunked_array([[0]], pa.int32()), pa.chunked_array([[3]], pa.int64()), [repeated])
    text = b"P1\nP1\nP2\n"
    file = TextFile("p.csv", "p.csv", 12, False, "utf-8", 3, 1)
    records = Records(file, text, 2, pa.table({"id": ["P1", "P1", "P2"]}))
    found = Rejects.read((path,)).rows_of(0, "patient", records)
    assert found == {1: [repeated]}
    faults = Faults()
    faults.add_fault(found[1][0])
    assert "[74] key repeated: 1 fault" in faults.render()
