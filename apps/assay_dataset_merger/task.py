"""Tasks of the link by a file: its pairs parsed, then brought together with the ids of each side, bucket by bucket.

    parse_pairs     pieces of the file     -> pairs in buckets by assay id
    match_samples   a bucket by assay id   -> pairs whose assay id the assay has, in buckets by the target's id; repeated pairs
    match_phenos    a bucket by target id  -> pairs whose both ids are known, to the linking table, and in buckets by assay id
    count_samples   a bucket by assay id   -> what the linked pairs say of the assay ids

A task holds one bucket of pairs and one of ids, so memory does not grow with either. Ids are compared as text: keys that are
numbers are first brought to one spelling, so that `007` of the file is `7` of the table.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.assay_dataset_merger.assay import LINKING_COLUMNS
from common.errors import Rule
from common.faults import EXAMPLES_PER_RULE, Fault, Faults, Place
from common.scan.delimited import Piece
from common.scan.parquet import PartWriter, part_name
from common.scan.records import BlankRows, Records, TextFormat, read_records
from common.tables.key_checks import KeyColumn, read_bucket
from common.tables.shuffle import ShuffleWriter, read_buckets
from common.values.casts import cast_cells

BY_SAMPLE = pa.schema([("g_sample", pa.string()), ("p_sample", pa.string()), ("line", pa.int64())])
BY_PHENO = pa.schema([("p_sample", pa.string()), ("g_sample", pa.string()), ("line", pa.int64())])


@dataclass(frozen=True)
class ParseTask:
    """Pieces of the linking file. `columns` and `types` are of the assay's ids, then of the target's: positions, field types."""

    piece: Piece
    form: TextFormat
    header: tuple[str, ...]
    columns: tuple[int, int]
    types: tuple[str, str]
    buckets: int
    path: str


@dataclass(frozen=True)
class MatchTask:
    """One bucket of pairs, in files `pairs`, and of the `ids` of one side. Kept pairs go to `kept`, in buckets by the other id.

    `name` is the linking file's, `heading` what its header says where ids of this side stand, `is_one` whether each id has but
    one partner, `table_folder` where linked pairs are staged.
    """

    pairs: tuple[str, ...]
    ids: KeyColumn
    buckets: int
    bucket: int
    kept: str
    name: str
    heading: str = ""
    is_one: bool = False
    table_folder: str = ""


@dataclass
class MatchResult:
    """What a task counted: pairs and different ids of the side, pairs that were kept, ids that these have, ids among them that
    have several partners, and whether the heading is an id (`headless`); the part of the linking table, if it wrote one."""

    pairs: int = 0
    rows: int = 0
    ids: int = 0
    kept: int = 0
    matched: int = 0
    shared: int = 0
    headless: int = 0
    file: str = ""
    faults: Faults = field(default_factory=Faults)


def parse_pairs(task: ParseTask) -> tuple[Faults, BlankRows]:
    """Writes the pairs of a piece. Returns its faults (malformed rows, empty cells), and the rows without any value."""
    faults, blank = Faults(), BlankRows()
    types = {f"c{position}": pa.string() for position in range(len(task.header))}
    with ShuffleWriter(task.path, BY_SAMPLE, task.buckets) as writer:
        for records in read_records(task.piece, types, task.form, faults, blank, header=task.header):
            cells = [_trim(records.cells.column(position).combine_chunks()) for position in task.columns]
            _add_empty(records, cells, faults)
            spelt = [spell_ids(each, type_) for each, type_ in zip(cells, task.types, strict=True)]
            batch = pa.record_batch([*spelt, pa.array(records.lines)], schema=BY_SAMPLE)
            writer.write(batch.filter(pc.and_(spelt[0].is_valid(), spelt[1].is_valid())))
    return faults, blank


def spell_ids(cells: pa.Array, field_type: str) -> pa.Array:
    """Ids as text in the spelling of this type. An id that is not of the type stays as it is, and matches nothing."""
    if field_type == "string":
        return cells
    return pc.coalesce(cast_cells(cells, field_type)[0].cast(pa.string()), cells)


def _trim(cells: pa.Array) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(cells)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def _add_empty(records: Records, cells: list[pa.Array], faults: Faults) -> None:
    for each, what in zip(cells, ("the assay's sample id", "the target's id"), strict=True):
        if each.null_count:
            lines = records.lines[np.asarray(each.is_null())]
            for line in lines[:EXAMPLES_PER_RULE].tolist():
                faults.add(Rule.LINKING_FILE, f"{what} is empty", Place(records.file.name, line))
            faults.add_count(Rule.LINKING_FILE, len(lines) - min(len(lines), EXAMPLES_PER_RULE))


def match_samples(task: MatchTask) -> MatchResult:
    """Keeps the pairs whose assay id the assay has. Finds repeated pairs, since both of them are in this bucket."""
    pairs, ids = _read(task, BY_SAMPLE)
    result = MatchResult(pairs.num_rows, ids=len(ids), headless=_holds(ids, task.heading))
    distinct = _add_repeated(pairs, task.name, result.faults)
    known = distinct.filter(pc.is_in(distinct.column("g_sample"), value_set=ids))
    result.kept = known.num_rows
    _write_kept(task, known.select(BY_PHENO.names), BY_PHENO)
    return result


def match_phenos(task: MatchTask) -> MatchResult:
    """Keeps the pairs whose other id the target has, and writes them as a part of the linking table."""
    pairs = read_buckets(task.pairs, BY_PHENO, task.buckets, [task.bucket])
    values = read_bucket(task.ids, pa.string(), task.buckets, task.bucket).column("value")
    ids = pc.unique(values)
    linked = pairs.filter(pc.is_in(pairs.column("p_sample"), value_set=ids))
    linked = linked.sort_by([(name, "ascending") for name in BY_PHENO.names])
    result = MatchResult(pairs.num_rows, len(values), len(ids), linked.num_rows)
    result.matched, result.headless = pc.count_distinct(linked.column("p_sample")).as_py(), _holds(ids, task.heading)
    if task.is_one:
        _add_several(linked, "p_sample", "g_sample", task, result.faults)
    _write_kept(task, linked.select(BY_SAMPLE.names), BY_SAMPLE)
    if linked.num_rows:
        result.file = part_name(task.bucket)
        with PartWriter(f"{task.table_folder}/{result.file}", LINKING_COLUMNS) as part:
            part.add(linked.select(LINKING_COLUMNS.names))
    return result


def count_samples(task: MatchTask) -> MatchResult:
    """Counts the assay ids of linked pairs, and those with several partners."""
    linked = read_buckets(task.pairs, BY_SAMPLE, task.buckets, [task.bucket])
    matched = pc.count_distinct(linked.column("g_sample")).as_py()
    result = MatchResult(linked.num_rows, matched=matched)
    result.shared = _several(linked, "g_sample").num_rows
    if task.is_one:
        _add_several(linked, "g_sample", "p_sample", task, result.faults)
    return result


def _read(task: MatchTask, schema: pa.Schema) -> tuple[pa.Table, pa.Array]:
    """The bucket's pairs, and the different ids of the side."""
    pairs = read_buckets(task.pairs, schema, task.buckets, [task.bucket])
    ids = read_bucket(task.ids, pa.string(), task.buckets, task.bucket).column("value")
    return pairs, pc.unique(ids)


