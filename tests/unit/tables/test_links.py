"""What two key columns have in common, counted in buckets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.dataset.model import ColumnMapping
from common.dictionary import Field
from common.spark.session import Cluster
from common.tables.key_checks import KeyColumn, KeyWriter
from common.tables.links import Link, LinkCounts, StoredField, count_links, count_rows, extract_column


def key_column(folder: Path, entity: str, values: list[str | None], buckets: int) -> KeyColumn:
    """A column whose ids were written by two tasks."""
    paths = []
    for number, part in enumerate((values[::2], values[1::2])):
        path = str(folder / f"{entity}.{number}.arrow")
        with KeyWriter(path, pa.string(), buckets) as writer:
            writer.add(pa.array(part, pa.string()), 0, np.arange(len(part)))
        paths.append(path)
    return KeyColumn(entity, "id", tuple(paths), ("x.csv",))


@pytest.mark.parametrize("buckets", [1, 3])
def test_rows_ids_and_matches_are_counted_on_both_sides(tmp_path: Path, cluster: Cluster, buckets: int) -> None:
    source = key_column(tmp_path, "visit", ["a", "b", "b", None, "z", "y", "y"], buckets)
    target = key_column(tmp_path, "patient", ["a", "b", "c", "d"], buckets)
    counts = count_links(cluster, Link(source, target, pa.string(), buckets))
    assert counts == LinkCounts(source_rows=6, source_ids=4, target_rows=4, target_ids=4, matched_ids=2)
    assert (counts.is_source_unique, counts.is_target_unique, counts.relationship) == (False, True, "many_to_one")
    assert counts.to_json() == {
        "source": {"rows": 6, "ids": 4, "matched": 2, "unmatched": 2},
        "target": {"rows": 4, "ids": 4, "matched": 2, "unmatched": 2},
    }
    assert counts.shown_rows("visit.id", "patient.id") == [
        ["source", "visit.id", "6", "4", "2", "2"],
        ["target", "patient.id", "4", "4", "2", "2"],
    ]


def test_a_source_without_repeats_is_one_to_one() -> None:
    assert LinkCounts(source_rows=3, source_ids=3).relationship == "one_to_one"
    assert LinkCounts(source_rows=0, source_ids=0).relationship == "one_to_one"


def test_ids_of_a_table_that_stands_are_read_from_its_files_alone(tmp_path: Path, cluster: Cluster) -> None:
    files = []
    for number, ids in enumerate(([1, 2], [2, None, 3])):
        files.append(str(tmp_path / f"part-{number}.parquet"))
        pq.write_table(pa.table({"id": pa.array(ids, pa.int64()), "x": ids}), files[-1])
    assert count_rows(files) == 5
    mapping = ColumnMapping("database-1", "d", "d1__d", "patient", "id", "bigint")
    stored = StoredField(Field("patient", "id", "integer", "global"), mapping)
    column = extract_column(cluster, files, stored, 2, str(tmp_path))
    counts = count_links(cluster, Link(column, column, pa.int64(), 2))
    assert counts == LinkCounts(4, 3, 4, 3, 3)
