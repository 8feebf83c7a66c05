"""The project that a command reads. A job makes its project if it is missing; a reader that did so would hide a typing slip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import AppError
from common.platform import Database

if TYPE_CHECKING:
    from common.platform.local import LocalProject


def open_project(path: str) -> LocalProject:
    """The project in an existing folder. Raises `AppError` 91 if there is none."""
    from common.platform.local import LocalProject

    if not Path(path, "objects").is_dir():
        raise AppError(91, f"there is no project in {path!r}", "Give the project's folder with --project.")
    return LocalProject(path)


def table_folders(project: LocalProject, database: Database) -> tuple[Database, dict[str, str]]:
    """A database with the folders of its tables, held at the version that is now current: a publish moves nothing below it."""
    pinned = project.find_database(database.id)
    folders = {}
    for table in project.tables(pinned):
        files = project.table_files(pinned, table)
        if files:  # Spark cannot tell the columns of a table without a file
            folders[table] = files[0].rpartition(f"/{table}/")[0] + f"/{table}"
    return pinned, folders
