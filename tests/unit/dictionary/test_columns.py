from __future__ import annotations

from dataclasses import fields

from common.dictionary.columns import ENTITY_COLUMNS, FIELD_COLUMNS
from common.dictionary.model import Entity, Field


def test_every_attribute_that_a_dictionary_holds_has_a_column() -> None:
    assert {each.attribute for each in FIELD_COLUMNS} == {each.name for each in fields(Field)} - {"attributes", "line"}
    assert {each.attribute for each in ENTITY_COLUMNS} == {each.name for each in fields(Entity)} - {"fields"}
