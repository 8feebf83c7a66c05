"""The project that a command reads. Only jobs make a missing project: a reader that did so would hide a typo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.dataset.database import Database
from common.errors import AppError, Rule

if TYPE_CHECKING:
    from common.platform.local import LocalProject


def open_project(path: str) -> LocalProject:
    """The project in an existing folder. Raises `AppError` 91 if there is none."""
    from common.platform.local import LocalProject
    from common.platform.local.store import project_folder

    if not (project_folder(path) / "objects").is_dir():
        raise AppError(Rule.NOT_FOUND, f"there is no project in {path!r}", "Give the project's folder with --project.")
    return LocalProject(path)


def database_files(project: LocalProject, database: Database) -> tuple[Database, dict[str, list[str]]]:
    """A database with the files of its tables, pinned at the current version, so that a publish does not remove them."""
    pinned = project.find_database(database.id)
    return pinned, {table: project.table_files(pinned, table) for table in project.tables(pinned)}
