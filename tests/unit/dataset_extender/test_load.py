"""The load of a file in pieces, without Spark: each field gets the type that the whole file needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any, cast

import pyarrow.parquet as pq

from apps.dataset_extender.inference import Evidence
from apps.dataset_extender.load import run_tasks
from apps.dataset_extender.task import InferPlan
from common.dictionary import Field
from common.faults import Faults
from common.scan.delimited import build_pieces, cut_blocks, scan_block
from common.scan.header import read_header
from common.scan.records import TextFormat
from common.spark.session import Cluster
from common.tables.columns import ColumnPlan


class Here:
    """Runs tasks one after the other in this process, and counts them."""

    tasks = 0

    def map(self, run: Callable[[Any], Any], tasks: Iterable[Any], _: str) -> list[Any]:
        results = [run(task) for task in tasks]
        self.tasks += len(results)
        return results


def test_one_pass_over_the_pieces_agrees_with_the_whole_file(tmp_path: Path) -> None:
    """Pieces that look narrower than the whole are loaded again as what the whole is, their texts unharmed."""
    ids = [f"P{number}" for number in range(1, 7)]
    columns = {
        "late_text": ["1", "+2", "03", "4.0", "5", "x"], "late_float": ["1", "2", "3", "4", "5", "6.5"],
        "late_date": ["2001", "2002", "2003", "2004", "2005", "2006-07"], "never": [""] * 6,
        "late_value": ["", "", "", "", "", "7"], "number": [str(number) for number in range(6)],
    }  # fmt: skip
    lines = [",".join(["id", *columns]), *(",".join(cells) for cells in zip(ids, *columns.values(), strict=True))]
    path = tmp_path / "s.csv"
    path.write_text("\n".join(lines) + "\n")
    header = read_header(path.name, str(path), ",", "utf-8", Faults())
    assert header is not None
    pieces = build_pieces([scan_block(block) for block in cut_blocks(header.file, 16)])  # bytes: about a row each
    assert len(pieces) > 3
    for folder in ("table", "keys"):
        (tmp_path / folder).mkdir()
    key = ColumnPlan(Field("patient", "id", "string"), None, is_hierarchical=False)
    plan = InferPlan(
        header.file, header.names, TextFormat(",", ("",)), key, 10, f"{tmp_path}/table", f"{tmp_path}/keys", 1
    )
    here = Here()
    results = run_tasks(cast(Cluster, here), plan, pieces, sample_bytes=4)  # less than a record: samples show nothing
    assert here.tasks > len(pieces)
    evidence = {name: Evidence(10) for name in columns}
    for result in results:
        for name in columns:
            evidence[name].merge(result.evidence[name])
    assert {name: each.type for name, each in evidence.items()} == {
        "late_text": "string", "late_float": "float", "late_date": "date", "never": "string", "late_value": "integer",
        "number": "integer",
    }  # fmt: skip
    found = [row for result in results for row in pq.read_table(tmp_path / "table" / result.file).to_pylist()]
    assert [row["late_text"] for row in found] == columns["late_text"]
    assert [row["late_float"] for row in found] == [1.0, 2.0, 3.0, 4.0, 5.0, 6.5]
    assert [row["late_date"] for row in found] == [date(2001 + n, 1, 1) for n in range(5)] + [date(2006, 7, 1)]
    assert [row["late_value"] for row in found] == [None] * 5 + [7]
    assert (
        evidence["late_text"]
        .reason()
        .startswith(
            "3 of 6 values are not numbers, or one that would not be given back as it stands, first at line 3 ('+2')"
        )
    )
