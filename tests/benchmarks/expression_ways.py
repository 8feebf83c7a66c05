"""Ways from a gzip matrix to long form: the app, which writes both tables and a Dataset, and peers, which write the plain table,
ordered by feature, or with `both` that by chromosome and bin too. `python -m tests.benchmarks.expression_ways WAY MATRIX FOLDER`.
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path


def ours(source: str, target: str) -> None:
    """The app from its command line, with the annotation that lies beside the matrix."""
    job = Path(target) / "job"
    job.mkdir(parents=True)
    given = {
        "source_expression_data": [source], "feature_annotation": str(Path(source).with_name("genes.gtf.gz")),
        "feature_value_type": "tpm", "reference_genome": "GRCh38.109", "assay_name": "assay", "output_dataset_name": "bench",
    }  # fmt: skip
    (job / "job_input.json").write_text(json.dumps(given), encoding="utf-8")
    app = [sys.executable, "-m", "apps.molecular_expression_assay_loader.app"]
    options = ["--project", f"{target}/project", "--job-dir", str(job), "--master", "local[2]", "--brief"]
    subprocess.run([*app, *options], check=True)


def empty_session(_: str, __: str) -> None:
    """The cost of an empty run of the suite."""
    from common.spark.session import Cluster

    cluster = Cluster("empty", master="local[2]")
    assert cluster.parallelism == 2  # asking is what starts Spark
    cluster.stop()


def pyspark(source: str, target: str, tables: str = "plain") -> None:
    """Spark SQL: lines split, wide rows ordered, then exploded. The order of the wide rows spares sorting the long ones."""
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as f

    spark = (
        SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.driver.memory", "4g")
        .config("spark.sql.parquet.compression.codec", "zstd").config("spark.sql.shuffle.partitions", "4").getOrCreate()
    )  # fmt: skip
    lines = spark.read.text(source)
    header = lines.first()[0]
    samples = f.split(f.lit(header.split(",", 1)[1]), ",")
    cells = f.split("value", ",")
    wide = lines.where(f.col("value") != header).select(
        cells[0].alias("feature_id"), f.slice(cells, 2, header.count(",")).alias("cells")
    )
    value = [f.get(samples, f.col("at")).alias("sample_id"), f.col("cell").cast("double").alias("value")]
    ordered = wide.repartitionByRange(4, "feature_id").sortWithinPartitions("feature_id")
    rows = ordered.select("feature_id", f.posexplode("cells").alias("at", "cell"))
    rows.select("feature_id", *value).write.parquet(f"{target}/expression")
    if tables == "both":
        genes = spark.read.csv(str(genes_beside(source)), sep="\t", header=True, inferSchema=True)
        placed = wide.join(f.broadcast(genes), "feature_id").repartition(4, "chr", "bin")
        placed = placed.sortWithinPartitions("chr", "bin", "feature_id")
        kept = [name for name in placed.columns if name not in ("feature_id", "cells")]
        rows = placed.select("feature_id", *kept, f.posexplode("cells").alias("at", "cell"))
        rows.select("feature_id", *value, *kept).write.partitionBy("chr", "bin").parquet(f"{target}/optimized")
    spark.stop()


def genes_beside(source: str) -> Path:
    """The places of features as a TSV with `chr` and `bin`, which peers need not work out."""
    return Path(source).with_name("genes.tsv")


def plain_session(_: str, __: str) -> None:
    """The cost of an empty session of plain PySpark."""
    from pyspark.sql import SparkSession

    SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate().stop()


def duckdb(source: str, target: str, tables: str = "plain") -> None:
    """DuckDB: lines split to lists, wide rows ordered, then unnested."""
    import duckdb as db

    Path(target).mkdir()
    db.execute("SET threads = 2")
    with gzip.open(source, "rt", encoding="utf-8") as file:
        samples = next(file).rstrip("\n").split(",")[1:]
    lines = (
        f"read_csv('{source}', header = false, skip = 1, columns = {{'line': 'VARCHAR'}}, delim = '\x1f', quote = '', "
        "max_line_size = 10000000)"
    )
    db.execute("CREATE TABLE names AS SELECT ? AS names", [samples])
    db.execute(
        f"""CREATE VIEW wide AS SELECT cells[1] AS feature_id, cells[2:]::DOUBLE[] AS vals
        FROM (SELECT string_split(line, ',') AS cells FROM {lines})"""
    )
    rows = "SELECT feature_id, unnest(names) AS sample_id, unnest(vals) AS value"
    Path(target, "expression").mkdir()
    if tables == "both":
        db.execute("CREATE TABLE kept AS SELECT * FROM wide")
    origin = "kept" if tables == "both" else "wide"
    db.execute(
        f"""COPY ({rows} FROM (SELECT * FROM {origin} ORDER BY feature_id), names)
        TO '{target}/expression/out.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 1000000)"""
    )
    if tables == "both":
        genes = f"read_csv('{genes_beside(source)}', delim = '\t')"
        db.execute(
            f"""COPY ({rows}, * EXCLUDE (feature_id, vals, names) FROM (
                SELECT * FROM kept JOIN {genes} USING (feature_id) ORDER BY chr, bin, feature_id
            ), names) TO '{target}/optimized' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (chr, bin))"""
        )


def polars(source: str, target: str, tables: str = "plain") -> None:
    """Polars: wide rows ordered, their cells gathered to lists, then exploded beside the names."""
    import polars as pl

    Path(target, "expression").mkdir(parents=True)
    wide = pl.read_csv(source).sort("feature_id")
    samples = wide.columns[1:]
    pairs = [pl.lit(pl.Series([samples])).alias("sample_id"), pl.concat_list(samples).alias("value")]
    rows = wide.lazy().select("feature_id", *pairs).explode("sample_id", "value")
    rows.sink_parquet(f"{target}/expression/out.parquet", compression="zstd", row_group_size=1_000_000)
    if tables == "both":
        genes = pl.read_csv(
            genes_beside(source), separator="\t", schema_overrides={"chr": pl.String, "CHROM": pl.String}
        )
        placed = wide.lazy().join(genes.lazy(), on="feature_id").sort("chr", "bin", "feature_id")
        kept = [name for name in genes.columns if name != "feature_id"]
        rows = placed.select("feature_id", *pairs, *kept).explode("sample_id", "value")
        rows.collect().write_parquet(f"{target}/optimized", compression="zstd", partition_by=["chr", "bin"])


if __name__ == "__main__":
    shutil.rmtree(sys.argv[3], ignore_errors=True)
    globals()[sys.argv[1]](*sys.argv[2:])
