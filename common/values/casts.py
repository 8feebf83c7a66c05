"""Cells of text to typed values, a whole column at a time.

Each `cast_*` takes a string array and gives the typed array, null where the text is not of the type, and the mask of those
cells, or None if there is none. Arrow's own casts take more than the format allows (`0x1F`, `inf`, `10:11`), so the text is
matched first: by the set of bytes it uses where that settles it, which is nearly free, and by pattern only where it does not.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.values.types import ARROW_TYPES

Cast = tuple[pa.Array, np.ndarray | None]

INTEGER_TEXT = r"^[+-]?[0-9]+$"
FLOAT_TEXT = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_DATE_TEXT = r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{1,2})(?:-(?P<day>[0-9]{1,2})"
DATE_TEXT = rf"^{_DATE_TEXT})?)?$"
DATETIME_TEXT = (
    rf"^{_DATE_TEXT}(?:[ T](?P<hour>[0-9]{{1,2}}):(?P<minute>[0-9]{{1,2}})(?::(?P<second>[0-9]{{1,2}})"
    r"(?:\.(?P<fraction>[0-9]{1,6}))?)?(?P<zone>Z|[+-](?:[0-9]{1,2}:[0-9]{1,2}|[0-9]{4}))?)?)?)?$"
)

EXPECTED_TEXT = {
    "string": "text",
    "integer": "a whole number within 64 bits, such as 42 or -7",
    "float": "a number, such as 3.14 or 1e-5",
    "date": "yyyy, yyyy-mm or yyyy-mm-dd",
    "datetime": "a date, or yyyy-mm-dd hh:mm with optional seconds, fraction, and Z or an offset such as +02:00",
}
"""What a cell of each type looks like, for messages."""


def cast_cells(texts: pa.Array, field_type: str) -> Cast:
    """`texts` (string) as `field_type`."""
    return _CASTS[field_type](texts)


def all_bytes(texts: pa.Array) -> np.ndarray:
    """All bytes of a string array's values, nulls contributing none, as uint8; a view where possible."""
    offsets, data = text_layout(texts)
    return data[offsets[0] : offsets[-1]]


