"""Compressed delimited text: damage to the file, before or during the run, is never missed."""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from pathlib import Path

import pytest

from common.errors import AppError
from common.scan.bgzip import END_BLOCK, stream_gzip, stream_text
from common.scan.delimited import TextFile, cut_blocks, first_record, read_buffers, scan_block, whole_piece
from common.scan.files import compression_of, read_small, stamp_of

ROWS = [b"".join(b"%d,%d\n" % (row, row) for row in range(start, start + 100)) for start in range(0, 1000, 100)]
TEXT = b"a,b\n" + b"".join(ROWS)


def block(data: bytes) -> bytes:
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = deflate.compress(data) + deflate.flush()
    header = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0" + struct.pack("<H", len(body) + 25)
    return header + body + struct.pack("<II", zlib.crc32(data), len(data))


BLOCKS = [block(b"a,b\n"), *map(block, ROWS), END_BLOCK]


def write(folder: Path, content: bytes) -> Path:
    path = folder / "a.csv.gz"
    path.write_bytes(content)
    return path


def read(path: Path, size: int = 1000) -> bytes:
    return b"".join(stream_gzip(str(path), size))


def planned(path: Path) -> TextFile:
    stamp, is_gzip = stamp_of(str(path)), compression_of(str(path)) != "plain"
    _, size, lines = first_record(str(path), is_gzip, "utf-8")
    return TextFile("a.csv", str(path), stamp.size, is_gzip, "utf-8", size, lines, stamp)


@pytest.mark.parametrize("size", [1, 99, 4096, 1 << 20])
def test_a_bgzip_file_comes_in_even_buffers(tmp_path: Path, size: int) -> None:
    buffers = list(stream_gzip(str(write(tmp_path, b"".join(BLOCKS))), size))
    assert b"".join(buffers) == TEXT
    assert {len(each) for each in buffers[:-1]} <= {size}


@pytest.mark.parametrize("kept", range(1, len(BLOCKS)))
def test_a_bgzip_file_cut_at_the_end_of_a_block_is_refused(tmp_path: Path, kept: int) -> None:
    with pytest.raises(AppError, match=r"65.*lacks the empty block that ends a bgzip file"):
        read(write(tmp_path, b"".join(BLOCKS[:kept])))


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    "damaged",
    [
        bytes(len(BLOCKS[3])), b"\0" + BLOCKS[3], BLOCKS[3] + b"x", BLOCKS[3][:-1], flipped(BLOCKS[3], 16), flipped(BLOCKS[3], 17),
        flipped(BLOCKS[3], 60), flipped(BLOCKS[3], len(BLOCKS[3]) - 1), flipped(BLOCKS[3], len(BLOCKS[3]) - 8),
    ],
)  # fmt: skip
def test_a_block_that_is_damaged_or_a_gap_beside_it_is_refused(tmp_path: Path, damaged: bytes) -> None:
    with pytest.raises(AppError, match="65"):
        read(write(tmp_path, b"".join([*BLOCKS[:3], damaged, *BLOCKS[4:]])))


def test_a_block_of_more_text_than_the_format_allows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AppError, match="its length is not what it says"):
        read(write(tmp_path, block(b"a,b\n") + block(b"0" * 10_000_000) + END_BLOCK))


@pytest.mark.parametrize("at", range(1, len(BLOCKS) - 1))
def test_an_index_tells_that_a_block_was_taken_out(tmp_path: Path, at: int) -> None:
    places = [len(b"".join(BLOCKS[:number])) for number in range(1, len(BLOCKS) - 1)]
    index = struct.pack("<Q", len(places)) + b"".join(struct.pack("<QQ", place, 0) for place in places)
    path = write(tmp_path, b"".join(BLOCKS))
    (tmp_path / "a.csv.gz.gzi").write_bytes(index)
    assert read(path) == TEXT
    write(tmp_path, b"".join([*BLOCKS[:at], *BLOCKS[at + 1 :]]))
    with pytest.raises(AppError, match=r"65.*not the bgzip blocks that the index beside it names"):
        read(path)


@pytest.mark.parametrize("between", [b"\0", bytes(3 << 20), b"x", b"\x1f\x8b\x08"])
def test_what_is_between_gzip_members_is_refused(tmp_path: Path, between: bytes) -> None:
    with pytest.raises(AppError, match="65"):
        read(write(tmp_path, gzip.compress(b"one") + between + gzip.compress(b"two")))


def test_zeros_after_the_last_gzip_member_are_padding(tmp_path: Path) -> None:
    assert read(write(tmp_path, gzip.compress(b"one") + gzip.compress(b"two") + bytes(2 << 20)), 100) == b"onetwo"


@pytest.mark.parametrize("content", [TEXT, gzip.compress(TEXT), b"".join(BLOCKS)], ids=["plain", "gzip", "bgzip"])
@pytest.mark.parametrize("length", [-500, 0, 500])
def test_a_file_that_changes_between_plan_and_load_is_refused(tmp_path: Path, content: bytes, length: int) -> None:
    path = write(tmp_path, content)
    file = planned(path)
    assert b"".join(text for text, _ in read_buffers(whole_piece(file))) == TEXT[4:]
    os.truncate(path, len(content) + length)
    os.utime(path, ns=(1, 1))
    with pytest.raises(AppError, match=r"65.*was changed during the run"):
        list(read_buffers(whole_piece(file)))
    if not file.is_gzip:
        with pytest.raises(AppError, match=r"65.*was changed during the run"):
            scan_block(cut_blocks(file, 1000)[1])


def test_gzip_that_hides_a_hundred_times_its_size_is_no_small_file(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(bytes(80 << 20)))
    with pytest.raises(AppError, match=r"65.*over 100 times its size"):
        list(stream_text(str(path), 1 << 20))
    assert b"".join(stream_text(str(write(tmp_path, TEXT)), 100)) == TEXT


def test_a_small_file_has_a_bound(tmp_path: Path) -> None:
    path = write(tmp_path, bytes(100))
    assert read_small(str(path), 100) == bytes(100)
    with pytest.raises(AppError, match="100 bytes; a file of this kind is read whole, and may have 99"):
        read_small(str(path), 99)
