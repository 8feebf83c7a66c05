"""The few file operations that a local project is made of: each is atomic, or harmless if it is cut short.

What has been synced survives a power cut, not only the death of the process.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_NO_HARD_LINKS = {errno.EPERM, errno.EXDEV, errno.EMLINK, errno.EOPNOTSUPP, errno.EACCES}


def sync(path: Path) -> None:
    """Waits until a file's content, or a folder's list of names, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, content: bytes, drafts: Path) -> None:
    """Makes or replaces a file in one step; `drafts` is a folder of the same file system where half a file does no harm."""
    draft = drafts / "draft"
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync(path.parent)


def copy_in(source: Path, target: Path) -> None:
    """Copies a file to a place that no reader looks at yet."""
    shutil.copyfile(source, target)
    sync(target)


def link_or_copy(source: Path, target: Path) -> None:
    """A second name for a file that is never written again; a copy where the file system has no hard links or no more."""
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        shutil.copyfile(source, target)
        sync(target)


def remove_tree(folder: Path) -> None:
    """Removes a folder and what is in it, also while another process removes it."""
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock of this file, waiting for it. The kernel lets go of it when the process ends, however it ends."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def hold_shared(path: Path) -> IO[bytes]:
    """Holds a lock that others may share, until the file that is returned is closed."""
    file = path.open("rb")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def hold_if_free(path: Path) -> IO[bytes] | None:
    """The lock of this file, which is made if need be, held until what is returned is closed; None if it is not free."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
