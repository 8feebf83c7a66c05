"""Expression: a gzip matrix to long form, ours with both tables and the Dataset, beside PySpark, DuckDB and Polars.

`--full` measures 20,000 features × 1,000 samples and 4,000. `--huge` measures ours alone on up to 60,000 features × 20,000
samples, 1.2 billion values: that memory stays where it is, in the driver and in every task. It takes some eight minutes on two
cores and, where `TMPDIR` says, 10 GB of disk.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from isal import igzip
from pyarrow import csv

from tests.benchmarks.measure import ROOT, Cost, Way, compare, measure, show_ratios, show_table

PEERS = ("pyspark", "duckdb", "polars", "pyspark both", "duckdb both", "polars both")
"""`both` writes the table by chromosome and bin as well, as ours does; the others the plain table only."""

SESSIONS = {"ours": "empty_session", "pyspark": "plain_session", "pyspark both": "plain_session"}
HUGE = ((60_000, 5_000), (20_000, 20_000), (60_000, 20_000))
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


def write_counts(path: Path, features: int, samples: int) -> int:
    """A gzip CSV of small whole numbers, four of five of them zero, its rows in no order; returns their sum. Made at the speed
    of memory: a random byte says the two digits of a cell."""
    random = np.random.default_rng(9)
    count = np.zeros(256, dtype=np.uint8)
    count[205:] = random.integers(1, 100, 51)
    cell = np.stack([np.where(count > 9, count // 10 + 48, 0), count % 10 + 48, np.full(256, ord(","))], axis=1)
    digits, total = cell.astype(np.uint8), 0
    with igzip.open(path, "wb", compresslevel=1) as out:
        out.write(b"feature_id," + b",".join(b"sample_%05d" % number for number in range(samples)) + b"\n")
        for number in random.permutation(features).tolist():
            cells = np.frombuffer(random.bytes(samples), np.uint8)
            out.write(b"ENSG%011d," % number + digits[cells].tobytes().translate(None, b"\0")[:-1] + b"\n")
            total += int(count[cells].sum(dtype=np.int64))
    return total


def write_annotation(path: Path, features: int) -> None:
    """A gzip GTF that spreads the features over chromosomes of 130 Mb: some 1,200 bins, as many as the human genome has; and
    `genes.tsv` beside it, the same with bins, for peers."""
    random = np.random.default_rng(8)
    starts = random.integers(1, 130_000_000, features)
    lines = (
        f'{_CHROMOSOMES[n % 23]}\tmade\tgene\t{starts[n]}\t{starts[n] + 20000}\t.\t+\t.\tgene_id "ENSG{n:011d}"; gene_name "G{n}";\n'
        for n in range(features)
    )
    with pa.CompressedOutputStream(path, "gzip") as out:
        out.write("".join(lines).encode())
    header = "feature_id\tgene_name\tCHROM\tstart\tend\tstrand\tchr\tbin\n"
    rows = (
        f"ENSG{n:011d}\tG{n}\t{_CHROMOSOMES[n % 23]}\t{starts[n]}\t{starts[n] + 20000}\t+\t{_CHROMOSOMES[n % 23]}\t"
        f"{starts[n] // 2_500_000}\n"
        for n in range(features)
    )
    path.with_name("genes.tsv").write_text(header + "".join(rows), encoding="utf-8")


def find_tables(folder: Path) -> Path:
    """The folder of the tables that our loader wrote."""
    (database,) = (folder / "ours/project/databases").glob("database_*")
    return database


def checksum(folder: Path, way: str) -> tuple[int, float]:
    """Rows and sum of values of the plain table, to compare the outputs."""
    files = (find_tables(folder) if way == "ours" else folder / way) / "expression"
    query = f"SELECT count(*), round(sum(value)::DECIMAL(38, 3), 1) FROM read_parquet('{files}/*.parquet')"
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
    tables = find_tables(folder)
    ((feature, chrom, number),) = duckdb.sql(
        f"SELECT feature_id, CHROM, start // 2500000 FROM read_parquet('{tables}/expr_annotation/*.parquet') "
        "WHERE gene_name = 'G77'"
    ).fetchall()
    place = f"chr = '{chrom}' AND bin = {number} AND gene_name = 'G77'"
    rows = []
    for table, query in (
        ("expression", f"SELECT * FROM read_parquet('{tables}/expression/*.parquet') WHERE feature_id = '{feature}'"),
        (
            "expression_read_optimized",
            f"SELECT * FROM read_parquet('{tables}/expression_read_optimized/*.parquet') WHERE {place}",
        ),
    ):
        files = list((tables / table).rglob("*.parquet"))
        total = sum(file.stat().st_size for file in files)
        found, read = bytes_read(query)
        if found != samples:
            raise RuntimeError(f"{table}: {found} rows of {samples}")
        rows.append([table, f"{len(files):,}", f"{total:,}", f"{read:,}", f"{100 * read / total:.2f} %"])
    show_table("one gene over all samples, by DuckDB", ["", "files", "bytes", "bytes read", "share"], rows)


def measure_ways(folder: Path, features: int, samples: int, names: Sequence[str], rounds: int) -> dict[str, Cost]:
    """Costs of the ways on one matrix. Their outputs must be equal."""
    matrix = folder / "matrix.csv.gz"
    write_matrix(matrix, features, samples)
    write_annotation(folder / "genes.gtf.gz", features)
    ways = {name: _way(name, matrix, folder) for name in names}
    costs = compare(f"{features:,} features × {samples:,} samples, gzip", ways, rounds)
    found = {name: checksum(folder, name) for name in names if name not in SESSIONS.values()}
    if len(set(found.values())) > 1 or found["ours"][0] != features * samples:
        raise RuntimeError(f"the ways differ: {found}")
    return costs


def _way(name: str, matrix: Path, folder: Path) -> Way:
    way, *options = name.split()
    module = [sys.executable, "-m", "tests.benchmarks.expression_ways"]
    here = {"PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": sys.executable}
    return Way([*module, way, str(matrix), str(folder / name), *options], here)


def measure_huge() -> None:
    """Prints the cost of our loader on matrices larger than memory, one run each, with the largest process of each kind."""
    rows = []
    for features, samples in HUGE:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            total = write_counts(folder / "matrix.csv.gz", features, samples)
            write_annotation(folder / "genes.gtf.gz", features)
            cost = measure(_way("ours", folder / "matrix.csv.gz", folder))
            found = checksum(folder, "ours")
            if found != (features * samples, total):
                raise RuntimeError(f"{found} instead of {features * samples:,} rows with the sum {total:,}")
            sizes = [cost.peak, *(cost.largest[kind] for kind in ("java", "python", "worker"))]
            figures = [f"{cost.wall:.0f}", f"{cost.cpu:.0f}", *(f"{size:.0f}" for size in sizes)]
            rows.append([f"{features:,} × {samples:,}", *figures])
    kinds = ["peak MiB", "driver's Java", "driver's Python", "largest worker"]
    show_table("ours on huge matrices of counts, gzip", ["", "wall s", "CPU s", *kinds], rows)


def main(full: bool = False) -> None:
    """Prints costs side by side, the bytes that a lookup reads, and how rows per second hold in a wider matrix."""
    features, samples, rounds = (20_000, 1_000, 3) if full else (2_000, 200, 1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        costs = measure_ways(folder, features, samples, ["ours", *PEERS, *dict.fromkeys(SESSIONS.values())], rounds)
        net = {name: cost.less(costs[SESSIONS[name]]) if name in SESSIONS else cost for name, cost in costs.items()}
        show_ratios(net["ours"], {name: net[name] for name in PEERS})
        show_lookup(folder, samples)
        wide = measure_ways(folder, features, 4 * samples, ["ours", "empty_session"], rounds)
        rows = []
        for count, each in ((samples, costs), (4 * samples, wide)):
            own, cells = each["ours"].less(each["empty_session"]), features * count
            rows.append([f"{count:,} samples", f"{cells / own.wall:,.0f}", f"{cells / own.cpu:,.0f}"])
        show_table("rows of ours, less an empty session", ["", "per second", "per CPU second"], rows)
