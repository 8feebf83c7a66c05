"""Where objects live. `Platform` is what an app may ask; `local.LocalProject` and `dx.DxPlatform` answer.

A load stages its tables with `Platform.stage`, writes Parquet files below the staged folders from tasks, and ends with one
`Staging.publish`. The publish is the commit: before it, nothing that a reader can see has changed; after it, everything has.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from common.dataset.database import Database, Link
from common.platform.names import parse_file_name, parse_table_name


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file given to an app: its name as the user knows it, and a path or URI that any node can read."""

    name: str
    path: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A Dataset record: what `describe` answers, with `details`, and its descriptor once read."""

    id: str
    name: str
    details: Mapping[str, Any]


ChangeMode = Literal["new", "append", "overwrite", "replace", "remove"]
"""`replace` overwrites a table by one with the same columns that keeps some of the old rows. A reader gets all old rows or
all new ones, even if the job is killed."""


@dataclass(frozen=True, slots=True)
class TableChange:
    """What a publish does to one table: the staged files that successful tasks returned, relative to the staged table folder.

    A file may lie below partition folders (`chr=1/bin=0/part-….parquet`). Staged files that are not listed are left behind. A
    table to remove has none.
    """

    table: str
    mode: ChangeMode
    files: Sequence[str]


@dataclass(frozen=True, slots=True)
class RecordDraft:
    """A Dataset record about to be made: `descriptor` is the JSON object that becomes its gzipped descriptor file."""

    name: str
    descriptor: Mapping[str, Any]
    schema: str
    databases: Sequence[Database]
    description: str = ""


@dataclass(frozen=True, slots=True)
class Published:
    """Ids of what a publish made: the record if there was a draft, and one file id per uploaded file, by output name."""

    record: str | None
    files: Mapping[str, str]


class Staging(ABC):
    """A job's private place for tables, removed at the end; swept by the next run if the job was killed."""

    has_published = False
    """True from the commit on, whatever fails later."""
    doubt: str | None = None
    """What the user should know of a commit that could not be confirmed."""

    def __init__(self, database: Database | None) -> None:
        self._database = database

    @property
    def database(self) -> Database:
        """The database of the tables, with its id. Raises ValueError if there is none."""
        if self._database is None:
            raise ValueError("this staging was opened without a database")
        return self._database

    def table_folder(self, table: str) -> str:
        """Makes the folder where tasks on any node write the Parquet files of one table of the database."""
        return self._make_folder("tables", parse_table_name(table))

    def scratch_folder(self, name: str) -> str:
        """Makes a folder for what is never published: keys to check, faulty rows."""
        return self._make_folder("scratch", parse_file_name(name))

    @abstractmethod
    def _make_folder(self, kind: str, name: str) -> str: ...

    @abstractmethod
    def publish(
        self, tables: Sequence[TableChange], record: RecordDraft | None, files: Mapping[str, Path]
    ) -> Published:
        """Makes the tables, the record and the files (output name to a path on the driver) visible in one step.

        Raises `AppError` 80, 81 or 82 if the database changed since it was looked up.
        """

    @abstractmethod
    def close(self) -> None:
        """Removes what was staged and not published."""


class Platform(Protocol):
    """Objects by id, path or name, and the publishing of new ones. Every refusal is an `AppError`."""

    job_id: str

    def open_file(self, value: str | Link) -> InputFile:
        """A file by path, URI, id or link. Raises `AppError` 91 if there is none."""

    def find_record(self, value: str | Link) -> Record:
        """A record by id, link or name. Raises `AppError` 91 if there is none or several, 83 if it is not a Dataset v3.0."""

    def read_descriptor(self, record: Record) -> dict[str, Any]:
        """The Dataset descriptor of a record, as JSON."""

    def find_database(self, database_id: str) -> Database:
        """An existing database. Raises `AppError` 80 or 91."""

    def has_table(self, database: Database, table: str) -> bool:
        """Whether the database has a table of this name; does not copy its rows."""

    def table_files(self, database: Database, table: str) -> list[str]:
        """Paths or URIs of a table's Parquet files, sorted; empty if the database has no such table. Raises `AppError` 82 if the
        rows may not all be there: a job writes to it now, or was killed while it did."""

    def stage(self, database: Database | None) -> Staging:
        """Opens a staging place for this job, for tables of this database, which is made if it is a draft; None for a job that makes
        a record only. Raises `AppError` 80 if the platform has a database of a draft's name."""

    def close(self) -> None:
        """Removes what was made for the run and not published. The cluster still runs."""
