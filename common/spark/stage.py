"""One stage of tasks: run on Spark, watched while it runs, its failure told in one line."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, TypeVar

from py4j.protocol import Py4JError
from pyspark import AccumulatorParam
from pyspark.errors import PySparkException

from common.errors import AppError, Rule, disk_error

if TYPE_CHECKING:
    from pyspark import Accumulator, SparkContext

T = TypeVar("T")
R = TypeVar("R")
Refusal = tuple[int, AppError]
"""The index of an item, and what its task refused it for."""

SPARK_ERRORS = (Py4JError, PySparkException)
_SHOWN_AFTER = 3.0  # s, on a terminal
_LINE_EVERY = 10.0  # s, where stderr is a file
_LOOK_EVERY = 0.2  # s
_CANCEL = 2.0  # s, for the tasks of a stage that is stopped to end


def run_stage(context: SparkContext, function: Callable[[T], R], items: Sequence[T], label: str) -> list[R]:
    """Results in the order of the items. Raises the `AppError` of the first item known to be refused, and 92 for the rest."""
    if not items:
        return []
    refusals = context.accumulator([], _Refusals())
    group = uuid.uuid4().hex

    def collect() -> list[R | None]:
        context.setJobGroup(group, label, interruptOnCancel=True)
        return context.parallelize(list(enumerate(items)), len(items)).map(_guard(function, refusals)).collect()

    results: list[R | None] = []
    try:
        results = _watch(context, collect, refusals, _Progress(context, group, label, len(items)))
    except SPARK_ERRORS as error:
        if not refusals.value:
            raise AppError(Rule.SPARK_FAILED, f"{label}: {root_cause(str(error))}") from None
    if refusals.value:
        raise min(refusals.value, key=lambda refusal: refusal[0])[1]
    return results  # type: ignore[return-value]  # None only where a task was refused


def _watch(
    context: SparkContext, collect: Callable[[], R], refusals: Accumulator[list[Refusal]], progress: _Progress
) -> R:
    """Runs the stage in a thread of its own, so that this one can show progress, cancel it at its first refusal, and take a
    Ctrl-C, which py4j would answer with a trace.
    """
    future: Future[R] = Future()
    # Not one of a pool, whose threads are waited for: Spark may never answer.
    threading.Thread(target=_settle, args=(future, collect), daemon=True).start()
    with progress:
        try:
            while not refusals.value and not wait([future], _LOOK_EVERY).done:
                progress.show()
            if not future.done():
                context.cancelJobGroup(progress.group)
            return future.result()
        except KeyboardInterrupt:
            deadline = time.monotonic() + _CANCEL
            with contextlib.suppress(*SPARK_ERRORS, OSError):  # Java may have had the same signal
                while (
                    not future.done() and time.monotonic() < deadline
                ):  # the thread may be just about to start the job
                    context.cancelJobGroup(progress.group)
                    wait([future], _LOOK_EVERY)
            raise


def _settle(future: Future[R], collect: Callable[[], R]) -> None:
    try:
        future.set_result(collect())
    except BaseException as error:  # noqa: BLE001 - raised again where the future is asked
        future.set_exception(error)


def root_cause(text: str) -> str:
    """The one line of a Spark failure that names its cause: of Python's last traceback, else of Spark's own account."""
    _, traced, frames = text.rpartition("Traceback (most recent call last):")
    if traced:
        for line in frames.splitlines()[1:]:
            if line.strip() and not line.startswith(" "):
                return line.strip()
    failures = re.findall(r"most recent failure: (?:Lost task \S+ in stage \S+ \(TID \d+\) \([^)]*\): )?([^\n]+)", text)
    causes = re.findall(r"Caused by: ([^\n]+)", text)
    lines = [line.strip(": ") for line in text.splitlines() if line.strip(": ")]
    cause = (failures[:1] or causes[-1:] or lines[1:2] or lines or ["no reason given"])[0].strip()
    if "Python worker exited unexpectedly" in cause:
        return "a Python process of Spark's was killed or crashed; most often memory ran out"
    return cause


def _guard(function: Callable[[T], R], refusals: Accumulator[list[Refusal]]) -> Callable[[tuple[int, T]], R | None]:
    """The function as a task: a refusal is a result, so that Spark neither retries it nor wraps it in its own errors."""

    def task(numbered: tuple[int, T]) -> R | None:
        number, item = numbered
        try:
            return function(item)
        except (AppError, OSError) as error:
            refusal = error if isinstance(error, AppError) else disk_error(error)
            if refusal is None:
                raise
            refusals.add([(number, refusal)])
            return None

    return task


class _Refusals(AccumulatorParam[list[Refusal]]):
    def zero(self, value: list[Refusal]) -> list[Refusal]:  # noqa: ARG002  # Spark's signature
        return []

    def addInPlace(self, value1: list[Refusal], value2: list[Refusal]) -> list[Refusal]:  # noqa: N802  # Spark's name
        return value1 + value2


class _Progress:
    """Progress of a long stage on stderr: one line rewritten on a terminal, a line now and then in a file."""

    def __init__(self, context: SparkContext, group: str, label: str, total: int) -> None:
        self.group = group
        self._context, self._label, self._total = context, label, total
        self._on_terminal = sys.stderr.isatty()
        self._begun = time.monotonic()
        self._due = self._begun + (_SHOWN_AFTER if self._on_terminal else _LINE_EVERY)
        self._wrote = False

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        if self._wrote and self._on_terminal:
            sys.stderr.write("\r\x1b[K")

    def show(self) -> None:
        """Writes the line if it is due."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due, self._wrote = now + (1.0 if self._on_terminal else _LINE_EVERY), True
        line = f"{self._label}: {self._completed():,} of {self._total:,} tasks, {now - self._begun:.0f} s"
        sys.stderr.write(f"\r{line}\x1b[K" if self._on_terminal else f"{line}\n")
        sys.stderr.flush()

    def _completed(self) -> int:
        tracker = self._context.statusTracker()
        jobs = (tracker.getJobInfo(job) for job in tracker.getJobIdsForGroup(self.group))
        stages = (tracker.getStageInfo(stage) for job in jobs if job for stage in job.stageIds)
        return sum(stage.numCompletedTasks for stage in stages if stage)
