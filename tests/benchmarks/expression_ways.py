"""Ways from a gzip matrix to long form: the app, which writes both tables and a Dataset, and peers, which write the plain table,
ordered by feature, zstd. `python -m tests.benchmarks.expression_ways WAY MATRIX FOLDER`.
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
    """What a run of ours costs before it has done anything."""
    from common.spark.session import SparkCluster

    cluster = SparkCluster("empty", master="local[2]")
    cluster.map(abs, [1, 2], "nothing")
    cluster.end_java()


def pyspark(source: str, target: str) -> None:
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
    ordered = wide.repartitionByRange(4, "feature_id").sortWithinPartitions("feature_id")
    rows = ordered.select("feature_id", f.posexplode("cells").alias("at", "cell"))
    rows.select(
        "feature_id", f.get(samples, f.col("at")).alias("sample_id"), f.col("cell").cast("double").alias("value")
    ).write.parquet(target)
    spark.stop()


def plain_session(_: str, __: str) -> None:
    """What plain PySpark costs before it has done anything."""
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    spark.range(2).count()
    spark.stop()


def duckdb(source: str, target: str) -> None:
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
        f"""COPY (
            SELECT feature_id, unnest(names) AS sample_id, unnest(vals) AS value FROM (
                SELECT cells[1] AS feature_id, cells[2:]::DOUBLE[] AS vals
                FROM (SELECT string_split(line, ',') AS cells FROM {lines}) ORDER BY feature_id
            ), names
        ) TO '{target}/out.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 1000000)"""
    )


def polars(source: str, target: str) -> None:
    """Polars: wide rows ordered, their cells gathered to lists, then exploded beside the names."""
    import polars as pl

    Path(target).mkdir()
    wide = pl.read_csv(source).sort("feature_id")
    samples = wide.columns[1:]
    names = pl.lit(pl.Series([samples]))
    rows = wide.lazy().select("feature_id", names.alias("sample_id"), pl.concat_list(samples).alias("value"))
    rows.explode("sample_id", "value").sink_parquet(
        f"{target}/out.parquet", compression="zstd", row_group_size=1_000_000
    )


if __name__ == "__main__":
    shutil.rmtree(sys.argv[3], ignore_errors=True)
    globals()[sys.argv[1]](*sys.argv[2:])
