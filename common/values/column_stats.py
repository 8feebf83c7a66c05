"""What was observed of a field, gathered in the writing pass: rows, nulls, distinct values, minimum, maximum, mean, top codes.

The statistics of many tasks merge into those of the whole. Distinct values are estimated from the k smallest 64-bit hashes seen
(k minimum values: Bar-Yossef et al., 2002): exact below k, an estimate above, whose relative standard error is 1/sqrt(k - 2).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.values.casts import text_layout

_TOP_SHOWN = 10
_TOP_KEPT = 1000
_TEXT_SHOWN = 100
_ODD, _LENGTH = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_SPAN = float(2**64)


def sketch_size(fields: int) -> int:
    """Hashes kept per field, so that the statistics of a task stay below about 256 KiB however many fields there are."""
    return int(min(1024, max(64, 32768 // max(fields, 1))))


@dataclass
class ColumnStats:
    """Statistics of one field. Of a multi-select field, all but `rows` and `nulls` describe the single values in the cells.

    `size` is the number of hashes in the sketch of distinct values; with 0 these are not estimated. `partial` counts the dates of
    which the year, the month or the day (of a datetime) is the last that is known.
    """

    size: int
    rows: int = 0
    nulls: int = 0
    values: int = 0
    total: float | None = None
    low: Any = None
    high: Any = None
    counts: Counter[str] = field(default_factory=Counter)
    partial: Counter[str] = field(default_factory=Counter)
    sketch: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    tallies: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def add_values(self, values: pa.Array) -> None:
        """Takes in typed values, nulls ignored; for cells that hold single values."""
        add_columns([self], values)

    def add_counted(self, values: pa.Array, counts: np.ndarray, are_codes: bool) -> None:
        """Takes in distinct values, the i-th of which occurred `counts[i]` times."""
        seen = np.flatnonzero(counts)
        values = values.take(pa.array(seen))
        _add_ranges([self], values, None)
        _add_hashes([self], values, None)
        if are_codes:
            self.counts.update(dict(zip(pc.cast(values, pa.string()).to_pylist(), counts[seen].tolist(), strict=True)))
            self.counts = Counter(dict(self.counts.most_common(_TOP_KEPT)))
        elif pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
            self.values += int(counts.sum())
            self.total = (self.total or 0.0) + float((values.to_numpy() * counts[seen]).sum(dtype=np.float64))

    def tally(self, places: np.ndarray, counts: np.ndarray, codes: int) -> None:
        """Counts codes by their places in a coding of `codes` codes, -1 for none; `settle` makes statistics of them in the end."""
        if not len(self.tallies):
            self.tallies = np.zeros(codes, dtype=np.int64)
        known = places >= 0
        self.tallies += np.bincount(places[known], weights=counts[known], minlength=codes).astype(np.int64)

    def settle(self, codes: pa.Array) -> None:
        """Turns what was tallied into statistics, once for all; `codes` are the coding's, typed."""
        if self.tallies.any():
            self.add_counted(codes, self.tallies, are_codes=True)
        self.tallies = np.empty(0, dtype=np.int64)

    @property
    def threshold(self) -> np.uint64:
        """What a hash must not exceed to be of use."""
        return self.sketch[-1] if len(self.sketch) == self.size else np.uint64(2**64 - 1)

    def widen(self, low: Any, high: Any) -> None:
        """Takes in the least and the greatest of some values, None if there are none; of texts only the start is kept."""
        if low is not None:
            low, high = _shown(low), _shown(high)
            self.low = low if self.low is None else min(self.low, low)
            self.high = high if self.high is None else max(self.high, high)

    def merge(self, other: ColumnStats) -> None:
        """Takes in the statistics of the same field from another task."""
        self.rows += other.rows
        self.nulls += other.nulls
        self.values += other.values
        if other.total is not None:
            self.total = (self.total or 0.0) + other.total
        self.widen(other.low, other.high)
        self.counts.update(other.counts)
        self.partial.update(other.partial)
        self.keep_smallest(other.sketch)

    def keep_smallest(self, hashes: np.ndarray) -> None:
        """Takes hashes into the sketch."""
        if len(hashes) > self.size:  # nearly all of a column of few distinct values, which are found sooner than sorted
            hashes = pc.unique(pa.array(hashes)).to_numpy()
        merged = np.sort(np.concatenate((self.sketch, hashes)))
        is_first = np.concatenate(([True], merged[1:] != merged[:-1]))[: len(merged)]
        self.sketch = merged[is_first][: self.size]

    @property
    def distinct(self) -> int:
        """Distinct values: exact below the sketch's size, an estimate above."""
        if len(self.sketch) < self.size:
            return len(self.sketch)
        return round((self.size - 1) / (float(self.sketch[-1]) / _SPAN))

    def to_json(self) -> dict[str, Any]:
        """The statistics as the report holds them; dates in ISO form, times in UTC. `distinct_error` is the relative standard
        error of an estimate: two in three are off by less, 19 in 20 by less than twice as much."""
        shown: dict[str, Any] = {"rows": self.rows, "nulls": self.nulls}
        if self.size:
            is_exact = len(self.sketch) < self.size
            error = 0.0 if is_exact else round((self.size - 2) ** -0.5, 4)
            shown |= {"distinct": self.distinct, "distinct_is_exact": is_exact, "distinct_error": error}
        shown["min"], shown["max"] = _plain(self.low), _plain(self.high)
        shown["mean"] = self.total / self.values if self.total is not None and self.values else None
        if self.partial:
            shown["partial"] = dict(self.partial)
        if self.counts:
            shown["top_codes"] = [{"code": code, "rows": n} for code, n in self.counts.most_common(_TOP_SHOWN)]
        return shown


