"""The descriptor of a Dataset record v3.0, as JSON, and back.

Format: what dxpy 0.417's dataset classes and `dx extract_dataset`, `dx extract_assay` read. Every key that they know is written,
null or not. `attributes` of a field, which they do not know, holds the columns that a dictionary had besides.

`parse_descriptor` of what `write_descriptor` wrote gives an equal Dataset, in which titles that are the name itself are blank and
display orders are positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from common.dataset.model import ColumnMapping, Dataset, Join
from common.dictionary.model import Code, Coding, DataDictionary, Entity, Field, Reference
from common.errors import AppError

Json = dict[str, Any]

VERSION = "3.0"

_TYPES = {"string": "string", "integer": "integer", "float": "double", "date": "date", "datetime": "datetime"}
FIELD_TYPES = {written: type_ for type_, written in _TYPES.items()}


def write_descriptor(dataset: Dataset) -> Json:
    """The descriptor of a Dataset."""
    dictionary = dataset.dictionary
    key = next(field for field in dictionary.main_entity.fields if field.primary_key_type == "global")
    return {
        "name": dataset.name,
        "description": dataset.description,
        "version": VERSION,
        "schema": dataset.schema,
        "databases": [{name: {"$dnanexus_link": id_}} for id_, name in _databases(dataset).items()],
        "model": {
            "global_primary_key": {"entity": key.entity, "field": key.name},
            "entities": write_entities(dataset),
            "codings": {coding.name: _write_coding(coding) for coding in dictionary.codings.values()},
        },
        "join_info": [write_join(join) for join in dataset.joins],
        "assays": [dict(assay) for assay in dataset.assays],
    }


def write_entities(dataset: Dataset) -> Json:
    """The entities of a Dataset, or of an assay laid out as one, by name."""
    return {entity.name: _write_entity(entity, dataset) for entity in dataset.dictionary.entities.values()}


def write_join(join: Join) -> Json:
    """A join as an item of `join_info`."""
    return {"joins": [{"from": join.from_, "to": join.to}], "relationship": join.relationship}


def _databases(dataset: Dataset) -> dict[str, str]:
    """Names by id of the databases that fields and assay fields are stored in, in the order in which they come."""
    found = {mapping.database_id: mapping.database_name for mapping in dataset.mappings.values()}
    for assay in dataset.assays:
        for entity in (assay.get("entities") or {}).values():
            for field in (entity.get("fields") or {}).values():
                mapping = field.get("mapping") or {}
                if mapping.get("database_id") and mapping.get("database_name"):
                    found.setdefault(mapping["database_id"], mapping["database_name"])
    return found


def list_databases(dataset: Dataset) -> list[tuple[str, str, str]]:
    """Id, name and unique name of the databases that a Dataset is stored in, in the order of the descriptor."""
    return [(id_, name, f"{id_.replace('-', '_').lower()}__{name}") for id_, name in _databases(dataset).items()]


def _write_entity(entity: Entity, dataset: Dataset) -> Json:
    key = entity.primary_key
    return {
        "name": entity.name,
        "entity_title": entity.title or entity.name,
        "entity_label_singular": entity.label_singular or None,
        "entity_label_plural": entity.label_plural or None,
        "entity_description": entity.description or None,
        "primary_key": key.name if key else None,
        "is_main_entity": key is not None and key.primary_key_type == "global",
        "fields": {field.name: _write_field(field, dataset) for field in entity.fields},
    }


def _write_field(field: Field, dataset: Dataset) -> Json:
    return {
        "name": field.name,
        "type": _TYPES.get(field.type, field.type),  # an assay has some of its own, such as boolean
        "title": field.title or field.name,
        "description": field.description or None,
        "concept": field.concept or None,
        "units": field.units or None,
        "linkout": field.linkout or None,
        "folder_path": list(field.folder_path),
        "coding_name": field.coding_name or None,
        "is_sparse_coding": field.is_sparse_coding,
        "is_multi_select": field.is_multi_select,
        "is_hierarchical": dataset.dictionary.is_hierarchical(field),
        "longitudinal_axis_type": field.longitudinal_axis_type or None,
        "attributes": dict(field.attributes),
        "mapping": _write_mapping(dataset.mappings[field.entity, field.name]),
    }


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
    """Codes in depth-first order as nested lists: a code with children is `{code: [children]}`, one without the code."""
    children: dict[str, list[str]] = {}
    for code in coding.codes:
        children.setdefault(code.parent_code, []).append(code.code)

    def nodes(parent: str) -> list[Any]:
        return [{code: nodes(code)} if code in children else code for code in children[parent]]

    return nodes("")


def parse_descriptor(obj: Mapping[str, Any]) -> Dataset:
    """The Dataset that a descriptor describes, which has the form that `common.platform.records` holds it to.

    Raises `AppError` 83, naming the place, for one that contradicts itself."""
    model = obj["model"]
    entities, key = model["entities"], model["global_primary_key"]
    codings = {name: _parse_coding(name, coding) for name, coding in (model.get("codings") or {}).items()}
    mappings = {
        (entity, field): parse_mapping(each["mapping"])
        for entity, description in entities.items()
        for field, each in description["fields"].items()
    }
    joins = tuple(parse_join(each) for each in obj["join_info"])
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
        assays=tuple(obj["assays"]),
    )


def _check(entities: Mapping[str, Entity], codings: Mapping[str, Coding], key: Mapping[str, Any]) -> None:
    main = entities.get(key["entity"])
    if main is None or main.primary_key is None or main.primary_key.name != key["field"]:
        raise AppError(83, "the descriptor's global_primary_key is not the key of one of its entities")
    for entity in entities.values():
        for field in entity.fields:
            if field.coding_name and field.coding_name not in codings:
                text = f"the descriptor does not hold coding {field.coding_name} of {entity.name}.{field.name}"
                raise AppError(83, text, "Make the Dataset anew with its codings in the descriptor.")


def parse_join(obj: Any) -> Join:
    """A join from an item of `join_info`."""
    return Join(obj["joins"][0]["from"], obj["joins"][0]["to"], obj["relationship"])


def _references(
    mappings: Mapping[tuple[str, str], ColumnMapping], joins: tuple[Join, ...]
) -> Iterator[tuple[tuple[str, str], Reference]]:
    """(entity, field) that refers, and to what. Joins of columns that no field maps hold the parts of an entity together."""
    by_path = {f"{each.database_name}${each.table}${each.column}": field for field, each in mappings.items()}
    by_path |= {each.path: field for field, each in mappings.items()}
    for join in joins:
        if join.from_ in by_path and join.to in by_path:
            yield by_path[join.to], Reference(*by_path[join.from_], join.relationship)


def _parse_entity(name: str, obj: Json, is_main: bool, references: Mapping[tuple[str, str], Reference]) -> Entity:
    key = obj.get("primary_key")
    key_type = "global" if is_main else "local"
    fields = (
        _parse_field(name, field, each, key_type if field == key else "", references.get((name, field)))
        for field, each in obj["fields"].items()
    )
    return Entity(
        name=name,
        fields=tuple(fields),
        title=_title(obj.get("entity_title"), name),
        description=obj.get("entity_description") or "",
        label_plural=obj.get("entity_label_plural") or "",
        label_singular=obj.get("entity_label_singular") or "",
    )


def _title(title: str | None, name: str) -> str:
    return "" if title is None or title == name else title


def _parse_field(entity: str, name: str, obj: Json, primary_key_type: str, reference: Reference | None) -> Field:
    return Field(
        entity=entity,
        name=name,
        type=FIELD_TYPES[obj["type"]],
        primary_key_type=primary_key_type,
        coding_name=obj.get("coding_name") or "",
        concept=obj.get("concept") or "",
        description=obj.get("description") or "",
        folder_path=tuple(obj.get("folder_path") or ()),
        is_multi_select=bool(obj.get("is_multi_select")),
        is_sparse_coding=bool(obj.get("is_sparse_coding")),
        linkout=obj.get("linkout") or "",
        longitudinal_axis_type=obj.get("longitudinal_axis_type") or "",
        reference=reference,
        title=_title(obj.get("title"), name),
        units=obj.get("units") or "",
        attributes=dict(obj.get("attributes") or {}),
    )


def parse_mapping(obj: Json) -> ColumnMapping:
    """Where a field is stored."""
    name, table, column = obj["database_name"], obj["table"], obj["column"]
    database_id = obj.get("database_id") or ""
    unique_name = obj.get("database_unique_name") or f"{database_id.replace('-', '_').lower()}__{name}"
    return ColumnMapping(database_id, name, unique_name, table, column, obj.get("column_sql_type") or "")


def _parse_coding(name: str, obj: Json) -> Coding:
    meanings = obj["codes_to_meanings"]
    concepts = obj.get("codes_to_concepts") or {}
    shown = list(_walk(obj.get("display") or [], ""))
    seen = {code for code, _ in shown}
    if len(seen) < len(shown) or not seen <= meanings.keys():
        raise AppError(83, f"the display of coding {name} repeats a code or holds one without a meaning")
    shown += [(code, "") for code in meanings if code not in seen]
    codes = (
        Code(code, meanings[code] or "", concepts.get(code) or "", order, parent)
        for order, (code, parent) in enumerate(shown, start=1)
    )
    return Coding(name, tuple(codes))


def _walk(nodes: list[Any], parent: str) -> Iterator[tuple[str, str]]:
    """(code, parent) of a display, depth first."""
    for node in nodes:
        if isinstance(node, Mapping):
            for code, children in node.items():
                yield code, parent
                yield from _walk(children, code)
        else:
            yield str(node), parent
