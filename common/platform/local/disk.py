"""The few file operations that a local project is made of: each is atomic, or harmless if it is cut short.

What has been synced survives a power cut, not only the death of the process.

A project's own files are not trusted: someone else may have made them, or change them now. So no operation follows a link that
stands in a project, reads what is not a plain file, or removes anything but what lies below the project's folder.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from common.errors import AppError, Rule
from common.json_text import FEW_LEVELS, JsonError, parse_json

_NO_HARD_LINKS = {errno.EPERM, errno.EXDEV, errno.EMLINK, errno.EOPNOTSUPP, errno.EACCES}
_LARGEST_JSON = 256 << 20


def refuse(path: Path, what: str) -> AppError:
    """The refusal of a file or folder of a project that no job of ours made like this."""
    return AppError(
        Rule.NOT_FOUND, f"{path} {what}", "Restore the project's folder from a copy, or remove what was put there."
    )


def check_own(root: Path, path: Path) -> None:
    """Raises `AppError` 91 if `path` is not below `root`, or a link stands at it or on the way from there."""
    if root not in path.parents or ".." in path.parts:
        raise refuse(path, f"is outside {root}")
    for place in (path, *path.parents):
        if place == root:
            return
        if place.is_symlink():
            raise refuse(place, "is a link, and a project's own files and folders are not links")


def open_own(path: Path, flags: int) -> int:
    """A handle of a plain file that is not a link. Raises `AppError` 91 for anything else, FileNotFoundError if it is not there."""
    try:
        handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            raise
    else:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            return handle
        os.close(handle)
    raise refuse(path, "is not a plain file")


def read_json(path: Path) -> Any:
    """The value in a JSON file of the project. Raises `AppError` 91 if it is damaged, FileNotFoundError if it is not there."""
    with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
        if os.fstat(file.fileno()).st_size > _LARGEST_JSON:
            raise refuse(path, f"is larger than {_LARGEST_JSON >> 20} MiB")
        content = file.read()
    try:
        return parse_json(content, 2 * FEW_LEVELS)
    except JsonError as error:
        raise refuse(path, f"is not JSON: {error}") from None


def new_file(path: Path) -> IO[bytes]:
    """A file that is not there yet, to write to. Raises FileExistsError."""
    return os.fdopen(open_own(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb")


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
    draft.unlink(missing_ok=True)  # never written through: it may be another name of a file elsewhere
    try:
        with new_file(draft) as file:
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
    with source.open("rb") as file, new_file(target) as copy:
        shutil.copyfileobj(file, copy, 1 << 20)
    sync(target)


def link_or_copy(source: Path, target: Path) -> None:
    """A second name for a file that is never written again; a copy where the file system has no hard links or no more."""
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        copy_in(source, target)


def remove(root: Path, path: Path) -> None:
    """Removes what is at `path`, below `root`: a folder with what is in it, or a file, or a link itself. It is found by the handles
    of the folders on the way, so a link put there at any instant does not lead elsewhere. No-op if it is not there, and while
    another process removes it. Raises `AppError` 91 at a link on the way."""
    with suppress(FileNotFoundError), _parent(root, path) as parent:
        if stat.S_ISDIR(os.stat(path.name, dir_fd=parent, follow_symlinks=False).st_mode):
            shutil.rmtree(path.name, ignore_errors=True, dir_fd=parent)
        else:
            os.unlink(path.name, dir_fd=parent)


@contextmanager
def _parent(root: Path, path: Path) -> Iterator[int]:
    if root not in path.parents or ".." in path.parts:
        raise refuse(path, f"is outside {root}")
    handle = os.open(root, os.O_PATH | os.O_DIRECTORY)
    try:
        for name in path.relative_to(root).parts[:-1]:
            inner = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=handle)
            os.close(handle)
            handle = inner
        yield handle
    except NotADirectoryError:
        raise refuse(path.parent, "is reached through a link or a file") from None
    finally:
        os.close(handle)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock of this file, waiting for it. The kernel lets go of it when the process ends, however it ends."""
    with _lock_file(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _lock_file(path: Path) -> IO[bytes]:
    return os.fdopen(open_own(path, os.O_RDWR | os.O_CREAT), "r+b", buffering=0)


def hold_shared(path: Path) -> IO[bytes]:
    """Holds a lock that others may share, until the file that is returned is closed."""
    file: IO[bytes] = os.fdopen(open_own(path, os.O_RDONLY), "rb")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def hold_if_free(path: Path) -> IO[bytes] | None:
    """The lock of this file, which is made if need be, held until what is returned is closed; None if it is not free."""
    file = _lock_file(path)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
