"""An assay read from the descriptor of its Dataset, and written for another one with the link to that.

The client proves little of an assay's form, so an assay from elsewhere may lack entities or mappings: fields that are not mapped
to a column cannot link and are passed over, and whatever else the assay says is carried as it is.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from common.dataset.assay import build_assay
from common.dataset.descriptor import FIELD_TYPES, parse_join, parse_mapping, write_entities, write_join
from common.dataset.model import ColumnMapping, Dataset, Join
from common.dictionary import DataDictionary, Entity, Field
from common.platform import Database

Json = dict[str, Any]

SAMPLE = "sample"
LINKING_TABLE = "pheno_geno_sample_ids"
LINKING_COLUMNS = pa.schema([("p_sample", pa.string()), ("g_sample", pa.string())])
"""Table and columns as real dictionaries have them (laderast/xvhelper): the clinical id, and the assay's id."""

_MAPPED = {"database_name", "table", "column"}


def parse_assay(assay: Mapping[str, Any], source: Dataset) -> Dataset:
    """An assay seen as a Dataset of its own, whose main entity holds the sample ids.

    That is the assay's own entity `sample`, or, where the assay has none or only part of it, the source's main entity.
    """
    entities, mappings = dict[str, Entity](), dict[tuple[str, str], ColumnMapping]()
    for name, description in _own_entities(assay).items():
        entities[name] = _parse_entity(name, description)
        mappings |= {(name, field): parse_mapping(each["mapping"]) for field, each in _mapped_fields(description)}
    main = source.dictionary.main_entity
    if SAMPLE not in entities or main.name == SAMPLE:
        entities[main.name] = main
        mappings |= {key: mapping for key, mapping in source.mappings.items() if key[0] == main.name}
    joins = tuple(parse_join(each) for each in assay.get("join_info") or ())
    return Dataset(str(assay["name"]), "", "", DataDictionary(entities, {}), mappings, joins)


def _own_entities(assay: Mapping[str, Any]) -> Json:
    """The assay's entities, without the linking table of a merge that the assay has behind it."""
    return {name: each for name, each in (assay.get("entities") or {}).items() if name != LINKING_TABLE}


def _mapped_fields(entity: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    for name, field in (entity.get("fields") or {}).items():
        if (field.get("mapping") or {}).keys() >= _MAPPED:
            yield name, field


def _parse_entity(name: str, description: Mapping[str, Any]) -> Entity:
    key, key_type = description.get("primary_key"), "global" if name == SAMPLE else "local"
    return Entity(name, tuple(
        Field(
            name, field, FIELD_TYPES.get(each.get("type", ""), str(each.get("type"))), key_type if field == key else "",
            is_multi_select=bool(each.get("is_multi_select")),
        )
        for field, each in _mapped_fields(description)
    ))  # fmt: skip


def follow_reference(assay: Dataset, field: Field) -> Field:
    """The key that a field of measurements refers to, such as `sample.sample_id` for `expression.sample_id`; else the field.

    The ids are the same, and far fewer rows hold them.
    """
    if field.primary_key_type:
        return field
    by_path = {mapping.path: key for key, mapping in assay.mappings.items()}
    path = assay.mappings[field.entity, field.name].path
    for join in assay.joins:
        if join.to == path and join.from_ in by_path:
            entity, name = by_path[join.from_]
            return assay.dictionary.entities[entity].by_name[name]
    return field


def write_linked_assay(
    assay: Mapping[str, Any], source: Dataset, sample: Field, linking: Database | None, link: Sequence[Join], name: str
) -> Json:
    """The assay as the merged Dataset holds it, with the joins of `link`, without those to tables that stay behind.

    The entity of the sample ids goes along where the assay does not have it itself. A new name means a new uuid.
    """
    entities = _own_entities(assay)
    if sample.name not in dict(_mapped_fields(entities.get(sample.entity) or {})):
        entities[sample.entity] = _write_sample_entity(source, sample)
    kept = _tables(_list_mappings(entities))
    behind = _tables(source.mappings.values()) - kept | _old_linking_tables(assay)
    joins = [each for each in assay.get("join_info") or () if not _joined_tables(each) & behind]
    parts = [each for each in map(write_join, source.joins) if _joined_tables(each) <= kept]
    if linking:
        entities[LINKING_TABLE] = _write_linking_entity(linking)
    return {
        **assay, **({} if name == assay["name"] else _rename(assay, name)), "entities": entities,
        "join_info": [*joins, *parts, *map(write_join, link)],
    }  # fmt: skip


def _rename(assay: Mapping[str, Any], name: str) -> Json:
    title = name if assay.get("title") in {None, assay["name"]} else assay["title"]
    return {"name": name, "title": title, "uuid": str(uuid.uuid4())}


def _write_sample_entity(source: Dataset, sample: Field) -> Json:
    """The source's entity of the sample ids with its key and the field that links: no more of it is the assay's."""
    entity = source.dictionary.entities[sample.entity]
    kept = tuple(
        replace(each, coding_name="", reference=None)
        for each in entity.fields
        if each.primary_key_type or each == sample
    )
    alone = DataDictionary({entity.name: replace(entity, fields=kept)}, {})
    written: Json = write_entities(replace(source, dictionary=alone))[entity.name]
    return {**written, "is_main_entity": False}


def _write_linking_entity(database: Database) -> Json:
    """The linking table as an entity of the assay, none of the model's: no cohort tool is to take it for data."""
    fields = tuple(Field(LINKING_TABLE, each.name, "string") for each in LINKING_COLUMNS)
    entity = Entity(LINKING_TABLE, fields, title="Linked sample IDs")
    written: Json = build_assay(DataDictionary({LINKING_TABLE: entity}, {}), database, outside=())["entities"]
    return written[LINKING_TABLE]  # type: ignore[no-any-return]  # JSON is of any type


def _joined_tables(join: Mapping[str, Any]) -> set[str]:
    return {_table(step[end]) for step in join["joins"] for end in ("from", "to")}


def _table(path: str) -> str:
    return path.rpartition("$")[0]


def _tables(mappings: Iterable[ColumnMapping]) -> set[str]:
    return {_table(each.path) for each in mappings}


def _list_mappings(entities: Mapping[str, Any]) -> list[ColumnMapping]:
    return [parse_mapping(each["mapping"]) for name in entities for _, each in _mapped_fields(entities[name])]


def _old_linking_tables(assay: Mapping[str, Any]) -> set[str]:
    linking = (assay.get("entities") or {}).get(LINKING_TABLE)
    return _tables(_list_mappings({LINKING_TABLE: linking})) if linking else set()
