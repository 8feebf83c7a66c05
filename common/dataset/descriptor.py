"""Writes and parses the descriptor of a Dataset record v3.0.

Format: JSON that the dataset classes of dxpy 0.417, `dx extract_dataset` and `dx extract_assay` read. Every key that they know
is written, null or not. A field's `attributes`, which they do not know, are the other columns of its dictionary.

Parsing what was written gives an equal Dataset, where titles that repeat the name are blank, and display orders are positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from common.dataset.database import link, unique_database_name
from common.dataset.model import Assay, ColumnMapping, Dataset, Join
from common.dictionary.columns import ENTITY_COLUMNS, FIELD_COLUMNS, parse_type
from common.dictionary.model import Code, Coding, DataDictionary, Entity, Field, Reference
from common.errors import AppError, Rule

Json = dict[str, Any]

VERSION = "3.0"

_ENTITY_KEYS = (
    "name", "entity_title", "entity_label_singular", "entity_label_plural", "entity_description", "primary_key",
    "is_main_entity", "fields",
)  # fmt: skip
_FIELD_KEYS = (
    "name", "type", "title", "description", "concept", "units", "linkout", "folder_path", "coding_name", "is_sparse_coding",
    "is_multi_select", "is_hierarchical", "longitudinal_axis_type", "attributes", "mapping",
)  # fmt: skip
"""The keys in the order in which they are written."""

_MAPPED = {"database_name", "table", "column"}


def write_descriptor(dataset: Dataset) -> Json:
    """The descriptor of a Dataset."""
    dictionary, key = dataset.dictionary, dataset.dictionary.global_key
    return {
        "name": dataset.name,
        "description": dataset.description,
        "version": VERSION,
        "schema": dataset.schema,
        "databases": [{each.name: link(each.id)} for each in dataset.databases],
        "model": {
            "global_primary_key": key and {"entity": key.entity, "field": key.name},
            "entities": {entity.name: _write_entity(entity, dataset) for entity in dictionary.entities.values()},
            "codings": {coding.name: _write_coding(coding) for coding in dictionary.codings.values()},
        },
        "join_info": [_write_join(join) for join in dataset.joins],
        "assays": [_write_assay(assay) for assay in dataset.assays],
    }


def _write_assay(assay: Assay) -> Json:
    """An assay. Entities and joins that were not changed are written as they were read, with keys unknown to the suite."""
    read = parse_assay(assay.keys)
    if read == assay:
        return dict(assay.keys)
    entities = {
        name: assay.keys["entities"][name] if _part(read, name) == _part(assay, name) else _write_entity(entity, assay)
        for name, entity in assay.dictionary.entities.items()
    }
    joins = dict(zip(read.joins, assay.keys.get("join_info") or (), strict=True))
    return {
        **assay.keys,
        "entities": entities,
        "join_info": [joins.get(join) or _write_join(join) for join in assay.joins],
    }


def _part(assay: Assay, name: str) -> tuple[Entity | None, list[ColumnMapping]]:
    """An entity of an assay, and the columns of its fields."""
    entity = assay.dictionary.entities.get(name)
    return entity, [assay.mappings[name, field.name] for field in entity.fields] if entity else []


def _write_join(join: Join) -> Json:
    pairs = ((join.from_, join.to), *join.further)
    return {"joins": [{"from": from_, "to": to} for from_, to in pairs], "relationship": join.relationship}


def _write_entity(entity: Entity, of: Dataset | Assay) -> Json:
    key = entity.primary_key
    written = {column.name: column.write_json(entity) for column in ENTITY_COLUMNS} | {
        "name": entity.name,
        "entity_title": entity.title or entity.name,
        "primary_key": key.name if key else None,
        "is_main_entity": key is not None and key.primary_key_type == "global",
        "fields": {field.name: _write_field(field, of) for field in entity.fields},
    }
    return {name: written[name] for name in _ENTITY_KEYS}


def _write_field(field: Field, of: Dataset | Assay) -> Json:
    written = {column.name: column.write_json(field) for column in FIELD_COLUMNS} | {
        "title": field.title or field.name,
        "is_hierarchical": of.dictionary.is_hierarchical(field),
        "attributes": dict(field.attributes),
        "mapping": _write_mapping(of.mappings[field.entity, field.name]),
    }
    return {name: written[name] for name in _FIELD_KEYS}


def _write_mapping(mapping: ColumnMapping) -> Json:
    return {
        "database_name": mapping.database_name,
        "database_unique_name": mapping.database_unique_name,
        "database_id": mapping.database_id,
        "table": mapping.table,
        "column": mapping.column,
        "column_sql_type": mapping.sql_type,
    }


def _write_coding(coding: Coding) -> Json:
    has_concepts = any(code.concept for code in coding.codes)
    return {
        "name": coding.name,
        "codes_to_meanings": {code.code: code.meaning for code in coding.codes},
        # All codes or none: a reader that goes by position would pair a partly filled map with the wrong codes.
        "codes_to_concepts": {code.code: code.concept or None for code in coding.codes} if has_concepts else {},
        "display": _write_tree(coding) if coding.is_hierarchical else [code.code for code in coding.codes],
    }


def _write_tree(coding: Coding) -> list[Any]:
    """A tree as nested lists: a code with children is `{code: [children]}`, one without is the code."""
    children: dict[str, list[str]] = {}
    for code in coding.codes:
        children.setdefault(code.parent_code, []).append(code.code)

    def nodes(parent: str) -> list[Any]:
        return [{code: nodes(code)} if code in children else code for code in children[parent]]

    return nodes("")


def parse_descriptor(obj: Mapping[str, Any]) -> Dataset:
    """The Dataset of a descriptor, whose form `common.platform.records` has checked. Raises `AppError` 83 for one that
    contradicts itself."""
    model = obj["model"]
    entities, key = model["entities"], model["global_primary_key"]
    codings = {name: _parse_coding(name, coding) for name, coding in (model.get("codings") or {}).items()}
    mappings = {
        (entity, field): _parse_mapping(each["mapping"])
        for entity, description in entities.items()
        for field, each in description["fields"].items()
    }
    joins = tuple(_parse_join(each) for each in obj["join_info"])
    references = dict(_references(mappings, joins))
    parsed = {name: _parse_entity(name, entity, key["entity"] == name, references) for name, entity in entities.items()}
    _check(parsed, codings, key)
    return Dataset(
        name=obj.get("name") or "",
        description=obj.get("description") or "",
        schema=obj.get("schema") or "",
        dictionary=DataDictionary(parsed, codings),
        mappings=mappings,
        joins=joins,
        assays=tuple(parse_assay(each) for each in obj["assays"]),
    )


def _check(entities: Mapping[str, Entity], codings: Mapping[str, Coding], key: Mapping[str, Any]) -> None:
    main = entities.get(key["entity"])
    if main is None or main.primary_key is None or main.primary_key.name != key["field"]:
        raise AppError(Rule.NOT_A_DATASET, "the descriptor's global_primary_key is not the key of one of its entities")
    for entity in entities.values():
        for field in entity.fields:
            if field.coding_name and field.coding_name not in codings:
                text = f"the descriptor does not hold coding {field.coding_name} of {entity.name}.{field.name}"
                raise AppError(Rule.NOT_A_DATASET, text, "Make the Dataset again with its codings in the descriptor.")


def parse_assay(obj: Mapping[str, Any]) -> Assay:
    """An assay of a descriptor: its entities with their keys, and the fields that are mapped to a column, with their types."""
    entities, mappings = dict[str, Entity](), dict[tuple[str, str], ColumnMapping]()
    for name, entity in (obj.get("entities") or {}).items():
        fields = {
            field: each
            for field, each in (entity.get("fields") or {}).items()
            if (each.get("mapping") or {}).keys() >= _MAPPED
        }
        key = entity.get("primary_key")
        entities[name] = Entity(name, tuple(
            Field(name, field, parse_type(each.get("type")), "local" if field == key else "",
                  is_multi_select=bool(each.get("is_multi_select")))
            for field, each in fields.items()
        ))  # fmt: skip
        mappings |= {(name, field): _parse_mapping(each["mapping"]) for field, each in fields.items()}
    joins = tuple(_parse_join(each) for each in obj.get("join_info") or ())
    return Assay(obj, DataDictionary(entities, {}), mappings, joins)


def _parse_join(obj: Json) -> Join:
    first, *further = ((each["from"], each["to"]) for each in obj["joins"])
    return Join(*first, obj["relationship"], tuple(further))


def _references(
    mappings: Mapping[tuple[str, str], ColumnMapping], joins: tuple[Join, ...]
) -> Iterator[tuple[tuple[str, str], Reference]]:
    """Each field that refers, and its reference. A join of other columns is between the parts of an entity."""
    by_path = {f"{each.database_name}${each.table}${each.column}": field for field, each in mappings.items()}
    by_path |= {each.path: field for field, each in mappings.items()}
    for join in joins:
        if join.from_ in by_path and join.to in by_path:
            yield by_path[join.to], Reference(*by_path[join.from_], join.relationship)


def _parse_entity(name: str, obj: Json, is_main: bool, references: Mapping[tuple[str, str], Reference]) -> Entity:
    key = obj.get("primary_key")
    key_type = "global" if is_main else "local"
    fields = tuple(
        _parse_field(name, field, each, key_type if field == key else "", references.get((name, field)))
        for field, each in obj["fields"].items()
    )
    texts = {column.attribute: column.notation.from_json(obj.get(column.name)) for column in ENTITY_COLUMNS}
    return Entity(**texts | {"name": name, "fields": fields, "title": _parse_title(obj.get("entity_title"), name)})


def _parse_title(title: str | None, name: str) -> str:
    return "" if title is None or title == name else title


def _parse_field(entity: str, name: str, obj: Json, primary_key_type: str, reference: Reference | None) -> Field:
    values = {column.attribute: column.notation.from_json(obj.get(column.name)) for column in FIELD_COLUMNS}
    return Field(**values | {
        "entity": entity, "name": name, "primary_key_type": primary_key_type, "reference": reference,
        "title": _parse_title(obj.get("title"), name), "attributes": dict(obj.get("attributes") or {}),
    })  # fmt: skip


def _parse_mapping(obj: Json) -> ColumnMapping:
    """Where a field is stored."""
    name, table, column = obj["database_name"], obj["table"], obj["column"]
    database_id = obj.get("database_id") or ""
    unique_name = obj.get("database_unique_name") or unique_database_name(database_id, name)
    return ColumnMapping(database_id, name, unique_name, table, column, obj.get("column_sql_type") or "")


def _parse_coding(name: str, obj: Json) -> Coding:
    meanings = obj["codes_to_meanings"]
    concepts = obj.get("codes_to_concepts") or {}
    shown = list(_walk(obj.get("display") or [], ""))
    seen = {code for code, _ in shown}
    if len(seen) < len(shown) or not seen <= meanings.keys():
        raise AppError(
            Rule.NOT_A_DATASET, f"the display of coding {name} repeats a code or holds one without a meaning"
        )
    shown += [(code, "") for code in meanings if code not in seen]
    codes = (
        Code(code, meanings[code] or "", concepts.get(code) or "", order, parent)
        for order, (code, parent) in enumerate(shown, start=1)
    )
    return Coding(name, tuple(codes))


def _walk(nodes: list[Any], parent: str) -> Iterator[tuple[str, str]]:
    """Each code of a display with its parent, depth first."""
    for node in nodes:
        if isinstance(node, Mapping):
            for code, children in node.items():
                yield code, parent
                yield from _walk(children, code)
        else:
            yield str(node), parent
