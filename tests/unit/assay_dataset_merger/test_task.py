"""The tasks that link by a file, in any number of pieces and buckets, held against the same link written plainly."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.assay_dataset_merger.task import (
    MatchResult,
    MatchTask,
    ParseTask,
    count_samples,
    match_phenos,
    match_samples,
    parse_pairs,
    spell_ids,
)
from common.faults import Faults
from common.scan.delimited import Piece, TextFile
from common.scan.records import TextFormat
from common.tables.key_checks import KeyColumn, KeyWriter

Pairs = list[tuple[str, str]]
Results = list[MatchResult]


def write_ids(folder: Path, name: str, ids: list[str], buckets: int) -> KeyColumn:
    path = str(folder / f"{name}.arrow")
    with KeyWriter(path, pa.string(), buckets) as writer:
        writer.add(pa.array(ids, pa.string()), -1, None)
    return KeyColumn(name, "id", (path,))


def link(
    folder: Path, pieces: list[Pairs], samples: list[str], phenos: list[str], buckets: int
) -> tuple[Pairs, list[Results]]:
    """The linking table, and the results of all three steps."""
    parsed = []
    for number, pairs in enumerate(pieces):
        text = "sample,pheno\n" + "".join(f"{sample},{pheno}\n" for sample, pheno in pairs)
        path = folder / f"links{number}.csv"
        path.write_text(text)
        piece = Piece(TextFile(path.name, str(path), len(text), False, "utf-8", 13, 1), 13, len(text), 2)
        parsed.append(str(folder / f"{number}.arrow"))
        task = ParseTask(
            piece, TextFormat(",", ("",)), ("sample", "pheno"), (0, 1), ("string", "string"), buckets, parsed[-1]
        )
        assert not parse_pairs(task)[0]
    sides = write_ids(folder, "sample", samples, buckets), write_ids(folder, "pheno", phenos, buckets)
    steps, files, results = (match_samples, match_phenos, count_samples), tuple(parsed), list[Results]()
    for step, ids in zip(steps, (*sides, sides[0]), strict=True):
        tasks = [
            MatchTask(files, ids, buckets, bucket, f"{folder}/{step.__name__}{bucket}", "links", "", True, str(folder))
            for bucket in range(buckets)
        ]
        results.append([step(task) for task in tasks])
        files = tuple(task.kept for task in tasks if Path(task.kept).exists())
    rows = [row for result in results[1] if result.file for row in pq.read_table(folder / result.file).to_pylist()]
    return sorted((row["g_sample"], row["p_sample"]) for row in rows), results


def total(results: Results, count: str) -> int:
    return sum(getattr(result, count) for result in results)


def counts(results: Results, code: int) -> int:
    faults = Faults()
    for result in results:
        faults.merge(result.faults)
    return faults.counts.get(code, 0)


ids = st.sampled_from([f"{letter}{number}" for letter in "abc" for number in range(6)])
pair_lists = st.lists(st.lists(st.tuples(ids, ids), max_size=12), min_size=1, max_size=3)


@settings(max_examples=60)
@given(pair_lists, st.lists(ids, unique=True), st.lists(ids), st.integers(1, 5))
def test_pairs_link_as_a_plain_join_would(
    pieces: list[Pairs], samples: list[str], phenos: list[str], buckets: int
) -> None:
    pairs = [pair for piece in pieces for pair in piece]
    linked = sorted({(s, p) for s, p in pairs if s in samples and p in phenos})
    partners = [Counter(pair[side] for pair in linked) for side in (0, 1)]
    with tempfile.TemporaryDirectory() as folder:
        table, (known, matched, counted) = link(Path(folder), pieces, samples, phenos, buckets)
    assert table == linked
    assert (total(known, "pairs"), total(known, "ids")) == (len(pairs), len(samples))
    assert (total(matched, "rows"), total(matched, "ids")) == (len(phenos), len(set(phenos)))
    assert total(matched, "kept") == len(linked)
    assert (total(counted, "matched"), total(matched, "matched")) == (len(partners[0]), len(partners[1]))
    assert counts(known, 322) == len(pairs) - len(set(pairs))
    assert counts(counted, 311) == total(counted, "shared") == sum(n > 1 for n in partners[0].values())
    assert counts(matched, 311) == sum(n > 1 for n in partners[1].values())


@pytest.mark.parametrize(("field_type", "spelt"), [
    ("string", ["007", "+7", "7.0", "x", None]),
    ("integer", ["7", "7", "7.0", "x", None]),
    ("float", ["7", "7", "7", "x", None]),
])  # fmt: skip
def test_ids_are_spelt_as_the_field_would_write_them(field_type: str, spelt: list[str | None]) -> None:
    assert spell_ids(pa.array(["007", "+7", "7.0", "x", None]), field_type).to_pylist() == spelt
