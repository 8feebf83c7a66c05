"""Pieces gathered into tasks of even weight, and what a sample of a piece shows."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from common.scan.delimited import Piece, TextFile, first_records
from common.tables.tasks import group_pieces, text_bytes


def piece(size: int, is_gzip: bool = False) -> Piece:
    return Piece(TextFile("a.csv", "a.csv", size, is_gzip, "utf-8", 0, 0), 0, size, 2)


def test_small_pieces_are_gathered_and_large_ones_stand_alone() -> None:
    pieces = [(index, piece(size)) for index, size in enumerate([10, 10, 50, 10, 30, 1])]
    groups = [[index for index, _ in group] for group in group_pieces(pieces, 40)]
    assert groups == [[0, 1], [2], [3, 4], [5]]


def test_no_piece_makes_one_empty_group() -> None:
    assert list(group_pieces([], 40)) == [()]


def test_gzip_weighs_as_the_text_that_it_holds() -> None:
    assert text_bytes([piece(10), piece(10, is_gzip=True)]) == 60


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(100, b'1,a\n2,"b\nc"\n'), (14, b'1,a\n2,"b\nc"\n'), (8, b"1,a\n"), (4, b"1,a\n"), (3, b"")],
)
def test_a_sample_holds_whole_records_only(tmp_path: Path, limit: int, expected: bytes) -> None:
    text = b'id,x\n1,a\n2,"b\nc"\n3,d'
    for name, content, is_gzip in (("a.csv", text, False), ("a.csv.gz", gzip.compress(text), True)):
        path = tmp_path / name
        path.write_bytes(content)
        size = path.stat().st_size
        file = TextFile(name, str(path), size, is_gzip, "utf-8", 5, 1)
        assert first_records(Piece(file, 0 if is_gzip else 5, size, 2), limit) == expected
