"""What each type accepts, pinned: the forms of the specification and no other."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.values.casts import cast_cells

BAD = object()


def cast(texts: list[str | None], field_type: str) -> list[object]:
    """Each cell's value, or BAD."""
    values, bad = cast_cells(pa.array(texts, pa.string()), field_type)
    marks = [False] * len(texts) if bad is None else bad.tolist()
    return [BAD if mark else value for value, mark in zip(values.to_pylist(), marks, strict=True)]


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


ACCEPTED: list[tuple[str, str, object]] = [
    ("integer", "42", 42),
    ("integer", "-7", -7),
    ("integer", "+7", 7),
    ("integer", "007", 7),
    ("integer", "9223372036854775807", 2**63 - 1),
    ("integer", "-9223372036854775808", -(2**63)),
    ("integer", "9223372036854775808", BAD),
    ("integer", "9" * 5000, BAD),
    ("integer", "-" + "0" * 5000 + "7", -7),
    ("integer", "1.0", BAD),
    ("integer", "1/2", BAD),
    ("integer", "0x1F", BAD),
    ("integer", " 1", BAD),
    ("integer", "1_000", BAD),
    ("integer", "١", BAD),
    ("float", "3.14", 3.14),
    ("float", "1", 1.0),
    ("float", "1.", 1.0),
    ("float", ".5", 0.5),
    ("float", "-1e-5", -1e-5),
    ("float", "+1E+5", 1e5),
    ("float", "NaN", BAD),
    ("float", "inf", BAD),
    ("float", "1e999", BAD),
    ("float", "1d", BAD),
    ("float", "1.5f", BAD),
    ("float", "1,5", BAD),
    ("float", "1/2", BAD),
    ("float", ".", BAD),
    ("date", "2024-02-29", date(2024, 2, 29)),
    ("date", "2024-2-9", date(2024, 2, 9)),
    ("date", "2024-02", date(2024, 2, 1)),
    ("date", "2024", date(2024, 1, 1)),
    ("date", "1890-12-31", date(1890, 12, 31)),
    ("date", "2023-02-29", BAD),
    ("date", "2023-13-01", BAD),
    ("date", "0000-01-01", BAD),
    ("date", "24-01-01", BAD),
    ("date", "01/02/2024", BAD),
    ("date", "10:11:12", BAD),
    ("date", "2024-01-01 10:11:12", BAD),
    ("datetime", "2024-01-02 03:04:05", at(2024, 1, 2, 3, 4, 5)),
    ("datetime", "2024-01-02T03:04:05Z", at(2024, 1, 2, 3, 4, 5)),
    ("datetime", "2024-01-02 03:04:05.5", at(2024, 1, 2, 3, 4, 5, 500000)),
    ("datetime", "2024-01-02T3:4:5", at(2024, 1, 2, 3, 4, 5)),
    ("datetime", "2024-01-02 03:04:05+02:00", at(2024, 1, 2, 1, 4, 5)),
    ("datetime", "2024-01-02 03:04:05.123456-5:30", at(2024, 1, 2, 8, 34, 5, 123456)),
    ("datetime", "2024-01-02", at(2024, 1, 2)),
    ("datetime", "2024-01", at(2024, 1, 1)),
    ("datetime", "2024", at(2024, 1, 1)),
    ("datetime", "2024-01-02 03", BAD),
    ("datetime", "2024-01-02 03+02:00", BAD),
    ("datetime", "2024-01-02 03:04", at(2024, 1, 2, 3, 4)),
    ("datetime", "2024-1-2T3:4", at(2024, 1, 2, 3, 4)),
    ("datetime", "2024-01-02T03:04Z", at(2024, 1, 2, 3, 4)),
    ("datetime", "2024-01-02 03:04+02:00", at(2024, 1, 2, 1, 4)),
    ("datetime", "2024-01-02 03:04+0200", at(2024, 1, 2, 1, 4)),
    ("datetime", "2024-01-02 03:04:05+0530", at(2024, 1, 1, 21, 34, 5)),
    ("datetime", "2024-01-02 03:04.5", BAD),
    ("datetime", "2024-01-02 03:04+020", BAD),
    ("datetime", "2024-01-02 03", BAD),
    ("datetime", "2024-01-02 24:00:00", BAD),
    ("datetime", "2024-01-02 03:04:05.1234567", BAD),
    ("datetime", "2024-01-02 03:04:05 UTC", BAD),
    ("datetime", "2024-01-02 03:04:05 Europe/Berlin", BAD),
    ("datetime", "2024-01-02 03:04:05+25:00", BAD),
    ("datetime", "10:11:12", BAD),
    ("string", " as it is ", " as it is "),
]


@pytest.mark.parametrize(("field_type", "text", "value"), ACCEPTED)
def test_a_cell_is_read_alike_alone_and_among_others(field_type: str, text: str, value: object) -> None:
    fits = {"integer": "1", "float": "1", "date": "2000-01-01", "datetime": "2000-01-01", "string": "x"}[field_type]
    strange = {"string": "x"}.get(field_type, "?")
    assert cast([text], field_type) == [value]
    assert cast([fits, text, None], field_type)[1:] == [value, None]
    assert cast([text, strange], field_type)[0] == value


@given(st.lists(st.one_of(st.none(), st.integers(-(2**70), 2**70))))
def test_integers_are_kept_or_refused_by_range_alone(numbers: list[int | None]) -> None:
    expected = [BAD if n is not None and not -(2**63) <= n < 2**63 else n for n in numbers]
    assert cast([None if n is None else str(n) for n in numbers], "integer") == expected


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_floats_read_back_exactly(numbers: list[float]) -> None:
    assert cast([repr(n) for n in numbers], "float") == numbers


@given(
    st.lists(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31))), st.sampled_from(["", "Z"])
)
def test_datetimes_read_back_exactly(moments: list[datetime], zone: str) -> None:
    assert cast([f"{m.isoformat()}{zone}" for m in moments], "datetime") == [m.replace(tzinfo=UTC) for m in moments]
