"""Rows that are set aside: written whole, with their faults, so that they can be mended and loaded again.

A cell that a spreadsheet would run (it begins with = + - @, a tab or a carriage return) has an apostrophe before it in the `faults`
file, and one more if it began with apostrophes: whoever takes off one apostrophe there has the cell as it was.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from functools import lru_cache
from types import TracebackType

import numpy as np
import pyarrow as pa

from common.errors import AppError, Rule
from common.faults import Fault, Faults, Place
from common.scan.delimited import record_texts
from common.scan.files import locate
from common.scan.records import Records

COLUMNS = ("entity", "file", "line", "codes", "fields", "reasons", "row")
"""Header of the `faults` file: a row of it is a faulty row; `row` is the record as it stood in its file."""

_RUNNABLE = re.compile(r"'*[=+\-@\t\r]")
_LINE_BITS = 40
_REJECT_SCHEMA = pa.schema(
    [("file", pa.int32()), ("line", pa.int64()), ("code", pa.int32()), ("field", pa.string()), ("value", pa.string()),
     ("text", pa.string())]
)  # fmt: skip


def parse_share(share: float) -> float:
    """The input `max_faulty_share`. Raises `AppError` 90 unless it is from 0 to 1."""
    if not 0 <= share <= 1:
        text = f"max_faulty_share: {share} is not from 0 to 1"
        raise AppError(
            Rule.JOB_INPUT, text, "Give the share of rows that may be set aside, such as 0.1 for one in ten."
        )
    return share


def shown_share(good: int, faulty: int) -> str:
    """How many rows were set aside, for people.

    >>> shown_share(990, 10), shown_share(5, 0)
    ('10 of 1,000 (1 %)', '0')
    """
    return f"{faulty:,} of {good + faulty:,} ({100 * faulty / (good + faulty):.3g} %)" if faulty else "0"


def validate_share(good: int, faulty: int, most: float, name: str, faults: Faults) -> None:
    """Adds fault 77 if more than the share `most` of the rows of `name` was set aside."""
    if faulty > most * (good + faulty):
        faults.add(
            Rule.TOO_MANY_FAULTY,
            f"{shown_share(good, faulty)} rows are faulty, more than max_faulty_share {most:g}",
            Place(entity=name),
        )


def guarded(cell: str) -> str:
    """A cell as it stands in the `faults` file, where no spreadsheet runs it."""
    return f"'{cell}" if _RUNNABLE.match(cell) else cell


class QuarantineWriter:
    """Writes the faulty rows of a task as CSV without header; makes no file if there is none."""

    def __init__(self, path: str, entity: str) -> None:
        self.name = path.rsplit("/", 1)[-1]
        self._path, self._entity = path, entity
        self._out: pa.NativeFile | None = None

    def __enter__(self) -> QuarantineWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._out is not None:
            self._out.close()

    def add(self, records: Records, faulty: dict[int, list[Fault]]) -> None:
        """Takes in rows of a buffer by index, with their faults."""
        if self._out is None:
            filesystem, inner = locate(self._path)
            self._out = filesystem.open_output_stream(inner)
        rows = sorted(faulty)
        lines = records.lines[rows]
        texts = record_texts(records.text, records.first_line, lines)
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        for row, line, text in zip(rows, lines.tolist(), texts, strict=True):
            faults = faulty[row]
            writer.writerow(
                (self._entity, guarded(records.file.name), line, ";".join(str(each.code) for each in faults),
                 ";".join(each.field for each in faults), guarded("; ".join(each.text for each in faults)),
                 guarded(text.decode("utf-8")))
            )  # fmt: skip
        self._out.write(out.getvalue().encode("utf-8"))


def write_rejects(path: str, files: pa.ChunkedArray, lines: pa.ChunkedArray, faults: Sequence[Fault]) -> None:
    """Writes rows that the key check turned down, each with its fault, for the tasks that load them again without."""
    filesystem, inner = locate(path)
    columns = {
        "file": files, "line": lines, "code": [each.code for each in faults], "field": [each.field for each in faults],
        "value": [each.value for each in faults], "text": [each.text for each in faults],
    }  # fmt: skip
    with filesystem.open_output_stream(inner) as out, pa.ipc.new_file(out, _REJECT_SCHEMA) as writer:
        writer.write_table(pa.table(columns, schema=_REJECT_SCHEMA))


class Rejects:
    """Rows turned down by the key check, found by file and line."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        places = _place(table.column("file").to_numpy(), table.column("line").to_numpy())
        self.order = np.argsort(places, kind="stable")
        self.places = places[self.order]

    @staticmethod
    @lru_cache(maxsize=8)
    def read(paths: tuple[str, ...]) -> Rejects:
        """The rejects in these files together; kept by a worker from task to task."""
        tables = []
        for path in paths:
            filesystem, inner = locate(path)
            with filesystem.open_input_file(inner) as file:
                tables.append(pa.ipc.open_file(file).read_all())
        return Rejects(pa.concat_tables(tables))

    def contains(self, files: np.ndarray, lines: np.ndarray) -> np.ndarray:
        """Which of these rows were turned down."""
        return np.isin(_place(files, lines), self.places)

    def rows_of(self, file: int, entity: str, records: Records) -> dict[int, list[Fault]]:
        """The rows of a buffer that were turned down, by index, with their faults."""
        places = _place(np.full(len(records.lines), file), records.lines)
        starts, ends = np.searchsorted(self.places, places), np.searchsorted(self.places, places, side="right")
        found: dict[int, list[Fault]] = {}
        for row in np.flatnonzero(ends > starts).tolist():
            for each in self.table.take(pa.array(self.order[starts[row] : ends[row]])).to_pylist():
                line = int(records.lines[row])
                rule = Rule(each["code"])
                fault = Fault(rule, each["text"], records.file.name, line, entity, each["field"], each["value"])
                found.setdefault(row, []).append(fault)
        return found


def _place(files: np.ndarray, lines: np.ndarray) -> np.ndarray:
    return np.asarray((files.astype(np.int64) << _LINE_BITS) | lines)
