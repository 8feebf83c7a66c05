"""The suite's Spark: a context for tasks, a session over it for SQL, each started when first needed."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from common.errors import AppError, Rule
from common.spark.bundle import ROOT, write_bundle
from common.spark.launch import LOOPBACK, archive_options, environment, is_here, is_local, java_options, read_defaults
from common.spark.scratch import Scratch

if TYPE_CHECKING:
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    from common.spark.driver import DriverJava

T = TypeVar("T")
R = TypeVar("R")
_KEPT_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(256 << 20), "MALLOC_MMAP_THRESHOLD_": str(32 << 20)}
"""Has a worker's C library keep the buffers that it is given back, as the next ones are of the same size: the kernel would clear
each page again. Measured on a load of 1 M rows: a third of the workers' time in the kernel."""

_CLUSTER_GRACE = 3.0  # s, in which Java takes its leave of a cluster
_MASTERS = ("local", "spark://", "yarn", "k8s://")


class Cluster:
    """The Spark of one run: started when first needed, stopped at the end. Making one does not import pyspark.

    `master` and `conf` override what spark-submit was given, which overrides the suite's defaults.
    """

    def __init__(self, app_name: str, master: str | None = None, conf: Mapping[str, str] | None = None) -> None:
        self._app_name = app_name
        self._master = master
        self._conf = dict(conf or {})
        self._context: SparkContext | None = None
        self._session: SparkSession | None = None
        self._scratch: Scratch | None = None
        self._java: DriverJava | None = None

    @property
    def context(self) -> SparkContext:
        """The Spark context; starts Spark. Raises `AppError` 92 if it cannot start."""
        if self._context is None:
            self._context = self._start()
        return self._context

    @property
    def parallelism(self) -> int:
        """Tasks that can run at once; starts Spark."""
        return self.context.defaultParallelism

    @property
    def session(self) -> SparkSession:
        """The Spark session, for SQL over Parquet; starts Spark."""
        if self._session is None:
            from pyspark.sql import SparkSession

            self._session = SparkSession(self.context)
        return self._session

    def map(self, function: Callable[[T], R], items: Sequence[T], label: str) -> list[R]:
        """`function` of each item as one Spark task each, results in the order of the items; shows progress under `label`.

        `function` must be importable on the workers. An `AppError` that it raises arrives as that `AppError`; anything else
        that Spark cannot recover from arrives as `AppError` 92.
        """
        context = self.context
        from common.spark.stage import run_stage

        return run_stage(context, function, items, label)

    @property
    def loss(self) -> str | None:
        """How Spark's Java ended, if it ended by itself or was killed; else None."""
        return self._java.loss() if self._java else None

    def stop(self, grace: float = 0.0) -> None:
        """Stops Spark if it was started, and ends the Java that this process launched for it with all that Java started: at
        once, or after up to `grace` seconds in which it may end by itself. The next use starts it again."""
        java, context, self._java = self._java, self._context, None
        self._context = self._session = None
        if context is not None:
            from common.spark import internals

            internals.release_accumulators(context)
            if not is_local(str(context.master)):
                grace = max(grace, _CLUSTER_GRACE)
        if java is not None:
            java.stop(context.stop if context else lambda: None, grace)
        if self._scratch is not None:
            self._scratch.remove()
            self._scratch = None

    def _start(self) -> SparkContext:
        from pyspark import SparkConf, SparkContext

        from common.spark import internals
        from common.spark.driver import DriverJava
        from common.spark.stage import SPARK_ERRORS, root_cause

        _quieten()
        if "PYSPARK_GATEWAY_PORT" in os.environ:
            internals.connect()  # else SparkConf would not see what spark-submit was given
        launched = internals.gateway() is not None
        conf = SparkConf()
        master = self._master or conf.get("spark.master") or "local[*]"
        if not master.startswith(_MASTERS):
            raise AppError(
                Rule.SPARK_FAILED,
                f"Spark did not start: {master} is not a master; one starts with {', '.join(_MASTERS)}",
            )
        if not launched:
            os.environ.update(environment(master))
            os.environ.pop("SPARK_CONF_DIR", None) if is_here(master) else None
        elif is_here(master):
            os.environ["PYSPARK_PYTHON"] = sys.executable
        self._scratch = Scratch()
        self._java = DriverJava(self._scratch.path)
        conf.setMaster(master).setAppName(self._app_name)
        _fill(conf, {**_placement(master, str(self._scratch.path)), **read_defaults()}, self._conf)
        if not launched:
            options = "spark.driver.extraJavaOptions"
            ours = [*java_options(), *_files_of_java(self._scratch.path)]
            conf.set(options, f"{shlex.join(ours)} {conf.get(options, '')}".strip())
        try:
            with self._scratch.as_temporary(), _own_interrupt():
                self._java.launch(conf)
                context = SparkContext(conf=conf)
            internals.silence_accumulators(context)
            if launched:
                context.setLogLevel(os.environ.get("LOADER_SPARK_LOG", "fatal").upper())
            if not is_local(master) and not conf.get("spark.submit.pyFiles"):
                context.addPyFile(str(write_bundle(self._scratch.path / "suite.zip")))
        except (*SPARK_ERRORS, ConnectionError) as error:
            reason = self._java.loss() or root_cause(str(error))
            self.stop()
            raise AppError(Rule.SPARK_FAILED, f"Spark did not start on {master}: {reason}") from None
        except BaseException:
            self.stop()
            raise
        return context


@contextmanager
def _own_interrupt() -> Iterator[None]:
    """Keeps this process's answer to Ctrl-C. Pyspark's asks Java first, alive or not."""
    answer = signal.getsignal(signal.SIGINT)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, answer)


def _quieten() -> None:
    """Silences what pyspark itself says on stderr: the app tells the user what went wrong, without Java's stack."""
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)  # see `environment`
    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        logging.getLogger(name).disabled = True


def _placement(master: str, scratch: str) -> dict[str, str]:
    """Settings that follow from where Spark runs and has its files."""
    settings = {"spark.sql.warehouse.dir": scratch}  # the catalogue insists on an empty folder
    if is_here(master):
        settings |= {"spark.driver.host": LOOPBACK, "spark.driver.bindAddress": LOOPBACK, "spark.local.dir": scratch}
    if is_local(master):
        settings["spark.executorEnv.PYTHONPATH"] = str(ROOT)  # the folder itself: no zip to make, its bytecode cached
        settings["spark.python.daemon.module"] = "common.spark.daemon"
        settings |= {f"spark.executorEnv.{name}": value for name, value in _KEPT_MEMORY.items()}
    elif is_here(master) and archive_options():
        settings["spark.executor.extraJavaOptions"] = shlex.join(archive_options())
    return settings


def _fill(conf: SparkConf, defaults: Mapping[str, str], wishes: Mapping[str, str]) -> None:
    for name, value in defaults.items():
        conf.setIfMissing(name, value)
    for name, value in wishes.items():
        conf.set(name, value)


def _files_of_java(folder: Path) -> list[str]:
    """Options that keep all files of Java's own in this folder, its account of a crash too."""
    return [f"-Djava.io.tmpdir={folder}", f"-XX:ErrorFile={folder}/java_crash.log", "-XX:-UsePerfData"]
