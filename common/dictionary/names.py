"""The rules for names of entities and fields: their form, reserved words, names that tables need, and case."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache

from common.dictionary.fields import field_place
from common.dictionary.model import DataDictionary, Entity
from common.errors import Rule
from common.faults import Faults, Place
from resources import resource

CODINGS_TABLE = "dx_codings"
HIERARCHY_SUFFIX = "_hierarchy"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,254}")
LONGEST_SPLIT = 250
"""Characters of the name of an entity that is cut into tables: the parts' names have five more."""

_PART = re.compile(r"(.+)_[0-9]{4}")


@cache
def stopwords() -> frozenset[str]:
    """The reserved words of Spark SQL's ANSI mode, upper case, as frozen with the suite."""
    return frozenset(json.loads(resource("stopwords.json").read_text(encoding="utf-8"))["words"])


def is_split(entity: Entity, max_columns: int) -> bool:
    """Whether the entity has more fields than `max_columns`, and so becomes several tables, `<entity>_0001` and on."""
    return len(entity.fields) > max_columns


def validate_names(dictionary: DataDictionary, max_columns: int, file: str, faults: Faults) -> None:
    """Adds faults 20 (entity name), 25 (field name) and 21 (names that differ only in case), once per entity and field."""
    split = {name.casefold() for name, entity in dictionary.entities.items() if is_split(entity, max_columns)}
    for entity in dictionary.entities.values():
        found = name_problem(entity.name) or _taken_by_layout(entity.name, split)
        if not found and entity.name.casefold() in split and len(entity.name) > LONGEST_SPLIT:
            found = f"the entity is cut into tables, whose names would be longer than 255; it may have {LONGEST_SPLIT} characters"
        if found:
            faults.add(Rule.ENTITY_NAME, found, Place(file, entity.fields[0].line, entity.name), value=entity.name)
        taken = companion_names(dictionary, entity)
        for field in entity.fields:
            problem = name_problem(field.name)
            if not problem and (tree := taken.get(field.name.casefold())):
                problem = f"the name is taken by the companion column of the hierarchical field {tree}"
            if problem:
                faults.add(Rule.FIELD_NAME, problem, field_place(file, field), value=field.name)
    _validate_case(dictionary, file, faults)


def companion_names(dictionary: DataDictionary, entity: Entity) -> dict[str, str]:
    """The folded name of each companion column of an entity, with the name of its hierarchical field."""
    fields = (field.name for field in entity.fields if dictionary.is_hierarchical(field))
    return {f"{name}{HIERARCHY_SUFFIX}".casefold(): name for name in fields}


def name_problem(name: str) -> str | None:
    """Why an entity or field cannot have this name; None if it can.

    >>> [name_problem(name) for name in ("age", "2nd", "Order")]
    [None, 'the name is not a letter followed by letters, digits and underscores', 'ORDER is a reserved word of SQL']
    """
    if not name:
        return "the name is blank"
    if len(name) > 255:
        return f"the name has {len(name)} characters, more than 255"
    if not NAME.fullmatch(name):
        return "the name is not a letter followed by letters, digits and underscores"
    if name.upper() in stopwords():
        return f"{name.upper()} is a reserved word of SQL"
    return None


def _taken_by_layout(name: str, split: Iterable[str]) -> str | None:
    if name.casefold() == CODINGS_TABLE:
        return f"{CODINGS_TABLE} is the table of the codings"
    part = _PART.fullmatch(name.casefold())
    if part and part[1] in split:
        return f"the name is taken by a part of the entity {part[1]}, which has more than max_columns fields"
    return None


def _validate_case(dictionary: DataDictionary, file: str, faults: Faults) -> None:
    entities: dict[str, str] = {}
    for entity in dictionary.entities.values():
        first = entities.setdefault(entity.name.casefold(), entity.name)
        if first != entity.name:
            faults.add(
                Rule.CASE_CLASH,
                f"the entity differs from {first} only in case",
                Place(file, entity.fields[0].line, entity.name),
                value=entity.name,
            )
        fields: dict[str, str] = {}
        for field in entity.fields:
            first = fields.setdefault(field.name.casefold(), field.name)
            if first != field.name:
                text = f"the field differs from {first} only in case"
                faults.add(Rule.CASE_CLASH, text, field_place(file, field), value=field.name)
