"""The narrowest type that takes every text of a column, whatever pieces it comes in, and the reason that is given for it."""

from __future__ import annotations

import re
from datetime import date, datetime
from math import isfinite

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.tables.inference import Evidence, cast_narrowest, join_kinds


def infer(*texts: str | None, limit: int = 100, rows_per_piece: int = 1000) -> Evidence:
    """What the rows of a column show, the first on line 2, in pieces that are looked at apart and then together."""
    whole = Evidence(limit)
    for start in range(0, len(texts), rows_per_piece):
        piece, cells = Evidence(limit), texts[start : start + rows_per_piece]
        piece.add(pa.array(cells, pa.string()), np.arange(start + 2, start + 2 + len(cells)))
        whole.merge(piece)
    return whole


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", "-7", "+3", None], "integer"),
        (["0", "10"], "integer"),
        (["9223372036854775807", "-9223372036854775808"], "integer"),
        (["9223372036854775808"], "float"),
        (["1", "2.5"], "float"),
        (["1e3", ".5", "7."], "float"),
        (["0.5", "-0.5", "00"], "string"),
        (["2024-01-01", "2024-1-2"], "date"),
        (["2024-01", "2024"], "date"),
        (["2024", "1999"], "integer"),
        (["2024", "2024-05", "2024-05-01 10:00:00"], "datetime"),
        (["2024-01-01T10:00:00Z", "2024-01-01 10:00:00.5+02:00"], "datetime"),
        (["2024-05", "17"], "string"),
        (["2024-05", "1.5"], "string"),
        (["2024-02-30"], "string"),
        (["10:30"], "string"),
        (["007", "008"], "string"),
        (["1", "-01"], "string"),
        (["1.5", "+00.5"], "string"),
        ([".05", "-.05", "-0", "+0.5", None], "float"),
        (["0123", "2024-05"], "string"),
        (["NaN"], "string"),
        (["1e999"], "string"),
        ([" 1"], "string"),
        (["0x1F"], "string"),
        (["true", "false"], "string"),
        ([None, None], "string"),
        ([], "string"),
    ],
)
def test_the_narrowest_type_that_takes_every_value_wins(texts: list[str | None], expected: str) -> None:
    assert infer(*texts).type == expected
    assert infer(*texts, rows_per_piece=1).type == expected
    assert infer(*reversed(texts), rows_per_piece=1).type == expected


