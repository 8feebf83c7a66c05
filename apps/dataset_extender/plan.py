"""The plan: the target Dataset and the header of the source file, checked before Spark is started."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from common.dataset.database import Database
from common.dataset.descriptor import parse_descriptor
from common.dataset.layout import part_table
from common.dataset.model import ColumnMapping, Dataset
from common.dataset.names import dataset_stem
from common.dictionary import CODINGS_TABLE, LONGEST_SPLIT, Entity, Field, name_problem
from common.dictionary.columns import parse_folder_path
from common.dictionary.names import companion_names
from common.errors import AppError, Rule
from common.faults import Faults, Place, counted
from common.job import Run
from common.nearest import nearest_remedy
from common.platform.names import draft_database, parse_record_name
from common.scan.delimited import TextFile
from common.scan.encoding import validate_encoding
from common.scan.header import read_header
from common.scan.records import TextFormat, parse_delimiter, parse_longest_record
from common.values.types import KEY_TYPES

SOFT_COLUMNS = 400
"""Columns beyond which a run warns; the older documentation of the app's model names this limit."""


_Linked = tuple[Entity, Field]
_Source = tuple[TextFile, tuple[str, ...], str]


@dataclass(frozen=True)
class Plan:
    """What will be added to which Dataset. `entity` is the one that gets the fields: the target entity, or a new one that
    refers to it. `relationship` is blank where the data are to show it."""

    name: str
    target: Dataset
    target_entity: Entity
    target_key: Field
    entity: str
    key_column: str
    relationship: str
    folder_path: tuple[str, ...]
    file: TextFile
    header: tuple[str, ...]
    form: TextFormat
    max_categories: int
    database: Database
    table: str

    @property
    def extends(self) -> bool:
        """Whether the target entity itself gets the fields."""
        return self.entity == self.target_entity.name

    @property
    def key_mapping(self) -> ColumnMapping:
        """Where the target's key is stored."""
        return self.target.mappings[self.target_entity.name, self.target_key.name]


def make_plan(run: Run) -> Plan:
    """Reads the target's descriptor and the source's header. Raises one `FaultError` with all that is wrong in them."""
    inputs, faults = run.inputs, Faults()
    with run.progress.stage("plan") as stage:
        _validate_options(run)
        validate_encoding(inputs.encoding)
        name = parse_record_name(inputs.output_dataset_name or f"{inputs.target_dataset.name}_extended")
        form = TextFormat(
            parse_delimiter(inputs.source_data_delimiter, "source_data_delimiter"), ("", *(inputs.null_values or []))
        )
        target = parse_descriptor(run.platform.read_descriptor(inputs.target_dataset))
        linked = _find_target(target, inputs.target_entity_name, faults)
        if inputs.new_entity_name is not None:
            _validate_entity_name(inputs.new_entity_name, target, faults)
        source = _read_source(run, form, target, linked, faults)
        faults.raise_if_any("The plan")
        (entity, key), (file, header, key_column) = cast(_Linked, linked), cast(_Source, source)
        added_to = inputs.new_entity_name or entity.name
        if inputs.new_entity_name is None and len(entity.name) > LONGEST_SPLIT:
            text = f"the entity {entity.name} has a name of more than {LONGEST_SPLIT} characters, too long for one more table"
            raise AppError(Rule.ENTITY_NAME, text, "Give new_entity_name, to add the file as an entity.")
        stage.note(f"{counted(len(header) - 1, 'field')} for {added_to} of {target.name}")
    if len(header) > SOFT_COLUMNS:
        text = f"{file.name} has {len(header):,} columns, more than {SOFT_COLUMNS}; the app is meant for fewer"
        run.progress.warn(text)
    return Plan(
        name, target, entity, key, added_to, key_column, inputs.relationship or "", parse_folder_path(inputs.folder_path or ""),
        file, header, form, inputs.max_categories,
        draft_database(inputs.database_name or f"{dataset_stem(name)}_db"),
        inputs.new_entity_name or _part_name(entity.name, target),
    )  # fmt: skip


def _read_source(run: Run, form: TextFormat, target: Dataset, linked: _Linked | None, faults: Faults) -> _Source | None:
    """The source file with its header, checked, and the column that links it."""
    inputs = run.inputs
    longest = parse_longest_record(inputs.max_record_mib)
    source = inputs.source_data
    found = read_header(source.name, source.path, form.delimiter, inputs.encoding, faults, longest)
    found = found and found.without_nameless(faults)
    if found is None:
        return None
    file, header = found.file, found.names
    key_column = _find_key_column(inputs.key_column, header, file.name, faults)
    extended = linked[0] if linked and inputs.new_entity_name is None else None
    _validate_header(header, key_column, file.name, extended, target, faults)
    return file, header, key_column


