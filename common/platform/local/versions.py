"""The versions of one database: every publish makes a new one beside the old, and one rename of a link makes it current.

    databases/<unique name>                           link to the current version
    databases/.versions/<unique name>/lock            held by the one that publishes
    databases/.versions/<unique name>/000002-job-…/   a version: a folder per table, and its history

A version's unchanged files are hard links to those of the version before. A Parquet file is never written twice and never
takes the name of an earlier one, so a reader that listed a table before a publish finds what it listed, or nothing; never
other rows under the same name.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO

from common.errors import AppError, Rule
from common.platform import TableChange
from common.platform.local import disk

_HISTORY = ".history.json"
_VERSION = re.compile(r"[0-9]{6,18}-job-[0-9A-Za-z]{24}")


class DatabaseVersions:
    """A database's versions as one job or one request sees them: pinned, it stays at the version that was then current."""

    def __init__(self, databases: Path, unique_name: str) -> None:
        self.unique_name = unique_name
        self._databases = databases
        self.folder = databases / ".versions" / unique_name
        self._current = databases / unique_name
        self._lock = self.folder / "lock"
        self._pinned: str | None = None
        self._pin: IO[bytes] | None = None

    def current(self) -> str | None:
        """The version that readers by path see; None before the first publish. Raises `AppError` 91 if the link leads to none."""
        try:
            target = str(self._current.readlink())
        except FileNotFoundError:
            return None
        except OSError:
            raise disk.refuse(self._current, "is not a link to a version of the database") from None
        version = target.rpartition("/")[2]
        if not _VERSION.fullmatch(version) or target != f".versions/{self.unique_name}/{version}":
            raise disk.refuse(self._current, f"links to {target}, which is not a version of the database")
        disk.check_own(self._databases, self.path(version))
        return version

    @property
    def seen(self) -> str | None:
        """The pinned version, or the current one while none is pinned."""
        return self._pinned or self.current()

    def path(self, version: str) -> Path:
        """The folder of a version."""
        return self.folder / version

    def history(self) -> frozenset[str]:
        """All versions that were ever current, up to the current one; empty if someone removed the folder by hand."""
        while (version := self.current()) is not None:
            try:
                return self._read_history(version)
            except FileNotFoundError:
                if self.current() == version:
                    break
        return frozenset()

    def _read_history(self, version: str) -> frozenset[str]:
        path = self.path(version) / _HISTORY
        value = disk.read_json(path)
        if not isinstance(value, list) or not all(isinstance(each, str) and _VERSION.fullmatch(each) for each in value):
            raise disk.refuse(path, "is not a list of versions")
        return frozenset(value)

    def tables(self) -> list[str]:
        """Names of the tables of the version seen. Raises `AppError` 91 if one is a link."""
        if (version := self.seen) is None:
            return []
        folders = sorted(each for each in self.path(version).iterdir() if each.is_dir())
        for each in folders:
            disk.check_own(self._databases, each)
        return [each.name for each in folders]

    def table_files(self, table: str) -> list[str]:
        """Paths of a table's Parquet files in the version seen, relative to the table's folder, sorted; none if there is no table of
        this name. Raises `AppError` 91 if one is not a plain file."""
        if table not in self.tables():
            return []
        return sorted(_list_files(self.path(self.seen or "") / table))

    def pin(self) -> None:
        """Stays at the current version, and keeps other jobs from pruning it while this process lives."""
        while self._pin is None and (version := self.current()) is not None:
            history = self.path(version) / _HISTORY
            try:
                pin = disk.hold_shared(history)
            except FileNotFoundError:
                if self.current() == version:
                    text = f"the files of database {self.unique_name} are gone"
                    raise AppError(Rule.NOT_FOUND, text, "Restore the project's folder.") from None
                continue
            if history.exists():  # else it was pruned while we waited for the lock
                self._pinned, self._pin = version, pin

    def _unpin(self) -> None:
        if self._pin is not None:
            self._pin.close()
        self._pinned = self._pin = None

    @contextmanager
    def publishing(self) -> Iterator[None]:
        """Lets one process at a time publish. Raises `AppError` 82 if the pinned version is no longer the current one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with disk.locked(self._lock):
            if self.current() != self._pinned:
                text = f"another job changed database {self.unique_name} while this one ran; nothing was published"
                raise AppError(Rule.TABLE_DIFFERS, text, "Run this job again: it will then see the other job's tables.")
            yield

    def next_name(self, job_id: str) -> str:
        """The name of the version that this job would publish on top of the pinned one."""
        number = int(self._pinned.split("-")[0]) if self._pinned else 0
        return f"{number + 1:06d}-{job_id}"

    def check(self, changes: Sequence[TableChange]) -> None:
        """Raises `AppError` 81 for a new table that is there already, ValueError if a file would take an old file's name."""
        present = set(self.tables())
        if existing := [change.table for change in changes if change.mode == "new" and change.table in present]:
            raise AppError(Rule.TABLE_EXISTS, f"database {self.unique_name} already has table {', '.join(existing)}")
        for change in changes:
            if clash := set(change.files) & set(self.table_files(change.table)):
                raise ValueError(f"table {change.table} already has a file {min(clash)}")

    def build(self, version: str, changes: Sequence[TableChange], staged: Path) -> None:
        """Makes the folder of a new version out of the pinned one and the staged files, which are moved."""
        target = self.path(version)
        target.mkdir()
        replaced = {change.table for change in changes if change.mode in ("overwrite", "replace", "remove")}
        if self._pinned:
            for table in set(self.tables()) - replaced:
                _link_table(self.path(self._pinned) / table, target / table, self.table_files(table))
        moved = [
            _move(staged / change.table, target / change.table, file) for change in changes for file in change.files
        ]
        for change in changes:
            if change.mode != "remove":
                (target / change.table).mkdir(exist_ok=True)
        history = target / _HISTORY
        history.write_text(json.dumps(sorted({*self.history(), version})), encoding="utf-8")
        # Synced last and together: the file system then writes its journal once, not once per file.
        for path in (*moved, history, *(each for each in target.rglob("*") if each.is_dir()), target, self.folder):
            disk.sync(path)

    def commit(self, version: str, drafts: Path) -> None:
        """Makes a version current, by one rename: the instant at which all of a publish becomes visible."""
        link = drafts / "current"
        link.unlink(missing_ok=True)
        link.symlink_to(Path(".versions") / self.unique_name / version)
        link.replace(self._current)
        disk.sync(self._current.parent)

    def move_on(self) -> None:
        """After a commit: sees the new version, and prunes."""
        self._unpin()
        self.pin()
        self._prune()

    def _prune(self) -> None:
        """Removes all versions but the current one, the one before (readers may have listed it) and those that a job has
        pinned. The caller holds the lock."""
        kept = sorted(self.history())[-2:]
        for folder in self.folder.iterdir():
            if _VERSION.fullmatch(folder.name) and folder.name not in kept:
                self._remove(folder.name)

    def _remove(self, version: str) -> None:
        disk.check_own(self._databases, self.path(version))
        if not (self.path(version) / _HISTORY).exists():  # so that no job can have pinned it
            disk.remove(self._databases, self.folder / version)
        else:
            with suppress(FileNotFoundError), disk.hold_if_free(self.path(version) / _HISTORY) or nullcontext() as free:
                if free:
                    disk.remove(self._databases, self.folder / version)

    def sweep(self, version: str) -> None:
        """Removes what a killed job left of the version that it was about to publish, committed or not."""
        disk.check_own(self._databases, self.folder)
        if version not in self.history():
            self._remove(version)
        if self.current() is None:
            if self.folder.is_dir() and not any(each.is_dir() for each in self.folder.iterdir()):
                disk.remove(self._databases, self.folder)
            return
        with suppress(FileNotFoundError), disk.hold_if_free(self._lock) or nullcontext() as free:
            if free:  # else the one that publishes prunes
                self._prune()


def _move(source: Path, target: Path, file: str) -> Path:
    place = target / file
    place.parent.mkdir(parents=True, exist_ok=True)
    return (source / file).rename(place)


def _link_table(source: Path, target: Path, files: Sequence[str]) -> None:
    target.mkdir()
    for file in files:
        place = target / file
        place.parent.mkdir(parents=True, exist_ok=True)
        disk.link_or_copy(source / file, place)


def _list_files(table: Path) -> Iterator[str]:
    """The Parquet files below a table's folder, relative to it."""
    folders = [table]
    while folders:
        with os.scandir(folders.pop()) as found:
            for each in found:
                path = Path(each.path)
                if each.is_dir(follow_symlinks=False):
                    folders.append(path)
                elif not each.is_file(follow_symlinks=False):
                    raise disk.refuse(path, "is not a plain file")
                elif path.suffix == ".parquet":
                    yield str(path.relative_to(table))
