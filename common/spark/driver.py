"""The Java of the driver: started with its output in a file, and ended with all that it started, whatever state it is in.

Under spark-submit it is this process's parent, and is neither started nor ended here.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from pyspark.java_gateway import launch_gateway

from common.spark import internals

if TYPE_CHECKING:
    from pyspark import SparkConf

_START = 120.0  # s, for Java to come up
_STOP = 5.0  # s, for Spark to stop before its Java is killed
_DYING = 10.0  # s, for a process that was killed to be gone
_LAST_LINES = 2


class DriverJava:
    """The Java of one Spark context. `folder` takes its output."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "java.log"
        self._others = set(psutil.Process().children())
        self._parent = os.getppid()

    def launch(self, conf: SparkConf) -> None:
        """Starts Java, if none runs. Raises pyspark's error if it does not come up."""
        if internals.gateway() is not None:
            return
        overdue = threading.Timer(_START, self._kill, [self._started])  # pyspark itself would wait for ever
        overdue.daemon = True
        overdue.start()
        try:
            with self._log.open("ab") as log:
                shown = {} if "LOADER_SPARK_LOG" in os.environ else {"stdout": log, "stderr": log}
                internals.connect(launch_gateway(conf, shown))  # type: ignore[no-untyped-call]  # pyspark gives it no types
        finally:
            overdue.cancel()

    def _last_words(self) -> str:
        """The last that Java said, as one line; blank if nothing."""
        with suppress(OSError):
            lines = map(str.strip, self._log.read_text(encoding="utf-8", errors="replace").splitlines())
            return " ".join([line for line in lines if line and not line.startswith(("at ", "..."))][-_LAST_LINES:])
        return ""

    def loss(self) -> str | None:
        """How Java ended, if it ended although nobody stopped it; None while it answers."""
        gateway = internals.gateway()
        if gateway is None:
            return self._last_words() or "its Java process ended as it came up; most often for want of memory"
        if _answers(gateway.gateway_parameters.address, gateway.gateway_parameters.port):
            return None
        status = None
        if gateway.proc is not None:
            with suppress(subprocess.TimeoutExpired):
                status = gateway.proc.wait(_DYING)
        if status is None:
            return "Spark's Java process ended"
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return ": ".join(filter(None, [f"Spark's Java process {how}", self._last_words()]))

    def stop(self, stop_spark: Callable[[], None], grace: float) -> None:
        """Stops Spark within seconds, gives Java `grace` seconds to end by itself, and kills what is left of it."""
        started = self._started()
        # In a thread of its own, which has its own connection: one that a signal cut would give the answers of earlier calls.
        stopping = threading.Thread(target=_quietly, args=(stop_spark,), daemon=True)
        stopping.start()
        stopping.join(_STOP)
        gateway = internals.gateway()
        if gateway is None or gateway.proc is not None:
            if gateway is not None and grace:
                gateway.proc.stdin.close()
                with suppress(subprocess.TimeoutExpired):
                    gateway.proc.wait(grace)
            self._kill(lambda: started | self._started())
            internals.disconnect()
            if gateway is not None:
                gateway.proc.wait(_DYING)

    def _started(self) -> set[psutil.Process]:
        """Java and all that it started, workers too."""
        return {
            each
            for child in psutil.Process().children()
            if child not in self._others
            for each in [child, *child.children(recursive=True)]
        }

    @staticmethod
    def _kill(find: Callable[[], set[psutil.Process]]) -> None:
        processes = list(find())
        for process in processes:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(processes, _DYING)


def _answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), 5).close()
    except OSError:
        return False
    return True


def _quietly(call: Callable[[], None]) -> None:
    with suppress(Exception):
        call()