def _holds(ids: pa.Array, heading: str) -> int:
    return int(pc.index(ids, heading).as_py() >= 0)


def _write_kept(task: MatchTask, pairs: pa.Table, schema: pa.Schema) -> None:
    with ShuffleWriter(task.kept, schema, task.buckets) as writer:
        for batch in pairs.combine_chunks().to_batches():
            writer.write(batch)


def _add_repeated(pairs: pa.Table, name: str, faults: Faults) -> pa.Table:
    """The different pairs with their first lines, after a fault for each repetition of a pair, the last one shown."""
    lines = [("line", "count"), ("line", "min"), ("line", "max")]
    counted = pairs.group_by(["g_sample", "p_sample"], use_threads=False).aggregate(lines)
    repeated = counted.filter(pc.greater(counted.column("line_count"), 1)).sort_by("line_max")
    for row in repeated.slice(0, EXAMPLES_PER_RULE).to_pylist():
        text = f"the pair is also in line {row['line_min']:,}"
        value = f"{row['g_sample']}, {row['p_sample']}"
        faults.add_fault(Fault(Rule.LINKING_FILE, text, name, row["line_max"], value=value,
                               remedy="Keep one row for each pair."), row["line_count"] - 1)  # fmt: skip
    rest = repeated.slice(EXAMPLES_PER_RULE)
    faults.add_count(Rule.LINKING_FILE, (pc.sum(rest.column("line_count")).as_py() or 0) - rest.num_rows)
    return counted.select(["g_sample", "p_sample", "line_min"]).rename_columns(BY_SAMPLE.names)


def _several(linked: pa.Table, of: str) -> pa.Table:
    """The ids of one side that stand in several pairs, with how many and the first and last line of them."""
    counted = linked.group_by(of, use_threads=False).aggregate([("line", "count"), ("line", "min"), ("line", "max")])
    return counted.filter(pc.greater(counted.column("line_count"), 1)).sort_by("line_max")


def _add_several(linked: pa.Table, of: str, to: str, task: MatchTask, faults: Faults) -> None:
    """A fault for each id of one side that is linked to several of the other."""
    several = _several(linked, of)
    what = "assay samples" if to == "g_sample" else "ids of the target"
    for row in several.slice(0, EXAMPLES_PER_RULE).to_pylist():
        text = f"the id is linked to {row['line_count']:,} {what}, first in line {row['line_min']:,}"
        faults.add(Rule.RELATIONSHIP_BROKEN, text, Place(task.name, row["line_max"]), value=row[of])
    faults.add_count(Rule.RELATIONSHIP_BROKEN, max(several.num_rows - EXAMPLES_PER_RULE, 0))