def text_layout(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Offsets (one more than values) and data bytes of a string array, without copying."""
    _, offset_buffer, data_buffer = texts.buffers()
    if offset_buffer is None or len(texts) == 0:
        return np.zeros(len(texts) + 1, dtype=np.int32), np.zeros(0, dtype=np.uint8)
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    offsets = np.frombuffer(offset_buffer, dtype=width)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(data_buffer, dtype=np.uint8) if data_buffer is not None else np.zeros(0, dtype=np.uint8)
    return offsets, data


def _byte_table(allowed: bytes) -> np.ndarray:
    table = np.zeros(256, dtype=bool)
    table[np.frombuffer(allowed, dtype=np.uint8)] = True
    return table


_FLOAT_BYTES = _byte_table(b"+-.0123456789eE")


def _bytes_within(texts: pa.Array, first: str, last: str) -> bool:
    """Whether all bytes of the texts are from `first` to `last`; much quicker than to look each up in a table."""
    data = all_bytes(texts)
    return not len(data) or bool(data.min() >= ord(first) and data.max() <= ord(last))


def _cast_string(texts: pa.Array) -> Cast:
    return texts, None


def _cast_integer(texts: pa.Array) -> Cast:
    if _bytes_within(texts, "-", "9"):  # of those between, Arrow takes neither . nor /
        try:
            return pc.cast(texts, pa.int64()), None
        except pa.ArrowInvalid:
            pass  # out of range, or a misplaced sign: the slow way finds which
    fits = pc.match_substring_regex(texts, INTEGER_TEXT)
    digits = pc.utf8_ltrim(texts, "+")
    is_long = pc.greater(pc.binary_length(digits), 18)
    values = pc.cast(_where(digits, pc.and_(fits, pc.invert(is_long))), pa.int64())
    if pc.any(pc.and_(fits, is_long)).as_py():
        values, fits = _cast_long_integers(digits, fits, values)
    return values, _unfit(fits, texts)


def _cast_long_integers(digits: pa.Array, fits: pa.Array, values: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Numbers of 19 digits and more, which may be in range or not; they are few."""
    column, is_fit = values.to_pylist(), fits.to_pylist()
    for index in np.flatnonzero(np.asarray(pc.fill_null(pc.greater(pc.binary_length(digits), 18), False))):
        if is_fit[index]:
            text = digits[int(index)].as_py()
            number = text.lstrip("-").lstrip("0")
            value = int(number[:20] or 0) * (
                -1 if text.startswith("-") else 1
            )  # 20 digits are out of range, however they go on
            is_fit[index] = -(2**63) <= value < 2**63
            column[index] = value if is_fit[index] else None
    return pa.array(column, pa.int64()), pa.array(is_fit, pa.bool_())


def _cast_float(texts: pa.Array) -> Cast:
    if _bytes_within(texts, "+", "9") or _FLOAT_BYTES[all_bytes(texts)].all():  # Arrow takes neither , nor /
        try:
            values = pc.cast(texts, pa.float64())
        except pa.ArrowInvalid:
            pass
        else:
            if not pc.any(pc.is_inf(values)).as_py():
                return values, None
    fits = pc.match_substring_regex(texts, FLOAT_TEXT)
    values = pc.cast(_where(texts, fits), pa.float64())
    is_finite = pc.fill_null(pc.is_finite(values), False)
    return _where(values, is_finite), _unfit(pc.and_(fits, is_finite), texts)


def _cast_date(texts: pa.Array) -> Cast:
    if _lengths_within(texts, (10,)):
        try:
            days = pc.cast(texts, pa.date32())
            if _is_past_year_zero(days):
                return days, None
        except pa.ArrowInvalid:
            pass
    days, _, is_fit = _parse_moments(texts, DATE_TEXT)
    return pa.array(days.astype("datetime64[D]"), pa.date32(), mask=~is_fit), _bad_mask(texts, is_fit)


_PLAIN_LENGTHS = (10, 16, 19, 21, 22, 23, 24, 25, 26)
_ZULU_LENGTHS = (17, 20, 22, 23, 24, 25, 26, 27)


def _cast_datetime(texts: pa.Array) -> Cast:
    """Whole columns of one ISO form go to Arrow's cast; its shorter forms (`hh`) are kept out by their lengths."""
    for lengths, zone in ((_PLAIN_LENGTHS, None), (_ZULU_LENGTHS, "UTC")):
        if _lengths_within(texts, lengths) and _ends_with_zulu(texts) is (zone is not None):
            try:
                moments = pc.cast(texts, pa.timestamp("us", tz=zone)).cast(ARROW_TYPES["datetime"])
                if _is_past_year_zero(moments):
                    return moments, None
            except pa.ArrowInvalid:
                pass
            break
    _, moments, is_fit = _parse_moments(texts, DATETIME_TEXT)
    return pa.array(moments, pa.timestamp("us"), mask=~is_fit).cast(ARROW_TYPES["datetime"]), _bad_mask(texts, is_fit)


def _is_past_year_zero(values: pa.Array) -> bool:
    """Whether all are in year 1 or later: Arrow knows a year 0, which the calendar of SQL has not."""
    first = pa.scalar(date.min, pa.date32()).cast(values.type)
    lowest = pc.min(values)
    return not lowest.is_valid or pc.greater_equal(lowest, first).as_py()


def _lengths_within(texts: pa.Array, lengths: tuple[int, ...]) -> bool:
    """Whether all non-null texts have one of these byte lengths."""
    sizes = np.diff(text_layout(texts)[0])
    fits = np.isin(sizes, (*lengths, 0))
    return bool(fits.all()) and int((sizes == 0).sum()) == texts.null_count


def _ends_with_zulu(texts: pa.Array) -> bool | None:
    """True if every non-null text ends with Z, False if none does, None if some do."""
    offsets, data = text_layout(texts)
    last = data[offsets[1:][np.diff(offsets) > 0] - 1]
    is_zulu = last == ord("Z")
    return bool(is_zulu[0]) if len(last) and (is_zulu == is_zulu[0]).all() else (False if not len(last) else None)


def _parse_moments(texts: pa.Array, pattern: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Days (datetime64[D]), moments (datetime64[us], UTC) and which texts are valid, by pattern and calendar; vectorised."""
    groups = pc.extract_regex(texts, pattern)
    matched = np.asarray(pc.is_valid(groups))

    year, month, day = (_group_number(groups, name, 1) for name in ("year", "month", "day"))
    is_fit = matched & (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    months = np.where(is_fit, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    is_fit &= days.astype("datetime64[M]") == months
    if pattern is DATE_TEXT:
        return days, days.astype("datetime64[us]"), is_fit
    hour, minute, second = (_group_number(groups, name, 0) for name in ("hour", "minute", "second"))
    is_fit &= (hour < 24) & (minute < 60) & (second < 60)
    fraction = pc.utf8_rpad(pc.fill_null(groups.field("fraction"), ""), 6, "0")
    micros = np.asarray(pc.cast(fraction, pa.int64()))
    shift, zone_fits = _zone_minutes(pc.fill_null(groups.field("zone"), ""))
    is_fit &= zone_fits
    seconds = (hour * 60 + minute - shift) * 60 + second
    return days, days.astype("datetime64[us]") + (seconds * 1_000_000 + micros), is_fit


def _group_number(groups: pa.StructArray, name: str, default: int) -> np.ndarray:
    """A group of digits as int64, `default` where it is blank or the text did not match."""
    digits = pc.fill_null(groups.field(name), "")
    return np.asarray(pc.cast(pc.if_else(pc.equal(digits, ""), str(default), digits), pa.int64()))


def _zone_minutes(zones: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Minutes east of UTC of `Z`, `+02:00`, … or blank (UTC), and which are within 18 hours, as in ISO 8601 and Java."""
    parts = pc.extract_regex(zones, r"^(?P<sign>[+-])(?P<hours>[0-9]{1,2}):?(?P<minutes>[0-9]{1,2})$")
    hours, minutes = _group_number(parts, "hours", 0), _group_number(parts, "minutes", 0)
    sign = np.where(np.asarray(pc.equal(pc.fill_null(parts.field("sign"), "+"), "-")), -1, 1)
    total = hours * 60 + minutes
    return sign * total, (minutes < 60) & (total <= 18 * 60)


def _where(values: pa.Array, keep: pa.Array) -> pa.Array:
    return pc.if_else(pc.fill_null(keep, False), values, pa.scalar(None, values.type))


def _unfit(fits: pa.Array, texts: pa.Array) -> np.ndarray | None:
    return _bad_mask(texts, np.asarray(pc.fill_null(fits, True)))


def _bad_mask(texts: pa.Array, is_fit: np.ndarray) -> np.ndarray | None:
    bad = ~is_fit
    if texts.null_count:
        bad = bad & np.asarray(texts.is_valid())
    return bad if bad.any() else None


_CASTS: dict[str, Callable[[pa.Array], Cast]] = {
    "string": _cast_string,
    "integer": _cast_integer,
    "float": _cast_float,
    "date": _cast_date,
    "datetime": _cast_datetime,
}
