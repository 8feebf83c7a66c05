"""Delimited text against Python's csv and a grammar of RFC 4180, over every cut, encoding and size of buffer.

An input is a small file: rows that csv wrote, or a soup of marks. Expected are its rows with their lines, what is passed over
and the faults, worked out on the whole text; the suite gives its own by blocks, pieces and buffers of any size.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
import re
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa

from common.faults import EXAMPLES_PER_RULE, Faults
from common.scan.delimited import (
    LONGEST_RECORD,
    Piece,
    TextFile,
    build_pieces,
    cut_blocks,
    first_record,
    scan_block,
    whole_piece,
)
from common.scan.header import Header, split_header
from common.scan.records import BlankRows, TextFormat, read_records
from tests.fuzz import MEMORY

SUITE_COUNT = 600

_ENCODINGS = ("utf-8", "utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-be", "utf-32-le", "gb18030", "shift_jis",
              "iso2022_jp", "utf-7", "cp037")  # fmt: skip
_SOUP = (
    "a",
    "b",
    "é",
    "\ufeff",
    "表",
    '"',
    '"',
    '""',
    "\n",
    "\n",
    "\n",
    "\r\n",
    "\r",
    "\r\r\n",
    " ",
    "\0",
    "NA",
    "=1",
    "\u2028",
)
_CORRUPT = {"utf-8": b"\xff", "cp1252": b"\x81"}
_MARK = "\ufeff"


@dataclass
class Outcome:
    """What a file comes to: rows with their lines, rows passed over, faults as rule and line. `is_broken` if where its cells
    end is unknown; then nothing else is compared."""

    rows: list[tuple[int, tuple[str | None, ...]]] = field(default_factory=list)
    blank: list[int] = field(default_factory=list)
    faults: Counter[tuple[int, int]] = field(default_factory=Counter)
    is_broken: bool = False
    longest: int = 0


@dataclass(frozen=True)
class Case:
    """One input and the ways in which it is cut."""

    names: tuple[str, ...]
    text: str
    content: bytes
    encoding: str
    delimiter: str
    null_values: tuple[str, ...]
    is_encoded: bool
    block_bytes: int
    buffer_bytes: int
    header_bytes: int
    longest_record: int
    is_corrupt: bool


def run(seed: int, count: int) -> list[str]:
    """Findings among `count` inputs."""
    findings = []
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        path = Path(folder) / "t.csv"
        for number in range(count):
            case = make_case(random.Random(f"{seed} {number}"))
            if problem := try_case(case, path):
                findings.append(f"seed {seed} number {number}: {problem}\n    {case}")
    return findings


def make_case(chance: random.Random) -> Case:
    """A file of up to three columns."""
    delimiter = chance.choice(",,,;\t|")
    encoding = chance.choice(_ENCODINGS)
    names = [
        chance.choice(("a", "id", "x y", 'q"', "l\nm", "é", "")) + str(place) for place in range(chance.randint(1, 3))
    ]
    if len(names) > 1 and chance.random() < 0.1:
        names[chance.randrange(len(names))] = ""
    names = [_encodable(name, encoding) for name in names]
    ending = chance.choice(("\n", "\r\n", "\r\r\n"))
    header = _written([names], delimiter, ending, csv.QUOTE_MINIMAL)
    text = header + _encodable(_body(chance, names, delimiter, ending), encoding)
    content = text.encode(encoding)
    is_corrupt = encoding in _CORRUPT and chance.random() < 0.05
    if is_corrupt:
        at = chance.randrange(len(header.encode(encoding)), len(content) + 1)
        content = content[:at] + _CORRUPT[encoding] + content[at:]
    if chance.random() < 0.2:
        at = chance.randrange(len(content) + 1)
        content = gzip.compress(content[:at], 1) + gzip.compress(content[at:], 1)
    return Case(
        tuple(names), text, content, encoding, delimiter, chance.choice((("",), ("", "NA"), ())), chance.random() < 0.3,
        chance.randint(1, chance.choice((20, 100, 400))), chance.randint(1, chance.choice((20, 100, 400))), chance.choice((16, 40, 64 << 10)),
        chance.choice((LONGEST_RECORD, LONGEST_RECORD, 200)), is_corrupt,
    )  # fmt: skip


def _encodable(text: str, encoding: str) -> str:
    return text.encode(encoding, "ignore").decode(encoding)


def _written(rows: list[list[str]], delimiter: str, ending: str, quoting: int) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=ending, quoting=quoting).writerows(rows)
    return out.getvalue()


def _body(chance: random.Random, names: list[str], delimiter: str, ending: str) -> str:
    soup = (*_SOUP, delimiter, delimiter, delimiter)
    if chance.random() < 0.4:
        return "".join(chance.choice(soup) for _ in range(chance.randrange(40)))
    rows = []
    for _ in range(chance.randrange(12)):
        width = len(names) if chance.random() < 0.9 else chance.randint(1, 4)
        filled = chance.choice((0.0, 0.5, 1.0))
        rows.append(
            [
                "".join(chance.choices(soup, k=chance.randint(1, 6))) if chance.random() < filled else ""
                for _ in range(width)
            ]
        )
    if chance.random() < 0.1:
        rows.insert(chance.randrange(len(rows) + 1), list(names))
    text = _written(rows, delimiter, ending, chance.choice((csv.QUOTE_ALL, csv.QUOTE_MINIMAL)))
    if chance.random() < 0.2:
        at = chance.randrange(len(text) + 1)
        text = text[:at] + chance.choice(soup) + text[at:]
    return text.removesuffix(ending) if chance.random() < 0.3 else text


def try_case(case: Case, path: Path) -> str:
    """What is wrong with the suite's reading of the input; blank if nothing is."""
    path.write_bytes(case.content)
    try:
        expected = expect(case)
        found = read(case, path)
    except Exception as error:  # noqa: BLE001  # whatever is raised is a finding
        return f"{type(error).__name__}: {error}"
    if expected.longest > case.longest_record:
        is_refused = any(code == 65 for code, _ in found.faults)
        is_due = expected.longest > case.longest_record + 4 * case.buffer_bytes
        return "a record over the bound was not refused" if is_due and not is_refused else ""
    if expected.is_broken or case.is_corrupt:
        return "" if any(code == 65 for code, _ in found.faults) else f"text that is broken was taken: {found}"
    for what in ("rows", "blank", "faults"):
        if getattr(found, what) != getattr(expected, what):
            return f"{what}: {getattr(found, what)} instead of {getattr(expected, what)}"
    return ""


