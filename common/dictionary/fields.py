"""Fields: reading the rows of a data dictionary, and the rules for a single field."""

from __future__ import annotations

from common.dictionary.columns import FIELD_COLUMNS
from common.dictionary.model import DataDictionary, Field, Reference
from common.dictionary.source import DictionaryFile, Row, Table, parse_table
from common.errors import Rule
from common.faults import Faults, Place
from common.nearest import remedy_naming
from common.values.types import TYPES

COLUMNS = tuple(column.name for column in FIELD_COLUMNS)
MANDATORY = COLUMNS[:4]
RELATIONSHIPS = ("many_to_one", "one_to_one")


def field_place(file: str, of: Field) -> Place:
    """The place of a fault in this field."""
    return Place(file, of.line, of.entity, of.name)


def parse_fields(source: DictionaryFile, faults: Faults, warnings: list[str]) -> list[Field]:
    """The fields in file order, without duplicates; none if the file cannot be used.

    Adds faults 11-15 of the file, and 13 (duplicate field), 32, 43 and 44 (form of a reference) of its rows.
    """
    table = parse_table(source, MANDATORY, COLUMNS, Rule.MANDATORY_COLUMN, faults)
    if table is None:
        return []
    if not table.rows:
        faults.add(Rule.DICTIONARY_EMPTY, "there is no row below the header", Place(source.name))
    extra = [column for column in table.columns if column not in COLUMNS]
    fields: dict[tuple[str, str], Field] = {}
    for row in table.rows:
        field = _parse_field(row, extra, table, faults, warnings)
        first = fields.setdefault((field.entity, field.name), field)
        if first is not field:
            faults.add(
                Rule.DUPLICATE_ROW,
                f"the field is described on line {first.line} already",
                field_place(source.name, field),
            )
    return list(fields.values())


def _parse_field(row: Row, extra: list[str], table: Table, faults: Faults, warnings: list[str]) -> Field:
    cells = row.cells
    values = {each.attribute: each.notation.parse(cells.get(each.name, "")) for each in FIELD_COLUMNS}
    place = Place(table.file, row.line, values["entity"], values["name"])
    for flag in (attribute for attribute, value in values.items() if value is None):
        faults.add(Rule.NOT_A_FLAG, f"{flag} is neither yes nor no", place, value=cells[flag].strip())
        values[flag] = False
    values["reference"] = _parse_reference(cells, place, faults, warnings)
    attributes = {column: cells[column] for column in extra if cells[column]}
    return Field(**values, attributes=attributes, line=row.line)


def _parse_reference(cells: dict[str, str], place: Place, faults: Faults, warnings: list[str]) -> Reference | None:
    """The reference of a row. A field of a real export may refer to itself: that is a warning, and no reference."""
    target = cells.get("referenced_entity_field", "").strip()
    relationship = cells.get("relationship", "").strip()
    if not target:
        if relationship:
            faults.add(
                Rule.RELATIONSHIP, "there is a relationship but no referenced_entity_field", place, value=relationship
            )
        return None
    entity, _, name = (part.strip() for part in target.partition(":"))
    if (entity, name) == (place.entity, place.field):
        warnings.append(f"{place.file} line {place.line}: {entity}.{name} refers to itself; the reference is ignored.")
        return None
    if relationship not in RELATIONSHIPS:
        text = f"{relationship!r} is not a relationship" if relationship else "the reference has no relationship"
        remedy = remedy_naming(Rule.RELATIONSHIP, relationship, RELATIONSHIPS, faults)
        faults.add(Rule.RELATIONSHIP, text, place, value=relationship, remedy=remedy)
    if not entity or not name or ":" in name:
        text = "referenced_entity_field is not of the form <entity>:<field>"
        faults.add(Rule.DANGLING_REFERENCE, text, place, value=target)
        return None
    return Reference(entity, name, relationship)


def validate_types(dictionary: DataDictionary, file: str, faults: Faults) -> None:
    """Adds faults 30 (type) and 31 (combination of type, coding and flags) for every field."""
    for field in dictionary.fields:
        place = field_place(file, field)
        if field.type not in TYPES:
            remedy = remedy_naming(Rule.TYPE_UNKNOWN, field.type, TYPES, faults)
            text = f"{field.type!r} is not a type" if field.type else "the field has no type"
            faults.add(Rule.TYPE_UNKNOWN, text, place, value=field.type, remedy=remedy)
        elif (found := illegal_combination(dictionary, field)) is not None:
            text, remedy = found
            faults.add(Rule.TYPE_AND_CODING, text, place, value=field.coding_name or None, remedy=remedy)


def illegal_combination(dictionary: DataDictionary, of: Field) -> tuple[str, str] | None:
    """Why the type, coding and flags of a field do not go together, and the remedy; None if they do.

    Any type may be plain or sparse. A string or integer may be categorical, and a string hierarchical; both may be
    multi-select. A coding that is not defined (fault 50) counts as flat.
    """
    coding = dictionary.coding_of(of)
    is_tree = coding is not None and coding.is_hierarchical
    if not of.coding_name:
        if of.is_sparse_coding:
            return "the field is sparse but names no coding", "Name the coding of its special values or clear the flag."
        if of.is_multi_select:
            return "the field is multi-select but names no coding", "Name the coding of its codes or clear the flag."
    elif of.is_sparse_coding:
        if of.is_multi_select:
            return "the field is both sparse and multi-select", "Clear is_multi_select or is_sparse_coding."
        if is_tree:
            return "the field is sparse but its coding is a tree", "Clear is_sparse_coding or use a flat coding."
    elif of.type not in ("string", "integer"):
        advice = "Set is_sparse_coding if only special values are coded; a field of codes is string or integer."
        return f"a {of.type} field has a coding but is not sparse", advice
    elif is_tree and of.type != "string":
        advice = f"Use type string, or a flat coding; {of.coding_name}:exclude_hierarchy flattens an ICD coding."
        return f"a field of type {of.type} has a coding that is a tree", advice
    return None
