"""Blocks to the long tables: `expression`, ordered by feature, and the same by chromosome and bin with its annotation.

Only features are ever ordered, as rows of the wide block; the long rows are made in order. Text columns go to Parquet as
dictionaries, which for sorted or repeating values is nearly free, and whole numbers as differences, a fraction of the CPU of
any other way (measured: counts a sixth); reals go as they are.
"""

from __future__ import annotations

from types import TracebackType
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from common.expression.annotation import Annotation
from common.expression.block import Block
from common.expression.exchange import runs_of
from common.expression.model import ABSENT, OTHER_BIN, OTHER_CHROMOSOME, ValueRules
from common.scan.files import locate
from common.tables.parquet import part_name

ROW_GROUP_ROWS = (1 << 16, 1 << 20)
"""Least and most rows of a row group. In between a file has about `ROW_GROUPS`, so that one feature is a small share of it."""

ROW_GROUPS = 96
_FEATURES_PER_GROUP = 8
"""Least features of a row group: each group repeats the names of the samples once."""

_RANGED = ("feature_id", "value", "gene_name", "start", "end")
"""Columns whose minimum and maximum help a reader; samples are the same in every row group."""

_TEXT = pa.dictionary(pa.int32(), pa.string())
_ANNOTATION = ("gene_name", "CHROM", "start", "end", "strand")


def expression_schema(rules: ValueRules) -> pa.Schema:
    """Columns of the `expression` table."""
    return pa.schema([("feature_id", pa.string()), ("sample_id", pa.string()), ("value", rules.arrow_type)])


def read_optimized_schema(rules: ValueRules) -> pa.Schema:
    """Columns of the `expression_read_optimized` table, less its partitions `chr` and `bin`."""
    types = [pa.string(), pa.string(), pa.int64(), pa.int64(), pa.string()]
    return pa.schema([*expression_schema(rules), *zip(_ANNOTATION, types, strict=True)])


class Melt:
    """Writes the blocks of a task, features ascending from block to block: `files` by table, relative to its folder.

    `rows` and `dropped` (zeros without a row) count over the blocks. The `expression` file is complete after the `with` block.
    """

    def __init__(
        self, folders: dict[str, str], samples: pa.StringArray, rules: ValueRules, number: int, features: int
    ) -> None:
        self.folders, self.samples, self.rules, self.number = folders, samples, rules, number
        self.rows = 0
        self.files: dict[str, list[str]] = {"expression": [part_name(number)], "expression_read_optimized": []}
        width = max(1, len(samples))
        low, high = (-(-rows // width) for rows in ROW_GROUP_ROWS)
        self.group = max(1, min(high, max(low, _FEATURES_PER_GROUP, features // ROW_GROUPS)))
        self._writer = _open(f"{folders['expression']}/{self.files['expression'][0]}", expression_schema(rules))

    def __enter__(self) -> Melt:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def write(self, block: Block, annotation: Annotation) -> None:
        """Writes the rows of a block to both tables."""
        for start in range(0, len(block.features), self.group):
            rows = block.values[start : start + self.group]
            table = self._long(rows, block.features.slice(start, len(rows)), any_absent=block.any_absent)
            self._writer.write_table(table, row_group_size=max(1, table.num_rows))
            self.rows += table.num_rows
        self._write_bins(block, annotation)

    def _write_bins(self, block: Block, annotation: Annotation) -> None:
        """A file for each bin of a block, so that a bin, which is whole in one task, is one file unless it is huge."""
        places = annotation.places(block.features)
        chrom = pc.fill_null(places.column("chr"), OTHER_CHROMOSOME).combine_chunks().dictionary_encode()
        bins = pc.fill_null(places.column("bin"), OTHER_BIN).to_numpy()
        partition = chrom.indices.to_numpy().astype(np.int64) << 40 | (bins - OTHER_BIN)
        order = np.argsort(partition, kind="stable")
        features = block.features.take(pa.array(order))
        places = places.select(_ANNOTATION).take(pa.array(order)).combine_chunks()
        schema = read_optimized_schema(self.rules)
        for _, start, end in runs_of(partition[order]):
            name = f"chr={quote(chrom[int(order[start])].as_py(), safe='')}/bin={bins[order[start]]}/{part_name(self.number)}"
            with _open(f"{self.folders['expression_read_optimized']}/{name}", schema) as writer:
                for at in range(start, end, self.group):
                    rows = slice(at, min(at + self.group, end))
                    own = (each[rows] for each in (features, places))
                    table = self._long(block.values[order[rows]], *own, any_absent=block.any_absent)
                    writer.write_table(table, row_group_size=max(1, table.num_rows))
            self.files["expression_read_optimized"].append(name)

    def _long(
        self, wide: np.ndarray, features: pa.StringArray, places: pa.Table | None = None, *, any_absent: bool
    ) -> pa.Table:
        """The long rows of some features, whose values are the rows of `wide`; with their annotation if `places` is given."""
        count, width = wide.shape
        values = wide.ravel()
        feature = np.repeat(np.arange(count, dtype=np.int32), width)
        sample = np.tile(np.arange(width, dtype=np.int32), count)
        if any_absent or self.rules.drop_zeros:
            kept = values > 0 if self.rules.drop_zeros else values != ABSENT
            values, feature, sample = values[kept], feature[kept], sample[kept]
        indices = pa.array(feature)
        columns: list[pa.Array] = [
            pa.DictionaryArray.from_arrays(indices, features),
            pa.DictionaryArray.from_arrays(pa.array(sample), self.samples),
            pa.array(values),
        ]
        schema = expression_schema(self.rules)
        if places is not None:
            schema = read_optimized_schema(self.rules)
            columns += [_spread(places.column(name).chunk(0), indices) for name in _ANNOTATION]
        return pa.table(columns, names=schema.names)


def _spread(column: pa.Array, indices: pa.Array) -> pa.Array:
    """A value of each feature, repeated for its rows; texts as dictionaries."""
    if not pa.types.is_string(column.type):
        return column.take(indices)
    encoded = column.dictionary_encode()
    return pa.DictionaryArray.from_arrays(encoded.indices.take(indices), encoded.dictionary)


def _open(path: str, schema: pa.Schema) -> pq.ParquetWriter:
    filesystem, inner = locate(path)
    filesystem.create_dir(inner.rsplit("/", 1)[0], recursive=True)
    texts = [each.name for each in schema if pa.types.is_string(each.type)]
    whole = [each.name for each in schema if pa.types.is_integer(each.type)]
    written = [pa.field(each.name, _TEXT if each.name in texts else each.type) for each in schema]
    return pq.ParquetWriter(
        inner, pa.schema(written), filesystem=filesystem, compression="zstd", compression_level=3, store_schema=False,
        version="2.6", use_dictionary=texts, column_encoding=dict.fromkeys(whole, "DELTA_BINARY_PACKED") or None,
        write_statistics=[name for name in _RANGED if name in schema.names],
    )  # fmt: skip
