"""Rows dealt to buckets in files, and read back by bucket."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from common.tables.shuffle import ShuffleWriter, read_buckets

SCHEMA = pa.schema([("id", pa.string()), ("line", pa.int64())])


def batch(rows: dict[str, int]) -> pa.RecordBatch:
    return pa.record_batch([list(rows), list(rows.values())], schema=SCHEMA)


def read(paths: list[str], buckets: int, chosen: list[int]) -> list[int]:
    return list(read_buckets(paths, SCHEMA, buckets, chosen).column("line").to_pylist())


def test_rows_are_read_by_the_buckets_they_were_given(tmp_path: Path) -> None:
    path = str(tmp_path / "rows.arrow")
    with ShuffleWriter(path, SCHEMA, 4) as writer:
        writer.write(batch({"a": 1, "b": 2, "c": 3}), np.array([3, 0, 3]))
        writer.write(batch({"d": 4, "e": 5}), np.array([0, 1]))
        writer.write_buckets([(2, batch({"f": 6})), (3, batch({"g": 7}))])
    assert writer.rows.tolist() == [2, 1, 1, 3]
    assert [read([path], 4, [each]) for each in range(4)] == [[2, 4], [5], [6], [1, 3, 7]]
    assert read([path, path], 4, [1, 0]) == [2, 4, 5, 2, 4, 5]


@pytest.mark.parametrize("buckets", [1, 2, 7])
def test_equal_values_of_all_files_meet_in_one_bucket(tmp_path: Path, buckets: int) -> None:
    paths = [str(tmp_path / f"{number}.arrow") for number in range(2)]
    for number, path in enumerate(paths):
        with ShuffleWriter(path, SCHEMA, buckets) as writer:
            for start in range(0, 100, 40):
                writer.write(batch({f"id{n}": number for n in range(start, min(start + 40, 100))}))
    read = [read_buckets(paths, SCHEMA, buckets, [each]) for each in range(buckets)]
    homes = {
        id_: {at for at in range(buckets) if id_ in read[at]["id"].to_pylist()}
        for id_ in map("id{}".format, range(100))
    }
    assert all(len(each) == 1 for each in homes.values())
    assert sum(each.num_rows for each in read) == 200


def test_a_file_without_rows_has_empty_buckets(tmp_path: Path) -> None:
    path = str(tmp_path / "none.arrow")
    with ShuffleWriter(path, SCHEMA, 3):
        pass
    assert read_buckets([path], SCHEMA, 3, range(3)).num_rows == 0
