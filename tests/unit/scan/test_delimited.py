"""Pieces of delimited text hold whole records, each once, in order, with true line numbers, wherever the cuts fall."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import AppError
from common.scan.bgzip import stream_gzip
from common.scan.delimited import (
    Piece,
    TextFile,
    build_pieces,
    cut_blocks,
    first_record,
    lone_returns,
    read_buffers,
    record_lines,
    record_texts,
    scan_block,
    stray_quotes,
    whole_piece,
)

CELLS = st.text(alphabet='ab,"\n\r é', max_size=6)
TABLES = st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=12)


def write(folder: Path, content: bytes, *, encoding: str = "utf-8", name: str = "t.csv") -> TextFile:
    path = folder / name
    path.write_bytes(content)
    is_gzip = content[:2] == b"\x1f\x8b"
    _, size, lines = first_record(str(path), is_gzip, encoding)
    return TextFile(name, str(path), len(content), is_gzip, encoding, size, lines)


def records(piece: Piece) -> list[tuple[int, list[str]]]:
    """Line and cells of every record, by the buffers of the piece and Python's own csv module."""
    found = []
    for text, first_line in read_buffers(piece):
        lines = record_lines(text, first_line).tolist()
        rows = [row for row in csv.reader(io.StringIO(text.decode(), newline="")) if row]
        found += list(zip(lines, rows, strict=True))
    return found


def expected_records(content: str) -> list[tuple[int, list[str]]]:
    """The same by reading the whole with the csv module, which counts \\n, \\r\\n and \\r as line ends; so lines are counted here."""
    found, line = [], 1
    for text in csv_records(content):
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
        if rows:
            found.append((line, rows[0]))
        line += text.count("\n")
    return found[1:]


def csv_records(content: str) -> list[str]:
    out, inside, start = [], False, 0
    for at, character in enumerate(content):
        if character == '"':
            inside = not inside
        if character == "\n" and not inside:
            out.append(content[start : at + 1])
            start = at + 1
    return [*out, content[start:]] if start < len(content) else out


@given(rows=TABLES, block=st.integers(1, 40), ending=st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=150)
def test_pieces_hold_every_record_once_wherever_the_blocks_are_cut(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], block: int, ending: str
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writerows([["a", "b"], *rows])
    file = write(tmp_path_factory.mktemp("cut"), out.getvalue().encode())
    pieces = build_pieces([scan_block(each) for each in cut_blocks(file, block)])
    assert [each for piece in pieces for each in records(piece)] == expected_records(out.getvalue())


def test_a_block_inside_one_long_record_makes_no_piece(tmp_path: Path) -> None:
    file = write(tmp_path, b'a,b\n1,"' + b"x\n" * 50 + b'"\n2,y\n')
    pieces = build_pieces([scan_block(each) for each in cut_blocks(file, 10)])
    assert [(piece.first_line, [cells[0] for _, cells in records(piece)]) for piece in pieces] == [
        (2, ["1"]),
        (53, ["2"]),
    ]


def test_the_header_may_span_lines_and_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbf"two\nlines",b\r\n1,2\r\n'
    (tmp_path / "t.csv").write_bytes(content)
    assert first_record(str(tmp_path / "t.csv"), False, "utf-8") == ('"two\nlines",b', 18, 2)
    assert records(whole_piece(write(tmp_path, content))) == [(3, ["1", "2"])]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-be", "utf-8-sig"])
def test_other_encodings_read_as_utf_8(tmp_path: Path, encoding: str) -> None:
    file = write(tmp_path, "a,b\n1,naïve\n2,é\n".encode(encoding), encoding=encoding)
    assert records(whole_piece(file)) == [(2, ["1", "naïve"]), (3, ["2", "é"])]


