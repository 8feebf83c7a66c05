"""Plain text, bgzip and gzip: told apart by bytes, cut anywhere, every line read once and by its true number."""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.errors import AppError
from common.scan.files import stamp_of
from common.vcf.container import VcfFile, cut_pieces, line_bases, read_vcf_file, read_vcf_lines

HEADER = b"##fileformat=VCFv4.2\n##x=1\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def bgzip_block(data: bytes) -> bytes:
    """One bgzip block (SAM specification, section 4.1)."""
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = deflate.compress(data) + deflate.flush()
    header = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0" + struct.pack("<H", len(body) + 25)
    return header + body + struct.pack("<II", zlib.crc32(data), len(data))


def bgzip(data: bytes, size: int) -> bytes:
    """A bgzip file whose blocks hold `size` bytes each."""
    return b"".join(bgzip_block(data[at : at + size]) for at in range(0, len(data), size)) + END


WRITERS: dict[str, Callable[[bytes, int], bytes]] = {
    "plain": lambda data, _: data,
    "bgzip": bgzip,
    "gzip": lambda data, size: gzip.compress(data[:size]) + gzip.compress(data[size:]),
}


def opened(path: Path) -> VcfFile:
    file, found = read_vcf_file(path.name, str(path))
    assert file is not None, found.faults.render()
    return file


