"""The suite's Spark: a context for tasks, a session over it for SQL, each started when first needed."""

from __future__ import annotations

import logging
import os
import shlex
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from common.errors import AppError
from common.spark.archive import archive_options
from common.spark.bundle import ROOT, write_bundle
from common.spark.launch import LOOPBACK, environment, is_here, is_local, java_options, read_defaults

if TYPE_CHECKING:
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

T = TypeVar("T")
R = TypeVar("R")
_KEPT_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(256 << 20), "MALLOC_MMAP_THRESHOLD_": str(32 << 20)}
"""Has a worker's C library keep the buffers that it is given back, as the next ones are of the same size: the kernel would clear
each page anew. Measured on a load of 1 M rows: a third of the workers' time in the kernel."""

_MASTERS = ("local", "spark://", "yarn", "k8s://")


class SparkCluster:
    """A `Cluster` on pyspark. `master` and `conf` outrank what spark-submit was given, and that the suite's defaults."""

    def __init__(self, app_name: str, master: str | None = None, conf: Mapping[str, str] | None = None) -> None:
        self._app_name = app_name
        self._master = master
        self._conf = dict(conf or {})
        self._context: SparkContext | None = None
        self._session: SparkSession | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

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
        """`function` of each item as one Spark task each; see `Cluster.map`."""
        context = self.context
        from common.spark.stage import run_stage

        return run_stage(context, function, items, label)

    def stop(self) -> None:
        """Stops Spark if it was started; the next use starts it again."""
        if self._context is None:
            return
        _release_accumulators(self._context)
        self._context.stop()
        self._context = self._session = None
        if self._scratch is not None:
            self._scratch.cleanup()

    def end_java(self) -> None:
        """Stops Spark, ends the Java that this process launched for it, and waits until it is gone."""
        if self._context is None:
            return
        from pyspark import SparkContext

        self.stop()
        gateway, SparkContext._gateway, SparkContext._jvm = SparkContext._gateway, None, None
        if gateway is not None and gateway.proc is not None:
            gateway.shutdown()
            gateway.proc.stdin.close()
            gateway.proc.wait()

    def _start(self) -> SparkContext:
        from pyspark import SparkConf, SparkContext

        from common.spark.stage import SPARK_ERRORS, root_cause

        _quieten()
        if "PYSPARK_GATEWAY_PORT" in os.environ:
            SparkContext._ensure_initialized()  # else SparkConf would not see what spark-submit was given
        launched = SparkContext._gateway is not None
        conf = SparkConf()
        master = self._master or conf.get("spark.master") or "local[*]"
        if not master.startswith(_MASTERS):
            raise AppError(92, f"Spark did not start: {master} is no master; one starts with {', '.join(_MASTERS)}")
        if not launched:
            os.environ.update(environment(master))
            os.environ.pop("SPARK_CONF_DIR", None) if is_here(master) else None
        elif is_here(master):
            os.environ["PYSPARK_PYTHON"] = sys.executable
        self._scratch = tempfile.TemporaryDirectory(prefix="spark-")
        scratch = self._scratch.name  # for the empty folder that the catalogue insists on, and for the bundle
        conf.setMaster(master).setAppName(self._app_name)
        _fill(conf, {**_placement(master), **read_defaults(), "spark.sql.warehouse.dir": scratch}, self._conf, launched)
        try:
            context = SparkContext(conf=conf)
        except SPARK_ERRORS as error:
            raise AppError(92, f"Spark did not start on {master}: {root_cause(str(error))}") from None
        if launched:
            context.setLogLevel(os.environ.get("LOADER_SPARK_LOG", "fatal").upper())
        if not is_local(master) and not conf.get("spark.submit.pyFiles"):
            context.addPyFile(str(write_bundle(Path(scratch) / "suite.zip")))
        return context


def _quieten() -> None:
    """Silences what pyspark itself says on stderr: the app tells the user what went wrong, without Java's stack."""
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)  # see `environment`
    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        logging.getLogger(name).disabled = True


def _placement(master: str) -> dict[str, str]:
    """Settings that follow from where Spark runs."""
    settings: dict[str, str] = {}
    if is_here(master):
        settings |= {"spark.driver.host": LOOPBACK, "spark.driver.bindAddress": LOOPBACK}
    if is_local(master):
        settings["spark.executorEnv.PYTHONPATH"] = str(ROOT)  # the folder itself: no zip to make, its bytecode cached
        settings["spark.python.daemon.module"] = "common.spark.daemon"
        settings |= {f"spark.executorEnv.{name}": value for name, value in _KEPT_MEMORY.items()}
    elif is_here(master) and archive_options():
        settings["spark.executor.extraJavaOptions"] = shlex.join(archive_options())
    return settings


def _fill(conf: SparkConf, defaults: Mapping[str, str], wishes: Mapping[str, str], launched: bool) -> None:
    for name, value in defaults.items():
        conf.setIfMissing(name, value)
    for name, value in wishes.items():
        conf.set(name, value)
    if not launched:
        options = "spark.driver.extraJavaOptions"
        conf.set(options, f"{shlex.join(java_options())} {conf.get(options, '')}".strip())


def _release_accumulators(context: SparkContext) -> None:
    """Ends the context's accumulator server without waiting for it: `stop` would, for a second, at the end of every run."""
    server = getattr(context, "_accumulatorServer", None)
    if server is not None:
        context._accumulatorServer = None  # type: ignore[assignment]
        server.server_shutdown = True
        threading.Thread(target=server.shutdown, daemon=True).start()
