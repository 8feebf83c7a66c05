"""Matrices and long tables against a plain reading of them, whatever the cuts between tasks, buffers and blocks of values.

The plain reading goes byte by byte, cell by cell, with Python's numbers; it knows nothing of Arrow.
"""

from __future__ import annotations

import gzip
import random
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from apps.molecular_expression_assay_loader.block import ValueBlock
from apps.molecular_expression_assay_loader.long_input import GatheredCells
from apps.molecular_expression_assay_loader.matrix_input import GatheredRows
from apps.molecular_expression_assay_loader.numbers import ABSENT, ValueRules
from apps.molecular_expression_assay_loader.scratch import Sizes, TaskPlan
from apps.molecular_expression_assay_loader.sources import Source
from apps.molecular_expression_assay_loader.task import (
    ShuffleResult,
    ShuffleTask,
    plan_buckets,
    read_samples,
    shuffle_pieces,
    write_samples,
)
from common.expression.feature_ids import validate_kinds
from common.faults import Faults
from common.scan.delimited import Piece, TextFile, build_pieces, cut_blocks, scan_block, whole_piece
from common.tables.tasks import write_plan

SUITE_COUNT = 120
_NUMBERS = ["0", "1", "7", "12", "2.5", "0.25", "3", "100"]
_ODD = [
    "", "NA", "-", " ", " NA", "NA ", "  8 ", "+7", "007", "7.", ".5", ".0", "-0", "1e3", "1E5", "1e+05", "1.5e1", "1.50e2", "2e-1", "100e-2",
    "-1", "-0.5", "1e400", "1e-400", "0e5", "0e-99999999999", "1e99999999999", "9007199254740993", "9007199254740993.0",
    "9007199254740992.5", "9223372036854775807", "9223372036854775808", "9223372036854775807.0", "18446744073709551616",
    "1" + "0" * 30, "0." + "0" * 30 + "1", "1.00000000000000000001", "00009007199254740993", "9.007199254740993e15", "nan", "-inf", "Infinity",
    "0x1A", "0X1", "1_0", "12a", "x", "N/A", "\ufeff5", "5\ufeff", "\u0663", "\uff11", "\xa05", "1\r2", "\r", "--1", "1.2.3", "e5", "1e", ".",
]  # fmt: skip
_QUOTED = ["1,5", "1\t5", "1\n", "\n1", "a\nb", '1"2', "", "NA", "3", "2\r\n", "\ufeff1"]
_IDS = [
    "f1", "f2", "f3", "g 4", "", " ", "é", "\ufefff1", "ENSG00000000001.5", "ENSG00000000001", "ENSGR0000000002.1", "__no_feature",
    "1-Mar", "N_unmapped", " f1", "\xa0f5",
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """An input: the text of a file below its header, and how it is read."""

    body: str
    is_long: bool
    delimiter: str
    samples: tuple[str, ...]
    left_out: tuple[tuple[int, str], ...]
    rules: ValueRules
    id_type: str
    is_gzip: bool
    block: int
    buffer: int
    buckets: int


@dataclass
class Read:
    """What a reading gives: rows by feature and sample, counts of blank rows, faults as (code, line, field)."""

    values: dict[tuple[str, str], float] = field(default_factory=dict)
    blank: int = 0
    faults: Counter[tuple[int, int, str]] = field(default_factory=Counter)
    is_broken: bool = False
    summaries: set[str] = field(default_factory=set)


def run(seed: int, count: int) -> list[str]:
    """Findings among `count` inputs: seed and number, then what differs."""
    found = []
    for number in range(count):
        case = make_case(random.Random(f"{seed}/{number}"))
        try:
            difference = compare(case)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            difference = f"{type(error).__name__}: {error}"
        if difference:
            found.append(f"matrix seed {seed} number {number}: {difference}\n{case}")
    return found


def make_case(draw: random.Random) -> Case:
    """An input, mostly of plain cells, with some that are odd in one way or another."""
    is_long, delimiter = draw.random() < 0.35, draw.choice(",\t")
    width = 3 if is_long else draw.randint(2, 5)
    left_out = () if is_long else tuple((at, f"note{at}") for at in range(width - 1) if draw.random() < 0.15)
    left_out = left_out if len(left_out) < width - 1 else ()
    odd, end = draw.choice([0, 0.03, 0.3]), draw.choice(["\n", "\n", "\r\n"])
    quote = draw.choice([0, 0, 0.1, 1])
    lines = []
    for number in range(draw.randint(0, 9)):
        texts = [draw.choice(_IDS) if draw.random() < odd else f"f{draw.randint(0, 5) if odd else number}"]
        if is_long:
            texts.append(
                draw.choice([f"s{draw.randint(0, 3) if odd else number}", " s1", ""] if odd else [f"s{number}"])
            )
        texts += [_cell(draw, odd, at in dict(left_out)) for at in range(len(texts) - 1, width - 1)]
        if is_long:  # where a carriage return before a line end is another fuzzer's
            texts = [text.replace("\r", "") if text[-1:] == "\r" else text for text in texts]
        if draw.random() < odd / 3:
            texts = draw.choice([texts[:-1], [*texts, ""], [*texts, "1"], [""] * width, []])
        lines.append(delimiter.join(_written(draw, text, delimiter, quote, odd) for text in texts))
    body = "".join(line + end for line in lines)
    if draw.random() < 0.2:
        body = body.removesuffix(end)
    return Case(
        body, is_long, delimiter, tuple(f"s{n}" for n in range(width - 1 - len(left_out))), left_out,
        ValueRules(draw.random() < 0.5, draw.choice([("", "NA"), ("NA",), ("-",), ()])),
        draw.choice(["auto", "other"]), draw.random() < 0.15, draw.choice([1, 7, 30, 30, 1000, 1000]), draw.choice([1, 3, 16, 64, 4096]),
        draw.randint(1, 4),
    )  # fmt: skip


def _cell(draw: random.Random, odd: float, is_note: bool) -> str:
    if draw.random() < odd:
        return draw.choice(_QUOTED if draw.random() < 0.2 else _ODD)
    return draw.choice(["kinase", "a b", ""]) if is_note else draw.choice(_NUMBERS)


def _written(draw: random.Random, text: str, delimiter: str, quote: float, odd: float) -> str:
    """A cell as it stands in the file: in quotes where it must, or at random; seldom with a stray quote."""
    if draw.random() < odd / 40 and "\r" not in text:
        return draw.choice([text + '"', '"' + text, '"a"b'])
    if any(mark in text for mark in (delimiter, "\n", '"')) or draw.random() < quote:
        return '"' + text.replace('"', '""') + '"'
    return text


def records_of(case: Case) -> Iterator[tuple[int, list[str]] | None]:
    """Line and cells of each record, read character by character by RFC 4180; None, and no more, at a quote that it forbids."""
    text, line, at = case.body, 2, 0
    while at < len(text):
        begun, found = line, []
        while True:
            if text[at : at + 1] == '"':
                cell, at = "", at + 1
                while True:
                    close = text.find('"', at)
                    if close < 0:
                        yield None
                        return
                    cell += text[at:close]
                    at = close + 1
                    if text[at : at + 1] != '"':
                        break
                    cell, at = cell + '"', at + 1
                line += cell.count("\n")
                rest = re.compile(f"[^{case.delimiter}\n]*").match(text, at)
                if rest and rest[0].rstrip("\r"):
                    yield None
                    return
                at = rest.end() if rest else at
            else:
                plain = re.compile(f"[^{case.delimiter}\n]*").match(text, at)
                cell, at = (plain[0], plain.end()) if plain else ("", at)
                if text[at : at + 1] in ("", "\n"):
                    cell = cell.rstrip("\r")
                if '"' in cell or "\r" in cell:
                    yield None
                    return
            found.append(cell)
            if text[at : at + 1] != case.delimiter:
                break
            at += 1
        at, line = at + 1, line + 1
        yield begun, found


def read_plainly(case: Case) -> Read:
    """What the input means."""
    read, width = Read(), 3 if case.is_long else 1 + len(case.samples) + len(case.left_out)
    seen: dict[tuple[str, ...], int] = {}
    for record in records_of(case):
        if record is None:
            read.is_broken = True
            break
        line, texts = record
        if texts in ([""], ["\r"]):
            continue
        if not any(text.strip(" \t\r\n" if not case.is_long else None) for text in texts) and (
            not case.is_long or len(texts) == width
        ):
            read.blank += 1
            continue
        if len(texts) != width:
            read.faults[66, line, ""] += 1
            continue
        _read_record(case, line, texts, seen, read)
    return read


def _read_record(case: Case, line: int, texts: list[str], seen: dict[tuple[str, ...], int], read: Read) -> None:
    feature = texts[0].strip()
    if feature in ("__no_feature", "N_unmapped"):
        read.summaries.add(feature)
    if case.id_type == "auto":
        feature = re.sub(r"^(ENSGR?\d+)\.\d+$", r"\1", feature)
    if not feature:
        read.faults[107, line, "feature_id"] += 1
    if case.is_long:
        sample = texts[1].strip()
        if not sample:
            read.faults[102, line, "sample_id"] += 1
        pairs, names = [(sample, texts[2])], ["value"]
        key: tuple[str, ...] = (feature, sample)
    else:
        kept = [text for at, text in enumerate(texts[1:]) if at not in dict(case.left_out)]
        pairs, names, key = list(zip(case.samples, kept, strict=True)), list(case.samples), (feature,)
    if feature and key in seen:
        read.faults[104 if case.is_long else 103, line, "feature_id, sample_id" if case.is_long else "feature_id"] += 1
    seen.setdefault(key, line)
    for (sample, text), name in zip(pairs, names, strict=True):
        value = meaning(text, case.rules)
        if isinstance(value, str):
            read.faults[int(value), line, name] += 1
        elif value is not None:
            read.values[feature, sample] = value


def meaning(text: str, rules: ValueRules) -> float | str | None:
    """A cell's value; None if it is missing, the number of the rule that it breaks as text."""
    if {text, text.strip()} & {"", *rules.missing}:
        return None
    if re.fullmatch(r"[ \t\n\r\f]*[+-]?(nan|inf(inity)?)[ \t\n\r\f]*", text, re.IGNORECASE):
        return "106"
    if not re.fullmatch(r"[ \t\n\r\f]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t\n\r\f]*", text):
        return "105"
    value = float(text)
    if value < 0 or value == float("inf"):
        return "106"
    if not rules.is_count:
        return value
    if value == 0 and re.search("e-", text, re.IGNORECASE):
        return 0 if not re.search("[1-9]", text.lower().split("e")[0]) else "106"
    if value == 0:
        return 0
    exact = Fraction(text.strip())
    return int(exact) if exact.denominator == 1 and exact < 2**63 else "106"


def read_by_suite(case: Case) -> Read:
    """The same by the suite: cut, shuffled and read as blocks, with all faults but those of the kinds of ids."""
    with tempfile.TemporaryDirectory() as name:
        source, pieces = _write_source(case, Path(name))
        sizes = Sizes(buffer_bytes=case.buffer, parse_cells=case.buffer, least_cells=case.buffer)
        plan = TaskPlan(source.format, (source,), case.rules, case.id_type, case.buckets, None, name, {}, sizes)
        plan_path = f"{name}/plan"
        write_plan(plan, plan_path)
        shuffled = [
            shuffle_pieces(ShuffleTask(number, plan_path, ((0, piece),))) for number, piece in enumerate(pieces)
        ]
        return _read_blocks(plan, plan_path, shuffled)


def _write_source(case: Case, folder: Path) -> tuple[Source, list[Piece]]:
    data = f"id\n{case.body}".encode()
    path = folder / "m"
    path.write_bytes(gzip.compress(data, 1) if case.is_gzip else data)
    file = TextFile("m", str(path), path.stat().st_size, case.is_gzip, "utf-8", len("id\n"), 1)
    source = Source(
        file, "long" if case.is_long else "matrix", case.delimiter, () if case.is_long else case.samples, case.left_out
    )
    if case.is_gzip:
        return source, [whole_piece(file)]
    return source, build_pieces([scan_block(block) for block in cut_blocks(file, case.block)])


def _read_blocks(plan: TaskPlan, plan_path: str, shuffled: list[ShuffleResult]) -> Read:
    read, faults = Read(), Faults()
    for each in shuffled:
        faults.merge(each.faults)
        read.blank += sum(count for count, _ in each.blank.files.values())
    write_samples(plan_path, [each.path for each in shuffled])
    samples = read_samples(plan)
    for each in plan_buckets(plan_path, shuffled, 2):
        gathered = (GatheredCells if plan.format == "long" else GatheredRows)(plan, each.files, each.buckets, samples)
        block = (
            gathered.read_block(0, len(gathered.features))
            if len(gathered.features)
            else ValueBlock(samples[:0], np.empty((0, 0)), False)
        )
        faults.merge(gathered.faults)
        for feature, row in zip(block.features.to_pylist(), block.values.tolist(), strict=True):
            for sample, value in zip(samples.to_pylist(), row, strict=True):
                if value != ABSENT:
                    read.values[feature, sample] = value
    for fault in faults:
        read.faults[fault.code, fault.line or 0, fault.field] += 1
    read.is_broken = 65 in faults.counts
    summary = [
        each for each in validate_kinds((each.kinds for each in shuffled), plan.id_type) if "summary" in each.text
    ]
    read.summaries = {each.value or "" for each in summary}
    return read


def compare(case: Case) -> str:
    """What differs between the two readings; blank if nothing does."""
    plain, suite = read_plainly(case), read_by_suite(case)
    if plain.is_broken or suite.is_broken:
        return (
            ""
            if plain.is_broken == suite.is_broken
            else f"quotes are refused {suite.is_broken}, should be {plain.is_broken}"
        )
    for what in ("faults", "blank", "summaries") if plain.faults else ("faults", "blank", "summaries", "values"):
        right, found = getattr(plain, what), getattr(suite, what)
        if right != found:
            return f"{what}: {found}, should be {right}"
    return ""
