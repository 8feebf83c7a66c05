from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.commands.catalogue import attach_databases
from common.dataset.database import Database, unique_database_name
from common.platform.names import new_id

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def database(name: str) -> Database:
    database_id = new_id("database")
    return Database(database_id, name, unique_database_name(database_id, name))


def write_table(folder: Path, **columns: list[object]) -> list[str]:
    """The one file of a table, as `Platform.table_files` gives it."""
    folder.mkdir(parents=True)
    pq.write_table(pa.table(columns), folder / "part-0.parquet")
    return [str(folder / "part-0.parquet")]


def values(session: SparkSession, statement: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in session.sql(statement).collect()]


def test_the_only_database_is_known_by_both_names_and_is_the_current_one(
    sql_session: SparkSession, tmp_path: Path
) -> None:
    study = database("only_study")
    attach_databases(
        sql_session, [(study, {"patient": write_table(tmp_path / "it's a `folder` {a,b} [1]*" / "patient", id=[1, 2])})]
    )
    for name in ("patient", "only_study.patient", f"{study.unique_name}.patient"):
        assert values(sql_session, f"SELECT sum(id) FROM {name}") == [(3,)]


def test_a_plain_name_that_two_databases_have_is_known_to_neither(sql_session: SparkSession, tmp_path: Path) -> None:
    one, two = database("twin_study"), database("twin_study")
    attach_databases(sql_session, [
        (one, {"patient": write_table(tmp_path / "one" / "patient", id=[1])}),
        (two, {"patient": write_table(tmp_path / "two" / "patient", id=[2])}),
    ])  # fmt: skip
    assert values(sql_session, f"SELECT id FROM {two.unique_name}.patient") == [(2,)]
    assert values(sql_session, "SHOW DATABASES LIKE 'twin_study'") == []


@pytest.mark.parametrize("chromosomes", [("1", "2"), ("1", "X"), ("01", "1e5")], ids=lambda names: " ".join(names))
def test_a_partitioned_table_has_its_rows_and_its_columns_are_of_one_type_whatever_is_loaded(
    sql_session: SparkSession, tmp_path: Path, chromosomes: tuple[str, str]
) -> None:
    files = [
        *write_table(tmp_path / "[a]" / "genotype" / f"chr={chromosomes[0]}" / "bin=0", pos=[10]),
        *write_table(tmp_path / "[a]" / "genotype" / f"chr={chromosomes[1]}" / "bin=-1", pos=[20]),
    ]
    attach_databases(sql_session, [(database("call_study"), {"genotype": files, "empty": []})])
    found = values(sql_session, "SELECT pos, chr, bin FROM genotype ORDER BY pos")
    assert found == [(10, chromosomes[0], 0), (20, chromosomes[1], -1)]
    assert values(sql_session, f"SELECT pos FROM genotype WHERE chr = '{chromosomes[1]}' AND bin IN (-1)") == [(20,)]
