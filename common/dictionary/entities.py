"""Entities: reading the entity dictionary, which has their titles and labels, and joining it with the fields."""

from __future__ import annotations

from collections.abc import Iterable

from common.dictionary.columns import ENTITY_COLUMNS
from common.dictionary.model import Entity, Field
from common.dictionary.source import DictionaryFile, Row, parse_table
from common.errors import Rule
from common.faults import Faults, Place
from common.nearest import remedy_naming

COLUMNS = tuple(column.name for column in ENTITY_COLUMNS)


def build_entities(fields: Iterable[Field], described: dict[str, Row]) -> dict[str, Entity]:
    """The entities in the order of their first fields, with their texts if `described` has them."""
    by_entity: dict[str, list[Field]] = {}
    for field in fields:
        by_entity.setdefault(field.entity, []).append(field)
    texts = {
        name: {column.attribute: row.cells.get(column.name, "") for column in ENTITY_COLUMNS[1:]}
        for name, row in described.items()
    }
    return {name: Entity(name, tuple(of), **texts.get(name, {})) for name, of in by_entity.items()}


def parse_entity_rows(source: DictionaryFile, faults: Faults) -> dict[str, Row]:
    """Rows by entity. Adds faults 11-14 of the file, 13 (duplicate entity) and 18 (no column entity)."""
    table = parse_table(source, COLUMNS[:1], COLUMNS, Rule.ENTITY_DICTIONARY, faults)
    rows: dict[str, Row] = {}
    for row in table.rows if table else ():
        name = row.cells["entity"].strip()
        first = rows.setdefault(name, row)
        if first is not row:
            text = f"the entity is described on line {first.line} already"
            faults.add(Rule.DUPLICATE_ROW, text, Place(source.name, row.line, name), value=name)
    return rows


def validate_entity_rows(rows: dict[str, Row], entities: Iterable[str], file: str, faults: Faults) -> None:
    """Adds fault 18 for every row whose entity the data dictionary does not have."""
    known = set(entities)
    for name, row in rows.items():
        if name not in known:
            text = f"the data dictionary has no entity {name}" if name else "the entity is blank"
            remedy = remedy_naming(Rule.ENTITY_DICTIONARY, name, known, faults)
            faults.add(Rule.ENTITY_DICTIONARY, text, Place(file, row.line, name), value=name, remedy=remedy)
