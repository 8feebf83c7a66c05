"""Statistics of a field: hashes that depend on nothing but the value, and estimates of distinct values within their bounds."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.values.column_stats import ColumnStats, add_columns, hash_values


@given(st.lists(st.text(max_size=60), min_size=1, max_size=20), st.data())
def test_a_text_hashes_alike_whatever_stands_beside_it(texts: list[str], data: st.DataObject) -> None:
    alone = {text: int(hash_values(pa.array([text]))[0]) for text in texts}
    chosen = data.draw(st.lists(st.sampled_from(texts)))
    sliced = pa.array(["other", *chosen, "a longer text than the others have"]).slice(1, len(chosen))
    assert hash_values(sliced).tolist() == [alone[text] for text in chosen]


def test_no_values_have_no_hashes() -> None:
    assert len(hash_values(pa.array([], pa.string()))) == len(hash_values(pa.array([], pa.int64()))) == 0


@given(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))))
def test_numbers_hash_alike_whatever_stands_beside_them(numbers: list[int | None]) -> None:
    hashes = hash_values(pa.array(numbers, pa.int64()))
    for number, found in zip(numbers, hashes, strict=True):
        if number is not None:
            assert found == hash_values(pa.array([number], pa.int64()))[0]


@pytest.mark.parametrize("kind", ["integer", "float", "text"])
def test_distinct_values_are_exact_below_the_sketch_and_within_a_tenth_above(kind: str) -> None:
    numbers = np.random.default_rng(5).permutation(np.repeat(np.arange(20_000), 3))
    values = {
        "integer": pa.array(numbers), "float": pa.array(numbers / 8), "text": pa.array([f"P{n:08d}" for n in numbers])
    }[kind]  # fmt: skip
    stats = ColumnStats(1024)
    for start in range(0, len(values), 7_000):
        chunk = values.slice(start, 7_000)
        stats.add_values(pa.concat_arrays([chunk, pa.nulls(1, chunk.type)]))
    assert stats.distinct == pytest.approx(20_000, rel=0.1)
    few = ColumnStats(1024)
    few.add_values(values.slice(0, 500))
    assert few.distinct == len(values.slice(0, 500).unique())


def test_figures_of_two_tasks_merge_into_those_of_the_whole() -> None:
    whole, one, two = ColumnStats(64), ColumnStats(64), ColumnStats(64)
    values = pa.array([*range(1000), None])
    whole.add_values(values)
    one.add_values(values.slice(0, 300))
    two.add_values(values.slice(300))
    one.merge(two)
    assert (one.distinct, one.low, one.high, one.total, one.values) == (whole.distinct, 0, 999, 499_500.0, 1000)


_OF_TYPE = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False, allow_infinity=False, width=32),
    pa.date32(): st.dates(date(1, 1, 1)),
    pa.timestamp("us", "UTC"): st.datetimes(timezones=st.just(UTC)),
    pa.string(): st.text(max_size=12),
}


@given(st.sampled_from(list(_OF_TYPE)), st.integers(1, 5), st.integers(0, 6), st.data())
def test_columns_taken_in_together_have_the_figures_of_each_alone(
    kind: pa.DataType, columns: int, rows: int, data: st.DataObject
) -> None:
    values = st.lists(st.one_of(st.none(), _OF_TYPE[kind]), min_size=columns * rows, max_size=columns * rows)
    joined = pa.array(data.draw(values), kind)
    together = [ColumnStats(4) for _ in range(columns)]
    add_columns(together, joined)
    for at, stats in enumerate(together):
        own = joined.slice(at * rows, rows).to_pylist()
        given_ = [value for value in own if value is not None]
        assert (stats.low, stats.high) == ((min(given_), max(given_)) if given_ else (None, None))
        assert stats.values == (len(given_) if kind in (pa.int64(), pa.float64()) else 0)
        alone = ColumnStats(4)
        alone.add_values(joined.slice(at * rows, rows))
        assert stats.total == alone.total
        if stats.values:  # what rounding costs is measured by the values, of which a sum that cancels has nothing left
            assert abs(stats.total - math.fsum(given_)) <= 2.0**-52 * rows * math.fsum(map(abs, given_))
        if len(set(given_)) < stats.size:
            assert stats.distinct == len(set(given_))


def test_ranges_of_columns_are_values_of_their_type() -> None:
    times = [
        datetime(2020, 5, 1, 12, tzinfo=UTC),
        None,
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, tzinfo=UTC),
    ]
    one, other = ColumnStats(4), ColumnStats(4)
    add_columns([one, other], pa.array(times, pa.timestamp("us", "UTC")))
    assert (one.low, one.high) == (times[0], times[0])
    assert (other.low, other.high) == (times[2], times[3])


@pytest.mark.parametrize(
    "form",
    ["sample_with_a_long_common_prefix_{:07d}", "{:07d}_tumour_rnaseq_batch_2024_01", "sample_{:07d}_tumour_rnaseq_batch_2024_01"],
)  # fmt: skip
def test_a_million_long_ids_that_differ_anywhere_spread_evenly_and_are_told_apart(form: str) -> None:
    ids = pa.array([form.format(number) for number in range(1_000_000)])
    hashes = np.concatenate([hash_values(ids.slice(start, 20_000)) for start in range(0, len(ids), 20_000)])
    assert len(np.unique(hashes)) == len(ids)
    rows = np.bincount((hashes % np.uint64(64)).astype(np.int64), minlength=64)
    assert rows.min() > 0.95 * rows.mean()
    assert rows.max() < 1.05 * rows.mean()
    stats = ColumnStats(1024)
    stats.keep_smallest(hashes)
    shown = stats.to_json()
    assert (shown["distinct_is_exact"], shown["distinct_error"]) == (False, 0.0313)
    assert shown["distinct"] == pytest.approx(len(ids), rel=3 * 0.0313)


@pytest.mark.parametrize("size", [7, 8, 9, 16, 17, 24, 25, 31, 32, 33, 100, 4_001])
def test_every_byte_of_a_text_counts_and_so_do_its_length_and_the_order_of_its_words(size: int) -> None:
    text = bytes(range(65, 73)) * (size // 8 + 1)
    changed = [text[:at] + b"~" + text[at + 1 : size] for at in range(size)]
    longer = [text[:size], text[: size - 1], text[:size] + b"\0", b"\0" * size, b"\0" * (size + 1)]
    words = [text[:8] + b"swapped." + text[:size], b"swapped." + text[:8] + text[:size]]
    texts = pa.array([each.decode() for each in changed + longer + words])
    assert len(set(hash_values(texts).tolist())) == len(texts.unique()) == len(texts)
