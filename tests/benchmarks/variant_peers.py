"""Other tools write the same genotypes with an ALT allele: `python -m tests.benchmarks.variant_peers NAME VCF OUTPUT`.

Columns of all: `sample_id, pos, alt, depth, quality`, a row for each ALT allele that a call carries; zstd Parquet.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def write_with_bcftools_and_duckdb(vcf: Path, output: Path) -> None:
    """`bcftools query` selects and prints; DuckDB reads the pipe."""
    import duckdb

    form = r"[%POS\t%ALT\t%SAMPLE\t%GT\t%DP\t%GQ\n]"
    query = subprocess.Popen(["bcftools", "query", "-i", 'GT="alt"', "-f", form, str(vcf)], stdout=subprocess.PIPE)
    assert query.stdout is not None
    duckdb.sql("SET threads = 2")
    duckdb.sql(f"""
        COPY (
            SELECT sample_id, pos, string_split(alts, ',')[unnest(alleles)] AS alt, depth, quality FROM (
                SELECT *, list_distinct(list_filter(list_transform(
                    string_split(replace(gt, '|', '/'), '/'), lambda a: try_cast(a AS INTEGER)), lambda a: a > 0)) AS alleles
                FROM read_csv('/dev/fd/{query.stdout.fileno()}', delim = '\t', header = false, nullstr = '.', columns = {{
                    'pos': 'BIGINT', 'alts': 'VARCHAR', 'sample_id': 'VARCHAR', 'gt': 'VARCHAR', 'depth': 'BIGINT',
                    'quality': 'BIGINT'}}))
        ) TO '{output}' (FORMAT parquet, COMPRESSION zstd)""")
    if query.wait():
        sys.exit("bcftools failed")


def write_with_cyvcf2(vcf: Path, output: Path) -> None:
    """htslib's arrays of each variant, gathered and written with PyArrow."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from cyvcf2 import VCF

    reader = VCF(str(vcf), threads=2)
    samples = pa.array(reader.samples)
    types = [("sample_id", pa.dictionary(pa.int32(), pa.string())), ("pos", pa.int64()), ("alt", pa.string()),
             ("depth", pa.int64()), ("quality", pa.int64())]  # fmt: skip
    schema = pa.schema(types)
    rows: list[pa.RecordBatch] = []
    with pq.ParquetWriter(output, schema, compression="zstd") as writer:
        for variant in reader:
            calls = variant.genotype.array()[:, :-1]
            depth, quality = variant.format("DP")[:, 0], variant.format("GQ")[:, 0]
            for number, alt in enumerate(variant.ALT, start=1):
                carriers = np.flatnonzero((calls == number).any(axis=1))
                names = pa.DictionaryArray.from_arrays(pa.array(carriers, pa.int32()), samples)
                count = len(carriers)
                rows.append(pa.record_batch([
                    names, np.full(count, variant.POS), pa.array([alt] * count, pa.string()),
                    depth[carriers].astype(np.int64), quality[carriers].astype(np.int64),
                ], schema=schema))  # fmt: skip
            if len(rows) > 2000:
                writer.write_table(pa.Table.from_batches(rows, schema))
                rows = []
        writer.write_table(pa.Table.from_batches(rows, schema))


def write_with_pyspark(vcf: Path, output: Path) -> None:
    """Lines of text, split and exploded in SQL. Spark takes the file for plain gzip, which is one task."""
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as f

    spark = _plain_session()
    assert isinstance(spark, SparkSession)
    lines = spark.read.text(str(vcf))
    columns = lines.where(f.col("value").startswith("#CHROM")).head()
    assert columns is not None
    names = columns.value.split("\t")[9:]
    samples = spark.createDataFrame(list(enumerate(names)), "sample int, sample_id string")
    cells = lines.where(~f.col("value").startswith("#")).select(f.split("value", "\t").alias("c"))
    calls = cells.select(
        f.col("c")[1].cast("bigint").alias("pos"), f.split(f.col("c")[4], ",").alias("alts"),
        f.posexplode(f.slice("c", 10, len(names))).alias("sample", "call"),
    ).where(f.col("call").rlike("^[^:]*[1-9]"))  # fmt: skip
    alleles = "explode(array_distinct(filter(transform(split(p[0], '[/|]'), a -> try_cast(a AS int)), a -> a > 0)))"
    exploded = calls.select("pos", "alts", "sample", f.split("call", ":").alias("p")).select(
        "pos", "alts", "sample", f.expr(alleles).alias("allele"), f.col("p")[1].try_cast("bigint").alias("depth"),
        f.col("p")[2].try_cast("bigint").alias("quality"),
    )  # fmt: skip
    rows = exploded.join(f.broadcast(samples), "sample").select(
        "sample_id", "pos", f.expr("element_at(alts, allele)").alias("alt"), "depth", "quality"
    )
    rows.write.mode("overwrite").option("compression", "zstd").parquet(str(output))
    spark.stop()


def _plain_session() -> object:
    from pyspark.sql import SparkSession

    return SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()


def start_pyspark(_: Path, __: Path) -> None:
    """An empty session of plain PySpark, to subtract."""
    _plain_session().stop()  # type: ignore[attr-defined]


def write_with_hail(vcf: Path, output: Path) -> None:
    """Hail's VCF reader, entries filtered, to Spark's Parquet writer. It needs Spark 3.5, so an environment of its
    own."""
    import hail as hl

    hl.init(master="local[2]", quiet=True, log="/dev/null", spark_conf={"spark.ui.enabled": "false"})
    matrix = hl.import_vcf(str(vcf), force_bgz=True, array_elements_required=False, reference_genome="GRCh38")
    matrix = matrix.filter_entries(matrix.GT.is_non_ref())
    entries = matrix.select_rows().select_entries("GT", "DP", "GQ").entries()
    alleles = hl.set([entries.GT[0], entries.GT[1]]).filter(lambda allele: allele > 0)
    rows = entries.annotate(allele=hl.array(alleles)).explode("allele").key_by()
    rows = rows.select(
        sample_id=rows.s, pos=hl.int64(rows.locus.position), alt=rows.alleles[rows.allele], depth=hl.int64(rows.DP),
        quality=hl.int64(rows.GQ),
    )  # fmt: skip
    rows.to_spark().write.mode("overwrite").option("compression", "zstd").parquet(str(output))


PEERS = {
    "bcftools_duckdb": write_with_bcftools_and_duckdb, "cyvcf2": write_with_cyvcf2, "pyspark": write_with_pyspark,
    "empty_pyspark": start_pyspark, "hail": write_with_hail,
}  # fmt: skip

if __name__ == "__main__":
    PEERS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
