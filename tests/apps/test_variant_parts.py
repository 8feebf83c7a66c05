"""The files of one table: row groups of a bounded size, and a new file at a bin's edge once a file is large."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from apps.genetic_variant_assay_loader.parts import ROW_GROUP_ROWS, TableParts

COLUMNS = pa.schema([("chr", pa.string()), ("bin", pa.int32()), ("row", pa.int64())])


def table(*bins: tuple[str, int], first: int = 0) -> pa.Table:
    rows = list(range(first, first + len(bins)))
    return pa.table(
        [[chr_ for chr_, _ in bins], pa.array([bin_ for _, bin_ in bins], pa.int32()), rows], schema=COLUMNS
    )


def test_a_large_file_ends_where_a_bin_ends(tmp_path: Path) -> None:
    with TableParts(str(tmp_path), 0, COLUMNS, file_rows=3) as parts:
        parts.add(table(("1", 0), ("1", 0), ("1", 0), ("1", 0), ("1", 1)))
        parts.add(table(("1", 1), ("1", 2), ("2", 2), ("2", 3), first=5))
    files = [pq.read_table(tmp_path / name, partitioning=None)["row"].to_pylist() for name in parts.names]
    assert files == [[0, 1, 2, 3], [4, 5, 6], [7, 8]]


def test_small_bins_share_a_file(tmp_path: Path) -> None:
    with TableParts(str(tmp_path), 0, COLUMNS) as parts:
        parts.add(table(*[(str(number), number) for number in range(50)]))
    assert len(parts.names) == 1
    assert pq.read_table(tmp_path / parts.names[0], partitioning=None)["row"].to_pylist() == list(range(50))


def test_row_groups_are_bounded_and_filled_over_blocks(tmp_path: Path) -> None:
    block = ROW_GROUP_ROWS // 2 + 1
    with TableParts(str(tmp_path), 0, COLUMNS) as parts:
        for number in range(3):
            parts.add(table(*[("1", 0)] * block, first=number * block))
    stored = pq.ParquetFile(tmp_path / parts.names[0])
    groups = [stored.metadata.row_group(number).num_rows for number in range(stored.metadata.num_row_groups)]
    assert max(groups) <= ROW_GROUP_ROWS
    assert stored.read()["row"].to_pylist() == list(range(3 * block))


def test_a_row_group_stores_no_more_samples_than_it_has(tmp_path: Path) -> None:
    samples = pa.array([f"sample {number}" for number in range(1000)])
    codes = pa.array([7, 3, 7, 999], pa.int32())
    rows = table(("1", 0), ("1", 0), ("1", 0), ("1", 0)).append_column(
        "s", pa.DictionaryArray.from_arrays(codes, samples)
    )
    with TableParts(str(tmp_path), 0, COLUMNS.append(pa.field("s", pa.string()))) as parts:
        parts.add(rows)
    stored = pq.ParquetFile(tmp_path / parts.names[0])
    assert stored.read()["s"].to_pylist() == ["sample 7", "sample 3", "sample 7", "sample 999"]
    assert stored.metadata.row_group(0).column(3).total_uncompressed_size < 200


def test_partitions_are_folders_without_their_columns(tmp_path: Path) -> None:
    with TableParts(str(tmp_path), 0, COLUMNS, is_partitioned=True) as parts:
        parts.add(table(("1", 0), ("1", 1), ("HLA-A*01:01", 1)))
        parts.add(table(("X", 1), first=3))
    folders = [name.rpartition("/")[0] for name in parts.names]
    assert folders == ["chr=1/bin=0", "chr=1/bin=1", "chr=HLA-A%2A01%3A01/bin=1", "chr=X/bin=1"]
    assert [pq.ParquetFile(tmp_path / name).schema_arrow.names for name in parts.names] == [["row"]] * 4
    import duckdb

    found = duckdb.sql(
        f"SELECT chr, bin, row FROM read_parquet('{tmp_path}/**/*.parquet', hive_partitioning = true) ORDER BY row"
    )
    assert found.fetchall() == [("1", 0, 0), ("1", 1, 1), ("HLA-A*01:01", 1, 2), ("X", 1, 3)]


def test_no_rows_make_no_file(tmp_path: Path) -> None:
    with TableParts(str(tmp_path), 0, COLUMNS) as parts:
        pass
    assert parts.names == []
    assert list(tmp_path.iterdir()) == []
