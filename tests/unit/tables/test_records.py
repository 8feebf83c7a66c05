"""Text to cells: line ends."""

from __future__ import annotations

import pyarrow as pa
import pytest

from common.faults import Faults
from common.scan.delimited import TextFile
from common.tables.records import Records, TextFormat, parse_records


def parse(text: bytes) -> tuple[Records | None, list[tuple[int, int | None, str | None]]]:
    faults = Faults()
    file = TextFile("a.csv", "a.csv", len(text), False, "utf-8", 0, 1)
    records = parse_records(file, text, 2, {"a": pa.string(), "b": pa.string()}, TextFormat(",", ()), faults)
    return records, [(each.code, each.line, each.value) for each in faults]


@pytest.mark.parametrize("text", [b"1,a\r\n2,b\r\n", b"1,a\n2,b\r", b"1,a\r\n2,b"])
def test_lines_may_end_in_lf_and_crlf(text: bytes) -> None:
    records, faults = parse(text)
    assert records is not None
    assert (records.cells.to_pydict(), records.lines.tolist(), faults) == (
        {"a": ["1", "2"], "b": ["a", "b"]},
        [2, 3],
        [],
    )


def test_cr_in_quotes_is_part_of_a_cell() -> None:
    records, faults = parse(b'1,"a\rb"\n2,c\n')
    assert records is not None
    assert (records.cells.to_pydict(), faults) == ({"a": ["1", "2"], "b": ["a\rb", "c"]}, [])


@pytest.mark.parametrize("text", [b"1,a\n2,b\r3,c\n", b"1,a\r\n2,b\r3\r", b'1,"a\rb"\n2,b\r3,c'])
def test_a_line_that_ends_in_cr_alone_is_a_fault(text: bytes) -> None:
    assert parse(text) == (None, [(65, 3, "2,b")])