@pytest.mark.parametrize("kind", WRITERS)
def test_the_container_is_known_by_its_bytes_not_its_name(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "misnamed.txt"
    path.write_bytes(WRITERS[kind](HEADER + b"1\t1\t.\tA\tC\t.\t.\t.\n", 40))
    file = opened(path)
    assert (file.kind, file.header_lines) == (kind, 3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=150)
@given(
    lines=st.lists(st.one_of(st.text("ACGT\t", max_size=30), st.sampled_from(["1\t5\tA\tC", "1\t5\tG", "1\t55\tA"])), max_size=30),
    ended=st.booleans(),
    kind=st.sampled_from(sorted(WRITERS)), size=st.integers(1, 90), piece_bytes=st.integers(1, 200), block=st.integers(1, 200),
)  # fmt: skip
def test_pieces_of_any_size_hold_every_line_once_and_in_order(
    tmp_path: Path, lines: list[str], ended: bool, kind: str, size: int, piece_bytes: int, block: int
) -> None:
    body = "\n".join(lines).encode() + (b"\n" if ended and lines else b"")
    path = tmp_path / "a.vcf"
    path.write_bytes(WRITERS[kind](HEADER + body, size))
    file = opened(path)
    pieces = [list(read_vcf_lines(piece, block)) for piece in cut_pieces(file, piece_bytes)]
    assert b"".join(part for blocks in pieces for part in blocks) == body
    texts = [b"".join(blocks) for blocks in pieces]
    held = [text.split(b"\n") for text in texts if text]
    assert all(lines[-1] == b"" for lines in held[:-1])
    for before, after in pairwise(held):
        positions = [tuple(line.split(b"\t")[:2]) for line in (before[-2], after[0]) if line.count(b"\t") > 1]
        assert len(set(positions)) == len(positions)
    bases = line_bases(file, [text.count(b"\n") for text in texts])
    assert bases[0] == 3
    assert bases == [3 + b"".join(texts[:number]).count(b"\n") for number in range(len(texts))]


def test_a_header_of_many_blocks_is_read_and_not_read_again(tmp_path: Path) -> None:
    header = HEADER.replace(b"##x=1\n", b"".join(b"##contig=<ID=c%d>\n" % number for number in range(5000)))
    path = tmp_path / "a.vcf.gz"
    path.write_bytes(bgzip(header + b"c1\t5\t.\tA\tC\t.\t.\t.\n", 1000))
    file = opened(path)
    assert (len(file.header.contigs), file.header_lines) == (5000, 5002)
    assert (
        b"".join(b"".join(read_vcf_lines(piece, 100)) for piece in cut_pieces(file, 3000))
        == b"c1\t5\t.\tA\tC\t.\t.\t.\n"
    )


@pytest.mark.parametrize("kind", WRITERS)
def test_the_column_line_of_a_large_cohort_is_read_whole(tmp_path: Path, kind: str) -> None:
    samples = [f"{'s' * 64}{number}" for number in range(80_000)]  # over 4 MiB
    header = HEADER[:-1] + b"\tFORMAT\t" + "\t".join(samples).encode() + b"\n"
    path = tmp_path / "a.vcf.gz"
    path.write_bytes(WRITERS[kind](header + b"1\t1\n", 60_000))
    file = opened(path)
    assert file.header.samples == tuple(samples)
    assert [text for piece in cut_pieces(file, 1 << 20) for text in read_vcf_lines(piece, 99)] == [b"1\t1\n"]


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("added", [b"##a=" + b"b" * 3_000_000, b"##a\n" * 40_000 + b"##a"])
def test_a_header_has_a_bound_that_can_be_raised(tmp_path: Path, kind: str, added: bytes) -> None:
    path = tmp_path / "a.vcf.gz"
    path.write_bytes(WRITERS[kind](HEADER.replace(b"##x=1", added), 60_000))
    file, found = read_vcf_file("a.vcf.gz", str(path), 2)
    assert file is None
    (fault,) = found.faults
    assert fault.code == 201
    assert fault.text.startswith("the header is larger than 2 MiB")
    assert "max_header_mb" in fault.remedy
    assert read_vcf_file("a.vcf.gz", str(path), 4)[0] is not None


def test_a_definition_of_over_64_kib_is_a_remark(tmp_path: Path) -> None:
    path = tmp_path / "a.vcf"
    long = b'##INFO=<ID=A,Number=1,Type=String,Description="' + b"a" * 70_000 + b'">'
    path.write_bytes(HEADER.replace(b"##x=1", long))
    file, found = read_vcf_file("a.vcf", str(path))
    assert file is not None
    assert dict(file.header.info) == {}
    assert [(each.line, each.text) for each in found.remarks.values()] == [
        (2, "INFO: the parts of ##INFO cannot be told apart")
    ]


@pytest.mark.parametrize("kind", WRITERS)
def test_no_column_line_is_looked_for_far_into_the_data(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.vcf.gz"
    path.write_bytes(WRITERS[kind](b"##fileformat=VCFv4.2\n" + (b"1\t" + b"1" * 1021 + b"\n") * 12_000, 60_000))
    file, found = read_vcf_file("a.vcf.gz", str(path))
    assert file is None
    assert found.faults.counts[201] < 6_000  # 4 MiB, and what is read at once


def test_a_line_longer_than_pieces_and_blocks_is_read_whole(tmp_path: Path) -> None:
    body = b"1\t1\t.\t" + b"A" * 300_000 + b"\tC\t.\t.\t.\n2\t1\t.\tA\tC\t.\t.\t.\n"
    path = tmp_path / "a.vcf.gz"
    path.write_bytes(bgzip(HEADER + body, 60_000))
    assert next(b"".join(read_vcf_lines(piece, 1000)) for piece in cut_pieces(opened(path), 200)).startswith(b"1\t1")
    assert b"".join(b"".join(read_vcf_lines(piece, 1000)) for piece in cut_pieces(opened(path), 200)) == body


def tabix(offsets: list[int]) -> bytes:
    """An index of one contig with a bin of one chunk, and these blocks in its linear index."""
    head = struct.pack("<8i", 1, 2, 1, 2, 0, 35, 0, 2) + b"1\0"
    bins = struct.pack("<iIiQQ", 1, 4681, 1, offsets[0] << 16, offsets[-1] << 16)
    intervals = struct.pack(f"<i{len(offsets)}Q", len(offsets), *(offset << 16 | 7 for offset in offsets))
    return bgzip(b"TBI\1" + head + bins + intervals, 1000)


def csi(offsets: list[int]) -> bytes:
    """An index of one contig with a bin for each of these blocks, and the bin of counts."""
    bins = [
        struct.pack("<IQiQQ", 4681 + at, offset << 16, 1, offset << 16, offset << 16)
        for at, offset in enumerate(offsets)
    ]
    counts = struct.pack("<IQi4Q", 37450, 0, 2, offsets[0] << 16, offsets[-1] << 16, 1 << 40, 1 << 40)
    head = struct.pack("<3i2s2i", 14, 5, 2, b"\1\0", 1, len(bins) + 1)
    return bgzip(b"CSI\1" + head + b"".join(bins) + counts, 1000)


def test_pieces_are_cut_where_a_tabix_index_says_that_blocks_begin(tmp_path: Path) -> None:
    path = tmp_path / "a.vcf.gz"
    stored = bgzip(HEADER + BODY, 2000)
    path.write_bytes(stored)
    offsets = block_places(stored)[1:]
    (tmp_path / "a.vcf.gz.tbi").write_bytes(tabix(offsets))
    pieces = cut_pieces(opened(path), 700)
    assert len(pieces) > 3
    assert {piece.start for piece in pieces[1:]} <= set(offsets)
    assert b"".join(b"".join(read_vcf_lines(piece, 1000)) for piece in pieces) == BODY


@pytest.mark.parametrize("index", [b"no index", tabix([5])[:-20], bgzip(bytes(100 << 20), 65_280)])
def test_an_index_that_cannot_be_read_does_no_harm(tmp_path: Path, index: bytes) -> None:
    path = tmp_path / "a.vcf.gz"
    path.write_bytes(bgzip(HEADER + BODY, 2000))
    (tmp_path / "a.vcf.gz.tbi").write_bytes(index)
    assert b"".join(b"".join(read_vcf_lines(piece, 1000)) for piece in cut_pieces(opened(path), 3000)) == BODY


def block_places(stored: bytes) -> list[int]:
    return [at for at in range(len(stored)) if stored.startswith(b"\x1f\x8b\x08\x04", at)]


@pytest.mark.parametrize("index", [tabix, csi])
@pytest.mark.parametrize("changed", ["taken out", "doubled", "none"])
def test_an_index_tells_of_blocks_that_were_taken_out_or_doubled(
    tmp_path: Path, changed: str, index: Callable[[list[int]], bytes]
) -> None:
    path = tmp_path / "a.vcf.gz"
    stored = bgzip(HEADER + BODY, 2000)
    places = block_places(stored)
    (tmp_path / f"a.vcf.gz.{'tbi' if index is tabix else 'csi'}").write_bytes(index(places[:-1]))
    block = stored[places[5] : places[6]]
    path.write_bytes(stored.replace(block, {"taken out": b"", "doubled": 2 * block, "none": block}[changed]))
    if changed == "none":
        assert opened(path).blocks == tuple(places[1:-1])
        return
    with pytest.raises(AppError, match=r"213.*not the bgzip blocks that the index beside it names"):
        opened(path)


BODY = b"".join(b"1\t%d\t.\tA\tC\t.\t.\t.\n" % number for number in range(1, 2000))


def read_all(path: Path, piece_bytes: int) -> None:
    for piece in cut_pieces(opened(path), piece_bytes):
        for _ in read_vcf_lines(piece, 4096):
            pass


def test_zeros_after_the_last_gzip_member_are_padding_and_between_members_a_gap(tmp_path: Path) -> None:
    line = b"1\t1\t.\tA\tC\t.\t.\t.\n"
    path = tmp_path / "a.vcf.gz"
    path.write_bytes(gzip.compress(HEADER) + gzip.compress(line) + bytes(700))
    (piece,) = cut_pieces(opened(path), 1000)
    assert b"".join(read_vcf_lines(piece, 1000)) == line
    path.write_bytes(gzip.compress(HEADER) + bytes(700) + gzip.compress(line))
    with pytest.raises(AppError, match=r"213.*gap of zeros"):
        read_all(path, 1000)


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("change", ["shorter", "longer", "as long"])
def test_a_file_that_is_changed_between_plan_and_load_is_refused(tmp_path: Path, kind: str, change: str) -> None:
    path = tmp_path / "a.vcf.gz"
    stored = WRITERS[kind](HEADER + BODY, 2000)
    path.write_bytes(stored)
    pieces = cut_pieces(opened(path), 3000)
    other = {"shorter": HEADER + BODY[:6000], "longer": HEADER + BODY + BODY, "as long": HEADER + BODY}[change]
    path.write_bytes(WRITERS[kind](other, 2000))
    os.utime(path, ns=(1, 1))
    with pytest.raises(AppError, match=r"65.*was changed during the run"):
        list(read_vcf_lines(pieces[0], 1000))


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_that_is_changed_while_it_is_read_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.vcf.gz"
    path.write_bytes(WRITERS[kind](HEADER + BODY, 2000))
    lines = read_vcf_lines(cut_pieces(opened(path), 1 << 20)[0], 1000)
    next(lines)
    os.truncate(path, 400)
    with pytest.raises(AppError, match=r"65.*was changed during the run"):
        list(lines)


def test_a_size_field_that_makes_a_block_swallow_the_next_is_refused(tmp_path: Path) -> None:
    """Blocks that are alike, the length of one set to that of two: text, checksum and length of the last are all right."""
    path = tmp_path / "a.vcf.gz"
    alike = bgzip_block(b"1\t1\t.\tA\tC\t.\t.\t.\n")
    swallowing = alike[:16] + struct.pack("<H", 2 * len(alike) - 1) + alike[18:]
    path.write_bytes(bgzip_block(HEADER) + swallowing + 5 * alike + END)
    with pytest.raises(AppError, match=r"213.*its length is not what it says"):
        read_all(path, 1000)


@pytest.mark.parametrize("damaged", range(10))
def test_blocks_that_do_not_join_at_a_cut_are_refused(tmp_path: Path, damaged: int) -> None:
    """The header of each block in turn is damaged, so that the piece that looks for its first block there passes it over."""
    path = tmp_path / "a.vcf.gz"
    stored = bytearray(bgzip(HEADER + BODY, 4000))
    place = block_places(stored)[damaged + 1]
    for piece_bytes in (place, place - 20, 700):
        path.write_bytes(stored)
        pieces = cut_pieces(opened(path), piece_bytes)
        path.write_bytes(stored[:place] + b"\0" + stored[place + 1 :])
        stamp = stamp_of(str(path))
        with pytest.raises(AppError, match="213"):
            [list(read_vcf_lines(replace(piece, stamp=stamp), 1000)) for piece in pieces]


@pytest.mark.parametrize("lost", [1, 28, 29, 400])
def test_a_bgzip_file_that_was_cut_short_is_refused(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "a.vcf.gz"
    path.write_bytes(bgzip(HEADER + BODY, 2000)[:-lost])
    with pytest.raises(AppError, match="213"):
        read_all(path, 500)


@pytest.mark.parametrize("lost", [1, 8, 400])
def test_a_gzip_file_that_was_cut_short_is_refused(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "a.vcf.gz"
    path.write_bytes(gzip.compress(HEADER + BODY)[:-lost])
    with pytest.raises(AppError, match="213"):
        read_all(path, 500)


@pytest.mark.parametrize("kind", ["bgzip", "gzip"])
def test_damage_within_a_compressed_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.vcf.gz"
    stored = bytearray(WRITERS[kind](HEADER + BODY, 2000))
    middle = len(stored) * 2 // 3
    stored[middle : middle + 40] = bytes(byte ^ 0x5A for byte in stored[middle : middle + 40])
    path.write_bytes(bytes(stored))
    with pytest.raises(AppError, match="213"):
        read_all(path, 700)
