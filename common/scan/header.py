"""The header of a delimited file, read without the rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from common.errors import AppError, Rule
from common.faults import Faults, Place
from common.scan.delimited import LONGEST_RECORD, TextFile, first_record, stray_quotes
from common.scan.files import compression_of, format_of, read_bytes, stamp_of

MOST_COLUMNS = 50_000
"""Columns that a file may have: each takes a task some 8 KB, whatever it holds."""

_EXPORT = "Export the table as CSV in UTF-8; of compressed files only gzip is read as it is."
_QUOTED = re.compile(r'"[^"]*"')
_DELIMITERS = ",\t;|"
_RARE = "^~ "
"""Delimiters that a header may be separated by only if it has none of the others."""


@dataclass(frozen=True)
class Header:
    """The names of a file's columns, blank where a column has none."""

    file: TextFile
    names: tuple[str, ...]
    delimiter: str

    def without_nameless(self, faults: Faults) -> Header | None:
        """The header with only the columns that have a name; the file says where others are. None, with a fault 25, if no column
        has one."""
        places = tuple(place for place, name in enumerate(self.names) if not name.strip())
        if len(places) == len(self.names):
            faults.add(Rule.FIELD_NAME, "no column has a name in the header", Place(self.file.name, 1))
            return None
        names = tuple(name for name in self.names if name.strip())
        return Header(replace(self.file, nameless=places), names, self.delimiter)


def read_header(
    name: str, path: str, delimiter: str | None, encoding: str, faults: Faults, longest: int = LONGEST_RECORD
) -> Header | None:
    """The file as tasks need to know it, with its column names; None, with a fault 65, if that cannot be told. Without a
    delimiter, the one that the header shows."""
    try:
        stamp = stamp_of(path)
        is_gzip = compression_of(path) != "plain"
        if not is_gzip and (found := format_of(read_bytes(path, 0, 16))):
            raise AppError(Rule.UNREADABLE, f"the file is {found}, not delimited text", _EXPORT)
        text, size, lines = first_record(path, is_gzip, encoding, longest)
        if not text:
            faults.add(Rule.UNREADABLE, "the file is empty; it has no header", Place(name))
            return None
        names, delimiter = _parse_header(text, delimiter)
    except UnicodeError as error:  # not all are of bytes: UTF-16 may lack its byte-order mark
        faults.add(Rule.UNREADABLE, f"the header is not {encoding}: {getattr(error, 'reason', error)}", Place(name, 1))
        return None
    except AppError as error:
        faults.add(error.code, error.text, Place(name), remedy=error.remedy)
        return None
    text_file = TextFile(name, path, stamp.size, is_gzip, encoding, size, lines, stamp, longest_record=longest)
    return Header(text_file, names, delimiter)


def _parse_header(text: str, delimiter: str | None) -> tuple[tuple[str, ...], str]:
    found = find_delimiter(text, delimiter or ",")
    if delimiter and found != delimiter:
        shown, stated = (each.replace("\t", "\\t") for each in (found, delimiter))
        problem = f'the header is separated by "{shown}", not by "{stated}"'
        raise AppError(Rule.UNREADABLE, problem, f'Run again with the delimiter "{shown}".')
    if text.count(found) >= MOST_COLUMNS:
        problem = (
            f"the header has {text.count(found) + 1:,} columns, more than the {MOST_COLUMNS:,} that a file may have"
        )
        raise AppError(Rule.UNREADABLE, problem, "Cut the file by columns, each part with the key.")
    return split_header(text, found), found


def find_delimiter(text: str, stated: str) -> str:
    """The delimiter that parts a header into the most names: the stated one, unless another does better.

    >>> find_delimiter('id;"a,b";c', ",")
    ';'
    """
    names = _QUOTED.sub("", text)
    most = max(_DELIMITERS if any(each in names for each in _DELIMITERS) else _RARE, key=names.count)
    is_better = names.count(most) > names.count(stated) and not stray_quotes(text.encode(), most)
    return most if is_better else stated


def split_header(text: str, delimiter: str) -> tuple[str, ...]:
    """The cells of a header record. Raises `AppError` 65 where it cannot be parted into cells."""
    if stray_quotes(text.encode(), delimiter):
        problem = "a quote in the header stands inside a name"
        raise AppError(
            Rule.UNREADABLE, problem, 'Put the whole name in quotes and double each quote inside it: "5"" pipe".'
        )
    try:
        return tuple(next(csv.reader([text], delimiter=delimiter), []))
    except csv.Error:
        raise AppError(
            Rule.UNREADABLE, f"a cell of the header has more than {csv.field_size_limit():,} characters"
        ) from None


def describe_nameless(files: Sequence[TextFile]) -> list[str]:
    """A warning for each file with columns that have neither a name nor a value."""
    return [
        f"{file.name}: {shown_places(file.nameless)} without a name or a value skipped"
        for file in files
        if file.nameless
    ]


def shown_places(places: Sequence[int]) -> str:
    """Columns by their numbers.

    >>> shown_places((7, 8))
    'columns 8 and 9'
    """
    shown = [f"{place + 1:,}" for place in places[:20]]
    if len(places) > len(shown):
        shown.append(f"{len(places) - len(shown):,} more")
    joined = " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
    return f"column {joined}" if len(shown) == 1 else f"columns {joined}"
