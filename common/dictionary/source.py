"""Reads a dictionary file: CSV with RFC 4180 quoting, in UTF-8 with or without byte order mark."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from common.errors import Rule
from common.faults import Faults, Place
from common.nearest import nearest_name
from common.scan.files import format_of

_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class DictionaryFile:
    """A dictionary file in memory, with the name that the user gave it."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the line on which it starts, where the header is line 1, and its cells by column."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """The header and rows of a dictionary file, without empty rows."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def parse_table(
    source: DictionaryFile, mandatory: Sequence[str], known: Sequence[str], code: Rule, faults: Faults
) -> Table | None:
    """The table that a file holds; None if it cannot be read or lacks a column of `mandatory` (fault `code`).

    Adds faults 1 (column without name), 11 (not plain CSV), 12 (bytes, quoting, row width), 13 (duplicate column) and
    14 (no header).
    """
    text = _parse_text(source, faults)
    if text is None:
        return None
    records = _parse_records(text, source.name, faults)
    line, header = next(records, (1, []))
    if not header:
        faults.add(Rule.DICTIONARY_EMPTY, "the file is empty", Place(source.name))
        return None
    if len(header) == 1 and any(mark in header[0] for mark in "\t;|"):
        text, remedy = "the header has no comma; another delimiter is used", "Save the file with a comma as delimiter."
        faults.add(Rule.NOT_A_DICTIONARY, text, Place(source.name, line), value=header[0], remedy=remedy)
        return None
    places = _parse_header(header, line, source.name, faults)
    missing = [column for column in mandatory if column not in places]
    for column in missing:
        near = nearest_name(column, islice((name for name in places if name not in known), 1000))
        remedy = f"Rename the column {near!r} to {column!r}." if near else ""
        faults.add(code, f"there is no column {column}", Place(source.name, line), value=column, remedy=remedy)
    rows = tuple(_rows(records, header, places, source.name, faults))
    return None if missing else Table(source.name, tuple(places), rows)


def _parse_text(source: DictionaryFile, faults: Faults) -> str | None:
    found = format_of(source.data)
    if found is None and b"\0" in source.data:
        found = "UTF-16 text" if source.data.startswith(_UTF_16_MARKS) else "binary or UTF-16"
    if found is not None:
        faults.add(Rule.NOT_A_DICTIONARY, f"the file is {found}, not plain CSV", Place(source.name))
        return None
    try:
        return source.data.decode("utf-8-sig")
    except UnicodeDecodeError:
        for number, line in enumerate(source.data.splitlines(), start=1):
            try:
                line.decode("utf-8-sig")
            except UnicodeDecodeError as error:
                bad = line[error.start : error.start + 1].hex()
                faults.add(
                    Rule.DICTIONARY_UNREADABLE,
                    f"byte 0x{bad} at position {error.start + 1} of the line is not UTF-8",
                    Place(source.name, number),
                )
        # Read on with the bad bytes replaced, so that the other faults of the file are reported in the same run.
        return source.data.decode("utf-8-sig", errors="replace")


def _parse_records(text: str, file: str, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not empty, with the line on which it starts. Quoted line breaks are counted."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            faults.add(Rule.DICTIONARY_UNREADABLE, f"the quoting is broken: {error}", Place(file, line))
            continue
        if any(cell.strip() for cell in record):
            yield line, record


def _parse_header(header: Sequence[str], line: int, file: str, faults: Faults) -> dict[str, int]:
    """The position of each column by name."""
    places: dict[str, int] = {}
    for position, cell in enumerate(header):
        name = cell.strip()
        if name in places and name:
            faults.add(Rule.DUPLICATE_ROW, f"column {name} is in the header twice", Place(file, line), value=name)
        places.setdefault(name, position)
    places.pop("", None)
    return places


def _rows(
    records: Iterator[tuple[int, list[str]]], header: Sequence[str], places: dict[str, int], file: str, faults: Faults
) -> Iterator[Row]:
    nameless = [position for position, cell in enumerate(header) if not cell.strip()]
    for line, record in records:
        if len(record) != len(header):
            remedy = "Quote cells that hold a comma, a quote or a line break, and fill short rows with empty cells."
            text = f"the row has {len(record)} cells, the header {len(header)}"
            faults.add(Rule.DICTIONARY_UNREADABLE, text, Place(file, line), remedy=remedy)
            continue
        for position in [position for position in nameless if record[position].strip()]:
            nameless.remove(position)  # once per column; one without values is a trailing comma
            remedy = "Name the column or remove it."
            text = f"column {position + 1} has values but no name in the header"
            faults.add(Rule.DICTIONARY_FAULTY, text, Place(file, line), value=record[position], remedy=remedy)
        yield Row(line, {name: record[position] for name, position in places.items()})
