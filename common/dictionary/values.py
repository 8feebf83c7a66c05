"""Reads a single text as a value of a field type. For codes; the cells of data files are cast by column elsewhere."""

from __future__ import annotations

import math
import re
from datetime import date, time

_INTEGER = re.compile(r"[+-]?[0-9]{1,100}")  # Python refuses to read thousands of digits, and a BIGINT has 19
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:\.[0-9]{1,6})?(?:Z|[+-]([0-9]{1,2}):([0-9]{1,2}))?")
_BIGINT = range(-(2**63), 2**63)
_MAX_ZONE_HOURS = 18  # Spark's and java.time's bound


def parse_value(field_type: str, text: str) -> object | None:
    """The value of a text, or None if it is not of the type. Equal numbers are equal values, however they are written.

    >>> [parse_value("integer", text) for text in ("7", "+07", "7.0", "seven")]
    [7, 7, None, None]
    """
    if field_type == "integer":
        return whole if _INTEGER.fullmatch(text) and (whole := int(text)) in _BIGINT else None
    if field_type == "float":
        return number if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)) else None
    if field_type == "date":
        return _parse_date(text)
    if field_type == "datetime":
        day, mark, clock = text.partition("T" if "T" in text else " ")
        if not mark:
            return _parse_date(day)
        return text if len(day.split("-")) == 3 and _parse_date(day) and _is_clock(clock) else None
    return text


def _parse_date(text: str) -> date | None:
    """A whole or partial date; a missing month or day is the first."""
    found = _DATE.fullmatch(text)
    try:
        return date(*(int(part or 1) for part in found.groups())) if found else None
    except ValueError:
        return None


def _is_clock(text: str) -> bool:
    found = _CLOCK.fullmatch(text)
    if not found:
        return False
    hour, minute, second, zone_hour, zone_minute = (int(part or 0) for part in found.groups())
    try:
        time(hour, minute, second)
    except ValueError:
        return False
    return zone_minute < 60 and 60 * zone_hour + zone_minute <= 60 * _MAX_ZONE_HOURS
