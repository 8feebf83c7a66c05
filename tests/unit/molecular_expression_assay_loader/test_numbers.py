"""Cells to numbers, held against Python's own reading of each."""

from __future__ import annotations

import math
import re

from hypothesis import given
from hypothesis import strategies as st

from apps.molecular_expression_assay_loader.numbers import ValueRules, parse_cells

REALS, COUNTS = ValueRules(is_count=False), ValueRules(is_count=True)
NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


def read(text: str, rules: ValueRules) -> tuple[object, int | None]:
    """What one cell means, the slow and plain way: its value, or the rule it breaks."""
    if text in rules.missing:
        return -1, None
    if re.fullmatch(r"\s*[+-]?(nan|inf(inity)?)\s*", text, re.IGNORECASE):
        return None, 106
    if not NUMBER.fullmatch(text):
        return None, 105
    value = float(text)
    if not math.isfinite(value) or value < 0:
        return None, 106
    if not rules.is_count:
        return value, None
    is_whole = re.fullmatch(r"\+?\d+", text.strip())
    if value % 1 or value >= 2**63:
        return None, 106
    return int(text) if is_whole else int(value), None


CELLS = st.one_of(
    st.integers(0, 2**62).map(str),
    st.floats(0, 1e9).map(repr),
    st.sampled_from(["", "NA", "nan", "-inf", "Infinity", "-1", "-0.5", "1e400", "1.5", "2.0", "1e3", "+7", " 8 ", ".5", "5.",
                     "0x1A", "1_0", "12a", "--1", "1,5".replace(",", ";"), "9223372036854775808", "9007199254740993"]),
)  # fmt: skip


@given(st.lists(CELLS, min_size=1, max_size=12), st.sampled_from([REALS, COUNTS]), st.sampled_from([",", "\t"]))
def test_every_cell_is_read_as_the_plain_way_reads_it(cells: list[str], rules: ValueRules, delimiter: str) -> None:
    parsed = parse_cells((delimiter.join(cells) + "\n").encode(), delimiter, rules)
    expected = [read(cell, rules) for cell in cells]
    bad = {place: each.code for each in parsed.bad for place in each.places.tolist()}
    assert bad == {place: code for place, (_, code) in enumerate(expected) if code}
    if not bad:
        assert parsed.values.tolist() == [value for value, _ in expected]
        assert parsed.values.dtype == ("int64" if rules.is_count else "float64")
    assert parsed.any_absent or not any(cell in rules.missing for cell in cells)


@given(st.lists(st.floats(0, allow_nan=False, allow_infinity=False, allow_subnormal=False), min_size=1, max_size=20))
def test_reals_are_read_to_the_last_bit(values: list[float]) -> None:
    assert parse_cells((",".join(map(repr, values)) + "\n").encode(), ",", REALS).values.tolist() == values


def test_quotes_and_carriage_returns_are_no_part_of_a_number() -> None:
    assert parse_cells(b'"1","2.5"\r\n3,"NA"\r\n', ",", REALS).values.tolist() == [1.0, 2.5, 3.0, -1.0]


def test_a_cell_that_holds_the_delimiter_is_no_two_numbers() -> None:
    parsed = parse_cells(b'"1,2"\n', ",", REALS)
    assert [(each.code, each.texts) for each in parsed.bad] == [(105, ['"1', '2"'])]


def test_a_carriage_return_amid_a_cell_is_no_part_of_a_number() -> None:
    parsed = parse_cells(b"1\r2,3\r\n4,5\r\n", ",", REALS)
    assert [(each.code, each.places.tolist(), each.texts) for each in parsed.bad] == [(105, [0], ["1\r2"])]


def test_the_first_texts_of_a_broken_rule_are_kept() -> None:
    parsed = parse_cells(b"1,x,y\n2,z,3\n", ",", REALS)
    assert [(each.code, each.places.tolist(), each.texts) for each in parsed.bad] == [(105, [1, 2, 4], ["x", "y", "z"])]


def test_counts_are_exact_however_they_are_written() -> None:
    largest = 2**63 - 1
    texts = ["9007199254740993.0", "9.007199254740993e15", "+0009007199254740993", f"{largest}", f"{largest}.00", "1.5e1", "100e-2", ".0", "-0",
             "0e-99999999999", "1e+05"]  # fmt: skip
    odd = 9007199254740993
    expected = [odd, odd, odd, largest, largest, 15, 1, 0, 0, 0, 100000]
    assert parse_cells((",".join(texts) + "\n").encode(), ",", COUNTS).values.tolist() == expected


def test_what_is_no_count_is_told_however_small_the_difference() -> None:
    fractions = ["9007199254740992.5", "1.00000000000000000001", "15e-1", "1e-400"]
    large = ["9223372036854775808", "9223372036854775808.0", "1e30"]
    parsed = parse_cells((",".join(fractions + large) + "\n").encode(), ",", COUNTS)
    assert [(each.code, each.reason, each.texts) for each in parsed.bad] == [
        (106, "a fraction, where counts are whole", fractions), (106, "too large for a count", large),
    ]  # fmt: skip


def test_a_byte_order_mark_in_the_first_cell_is_no_part_of_a_number() -> None:
    assert [each.texts for each in parse_cells("\ufeff1,2\n".encode(), ",", REALS).bad] == [["\ufeff1"]]


def test_an_empty_cell_is_missing_and_blanks_around_a_missing_text_are_no_part_of_it() -> None:
    rules = ValueRules(is_count=False, missing=("-",))
    assert parse_cells(b"1,,-\n", ",", rules).values.tolist() == [1.0, -1.0, -1.0]
    assert parse_cells(b"1, , - \n", ",", rules).values.tolist() == [1.0, -1.0, -1.0]
