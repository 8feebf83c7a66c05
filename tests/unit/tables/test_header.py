"""Headers of delimited files that cannot be told."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.faults import Faults
from common.platform import InputFile
from common.tables.header import read_header


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("id,sex\r1,2\r3,1\r", "its lines end with a carriage return alone"),
        ("a" * 200_000 + ",b\n1,2\n", "a cell of the header has more than 131,072 characters"),
    ],
)
def test_a_header_that_is_no_record_is_a_fault(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode())
    faults = Faults()
    assert read_header(InputFile("a.csv", str(tmp_path / "a.csv")), ",", "utf-8", faults) is None
    assert [(each.code, each.file, each.text) for each in faults] == [(65, "a.csv", problem)]
