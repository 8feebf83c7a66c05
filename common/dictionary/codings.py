"""Codings: reading a codings file, and the rules for codings and the fields that use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from common.dictionary.fields import field_place
from common.dictionary.icd import EXCLUDE_HIERARCHY, is_icd_name, supplied_names
from common.dictionary.model import Code, Coding, DataDictionary, Field
from common.dictionary.nearest import remedy_naming
from common.dictionary.source import DictionaryFile, Row, parse_table
from common.dictionary.tree import build_coding
from common.dictionary.values import parse_value
from common.errors import Rule
from common.faults import Faults

PART_MARK = "|"
"""Parts the values of a multi-select cell."""

MANDATORY = ("coding_name", "code", "meaning")
COLUMNS = (*MANDATORY, "concept", "display_order", "parent_code")
"""The columns of a codings file in the order in which `dx extract_dataset -ddd` writes them."""


def parse_codings(source: DictionaryFile, faults: Faults) -> dict[str, Coding]:
    """All codings of a file by name, in file order.

    Adds faults 11-14 of the file, 51 (column or mandatory cell missing), 52 (duplicate code), 53 and 54 (tree), and 1
    for a display_order that is not a whole number. Blanks around codes and parents are part of them.
    """
    table = parse_table(source, MANDATORY, COLUMNS, Rule.CODINGS_COLUMN, faults)
    codings: dict[str, dict[str, Code]] = {}
    for row in table.rows if table else ():
        name = row.cells["coding_name"].strip()
        code = _parse_code(row, name, source.name, faults)
        if not name or not code.code.strip():
            column = "code" if name else "coding_name"
            faults.add(
                Rule.CODINGS_COLUMN, f"{column} is blank", file=source.name, line=row.line, value=name or code.code
            )
            continue
        first = codings.setdefault(name, {}).setdefault(code.code, code)
        if first is not code:
            text = f"coding {name} has the code on line {first.line} already"
            faults.add(Rule.DUPLICATE_CODE, text, file=source.name, line=row.line, value=code.code)
    return {name: build_coding(name, codes, source.name, faults) for name, codes in codings.items()}


def _parse_code(row: Row, coding_name: str, file: str, faults: Faults) -> Code:
    cells = row.cells
    text = cells.get("display_order", "").strip()
    order: int | None = None
    if text:
        value = parse_value("float", text)  # a decimal such as 1.0, as R writes whole numbers
        if isinstance(value, float) and value.is_integer():
            order = int(value)
        else:
            problem = f"display_order in coding {coding_name} is not a whole number"
            remedy = "Number the codes from 1, or leave display_order blank for the order of the file."
            faults.add(Rule.DICTIONARY_FAULTY, problem, file=file, line=row.line, value=text, remedy=remedy)
    return Code(
        cells["code"], cells["meaning"], cells.get("concept", ""), order, cells.get("parent_code", ""), row.line
    )


def validate_coding_names(dictionary: DataDictionary, given: Mapping[str, Coding], file: str, faults: Faults) -> None:
    """Adds fault 50 (not defined) or 57 (ICD release not supplied), once per coding, at its first field."""
    missing: dict[str, list[Field]] = {}
    for field in dictionary.fields:
        if field.coding_name and field.coding_name not in dictionary.codings:
            missing.setdefault(field.coding_name, []).append(field)
    for name, fields in missing.items():
        others = f", nor for {len(fields) - 1:,} more" if len(fields) > 1 else ""
        place = field_place(file, fields[0])
        if is_icd_name(name):
            text = f"the suite does not supply {name} for this field{others}"
            supplied = f"{', '.join(supplied_names())}, each also with {EXCLUDE_HIERARCHY}"
            remedy = f"Put its rows under coding_name {name} into the codings file, or use one of {supplied}."
            faults.add(Rule.ICD_RELEASE, text, value=name, remedy=remedy, **place)
        else:
            remedy = remedy_naming(Rule.CODING_UNDEFINED, name, given, faults)
            faults.add(
                Rule.CODING_UNDEFINED,
                f"coding {name} is not defined for this field{others}",
                value=name,
                remedy=remedy,
                **place,
            )


def validate_codes(
    dictionary: DataDictionary, given: Mapping[str, Coding], file: str, codings_file: str, faults: Faults
) -> None:
    """Adds fault 55 for codes that are not of the type of their field, or that a multi-select cell would part, and 52 for codes
    of a numeric field that are the same number, such as `1` and `01`. Checks each pair of coding and type once."""
    seen: set[tuple[str, str]] = set()
    for field in dictionary.fields:
        coding = dictionary.coding_of(field)
        forms = {
            (field.coding_name, form) for form in (field.type, *(["parts"] if field.is_multi_select else []))
        } - seen
        if coding is None or not forms:
            continue
        seen |= forms
        place = field_place(file, field)
        values: dict[object, str] = {}
        for code in coding.codes:
            where = {**place, "file": codings_file, "line": code.line} if coding.name in given else place
            value = parse_value(field.type, code.code)
            if (coding.name, "parts") in forms and PART_MARK in code.code:
                text = f"the code of {coding.name} holds {PART_MARK!r}, which parts the values of {field.entity}.{field.name}"
                remedy = f"Rename the code in the codings file and in the data, so that it has no {PART_MARK}."
                faults.add(Rule.CODE_TYPE, text, value=code.code, remedy=remedy, **where)
            elif (coding.name, field.type) not in forms:
                continue
            elif value is None:
                text = f"the code of {coding.name} does not read as {field.type}"
                faults.add(Rule.CODE_TYPE, text, value=code.code, **where)
            elif field.type in ("integer", "float") and values.setdefault(value, code.code) != code.code:
                text = f"coding {coding.name} has the same number as code {values[value]} already"
                faults.add(Rule.DUPLICATE_CODE, text, value=code.code, **where)


def flattened(coding: Coding, name: str) -> Coding:
    """The same codes in the same order under another name, without parents."""
    return Coding(name, tuple(replace(code, parent_code="") for code in coding.codes))