def add_columns(stats: Sequence[ColumnStats], values: pa.Array) -> None:
    """Takes in columns of one type and length that stand one after the other in `values`, nulls ignored.

    All at once, as a buffer of a wide table has so few rows that calls for each column would cost more than its values.
    """
    if values.null_count == len(values):
        return
    is_valid = np.asarray(values.is_valid()).reshape(len(stats), -1) if values.null_count else None
    _add_ranges(stats, values, is_valid)
    _add_hashes(stats, values, is_valid)
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        numbers = _fixed_values(values).reshape(len(stats), -1)
        counts = [numbers.shape[1]] * len(stats) if is_valid is None else np.count_nonzero(is_valid, axis=1).tolist()
        totals = (numbers if is_valid is None else np.where(is_valid, numbers, 0)).sum(axis=1, dtype=np.float64)
        for each, count, total in zip(stats, counts, totals.tolist(), strict=True):
            if count:
                each.values += count
                each.total = (each.total or 0.0) + total


def _add_ranges(stats: Sequence[ColumnStats], values: pa.Array, is_valid: np.ndarray | None) -> None:
    if pa.types.is_string(values.type) or len(stats) == 1:
        rows = len(values) // len(stats)
        for at, each in enumerate(stats):
            ends = pc.min_max(values.slice(at * rows, rows))
            each.widen(ends["min"].as_py(), ends["max"].as_py())
        return
    numbers = _fixed_values(values).reshape(len(stats), -1)
    lows, highs = (
        (numbers if is_valid is None else np.where(is_valid, numbers, instead)) for instead in _extremes(numbers.dtype)
    )
    found = is_valid.any(axis=1) if is_valid is not None else np.ones(len(stats), dtype=bool)
    ends = [pa.array(each, mask=~found).view(values.type).to_pylist() for each in (lows.min(axis=1), highs.max(axis=1))]
    for each, low, high in zip(stats, *ends, strict=True):
        each.widen(low, high)


def _extremes(kind: np.dtype) -> tuple[Any, Any]:
    """What no value of a kind is above, and what none is below."""
    if kind == np.float64:
        return np.inf, -np.inf
    return np.iinfo(kind).max, np.iinfo(kind).min


def _add_hashes(stats: Sequence[ColumnStats], values: pa.Array, is_valid: np.ndarray | None) -> None:
    """Takes values into the sketches of distinct values."""
    if not stats[0].size:
        return
    hashes = hash_values(values).reshape(len(stats), -1)
    is_low = hashes <= np.array([each.threshold for each in stats])[:, np.newaxis]
    if is_valid is not None:
        is_low &= is_valid
    low = np.split(hashes[is_low], np.cumsum(np.count_nonzero(is_low, axis=1))[:-1])
    for each, found in zip(stats, low, strict=True):
        if len(found):
            each.keep_smallest(found)


