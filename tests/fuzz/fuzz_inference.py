"""Columns of texts that look like numbers, dates and codes: what is inferred gives each text back, however the column is cut."""

from __future__ import annotations

import random
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from apps.dataset_extender.inference import EMPTY, Evidence, cast_narrowest, join_kinds

SUITE_COUNT = 200


def run(seed: int, count: int) -> list[str]:
    """A line for each column whose type loses a text or depends on how the column is cut."""
    findings = []
    for number in range(count):
        draw = random.Random(f"{seed}/{number}")  # to be repeated, not to be secret
        cells = _column(draw)
        cut = draw.randint((len(cells) + 1) // draw.choice([2, 2, 2, 6]) or 1, len(cells))
        whole = _infer(cells, len(cells), is_one_task=True)
        parts = _infer(cells, cut, is_one_task=draw.random() < 0.5) if cut < len(cells) else whole
        types, values = zip(whole, parts, strict=True)
        lost = [pair for pair in zip(cells, values[0][2:], strict=True) if not _gives_back(*pair, types[0])]
        if types[0] != types[1] or repr(values[0]) != repr(values[1]) or lost:
            findings.append(f"seed {seed}, number {number}: {cells} cut at {cut}: {types}, {lost}")
    return findings


def _column(draw: random.Random) -> list[str | None]:
    kinds = draw.sample([_whole, _decimal, _day, _moment, _code, _mess], draw.choice([1, 1, 2]))
    return [None if draw.random() < 0.1 else draw.choice(kinds)(draw) for _ in range(draw.randint(1, 6))]


def _whole(draw: random.Random) -> str:
    return f"{draw.choice(['', '', '', '-', '+', '0'])}{draw.getrandbits(draw.choice([3, 11, 40, 54, 63, 64, 70]))}"


def _decimal(draw: random.Random) -> str:
    number = draw.uniform(-1, 1) * 10 ** draw.randint(-320, 308) if draw.random() < 0.3 else draw.uniform(-1000, 1000)
    form = draw.choice(["{}", "{:.2f}", "{:.17g}", "{:.18e}", "{:.25f}", "{:g}", "{:.0f}", "+{:.1f}"])
    return form.format(number).replace("+-", "-")


def _day(draw: random.Random) -> str:
    year = draw.choice([draw.randint(1, 9999), draw.randint(1890, 2110)])
    month, day = draw.randint(0, 13), draw.randint(0, 31)
    forms = [
        "{:04d}-{:02d}-{:02d}",
        "{:04d}-{:02d}-{:02d}",
        "{:04d}-{:02d}",
        "{:04d}",
        "{:04d}-{}",
        "{:04d}-{}-{}",
        "{:04d}-{:02d}-{}",
    ]
    return draw.choice(forms).format(year, month, day)


def _moment(draw: random.Random) -> str:
    mark, zone = draw.choice(" T"), draw.choice(["", "", "Z", "+02:00", "-5:30"])
    return f"{_day(draw)}{mark}{draw.randint(0, 24):02d}:{draw.randint(0, 60):02d}:{draw.randint(0, 59)}{draw.choice(['', '.5'])}{zone}"


def _code(draw: random.Random) -> str:
    return draw.choice(["{}E{}", "{}e-{}", "{}-{}", "0{}.{}", "{}.{}0", ".{}{}", "{}.", "-0", "-0.0", "0"]).format(
        draw.randint(0, 9999), draw.randint(0, 99)
    )


def _mess(draw: random.Random) -> str:
    return "".join(draw.choices("0123456789+-.eE:T Zx", k=draw.randint(1, 8)))


def _infer(cells: list[str | None], rows: int, *, is_one_task: bool) -> tuple[str, list[Any]]:
    """The type of the column, and its values as pieces of so many rows give them once the kinds of all are known; one task
    looks at a piece knowing the kind of those before it."""
    starts = range(0, len(cells), rows)
    pieces = [pa.array(cells[start : start + rows], pa.string()) for start in starts]
    kind = EMPTY
    for texts in pieces:
        kind = join_kinds([kind, cast_narrowest(texts, kind if is_one_task else EMPTY)[0]])
    whole, values = Evidence(100, kind), []
    for start, texts in zip(starts, pieces, strict=True):
        evidence = Evidence(100, kind)
        values += evidence.add(texts, np.arange(start, start + len(texts))).to_pylist()
        if evidence.kind != kind:
            return f"{kind}, but {evidence.kind}", []
        whole.merge(evidence)
    return whole.type, [whole.reason(), whole.remarks(), *values]


def _gives_back(text: str | None, value: Any, field_type: str) -> bool:
    if text is None or field_type == "string":
        return text == value
    if field_type == "integer":
        return text == str(value)
    if field_type == "float":
        digits = len(Decimal(text).as_tuple().digits)
        return Decimal(f"{value:.{digits - 1}e}") == Decimal(text)
    parts = [int(part) for part in re.split(r"[-T ]", text)[:3] if part.isdigit()]
    if field_type == "date" or len(text) <= 10:
        is_day = value == date(*parts, *[1] * (3 - len(parts))) or value == datetime(
            *parts, *[1] * (3 - len(parts)), tzinfo=UTC
        )
        return is_day and (text == value.isoformat()[:10] or 1900 <= parts[0] <= 2099)
    return abs(value.replace(tzinfo=None) - datetime(*parts)).days <= 1
