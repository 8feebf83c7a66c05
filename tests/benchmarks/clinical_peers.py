"""The same clinical load by other tools: `python -m tests.benchmarks.clinical_peers duckdb|pyspark FOLDER OUTPUT`."""

from __future__ import annotations

import csv
import json
import sys
from functools import partial
from pathlib import Path

SQL_TYPES = {"string": "VARCHAR", "integer": "BIGINT", "float": "DOUBLE", "date": "DATE", "datetime": "TIMESTAMP"}


def read_fields(folder: Path) -> list[dict[str, str]]:
    """The dictionary's rows of `person`."""
    with (folder / "data_dictionary.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["entity"] == "person"]


def load_with_duckdb(folder: Path, output: Path, has_figures: bool = False) -> None:
    """Typed Parquet, and in SQL the checks that our loader makes: types, codings, parts, key and reference; on demand its figures
    too (rows, nulls, distinct estimate, minimum, maximum, mean), by SUMMARIZE."""
    import duckdb

    fields = read_fields(folder)
    types = {field["name"]: "VARCHAR" if field["is_multi_select"] else SQL_TYPES[field["type"]] for field in fields}
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in types.items())
    shown = ", ".join(
        f"string_split({field['name']}, '|') AS {field['name']}" if field["is_multi_select"] else field["name"]
        for field in fields
    )
    duckdb.sql("SET threads = 2")
    duckdb.sql(
        f"CREATE TABLE person AS SELECT {shown} FROM read_csv('{folder}/person.csv', columns = {{{columns}}}, header = true)"
    )
    duckdb.sql(
        f"CREATE TABLE site AS FROM read_csv('{folder}/site.csv', columns = {{'site_id': 'VARCHAR'}}, header = true)"
    )
    duckdb.sql(f"CREATE TABLE codings AS FROM read_csv('{folder}/codings.csv', all_varchar = true, header = true)")
    output.mkdir(parents=True, exist_ok=True)
    for table in ("person", "site"):
        duckdb.sql(f"COPY {table} TO '{output}/{table}.parquet' (FORMAT parquet, COMPRESSION zstd)")
    faults = []
    for field in fields:
        name, coding = field["name"], field["coding_name"]
        if not coding:
            continue
        codes = f"(SELECT code FROM codings WHERE coding_name = '{coding}')"
        values = (
            f"(SELECT unnest({name}) AS v FROM person)"
            if field["is_multi_select"]
            else f"(SELECT {name}::VARCHAR AS v FROM person)"
        )
        faults.append(f"SELECT count(*) FROM {values} WHERE v IS NOT NULL AND v NOT IN {codes}")
        if field["is_multi_select"]:
            faults.append(f"SELECT count(*) FROM {values} WHERE v = ''")
    faults.append("SELECT count(*) FROM (SELECT person_id FROM person GROUP BY person_id HAVING count(*) > 1)")
    faults.append("SELECT count(*) FROM person WHERE person_id IS NULL")
    faults.append("SELECT count(*) FROM person WHERE site_id IS NOT NULL AND site_id NOT IN (SELECT site_id FROM site)")
    found = [row[0] for row in duckdb.sql(" UNION ALL ".join(faults)).fetchall()]
    if any(found):
        sys.exit(f"faults: {found}")
    if has_figures:
        (output / "report.json").write_text(json.dumps(duckdb.sql("SUMMARIZE person").fetchall(), default=str))


def load_with_pyspark(folder: Path, output: Path) -> None:
    """Spark's CSV reader with a schema to Parquet; no checks."""
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as f

    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    fields = read_fields(folder)
    names = {"VARCHAR": "STRING"}
    schema = ", ".join(
        f"`{field['name']}` {'STRING' if field['is_multi_select'] else names.get(SQL_TYPES[field['type']], SQL_TYPES[field['type']])}"
        for field in fields
    )
    frame = spark.read.csv(str(folder / "person.csv"), header=True, schema=schema)
    for field in fields:
        if field["is_multi_select"]:
            frame = frame.withColumn(field["name"], f.split(field["name"], r"\|"))
    frame.write.mode("overwrite").option("compression", "zstd").parquet(str(output / "person"))
    spark.stop()


def start_pyspark(_: Path, __: Path) -> None:
    """An empty session of plain PySpark, to subtract."""
    from pyspark.sql import SparkSession

    SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate().stop()


PEERS = {
    "duckdb": load_with_duckdb, "duckdb_figures": partial(load_with_duckdb, has_figures=True),
    "pyspark": load_with_pyspark, "empty_pyspark": start_pyspark,
}  # fmt: skip

if __name__ == "__main__":
    PEERS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
