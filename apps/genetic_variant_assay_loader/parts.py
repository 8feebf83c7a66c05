"""The Parquet files of one table that one task writes: rows by locus, in small row groups.

Readers filter on `chr`, `pos` and `bin`. Files hold these as columns, whose statistics tell row groups apart, and a
file that has grown large ends where a bin ends. A large load is laid out in folders `chr=…/bin=…` besides, so that a
reader need not open every file; for a small one these would be some 1,200 tiny files, and engines that infer types from
the names of folders would take `chr` for a number where no X is loaded.
"""

from __future__ import annotations

from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.genome import PARTITIONS, bin_folder
from common.scan.files import locate
from common.scan.parquet import PartWriter, part_name

ROW_GROUP_ROWS = 1 << 15
"""About 100 KiB of genotypes: what a look-up of one gene reads at the least."""

FILE_ROWS = 1 << 23
"""Rows after which a file ends at the next edge of a bin: about 32 MiB of genotypes, so a large cohort has files for
each bin."""

_LARGEST_FILE_ROWS = 1 << 26
_FEW = 16
"""From this many dictionary values per row, only the values of the rows are looked at."""

_FILTERED = ["chr", "pos", "bin", "ref_yn", "gene_name"]


class TableParts:
    """Writes rows in order; `names` are the files begun, all complete once the `with` block has ended.

    `is_partitioned`: below a folder for each contig and bin, without these two columns.
    """

    def __init__(
        self, folder: str, number: int, columns: pa.Schema, is_partitioned: bool = False, file_rows: int = FILE_ROWS
    ) -> None:
        self.names: list[str] = []
        self._folder, self._number = folder, number
        self._kept = [name for name in columns.names if not (is_partitioned and name in PARTITIONS)]
        self._columns = pa.schema([columns.field(name) for name in self._kept])
        self._is_partitioned = is_partitioned
        self._file_rows = 0 if is_partitioned else file_rows
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
        """Takes in rows that follow those before. They are taken bin by bin only where a file may end among them: bins are
        many where rows are of all contigs."""
        written = self._writer.rows if self._writer is not None else 0
        edges = _bin_edges(table) if written + table.num_rows > self._file_rows else []
        start = 0
        for edge in [*edges, table.num_rows]:
            if edge > start:
                self._add_bins(table.slice(start, edge - start))
            start = edge

    def _add_bins(self, table: pa.Table) -> None:
        """Takes in rows of one bin, or of several that go to one file."""
        bin_ = _bin_of(table, 0)
        if self._writer is not None:
            written = self._writer.rows
            if written >= _LARGEST_FILE_ROWS or (written >= self._file_rows and bin_ != self._last):
                self._writer.__exit__(None, None, None)
                self._writer, self._pending = None, 0
        self._last = _bin_of(table, -1)
        kept = table.select(self._kept)
        start = 0
        while start < table.num_rows:
            taken = kept.slice(start, ROW_GROUP_ROWS - self._pending)
            self._write(taken, bin_)
            start += taken.num_rows

    def _write(self, table: pa.Table, bin_: tuple[str, int]) -> None:
        if self._writer is None:
            self.names.append(self._folder_of(*bin_) + part_name(self._number))
            filtered = [name for name in _FILTERED if name in self._kept]
            self._writer = PartWriter(f"{self._folder}/{self.names[-1]}", self._columns, filtered)
            self._pending = 0
        self._writer.add(_compacted(table))
        self._pending += table.num_rows
        if self._pending == ROW_GROUP_ROWS:
            self._writer.flush()
            self._pending = 0

    def _folder_of(self, chr_: str, bin_: int) -> str:
        """The folder of a contig and bin, made if need be, with a slash; none if the table is not partitioned."""
        if not self._is_partitioned:
            return ""
        folder = bin_folder(chr_, bin_)
        filesystem, inner = locate(f"{self._folder}/{folder}")
        filesystem.create_dir(inner, recursive=True)
        return folder


def _compacted(table: pa.Table) -> pa.Table:
    """The table, its dictionaries without unused values: Parquet would store all samples of a cohort in each row
    group."""
    for at, name in enumerate(table.column_names):
        column = table.column(name).combine_chunks()
        if pa.types.is_dictionary(column.type):
            codes = column.indices.to_numpy()
            if len(codes) < len(column.dictionary) // _FEW:
                places, renumbered = np.unique(codes, return_inverse=True)
                renumbered = renumbered.astype(np.int32)
            else:
                used = np.zeros(len(column.dictionary), np.bool_)
                used[codes] = True
                places, renumbered = np.flatnonzero(used), (np.cumsum(used, dtype=np.int32) - 1)[codes]
            values = column.dictionary.take(pa.array(places))
            table = table.set_column(at, name, pa.DictionaryArray.from_arrays(pa.array(renumbered), values))
    return table


def _bin_of(table: pa.Table, row: int) -> tuple[str, int]:
    return table["chr"][row].as_py(), table["bin"][row].as_py()


def _bin_edges(table: pa.Table) -> list[int]:
    """Where the contig or the bin changes."""
    bins = table["bin"].to_numpy()
    chromosomes = table["chr"].combine_chunks()
    if not pa.types.is_dictionary(chromosomes.type):
        chromosomes = chromosomes.dictionary_encode()
    codes = pc.fill_null(chromosomes.indices, -1).to_numpy()
    return (np.flatnonzero((np.diff(bins) != 0) | (np.diff(codes) != 0)) + 1).tolist()
