"""The folder of one run for what Spark, Java and workers put on this machine's disk.

It goes when the run ends. A run that was killed leaves it, unlocked, and the next run removes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "loader-spark-"
_TRIES = 10


class Scratch:
    """A new folder among the temporary files. This process holds its lock, and the kernel frees the lock when it ends."""

    def __init__(self) -> None:
        sweep(Path(tempfile.gettempdir()))
        for _ in range(_TRIES):  # the sweep of another run may meet it before it is locked
            # It removes itself at exit, too, where nobody does before.
            self._folder = tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True)
            self.path = Path(self._folder.name)
            self._lock = _try_lock(self.path)
            if self._lock is not None:
                return  # else this file system has no locks, so that nobody sweeps either

    @contextmanager
    def as_temporary(self) -> Iterator[None]:
        """Has this process, and those that it starts, make temporary files here."""
        before = tempfile.tempdir, os.environ.get("TMPDIR")
        tempfile.tempdir = os.environ["TMPDIR"] = str(self.path)
        try:
            yield
        finally:
            tempfile.tempdir = before[0]
            os.environ.pop("TMPDIR")
            os.environ.update({"TMPDIR": before[1]} if before[1] is not None else {})

    def remove(self) -> None:
        """Removes the folder with all that is in it."""
        self._folder.cleanup()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def sweep(place: Path) -> None:
    """Removes the folders that killed runs of this user left."""
    for folder in place.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if folder.lstat().st_uid == os.getuid() and (lock := _try_lock(folder)) is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def _try_lock(folder: Path) -> int | None:
    """The lock of a folder, held until it is closed; None if another process holds it, or removed the folder."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock), folder.stat()):
            return lock
    except OSError:
        pass
    os.close(lock)
    return None
