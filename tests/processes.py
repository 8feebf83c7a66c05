"""Processes that tests start: waiting for them to come to a point, and what they print on a machine of any speed."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROGRESS = re.compile(r"^.*: [\d,]+ of [\d,]+ tasks, \d+ s\n", re.MULTILINE)
_HANGS = 300  # s, after which a process is taken to hang


def wait_for(signs: list[Path], process: subprocess.Popen[str]) -> None:
    """Waits until the process has made all these files; it is an error if it ends before."""
    end = time.monotonic() + _HANGS
    while not all(each.exists() for each in signs):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


@contextmanager
def kept_signals() -> Iterator[None]:
    """Restores the signals that a run leaves ignored because its process is to end."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, answer in before.items():
            signal.signal(number, answer)


def without_progress(text: str) -> str:
    """What was printed, but for the lines by which a stage that takes long says how far it is.

    >>> without_progress("Reading: 1 of 1,200 tasks, 10 s\\n[1]\\n")
    '[1]\\n'
    """
    return _PROGRESS.sub("", text)
