from __future__ import annotations

import json
from typing import Any

import pytest

from common.json_text import FEW_LEVELS, MOST_LEVELS, JsonError, dump_json, parse_json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'\xef\xbb\xbf{"a": [1, -2.5, null, true]}', {"a": [1, -2.5, None, True]}),
        ('"\\ud83d\\ude00 \\\\ud800 \\u00e9"', "\U0001f600 \\ud800 é"),
        ("9223372036854775807", 2**63 - 1),
        ("[1e308, 0.1]", [1e308, 0.1]),
    ],
)
def test_what_every_reader_takes_alike_is_taken(text: bytes | str, value: Any) -> None:
    assert parse_json(text) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1,\n "a": 2}', "the key 'a' is given twice in one object"),
        ("[NaN]", "NaN is not JSON"),
        ("-Infinity", "-Infinity is not JSON"),
        ("1e999", "the number 1e999 is beyond 64 bits"),
        ("9223372036854775808", "the number 9223372036854775808 is beyond 64 bits"),
        ("7" * 5000, "the number 7777"),
        ('["a",\n "\\ud800"]', r"line 2: \\ud800 is half of a character"),
        ('"\\udc00\\ud83d"', r"line 1: \\udc00 is half of a character"),
        ("\ud800", "character 1 is not UTF-8 text"),
        (b'"\xed\xa0\x80"', "byte 2 is not UTF-8 text"),
        (b"\xff\xfe[", "byte 1 is not UTF-8 text"),
        ("[" * 100_000, "more than 5,000 deep"),
        ("[1,\n2,]", "line 2, column 3"),
        ("", "line 1, column 1"),
    ],
)
def test_what_readers_differ_in_is_refused_with_its_place(text: bytes | str, said: str) -> None:
    with pytest.raises(JsonError, match=said):
        parse_json(text)


def test_a_coding_may_be_deep_and_a_job_input_may_not() -> None:
    deep: Any = "leaf"
    for _ in range(900):
        deep = [{"code": deep}]
    text = dump_json(deep)
    assert dump_json(parse_json(text)) == text
    assert MOST_LEVELS > 2 * 900
    with pytest.raises(JsonError, match=f"more than {FEW_LEVELS} deep"):
        parse_json(text, FEW_LEVELS)
    assert json.loads("[" * FEW_LEVELS + "]" * FEW_LEVELS) == parse_json(
        "[" * FEW_LEVELS + "]" * FEW_LEVELS, FEW_LEVELS
    )
