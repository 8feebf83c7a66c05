"""Loads into a project, and what a reader then sees of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from common.dataset.database import Database, unique_database_name
from common.platform import Published, RecordDraft, TableChange
from common.platform.local import LocalProject
from common.platform.names import new_id

State = dict[str, object]
EMPTY_DESCRIPTOR = {
    "model": {"global_primary_key": {"entity": "e", "field": "id"}, "entities": {}},
    "join_info": [],
    "assays": [],
}
"""The least that is a descriptor's form."""

Tables = Mapping[tuple[str, str], Mapping[str, str]]
"""Contents by file name, by (table, mode)."""


def new_database(name: str) -> Database:
    """A database that the next publish makes."""
    database_id = new_id("database")
    return Database(database_id, name, unique_database_name(database_id, name), is_new=True)


def publish_tables(
    project: LocalProject,
    database: Database | None,
    tables: Tables,
    record: str | None = None,
    files: Mapping[str, Path] | None = None,
) -> Published:
    """One job's load, from staging to publish."""
    staging = project.stage(database)
    try:
        for (table, _), contents in tables.items():
            for name, text in contents.items():
                path = Path(staging.table_folder(table)) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        changes = [TableChange(table, mode, list(contents)) for (table, mode), contents in tables.items()]
        draft = record and RecordDraft(
            record, {"name": record, **EMPTY_DESCRIPTOR}, "ds-x", [staging.database] if database else []
        )
        return staging.publish(changes, draft or None, files or {})
    finally:
        staging.close()


def read_state(root: Path) -> State:
    """All that a reader sees: tables with their contents by path, and objects by class and name."""
    project = LocalProject(root)
    tables: dict[str, dict[str, str]] = {}
    for database in project.databases():
        for table in project.tables(database):
            folder = root / "databases" / database.unique_name / table
            by_path = {str(f.relative_to(folder)): f.read_text() for f in sorted(folder.rglob("*.parquet"))}
            assert [Path(f).name for f in project.table_files(database, table)] == [Path(f).name for f in by_path]
            tables[f"{database.name}.{table}"] = by_path
    links = {each.name for each in (root / "databases").iterdir() if not each.name.startswith(".")}
    assert links == {each.unique_name for each in project.databases()}
    objects = project.find_objects()
    for each in objects:
        assert project.describe(each["id"]) == each
        if each["class"] == "file":
            assert project.file_path(each["id"]).stat().st_size == each["size"]
        if each["class"] == "record":
            assert project.read_descriptor(project.find_record(each["id"])) == {
                "name": each["name"],
                **EMPTY_DESCRIPTOR,
            }
    return {"tables": tables, "objects": sorted((each["class"], each["name"]) for each in objects)}


def assert_swept(root: Path) -> None:
    """Nothing lies in the project that a reader does not see, but for one older version of each database."""
    project = LocalProject(root)
    assert [each.name for each in (root / ".staged").iterdir()] == ["lock"]
    ids = {each["id"] for each in project.find_objects()}
    assert {each.name for each in (root / "objects").iterdir()} == {f"{each}.json" for each in ids}
    assert {each.name for each in (root / "files").iterdir()} == {each for each in ids if each.startswith("file-")}
    versions = root / "databases" / ".versions"
    if versions.exists():
        assert {each.name for each in versions.iterdir()} == {each.unique_name for each in project.databases()}
        for each in versions.iterdir():
            assert len([folder for folder in each.iterdir() if folder.is_dir()]) <= 2
