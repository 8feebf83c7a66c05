"""The Genetic Variant Assay Loader beside Hail, PySpark, bcftools with DuckDB, and cyvcf2 with PyArrow; and how its
cost grows.

All write the same genotypes, held against each other by checksum; ours writes alleles with their counts, annotations
and the Dataset besides. bcftools and Hail are left out, and that is said, where they are not installed: `apt-get
install bcftools`, and an environment with `pip install hail` whose Python `HAIL_PYTHON` names (Hail 0.2 needs another
Spark than ours).
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import duckdb

from apps.genetic_variant_assay_loader.task import VariantTask, load_task
from common.vcf.container import cut_pieces, read_vcf_file
from tests.benchmarks.bench_clinical import empty_way
from tests.benchmarks.measure import ROOT, Cost, Way, compare, measure, show_ratios, show_table
from tests.benchmarks.variant_data import write_vcf

_GENE_BASES = 60_000


def our_way(vcf: Path, work: Path) -> Way:
    """Our loader on one VCF, into a new project each time."""
    project = work / "project"
    given = {"vcf_files": [str(vcf)], "output_dataset_name": "bench", "assay_name": "germline"}
    command = [
        sys.executable, "-m", "apps", "run", "genetic_variant_assay_loader", "-j", json.dumps(given),
        "--project", str(project), "--job-dir", str(work / "job"), "--master", "local[2]", "--brief",
    ]  # fmt: skip
    return Way(command, before=lambda: shutil.rmtree(project, ignore_errors=True))


def peer_way(name: str, vcf: Path, work: Path) -> Way:
    """A peer of `variant_peers` on the same file."""
    python = os.environ["HAIL_PYTHON"] if name == "hail" else sys.executable
    script = str(ROOT / "tests" / "benchmarks" / "variant_peers.py")
    environment = {"PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python}
    return Way([python, script, name, str(vcf), str(work / f"{name}.parquet")], environment)


def peers_here() -> list[str]:
    """The peers that are installed."""
    names = ["cyvcf2", "pyspark"]
    if shutil.which("bcftools"):
        names.insert(0, "bcftools_duckdb")
    else:
        print("bcftools is not installed: left out")
    if os.environ.get("HAIL_PYTHON"):
        names.append("hail")
    else:
        print("HAIL_PYTHON names no Python with Hail: left out")
    return names


def our_files(work: Path, table: str = "genotype_alt_read_optimized") -> list[str]:
    """The Parquet files of a table that ours wrote."""
    return sorted(map(str, (work / "project").glob(f"databases/**/{table}/**/*.parquet")))


def validate_equal(work: Path, peers: list[str]) -> None:
    """Stops if a peer has written other genotypes than ours."""
    ours = "SELECT sample_id, pos, split_part(a_id, '_', 4) AS alt, depth, genotype_quality AS quality FROM read_parquet({})"
    sources = {"ours": ours.format(our_files(work))}
    for name in peers:
        path = work / f"{name}.parquet"
        files = f"{path}/*.parquet" if path.is_dir() else path
        sources[name] = f"SELECT sample_id, pos, alt, depth, quality FROM read_parquet('{files}')"
    found = {
        name: duckdb.sql(f"SELECT count(*), sum(hash(t)) FROM ({sql}) AS t").fetchall()[0]
        for name, sql in sources.items()
    }
    if len(set(found.values())) > 1:
        raise SystemExit(f"the ways wrote different genotypes: {found}")
    print(f"\nequal in all ways: {found['ours'][0]:,} genotypes")


def show_lookup(work: Path, vcf: Path) -> None:
    """Bytes that DuckDB asks the kernel for to answer for one gene, beside those of the table: in the few files of a small
    load, where the footers of all are read, and in the folders by contig and bin of a large one."""
    folder = work / "folders"
    file, _ = read_vcf_file(vcf.name, str(vcf))
    assert file is not None
    folder.mkdir()
    folders = {name: str(folder / name) for name in ("genotype", "allele", "annotation")}
    task = VariantTask(
        0, 0, tuple(cut_pieces(file, 1 << 40)), (False, False, False), None, folders, is_partitioned=True
    )
    load_task(task)
    rows = []
    for name, files in (
        ("few files", our_files(work)),
        ("folders", sorted(map(str, folder.glob("genotype/**/*.parquet")))),
    ):
        total = sum(Path(each).stat().st_size for each in files)
        found, read = _look_up(files)
        rows.append([name, f"{len(files)}", f"{found:,}", f"{read:,}", f"{total:,}", f"{100 * read / total:.2f}"])
    show_table("one gene, by DuckDB", ["", "files", "genotypes", "bytes read", "of", "%"], rows)


def _look_up(files: list[str]) -> tuple[int, int]:
    """Genotypes of a gene's length in the middle of the table, and bytes asked for to find them."""
    source = f"read_parquet({files}, hive_partitioning = true)"
    first = int(duckdb.sql(f"SELECT median(pos)::BIGINT FROM {source}").fetchall()[0][0])
    last = first + _GENE_BASES
    bins = ", ".join(str(number) for number in range(first // 2_500_000, last // 2_500_000 + 1))
    sql = (
        f"SELECT sample_id, a_id, locus_id, chr, pos, type FROM {source} "
        f"WHERE chr = '1' AND pos BETWEEN {first} AND {last} AND bin IN ({bins}) AND ref_yn = false"
    )
    with duckdb.connect() as connection:
        connection.sql("SET parquet_metadata_cache = true")  # it reads footers once to plan and once to scan otherwise
        before = _bytes_asked()
        found = len(connection.sql(sql).fetchall())
        return found, _bytes_asked() - before


def _bytes_asked() -> int:
    return int(Path("/proc/self/io").read_text(encoding="ascii").split("rchar: ")[1].split()[0])


def show_growth(work: Path, sites: int, samples: int, empty: Cost) -> None:
    """One run each: ten times the lines in the same memory, ten times the samples in no more than eleven times the
    time."""
    rows = []
    for lines, width in ((sites // 10, samples), (sites, samples), (sites, samples // 10)):
        vcf = write_vcf(work / "growth.vcf.gz", lines, width)
        cost = measure(our_way(vcf, work))
        net = cost.less(empty)
        rows.append([f"{lines:,} sites x {width:,} samples", f"{net.wall:.1f}", f"{net.cpu:.1f}", f"{cost.peak:.0f}"])
    show_table("how cost grows, less an empty session", ["", "wall s", "CPU s", "peak MiB"], rows)


def main(full: bool = False) -> None:
    """Ways side by side, the look-up of a gene, and growth."""
    sites, samples, rounds = (20_000, 2_000, 3) if full else (500, 200, 1)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        work = Path(folder)
        vcf = write_vcf(work / "bench.vcf.gz", sites, samples)
        peers = peers_here()
        ways = {"ours": our_way(vcf, work), **{name: peer_way(name, vcf, work) for name in peers}}
        ways |= {"empty session": empty_way(), "empty pyspark": peer_way("empty_pyspark", vcf, work)}
        costs = compare(f"{sites:,} sites x {samples:,} samples, {vcf.stat().st_size / 1e6:.0f} MB bgzip", ways, rounds)
        validate_equal(work, peers)
        empty = costs["empty session"]
        less = {"pyspark": costs["pyspark"].less(costs["empty pyspark"])}
        show_ratios(costs["ours"].less(empty), {name: less.get(name, costs[name]) for name in peers})
        if "hail" in costs:
            print(f"\nwhole process: {costs['hail'].wall / costs['ours'].wall:.1f} times as fast as Hail")
        show_lookup(work, vcf)
        show_growth(work, sites, samples, empty)
