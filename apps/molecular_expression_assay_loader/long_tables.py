"""Blocks to the long tables: `expression`, ordered by feature, and the same by chromosome and bin with its annotation.

Only features are ordered, as rows of the wide block; the long rows are made in order. Text columns go to Parquet as dictionaries,
which is nearly free.

Readers of `expression_read_optimized` name `chr` and `bin`. These are columns, whose statistics tell row groups apart, of one
file for each task. A large load is laid out in folders `chr=…/bin=…` instead, so that a reader need not open every file; of a
small one these would be some 1,200 tiny files, which cost a quarter of the CPU of the load.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.molecular_expression_assay_loader.annotation import Annotation
from apps.molecular_expression_assay_loader.block import ValueBlock
from apps.molecular_expression_assay_loader.numbers import ABSENT, ValueRules
from apps.molecular_expression_assay_loader.scratch import TaskPlan
from common.genome import PARTITIONS, bin_folder
from common.scan.files import locate
from common.scan.parquet import PartWriter, part_name
from common.tables.shuffle import runs_of

OTHER_CHROMOSOME, OTHER_BIN = "Other", -1
"""The partition of features without a place on the genome."""

_ROW_GROUPS = 96
_RANGED = {"expression": ["feature_id", "value"], "expression_read_optimized": ["value", "chr", "bin"]}
"""Columns whose minimum and maximum help a reader; samples are the same in every row group, and who asks for a gene of the
second table names its bin too."""

_TEXT = pa.dictionary(pa.int32(), pa.string())
_PLACE = ("gene_name", "CHROM", "start", "end", "strand", "chr", "bin")


def expression_schema(rules: ValueRules) -> pa.Schema:
    """Columns of the `expression` table."""
    texts = [pa.field(name, pa.string(), nullable=False) for name in ("feature_id", "sample_id")]
    return pa.schema([*texts, pa.field("value", rules.arrow_type, nullable=False)])


def read_optimized_schema(rules: ValueRules, is_partitioned: bool) -> pa.Schema:
    """Columns of the `expression_read_optimized` table, less `chr` and `bin` where these are folders."""
    types = [pa.string(), pa.string(), pa.int64(), pa.int64(), pa.string(), pa.string(), pa.int64()]
    fields = [pa.field(name, kind, name not in PARTITIONS) for name, kind in zip(_PLACE, types, strict=True)]
    return pa.schema([*expression_schema(rules), *(fields[:-2] if is_partitioned else fields)])


class Melt:
    """Writes the blocks of a task, features ascending from block to block: `files` by table, relative to its folder, complete
    after the `with` block; `rows` are those of each table."""

    def __init__(
        self, plan: TaskPlan, samples: pa.StringArray, number: int, features: int, is_partitioned: bool
    ) -> None:
        self.folders, self.samples, self.rules, self.number = plan.tables, samples, plan.rules, number
        self.rows = 0
        self.files: dict[str, list[str]] = {"expression": [], "expression_read_optimized": []}
        width = max(1, len(samples))
        low, high = (-(-rows // width) for rows in plan.sizes.group_rows)
        self.group = max(1, min(high, max(low, plan.sizes.group_features, features // _ROW_GROUPS)))
        self._optimized_schema = read_optimized_schema(self.rules, is_partitioned)
        self._closing = ExitStack()
        self._writer = self._closing.enter_context(self._open("expression", expression_schema(self.rules)))
        self._optimized: PartWriter | None = None
        if not is_partitioned:
            optimized = self._open("expression_read_optimized", self._optimized_schema)
            self._optimized = self._closing.enter_context(optimized)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._closing.__exit__(*raised)  # type: ignore[arg-type]  # the three of the protocol

    def write(self, block: ValueBlock, annotation: Annotation) -> None:
        """Writes the rows of a block to both tables."""
        self.rows += self._write_rows(self._writer, block, np.arange(len(block.features)))
        places = annotation.places(block.features).select(_PLACE)
        for name, none in zip(PARTITIONS, (OTHER_CHROMOSOME, OTHER_BIN), strict=True):
            at = places.column_names.index(name)
            places = places.set_column(at, name, pc.fill_null(places.column(name), none))
        order = pc.sort_indices(places, [(name, "ascending") for name in PARTITIONS])
        places, by_place = places.take(order).combine_chunks(), order.to_numpy()
        if self._optimized is not None:
            self._write_rows(self._optimized, block, by_place, places)
        else:
            self._write_bins(block, by_place, places)

    def _write_bins(self, block: ValueBlock, order: np.ndarray, places: pa.Table) -> None:
        """A file for each bin of a block, so that a bin, which is whole in one task, is one file unless it is huge."""
        chrom, bins = (places.column(name).combine_chunks() for name in PARTITIONS)
        partition = chrom.dictionary_encode().indices.to_numpy().astype(np.int64) << 40 | (bins.to_numpy() - OTHER_BIN)
        kept = places.drop_columns(PARTITIONS)
        for _, start, end in runs_of(partition):
            folder = bin_folder(chrom[start].as_py(), bins[start].as_py())
            with self._open("expression_read_optimized", self._optimized_schema, folder) as writer:
                self._write_rows(writer, block, order[start:end], kept.slice(start, end - start))

    def _write_rows(
        self, writer: PartWriter, block: ValueBlock, order: np.ndarray, places: pa.Table | None = None
    ) -> int:
        """Writes the rows of some features of a block, in this order, with their places if given, in row groups; returns how
        many these are."""
        written = 0
        for start in range(0, len(order), self.group):
            taken = order[start : start + self.group]
            own = None if places is None else places.slice(start, self.group).combine_chunks()
            features = block.features.take(pa.array(taken))
            table = self._long(block.values[taken], features, own, writer.schema, any_absent=block.any_absent)
            writer.add(table)
            writer.flush()
            written += table.num_rows
        return written

    def _long(
        self, wide: np.ndarray, features: pa.StringArray, places: pa.Table | None, schema: pa.Schema, *,
        any_absent: bool,
    ) -> pa.Table:  # fmt: skip
        """The long rows of some features, whose values are the rows of `wide`."""
        count, width = wide.shape
        values = wide.ravel()
        feature = np.repeat(np.arange(count, dtype=np.int32), width)
        sample = np.tile(np.arange(width, dtype=np.int32), count)
        if any_absent or self.rules.drop_zeros:
            kept = values > 0 if self.rules.drop_zeros else values != ABSENT
            values, feature, sample = values[kept], feature[kept], sample[kept]
        indices = pa.array(feature)
        columns: list[pa.Array] = [
            pa.DictionaryArray.from_arrays(indices, features, safe=False),
            pa.DictionaryArray.from_arrays(pa.array(sample), self.samples, safe=False),
            pa.array(values),
        ]
        if places is not None:
            columns += [_spread(column.chunk(0), indices) for column in places.columns]
        return pa.Table.from_arrays(columns, schema=schema)

    def _open(self, table: str, schema: pa.Schema, folder: str = "") -> PartWriter:
        """A writer of a new file of a table."""
        self.files[table].append(folder + part_name(self.number))
        if folder:
            filesystem, inner = locate(f"{self.folders[table]}/{folder}")
            filesystem.create_dir(inner, recursive=True)
        written = pa.schema([each.with_type(_TEXT) if pa.types.is_string(each.type) else each for each in schema])
        ranged = [name for name in _RANGED[table] if name in schema.names]
        return PartWriter(f"{self.folders[table]}/{self.files[table][-1]}", written, ranged)


def _spread(column: pa.Array, indices: pa.Array) -> pa.Array:
    """A value of each feature, repeated for its rows; texts as dictionaries."""
    if not pa.types.is_string(column.type):
        return pc.take(column, indices, boundscheck=False)
    encoded = column.dictionary_encode()
    codes = pc.take(encoded.indices, indices, boundscheck=False)
    return pa.DictionaryArray.from_arrays(codes, encoded.dictionary, safe=False)
