"""The header of a delimited file, read without the rows."""

from __future__ import annotations

import csv

from common.dictionary import format_of
from common.errors import AppError
from common.faults import Faults
from common.platform import InputFile
from common.scan.delimited import TextFile, first_record
from common.scan.files import compression_of, read_bytes, stamp_of

UNREADABLE = 65

_EXPORT = "Export the table as CSV in UTF-8; of compressed files only gzip is read as it is."


def read_header(
    file: InputFile, delimiter: str, encoding: str, faults: Faults
) -> tuple[TextFile, tuple[str, ...]] | None:
    """The file as tasks need to know it, and its column names; None, with a fault 65, if that cannot be told."""
    try:
        stamp = stamp_of(file.path)
        is_gzip = compression_of(file.path) != "plain"
        if not is_gzip and (found := format_of(read_bytes(file.path, 0, 16))):
            raise AppError(UNREADABLE, f"the file is {found}, not delimited text", _EXPORT)
        text, size, lines = first_record(file.path, is_gzip, encoding)
        header = split_header(text, delimiter)
    except UnicodeError as error:  # not all are of bytes: UTF-16 may lack its byte-order mark
        faults.add(
            UNREADABLE, f"the header is not {encoding}: {getattr(error, 'reason', error)}", file=file.name, line=1
        )
        return None
    except AppError as error:
        faults.add(error.code, error.text, file=file.name, remedy=error.remedy)
        return None
    if not text:
        faults.add(UNREADABLE, "the file is empty; it has no header", file=file.name)
        return None
    return TextFile(file.name, file.path, stamp.size, is_gzip, encoding, size, lines, stamp), header


def split_header(text: str, delimiter: str) -> tuple[str, ...]:
    """The cells of a header record. Raises `AppError` 65 where it cannot be parted into cells."""
    try:
        return tuple(next(csv.reader([text], delimiter=delimiter), []))
    except csv.Error:
        raise AppError(
            UNREADABLE, f"a cell of the header has more than {csv.field_size_limit():,} characters"
        ) from None
