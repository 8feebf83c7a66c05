"""The Genetic Variant Assay Loader from VCFs to tables, descriptor and report, and what it does with files that do not
fit."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from apps.commands.catalogue import attach_databases
from apps.commands.project import database_files
from apps.genetic_variant_assay_loader import load as loading
from common.errors import AppError
from common.faults import FaultError
from tests.apps.conftest import Runner

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Files = Callable[..., dict[str, str]]

APP = "genetic_variant_assay_loader"
GENOTYPES, ALLELES, ANNOTATIONS = "genotype_alt_read_optimized", "allele_read_optimized", "annotation_read_optimized"
META = (
    "##fileformat=VCFv4.2\n##contig=<ID=chr1>\n##contig=<ID=chrX>\n"
    '##INFO=<ID=ANN,Number=.,Type=String,Description="Functional annotations">\n'
)
FIXED = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"
SAMPLES = ["s1", "s2", "s3", "s4"]
SITES = [
    ("chr1 100 rs1 A C 50 PASS ANN=C|stop_gained|HIGH|G1|ENSG1|||||||||||", ["0/1:9", "0/0:8", "./.:.", "1/1:7"]),
    ("chr1 100 . A G . PASS .", ["0/0", "0/1", "0/0", "0/0"]),
    ("chr1 2500000 . AT A,ATT . q10 .", ["1/2:3", "0|0:4", "./1:5", "0/.:6"]),
    ("chr1 9000000 . G <NON_REF> . . END=9000500", ["0/0", "0/0", "0/0", "0/0"]),
    ("chrX 5 rs2;rs3 T C,* . PASS .", ["1:2", "0/2:3", ".:4", "0:5"]),
]


def vcf(lines: range | list[int] = range(5), samples: list[int] | range = range(4)) -> str:
    """These lines and samples of the one logical VCF."""
    header = META + FIXED + "\t".join(SAMPLES[number] for number in samples) + "\n"
    body = [
        "\t".join([*SITES[line][0].split(), "GT:DP", *(SITES[line][1][sample] for sample in samples)]) for line in lines
    ]
    return header + "\n".join(body) + "\n"


def load(run_app: Runner, paths: list[str], **more: Any) -> dict[str, Any]:
    return run_app(APP, vcf_files=paths, output_dataset_name="variants", assay_name="germline", **more)


def rows(run_app: Runner, table: str, *columns: str) -> list[tuple[Any, ...]]:
    found = [tuple(row[name] for name in columns) for row in run_app.tables("variants")[table]]
    return sorted(found, key=str)


def refused(run_app: Runner, paths: list[str], **more: Any) -> list[tuple[int, str, int | None, str, str | None]]:
    with pytest.raises(FaultError) as caught:
        load(run_app, paths, **more)
    assert run_app.store.find_objects("record") == []
    assert run_app.store.databases() == []
    return [(f.code, f.file, f.line, f.field, f.value) for f in caught.value.faults]


def test_a_vcf_becomes_four_tables_and_an_assay(run_app: Runner, write_files: Files) -> None:
    outputs = load(run_app, [*write_files(a__vcf=vcf()).values()])
    assert rows(run_app, "sample", "sample_id") == [("s1",), ("s2",), ("s3",), ("s4",)]
    assert rows(run_app, GENOTYPES, "a_id", "sample_id", "locus_id", "type", "depth", "bin") == [
        ("1_100_A_C", "s1", "1_100_A_C", "het-ref", 9, 0),
        ("1_100_A_C", "s4", "1_100_A_C", "hom", 7, 0),
        ("1_100_A_G", "s2", "1_100_A_G", "het-ref", None, 0),
        ("1_2500000_AT_A", "s1", "1_2500000_AT_A", "het-alt", 3, 1),
        ("1_2500000_AT_A", "s3", "1_2500000_AT_A", "half", 5, 1),
        ("1_2500000_AT_ATT", "s1", "1_2500000_AT_A", "het-alt", 3, 1),
        ("X_5_T_C", "s1", "X_5_T_C", "hom", 2, 0),
    ]
    assert rows(
        run_app, ALLELES, "a_id", "dbsnp151_rsid", "allele_type", "alt_count", "ref_count", "nc_count", "worst_effect"
    ) == [
        ("1_100_A_C", ["rs1"], "SNP", 3, 3, 2, ["G1:stop_gained"]),
        ("1_100_A_G", [], "SNP", 1, 7, 0, []),
        ("1_2500000_AT_A", [], "Del", 2, 3, 2, []),
        ("1_2500000_AT_ATT", [], "Ins", 1, 3, 2, []),
        ("X_5_T_C", ["rs2", "rs3"], "SNP", 1, 2, 1, []),
    ]
    assert rows(run_app, ANNOTATIONS, "a_id", "effect", "putative_impact") == [("1_100_A_C", ["stop_gained"], "HIGH")]
    record = run_app.store.find_record(outputs["dataset"])
    descriptor = run_app.store.read_descriptor(record)
    (assay,) = descriptor["assays"]
    assert (assay["name"], assay["generalized_assay_model"], assay["generalized_assay_model_version"]) == (
        "germline", "genetic_variant", "1.0.1",
    )  # fmt: skip
    assert assay["reference_genome"] == {"name": "Homo_sapiens.GRCh38.92"}
    assert (assay["exclude_refdata"], assay["exclude_halfref"], assay["exclude_nocall"]) == (True, True, True)
    assert assay["entities"]["genotype"]["fields"]["type"]["mapping"]["table"] == GENOTYPES
    assert descriptor["model"]["global_primary_key"] == {"entity": "sample", "field": "sample_id"}
    report = json.loads((run_app.job_dir / "report.json").read_text())
    assert (report["records"], report["alleles"], report["genotypes"]["alt"]) == (5, 5, 7)


def test_stored_kinds_are_in_the_genotype_table_under_their_flags(run_app: Runner, write_files: Files) -> None:
    load(
        run_app,
        [*write_files(a__vcf=vcf()).values()],
        exclude_refdata=False,
        exclude_halfref=False,
        exclude_nocall=False,
    )
    flags = ("ref_yn", "halfref_yn", "nocall_yn")
    found = rows(run_app, GENOTYPES, "locus_id", "sample_id", "type", *flags, "a_id")
    assert [row for row in found if row[-1] is None] == [
        ("1_100_A_C", "s2", "ref", True, False, False, None),
        ("1_100_A_C", "s3", "no-call", False, False, True, None),
        ("1_100_A_G", "s1", "ref", True, False, False, None),
        ("1_100_A_G", "s3", "ref", True, False, False, None),
        ("1_100_A_G", "s4", "ref", True, False, False, None),
        ("1_2500000_AT_A", "s2", "ref", True, False, False, None),
        ("1_2500000_AT_A", "s4", "half", False, True, False, None),
        ("X_5_T_C", "s3", "no-call", False, False, True, None),
        ("X_5_T_C", "s4", "ref", True, False, False, None),
    ]
    loci = {locus for (locus,) in rows(run_app, ALLELES, "locus_id")}
    assert {row[0] for row in found} <= loci


SPLITS = {
    "by region": [([0, 1], [0, 1, 2, 3]), ([2, 3, 4], [0, 1, 2, 3])],
    "by region within a position": [([0], [0, 1, 2, 3]), ([1, 2, 3, 4], [0, 1, 2, 3])],
    "by sample": [(range(5), [0, 1]), (range(5), [2, 3])],
    "by both": [([0, 1, 2], [0, 1]), ([3, 4], [1, 0]), ([0, 1], [2, 3]), ([2, 3, 4], [2, 3])],
}


@pytest.mark.parametrize("split", SPLITS)
def test_pieces_of_one_vcf_make_the_tables_of_the_whole(run_app: Runner, write_files: Files, split: str) -> None:
    load(run_app, [*write_files(whole__vcf=vcf()).values()])
    whole = run_app.tables("variants")
    paths = write_files(**{f"piece{number}__vcf__gz": gzip.compress(vcf(list(lines), samples).encode())
                           for number, (lines, samples) in enumerate(SPLITS[split])})  # fmt: skip
    run_app(APP, vcf_files=[path for name, path in paths.items() if name.startswith("piece")], output_dataset_name="pieces",
            assay_name="germline")  # fmt: skip
    pieces = run_app.tables("pieces")
    for table, expected in whole.items():
        assert sorted(pieces[table], key=str) == sorted(expected, key=str), table


def test_pieces_split_by_sample_must_have_the_same_alleles(run_app: Runner, write_files: Files) -> None:
    other = vcf(range(5), [2, 3]).replace("A,ATT", "ATT,A")
    paths = write_files(a__vcf=vcf(range(5), [0, 1]), b__vcf=other)
    assert {fault[0] for fault in refused(run_app, [*paths.values()])} == {210}
    paths = write_files(a__vcf=vcf(range(5), [0, 1]), b__vcf=vcf([0, 1, 2, 3], [2, 3]))
    assert refused(run_app, [*paths.values()]) == [(210, "", None, "ALT", "X_5_T_C")]


def test_pieces_split_by_region_must_not_overlap(run_app: Runner, write_files: Files) -> None:
    paths = write_files(a__vcf=vcf([0, 2]), b__vcf=vcf([1, 3]))
    assert refused(run_app, [*paths.values()]) == [(210, "b.vcf", 6, "POS", "1:100")]
    paths = write_files(a__vcf=vcf([0, 1]), b__vcf=vcf([1, 2]))
    assert refused(run_app, [*paths.values()]) == [(208, "b.vcf", 6, "ALT", "1_100_A_G")]


def test_every_two_pieces_that_meet_are_compared(run_app: Runner, write_files: Files) -> None:
    paths = write_files(a__vcf=vcf([0]), b__vcf=vcf([1]), c__vcf=vcf([0, 2]))
    assert refused(run_app, [*paths.values()]) == [(208, "c.vcf", 6, "ALT", "1_100_A_C")]
    paths = write_files(a__vcf=vcf([0, 3]), b__vcf=vcf([2]), c__vcf=vcf([2]).replace("2500000", "2500009"))
    assert refused(run_app, [*paths.values()]) == [
        (210, "b.vcf", 6, "POS", "1:2500000"), (210, "c.vcf", 6, "POS", "1:2500009"),
    ]  # fmt: skip


DELETIONS = ["chr1\t5\t.\tA\t<DEL>\t.\t.\tEND=7\tGT\t", "chr1\t5\t.\tA\t<DEL>\t.\t.\tEND=9\tGT\t"]


def test_symbolic_alleles_that_repeat_are_alleles_of_their_own(run_app: Runner, write_files: Files) -> None:
    paths = write_files(
        a__vcf=META + FIXED + f"s1\n{DELETIONS[0]}0/1\n{DELETIONS[1]}0/0\n",
        b__vcf=META + FIXED + f"s2\n{DELETIONS[0]}1/1\n{DELETIONS[1]}0/1\n",
    )
    load(run_app, [*paths.values()])
    assert rows(run_app, ALLELES, "a_id", "alt", "end_pos", "alt_count") == [
        ("1_5_A_<DEL>", "<DEL>", 7, 3), ("1_5_A_<DEL>-2", "<DEL>", 9, 1),
    ]  # fmt: skip
    assert rows(run_app, GENOTYPES, "sample_id", "a_id", "locus_id") == [
        ("s1", "1_5_A_<DEL>", "1_5_A_<DEL>"),
        ("s2", "1_5_A_<DEL>", "1_5_A_<DEL>"),
        ("s2", "1_5_A_<DEL>-2", "1_5_A_<DEL>-2"),
    ]


def test_symbolic_alleles_that_repeat_are_told_apart_however_many_tasks_read_a_file(
    run_app: Runner, write_files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "TASK_BYTES", (1, 20))  # bytes of compressed VCF, four times that of plain
    sites = [*((pos, pos + 1) for pos in range(1, 20)), *((20, 21 + number) for number in range(20)), (30, 31)]
    body = "".join(f"chr1\t{pos}\t.\tA\t<DEL>\t.\t.\tEND={end}\tGT\t0/1\n" for pos, end in sites)
    load(run_app, [*write_files(a__vcf=META + FIXED + "s1\n" + body).values()])
    assert len(run_app.store.table_files(run_app.store.databases()[0], ALLELES)) > 5
    found = [row for row in rows(run_app, ALLELES, "end_pos", "a_id") if "_20_" in row[1]]
    assert found == [(21, "1_20_A_<DEL>"), *((20 + nth, f"1_20_A_<DEL>-{nth}") for nth in range(2, 21))]


def test_symbolic_alleles_that_repeat_must_stand_in_one_piece(run_app: Runner, write_files: Files) -> None:
    paths = write_files(
        a__vcf=META + FIXED + f"s1\n{DELETIONS[0]}0/1\n", b__vcf=META + FIXED + f"s1\n{DELETIONS[1]}0/0\n"
    )
    assert refused(run_app, [*paths.values()]) == [(208, "b.vcf", 6, "ALT", "1_5_A_<DEL>")]


def test_symbolic_alleles_split_by_sample_must_be_of_one_length(run_app: Runner, write_files: Files) -> None:
    paths = write_files(
        a__vcf=META + FIXED + f"s1\n{DELETIONS[0]}0/1\n", b__vcf=META + FIXED + f"s2\n{DELETIONS[1]}0/0\n"
    )
    assert {fault[0] for fault in refused(run_app, [*paths.values()])} == {210}


def test_alleles_of_no_known_end_are_one_over_pieces_split_by_sample(run_app: Runner, write_files: Files) -> None:
    line = "1\t5\t.\tA\t<DEL>\t.\t.\t.\tGT\t"
    samples = [f"s{number}" for number in range(12)]
    pieces = {f"{name}__vcf": META + FIXED + f"{name}\n{line}0/1\n" for name in samples}
    run_app(APP, vcf_files=[*write_files(**pieces).values()], output_dataset_name="variants", assay_name="a")
    assert rows(run_app, ALLELES, "a_id", "end_pos", "alt_count", "gt_freq") == [("1_5_A_<DEL>", None, 12, 1.0)]
    assert "its end_pos is null: 12 lines, first in s0.vcf line" in run_app.shown


def test_remarks_on_headers_are_counted_on_screen_and_all_in_the_report(run_app: Runner, write_files: Files) -> None:
    header = "".join(f'##INFO=<ID=X{at},Number=N,Type=Float,Description="x">\n' for at in range(8))
    text = vcf().replace("#CHROM", f"{header}#CHROM", 1)
    run_app(APP, vcf_files=[*write_files(a__vcf=text).values()], output_dataset_name="variants", assay_name="a")
    assert "INFO.X4: Number is neither a count nor one of A R G .: 1 line, first in a.vcf line" in run_app.shown
    assert "header lines with other remarks, all in the report: 3" in run_app.shown
    assert len(json.loads((run_app.job_dir / "report.json").read_text())["header_remarks"]) == 8


def test_a_file_given_twice_is_refused(run_app: Runner, write_files: Files) -> None:
    (path,) = write_files(a__vcf=vcf([])).values()
    assert refused(run_app, [path, path]) == [(210, "a.vcf", None, "vcf_files", None)]


def test_a_blank_name_of_the_assay_is_refused(run_app: Runner, write_files: Files) -> None:
    with pytest.raises(AppError, match="assay_name: the name is blank"):
        run_app(APP, vcf_files=[*write_files(a__vcf=vcf()).values()], output_dataset_name="v", assay_name=" ")


def test_pieces_may_not_share_some_samples(run_app: Runner, write_files: Files) -> None:
    paths = write_files(a__vcf=vcf(samples=[0, 1]), b__vcf=vcf(samples=[1, 2]))
    assert refused(run_app, [*paths.values()]) == [(210, "b.vcf", None, "sample_id", "s2")]


def test_all_faults_of_all_headers_are_told_before_spark_starts(run_app: Runner, write_files: Files) -> None:
    paths = write_files(
        a__vcf="##fileformat=VCFv9\n#CHROM\n",
        b__vcf=vcf().replace("s4", "s3"),
        c__vcf__gz=gzip.compress(vcf().encode()),
    )
    found = refused(run_app, [*paths.values()], reference_genome="GRCh36", gnomad_frequency_field="AF")
    assert {(code, file) for code, file, *_ in found} == {
        (200, "a.vcf"),
        (201, "a.vcf"),
        (209, "b.vcf"),
        (206, "c.vcf.gz"),
        (214, ""),
    }
    assert "load" not in run_app.shown


def test_a_gzip_file_that_was_cut_short_is_refused(run_app: Runner, write_files: Files) -> None:
    paths = write_files(a__vcf__gz=gzip.compress(vcf().encode())[:-9])
    with pytest.raises(AppError, match="Error 213"):
        load(run_app, [*paths.values()])
    assert run_app.store.find_objects("record") == []


def test_a_vcf_called_on_another_reference_is_refused(run_app: Runner, write_files: Files) -> None:
    paths = write_files(a__vcf=vcf().replace("##contig=<ID=chr1>", "##contig=<ID=chr1,length=249250621>"))
    assert refused(run_app, [*paths.values()]) == [(214, "a.vcf", None, "reference_genome", "GRCh38.92")]
    load(run_app, [*paths.values()], reference_genome="GRCh37.87")


def test_strict_mode_tells_every_faulty_line_and_publishes_nothing(run_app: Runner, write_files: Files) -> None:
    text = vcf().replace("1/2:3", "1/7:3").replace("chrX\t5", "chrX\tfive")
    assert refused(run_app, [*write_files(a__vcf=text).values()]) == [
        (202, "a.vcf", 10, "POS", "five"), (205, "a.vcf", 8, "GT", "1/7"),
    ]  # fmt: skip


def test_permissive_mode_sets_faulty_lines_aside_whole(run_app: Runner, write_files: Files) -> None:
    text = vcf().replace("1/2:3", "1/7:3").replace("chrX\t5", "chrX\tfive")
    outputs = load(run_app, [*write_files(a__vcf=text).values()], run_mode="permissive")
    assert rows(run_app, ALLELES, "a_id") == [("1_100_A_C",), ("1_100_A_G",)]
    with run_app.store.file_path(outputs["faults"]["$dnanexus_link"]).open(encoding="utf-8", newline="") as stored:
        found = list(csv.reader(stored))
    lines = text.splitlines()
    assert found[0] == ["entity", "file", "line", "codes", "fields", "reasons", "row"]
    assert [(row[1], row[2], row[3], row[4], row[6]) for row in found[1:]] == [
        ("a.vcf", "8", "205", "GT", lines[7]), ("a.vcf", "10", "202", "POS", lines[9]),
    ]  # fmt: skip


def test_permissive_mode_sets_no_more_than_the_share_allowed_aside(run_app: Runner, write_files: Files) -> None:
    text = vcf().replace("1/2:3", "1/7:3").replace("chrX\t5", "chrX\tfive")
    paths = [*write_files(a__vcf=text).values()]
    found = refused(run_app, paths, run_mode="permissive", max_faulty_share=0.3)
    assert [code for code, *_ in found] == [77, 202, 205]
    load(run_app, paths, run_mode="permissive", max_faulty_share=0.4)
    report = json.loads((run_app.job_dir / "report.json").read_text())
    assert (report["records"], report["set_aside"], report["faulty_share"]) == (3, 2, 0.4)
    assert "2 of 5 (40 %)" in run_app.shown


def test_a_line_of_many_samples_is_set_aside_whole(run_app: Runner, write_files: Files) -> None:
    header = META + FIXED + "\t".join(f"s{number}" for number in range(40_000)) + "\n"
    line = "chr1\tx\t.\tA\tC\t.\t.\t.\tGT" + "\t0/1" * 40_000
    outputs = load(
        run_app, [*write_files(a__vcf=f"{header}{line}\n").values()], run_mode="permissive", max_faulty_share=1
    )
    stored = run_app.store.file_path(outputs["faults"]["$dnanexus_link"]).read_text(encoding="utf-8")
    assert stored.endswith(f",a.vcf,6,202,POS,not a whole number of zero or more,{line}\n")


def set_aside(run_app: Runner, outputs: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    path = run_app.store.file_path(outputs["faults"]["$dnanexus_link"])
    with path.open(encoding="utf-8", newline="") as stored:
        return sorted((row["file"], row["line"], row["codes"], row["row"]) for row in csv.DictReader(stored))


def test_a_line_set_aside_in_a_piece_is_so_in_the_pieces_of_all_samples(run_app: Runner, write_files: Files) -> None:
    bad, good = vcf(range(5), [0, 1]).replace("1/2:3", "1/7:3"), vcf(range(5), [2, 3])
    other = vcf(range(5), [2, 3]).replace("s3\ts4", "s5\ts6").replace("chrX\t5", "chrX\tfive")
    outputs = load(run_app, [*write_files(a__vcf=bad, b__vcf=good, c__vcf=other).values()], run_mode="permissive")
    assert rows(run_app, ALLELES, "a_id", "alt_count", "ref_count") == [("1_100_A_C", 5, 3), ("1_100_A_G", 1, 11)]
    assert rows(run_app, GENOTYPES, "a_id", "sample_id") == [
        ("1_100_A_C", "s1"), ("1_100_A_C", "s4"), ("1_100_A_C", "s6"), ("1_100_A_G", "s2"),
    ]  # fmt: skip
    assert set_aside(run_app, outputs) == [
        ("a.vcf", "10", "210", bad.splitlines()[9]),
        ("a.vcf", "8", "205", bad.splitlines()[7]),
        ("b.vcf", "10", "210", good.splitlines()[9]),
        ("b.vcf", "8", "210", good.splitlines()[7]),
        ("c.vcf", "10", "202", other.splitlines()[9]),
        ("c.vcf", "8", "210", other.splitlines()[7]),
    ]
    report = json.loads((run_app.job_dir / "report.json").read_text())
    assert (report["records"], report["alleles"]) == (9, 2)


@pytest.mark.parametrize("lines", [[0, 1, 3], [0, 1, 3, 4]])
def test_pieces_that_disagree_by_more_than_was_set_aside_are_refused(
    run_app: Runner, write_files: Files, lines: list[int]
) -> None:
    bad = vcf(range(5), [0, 1]).replace("chrX\t5", "chrX\tfive")
    paths = write_files(a__vcf=bad, b__vcf=vcf(lines, [2, 3]))
    found = refused(run_app, [*paths.values()], run_mode="permissive")
    missed = ["1_2500000_AT_A", "1_2500000_AT_ATT"] + ["X_5_T_C"] * (4 in lines)
    assert [(code, value) for code, *_, value in found] == [(210, value) for value in missed]


def test_a_manifest_lists_files_by_id(run_app: Runner, write_files: Files) -> None:
    paths = write_files(
        a__vcf__gz=gzip.compress(vcf([0, 1]).encode()), b__vcf__gz=gzip.compress(vcf([2, 3, 4]).encode())
    )
    listed = write_files(list__txt="\n".join([*paths.values(), ""]))["list.txt"]
    run_app(APP, vcf_manifest=listed, output_dataset_name="variants", assay_name="germline")
    assert len(rows(run_app, ALLELES, "a_id")) == 5


def test_faults_of_a_manifest_are_told_by_line(run_app: Runner, write_files: Files) -> None:
    paths = write_files(a__vcf=vcf())
    listed = write_files(list__txt=f"{paths['a.vcf']}\nnowhere.vcf.gz\n")["list.txt"]
    with pytest.raises(FaultError) as caught:
        run_app(APP, vcf_manifest=listed, output_dataset_name="variants", assay_name="germline")
    assert [(fault.code, fault.line) for fault in caught.value.faults] == [(211, 2), (211, 1)]
    with pytest.raises(AppError, match="211"):
        run_app(
            APP, vcf_manifest=listed, vcf_files=[*paths.values()], output_dataset_name="variants", assay_name="germline"
        )


def test_a_vcf_is_no_manifest(run_app: Runner, write_files: Files) -> None:
    for path in write_files(a__vcf=vcf(), b__vcf__gz=gzip.compress(vcf().encode())).values():
        with pytest.raises(FaultError) as caught:
            run_app(APP, vcf_manifest=path, output_dataset_name="variants", assay_name="germline")
        assert [(fault.code, fault.text) for fault in caught.value.faults] == [
            (211, "this is not a list of ids; give a VCF itself in vcf_files")
        ]


def test_a_vcf_without_samples_makes_alleles_alone(run_app: Runner, write_files: Files) -> None:
    text = META + FIXED[:-8] + "\n" + "".join("\t".join(site.split()) + "\n" for site, _ in SITES)
    load(run_app, [*write_files(a__vcf=text).values()])
    tables = run_app.tables("variants")
    assert {name: len(found) for name, found in tables.items()} == {
        "sample": 0,
        GENOTYPES: 0,
        ALLELES: 5,
        ANNOTATIONS: 1,
    }
    assert rows(run_app, ALLELES, "alt_count", "alt_freq", "gt_freq")[0] == (0, None, None)


def test_a_vcf_without_data_lines_makes_empty_tables(run_app: Runner, write_files: Files) -> None:
    load(run_app, [*write_files(a__vcf=vcf([])).values()])
    assert {name: len(found) for name, found in run_app.tables("variants").items()} == {
        "sample": 4, GENOTYPES: 0, ALLELES: 0, ANNOTATIONS: 0,
    }  # fmt: skip


def test_a_large_load_is_laid_out_in_folders_by_contig_and_bin(
    run_app: Runner, write_files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "PARTITIONED_FROM_BYTES", 0)
    load(run_app, [*write_files(a__vcf=vcf([0, 1, 2]), b__vcf=vcf([3, 4])).values()])
    database = run_app.store.databases()[0]
    for table, count in ((GENOTYPES, 7), (ALLELES, 5)):
        files = run_app.store.table_files(database, table)
        assert sorted(file.rsplit("/", 3)[1] + "/" + file.rsplit("/", 3)[2] for file in files) == [
            "chr=1/bin=0", "chr=1/bin=1", "chr=X/bin=0",
        ]  # fmt: skip
        folder = files[0].split(f"/{table}/")[0] + f"/{table}"
        frame = run_app.cluster.session.read.parquet(folder)
        assert frame.count() == count
        assert frame.where("chr = '1' AND pos BETWEEN 2500000 AND 2500010 AND bin IN (1)").count() == (
            3 if count == 7 else 2
        )


def test_chromosomes_are_text_to_sql_where_a_large_load_has_numbered_ones_only(
    run_app: Runner, write_files: Files, sql_session: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "PARTITIONED_FROM_BYTES", 0)
    load(run_app, [*write_files(a__vcf=vcf([0, 1, 2])).values()])
    attach_databases(sql_session, [database_files(run_app.store, run_app.store.databases()[0])])
    for table, bins in ((GENOTYPES, [0, 1]), (ALLELES, [0, 1]), (ANNOTATIONS, [0])):
        found = sql_session.sql(
            f"SELECT DISTINCT typeof(chr), chr, typeof(bin), bin FROM {table} ORDER BY bin"
        ).collect()
        assert [tuple(row) for row in found] == [("string", "1", "int", each) for each in bins]


def test_few_pieces_make_few_files(run_app: Runner, write_files: Files, tmp_path: Path) -> None:
    header = META + FIXED + "s1\n"
    paths = write_files(**{
        f"p{number:03d}__vcf": header + f"chr1\t{1 + number}\t.\tA\tC\t.\t.\t.\tGT\t0/1\n" for number in range(60)
    })  # fmt: skip
    load(run_app, [*paths.values()])
    database = run_app.store.databases()[0]
    assert [len(run_app.store.table_files(database, table)) for table in (GENOTYPES, ALLELES)] == [1, 1]
    assert len(rows(run_app, GENOTYPES, "a_id")) == 60
