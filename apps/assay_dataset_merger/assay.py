"""The assay: where its sample ids are stored, and how the merged Dataset holds it.

An assay that another program made may lack entities or mappings. Only fields that are mapped to a column can link.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from common.dataset.database import Database
from common.dataset.model import Assay, ColumnMapping, Dataset, Join, map_column
from common.dictionary import DataDictionary, Entity, Field

SAMPLE = "sample"
LINKING_TABLE = "pheno_geno_sample_ids"
LINKING_COLUMNS = pa.schema([("p_sample", pa.string()), ("g_sample", pa.string())])
"""The columns are the clinical id and the assay's id. Real dictionaries have these names (laderast/xvhelper)."""


def add_samples(assay: Assay, source: Dataset) -> tuple[Assay, str]:
    """The assay with the entity that has its sample ids, and the name of this entity; without the old linking table.

    It is the assay's entity `sample`, if that has a key. Else, or if the source's main entity is `sample`, it is the main
    entity.
    """
    own, main = _drop_linking_table(assay), source.dictionary.main_entity
    sample = own.dictionary.entities.get(SAMPLE)
    if sample and sample.primary_key and main.name != SAMPLE:
        return own, SAMPLE
    return _add_entity(own, main, source.mappings), main.name


def _drop_linking_table(assay: Assay) -> Assay:
    own = {name: each for name, each in assay.dictionary.entities.items() if name != LINKING_TABLE}
    mappings = {key: each for key, each in assay.mappings.items() if key[0] != LINKING_TABLE}
    return replace(assay, dictionary=DataDictionary(own, {}), mappings=mappings)


def _add_entity(assay: Assay, entity: Entity, mappings: Mapping[tuple[str, str], ColumnMapping]) -> Assay:
    entities = {**assay.dictionary.entities, entity.name: entity}
    others = {key: each for key, each in assay.mappings.items() if key[0] != entity.name}
    added = {(entity.name, each.name): mappings[entity.name, each.name] for each in entity.fields}
    return replace(assay, dictionary=DataDictionary(entities, {}), mappings=others | added)


def follow_reference(assay: Assay, field: Field) -> Field:
    """The key that a field refers to, such as `sample.sample_id` for `expression.sample_id`; else the field itself.

    The key has the same ids in far fewer rows.
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


def link_assay(
    assay: Assay, source: Dataset, sample: Field, linking: Database | None, link: Sequence[Join], name: str
) -> Assay:
    """The assay for the merged Dataset: with the joins of `link`, and without joins to tables that are not in it.

    If the assay lacks the field of the sample ids, it gets it with its entity. An assay with a new name gets a new uuid.
    """
    linked = _drop_linking_table(assay)
    if (sample.entity, sample.name) not in linked.mappings:
        linked = _add_entity(linked, _sample_entity(source, sample), source.mappings)
    kept = _tables(linked.mappings)
    behind = (_tables(source.mappings) | _tables(assay.mappings)) - kept
    joins = [each for each in assay.joins if not each.tables & behind]
    parts = [each for each in source.joins if each.tables <= kept]
    if linking:
        linked = _add_entity(linked, _linking_entity(), linking_mappings(linking))
    keys = assay.keys if name == assay.name else {**assay.keys, **_rename(assay, name)}
    return replace(linked, keys=keys, joins=(*joins, *parts, *link))


def _rename(assay: Assay, name: str) -> dict[str, Any]:
    title = assay.keys.get("title")
    return {"name": name, "title": name if title in {None, assay.name} else title, "uuid": str(uuid.uuid4())}


def _sample_entity(source: Dataset, sample: Field) -> Entity:
    """The source's entity that has the sample ids, with only its key and the linking field."""
    entity = source.dictionary.entities[sample.entity]
    fields = (
        replace(each, coding_name="", reference=None, primary_key_type="local" if each.primary_key_type else "")
        for each in entity.fields
        if each.primary_key_type or each == sample
    )
    return replace(entity, fields=tuple(fields))


def _linking_entity() -> Entity:
    """The linking table as an entity. It is in the assay, not in the model, so that cohort tools do not show it as data."""
    fields = tuple(Field(LINKING_TABLE, each, "string") for each in LINKING_COLUMNS.names)
    return Entity(LINKING_TABLE, fields, title="Linked sample IDs")


def linking_mappings(database: Database) -> dict[tuple[str, str], ColumnMapping]:
    """Where the linking table's columns are stored, by entity and field."""
    return {
        (LINKING_TABLE, each): map_column(database, LINKING_TABLE, each, "string") for each in LINKING_COLUMNS.names
    }


def _tables(mappings: Mapping[tuple[str, str], ColumnMapping]) -> set[str]:
    return {each.table_path for each in mappings.values()}
