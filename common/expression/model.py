"""What the steps of an expression load hand to each other, as frozen values that cross from driver to task."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

Format = Literal["matrix", "long", "manifest"]

REAL_VALUE_TYPES = ("rpkm", "fpkm", "fpkm-uq", "tpm")
COUNT_VALUE_TYPE = "count"

BIN_WIDTH = 2_500_000
"""Base pairs of a bin: `bin = floor(start / BIN_WIDTH)`."""

OTHER_CHROMOSOME, OTHER_BIN = "Other", -1
"""The partition of features without a place on the genome."""

ABSENT = -1
"""Marks a cell of a block without a value. Expression values are never negative, so no value can be taken for it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of values. `data_start` is the byte, decompressed, after the header line; `samples` the sample columns of a matrix,
    or the one sample of a manifest's file; empty for a long table. `sample_offset` is where they begin in the list of all
    sources' samples."""

    name: str
    path: str
    format: Format
    delimiter: str
    is_gzip: bool
    size: int
    data_start: int
    samples: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Piece:
    """The lines of a source that start in bytes `start` to `stop`; a compressed source is one piece. `source` is its index."""

    source: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class ValueRules:
    """How cells become values: `missing` texts and, if `drop_zeros`, zeros make no row."""

    is_count: bool
    missing: tuple[str, ...] = ("", "NA")
    drop_zeros: bool = False

    @property
    def arrow_type(self) -> pa.DataType:
        """The stored type: BIGINT for counts, DOUBLE for all else."""
        return pa.int64() if self.is_count else pa.float64()
