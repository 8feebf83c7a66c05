"""Matrices: lines to shuffled rows, and shuffled rows to blocks of values, features by samples.

A shuffled row keeps its cells as text, line end included, so that the rows of a batch are one text that parses in one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.molecular_expression_assay_loader.annotation import Annotation
from apps.molecular_expression_assay_loader.block import Gathered, ValueBlock
from apps.molecular_expression_assay_loader.numbers import ABSENT, hide_quoted, parse_cells
from apps.molecular_expression_assay_loader.scratch import TaskPlan
from apps.molecular_expression_assay_loader.sources import Source
from common.errors import Rule
from common.expression.feature_ids import KindsSeen, parse_feature_ids
from common.faults import Fault, Faults, Place
from common.scan.delimited import Piece, read_buffers
from common.scan.records import BlankRows, TextFormat, is_broken
from common.tables.shuffle import ShuffleWriter, read_buckets, runs_of

PENDING_BYTES = 64 << 20
"""Text that a shuffle task holds before it writes it out by bucket."""

ROWS = pa.schema(
    [
        ("feature_id", pa.string()),
        ("version", pa.string()),
        ("source", pa.int32()),
        ("line", pa.int64()),
        ("cells", pa.large_binary()),
    ]
)


@dataclass
class _Pending:
    """Rows of a piece not yet written: ids as the file has them, lines, cells as views of the text they were read in."""

    ids: list[bytes] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    cells: list[memoryview | bytes] = field(default_factory=list)
    size: int = 0


def shuffle_rows(
    piece: Piece, source: Source, plan: TaskPlan, annotation: Annotation, out: ShuffleWriter,
    kinds: KindsSeen, faults: Faults, blank: BlankRows,
) -> None:  # fmt: skip
    """Deals the rows of a piece of a matrix out to buckets; rows with neither id nor value are added to `blank`.

    Faults: 66 for ragged rows, 107 for blank ids, 65 for bad bytes, and where the structure is unknown: no more is read then.
    """
    pending, width, form = _Pending(), 1 + len(source.samples) + len(source.left_out), TextFormat(source.delimiter, ())
    for text, first_line in read_buffers(piece, plan.sizes.buffer_bytes):
        if is_broken(source.file, text, first_line, width, form, faults):
            break
        _split_rows(text if text.endswith(b"\n") else text + b"\n", first_line, source, pending, faults, blank)
        if pending.size >= PENDING_BYTES:
            _write_pending(pending, source, plan, annotation, out, kinds, faults)
            pending = _Pending()
    _write_pending(pending, source, plan, annotation, out, kinds, faults)


def _split_rows(
    text: bytes, first_line: int, source: Source, pending: _Pending, faults: Faults, blank: BlankRows
) -> None:
    """Parts each line into id and cells; a row with another number of cells than the header is a fault and goes no further."""
    parted = hide_quoted(text, source.delimiter) if b'"' in text else text
    data = np.frombuffer(parted, dtype=np.uint8)
    ends = np.flatnonzero(data == ord("\n")) + 1
    starts = np.concatenate(([0], ends[:-1]))
    lines = first_line + (np.arange(len(starts)) if parted is text else _lines_before(text, starts))
    filled = ends - starts > np.where(data[np.maximum(ends - 2, 0)] == ord("\r"), 2, 1)
    starts, ends, lines = starts[filled], ends[filled], lines[filled]
    delimiter, is_cell = source.delimiter.encode(), data == ord(source.delimiter)
    expected = len(source.samples) + len(source.left_out)
    kept = _kept_columns(source) if source.left_out else None
    view = memoryview(parted)
    for start, end, line in zip(starts.tolist(), ends.tolist(), lines.tolist(), strict=True):
        found = parted.find(delimiter, start, end)
        cut = found if found >= 0 else end
        cells = int(np.count_nonzero(is_cell[cut:end]))
        feature = text[start:cut]
        if not feature.strip(_BLANKS) and not parted[cut:end].strip(_BLANKS + delimiter):
            blank.add(source.file.name, 1, line)
        elif cells != expected:
            _add_ragged(text[start:end], cells, expected, source, line, faults)
        else:
            pending.ids.append(feature)
            pending.lines.append(line)
            pending.cells.append(
                view[cut + 1 : end] if kept is None else _take_cells(parted[cut + 1 : end], delimiter, kept)
            )
            pending.size += end - start


_BLANKS = b' \t\r\n"'


def _lines_before(text: bytes, starts: np.ndarray) -> np.ndarray:
    """How many line ends, in quotes or not, stand before each place."""
    found: np.ndarray = np.searchsorted(np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == ord("\n")), starts)
    return found


def _kept_columns(source: Source) -> list[slice]:
    """The runs of columns that are samples, by place after the ids."""
    edges = [-1, *(place for place, _ in source.left_out), len(source.samples) + len(source.left_out)]
    return [slice(left + 1, right) for left, right in pairwise(edges) if right - left > 1]


def _take_cells(row: bytes, delimiter: bytes, kept: list[slice]) -> bytes:
    """The cells of a row that stand in these columns, with a line end."""
    cells = row.rstrip(b"\r\n").split(delimiter)
    return delimiter.join(cell for run in kept for cell in cells[run]) + b"\n"


def _add_ragged(row: bytes, cells: int, expected: int, source: Source, line: int, faults: Faults) -> None:
    ended = row.rstrip(b"\r\n").endswith(source.delimiter.encode())
    remedy = (
        "Remove the delimiter that ends the line." if ended else "Give the header a name for the column of feature ids."
    )
    remedy = remedy if cells == expected + 1 else ""
    count = "1 cell" if cells == 0 else f"{cells + 1:,} cells"
    faults.add(Rule.ROW_WIDTH, f"{count} where the header has {expected + 1:,}", Place(source.file.name, line),
               value=row[:80].decode("utf-8", "replace").strip(), remedy=remedy)  # fmt: skip


def _write_pending(
    pending: _Pending, source: Source, plan: TaskPlan, annotation: Annotation, out: ShuffleWriter,
    kinds: KindsSeen, faults: Faults,
) -> None:  # fmt: skip
    if not pending.ids:
        return
    lines = np.array(pending.lines, dtype=np.int64)
    texts = [_unquoted(each).decode("utf-8", "replace") for each in pending.ids]
    ids = pc.utf8_trim_whitespace(pa.array(texts, pa.string()))
    _validate_ids(ids, lines, source, faults)
    parsed = parse_feature_ids(ids, plan.id_type)
    kinds.add(ids, parsed.kinds, source.file.name, lines, "feature_id")
    index = plan.sources.index(source)

    def take(at: np.ndarray) -> pa.RecordBatch:
        rows = [pending.cells[row] for row in at.tolist()]
        offsets = np.concatenate(([0], np.cumsum([len(row) for row in rows], dtype=np.int64)))
        cells = pa.LargeBinaryArray.from_buffers(
            pa.large_binary(), len(rows), [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(rows))]
        )
        taken, sources = parsed.take(at), np.full(len(at), index, dtype=np.int32)
        return pa.record_batch([taken.ids, taken.versions, sources, lines[at], cells], schema=ROWS)

    bucket = annotation.buckets(parsed.ids, plan.buckets)
    order = np.argsort(bucket, kind="stable")
    out.write_buckets((number, take(order[start:end])) for number, start, end in runs_of(bucket[order]))


def _unquoted(text: bytes) -> bytes:
    text = text.strip()
    return text[1:-1].replace(b'""', b'"') if text[:1] == b'"' == text[-1:] and len(text) > 1 else text


def _validate_ids(ids: pa.StringArray, lines: np.ndarray, source: Source, faults: Faults) -> None:
    for code, wrong, text in (
        (Rule.FEATURE_ID_KIND, pc.equal(ids, ""), "no feature id"),
        (Rule.UNREADABLE, pc.match_substring(ids, "\ufffd"), "bytes that are not utf-8"),
    ):
        for row in np.flatnonzero(np.asarray(wrong)).tolist():
            place = Place(source.file.name, int(lines[row]), field="feature_id")
            faults.add(code, text, place, value=ids[row].as_py())


class GatheredRows(Gathered):
    """The shuffled rows of some buckets of matrices, in the order of their features."""

    def __init__(self, plan: TaskPlan, files: Sequence[str], buckets: Sequence[int], samples: pa.StringArray) -> None:
        super().__init__(plan, samples)
        rows = read_buckets(files, ROWS, plan.buckets, buckets)
        keys = rows.select(["feature_id", "source", "line"])
        self.order = pc.sort_indices(keys, [(name, "ascending") for name in keys.column_names]).to_numpy()
        ids = rows.column("feature_id").take(pa.array(self.order)).combine_chunks()
        self.set_features(ids, rows.column("version").take(pa.array(self.order)).combine_chunks())
        self.lines, self.sources = (rows.column(name).to_numpy()[self.order] for name in ("line", "source"))
        cells = rows.column("cells")
        self.cells = cells.chunk(0) if cells.num_chunks else pa.array([], pa.large_binary())
        self.columns = {
            index: pc.index_in(pa.array(plan.sources[index].samples, pa.string()), value_set=samples).to_numpy()
            for index in np.unique(self.sources).tolist()
        }
        self._validate_repeats()

    def _validate_repeats(self) -> None:
        """103 for a feature that stands twice in a file, 104 for one that two files have for a common sample."""
        again = (self.feature_of[1:] == self.feature_of[:-1]) & (self.sources[1:] == self.sources[:-1])
        again &= self.feature_of[1:] >= self.unnamed
        for row in (np.flatnonzero(again) + 1).tolist():
            text = f"the feature is also in line {int(self.lines[row - 1]):,}"
            self.faults.add_fault(self._fault(Rule.DUPLICATE_FEATURE, text, row, "feature_id"))
        for first, second in combinations(sorted(self.columns), 2):
            common = np.intersect1d(self.columns[first], self.columns[second])
            if len(common):
                self._validate_pairs(first, second, int(common[0]), len(common))

    def _validate_pairs(self, first: int, second: int, sample: int, pairs: int) -> None:
        """104 for each feature that both of two sources have; `pairs` is the number of their common samples."""
        other, rows = (
            np.flatnonzero((self.sources == each) & (self.feature_of >= self.unnamed)) for each in (first, second)
        )
        _, at, other_at = np.intersect1d(self.feature_of[rows], self.feature_of[other], return_indices=True)
        for row, before in zip(rows[at].tolist(), other[other_at].tolist(), strict=True):
            text = f"the pair is also in {self.plan.sources[first].file.name} line {int(self.lines[before]):,}"
            self.faults.add_fault(self._fault(Rule.DUPLICATE_PAIR, text, row, self.samples[sample].as_py()), pairs)

    def _fault(self, rule: Rule, text: str, row: int, column: str) -> Fault:
        """A fault of a feature's row."""
        file, feature = self.plan.sources[int(self.sources[row])].file, self.features[int(self.feature_of[row])]
        return Fault(rule, text, file.name, int(self.lines[row]), field=column, value=feature.as_py())

    def read_block(self, start: int, end: int) -> ValueBlock:
        """The values of features `start` to `end`; bad cells are added to the faults."""
        values = np.full((end - start, len(self.samples)), ABSENT, dtype=self.dtype)
        low, high = np.searchsorted(self.feature_of, [start, end]).tolist()
        any_absent = len(self.columns) > 1 or any(len(each) < len(self.samples) for each in self.columns.values())
        for source, first, last in runs_of(self.sources[low:high]):
            columns = self.columns[source]
            step = max(1, self.plan.sizes.parse_cells // len(columns))
            for at in range(low + first, low + last, step):
                rows = slice(at, min(at + step, low + last))
                parsed, absent = self._parse_rows(source, rows)
                any_absent |= absent
                of = self.feature_of[rows] - start
                if np.array_equal(columns, np.arange(len(self.samples))):
                    values[of] = parsed  # several times faster than by columns
                else:
                    values[np.ix_(of, columns)] = parsed
        return ValueBlock(self.features.slice(start, end - start), values, any_absent)

    def _parse_rows(self, source: int, rows: slice) -> tuple[np.ndarray, bool]:
        origin = self.plan.sources[source]
        taken = self.cells.take(pa.array(self.order[rows]))
        text = taken.buffers()[2].to_pybytes()
        parsed = parse_cells(text, origin.delimiter, self.plan.rules)
        width = len(origin.samples)

        def place_of(cell: int) -> Place:
            row, column = divmod(cell, width)
            return Place(origin.file.name, int(self.lines[rows.start + row]), field=origin.samples[column])

        parsed.add_faults(self.faults, place_of)
        if parsed.bad:
            return np.zeros((len(taken), width), dtype=self.dtype), parsed.any_absent
        return parsed.values.reshape(-1, width), parsed.any_absent
