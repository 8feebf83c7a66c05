"""The narrowest type that fits every text of a column, however it is divided into pieces, and the reason shown for it."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from math import isfinite

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.dataset_extender.inference import Evidence, cast_narrowest, join_kinds


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
        (["1", "-7", None], "integer"),
        (["1", "+3"], "string"),
        (["+447911123456", "1.5"], "string"),
        (["+1.5", "-0.2", "3"], "float"),
        (["-0"], "string"),
        (["0", "10"], "integer"),
        (["9223372036854775807", "-9223372036854775808"], "integer"),
        (["9223372036854775808"], "string"),
        (["10000000000000000000000"], "string"),
        (["9007199254740993", "1"], "integer"),
        (["9007199254740993", "1.5"], "string"),
        (["9007199254740992", "1.5"], "float"),
        (["0.30000000000000004", "0.10000000000000001", "1.000000000000000056e-01"], "float"),
        (["0.1234567890123456789"], "string"),
        (["12345678901234567.5"], "string"),
        (["1.50000000000000000000", "1e-05", "2.5E+10", "1.5e3", "0e-500", "-0.0"], "float"),
        (["1e-400"], "string"),
        (["4.9406564584124654e-324", "5e-324"], "float"),
        (["1E5"], "string"),
        (["2e03", "1.5"], "string"),
        (["1.9", "1.10"], "float"),
        (["8302-2", "8480-6"], "string"),
        (["1988-5", "2085-9"], "string"),
        (["1988-5", "2085-9", "2024-01-31"], "date"),
        (["8302-2", "2024-01-31"], "string"),
        (["1008-09", "1008-10"], "string"),
        (["2024-5", "2024-10"], "string"),
        (["2024-5", "2024"], "string"),
        (["2024-5", "7"], "string"),
        (["2024-10", "1987"], "date"),
        (["2024-10", "1387"], "string"),
        (["2024-10-01", "9999"], "string"),
        (["2024-10-01", "9999-12-31"], "date"),
        (["7440-06-4", "7440-02-1"], "string"),
        (["1", "2.5"], "float"),
        (["1e+3", ".5", "7."], "float"),
        (["0.5", "-0.5", "00"], "string"),
        (["2024-01-01", "2024-1-2"], "date"),
        (["2024-01", "2024"], "date"),
        (["2024", "1999"], "integer"),
        (["2024", "2124"], "integer"),
        (["2024", "2024-05", "2024-05-01 10:00:00"], "datetime"),
        (["2024-01-01T10:00:00Z", "2024-01-01 10:00:00.5+02:00"], "datetime"),
        (["2024-05", "17"], "string"),
        (["2024-05", "1.5"], "string"),
        (["2024-02-30"], "string"),
        (["10:30"], "string"),
        (["007", "008"], "string"),
        (["1", "-01"], "string"),
        (["1.5", "+00.5"], "string"),
        ([".05", "-.05", "-0.0", "+0.5", None], "float"),
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
        (["1", "12345678901234567890"], "1 of 2 values is not a number, or one that would not be given back as it stands, first at line 3 ('12345678901234567890'); 2 different texts in 2 rows, too many to be categories"),
        (["2024-5"], "no whole date stands beside values that may be months; 1 different text in 1 row, too many to be categories"),
        (["2024-01-01", "2024-01-01 10:00:00"], "not every value is a date, first at line 3 ('2024-01-01 10:00:00')"),
        (["1", "n/a", "3", "x"], "2 of 4 values are not numbers, first at line 3 ('n/a'); 4 different texts in 4 rows, too many to be categories"),
        (["2024-01-01", "soon", "2024-02"], "1 of 3 values is not a date or time, first at line 3 ('soon'); 3 different texts in 3 rows, too many to be categories"),
        (["007", "007", "5"], "2 of 3 values are not numbers, or one that would not be given back as it stands, first at line 2 ('007'); 2 different texts in 3 rows, too many to be categories"),
        (["a", "a", "a"], "3 of 3 values are not numbers, first at line 2 ('a'); 1 different text"),
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
    assert infer(*texts).reason().startswith("3 of 1,000 values are not numbers, first at line 17 ('?')")


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


_CELLS = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.integers(1000, 9999).map(str),
    st.floats(-1e6, 1e6).map(lambda value: f"{value:.2f}"),
    st.dates(date(1000, 1, 1)).map(date.isoformat),
    st.dates(date(1000, 1, 1)).map(lambda day: day.isoformat()[:7]),
    st.datetimes(datetime(1000, 1, 1)).map(lambda moment: moment.replace(microsecond=0).isoformat(" ")),
    st.from_regex(r"\A[-+0-9.eE]{1,5}\Z"),
    st.integers(-(2**65), 2**65).map(str),
    st.from_regex(r"\A(19|20|87)[0-9]{2}-[0-9]{1,2}(-[0-9]{1,2})?\Z"),
    st.sampled_from(["", "x", "007", "-0", "1-1", "12:30", "1E5", "+4", "2023", "2024", "1.10"]),
).map(lambda text: text or None)


def _date_form(text: str) -> str:
    """The form of a text that a column of dates may hold; blank for other texts."""
    match = re.fullmatch(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?", text)
    try:
        day = date(int(match[1]), int(match[2] or 1), int(match[3] or 1)) if match else None
    except ValueError:
        day = None
    if day is None or (text != day.isoformat() and not 1900 <= day.year <= 2099):
        return ""
    return "y" * len(match[1]) + "m" * len(match[2] or "") + "d" * len(match[3] or "") if match else ""


def _gives_back(text: str) -> bool:
    """Whether a float stores the text's value, if not its form."""
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text) or not isfinite(float(text)):
        return False
    if re.match(r"[+-]?0[0-9]", text) or re.fullmatch(r"[+-]?[0-9]+[eE][0-9]+|\+[0-9]+|-0", text):
        return False
    if re.fullmatch(r"[+-]?[0-9]+", text):
        return int(float(text)) == int(text) and -(2**63) <= int(text) < 2**63
    digits = len(Decimal(text).as_tuple().digits)
    return Decimal(f"{float(text):.{digits - 1}e}") == Decimal(text)


