"""The files of one table: row groups of a bounded size, and a new file at a bin's edge once a file is large."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from apps.genetic_variant_assay_loader.parts import ROW_GROUP_ROWS, TableParts

COLUMNS = pa.schema([("chr", pa.string()), ("bin", pa.int32()), ("row", pa.int64())])


def table(*bins: tuple[str, int], first: int = 0) -> pa.Table:
    rows = list(range(first, first + len(bins)))
    return pa.table([[chr_ for chr_, _ in bins], pa.array([bin_ for _, bin_ in bins], pa.int32()), rows], schema=COLUMNS)


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


def test_no_rows_make_no_file(tmp_path: Path) -> None:
    with TableParts(str(tmp_path), 0, COLUMNS) as parts:
        pass
    assert parts.names == []
    assert list(tmp_path.iterdir()) == []
