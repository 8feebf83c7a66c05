"""Rows on their way from the tasks that read them to those that load them: Arrow files in scratch storage.

A routing task writes one file; each of its record batches belongs to one bucket, so a loading task reads its buckets alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Container
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.molecular_expression_assay_loader.annotation import Annotation
from common.scan.files import locate


@dataclass(frozen=True, slots=True)
class RoutedPart:
    """Some batches of a file of routed rows, by place; `source` as in `Routed`."""

    path: str
    source: int
    batches: tuple[int, ...]

    def read(self) -> list[pa.RecordBatch]:
        """The batches, in the order written."""
        filesystem, inner = locate(self.path)
        with filesystem.open_input_file(inner) as file:
            reader = pa.ipc.open_file(file)
            return [reader.get_batch(place) for place in self.batches]


@dataclass(frozen=True)
class Routed:
    """A file of routed rows: for each of its batches the bucket and the number of cells. `source` is the index of the one
    source that the rows of a matrix are from; where rows of several are mixed, each row says its own."""

    path: str
    source: int
    buckets: list[int] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)

    def part(self, buckets: Container[int]) -> RoutedPart:
        """The batches of these buckets."""
        places = tuple(place for place, bucket in enumerate(self.buckets) if bucket in buckets)
        return RoutedPart(self.path, self.source, places)


class RoutedWriter:
    """Writes batches of one schema, each with its bucket; makes no file if there is none."""

    def __init__(self, routed: Routed, schema: pa.Schema) -> None:
        self.routed, self.schema = routed, schema
        filesystem, inner = locate(routed.path)
        self._out = filesystem.open_output_stream(inner)
        self._writer = pa.ipc.new_file(self._out, schema)

    def __enter__(self) -> RoutedWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        self._out.close()

    def write(self, bucket: int, cells: int, batch: pa.RecordBatch) -> None:
        """Appends a batch of rows of one bucket that hold `cells` cells."""
        self._writer.write_batch(batch)
        self.routed.buckets.append(bucket)
        self.routed.cells.append(cells)


def buckets_of(features: pa.StringArray, annotation: Annotation, buckets: int) -> np.ndarray:
    """The bucket of each feature: by its chromosome and bin, so that a bin is whole in one bucket; by its id if it has none."""
    places = annotation.places(features)
    chrom, bins = (places.column(name).combine_chunks() for name in ("chr", "bin"))
    keys = pc.binary_join_element_wise(chrom, bins.cast(pa.string()), "/")
    encoded = pc.coalesce(keys, features).dictionary_encode()
    hashes: np.ndarray = _hash(encoded.dictionary.to_pylist(), buckets)[encoded.indices.to_numpy()]
    return hashes


def _hash(texts: list[str], buckets: int) -> np.ndarray:
    return np.fromiter((zlib.crc32(text.encode()) % buckets for text in texts), np.int64, len(texts))


def runs_of(sorted_values: np.ndarray) -> list[tuple[int, int, int]]:
    """Runs of equal values as (value, start, end)."""
    if not len(sorted_values):
        return []
    starts = np.concatenate(([0], np.flatnonzero(np.diff(sorted_values)) + 1))
    ends = np.append(starts[1:], len(sorted_values))
    return list(zip(sorted_values[starts].tolist(), starts.tolist(), ends.tolist(), strict=True))
