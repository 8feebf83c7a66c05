"""Formats told from headers, and all that is wrong with headers and manifests."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from common.expression.sources import plan_sources
from common.faults import FaultError
from common.platform import InputFile


def plan(
    folder: Path, files: dict[str, str | bytes], stated: str = "auto", ids: dict[str, str] | None = None
) -> list[tuple[str, ...]]:
    """Format, file and samples of each source."""
    given = []
    for name, text in files.items():
        (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
        given.append(InputFile(name, str(folder / name), (ids or {}).get(name)))
    form, sources = plan_sources(given, stated)
    return [(form, source.file.name, source.delimiter, *source.samples) for source in sources]


def refused(
    folder: Path, files: dict[str, str | bytes], stated: str = "auto"
) -> list[tuple[int, str, int | None, str | None]]:
    with pytest.raises(FaultError) as error:
        plan(folder, files, stated)
    return [(each.code, each.file, each.line, each.value) for each in error.value.faults]


def test_a_matrix_is_told_by_having_samples_for_columns(tmp_path: Path) -> None:
    files = {"a.tsv": "\tS1\tS2\n", "b.csv": '"gene","S,3"\r\n', "c.txt": gzip.compress(b"g,s\nf,1\n")}
    assert plan(tmp_path, files) == [
        ("matrix", "a.tsv", "\t", "S1", "S2"),
        ("matrix", "b.csv", ",", "S,3"),
        ("matrix", "c.txt", ",", "s"),
    ]


def test_a_long_table_is_told_by_its_header(tmp_path: Path) -> None:
    assert plan(tmp_path, {"a.csv": "\ufefffeature_id,sample_id,value\n"}, "long") == [("long", "a.csv", ",")]


def test_a_manifest_names_its_files_by_name_or_id(tmp_path: Path) -> None:
    files = {
        "b.tsv": "feature_id\tvalue\n",
        "list.csv": "file_id,sample_id\nfile-B,S1\n\nc.csv,S2\n",
        "c.csv": "feature_id,value\n",
    }
    assert plan(tmp_path, files, ids={"b.tsv": "file-B"}) == [
        ("manifest", "b.tsv", "\t", "S1"),
        ("manifest", "c.csv", ",", "S2"),
    ]


def test_what_is_no_table_has_no_known_format(tmp_path: Path) -> None:
    files = {"a.csv": "", "b.csv": "only one column\n", "c.csv": b"\xff\xfe\x00,\n"}
    assert [(code, file) for code, file, *_ in refused(tmp_path, files)] == [
        (65, "c.csv"),
        (100, "a.csv"),
        (100, "b.csv"),
    ]


def test_a_header_that_is_no_text_we_read_says_why(tmp_path: Path) -> None:
    files = {"a.csv": "feature_id,s1\rf1,1\r", "b.csv": "g,Andr\xe9\n".encode("latin-1")}
    for name, text in files.items():
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FaultError) as error:
        plan_sources([InputFile(name, str(tmp_path / name)) for name in files], "auto")
    assert [(each.code, each.text) for each in error.value.faults] == [
        (65, "its lines end with a carriage return alone"),
        (100, "the header is not UTF-8 text"),
    ]


def test_a_manifest_must_be_text(tmp_path: Path) -> None:
    rows = "file_id,sample_id\na.csv,Andr\xe9\nb.csv,S\r2\n".encode("latin-1")
    files = {"list.csv": rows, "a.csv": "feature_id,value\n"}
    assert refused(tmp_path, files) == [(108, "list.csv", 3, None), (108, "list.csv", 2, "Andr\ufffd")]


def test_a_stated_format_unlike_the_header_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, {"a.csv": "g,s1\n"}, "long") == [(101, "a.csv", 1, "g,s1")]


def test_files_of_two_formats_are_refused(tmp_path: Path) -> None:
    files = {"a.csv": "g,s1\n", "b.csv": "feature_id,sample_id,value\n"}
    assert refused(tmp_path, files) == [(101, "b.csv", 1, "feature_id,sample_id,value")]


def test_all_faults_of_matrix_headers_are_told_at_once(tmp_path: Path) -> None:
    files = {"a.csv": "g,s1,,s1\n", "b.csv": "feature_id,value,sample_id\n"}
    assert refused(tmp_path, files) == [
        (102, "a.csv", 1, ""),
        (102, "b.csv", 1, "feature_id,value,sample_id"),
        (103, "a.csv", 1, "s1"),
    ]


def test_a_file_without_header_and_a_turned_one_are_told_by_ids_in_the_first_line(tmp_path: Path) -> None:
    files = {
        "a.tsv": "ENSG00000000003.15\t723\nENSG00000000005\t0\n",
        "b.csv": "sample,ENST00000381578.6_PAR_Y,ENSG00000000005\ns1,1,2\n",
    }
    assert refused(tmp_path, files) == [
        (102, "a.tsv", 1, "ENSG00000000003.15\t723"),
        (102, "b.csv", 1, "sample,ENST00000381578.6_PAR_Y,ENSG00000000005"),
    ]


QUANTIFIED = {
    "quant.sf": "Name\tLength\tEffectiveLength\tTPM\tNumReads\nENST00000456328\t1657\t1441\t0.5\t3\n",
    "abundance.tsv": "target_id\tlength\teff_length\test_counts\ttpm\nENST00000456328\t1657\t1441\t3\t0.5\n",
}


@pytest.mark.parametrize("manifest", [{}, {"list.csv": "file_id,sample_id\nquant.sf,S1\nabundance.tsv,S2\n"}])
def test_a_quantifiers_own_file_is_no_matrix_and_says_how_to_give_it(tmp_path: Path, manifest: dict[str, str]) -> None:
    files = QUANTIFIED | manifest
    assert refused(tmp_path, {**files}) == [
        (102, "quant.sf", 1, "Name\tLength\tEffectiveLength\tTPM\tNumReads"),
        (102, "abundance.tsv", 1, "target_id\tlength\teff_length\test_counts\ttpm"),
    ]
    with pytest.raises(FaultError) as error:
        plan(tmp_path, {**files})
    told = next(iter(error.value.faults))
    assert told.text == "this is salmon's quant.sf, a file of one sample, whose columns are no samples"
    assert "feature_id,value" in told.remedy
    assert "manifest, file_id,sample_id" in told.remedy


def test_all_faults_of_a_manifest_are_told_at_once(tmp_path: Path) -> None:
    rows = "file_id,sample_id\na.csv,S1\na.csv,S2\nmissing.csv,S3\nb.csv,S1\nc.csv\n"
    files = {"list.csv": rows, "a.csv": "feature_id,value\n", "b.csv": "gene,tpm\n", "d.csv": "feature_id,value\n"}
    assert sorted(refused(tmp_path, files), key=str) == [
        (102, "b.csv", 1, "gene,tpm"),
        (103, "list.csv", 5, "S1"),
        (108, "d.csv", None, None),
        (108, "list.csv", 3, "a.csv"),
        (108, "list.csv", 4, "missing.csv"),
        (108, "list.csv", 6, "c.csv"),
    ]
