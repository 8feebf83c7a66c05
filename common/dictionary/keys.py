"""Keys and references: one global key, at most one key per entity, references that lead to a key of the same type."""

from __future__ import annotations

from common.dictionary.fields import field_place
from common.dictionary.model import DataDictionary, Field, Reference
from common.dictionary.names import is_split
from common.errors import Rule
from common.faults import Faults, Place
from common.nearest import remedy_naming
from common.values.types import KEY_TYPES, TYPES

KEY_KINDS = ("global", "local")


def validate_keys(dictionary: DataDictionary, max_columns: int, file: str, faults: Faults) -> None:
    """Adds faults 40 (not one global key), 41 (several keys), 42 (unfit key) and 47 (wide entity without key)."""
    global_key = dictionary.global_key
    if global_key is None:
        faults.add(Rule.GLOBAL_KEY, "no field has primary_key_type global", Place(file))
    for entity in dictionary.entities.values():
        keys = [field for field in entity.fields if field.primary_key_type]
        for key in keys:
            _validate_key(key, file, faults)
            if key.primary_key_type == "global" and global_key and key is not global_key:
                text = f"the global key is {global_key.entity}.{global_key.name} already (line {global_key.line})"
                faults.add(Rule.GLOBAL_KEY, text, field_place(file, key), value="global")
        for key in keys[1:]:
            if key.primary_key_type == keys[0].primary_key_type == "global":
                continue  # fault 40 says it
            text = f"the key of {entity.name} is {keys[0].name} already (line {keys[0].line})"
            faults.add(Rule.SEVERAL_KEYS, text, field_place(file, key), value=key.primary_key_type)
        if not keys and is_split(entity, max_columns):
            text = f"the entity has {len(entity.fields):,} fields, more than {max_columns}, and no key"
            faults.add(Rule.WIDE_WITHOUT_KEY, text, Place(file, entity.fields[0].line, entity.name))


def _validate_key(key: Field, file: str, faults: Faults) -> None:
    place = field_place(file, key)
    if key.primary_key_type not in KEY_KINDS:
        remedy = remedy_naming(Rule.UNFIT_KEY, key.primary_key_type, KEY_KINDS, faults)
        faults.add(
            Rule.UNFIT_KEY,
            "primary_key_type is neither global nor local",
            place,
            value=key.primary_key_type,
            remedy=remedy,
        )
    if key.is_multi_select:
        faults.add(Rule.UNFIT_KEY, "a key cannot be multi-select", place, value=key.primary_key_type)
    if key.type in TYPES and key.type not in KEY_TYPES:
        faults.add(Rule.UNFIT_KEY, f"a {key.type} field cannot be a key", place, value=key.type)


def validate_references(dictionary: DataDictionary, file: str, faults: Faults) -> None:
    """Adds faults 43 (no such entity or field) and 45 (target is no key, or of another type)."""
    for field in dictionary.fields:
        if field.reference is not None:
            _validate_reference(dictionary, field, field.reference, file, faults)


def _validate_reference(dictionary: DataDictionary, of: Field, to: Reference, file: str, faults: Faults) -> None:
    def add(rule: Rule, text: str, remedy: str = "") -> None:
        faults.add(rule, text, field_place(file, of), value=f"{to.entity}:{to.field}", remedy=remedy)

    entity = dictionary.entities.get(to.entity)
    target = entity.by_name.get(to.field) if entity else None
    if entity is None:
        remedy = remedy_naming(Rule.DANGLING_REFERENCE, to.entity, dictionary.entities, faults)
        add(Rule.DANGLING_REFERENCE, f"there is no entity {to.entity}", remedy)
    elif target is None:
        remedy = remedy_naming(Rule.DANGLING_REFERENCE, to.field, entity.by_name, faults)
        add(Rule.DANGLING_REFERENCE, f"the entity {to.entity} has no field {to.field}", remedy)
    else:
        if not target.primary_key_type:
            key = entity.primary_key
            known = f"its key is {key.name}" if key else "the entity has no key"
            add(Rule.UNFIT_REFERENCE, f"{to.entity}.{to.field} is not the key of its entity; {known}")
        if target.type != of.type:
            add(Rule.UNFIT_REFERENCE, f"the field is {of.type}, {to.entity}.{to.field} is {target.type}")
        if of.is_multi_select:
            add(Rule.UNFIT_REFERENCE, "a multi-select field cannot refer to a key")
