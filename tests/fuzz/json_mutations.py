"""Changes to JSON values, as a slip, a damaged disk or an enemy would make them."""

from __future__ import annotations

import random
from typing import Any

HOSTILE: list[Any] = [
    None, True, 0, -1, 1.5, 1 << 62, "", " ", ".", "..", "../..", "../outside/file", "/etc/passwd", "a/b", "a\nb", "a\0b", "é" * 200,
    "x" * 300, "ÿ", "\u2028", "3.0", [], {}, [[]], {"": ""}, ["a", 1], {"$dnanexus_link": "file-x"},
    {"$dnanexus_link": {"id": 1, "project": []}}, [None], {"a": {"b": [1, {"c": None}]}}, "record-" + "a" * 24, "file-" + "b" * 24,
    "database_" + "a" * 24 + "__x", "global", "string", "type",
]  # fmt: skip


def mutate(rng: random.Random, value: Any) -> Any:
    """A copy of a value with one change somewhere in it."""
    if not isinstance(value, (dict, list)) or not value or rng.random() < 0.15:
        return rng.choice(HOSTILE)
    if isinstance(value, list):
        place = rng.randrange(len(value))
        kept = [*value]
        return _change(rng, kept, place, value[place])
    key = rng.choice(list(value))
    if rng.random() < 0.06:
        return {(str(rng.choice(HOSTILE)) if name == key else name): each for name, each in value.items()}
    return _change(rng, dict(value), key, value[key])


def _change(rng: random.Random, kept: Any, place: Any, inner: Any) -> Any:
    kind = rng.random()
    if kind < 0.07:
        del kept[place]
    elif kind < 0.12 and isinstance(kept, list):
        kept.append(inner)
    else:
        kept[place] = mutate(rng, inner)
    return kept


def damage(rng: random.Random, text: str) -> bytes:
    """A JSON text with a few of its characters changed: what only a parser sees."""
    pieces = [
        "\\ud800",
        "NaN",
        "-Infinity",
        "1e999",
        "9" * 5000,
        "[" * 2000,
        '{"a":' * 500,
        "\0",
        "\ufeff",
        '"',
        ",",
        "}",
        '"id":1,',
    ]
    content = bytearray(text.encode())
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(content) + 1)
        piece = rng.choice([*(each.encode() for each in pieces), b"\xff", b"\xed\xa0\x80", b""])
        content[place : place + rng.randint(0, 4)] = piece
    return bytes(content)
