"""Spark's private interfaces: all that the suite uses of them, so that a new release of Spark is checked in one place."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from pyspark import SparkContext

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def gateway() -> Any | None:
    """The connection to Java; None if there is none."""
    return SparkContext._gateway


def connect(new: Any = None) -> None:
    """Connects pyspark to the Java of a new gateway; by default, to the one that spark-submit started."""
    SparkContext._ensure_initialized(gateway=new)


def disconnect() -> None:
    """Makes pyspark forget its Java, so that the next context starts another."""
    SparkContext._gateway = SparkContext._jvm = SparkContext._active_spark_context = None


def silence_accumulators(context: SparkContext) -> None:
    """Keeps the accumulator server from printing a trace when Java is killed. The stage that waits for Java reports it."""
    context._accumulatorServer.handle_error = lambda *_: None  # type: ignore[method-assign]  # silences its trace


def release_accumulators(context: SparkContext) -> None:
    """Ends the accumulator server without waiting for it: `SparkContext.stop` would wait for up to a second."""
    server = getattr(context, "_accumulatorServer", None)
    if server is not None:
        context._accumulatorServer = None  # type: ignore[assignment]  # as `stop` leaves it
        server.server_shutdown = True
        threading.Thread(target=server.shutdown, daemon=True).start()


def jvm(session: SparkSession) -> Any:
    """The classes of Java, by their dotted names as attributes."""
    return session._jvm


def session_state(session: SparkSession) -> Any:
    """The parser and the catalogue of a session."""
    return session._jsparkSession.sessionState()


def hadoop_folder(session: SparkSession, folder: str) -> tuple[Any, Any]:
    """Hadoop's file system that holds a folder, and the folder's path there."""
    path = jvm(session).org.apache.hadoop.fs.Path(folder)
    return path.getFileSystem(session.sparkContext._jsc.hadoopConfiguration()), path
