"""One stage of tasks: run on Spark, watched while it runs, its failure told in one line."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from py4j.protocol import Py4JError
from pyspark import AccumulatorParam
from pyspark.errors import PySparkException

from common.errors import AppError

if TYPE_CHECKING:
    from pyspark import Accumulator, SparkContext

T = TypeVar("T")
R = TypeVar("R")
Refusal = tuple[int, AppError]
"""The index of an item, and what its task refused it for."""

SPARK_ERRORS = (Py4JError, PySparkException)
_SHOWN_AFTER = 3.0  # s; a shorter stage shows nothing but its own line at the end
_LINE_EVERY = 10.0  # s, where stderr is a file
_LOOK_EVERY = 0.2  # s


def run_stage(context: SparkContext, function: Callable[[T], R], items: Sequence[T], label: str) -> list[R]:
    """Results in the order of the items. Raises the `AppError` of the first item known to be refused, and 92 for the rest."""
    if not items:
        return []
    refusals = context.accumulator([], _Refusals())
    group = uuid.uuid4().hex
    context.setJobGroup(group, label, interruptOnCancel=True)
    results: list[R | None] = []
    with _Watch(context, group, label, len(items), refusals):
        try:
            results = context.parallelize(list(enumerate(items)), len(items)).map(_guard(function, refusals)).collect()
        except KeyboardInterrupt:
            with contextlib.suppress(*SPARK_ERRORS, OSError):  # Java may have had the same signal
                context.cancelJobGroup(group)
            raise
        except SPARK_ERRORS as error:
            if not refusals.value:
                raise AppError(92, f"{label}: {root_cause(str(error))}") from None
    if refusals.value:
        raise min(refusals.value, key=lambda refusal: refusal[0])[1]
    return results  # type: ignore[return-value]  # None only where a task was refused


def root_cause(text: str) -> str:
    """The one line of a Spark failure that names its cause: of Python's last traceback, else of Spark's own account."""
    _, traced, frames = text.rpartition("Traceback (most recent call last):")
    if traced:
        for line in frames.splitlines()[1:]:
            if line.strip() and not line.startswith(" "):
                return line.strip()
    reasons = re.findall(
        r"(?:most recent failure: |Caused by: )(?:Lost task [^:]*?\(TID \d+\) \([^)]*\): )?([^\n]+)", text
    )
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (reasons or lines[1:2] or lines or ["no reason given"])[-1].strip()


def _guard(function: Callable[[T], R], refusals: Accumulator[list[Refusal]]) -> Callable[[tuple[int, T]], R | None]:
    """The function as a task: a refusal is a result, so that Spark neither retries it nor wraps it in its own errors."""

    def task(numbered: tuple[int, T]) -> R | None:
        number, item = numbered
        try:
            return function(item)
        except AppError as error:
            refusals.add([(number, error)])
            return None

    return task


class _Refusals(AccumulatorParam[list[Refusal]]):
    def zero(self, value: list[Refusal]) -> list[Refusal]:  # noqa: ARG002  # Spark's signature
        return []

    def addInPlace(self, value1: list[Refusal], value2: list[Refusal]) -> list[Refusal]:  # noqa: N802  # Spark's name
        return value1 + value2


class _Watch:
    """Watches a stage from a thread of its own: shows progress on stderr, and cancels the stage at its first refusal."""

    def __init__(
        self, context: SparkContext, group: str, label: str, total: int, refusals: Accumulator[list[Refusal]]
    ) -> None:
        self._context, self._group, self._label, self._total, self._refusals = context, group, label, total, refusals
        self._on_terminal = sys.stderr.isatty()
        self._begun = time.monotonic()
        self._shown = self._begun if not self._on_terminal else 0.0
        self._wrote = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name=f"watch {label}", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if self._wrote and self._on_terminal:
            sys.stderr.write("\r\x1b[K")

    def _look(self) -> None:
        while not self._over.wait(_LOOK_EVERY):
            with contextlib.suppress(*SPARK_ERRORS, OSError):  # Spark may stop under us; the stage itself reports that
                if self._refusals.value:
                    self._context.cancelJobGroup(self._group)
                    return
                self._show()

    def _show(self) -> None:
        now = time.monotonic()
        every = 1.0 if self._on_terminal else _LINE_EVERY
        if now - self._begun < _SHOWN_AFTER or now - self._shown < every:
            return
        self._shown, self._wrote = now, True
        line = f"{self._label}: {self._completed():,} of {self._total:,} tasks, {now - self._begun:.0f} s"
        sys.stderr.write(f"\r{line}\x1b[K" if self._on_terminal else f"{line}\n")
        sys.stderr.flush()

    def _completed(self) -> int:
        tracker = self._context.statusTracker()
        jobs = (tracker.getJobInfo(job) for job in tracker.getJobIdsForGroup(self._group))
        stages = (tracker.getStageInfo(stage) for job in jobs if job for stage in job.stageIds)
        return sum(stage.numCompletedTasks for stage in stages if stage)
