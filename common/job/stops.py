"""Signals that ask a run to stop. The first is raised where the run is; none disturbs a run whose outcome is settled."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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


def ignore_stops() -> None:
    """Ignores signals from here to the end of the process, which is near: it has its exit status."""
    _answer(signal.SIG_IGN)


def _answer(answer: Any) -> None:
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, answer)
