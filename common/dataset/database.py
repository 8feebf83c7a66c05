"""A database and how it is named, and the links by which records and job files hold objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Link = dict[str, Any]
"""`{"$dnanexus_link": "<id>"}`, as job files hold objects."""


@dataclass(frozen=True, slots=True)
class Database:
    """A database. `unique_name` is `database_<24 characters, lower case>__<name>`; `is_new` until its first publish. A draft has
    neither id nor unique name: staging makes the database."""

    id: str
    name: str
    unique_name: str
    is_new: bool = False

    def to_json(self) -> dict[str, str | None]:
        """What a report says of it; null for what a draft does not have."""
        return {"id": self.id or None, "name": self.name, "unique_name": self.unique_name or None}


def link(object_id: str) -> Link:
    """The form in which job files and details hold an object."""
    return {"$dnanexus_link": object_id}


def unique_database_name(database_id: str, name: str) -> str:
    """`database_<24 lower-case characters>__<name>`, the name that SQL and descriptors use."""
    return f"{database_id.replace('-', '_').lower()}__{name}"
