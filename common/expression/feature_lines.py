"""The lines of an annotation file as columns of text, block by block; of GTF and GFF3 only those that can name a feature, with
their attributes as columns."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from common.errors import AppError, Rule
from common.expression.attributes import parse_attributes
from common.faults import EXAMPLES_PER_RULE, Faults, Place
from common.scan.bgzip import stream_text

BLOCK_BYTES = 16 << 20
_LONGEST_LINE = 64 << 20
_MOST_SKIPPED = 1_000_000
"""Lines of one block that are not rows, after which reading fails."""

_GFF = ("CHROM", "source", "type", "start", "end", "score", "strand", "phase", "attributes")
_REQUIRED = ("feature_id", "gene_name", "CHROM", "start", "end", "strand")
_READ = (*_REQUIRED, "feature_version")
_FEATURE_TYPE = "(gene|transcript|RNA|_segment)$"
_FASTA = b"##FASTA"


@dataclass(frozen=True)
class FeatureLines:
    """Cells as text, with the `line` of each row; of GTF and GFF3 (`is_gff`) with a column for each of `attributes.KEYS`."""

    cells: pa.Table
    is_gff: bool
    is_gff3: bool


def read_feature_lines(path: str, name: str, faults: Faults, block_bytes: int = BLOCK_BYTES) -> FeatureLines | None:
    """The lines of a GTF, a GFF3 or a table with header; None, and a fault, if it is none of these.

    Rows of another width than the format's are faults; comments and the FASTA part of a GFF3 are passed over.
    """
    blocks = _line_blocks(path, block_bytes)
    first = next(blocks, b"").removeprefix(codecs.BOM_UTF8)
    while not (opening := _first_line(first)) and len(first) < _LONGEST_LINE and (more := next(blocks, b"")):
        first += more
    if b"\0" in opening or not opening:
        faults.add(Rule.ANNOTATION_FILE, "the file is empty or not text", Place(name))
        return None
    cells = opening.rstrip(b"\r").decode("utf-8", "replace").split("\t")
    if len(cells) == len(_GFF) and cells[3].isdigit():
        is_gff3 = re.match(r"[^\s\"=]+=", cells[8].lstrip()) is not None
        return FeatureLines(_read_cells(first, blocks, _Form(name, [*_GFF], "\t", is_gff3), faults), True, is_gff3)
    delimiter = "\t" if len(cells) > 1 else ","
    header = [cell.strip().strip('"') for cell in "\t".join(cells).split(delimiter)]
    header = ["CHROM" if cell == "chr" else cell for cell in header]
    missing = [column for column in _REQUIRED if column not in header]
    if missing:
        text = f"neither GTF nor GFF3, and as a table it lacks the columns {', '.join(missing)}"
        faults.add(Rule.ANNOTATION_FILE, text, Place(name, 1), value=",".join(header)[:80])
        return None
    if repeated := [column for column in _READ if header.count(column) > 1]:
        text = f"columns of the table repeat (chr is CHROM): {', '.join(repeated)}"
        faults.add(Rule.ANNOTATION_FILE, text, Place(name, 1), value=",".join(header)[:80])
        return None
    found = _read_cells(first, blocks, _Form(name, header, delimiter, None), faults)
    return FeatureLines(found.slice(1), False, False)


def _first_line(text: bytes) -> bytes:
    """The first line that is neither blank nor a comment."""
    return next((line for line in text.split(b"\n") if line.strip() and not line.startswith(b"#")), b"")


def _line_blocks(path: str, block_bytes: int) -> Iterator[bytes]:
    """The decompressed file in blocks that end at line ends."""
    rest = b""
    for block in stream_text(path, block_bytes):
        cut = block.rfind(b"\n") + 1
        if cut:
            yield rest + block[:cut]
        rest = block[cut:] if cut else rest + block
        if len(rest) > _LONGEST_LINE:
            raise AppError(
                Rule.UNREADABLE, f"{path} has a line of more than {_LONGEST_LINE:,} bytes; it is not an annotation"
            )
    if rest:
        yield rest + b"\n"


@dataclass(frozen=True)
class _Form:
    """How the lines of a file are read. `is_gff3` is None for a table."""

    name: str
    header: list[str]
    delimiter: str
    is_gff3: bool | None

    @property
    def is_gff(self) -> bool:
        return self.is_gff3 is not None


def _read_cells(first: bytes, blocks: Iterator[bytes], form: _Form, faults: Faults) -> pa.Table:
    """All rows as text with their lines; of GTF and GFF3 those of feature types only, so memory stays small."""
    tables, line = [], 1
    block: bytes | None = first
    while block and not (form.is_gff and block.startswith(_FASTA)):
        at = block.find(b"\n" + _FASTA) if form.is_gff else -1
        text = block[: at + 1] if at >= 0 else block
        found = _parse_block(text, line, form, faults)
        tables.append(_read_attributes(found, form, faults) if form.is_gff else found)
        line += text.count(b"\n")
        block = None if at >= 0 else next(blocks, None)
    return pa.concat_tables(tables)


def _read_attributes(cells: pa.Table, form: _Form, faults: Faults) -> pa.Table:
    """The lines of feature types, attributes split into columns; a fault for each line that leaves a quote open."""
    cells = cells.filter(pc.match_substring_regex(cells.column("type"), _FEATURE_TYPE)).combine_chunks()
    texts = cells.column("attributes").combine_chunks()
    values, is_open = parse_attributes(texts, form.is_gff3 is True)
    at = np.flatnonzero(is_open)
    for row in at[:EXAMPLES_PER_RULE].tolist():
        place = Place(form.name, cells.column("line")[row].as_py())
        shown = texts[row].as_py()[:80]
        faults.add(Rule.ANNOTATION_FILE, "a quote in column 9 is never closed", place, value=shown)
    faults.add_count(Rule.ANNOTATION_FILE, max(0, len(at) - EXAMPLES_PER_RULE))
    columns = {each: cells.column(each) for each in ("CHROM", "type", "start", "end", "strand", "line")}
    return pa.table(columns | values)


def _readable(text: bytes, first_line: int, name: str, faults: Faults) -> bytes:
    """The text as valid UTF-8, a fault for the first line that was not: Arrow shows a trace of a ragged one."""
    if text.isascii():
        return text
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = first_line + text.count(b"\n", 0, error.start)
        faults.add(Rule.ANNOTATION_FILE, "bytes that are not UTF-8", Place(name, line))
        return text.decode("utf-8", "replace").encode("utf-8")
    return text


def _parse_block(text: bytes, first_line: int, form: _Form, faults: Faults) -> pa.Table:
    skipped: list[int] = []
    text = _readable(text, first_line, form.name, faults)

    def skip(row: csv.InvalidRow) -> str:
        skipped.append(row.number - 1)
        if row.text.strip() and not row.text.startswith("#"):
            found = f"{row.actual_columns} cells where there should be {len(form.header)}"
            place = Place(form.name, first_line + row.number - 1)
            faults.add(Rule.ANNOTATION_FILE, found, place, value=row.text[:80])
        return "skip" if len(skipped) < _MOST_SKIPPED else "error"

    quote: Literal[False] | str = False if form.is_gff else '"'
    try:
        cells = csv.read_csv(
            pa.BufferReader(text),
            csv.ReadOptions(use_threads=False, column_names=form.header, block_size=len(text) + 1),
            csv.ParseOptions(
                delimiter=form.delimiter, quote_char=quote, ignore_empty_lines=False, invalid_row_handler=skip
            ),
            csv.ConvertOptions(column_types=dict.fromkeys(form.header, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid as error:
        raise AppError(Rule.UNREADABLE, f"{form.name} cannot be read near line {first_line:,}: {error}") from error
    lines = np.arange(first_line, first_line + cells.num_rows + len(skipped), dtype=np.int64)
    cells = cells.append_column("line", pa.array(np.delete(lines, skipped)))
    is_text = pc.and_(pc.not_equal(cells.column(0), ""), pc.invert(pc.starts_with(cells.column(0), "#")))
    return cells.filter(is_text) if form.is_gff else cells.filter(pc.not_equal(cells.column(0), "\r"))
