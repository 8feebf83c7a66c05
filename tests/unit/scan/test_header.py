"""Headers of delimited files: those that cannot be told, and files that have none."""

from __future__ import annotations

import bz2
import io
import lzma
import time
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.faults import Fault, Faults
from common.scan.header import describe_nameless, read_header
from common.scan.records import parse_delimiter


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"id,sex\r1,2\r3,1\r", "its lines end with a carriage return alone"),
        (b"a" * 200_000 + b",b\n1,2\n", "a cell of the header has more than 131,072 characters"),
    ],
)
def test_a_header_that_is_no_record_is_a_fault(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    faults = Faults()
    assert read_header("a.csv", str(tmp_path / "a.csv"), ",", "utf-8", faults) is None
    assert [(each.code, each.file, each.text) for each in faults] == [(65, "a.csv", problem)]


def zipped() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return content.getvalue()


def parquet() -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.table({"id": [1]}), content)
    return content.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (zipped(), "a zip archive or a spreadsheet"),
        (parquet(), "Parquet"),
        (bz2.compress(b"id,sex\n"), "bzip2"),
        (lzma.compress(b"id,sex\n"), "xz"),
    ],
    ids=["zip", "Parquet", "bzip2", "xz"],
)
def test_a_file_of_another_format_is_told_from_text_whatever_its_name(
    tmp_path: Path, content: bytes, kind: str, encoding: str
) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    faults = Faults()
    assert read_header("a.csv", str(tmp_path / "a.csv"), ",", encoding, faults) is None
    assert [(each.code, each.text, each.remedy) for each in faults] == [
        (
            65,
            f"the file is {kind}, not delimited text",
            "Export the table as CSV in UTF-8; of compressed files only gzip is read as it is.",
        )
    ]


@pytest.mark.parametrize("name", ["PAR1", "BZh91"])
def test_a_column_may_have_the_letters_of_another_format_for_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.csv").write_text(f"{name},sex\n1,2\n")
    faults = Faults()
    found = read_header("a.csv", str(tmp_path / "a.csv"), ",", "utf-8", faults)
    assert (found is not None and found.names, list(faults)) == ((name, "sex"), [])


def faults_of(folder: Path, content: bytes, *, delimiter: str | None = ",", encoding: str = "utf-8") -> list[Fault]:
    """The faults of a file's header; none of a sound one."""
    (folder / "a.csv").write_bytes(content)
    faults = Faults()
    found = read_header("a.csv", str(folder / "a.csv"), delimiter, encoding, faults)
    assert (found is None) is bool(faults)
    return list(faults)


@pytest.mark.parametrize(
    ("written", "stated", "found", "remedy"),
    [
        ("utf-16", "utf-8", "UTF-16 text, as its byte-order mark says", "utf-16"),
        ("utf-32", "utf-8", "UTF-32 text, as its byte-order mark says", "utf-32"),
        ("utf-8-sig", "latin-1", "UTF-8 text, as its byte-order mark says", "utf-8"),
        ("utf-8-sig", "utf-16", "UTF-8 text, as its byte-order mark says", "utf-8"),
        ("utf-16-le", "utf-8", "binary, or UTF-16 text without a byte-order mark", "utf-16-le"),
        ("utf-8", "utf-16", "not UTF-16 text: it has no zero bytes", "utf-8"),
    ],
)
def test_a_file_of_another_encoding_is_told_and_reads_as_the_remedy_says(
    tmp_path: Path, written: str, stated: str, found: str, remedy: str
) -> None:
    content = "id,sex\n1,2\n".encode(written)
    (fault,) = faults_of(tmp_path, content, encoding=stated)
    stated = {"latin-1": "iso8859-1"}.get(stated, stated)
    assert (fault.code, fault.text) == (65, f"the file is {found}; it was read as {stated}")
    assert fault.remedy.endswith(f"or, where the app has the input encoding, give {remedy} there.")
    assert faults_of(tmp_path, content, encoding=remedy) == []


@pytest.mark.parametrize(
    ("header", "stated", "shown"),
    [
        ("id;sex;age", ",", ";"),
        ("id\tsex\tage", ",", r"\t"),
        ("id|sex|age", "\t", "|"),
        ("id,sex,age", ";", ","),
        ('"id";"sex, or gender";"age"', ",", ";"),
        ("FID IID age", ",", " "),
        ("id^sex^age", ",", "^"),
    ],
)
def test_another_delimiter_than_the_stated_is_told_and_reads_as_the_remedy_says(
    tmp_path: Path, header: str, stated: str, shown: str
) -> None:
    (fault,) = faults_of(tmp_path, header.encode(), delimiter=stated)
    assert (fault.code, fault.remedy) == (65, f'Run again with the delimiter "{shown}".')
    assert faults_of(tmp_path, header.encode(), delimiter=parse_delimiter(shown, "delimiter")) == []


@pytest.mark.parametrize("header", ["id", "id,weight in kg", '"a;b;c",d', "id,a;b"])
def test_a_header_that_the_stated_delimiter_parts_best_is_taken(tmp_path: Path, header: str) -> None:
    assert faults_of(tmp_path, header.encode()) == []


@pytest.mark.parametrize("header", ['5" pipe,6" pipe', '"a"b,c', 'a"\nb",c'])
def test_a_header_that_is_no_csv_is_refused(tmp_path: Path, header: str) -> None:
    assert [each.text for each in faults_of(tmp_path, header.encode())] == [
        "a quote in the header stands inside a name"
    ]


def test_columns_without_a_name_are_left_out_of_the_header(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(",id, ,sex,\n0,1,,2,\n")
    faults = Faults()
    found = read_header("a.csv", str(tmp_path / "a.csv"), ",", "utf-8", faults)
    named = found and found.without_nameless(faults)
    assert named
    assert (named.names, named.file.nameless) == (("id", "sex"), (0, 2, 4))
    assert describe_nameless([named.file]) == ["a.csv: columns 1, 3 and 5 without a name or a value skipped"]


def test_a_header_of_a_million_columns_is_refused_before_it_is_parted(tmp_path: Path) -> None:
    names = [f"column_{number}" for number in range(1_000_000)]
    begun = time.process_time()
    assert faults_of(tmp_path, ",".join(names[:50_000]).encode()) == []
    (fault,) = faults_of(tmp_path, ",".join(names).encode())
    assert fault.text == "the header has 1,000,000 columns, more than the 50,000 that a file may have"
    assert time.process_time() - begun < 5
