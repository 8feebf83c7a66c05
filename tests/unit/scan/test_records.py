"""Buffers of delimited text to rows with their true lines, and what is wrong with them, by rule and line."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from common.errors import AppError
from common.faults import Faults
from common.scan.delimited import TextFile, whole_piece
from common.scan.records import BlankRows, TextFormat, parse_delimiter, parse_longest_record, read_records

Rows = list[tuple[int, tuple[str | None, ...]]]
FORM = TextFormat(",", ("",))


def read(
    folder: Path, body: bytes, *names: str, nameless: tuple[int, ...] = (), form: TextFormat = FORM, longest: int = 1000,
    encoding: str = "utf-8",
) -> tuple[Rows, list[tuple[int, int | None, str]], list[str]]:  # fmt: skip
    """Rows with their lines, faults, and warnings of rows passed over; the body begins on line 2."""
    path = folder / "t.csv"
    path.write_bytes(body)
    file = TextFile("t.csv", str(path), len(body), False, encoding, 0, 1, nameless=nameless, longest_record=longest)
    faults, blank, rows = Faults(), BlankRows(), list[tuple[int, tuple[str | None, ...]]]()
    for records in read_records(whole_piece(file), dict.fromkeys(names, pa.string()), form, faults, blank, 64):
        cells = [tuple(row.values()) for row in records.cells.to_pylist()]
        rows += zip(records.lines.tolist(), cells, strict=True)
    return rows, [(each.code, each.line, each.text) for each in faults], blank.warnings()


@pytest.mark.parametrize("blank", [b",", b'"",', b'"",""', b",,,,", b'""'])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_rows_of_delimiters_alone_are_passed_over_and_counted(tmp_path: Path, blank: bytes, ending: bytes) -> None:
    body = ending.join([b"a,1", blank, b",2", blank, blank, b"b,"]) + ending
    assert read(tmp_path, body, "id", "x") == (
        [(2, ("a", "1")), (4, (None, "2")), (7, ("b", None))],
        [],
        ["t.csv: 3 rows without any value skipped, the first on line 3"],
    )


def test_a_row_of_texts_that_mean_null_is_a_row(tmp_path: Path) -> None:
    rows, _, warnings = read(tmp_path, b"NA,\n,\nNA,NA\n", "id", "x", form=TextFormat(",", ("", "NA")))
    assert rows == [(2, (None, None)), (4, (None, None))]
    assert warnings == ["t.csv: 1 row without any value skipped, the first on line 3"]


def test_a_blank_line_of_a_file_of_one_column_stays_a_row(tmp_path: Path) -> None:
    assert read(tmp_path, b'a\n\n""\n', "id") == ([(2, ("a",)), (3, (None,)), (4, (None,))], [], [])


@pytest.mark.parametrize(
    ("header", "names"), [(b"id,x", ("id", "x")), (b'"id","x"', ("id", "x")), (b"\xef\xbb\xbfid,x", ("id", "x")), (b"id", ("id",)),
                          (b"\xef\xbb\xbfid", ("id",))]
)  # fmt: skip
def test_a_header_that_stands_again_is_a_fault_and_no_row(
    tmp_path: Path, header: bytes, names: tuple[str, ...]
) -> None:
    row = b",".join([b"a"] * len(names))
    rows, faults, _ = read(tmp_path, b"\n".join([row, header, row, header]), *names)
    assert [line for line, _ in rows] == [2, 4]
    assert faults == [(65, line, "the header stands again among the rows") for line in (3, 5)]


def test_a_row_that_shares_cells_with_the_header_is_a_row(tmp_path: Path) -> None:
    assert read(tmp_path, b"id,y\na,x\n", "id", "x")[:2] == ([(2, ("id", "y")), (3, ("a", "x"))], [])


def test_a_column_without_a_name_may_have_no_value(tmp_path: Path) -> None:
    body = b"a,,1,\nb,0,2,\n,,,\n"
    assert read(tmp_path, body, "id", "x", nameless=(1, 3)) == (
        [(2, ("a", "1")), (3, ("b", "2"))],
        [(25, 3, "column 2 has a value but no name in the header")],
        ["t.csv: 1 row without any value skipped, the first on line 4"],
    )


def test_one_named_column_beside_one_without_a_name_keeps_its_lines(tmp_path: Path) -> None:
    assert read(tmp_path, b'a,\n\n"b\nc",\nd,\n', "id", nameless=(1,))[0] == [(2, ("a",)), (4, ("b\nc",)), (6, ("d",))]


@pytest.mark.parametrize("start", [b"", b"12345678901234567890123456789012345678901234567890123456789,1\n"])
def test_a_cell_keeps_its_byte_order_mark_wherever_a_buffer_begins(tmp_path: Path, start: bytes) -> None:
    mark = "\ufeff".encode()
    rows = read(tmp_path, start + mark + b"a,1\n" + mark + b",2\n", "id", "x")[0]
    assert [cells for _, cells in rows[-2:]] == [("\ufeffa", "1"), ("\ufeff", "2")]


@pytest.mark.parametrize("body", [b"\xef\xbb\xbf", b"\n\n", b"\r\n", b"\r"])
def test_text_without_records_has_no_rows_and_no_error(tmp_path: Path, body: bytes) -> None:
    rows, faults, _ = read(tmp_path, body, "id", "x")
    assert (rows, [code for code, *_ in faults]) == ([], [66] if body.startswith(b"\xef") else [])


def test_lines_that_end_with_two_carriage_returns_read_as_others_or_are_refused(tmp_path: Path) -> None:
    assert read(tmp_path, b"a,1\r\r\n\r\r\nb,2\r\r\n", "id", "x") == ([(2, ("a", "1")), (4, ("b", "2"))], [], [])
    (fault,) = read(tmp_path, b"P1\r\r\nP2\r\r\n", "id")[1]
    assert fault[:2] == (65, 2)


@pytest.mark.parametrize(
    ("body", "line", "text"),
    [
        (b"a,1\nb,2" + b"2" * 400, 3, "a quote is never closed, or the record is longer than 100 bytes"),
        (b'a,1\n5" pipe,2\n' + b"b,3\n" * 200, 3, "a quote stands inside a cell, or is never closed"),
        (
            b'a,1\n"never closed,2\n' + b"b,3\n" * 200,
            3,
            "a quote is never closed, or the record is longer than 100 bytes",
        ),
        (
            b'a,1\n"never ""closed"",2\n' + b'b,"",3\n' * 200,
            3,
            "a quote is never closed, or the record is longer than 100 bytes",
        ),
    ],
)
def test_a_record_over_the_bound_is_told_at_its_line_with_the_input_that_raises_it(
    tmp_path: Path, body: bytes, line: int, text: str
) -> None:
    rows, faults, _ = read(tmp_path, body, "id", "x", longest=100)
    assert rows == [(2, ("a", "1"))]
    assert faults == [(65, line, f"{text}; what follows in the file was not checked")]


def test_a_bad_row_is_not_kept_whole(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"x" * 5000 + b"\n")
    faults = Faults()
    list(read_records(whole_piece(TextFile("t.csv", str(path), 5001, False, "utf-8", 0, 1)), {"a": pa.string(), "b": pa.string()},
                      FORM, faults, BlankRows()))  # fmt: skip
    assert [len(each.value or "") for each in faults] == [200]


def test_text_of_half_characters_is_a_fault(tmp_path: Path) -> None:
    rows, faults, _ = read(
        tmp_path, b"a\nb,+2AA-\n", "id", "x", encoding="utf-7"
    )  # the header is skipped after decoding
    assert (len(rows), faults) == (1, [(65, 2, "bytes that are not utf-7")])


@pytest.mark.parametrize("text", ["", '"', "\n", "\r", "\0", "é", ",,"])
def test_a_delimiter_that_no_reader_takes_is_refused(text: str) -> None:
    with pytest.raises(AppError, match="Error 90"):
        parse_delimiter(text, "delimiter")


@pytest.mark.parametrize("mib", [0, -1, 1025])
def test_a_bound_that_cannot_be_held_is_refused(mib: int) -> None:
    with pytest.raises(AppError, match="Error 90"):
        parse_longest_record(mib)