def expect(case: Case) -> Outcome:
    """The outcome by a grammar of records and Python's csv, on the whole text."""
    outcome, width = Outcome(), len(case.names)
    delimiter = re.escape(case.delimiter)
    cell = rf'(?:"(?:[^"]|"")*"|[^"\r\n{delimiter}]*)'
    record = re.compile(rf"{cell}(?:{delimiter}{cell})*")
    first_ending = re.compile(r"\r*(?:\n|\Z)")
    ending = first_ending if width > 1 else re.compile(r"\r?(?:\n|\Z)")
    text = case.text.removeprefix(_MARK)
    at, line, is_header = 0, 1, True
    while at < len(text):
        found = record.match(text, at)
        end = found and (first_ending if is_header else ending).match(text, found.end())
        if not found or not end:
            outcome.is_broken = True
            return outcome
        if not is_header:
            _expect_record(case, found.group(), line, outcome)
        outcome.longest = max(outcome.longest, len(text[at : end.end()].encode()))
        line += text.count("\n", at, end.end())
        at, is_header = end.end(), False
    return outcome


def _expect_record(case: Case, record: str, line: int, outcome: Outcome) -> None:
    width = len(case.names)
    rows = list(csv.reader(io.StringIO(record, newline=""), delimiter=case.delimiter)) or [[""]]
    assert len(rows) == 1, f"csv parts {record!r}"
    cells = rows[0]
    if width > 1 and not any(cells):
        if record:
            outcome.blank.append(line)
    elif len(cells) != width:
        outcome.faults[66, line] += 1
    elif (cells[0].removeprefix(_MARK), *cells[1:]) == case.names and "" not in case.names:
        outcome.faults[65, line] += 1
    else:
        kept = [value for name, value in zip(case.names, cells, strict=True) if name]
        is_again = [kept[0].removeprefix(_MARK), *kept[1:]] == [name for name in case.names if name]
        nulls = (*case.null_values,)
        values = [value for name, value in zip(case.names, cells, strict=True) if not name]
        if is_again:
            outcome.faults[65, line] += 1
            return
        if any(value not in nulls for value in values):
            outcome.faults[25, line] += sum(value not in nulls for value in values)
        outcome.rows.append((line, tuple(None if value in nulls else value for value in kept)))


def read(case: Case, path: Path) -> Outcome:
    """The outcome by the suite."""
    outcome = Outcome()
    is_gzip = case.content[:2] == b"\x1f\x8b"
    text, size, lines = first_record(str(path), is_gzip, case.encoding, limit=case.header_bytes)
    names = split_header(text, case.delimiter)
    assert names == case.names, f"the header is read as {names}"
    file = TextFile(path.name, str(path), len(case.content), is_gzip, case.encoding, size, lines)
    header = Header(file, names, case.delimiter).without_nameless(Faults())
    assert header
    types = dict.fromkeys(header.names, pa.dictionary(pa.int32(), pa.string()) if case.is_encoded else pa.string())
    form = TextFormat(case.delimiter, case.null_values)
    for piece in _pieces(case, replace(header.file, longest_record=case.longest_record)):
        faults, blank = Faults(), BlankRows()
        for records in read_records(piece, types, form, faults, blank, case.buffer_bytes):
            cells = records.cells.to_pylist()
            assert len(cells) == len(records.lines), f"{len(cells)} rows have {len(records.lines)} lines"
            outcome.rows += [
                (line, tuple(row.values())) for line, row in zip(records.lines.tolist(), cells, strict=True)
            ]
            outcome.blank += records.blank
        assert sum(count for count, _ in blank.files.values()) <= len(outcome.blank)
        for fault in faults:
            outcome.faults[fault.code, fault.line or 0] += 1
        assert max(faults.counts.values(), default=0) <= EXAMPLES_PER_RULE
    return outcome


def _pieces(case: Case, file: TextFile) -> list[Piece]:
    if not file.is_splittable:
        return [whole_piece(file)]
    return build_pieces([scan_block(each) for each in cut_blocks(file, case.block_bytes)])
