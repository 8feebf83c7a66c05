"""Merges two Datasets: the source's entities beside the target's, linked by a reference from source to target.

The merged Dataset has the main entity, the schema and the assays of the target. No row is copied: fields stay mapped to the
columns that store them, in the databases of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from common.dataset.model import Assay, Dataset, Join
from common.dictionary import DataDictionary, Entity, Field, Reference, name_problem
from common.errors import Rule
from common.faults import Faults, Place
from common.nearest import nearest_remedy
from common.values.types import KEY_TYPES


@dataclass(frozen=True)
class Renaming:
    """New names of source entities and codings, by old name; and the names of codings that both sides have."""

    entities: Mapping[str, str] = field(default_factory=dict)
    codings: Mapping[str, str] = field(default_factory=dict)
    shared_codings: tuple[str, ...] = ()


def find_link_field(
    dataset: Dataset | Assay, side: str, entity: str | None, name: str | None, faults: Faults, field_input: str = ""
) -> Field | None:
    """The linking field of one side. Without a name it is the key of the entity; without an entity, of the main entity.

    Faults are told for the inputs `<side>_entity_name` and `field_input`, by default `<side>_field_name`. Adds fault 301
    for an entity or field that is not there.
    """
    field_input = field_input or f"{side}_field_name"
    entities, kind = dataset.dictionary.entities, "Dataset" if isinstance(dataset, Dataset) else "assay"
    of = entities.get(entity) if entity else dataset.dictionary.main_entity
    if of is None:
        remedy = nearest_remedy(entity, entities, f"Its entities are {', '.join(entities)}.")
        text = f"{kind} {dataset.name} has no entity {entity}"
        faults.add(Rule.UNKNOWN_FIELD, text, Place(field=f"{side}_entity_name"), value=entity, remedy=remedy)
        return None
    found = of.by_name.get(name) if name else of.primary_key
    if found is None:
        text = f"the entity {of.name} of {kind} {dataset.name} has no {f'field {name}' if name else 'key'}"
        remedy = nearest_remedy(name, of.by_name, f"Name one of its fields in {field_input}.")
        faults.add(Rule.UNKNOWN_FIELD, text, Place(entity=of.name, field=field_input), value=name, remedy=remedy)
    return found


def validate_link(source: Field, target: Field, faults: Faults, remedy: str = "") -> None:
    """Adds faults 302 and 303 for fields that do not match, and 46 for a source field that refers to another already.
    `remedy` replaces the rule's own where their types differ."""
    place = Place(entity=source.entity, field=source.name)
    if source.type != target.type:
        text = f"it is {source.type}, and {target.entity}.{target.name} of the target is {target.type}"
        faults.add(Rule.KEY_TYPES_DIFFER, text, place, remedy=remedy)
    validate_linkable(source, target, faults)
    if source.reference:
        to = source.reference
        faults.add(
            Rule.NO_SINGLE_PATH,
            f"the field refers to {to.entity}.{to.field} already",
            place,
            value=f"{to.entity}:{to.field}",
            remedy=f"Link {to.entity} to the target instead.",
        )


def validate_linkable(source: Field, target: Field, faults: Faults) -> None:
    """Adds faults 302 and 303 for each field that cannot link rows."""
    at, to = (Place(entity=each.entity, field=each.name) for each in (source, target))
    for each, place in ((source, at), (target, to)):
        if each.type not in KEY_TYPES:
            faults.add(Rule.KEY_TYPES_DIFFER, f"a {each.type} field cannot link rows", place)
    if source.is_multi_select:
        faults.add(Rule.KEY_TYPES_DIFFER, "a multi-select field cannot refer to another", at)
    if target.is_multi_select:
        faults.add(Rule.TARGET_NOT_UNIQUE, "a multi-select field cannot be referred to", to)