def _fixed_values(values: pa.Array) -> np.ndarray:
    """The values of an array of fixed width as they lie in memory; those of nulls mean nothing."""
    kind = np.dtype(np.float64 if pa.types.is_floating(values.type) else f"i{values.type.bit_width // 8}")
    return np.frombuffer(values.buffers()[1], dtype=kind)[values.offset : values.offset + len(values)]


def hash_values(values: pa.Array) -> np.ndarray:
    """64-bit hashes (uint64), one for each value; those of nulls mean nothing. Equal values of one type hash alike in every
    process, whatever stands beside them. All bytes of a text count, and its length."""
    if not len(values):
        return np.empty(0, dtype=np.uint64)
    if pa.types.is_dictionary(values.type):
        return np.asarray(hash_values(values.dictionary)[values.indices.to_numpy()])
    if pa.types.is_string(values.type):
        return _hash_texts(values)
    numbers = _fixed_values(values)
    if numbers.dtype == np.float64:
        return _mix((numbers + 0.0).view(np.uint64))  # so that -0.0 is 0.0
    return _mix(numbers.astype(np.int64, copy=False).view(np.uint64))


def _mix(words: np.ndarray) -> np.ndarray:
    mixed = words >> np.uint64(32)
    mixed ^= words
    mixed *= _ODD
    mixed ^= mixed >> np.uint64(29)
    return mixed


def _hash_texts(texts: pa.Array) -> np.ndarray:
    """Texts of up to 24 bytes by the words (8 bytes) at their start, middle and end, which hold all of them; longer ones by
    all their words."""
    offsets, data = text_layout(texts)
    padded = np.concatenate((data[offsets[0] : offsets[-1]], np.zeros(8, dtype=np.uint8)))
    words: np.ndarray = np.ndarray(shape=(len(padded) - 7,), dtype="<u8", buffer=padded, strides=(1,))
    starts, sizes = offsets[:-1].astype(np.int64) - offsets[0], np.diff(offsets).astype(np.int64)
    spare = np.maximum(sizes - 8, 0)
    mixed = _mix(_first_bytes(words[starts], sizes) + sizes.astype(np.uint64) * _LENGTH)
    if not spare.any():
        return _mix(_mix(mixed))
    mixed = _mix(mixed + words[starts + spare // 2] * (spare > 0))
    mixed = _mix(mixed + words[starts + spare] * (spare > 0))
    long = np.flatnonzero(sizes > 24)
    if len(long):
        mixed[long] = _hash_long_texts(words, starts[long], sizes[long])
    return mixed


def _hash_long_texts(words: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Each word is multiplied by a key of its place, so that words that change places count too, and mixed; their sum is
    the text's hash."""
    counts = (sizes + 7) >> 3
    ends = np.cumsum(counts)
    places = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
    terms = words[np.repeat(starts, counts) + 8 * places]
    terms[ends - 1] = _first_bytes(terms[ends - 1], sizes - 8 * (counts - 1))
    terms ^= terms >> np.uint64(32)
    terms *= (_mix(np.arange(counts.max(), dtype=np.uint64) * _LENGTH) | np.uint64(1))[places]
    return _mix(np.add.reduceat(_mix(terms), ends - counts) + sizes.astype(np.uint64) * _LENGTH)


def _first_bytes(words: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The words less what stands after their first `sizes` bytes."""
    kept = (np.uint64(1) << (8 * np.minimum(sizes, 7)).astype(np.uint64)) - np.uint64(1)
    return words & np.where(sizes < 8, kept, ~np.uint64(0))


def count_values(cells: pa.Array, most: int) -> dict[str, int]:
    """The commonest of these cells (string, dictionary or not) with their counts, at most so many."""
    found = pc.value_counts(cells.drop_null())
    top = pa.array(np.argsort(-found.field("counts").to_numpy(), kind="stable")[:most])
    values = found.field("values").take(top).cast(pa.string()).to_pylist()
    return dict(zip(values, found.field("counts").take(top).to_pylist(), strict=True))


def _shown(value: Any) -> Any:
    return value[:_TEXT_SHOWN] if isinstance(value, str) else value


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
