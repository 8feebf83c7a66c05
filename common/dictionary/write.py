"""Writes a dictionary as CSV, as `dx extract_dataset -ddd` does.

Reading the three files gives the same dictionary. Columns that the format does not know come last.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence

from common.dictionary import codings, entities, fields
from common.dictionary.columns import ENTITY_COLUMNS, FIELD_COLUMNS
from common.dictionary.model import Coding, DataDictionary


def write_data_dictionary(dictionary: DataDictionary) -> bytes:
    """One row per field, in dictionary order."""
    extra = list(dict.fromkeys(name for field in dictionary.fields for name in field.attributes))
    rows = (
        [*(column.write_cell(field) for column in FIELD_COLUMNS), *(field.attributes.get(name, "") for name in extra)]
        for field in dictionary.fields
    )
    return _write_csv([*fields.COLUMNS, *extra], rows)


def write_codings(dictionary: DataDictionary) -> bytes | None:
    """One row per code of the codings that fields use, in order of first use; None if no field is coded.

    The column `parent_code` is there only if one of these codings is a tree.
    """
    used = [dictionary.codings[name] for name in dict.fromkeys(each.coding_name for each in dictionary.fields) if name]
    if not used:
        return None
    columns = codings.COLUMNS if any(coding.is_hierarchical for coding in used) else codings.COLUMNS[:-1]
    return _write_csv(columns, (cells[: len(columns)] for coding in used for cells in _code_cells(coding)))


def _code_cells(of: Coding) -> Iterable[list[str]]:
    for position, code in enumerate(of.codes, start=1):
        yield [of.name, code.code, code.meaning, code.concept, str(position), code.parent_code]


def write_entity_dictionary(dictionary: DataDictionary) -> bytes:
    """One row per entity, in dictionary order."""
    rows = ([column.write_cell(each) for column in ENTITY_COLUMNS] for each in dictionary.entities.values())
    return _write_csv(entities.COLUMNS, rows)


class _Lines(list[str]):
    """The lines of a csv writer, ended by a line feed. With that terminator, a writer leaves a lone carriage return unquoted."""

    def write(self, line: str) -> None:
        self.append(line.removesuffix("\r\n") + "\n")


def _write_csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return "".join(lines).encode("utf-8")