def _expected_type(cells: list[str | None]) -> str:
    """The rules of the narrowest type, one value at a time."""
    texts = [cell for cell in cells if cell is not None]
    if texts and all(re.fullmatch(r"0|-?[1-9][0-9]*", text) and -(2**63) <= int(text) < 2**63 for text in texts):
        return "integer"
    if texts and all(map(_gives_back, texts)):
        return "float"
    forms = {
        "t" if len(text) == 19 and _date_form(text[:10]) and text[13] == ":" else _date_form(text) for text in texts
    }
    if not forms or "" in forms:
        return "string"
    if "t" in forms:
        return "datetime"
    return "date" if any("d" in form for form in forms) or forms <= {"yyyy", "yyyymm"} else "string"


@settings(max_examples=50)
@given(st.lists(_CELLS, max_size=6), st.integers(1, 6))
def test_types_follow_the_rules_however_the_column_is_cut(cells: list[str | None], rows_per_piece: int) -> None:
    assert infer(*cells, rows_per_piece=rows_per_piece).type == _expected_type(cells)


@given(
    st.lists(
        st.sampled_from(
            ["empty", "year", "integer", "long", "float", "month", "loose month", "date", "datetime", "string"]
        )
    ),
    st.randoms(),
)
def test_the_order_of_pieces_does_not_matter(kinds: list[str], random: object) -> None:
    shuffled = kinds.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert join_kinds(shuffled) == join_kinds(kinds)


@pytest.mark.parametrize(
    ("texts", "remarks"),
    [
        (["1.5", "+2.5", ".5", "7.", "-.5"], ["4 of 5 values: a plus or a bare point, which is not kept, first at line 3 ('+2.5')"]),
        (["1.9", "1.10"], ["1 of 2 values: zeros at the end, where others have fewer digits; they are not kept, first at line 3 ('1.10')"]),
        (["1.90", "1.10", None], []),
        (["2.0", "1.5", "3"], []),
        (["2024-01-31", "2024-02", "2023-05", "2024"],
         ["1 of 4 values: a year alone; the first of January is stored, first at line 5 ('2024')",
          "2 of 4 values: no day; the first of the month is stored, first at line 3 ('2024-02')"]),
        (["2024-1-31"], ["1 of 1 values: a date without leading zeros, first at line 2 ('2024-1-31')"]),
        (["2024-01-31", "2024-01-31 10:00:00", "2024-01-31T10:00:00+02:00", "2024-01-31T10:00:00Z"],
         ["1 of 4 values: no time; 00:00:00 is stored, first at line 2 ('2024-01-31')",
          "1 of 4 values: an offset; the time in UTC is stored, first at line 4 ('2024-01-31T10:00:00+02:00')"]),
        (["1.5", "NA", "NA", "NA"], ["it is text because of 'NA' alone (3 of 4 values, first at line 3); give in null_values the texts that mean a missing value"]),
        (["1", "2", "NA", "ND"], ["it is text because of 'NA', 'ND' alone (2 of 4 values, first at line 4); give in null_values the texts that mean a missing value"]),
        (["2024-01-01", "unknown"], ["it is text because of 'unknown' alone (1 of 2 values, first at line 3); give in null_values the texts that mean a missing value"]),
        (["1", "007"], []), (["a", "b"], []), (["NA"], []), ([None], []), (["1", "2"], []),
    ],
)  # fmt: skip
@pytest.mark.parametrize("rows_per_piece", [1000, 2])
def test_what_is_not_plain_is_told_with_its_count_and_an_example(
    texts: list[str | None], remarks: list[str], rows_per_piece: int
) -> None:
    kind, whole = infer(*texts).kind, Evidence(100)
    for start in range(0, len(texts), rows_per_piece):  # each piece looked at as what the whole column is
        piece, cells = Evidence(100, kind), texts[start : start + rows_per_piece]
        piece.add(pa.array(cells, pa.string()), np.arange(start + 2, start + 2 + len(cells)))
        whole.merge(piece)
    assert whole.remarks() == remarks
