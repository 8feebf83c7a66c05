"""The Data Model Loader end to end with every check, beside DuckDB with the same checks and plain PySpark without any."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.clinical_data import write_clinical
from tests.benchmarks.measure import ROOT, Way, compare, measure, show_ratios, show_table

_SESSION = "from common.spark.session import Cluster\ncluster = Cluster('empty', 'local[2]')\ncluster.parallelism\ncluster.stop()\n"


def our_way(data: Path, work: Path, *more: str) -> Way:
    """Our loader on the files of a folder, into a new project each time."""
    project, job = work / "project", work / "job"
    given = {
        "data_dictionary": str(data / "data_dictionary.csv"), "codings": str(data / "codings.csv"),
        "data_files": sorted(str(path) for name in ("person", "site") for path in data.glob(f"{name}.*")),
        "output_dataset_name": "bench",
    }  # fmt: skip

    def clear() -> None:
        shutil.rmtree(project, ignore_errors=True)

    options = ["--project", str(project), "--job-dir", str(job), "--master", "local[2]", "--brief", *more]
    return Way(
        [sys.executable, "-m", "apps", "run", "data_model_loader", "-j", json.dumps(given), *options], before=clear
    )


def peer_way(name: str, data: Path, work: Path) -> Way:
    """A peer of `clinical_peers` on the same files."""
    return Way([sys.executable, "-m", "tests.benchmarks.clinical_peers", name, str(data), str(work / name)])


def empty_way() -> Way:
    """An empty session of the suite, to subtract."""
    return Way([sys.executable, "-c", _SESSION], {"PYTHONPATH": str(ROOT)})


def main(full: bool = False) -> None:
    """Prints ratios at one size, then growth with rows, files and columns, and the memory for four times the rows."""
    rows, rounds = (1_000_000, 3) if full else (20_000, 1)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        work = Path(folder)
        data = write_clinical(work / "tall", rows)
        size = (data / "person.csv").stat().st_size / 1e6
        ways = {
            "ours": our_way(data, work), "duckdb": peer_way("duckdb", data, work),
            "duckdb, figures": peer_way("duckdb_figures", data, work), "pyspark": peer_way("pyspark", data, work),
            "empty session": empty_way(), "empty pyspark": peer_way("empty_pyspark", data, work),
        }  # fmt: skip
        costs = compare(f"{rows:,} rows x 40 columns, {size:.0f} MB", ways, rounds)
        pyspark = costs["pyspark"].less(costs["empty pyspark"])
        peers = {"duckdb, same checks": costs["duckdb"], "duckdb, same checks and figures": costs["duckdb, figures"]}
        show_ratios(costs["ours"].less(costs["empty session"]), {**peers, "pyspark, no checks": pyspark})
        show_slopes(work, rows, full)


def show_slopes(work: Path, rows: int, full: bool) -> None:
    """One run each of more rows, more files of the same rows, and more columns of the same cells."""
    shown = []

    def add(name: str, way: Way) -> None:
        cost = measure(way)
        shown.append([name, f"{cost.wall:.1f}", f"{cost.cpu:.1f}", f"{cost.peak:.0f}"])

    for factor in (1, 2, 4):
        data = write_clinical(work / f"rows{factor}", rows * factor)
        add(f"{rows * factor:,} rows x 40 columns", our_way(data, work))
        add("the same by duckdb, same checks", peer_way("duckdb", data, work))
        if factor == 1:
            split_files(data, work / "parts", 200)
            add(f"{rows:,} rows in 200 files", our_way(work / "parts", work))
        shutil.rmtree(data)
    wide_rows = 20_000 if full else 500
    for columns in (1000, 2000, 4000):
        data = write_clinical(work / f"columns{columns}", wide_rows, columns)
        add(f"{wide_rows:,} rows x {columns:,} columns", our_way(data, work))
        shutil.rmtree(data)
    show_table("how cost grows", ["", "wall s", "CPU s", "peak MiB"], shown)


def split_files(data: Path, target: Path, parts: int) -> None:
    """The same rows in `parts` files of `person`."""
    target.mkdir()
    for name in ("data_dictionary.csv", "codings.csv", "site.csv"):
        shutil.copy(data / name, target / name)
    header, *lines = (data / "person.csv").read_text().splitlines(keepends=True)
    step = -(-len(lines) // parts)
    for number in range(parts):
        chunk = lines[number * step : (number + 1) * step]
        (target / f"person.{number:04d}.csv").write_text(header + "".join(chunk))
