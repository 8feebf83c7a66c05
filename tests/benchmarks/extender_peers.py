"""The same file to typed Parquet by other tools, types found over all its rows:
`python -m tests.benchmarks.extender_peers duckdb|pyspark FILE OUTPUT`."""

from __future__ import annotations

import sys
from pathlib import Path


def infer_with_duckdb(file: Path, output: Path) -> None:
    """DuckDB's detection over the full file."""
    import duckdb

    duckdb.sql("SET threads = 2")
    duckdb.sql(
        f"COPY (FROM read_csv('{file}', sample_size = -1)) TO '{output}.parquet' (FORMAT parquet, COMPRESSION zstd)"
    )


def infer_with_pyspark(file: Path, output: Path) -> None:
    """Spark's CSV reader with `inferSchema`."""
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    frame = spark.read.csv(str(file), header=True, inferSchema=True)
    frame.write.mode("overwrite").option("compression", "zstd").parquet(str(output))
    spark.stop()


PEERS = {"duckdb": infer_with_duckdb, "pyspark": infer_with_pyspark}

if __name__ == "__main__":
    PEERS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
