"""The Spark cluster that a run uses: started when first needed, with the suite's defaults, and stopped at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

T = TypeVar("T")
R = TypeVar("R")


class Cluster(Protocol):
    """What an app may ask of Spark. Importing this module does not import pyspark."""

    @property
    def parallelism(self) -> int:
        """Tasks that can run at once; starts Spark."""

    @property
    def session(self) -> SparkSession:
        """The Spark session, for SQL over Parquet; starts Spark."""

    def map(self, function: Callable[[T], R], items: Sequence[T], label: str) -> list[R]:
        """`function` of each item as one Spark task each, results in the order of the items; shows progress under `label`.

        `function` must be importable on the workers. An `AppError` that it raises arrives as that `AppError`; anything else
        that Spark cannot recover from arrives as `AppError` 92.
        """

    @property
    def loss(self) -> str | None:
        """How Spark's Java ended, if it ended by itself or was killed; else None."""

    def stop(self) -> None:
        """Stops Spark if it was started, within seconds, and leaves nothing of it behind."""
