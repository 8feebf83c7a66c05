"""Generated clinical tables for benchmarks: a `person` of mixed columns that refers to a `site`, its dictionary and codings."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

CODES = [f"C{number}" for number in range(50)]
SITES = 100
_CHUNK_ROWS = 100_000
_NULLS = 0.05
_DAY_ZERO = np.datetime64("1940-01-01")

KINDS = (
    [("int", "integer", "", "")] * 10 + [("flt", "float", "", "")] * 10 + [("date", "date", "", "")] * 4
    + [("ts", "datetime", "", "")] * 3 + [("cat", "string", "letters", "")] * 6 + [("icat", "integer", "digits", "")] * 2
    + [("multi", "string", "letters", "yes")] * 2 + [("txt", "string", "", "")]
)  # fmt: skip
"""The 38 columns beside key and reference: name stem, type, coding, multi-select. Wider tables repeat them."""


def column_kinds(columns: int) -> list[tuple[str, str, str, str]]:
    """Name, type, coding and multi-select of each column after the key and the reference."""
    kinds = [KINDS[number % len(KINDS)] for number in range(columns - 2)]
    return [(f"{stem}{number}", *rest) for number, (stem, *rest) in enumerate(kinds)]  # type: ignore[misc]


def write_clinical(folder: Path, rows: int, columns: int = 40) -> Path:
    """Writes `person.csv`, `site.csv`, `data_dictionary.csv` and `codings.csv`; returns the folder. The same for the same size."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = column_kinds(columns)
    with (folder / "data_dictionary.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["entity", "name", "type", "primary_key_type", "coding_name", "is_multi_select",
                         "referenced_entity_field", "relationship"])  # fmt: skip
        writer.writerow(["site", "site_id", "string", "local", "", "", "", ""])
        writer.writerow(["person", "person_id", "string", "global", "", "", "", ""])
        writer.writerow(["person", "site_id", "string", "", "", "", "site:site_id", "many_to_one"])
        writer.writerows(["person", name, kind, "", coding, multi, "", ""] for name, kind, coding, multi in kinds)
    with (folder / "codings.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["coding_name", "code", "meaning"])
        writer.writerows(["letters", code, f"Meaning of {code}"] for code in CODES)
        writer.writerows(["digits", number, f"Meaning of {number}"] for number in range(5))
    (folder / "site.csv").write_text("site_id\n" + "".join(f"S{number}\n" for number in range(SITES)))
    random = np.random.default_rng(20240601)
    with (folder / "person.csv").open("wb") as out:
        out.write((",".join(["person_id", "site_id", *(name for name, *_ in kinds)]) + "\n").encode())
        for columns in _chunks(random, rows, kinds):
            texts = [pc.cast(column, pa.string()) for column in columns]
            lines = pc.binary_join_element_wise(*texts, ",", null_handling="replace", null_replacement="")
            out.write("\n".join([*lines.to_pylist(), ""]).encode())
    return folder


def _chunks(random: np.random.Generator, rows: int, kinds: list[tuple[str, str, str, str]]) -> Iterator[list[pa.Array]]:
    chunk = max(1, _CHUNK_ROWS * 40 // (len(kinds) + 2))
    for start in range(0, rows, chunk):
        size = min(chunk, rows - start)
        yield [
            pa.array([f"P{number:09d}" for number in range(start, start + size)]),
            pa.array(np.char.add("S", random.integers(0, SITES, size).astype(str))),
            *(pa.array(_values(random, size, *kind), mask=random.random(size) < _NULLS) for _, *kind in kinds),
        ]


def _values(random: np.random.Generator, size: int, kind: str, coding: str, multi: str) -> np.ndarray:
    codes = np.array(CODES)
    if multi:
        first, second = (codes[random.integers(0, len(codes), size)] for _ in range(2))
        return np.char.add(np.char.add(first, "|"), second)
    if coding == "letters":
        return codes[random.integers(0, len(codes), size)]
    if coding == "digits":
        return random.integers(0, 5, size)
    if kind == "integer":
        return random.integers(-1000, 100_000, size)
    if kind == "float":
        return np.round(random.normal(100, 25, size), 4)
    if kind == "date":
        return np.datetime_as_string((_DAY_ZERO + random.integers(0, 30_000, size)).astype("M8[D]"))
    if kind == "datetime":
        return np.datetime_as_string(_DAY_ZERO.astype("M8[s]") + random.integers(0, 2_500_000_000, size))
    texts = np.char.add('"free text, with comma ', random.integers(0, 1_000_000, size).astype(str))
    return np.char.add(texts, '"')
