"""Expression: a gzip matrix to long form. Ours writes both tables and the Dataset; the peers write the plain table.

`--full` measures 20,000 features × 1,000 samples, three rounds, and how rows per second hold at 4,000 samples.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from pyarrow import csv

from tests.benchmarks.measure import Cost, medians, run_python, show_table

PEERS = ("pyspark", "duckdb", "polars")
SESSIONS = {"ours": "empty_session", "pyspark": "plain_session"}
_CHROMOSOMES = [*(str(number) for number in range(1, 23)), "X"]


def write_matrix(path: Path, features: int, samples: int) -> None:
    """A gzip CSV of reals with three decimals, a third of them zero, its rows in no order."""
    random = np.random.default_rng(7)
    ids = random.permutation(features)
    levels = random.lognormal(1, 2, features)[:, None]
    header = "feature_id," + ",".join(f"sample_{number:05d}" for number in range(samples)) + "\n"
    with pa.CompressedOutputStream(path, "gzip") as out:
        out.write(header.encode())
        for start in range(0, features, 500):
            rows = slice(start, min(start + 500, features))
            size = (rows.stop - start, samples)
            values = np.round(random.gamma(0.8, 1, size) * levels[rows] * (random.random(size) > 0.3), 3)
            columns = [
                pa.array([f"ENSG{number:011d}" for number in ids[rows]]),
                *(pa.array(column) for column in values.T),
            ]
            table = pa.table(columns, names=[str(number) for number in range(samples + 1)])
            csv.write_csv(table, out, csv.WriteOptions(include_header=False, quoting_style="none"))


def write_annotation(path: Path, features: int) -> None:
    """A gzip GTF that spreads the features over chromosomes of 130 Mb: some 1,200 bins, as many as the human genome has."""
    random = np.random.default_rng(8)
    starts = random.integers(1, 130_000_000, features)
    lines = (
        f'{_CHROMOSOMES[n % 23]}\tmade\tgene\t{starts[n]}\t{starts[n] + 20000}\t.\t+\t.\tgene_id "ENSG{n:011d}"; gene_name "G{n}";\n'
        for n in range(features)
    )
    with pa.CompressedOutputStream(path, "gzip") as out:
        out.write("".join(lines).encode())


def run_ours(folder: Path, matrix: Path) -> Cost:
    """The app itself, from its command line."""
    shutil.rmtree(folder / "project", ignore_errors=True)
    job = folder / "job"
    shutil.rmtree(job, ignore_errors=True)
    job.mkdir()
    given = {
        "source_expression_data": [str(matrix)], "feature_annotation": str(folder / "genes.gtf.gz"),
        "feature_value_type": "tpm", "reference_genome": "GRCh38.109", "assay_name": "assay",
        "output_dataset_name": "bench",
    }  # fmt: skip
    (job / "job_input.json").write_text(json.dumps(given), encoding="utf-8")
    options = ["--project", str(folder / "project"), "--job-dir", str(job), "--master", "local[2]", "--brief"]
    return run_python("apps.molecular_expression_assay_loader.app", *options)


def run_way(way: str, folder: Path, matrix: Path) -> Cost:
    """One way of doing it, in processes of its own."""
    if way == "ours":
        return run_ours(folder, matrix)
    target = folder / way
    shutil.rmtree(target, ignore_errors=True)
    return run_python("tests.benchmarks.expression_peers", way, str(matrix), str(target))


def table_files(folder: Path, way: str) -> str:
    """The glob of the plain table that a way wrote."""
    return str(folder / "project/databases/*/expression/*.parquet" if way == "ours" else folder / way / "*.parquet")


def checksum(folder: Path, way: str) -> tuple[int, float]:
    """Rows and sum of values, to hold the ways against each other."""
    query = f"SELECT count(*), round(sum(value)::DECIMAL(38, 3), 1) FROM read_parquet('{table_files(folder, way)}')"
    ((rows, total),) = duckdb.sql(query).fetchall()
    return rows, float(total)


def bytes_read(query: str) -> tuple[int, int]:
    """Rows that a query finds, and bytes that DuckDB asks the kernel for to find them."""
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    before = _bytes_asked()
    rows = len(connection.execute(query).fetchall())
    return rows, _bytes_asked() - before


def _bytes_asked() -> int:
    return int(Path("/proc/self/io").read_text(encoding="ascii").split("rchar: ")[1].split()[0])


def show_lookup(folder: Path, samples: int) -> None:
    """What a query for one gene over all samples reads, of both tables."""
    (tables,) = (folder / "project/databases").glob("*/expression")
    rows = []
    ((feature, chrom, number),) = duckdb.sql(
        f"SELECT feature_id, CHROM, start // 2500000 FROM read_parquet('{tables.parent}/expr_annotation/*.parquet') "
        "WHERE gene_name = 'G77'"
    ).fetchall()
    queries = {
        "expression": f"SELECT * FROM read_parquet('{tables}/*.parquet') WHERE feature_id = '{feature}'",
        "expression_read_optimized": "SELECT * FROM read_parquet("
        f"'{tables.parent}/expression_read_optimized/chr={chrom}/bin={number}/*.parquet') WHERE gene_name = 'G77'",
    }
    for table, query in queries.items():
        files = list((tables.parent / table).glob("**/*.parquet"))
        total = sum(file.stat().st_size for file in files)
        found, read = bytes_read(query)
        assert found == samples, f"{table}: {found} rows of {samples}"
        rows.append([table, f"{len(files):,}", f"{total:,}", f"{read:,}", f"{100 * read / total:.2f} %"])
    show_table("One gene over all samples (DuckDB)", ["table", "files", "bytes", "bytes read", "share"], rows)


def measure(folder: Path, features: int, samples: int, ways: list[str], rounds: int) -> dict[str, Cost]:
    """Costs of the ways on one matrix; their outputs are held against each other."""
    matrix = folder / f"matrix{samples}.csv.gz"
    write_matrix(matrix, features, samples)
    write_annotation(folder / "genes.gtf.gz", features)
    costs = medians([{way: run_way(way, folder, matrix) for way in ways} for _ in range(rounds)])
    sums = {way: checksum(folder, way) for way in ways if way not in SESSIONS.values()}
    assert len(set(sums.values())) == 1, sums
    assert next(iter(sums.values()))[0] == features * samples
    return costs


def main() -> None:
    """Measures and shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--features", type=int)
    parser.add_argument("--samples", type=int)
    parser.add_argument("--rounds", type=int)
    options = parser.parse_args()
    features = options.features or (20_000 if options.full else 2_000)
    samples = options.samples or (1_000 if options.full else 200)
    rounds = options.rounds or (3 if options.full else 1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ways = ["ours", *PEERS, *SESSIONS.values()]
        costs = measure(folder, features, samples, ways, rounds)
        net = {way: cost.less(costs[SESSIONS[way]]) if way in SESSIONS else cost for way, cost in costs.items()}
        rows = [
            [way, f"{cost.wall:.1f}", f"{cost.cpu:.1f}", f"{net[way].cpu:.1f}", f"{net['ours'].cpu / net[way].cpu:.2f}"]
            for way, cost in costs.items()
        ]
        title = (
            f"{features:,} features × {samples:,} samples, gzip; seconds, median of {rounds}; ours writes two tables"
        )
        show_table(title, ["way", "wall", "CPU", "CPU less session", "ours / it"], rows)
        show_lookup(folder, samples)
        wide = measure(folder, features, samples * 4, ["ours", "empty_session"], 1)
        shown = []
        for count, own, session in (
            (samples, costs["ours"], costs["empty_session"]), (samples * 4, wide["ours"], wide["empty_session"]),
        ):  # fmt: skip
            cost = own.less(session)
            cells = features * count
            shown.append(
                [
                    f"{count:,}",
                    f"{cells:,}",
                    f"{cost.wall:.1f}",
                    f"{cost.cpu:.1f}",
                    f"{cells / cost.wall:,.0f}",
                    f"{cells / cost.cpu:,.0f}",
                ]
            )
        show_table(
            "Ours, wider, less an empty session", ["samples", "rows", "wall", "CPU", "rows/s", "rows/CPU s"], shown
        )


if __name__ == "__main__":
    main()
