"""The Dataset Extender end to end, beside DuckDB and PySpark that find types over the full file and write Parquet.

Ours also checks every key against the target's, gathers figures and publishes a Dataset.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from tests.benchmarks.bench_clinical import empty_way, peer_way
from tests.benchmarks.measure import Way, compare, measure, show_ratios

_DICTIONARY = "entity,name,type,primary_key_type\nparticipant,id,string,global\nparticipant,age,integer,\n"
_ROWS_AT_ONCE = 50_000


def main(full: bool = False) -> None:
    """Extends participants by 100 columns: 1 M of them, or 20,000 to see that it works."""
    rows, rounds = (1_000_000, 3) if full else (20_000, 1)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        work = Path(folder)
        load_target(work, rows)
        source = work / "phenotypes.csv"
        write_phenotypes(source, rows)
        ways = {
            "ours": our_way(source, work),
            **{
                name: Way(
                    [sys.executable, "-m", "tests.benchmarks.extender_peers", name, str(source), str(work / name)]
                )
                for name in ("duckdb", "pyspark")
            },
            "empty session": empty_way(),
            "empty pyspark": peer_way("empty_pyspark", work, work),
        }
        costs = compare(f"{rows:,} participants x 100 columns, {source.stat().st_size / 1e6:.0f} MB", ways, rounds)
        ours = costs["ours"].less(costs["empty session"])
        pyspark = costs["pyspark"].less(costs["empty pyspark"])
        show_ratios(ours, {"duckdb, sample_size = -1": costs["duckdb"], "pyspark, inferSchema": pyspark})


def our_way(source: Path, work: Path) -> Way:
    """The extender on a project that holds the target alone."""

    def restore() -> None:
        shutil.rmtree(work / "project", ignore_errors=True)
        shutil.copytree(work / "target", work / "project", symlinks=True)

    given = {"source_data": str(source), "target_dataset": "target"}
    return Way(app_command("dataset_extender", given, work / "project", work), before=restore)


def load_target(work: Path, rows: int) -> None:
    """The target Dataset: participants with an id and an age."""
    dictionary, data = work / "data_dictionary.csv", work / "participant.csv"
    dictionary.write_text(_DICTIONARY, encoding="utf-8")
    ages = np.random.default_rng(1).integers(18, 90, rows)
    csv.write_csv(pa.table({"id": _ids(0, rows), "age": ages}), data)
    given = {"data_dictionary": str(dictionary), "data_files": [str(data)], "output_dataset_name": "target"}
    measure(Way(app_command("data_model_loader", given, work / "target", work)))


def app_command(app: str, given: dict[str, object], project: Path, work: Path) -> list[str]:
    """The command that runs an app on inputs."""
    options = ["--project", str(project), "--job-dir", str(work / "job"), "--master", "local[2]", "--brief"]
    return [sys.executable, "-m", "apps", "run", app, "-j", json.dumps(given), *options]


def _ids(start: int, end: int) -> pa.Array:
    return pa.array([f"P{number:08d}" for number in range(start, end)])


def write_phenotypes(path: Path, rows: int) -> None:
    """40 whole numbers, 30 reals, 10 dates, 2 times, 11 categories and 7 texts, a tenth of the cells of each empty."""
    random = np.random.default_rng(2)
    with path.open("wb") as out:
        for start in range(0, rows, _ROWS_AT_ONCE):
            size = min(_ROWS_AT_ONCE, rows - start)
            columns = {"id": _ids(start, start + size)} | {
                name: _with_gaps(column, random) for name, column in _phenotypes(size, random).items()
            }
            options = csv.WriteOptions(include_header=start == 0, quoting_style="none" if start else "needed")
            csv.write_csv(pa.table(columns), out, options)


def _phenotypes(size: int, random: np.random.Generator) -> dict[str, pa.Array]:
    columns = {f"count_{n}": pa.array(random.integers(0, 10 ** (1 + n % 6), size)) for n in range(40)}
    columns |= {f"level_{n}": pa.array(np.round(random.normal(50, 20, size), 3)) for n in range(30)}
    days = np.datetime64("1950-01-01", "D")
    columns |= {f"day_{n}": pa.array(days + random.integers(0, 25_000, size)) for n in range(10)}
    seconds = np.datetime64("2000-01-01T00:00:00", "s")
    columns |= {f"time_{n}": pa.array((seconds + random.integers(0, 7 * 10**8, size)).astype(str)) for n in range(2)}
    columns |= {
        f"group_{n}": pa.array(np.array([f"stage {k}" for k in range(3 + n)])[random.integers(0, 3 + n, size)])
        for n in range(11)
    }
    return columns | {f"code_{n}": pa.array([f"T{x:08x}" for x in random.integers(0, 2**32, size)]) for n in range(7)}


def _with_gaps(column: pa.Array, random: np.random.Generator) -> pa.Array:
    return pa.compute.if_else(pa.array(random.random(len(column)) < 0.1), None, column)
