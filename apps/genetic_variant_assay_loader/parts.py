"""The Parquet files of one table that one task writes: rows by locus, small row groups, a new file at a bin's edge.

Readers filter on `chr`, `pos` and `bin`. Those are columns of the files, whose statistics a reader prunes by, file by file and
row group by row group. Folders named `chr=…/bin=…` would prune as well, but make some 1,200 files of any human cohort however
small, and turn `chr` into an integer column wherever no X is loaded (Spark and DuckDB infer it from the names).
"""

from __future__ import annotations

from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.tables.parquet import PartWriter, part_name

ROW_GROUP_ROWS = 1 << 16
FILE_ROWS = 1 << 23
"""Rows after which a file ends at the next edge of a bin: about 32 MiB of genotypes, so a large cohort has files for each bin."""

_LARGEST_FILE_ROWS = 1 << 26


class TableParts:
    """Writes rows in order; `names` are the files begun, all complete once the `with` block has ended."""

    def __init__(self, folder: str, number: int, columns: pa.Schema, file_rows: int = FILE_ROWS) -> None:
        self.names: list[str] = []
        self._folder, self._number, self._columns = folder, number, columns
        self._file_rows = file_rows
        self._writer: PartWriter | None = None
        self._last: tuple[str, int] | None = None
        self._pending = 0

    def __enter__(self) -> TableParts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.__exit__(kind, error, trace)

    def add(self, table: pa.Table) -> None:
        """Takes in rows that follow those before."""
        start = 0
        for edge in [*_bin_edges(table), table.num_rows]:
            if edge > start:
                self._add_bin(table.slice(start, edge - start))
            start = edge

    def _add_bin(self, table: pa.Table) -> None:
        bin_ = (table["chr"][0].as_py(), table["bin"][0].as_py())
        if self._writer is not None:
            written = self._writer.rows
            if written >= _LARGEST_FILE_ROWS or (written >= self._file_rows and bin_ != self._last):
                self._writer.__exit__(None, None, None)
                self._writer = None
        self._last = bin_
        for start in range(0, table.num_rows, ROW_GROUP_ROWS):
            self._write(table.slice(start, ROW_GROUP_ROWS))

    def _write(self, table: pa.Table) -> None:
        if self._writer is None:
            self.names.append(part_name(self._number))
            self._writer = PartWriter(f"{self._folder}/{self.names[-1]}", self._columns)
            self._pending = 0
        if self._pending + table.num_rows > ROW_GROUP_ROWS:
            self._writer.flush()
            self._pending = 0
        self._writer.add(table)
        self._pending += table.num_rows


def _bin_edges(table: pa.Table) -> list[int]:
    """Where the contig or the bin changes."""
    bins = table["bin"].to_numpy()
    chromosomes = table["chr"].combine_chunks()
    if not pa.types.is_dictionary(chromosomes.type):
        chromosomes = chromosomes.dictionary_encode()
    codes = pc.fill_null(chromosomes.indices, -1).to_numpy()
    return (np.flatnonzero((np.diff(bins) != 0) | (np.diff(codes) != 0)) + 1).tolist()
