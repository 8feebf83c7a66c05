"""Names of entities and fields: form, reserved words, what the layout of a database takes, and clashes but for case."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache

from common.dictionary.fields import field_place
from common.dictionary.model import DataDictionary, Entity
from common.faults import Faults
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
    """Whether the entity is cut into tables `<entity>_0001`, …: it has more fields, its key included, than
    `max_columns`."""
    return len(entity.fields) > max_columns


def validate_names(dictionary: DataDictionary, max_columns: int, file: str, faults: Faults) -> None:
    """Adds faults 20 (entity name), 25 (field name) and 21 (clash but for case), once per entity and per field."""
    split = {name.casefold() for name, entity in dictionary.entities.items() if is_split(entity, max_columns)}
    for entity in dictionary.entities.values():
        found = name_problem(entity.name) or _taken_by_layout(entity.name, split)
        if not found and entity.name.casefold() in split and len(entity.name) > LONGEST_SPLIT:
            found = f"the entity is cut into tables, whose names would be longer than 255; it may have {LONGEST_SPLIT} characters"
        if found:
            faults.add(20, found, file=file, line=entity.fields[0].line, entity=entity.name, value=entity.name)
        companions = _companions(dictionary, entity)
        for field in entity.fields:
            problem = name_problem(field.name)
            if not problem and (tree := companions.get(field.name.casefold())):
                problem = f"the name is taken by the companion column of the hierarchical field {tree}"
            if problem:
                faults.add(25, problem, value=field.name, **field_place(file, field))
    _validate_case(dictionary, file, faults)


def _companions(dictionary: DataDictionary, entity: Entity) -> dict[str, str]:
    """Folded name of each companion column, to the hierarchical field that it stands beside. Codings may be undefined
    here."""
    coded = (
        (field, dictionary.codings.get(field.coding_name)) for field in entity.fields if not field.is_sparse_coding
    )
    return {
        f"{of.name}{HIERARCHY_SUFFIX}".casefold(): of.name for of, coding in coded if coding and coding.is_hierarchical
    }


def name_problem(name: str) -> str | None:
    """Why a name cannot be that of an entity or field, or None if it can."""
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
            faults.add(21, f"the entity differs from {first} only in case", file=file, line=entity.fields[0].line,
                       entity=entity.name, value=entity.name)  # fmt: skip
        fields: dict[str, str] = {}
        for field in entity.fields:
            first = fields.setdefault(field.name.casefold(), field.name)
            if first != field.name:
                text = f"the field differs from {first} only in case"
                faults.add(21, text, value=field.name, **field_place(file, field))
