"""Ids, links and names of objects: which are well formed, for every platform alike.

Every name that a user gives passes a function here before it reaches a path or a statement.
"""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import dataclass

from common.dataset.database import Database, Link
from common.errors import AppError, Rule

_ID_LENGTH = 24
_ID = re.compile(r"(?:project|record|file|database|job|applet)-[0-9A-Za-z]{24}")
_UNIQUE_NAME = re.compile(r"database_[0-9a-z]{24}__[a-z][a-z0-9_]{0,127}")
_DATABASE_NAME = re.compile(r"[a-z][a-z0-9_]{0,127}")  # 128 is the longest name that a Hive metastore takes
_TABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")  # 255 bytes is the longest name of a folder
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # and halves of characters
_LONGEST_FILE_NAME = 255  # bytes
_LONGEST_RECORD_NAME = 1024  # characters


@dataclass(frozen=True, slots=True)
class ObjectReference:
    """An object as a user refers to it; `project` is None where only the id was given."""

    id: str
    project: str | None = None


def new_id(kind: str) -> str:
    """A random id such as `record-` and 24 letters and digits.

    A database's id has no capitals, so that its unique name, which is lower case, leads back to it.
    """
    alphabet = string.digits + (string.ascii_lowercase if kind == "database" else string.ascii_letters)
    return f"{kind}-" + "".join(secrets.choice(alphabet) for _ in range(_ID_LENGTH))


def is_id(text: str, kind: str = "") -> bool:
    """Whether this is a well-formed id; of this kind if one is given."""
    return bool(_ID.fullmatch(text)) and text.startswith(f"{kind}-" if kind else "")


def parse_reference(value: str | Link) -> ObjectReference | None:
    """An id or a link, in either of its forms; None for any other text. Raises `AppError` 91 for a malformed link."""
    if isinstance(value, str):
        return ObjectReference(value) if is_id(value) else None
    target = value.get("$dnanexus_link") if isinstance(value, dict) else None
    if isinstance(target, dict):
        reference = ObjectReference(target.get("id", ""), target.get("project"))
    else:
        reference = ObjectReference(target if isinstance(target, str) else "")
    is_text = isinstance(reference.id, str) and isinstance(reference.project, str | None)
    if not is_text or not is_id(reference.id):
        raise AppError(
            Rule.NOT_FOUND, f"{str(value)[:200]} is not a link to an object", 'Write {"$dnanexus_link": "<id>"}.'
        )
    return reference


def check_database_id(text: str) -> None:
    """Raises `AppError` 80 for what is not a database id."""
    if not is_id(text, "database"):
        remedy = "A database id is database- and 24 characters."
        raise AppError(Rule.DATABASE, f"{text!r} is not a database id", remedy)


def draft_database(name: str) -> Database:
    """A database that a job is to make. Raises `AppError` 80 if the name is unfit."""
    return Database("", parse_database_name(name), "", is_new=True)


def is_database_name(text: str) -> bool:
    """Whether this is a well-formed unique name of a database."""
    return bool(_UNIQUE_NAME.fullmatch(text))


def parse_database_name(text: str) -> str:
    """A database's name, in lower case as the platform keeps it. Raises `AppError` 80."""
    name = text.lower()
    if not _DATABASE_NAME.fullmatch(name):
        remedy = (
            "Give a database_name that starts with a letter, of letters, digits and underscores, at most 128 of them."
        )
        raise AppError(Rule.DATABASE, f"{text[:200]!r} cannot be the name of a database", remedy)
    return name


def parse_table_name(text: str) -> str:
    """A table's name, fit for SQL and for a folder. Raises `AppError` 84."""
    if not _TABLE_NAME.fullmatch(text):
        remedy = "Start with a letter; use letters, digits and underscores only, at most 255 of them."
        raise AppError(Rule.OBJECT_NAME, f"{text[:200]!r} cannot be the name of a table", remedy)
    return text


def parse_record_name(text: str) -> str:
    """A record's name: one line of any characters. Raises `AppError` 84."""
    if not text.strip() or _CONTROL.search(text) or len(text) > _LONGEST_RECORD_NAME:
        remedy = f"Give a name of one line, not blank and of at most {_LONGEST_RECORD_NAME} characters."
        raise AppError(Rule.OBJECT_NAME, f"{text[:200]!r} cannot be the name of a record", remedy)
    return text


def parse_file_name(text: str, suffix: str = "") -> str:
    """The nearest name that a file can have in a folder of its own, with this suffix whole: `a/b` becomes `a_b`, `..` becomes `_`."""
    name = _CONTROL.sub("_", text).replace("/", "_")
    if name in {"", ".", ".."}:
        name = "_"
    return name.encode()[: _LONGEST_FILE_NAME - len(suffix)].decode("utf-8", "ignore") + suffix


def is_one_line(text: str) -> bool:
    """Whether a text can be shown as it is: it has no control character, line break or half of a character."""
    return not _CONTROL.search(text)
