"""Every file of the VCF 4.2 conformance suite has the outcome that `vcf_4_2.tsv` states, with the reason given there.

`loads` and `warns`: all data lines become records, `warns` with a remark on the header; `once`: those that are equal become
one; `refused`: by this code, line and field.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from apps.genetic_variant_assay_loader.task import VariantTask, load_task
from common.faults import Fault, Faults
from common.vcf.container import VcfFile, cut_pieces, line_bases, read_vcf_file

TABLE = Path(__file__).with_name("vcf_4_2.tsv")
with TABLE.open(encoding="utf-8", newline="") as rows:
    EXPECTED = list(csv.DictReader(rows, delimiter="\t"))


@pytest.fixture(scope="module")
def suite(shared_data: Path) -> Path:
    return shared_data / "vcf-conformance" / "4.2"


def load(file: VcfFile, folder: Path) -> tuple[int, Faults]:
    """Records and faults of a file, by the task that the app runs on Spark, writing Parquet below `folder`."""
    pieces = tuple(cut_pieces(file, 1 << 20))
    task = VariantTask(
        0, 0, pieces, (True, True, True), None, dict.fromkeys(("genotype", "allele", "annotation"), str(folder))
    )
    result = load_task(task)
    assert line_bases(file, [piece.lines for piece in result.pieces]) == [file.header_lines]
    return result.pieces[0].records, result.pieces[0].faults


def place(fault: Fault, header_lines: int = 0) -> tuple[str, str, str]:
    where = ".".join(part for part in (fault.entity, fault.field) if part)
    return str(fault.code), str((fault.line or 0) + header_lines), where


@pytest.mark.parametrize("expected", EXPECTED, ids=[row["file"] for row in EXPECTED])
def test_a_file_has_its_stated_outcome(suite: Path, tmp_path: Path, expected: dict[str, str]) -> None:
    path = suite / expected["file"]
    told = (expected["code"], expected["line"], expected["field"])
    file, found = read_vcf_file(path.name, str(path))
    if file is None:
        assert expected["outcome"] == "refused"
        assert place(next(iter(found.faults))) == told
        return
    records, faults = load(file, tmp_path)
    if faults:
        assert expected["outcome"] == "refused"
        assert place(next(iter(faults)), file.header_lines) == told
        return
    data_lines = [line for line in path.read_bytes().splitlines() if line and not line.startswith(b"#")]
    if records < len(data_lines):
        assert expected["outcome"] == "once"
        assert records == len({*data_lines})
        return
    assert expected["outcome"] == ("warns" if found.remarks else "loads")
    for remark in list(found.remarks.values())[:1]:
        of = remark.text.partition(": ")[0] if told[2] else ""
        assert ("201", str(remark.line), of) == told
    assert records == len(data_lines)
