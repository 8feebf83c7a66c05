"""JSON from outside: parsed strictly, and held against a JSON schema.

What is refused here is what JSON readers differ in: a key given twice, NaN and infinities, numbers beyond 64 bits, half a
character (a surrogate without its pair), and nesting beyond `MOST_LEVELS`.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from resources import resource

if TYPE_CHECKING:
    import jsonschema_rs

MOST_LEVELS = 5_000
"""Lists and objects in one another; a coding of n levels has 2 n. Their parser takes some 500 bytes of stack for each."""
FEW_LEVELS = 100
"""The same where no coding is: job inputs, objects. Any JSON writer can write them."""

_FAULTS_SHOWN = 20
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)", re.DOTALL)
_LARGEST = 1 << 63


class JsonError(ValueError):
    """A text is not JSON, or in a form that is not taken. The message says where and why."""


def parse_json(content: bytes | str, most_levels: int = MOST_LEVELS) -> Any:
    """The value that a JSON text holds, UTF-8 if it is bytes. Raises `JsonError`."""
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content.removeprefix("\ufeff")
        _refuse_half_characters(text)
        with _deep():
            value = json.loads(
                text, parse_int=_integer, parse_float=_number, parse_constant=_constant, object_pairs_hook=_object
            )
    except UnicodeDecodeError as error:
        raise JsonError(f"byte {error.start + 1:,} is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise JsonError(f"line {error.lineno:,}, column {error.colno:,}: {error.msg}") from None
    except RecursionError:
        value, most_levels = [], 0
    if _count_levels(value) > most_levels:
        raise JsonError(f"lists and objects stand in one another more than {most_levels or MOST_LEVELS:,} deep")
    return value


def dump_json(value: Any) -> str:
    """The shortest JSON text of a value, however deep a coding it holds."""
    with _deep():
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@contextmanager
def _deep() -> Iterator[None]:
    """Lets the parser and the writer of JSON go as deep as `MOST_LEVELS`."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, MOST_LEVELS))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _count_levels(value: Any) -> int:
    count, level = 0, [value]
    while level := [each for each in level if isinstance(each, (dict, list))]:
        count += 1
        level = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]
    return count


def _refuse_half_characters(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise JsonError(f"character {error.start + 1:,} is not UTF-8 text") from None
    if "\\ud" in text or "\\uD" in text:
        for escape in _ESCAPE.finditer(text):
            if escape[1]:
                line = text.count("\n", 0, escape.start()) + 1
                raise JsonError(f"line {line:,}: \\{escape[1]} is half of a character")


def _integer(text: str) -> int:
    if len(text) > 20 or not -_LARGEST <= (value := int(text)) < _LARGEST:
        raise JsonError(f"the number {_short(text)} is beyond 64 bits")
    return value


def _number(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise JsonError(f"the number {_short(text)} is beyond 64 bits")
    return value


def _constant(text: str) -> Any:
    raise JsonError(f"{text} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise JsonError(f"the key {_short(twice)!r} is given twice in one object")
    return value


def schema_faults(value: Any, schema: str, root: str) -> list[str]:
    """What is wrong with a value by the JSON schema `resources/<schema>.schema.json`: place and reason, the first few and how
    many more. `root` names the value as a whole."""
    faults = []
    for error in _validator(schema).iter_errors(value):
        place = ".".join(map(str, error.instance_path)) or root
        faults.append(f"{_short(place, 200)}: {_short(error.message, 200)}")
    more = len(faults) - _FAULTS_SHOWN
    return [*faults[:_FAULTS_SHOWN], *([f"… and {more:,} more"] if more > 0 else [])]


@cache
def _validator(schema: str) -> jsonschema_rs.Validator:
    import jsonschema_rs  # here, as commands that read no Dataset do without it

    return jsonschema_rs.validator_for(json.loads(resource(f"{schema}.schema.json").read_text(encoding="utf-8")))


def _short(text: str, most: int = 40) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
