"""What the steps of an expression load hand to each other, as frozen values that cross from driver to task."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

from common.scan.delimited import TextFile

Format = Literal["matrix", "long", "manifest"]

COUNT = "count"


OTHER_CHROMOSOME, OTHER_BIN = "Other", -1
"""The partition of features without a place on the genome."""

ABSENT = -1
"""Marks a cell of a block without a value. Expression values are never negative, so none can be taken for it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of values. `samples` are the sample columns of a matrix, or the one sample of a manifest's file; a long table has
    its samples in rows. `left_out` are the columns of a matrix that are no samples, by their places after the ids."""

    file: TextFile
    format: Format
    delimiter: str
    samples: tuple[str, ...] = field(default=(), repr=False)
    left_out: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ValueRules:
    """How cells become values: empty cells, `missing` texts and, if `drop_zeros`, zeros make no row."""

    is_count: bool
    missing: tuple[str, ...] = ("", "NA")
    drop_zeros: bool = False

    @property
    def absent_texts(self) -> tuple[str, ...]:
        """The cells without a value: the empty one always, and those of `missing`."""
        return ("", *self.missing)

    @property
    def arrow_type(self) -> pa.DataType:
        """The stored type: BIGINT for counts, DOUBLE for all else."""
        return pa.int64() if self.is_count else pa.float64()


@dataclass(frozen=True)
class ExpressionPlan:
    """All that the tasks of a load share. Written once to scratch storage, so that a task carries only its part.

    `annotation` is the Arrow file that `annotation.read_annotation` left in `scratch`, None without feature annotation.
    `expression`, `read_optimized` and the rest are the folders of the tables.
    """

    format: Format
    sources: tuple[Source, ...]
    rules: ValueRules
    id_type: str
    buckets: int
    annotation: str | None
    scratch: str
    tables: dict[str, str]
