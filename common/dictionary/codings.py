"""Codings: reading a codings file, and the rules for codings and the fields that use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from common.dictionary.fields import field_place
from common.dictionary.icd import EXCLUDE_HIERARCHY, is_icd_name, supplied_names
from common.dictionary.model import Code, Coding, DataDictionary, Field
from common.dictionary.source import DictionaryFile, Row, parse_table
from common.dictionary.tree import build_coding
from common.errors import Rule
from common.faults import Faults, Place
from common.nearest import remedy_naming
from common.values.casts import cast_cells
from common.values.types import TYPES

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
    rows = table.rows if table else ()
    codings: dict[str, dict[str, Code]] = {}
    for row, order in zip(rows, _parse_orders(rows, source.name, faults), strict=True):
        name, cells, place = row.cells["coding_name"].strip(), row.cells, Place(source.name, row.line)
        code = Code(
            cells["code"], cells["meaning"], cells.get("concept", ""), order, cells.get("parent_code", ""), row.line
        )
        if not name or not code.code.strip():
            column = "code" if name else "coding_name"
            faults.add(Rule.CODINGS_COLUMN, f"{column} is blank", place, value=name or code.code)
            continue
        first = codings.setdefault(name, {}).setdefault(code.code, code)
        if first is not code:
            text = f"coding {name} has the code on line {first.line} already"
            faults.add(Rule.DUPLICATE_CODE, text, place, value=code.code)
    return {name: build_coding(name, codes, source.name, faults) for name, codes in codings.items()}


def _parse_orders(rows: Sequence[Row], file: str, faults: Faults) -> list[int | None]:
    """The display_order of each row, None where it is blank. A decimal such as 1.0 counts: R writes whole numbers so."""
    texts = [row.cells.get("display_order", "").strip() or None for row in rows]
    found = [
        None if value is None else int(value) if value.is_integer() else None
        for value in cast_cells(pa.array(texts, pa.string()), "float")[0].to_pylist()
    ]
    for row, text, order in zip(rows, texts, found, strict=True):
        if text and order is None:
            problem = f"display_order in coding {row.cells['coding_name'].strip()} is not a whole number"
            remedy = "Number the codes from 1, or leave display_order blank for the order of the file."
            faults.add(Rule.DICTIONARY_FAULTY, problem, Place(file, row.line), value=text, remedy=remedy)
    return found


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
            faults.add(Rule.ICD_RELEASE, text, place, value=name, remedy=remedy)
        else:
            remedy = remedy_naming(Rule.CODING_UNDEFINED, name, given, faults)
            faults.add(
                Rule.CODING_UNDEFINED,
                f"coding {name} is not defined for this field{others}",
                place,
                value=name,
                remedy=remedy,
            )


def validate_codes(
    dictionary: DataDictionary, given: Mapping[str, Coding], file: str, codings_file: str, faults: Faults
) -> None:
    """Adds fault 55 for codes that are not of the type of their field, or that a multi-select cell would part, and 52 for codes
    of a numeric field that are the same number, such as `1` and `01`. Checks each pair of coding and type once."""
    seen: set[tuple[str, str]] = set()
    for field in dictionary.fields:
        coding = dictionary.coding_of(field)
        if coding is None:
            continue
        place = field_place(file, field)
        files = codings_file if coding.name in given else ""
        if field.is_multi_select and (coding.name, PART_MARK) not in seen:
            seen.add((coding.name, PART_MARK))
            _validate_parts(coding, place, files, faults)
        if field.type in TYPES and (coding.name, field.type) not in seen:
            seen.add((coding.name, field.type))
            _validate_values(coding, field, place, files, faults)


def _code_place(code: Code, place: Place, codings_file: str) -> Place:
    """The line of a code in the codings file, or the place of the field for a coding that the suite supplies."""
    return replace(place, file=codings_file, line=code.line) if codings_file else place


def _validate_parts(coding: Coding, place: Place, codings_file: str, faults: Faults) -> None:
    for code in coding.codes:
        if PART_MARK in code.code:
            text = (
                f"the code of {coding.name} holds {PART_MARK!r}, which parts the values of {place.entity}.{place.field}"
            )
            remedy = f"Rename the code in the codings file and in the data, so that it has no {PART_MARK}."
            faults.add(Rule.CODE_TYPE, text, _code_place(code, place, codings_file), value=code.code, remedy=remedy)


def _validate_values(coding: Coding, field: Field, place: Place, codings_file: str, faults: Faults) -> None:
    texts = [code.code for code in coding.codes]
    values, bad = cast_cells(pa.array(texts, pa.string()), field.type)
    for at in np.flatnonzero(bad).tolist() if bad is not None else ():
        if not (field.is_multi_select and PART_MARK in texts[at]):
            text = f"the code of {coding.name} does not read as {field.type}"
            faults.add(Rule.CODE_TYPE, text, _code_place(coding.codes[at], place, codings_file), value=texts[at])
    if field.type in ("integer", "float"):
        first: dict[float, str] = {}
        for code, value in zip(coding.codes, values.to_pylist(), strict=True):
            if value is not None and first.setdefault(value, code.code) != code.code:
                text = f"coding {coding.name} has the same number as code {first[value]} already"
                faults.add(Rule.DUPLICATE_CODE, text, _code_place(code, place, codings_file), value=code.code)


def flattened(coding: Coding, name: str) -> Coding:
    """The same codes in the same order under another name, without parents."""
    return Coding(name, tuple(replace(code, parent_code="") for code in coding.codes))
