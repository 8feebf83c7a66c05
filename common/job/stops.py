"""Signals that ask a run to stop. The first is raised where the run is; none disturbs a run whose outcome is settled."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_EVERY = 0.5  # s


class Stopped(KeyboardInterrupt):
    """A signal asked the run to stop. Libraries that leave Ctrl-C alone leave this alone too."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number
        """The exit status, as shells have it."""


def raise_stops(is_settled: Callable[[], bool]) -> None:
    """Has the first signal raise `Stopped` in the main thread, unless `is_settled` by then; later ones change nothing.

    A signal that this process was started to ignore stays ignored.
    """

    def answer(number: int, _frame: Any) -> None:
        if not is_settled():
            ignore_stops()
            raise Stopped(number)

    _answer(answer)


def stop_with_parent() -> None:
    """Stops this run as SIGTERM does once its parent has ended, which is Java under spark-submit."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_EVERY)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def ignore_stops() -> None:
    """Ignores signals from here to the end of the process, which is near: it has its exit status."""
    _answer(signal.SIG_IGN)


def _answer(answer: Any) -> None:
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, answer)
