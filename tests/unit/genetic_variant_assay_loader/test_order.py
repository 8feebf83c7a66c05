"""Order of lines and repeated alleles, within a block and from block to block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apps.genetic_variant_assay_loader.order import ContigRun
from apps.genetic_variant_assay_loader.task import parse_block, reading_of
from common.vcf.header import parse_header
from common.vcf.lines import LineFaults


def test_a_position_before_an_earlier_one_is_refused(load: Callable[..., Any]) -> None:
    loaded = load(
        "1 100 . A C . . .", "1 1400 . A C . . .", "1 500 . A C . . .", "1 600 . A C . . .", "2 5 . A C . . ."
    )
    assert loaded.refused() == [(207, 3, "POS", "500"), (207, 4, "POS", "600")]


def test_a_contig_that_comes_back_is_refused(load: Callable[..., Any]) -> None:
    loaded = load("1 100 . A C . . .", "2 10 . A C . . .", "chr1 500 . A C . . .")
    assert loaded.refused() == [(207, 3, "CHROM", "1")]


def test_an_allele_that_stands_twice_is_refused_on_its_second_line(load: Callable[..., Any]) -> None:
    loaded = load("1 100 . A C,G . . .", "1 100 . A T . . .", "1 100 . A G . . .", "1 101 . A C,C . . .")
    assert loaded.refused() == [(208, 3, "ALT", "1_100_A_G"), (208, 4, "ALT", "1_101_A_C")]
    assert [row[0] for row in loaded.rows("alleles", "a_id")] == ["1_100_A_C", "1_100_A_G", "1_100_A_T"]


def test_symbolic_alleles_that_repeat_are_numbered_in_their_ids(load: Callable[..., Any]) -> None:
    loaded = load(
        "1 100 . A <INS> . . END=101 GT 0/1",
        "1 100 . A <DEL>,<INS>,<DEL> . . SVLEN=7,.,9 GT 2/3",
        "1 100 . A <INS> . . END=101 GT 0/0",
        "1 101 . A <INS> . . . GT 0/0",
        samples="s",
        ref=True,
    )
    assert not loaded.faults
    assert loaded.rows("alleles", "a_id", "locus_id", "alt", "end_pos") == [
        ("1_100_A_<INS>", "1_100_A_<INS>", "<INS>", 101),
        ("1_100_A_<DEL>", "1_100_A_<DEL>", "<DEL>", 107),
        ("1_100_A_<INS>-2", "1_100_A_<DEL>", "<INS>", 100),
        ("1_100_A_<DEL>-2", "1_100_A_<DEL>", "<DEL>", 109),
        ("1_100_A_<INS>-3", "1_100_A_<INS>-3", "<INS>", 101),
        ("1_101_A_<INS>", "1_101_A_<INS>", "<INS>", 101),
    ]
    assert loaded.rows("alt", "a_id") == [("1_100_A_<INS>",), ("1_100_A_<INS>-2",), ("1_100_A_<DEL>-2",)]
    assert loaded.rows("ref", "locus_id") == [("1_100_A_<INS>-3",), ("1_101_A_<INS>",)]


def test_repeats_are_numbered_on_from_block_to_block() -> None:
    header, _ = parse_header(b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n", "a.vcf")
    assert header is not None
    runs: tuple[ContigRun, ...] = ()
    ids = []
    for number, pos in enumerate((5, 5, 5, 6), start=1):
        found = LineFaults("a.vcf")
        block = parse_block(f"1\t{pos}\t.\tA\t<INS>\t.\t.\t.\n".encode(), number, runs, reading_of(header), found)
        assert not found.faults
        ids += block.alleles["a_id"].to_pylist()
        runs = block.runs
    assert ids == ["1_5_A_<INS>", "1_5_A_<INS>-2", "1_5_A_<INS>-3", "1_6_A_<INS>"]


def test_runs_carry_over_blocks(load: Callable[..., Any]) -> None:
    header, _ = parse_header(b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n", "a.vcf")
    assert header is not None
    reading = reading_of(header)

    def block(
        first: int, runs: tuple[ContigRun, ...], *lines: str
    ) -> tuple[tuple[ContigRun, ...], list[tuple[int, int | None]]]:
        found = LineFaults("a.vcf")
        text = "".join(line.replace(" ", "\t") + "\n" for line in lines).encode()
        runs = parse_block(text, first, runs, reading, found).runs
        return runs, [(fault.code, fault.line) for fault in found.faults]

    runs, faults = block(1, (), "1 5 . A C . . .", "1 9 . A C . . .")
    assert faults == []
    runs, faults = block(3, runs, "1 9 . A G . . .", "1 9 x A C . . .", "1 8 . A C . . .", "2 1 . A C . . .")
    assert sorted(faults) == [(207, 5), (208, 4)]
    runs, faults = block(7, runs, "1 50 . A C . . .", "2 3 . A T . . .")
    assert faults == [(207, 7)]
    assert [(run.chr, run.line, run.first, run.last) for run in runs] == [("1", 1, 5, 9), ("2", 6, 1, 3)]
    assert runs[0].first_alleles == {"1_5_A_C"}
    assert runs[0].last_alleles == {"1_9_A_C", "1_9_A_G"}


def test_wholly_equal_lines_count_once_over_blocks_too(load: Callable[..., Any]) -> None:
    lines = ("1 5 . A C 9 . .", "1 5 . A G 9 . .", "1 5 . A C 9 . .", "1 6 . A C 9 . .")
    loaded = load(*lines)
    assert loaded.rows("alleles", "a_id") == [("1_5_A_C",), ("1_5_A_G",), ("1_6_A_C",)]
    assert loaded.remarks == ["lines equal to an earlier line were loaded once: 1 line, first in tiny.vcf line 3"]
    header, _ = parse_header(b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n", "a.vcf")
    assert header is not None
    runs, ids = tuple[ContigRun, ...](), list[str]()
    for number, line in enumerate(lines, 1):
        found = LineFaults("a.vcf")
        tables = parse_block(line.replace(" ", "\t").encode(), number, runs, reading_of(header), found)
        runs, ids = tables.runs, ids + tables.alleles["a_id"].to_pylist()
        assert not found.faults
        assert len(found.remarks) == (number == 3)
    assert ids == ["1_5_A_C", "1_5_A_G", "1_6_A_C"]


def test_lines_that_differ_under_one_allele_are_refused(load: Callable[..., Any]) -> None:
    loaded = load("1 5 . A C 9 . . GT 0/1", "1 5 . A C 9 . . GT 1/1", "1 5 . A C 9 . . GT 0/1", samples="S")
    assert loaded.refused() == [(208, 2, "ALT", "1_5_A_C")]
    assert loaded.rows("alt", "type") == [("het-ref",)]
