"""The columns of a data dictionary and of an entity dictionary: the attribute that holds the value of each, and its notation.

The fields and entities of a descriptor have keys of the same names. Files and descriptors are read and written by these
tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from common.dictionary.model import Entity, Field

_FLAGS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}


@dataclass(frozen=True, slots=True)
class Notation:
    """How a value is written in a cell and in JSON. `parse` returns None for a cell that it cannot read."""

    parse: Callable[[str], Any] = str
    write: Callable[[Any], str] = str
    to_json: Callable[[Any], Any] = lambda value: value or None
    from_json: Callable[[Any], Any] = lambda value: value or ""


@dataclass(frozen=True, slots=True)
class DictionaryColumn:
    """A column of a dictionary, and the attribute of `Field` or `Entity` that holds its value."""

    name: str
    attribute: str
    notation: Notation

    def write_cell(self, of: Field | Entity) -> str:
        return self.notation.write(getattr(of, self.attribute))

    def write_json(self, of: Field | Entity) -> Any:
        return self.notation.to_json(getattr(of, self.attribute))


def parse_flag(cell: str) -> bool | None:
    """A flag; None if the cell is neither yes nor no.

    >>> [parse_flag(cell) for cell in ("yes", " TRUE ", "0", "", "maybe")]
    [True, True, False, False, None]
    """
    return _FLAGS.get(cell.strip().casefold())


def parse_folder_path(cell: str) -> tuple[str, ...]:
    """The folders that a field is shown in, the outermost first.

    >>> parse_folder_path("Demographics > Basic >")
    ('Demographics', 'Basic')
    """
    return tuple(folder for part in cell.split(">") if (folder := part.strip()))


def write_type(field_type: str) -> str:
    """A field type as JSON. Types that only assays have, such as boolean, stay as they are.

    >>> [write_type(each) for each in ("float", "integer", "boolean")]
    ['double', 'integer', 'boolean']
    """
    return "double" if field_type == "float" else field_type


def parse_type(written: Any) -> str:
    """The field type that JSON stands for."""
    return "float" if written == "double" else str(written)


_TEXT, _NAME = Notation(), Notation(str.strip)
_TYPE = Notation(str.strip, to_json=write_type, from_json=parse_type)
_FLAG = Notation(parse_flag, {True: "yes", False: ""}.__getitem__, bool, bool)
_FOLDERS = Notation(parse_folder_path, " > ".join, list, lambda value: tuple(value or ()))
_TARGET = Notation(str.strip, lambda reference: f"{reference.entity}:{reference.field}" if reference else "")
_RELATIONSHIP = Notation(str.strip, lambda reference: reference.relationship if reference else "")

FIELD_COLUMNS = (
    DictionaryColumn("entity", "entity", _NAME),
    DictionaryColumn("name", "name", _NAME),
    DictionaryColumn("type", "type", _TYPE),
    DictionaryColumn("primary_key_type", "primary_key_type", _NAME),
    DictionaryColumn("coding_name", "coding_name", _NAME),
    DictionaryColumn("concept", "concept", _TEXT),
    DictionaryColumn("description", "description", _TEXT),
    DictionaryColumn("folder_path", "folder_path", _FOLDERS),
    DictionaryColumn("is_multi_select", "is_multi_select", _FLAG),
    DictionaryColumn("is_sparse_coding", "is_sparse_coding", _FLAG),
    DictionaryColumn("linkout", "linkout", _TEXT),
    DictionaryColumn("longitudinal_axis_type", "longitudinal_axis_type", _TEXT),
    DictionaryColumn("referenced_entity_field", "reference", _TARGET),
    DictionaryColumn("relationship", "reference", _RELATIONSHIP),
    DictionaryColumn("title", "title", _TEXT),
    DictionaryColumn("units", "units", _TEXT),
)
"""The columns of a data dictionary in the order in which `dx extract_dataset -ddd` writes them. The first four are mandatory."""

ENTITY_COLUMNS = (
    DictionaryColumn("entity", "name", _NAME),
    DictionaryColumn("entity_title", "title", _TEXT),
    DictionaryColumn("entity_description", "description", _TEXT),
    DictionaryColumn("entity_label_plural", "label_plural", _TEXT),
    DictionaryColumn("entity_label_singular", "label_singular", _TEXT),
)
"""The columns of an entity dictionary in the order in which `dx extract_dataset -ddd` writes them. The first is mandatory."""