def test_gzip_of_several_members_is_one_text(tmp_path: Path) -> None:
    file = write(tmp_path, gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n"))
    assert records(whole_piece(file)) == [(2, ["1", "2"]), (3, ["3", "4"])]


def test_a_gzip_that_is_a_thousand_times_its_size_comes_a_buffer_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "t.gz"
    path.write_bytes(gzip.compress(b"0" * 5_000_000) + gzip.compress(b"1" * 2_000_000) + bytes(512))
    texts = list(stream_gzip(str(path), 1 << 20))
    assert [len(text) for text in texts] == [1 << 20] * 6 + [7_000_000 - (6 << 20)]
    assert b"".join(texts) == b"0" * 5_000_000 + b"1" * 2_000_000


def test_a_gzip_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(b"a,b\n" + bytes(str(list(range(5000))), "ascii") + b"\n")
    file = write(tmp_path, whole)
    (tmp_path / "t.csv").write_bytes(whole[:-20])
    with pytest.raises(AppError, match=r"Error 65 .*ends too early"):
        list(read_buffers(whole_piece(file)))


def test_records_are_found_again_by_their_lines() -> None:
    text = b'1,"a\nb"\n\n2,c\r\n3,d'
    assert record_lines(text, 10).tolist() == [10, 13, 14]
    assert record_texts(text, 10, record_lines(text, 10)) == [b'1,"a\nb"', b"2,c", b"3,d"]


@pytest.mark.parametrize(
    ("text", "offsets"),
    [
        (b'1,"a ""b"" c"\n', []),
        (b'1,""\n"x",2\n', []),
        (b'1,5" pipe\n', [3]),
        (b'1,"a"b\n', [4]),
        (b'1,"never closed\n2,x\n', [2]),
    ],
)
def test_quotes_that_no_csv_may_have_are_found(text: bytes, offsets: list[int]) -> None:
    assert stray_quotes(text, ",") == offsets


@pytest.mark.parametrize("blank", [b"\n", b"\r\n", b"\r\r\n", b"\r"])
def test_lines_without_any_text_are_no_records_whatever_ends_them(blank: bytes) -> None:
    assert record_lines(b"1,2\n" + blank, 2).tolist() == [2]
    assert record_lines(b"1,2\n" + blank.rstrip(b"\r") + b"3,4\n", 2).tolist() == [2, 3 + blank.count(b"\n")]


def test_line_ends_of_two_carriage_returns_are_refused_where_blank_lines_are_rows() -> None:
    assert lone_returns(b"P1\r\r\nP2\r\n", allows_two=False) == [2]


@pytest.mark.parametrize(
    ("text", "offsets"),
    [
        (b'1,"a\rb"\r\n2,c\r\r\n3,d\r', []),
        (b'1,"a"\n2,b\rc\n', [9]),
        (b"1,a\r2,b\r3,c", [3, 7]),
    ],
)
def test_carriage_returns_that_may_or_may_not_end_a_line_are_found(text: bytes, offsets: list[int]) -> None:
    assert lone_returns(text) == offsets


@pytest.mark.parametrize("content", [b"a,b\r1,2\r", b'a,"b\n1,2\n', b'a,"b\n' + b"1,2\n" * 20_000, b"a," * 60_000])
def test_a_header_without_an_end_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(AppError, match="Error 65"):
        first_record(str(tmp_path / "t.csv"), False, "utf-8", longest=1 << 16)


@pytest.mark.parametrize("rest", [b'3,5" pipe\n' + b"6,7\n" * 100, b"3" * 400 + b"\n"])
def test_a_record_over_the_bound_does_not_gather_the_rest_of_the_file(tmp_path: Path, rest: bytes) -> None:
    file = replace(write(tmp_path, b"a,b\n1,2\n" + rest), longest_record=100)
    buffers = read_buffers(whole_piece(file), 50)
    assert next(buffers) == (b"1,2\n", 2)
    text, line = next(buffers)
    assert (line, 100 < len(text) <= 150, rest.startswith(text)) == (3, True, True)
    with pytest.raises(AppError, match=r"t\.csv: the record on line 3 does not end within 100 bytes"):
        next(buffers)


def test_a_record_of_the_longest_size_is_read(tmp_path: Path) -> None:
    content = b"a,b\n1," + b"x" * 97 + b"\n"
    file = replace(write(tmp_path, content), longest_record=100)
    assert list(read_buffers(whole_piece(file), 30)) == [(content[4:], 2)]


def test_buffers_of_a_piece_are_of_even_size(tmp_path: Path) -> None:
    file = write(tmp_path, b"id\n" + b"1234567\n" * 10)
    assert [len(text) for text, _ in read_buffers(whole_piece(file), 64)] == [40, 40]