def test_values_are_cast_to_the_kind_that_the_column_is_known_to_have() -> None:
    assert cast_narrowest(pa.array(["1", None]), "empty")[1].to_pylist() == [1, None]
    assert cast_narrowest(pa.array(["1", None]), "float")[1].to_pylist() == [1.0, None]
    assert cast_narrowest(pa.array(["1", None]), "string")[1].to_pylist() == ["1", None]
    assert cast_narrowest(pa.array(["2024"]), "date") == ("date", pa.array([date(2024, 1, 1)]))
    assert cast_narrowest(pa.array([None], pa.string()), "date")[1].type == pa.date32()


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (["1", "2", None], "every value is a whole number"),
        (["2024-01-01"], "every value is a date"),
        (["1", "2", "3.5", "4.5"], "not every value is a whole number, first at line 4 ('3.5')"),
        (["1", "12345678901234567890"], "not every value is a whole number within 64 bits, first at line 3 ('12345678901234567890')"),
        (["2024-01-01", "2024-01-01 10:00:00"], "not every value is a date, first at line 3 ('2024-01-01 10:00:00')"),
        (["1", "n/a", "3", "x"], "2 of 4 values are no number, first at line 3 ('n/a'); 4 different texts in 4 rows, too many to be categories"),
        (["2024-01-01", "soon", "2024-02"], "1 of 3 values is no date or time, first at line 3 ('soon'); 3 different texts in 3 rows, too many to be categories"),
        (["007", "007", "5"], "2 of 3 values have a leading zero or are no number, first at line 2 ('007'); 2 different texts in 3 rows, too many to be categories"),
        (["a", "a", "a"], "3 of 3 values are no number, first at line 2 ('a'); 1 different text"),
        ([None], "no value"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("rows_per_piece", [1000, 3])
def test_the_reason_names_the_first_value_that_stands_in_the_way(
    texts: list[str | None], reason: str, rows_per_piece: int
) -> None:
    assert infer(*texts, rows_per_piece=rows_per_piece).reason() == reason


def test_the_reason_of_the_issue_comes_out_as_it_stands_there() -> None:
    texts = [str(n) for n in range(1000)]
    for line in (17, 400, 900):
        texts[line - 2] = "?"
    assert infer(*texts).reason().startswith("3 of 1,000 values are no number, first at line 17 ('?')")


@pytest.mark.parametrize(
    ("texts", "limit", "expected"),
    [
        (["a", "b", "a", "b", "a"], 2, True),
        (["a", "b", "a", "b"], 2, False),
        (["a", "b", "c", "a", "b", "c", "a"], 2, False),
        (["a", None, None], 100, True),
        (["1", "1", "1"], 100, False),
        (["01", "01", "01"], 100, True),
        (["a", "a", "a"], 0, False),
    ],
)
@pytest.mark.parametrize("rows_per_piece", [1000, 2])
def test_texts_are_categories_if_few_and_fewer_than_half_the_rows(
    texts: list[str | None], limit: int, expected: bool, rows_per_piece: int
) -> None:
    if rows_per_piece == 2:  # a piece that looks narrower is looked at again as what the whole column is
        kind = infer(*texts).kind
        whole = Evidence(limit)
        for start in range(0, len(texts), 2):
            piece = Evidence(limit, kind)
            piece.add(pa.array(texts[start : start + 2], pa.string()), np.arange(start, start + 2))
            whole.merge(piece)
    else:
        whole = infer(*texts, limit=limit)
    assert whole.is_categorical is expected


_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_ZERO = re.compile(r"[+-]?0[0-9]")
_CELLS = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.integers(1000, 9999).map(str),
    st.floats(-1e6, 1e6).map(lambda value: f"{value:.2f}"),
    st.dates(date(1000, 1, 1)).map(date.isoformat),
    st.dates(date(1000, 1, 1)).map(lambda day: day.isoformat()[:7]),
    st.datetimes(datetime(1000, 1, 1)).map(lambda moment: moment.replace(microsecond=0).isoformat(" ")),
    st.from_regex(r"\A[-+0-9.eE]{1,5}\Z"),
    st.sampled_from(["", "x", "007", "-0", "1-1", "12:30"]),
).map(lambda text: text or None)


def _expected_type(cells: list[str | None]) -> str:
    """The rules of the narrowest type, one value at a time."""
    texts = [cell for cell in cells if cell is not None]

    def is_year(text: str) -> bool:
        return re.fullmatch(r"[0-9]{4}", text) is not None and text[0] != "0"

    def is_date(text: str) -> bool:
        match = re.fullmatch(r"([0-9]{4})-([0-9]{1,2})(?:-([0-9]{1,2}))?", text)
        if is_year(text) or match is None:
            return is_year(text)
        try:
            date(int(match[1]), int(match[2]), int(match[3] or 1))
        except ValueError:
            return False
        return True

    def is_moment(text: str) -> bool:
        return is_date(text) or (len(text) == 19 and is_date(text[:10]) and text[13] == ":")

    rules = {
        "integer": lambda text: _WHOLE.fullmatch(text) and not _ZERO.match(text),
        "float": lambda text: _NUMBER.fullmatch(text) and not _ZERO.match(text) and isfinite(float(text)),
        "date": is_date,
        "datetime": is_moment,
    }
    return next((name for name, fits in rules.items() if texts and all(map(fits, texts))), "string")


@given(st.lists(_CELLS, max_size=6), st.integers(1, 6))
def test_types_follow_the_rules_however_the_column_is_cut(cells: list[str | None], rows_per_piece: int) -> None:
    assert infer(*cells, rows_per_piece=rows_per_piece).type == _expected_type(cells)


@given(st.lists(st.sampled_from(["empty", "year", "integer", "float", "date", "datetime", "string"])), st.randoms())
def test_the_order_of_pieces_does_not_matter(kinds: list[str], random: object) -> None:
    shuffled = kinds.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert join_kinds(shuffled) == join_kinds(kinds)