def plan_names(source: Dataset, target: Dataset, prefix: str | None, faults: Faults) -> Renaming:
    """New names for what both sides have. Adds faults 312 and 313 if there is no prefix or the new names are taken too, and
    20 if a new name cannot be used."""
    taken = {name.casefold(): name for name in target.dictionary.entities}
    own = {name.casefold() for name in source.dictionary.entities}
    entities: dict[str, str] = {}
    for name in source.dictionary.entities:
        if name.casefold() in taken:
            entities[name] = f"{prefix or ''}{name}"
            _validate_entity(name, entities[name], prefix, own | set(taken), faults)
    _validate_tables(source, target, faults)
    shared, codings = [], {}
    mine = target.dictionary.codings
    for name, coding in source.dictionary.codings.items():
        if name in mine and coding.codes == mine[name].codes:
            shared.append(name)
        elif name in mine:
            codings[name] = f"{prefix or ''}{name}"
            if prefix is None or codings[name] in mine or codings[name] in source.dictionary.codings:
                what = "source and target have different codings of this name"
                faults.add(
                    Rule.CODING_TAKEN,
                    what if prefix is None else f"{what}, and {codings[name]} is taken too",
                    value=name,
                )
    return Renaming(entities, codings, tuple(shared))


def _validate_entity(name: str, new: str, prefix: str | None, taken: set[str], faults: Faults) -> None:
    if prefix is None:
        faults.add(Rule.ENTITY_TAKEN, "source and target both have this entity", Place(entity=name), value=name)
    elif new.casefold() in taken:
        text = f"source and target both have this entity, and {new} is taken too"
        faults.add(Rule.ENTITY_TAKEN, text, Place(entity=name), value=new, remedy="Give another prefix.")
    elif problem := name_problem(new):
        faults.add(
            Rule.ENTITY_NAME,
            f"with the prefix, {problem}",
            Place(entity=name),
            value=new,
            remedy="Give another prefix.",
        )


def _validate_tables(source: Dataset, target: Dataset, faults: Faults) -> None:
    """Adds fault 312 for a table that both use. Readers find fields by their columns, so one field would hide the other."""
    owners = {(each.database_unique_name, each.table): entity for (entity, _), each in target.mappings.items()}
    found: dict[str, tuple[str, str]] = {}
    for (entity, _), each in source.mappings.items():
        if owner := owners.get((each.database_unique_name, each.table)):
            found.setdefault(entity, (owner, each.table))
    for entity, (owner, table) in found.items():
        text = f"its table {table} is that of the target's entity {owner}: the Datasets share these rows already"
        faults.add(Rule.ENTITY_TAKEN, text, Place(entity=entity), remedy="Merge Datasets that were loaded apart.")


def merge_datasets(
    name: str, source: Dataset, target: Dataset, link: tuple[Field, Field], relationship: str, names: Renaming
) -> Dataset:
    """The merged Dataset. `link` is the source field that refers, and the target field that it refers to."""
    referring, referred = link
    mine, theirs = target.dictionary, source.dictionary
    entities = [_adopt(entity, referring, referred, relationship, names) for entity in theirs.entities.values()]
    codings = {
        new: replace(coding, name=new)
        for old, coding in theirs.codings.items()
        if (new := names.codings.get(old, old)) not in mine.codings
    }
    mappings = {
        (names.entities.get(entity, entity), each): mapping for (entity, each), mapping in source.mappings.items()
    }
    to = source.mappings[referring.entity, referring.name].path
    join = Join(target.mappings[referred.entity, referred.name].path, to, relationship)
    return Dataset(
        name, f"Dataset: {name}", target.schema,
        DataDictionary({**mine.entities, **{each.name: each for each in entities}}, {**mine.codings, **codings}),
        {**target.mappings, **mappings}, (*target.joins, *source.joins, join), target.assays,
    )  # fmt: skip


def _adopt(entity: Entity, referring: Field, referred: Field, relationship: str, names: Renaming) -> Entity:
    """A source entity in the merged Dataset: renamed, with a local key and the reference to the target."""
    name = names.entities.get(entity.name, entity.name)
    fields = []
    for each in entity.fields:
        reference = each.reference
        if reference:
            reference = replace(reference, entity=names.entities.get(reference.entity, reference.entity))
        if (each.entity, each.name) == (referring.entity, referring.name):
            reference = Reference(referred.entity, referred.name, relationship)
        fields.append(replace(
            each, entity=name, primary_key_type="local" if each.primary_key_type else "", reference=reference,
            coding_name=names.codings.get(each.coding_name, each.coding_name),
        ))  # fmt: skip
    return replace(
        entity, name=name, fields=tuple(fields), title=entity.title or (entity.name if name != entity.name else "")
    )