def _validate_options(run: Run) -> None:
    inputs = run.inputs
    if inputs.relationship and inputs.new_entity_name is None:
        text = "relationship: fields that extend an entity stand one to one with its rows"
        raise AppError(Rule.JOB_INPUT, text, "Leave relationship out, or give new_entity_name to add an entity.")
    if inputs.max_categories < 0:
        raise AppError(
            Rule.JOB_INPUT, f"max_categories: {inputs.max_categories} is negative", "Give 0 for no codings, or more."
        )


def _find_target(target: Dataset, name: str | None, faults: Faults) -> _Linked | None:
    """The entity to extend or refer to, and its key. Adds fault 301 or 45."""
    entities = target.dictionary.entities
    entity = entities.get(name) if name else target.dictionary.main_entity
    if entity is None:
        remedy = nearest_remedy(name, entities, f"Its entities are {', '.join(entities)}.")
        faults.add(
            Rule.UNKNOWN_FIELD,
            f"the Dataset has no entity {name}",
            Place(field="target_entity_name"),
            value=name,
            remedy=remedy,
        )
        return None
    key = entity.primary_key
    if key is None or key.type not in KEY_TYPES or key.is_multi_select:
        text = f"the entity {entity.name} has no key that rows could be linked to"
        faults.add(
            Rule.UNFIT_REFERENCE,
            text,
            Place(entity=entity.name),
            remedy="Give an entity that has a key in target_entity_name.",
        )
        return None
    return entity, key


def _validate_entity_name(name: str, target: Dataset, faults: Faults) -> None:
    folded = {each.casefold(): each for each in [*target.dictionary.entities, *_tables(target)]}
    problem = name_problem(name)
    if name.casefold() == CODINGS_TABLE:
        problem = f"{CODINGS_TABLE} is the table of the codings"
    elif problem is None and (taken := folded.get(name.casefold())):
        problem = f"the Dataset has an entity or table {taken} already"
    if problem:
        faults.add(Rule.ENTITY_NAME, problem, Place(field="new_entity_name"), value=name, remedy="Give another name.")


def _tables(target: Dataset) -> Iterable[str]:
    return {mapping.table for mapping in target.mappings.values()}


def _find_key_column(given: str | None, header: tuple[str, ...], file: str, faults: Faults) -> str:
    if given is None or given in header:
        return given or header[0]
    remedy = nearest_remedy(given, header, "Give the name of a column of the file in key_column.")
    faults.add(
        Rule.COLUMN_MISSING, "the file has no such column to link by", Place(file, 1), value=given, remedy=remedy
    )
    return given


def _validate_header(
    header: tuple[str, ...], key_column: str, file: str, extended: Entity | None, target: Dataset, faults: Faults
) -> None:
    """Adds faults 21, 25 and 64 for names that the new fields cannot have."""
    taken = _taken_names(extended, target) if extended else {}
    seen: dict[str, str] = {}
    for name in header:
        place = Place(file, 1)
        is_key = name == key_column
        if name in seen.values():
            faults.add(Rule.DUPLICATE_COLUMN, "the column stands more than once", place, value=name)
        elif problem := name_problem(name):
            faults.add(Rule.FIELD_NAME, problem, place, value=name)
        elif other := seen.get(name.casefold()):
            faults.add(Rule.CASE_CLASH, f"the column differs from {other} only in case", place, value=name)
        elif not is_key and name.casefold() in taken:
            remedy = "Rename the column, or leave it out if it holds the same data."
            faults.add(Rule.FIELD_NAME, taken[name.casefold()], place, value=name, remedy=remedy)
        seen.setdefault(name.casefold(), name)
    if len(header) == 1:
        remedy = "Check source_data_delimiter, and that the file has columns besides the key."
        faults.add(Rule.FIELD_NAME, "the file has one column only", Place(file, 1), value=header[0], remedy=remedy)


def _taken_names(entity: Entity, target: Dataset) -> Mapping[str, str]:
    """Folded names that a new field of the entity cannot have, and why."""
    taken = {
        each.name.casefold(): f"the entity {entity.name} has a field {each.name} already" for each in entity.fields
    }
    for name, tree in companion_names(target.dictionary, entity).items():
        taken.setdefault(name, f"the name is taken by the companion column of the hierarchical field {tree}")
    return taken


def _part_name(entity: str, target: Dataset) -> str:
    """The table of the new fields: the entity's next part, by a name that no table of the Dataset has."""
    taken = {table.casefold() for table in _tables(target)}
    number = 1 + len({mapping.table for (owner, _), mapping in target.mappings.items() if owner == entity})
    while part_table(entity, number).casefold() in taken:
        number += 1
    return part_table(entity, number)
