"""Headers of delimited files: those that cannot be told, and files that have none."""

from __future__ import annotations

import bz2
import io
import lzma
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.faults import Faults
from common.platform import InputFile
from common.tables.header import read_header


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
    assert read_header(InputFile("a.csv", str(tmp_path / "a.csv")), ",", "utf-8", faults) is None
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
    assert read_header(InputFile("a.csv", str(tmp_path / "a.csv")), ",", encoding, faults) is None
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
    found = read_header(InputFile("a.csv", str(tmp_path / "a.csv")), ",", "utf-8", faults)
    assert (found is not None and found[1], list(faults)) == ((name, "sex"), [])
