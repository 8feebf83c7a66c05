"""Databases as a job on the platform makes, fills and reads them: Spark SQL, on a real Spark with a folder for `dnax://`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.dataset.database import Database, unique_database_name
from common.errors import AppError
from common.platform import TableChange
from common.platform.dx.metastore import Metastore, partition_columns
from common.platform.dx.staging import SharedFolder
from common.platform.names import new_id
from common.spark.session import Cluster

NAME = "metastore_test_db"
ID = new_id("database")
DATABASE = Database(ID, NAME, unique_database_name(ID, NAME))
JOB, OTHER = new_id("job"), new_id("job")


@pytest.fixture
def metastore(cluster: Cluster, tmp_path: Path) -> Iterator[Metastore]:
    made = Metastore(cluster, (tmp_path / "database").as_uri())
    made.create_database(NAME, JOB)
    yield made
    made.drop_database(DATABASE)


@pytest.fixture
def database() -> Database:
    return DATABASE


@pytest.fixture
def shared(tmp_path: Path) -> SharedFolder:
    return SharedFolder(str(tmp_path / "shared"))


def stage(shared: SharedFolder, file: str, **columns: Any) -> str:
    """Writes a staged file of table `visit`; its name within the table's folder."""
    folder, _, name = file.rpartition("/")
    parts = ("tables", "visit", *folder.split("/")) if folder else ("tables", "visit")
    pq.write_table(pa.table(columns), f"{shared.make(*parts)}/{name}")
    return file


def write(metastore: Metastore, database: Database, shared: SharedFolder, mode: Any, *files: str) -> None:
    change, folder = TableChange("visit", mode, files), f"{shared.spark_uri}/tables/visit"
    metastore.claim_table(database, change, folder, JOB)
    metastore.write_table(database, change, folder, JOB)


def rows(metastore: Metastore, database: Database, shared: SharedFolder, copy: str) -> list[list[dict[str, Any]]]:
    """Rows of each file of the table, as tasks would read them after it was copied out."""
    shared.make(copy)
    metastore.copy_out(database, "visit", f"{shared.spark_uri}/{copy}/visit")
    return [pq.read_table(path, partitioning=None).to_pylist() for path in shared.parquet_files(copy, "visit")]


def test_a_new_table_has_a_file_for_each_staged_one_its_rows_in_order(
    metastore: Metastore, database: Database, shared: SharedFolder, tmp_path: Path
) -> None:
    first = stage(shared, "part-00000-a.parquet", id=[3, 1, 2], said=[["b", "a"], [], None])
    second = stage(shared, "part-00001-b.parquet", id=[9], said=[["z"]])
    stage(shared, "part-00001-failed-attempt.parquet", id=[99], said=[["!"]])
    assert not metastore.has_table(database, "visit")
    write(metastore, database, shared, "new", first, second)
    assert metastore.has_table(database, "visit")
    written = sorted((tmp_path / "database" / "visit").glob("*.parquet"))
    assert sorted((pq.read_table(path)["id"].to_pylist() for path in written), key=len) == [[9], [3, 1, 2]]
    assert sorted(rows(metastore, database, shared, "copy"), key=len) == [
        [{"id": 9, "said": ["z"]}],
        [{"id": 3, "said": ["b", "a"]}, {"id": 1, "said": []}, {"id": 2, "said": None}],
    ]


def test_rows_are_appended_by_name_of_column_and_overwritten(
    metastore: Metastore, database: Database, shared: SharedFolder
) -> None:
    write(metastore, database, shared, "new", stage(shared, "part-00000-a.parquet", id=[1], seen=["x"]))
    write(metastore, database, shared, "append", stage(shared, "part-00000-b.parquet", seen=["y"], id=[2]))
    found = [row for file in rows(metastore, database, shared, "one") for row in file]
    assert sorted(found, key=lambda row: row["id"]) == [{"id": 1, "seen": "x"}, {"id": 2, "seen": "y"}]
    write(metastore, database, shared, "overwrite", stage(shared, "part-00000-c.parquet", id=[3], told=[True]))
    assert rows(metastore, database, shared, "two") == [[{"id": 3, "told": True}]]
    assert metastore.table_mark(database, "visit") == f"overwrite {JOB}"


def test_rows_that_cannot_be_added_are_not_said_to_have_changed_nothing(
    metastore: Metastore, database: Database, shared: SharedFolder
) -> None:
    write(metastore, database, shared, "new", stage(shared, "part-00000-a.parquet", id=[1]))
    with pytest.raises(AppError) as caught:
        write(metastore, database, shared, "append", stage(shared, "part-00000-b.parquet", id=["x"]))
    assert (caught.value.code, "Some of its rows may be there" in caught.value.remedy) == (92, True)


def test_partition_folders_become_partitions(
    metastore: Metastore, database: Database, shared: SharedFolder, tmp_path: Path
) -> None:
    files = [
        stage(shared, f"chr={name}/bin=0/part-00000.parquet", pos=[number]) for number, name in enumerate(("1", "X"))
    ]
    write(metastore, database, shared, "new", *files)
    written = {
        path.parent.relative_to(tmp_path / "database" / "visit")
        for path in tmp_path.rglob("database/visit/**/*.parquet")
    }
    assert written == {Path("chr=1/bin=0"), Path("chr=X/bin=0")}
    assert rows(metastore, database, shared, "copy") == [[{"pos": 0}], [{"pos": 1}]]
    assert partition_columns(files) == ["chr", "bin"]


@pytest.mark.parametrize("chromosomes", [("1", "2"), ("1", "X"), ("01", "1e5")], ids=lambda names: " ".join(names))
def test_a_chromosome_is_text_and_a_bin_a_number_whatever_is_loaded(
    metastore: Metastore, database: Database, shared: SharedFolder, cluster: Cluster, chromosomes: tuple[str, str]
) -> None:
    files = [stage(shared, f"chr={name}/bin=4/part-00000.parquet", pos=[7]) for name in chromosomes]
    write(metastore, database, shared, "new", *files)
    found = cluster.session.newSession().sql(f"SELECT * FROM {NAME}.visit ORDER BY chr").collect()
    assert [tuple(row) for row in found] == [(7, chromosomes[0], 4), (7, chromosomes[1], 4)]


def test_a_dropped_table_is_gone_and_its_name_free(
    metastore: Metastore, database: Database, shared: SharedFolder
) -> None:
    file = stage(shared, "part-00000-a.parquet", id=[1])
    write(metastore, database, shared, "new", file)
    metastore.drop_table(database, "visit")
    assert not metastore.has_table(database, "visit")
    write(metastore, database, shared, "new", file)


def test_a_database_and_a_table_are_marked_until_they_are_released(
    metastore: Metastore, database: Database, shared: SharedFolder
) -> None:
    metastore.create_database(NAME, OTHER)
    assert metastore.database_mark(database) == JOB  # it came first
    metastore.release_database(database)
    assert metastore.database_mark(database) == ""
    assert metastore.table_mark(database, "visit") is None
    write(metastore, database, shared, "new", stage(shared, "part-00000-a.parquet", id=[1]))
    assert metastore.table_mark(database, "visit") == f"new {JOB}"
    metastore.release_table(database, "visit")
    assert metastore.table_mark(database, "visit") == ""


def test_of_two_jobs_that_make_one_table_the_first_has_it(
    metastore: Metastore, database: Database, shared: SharedFolder
) -> None:
    change = TableChange("visit", "new", [stage(shared, "part-00000-a.parquet", id=[1])])
    metastore.claim_table(database, change, f"{shared.spark_uri}/tables/visit", OTHER)
    with pytest.raises(AppError) as caught:
        metastore.claim_table(database, change, f"{shared.spark_uri}/tables/visit", JOB)
    assert caught.value.code == 82
    assert metastore.table_mark(database, "visit") == f"new {OTHER}"


def test_a_database_that_spark_does_not_know_is_refused_by_number(metastore: Metastore, shared: SharedFolder) -> None:
    unknown = Database(new_id("database"), "nowhere", "database_nowhere__nowhere")
    with pytest.raises(AppError) as caught:
        metastore.has_table(unknown, "visit")
    assert caught.value.code == 91


def test_what_spark_refuses_is_one_line_with_a_number(
    metastore: Metastore, database: Database, shared: SharedFolder
) -> None:
    with pytest.raises(AppError) as caught:
        write(metastore, database, shared, "new", "part-00000-absent.parquet")
    assert caught.value.code == 92
    assert "\n" not in caught.value.text
    assert "part-00000-absent.parquet" in caught.value.text


@pytest.mark.parametrize("name", ["x; DROP DATABASE y", "a`b", "../t"])
def test_no_name_of_a_table_leads_out_of_its_statement(metastore: Metastore, database: Database, name: str) -> None:
    with pytest.raises(AppError) as caught:
        metastore.drop_table(database, name)
    assert caught.value.code == 84
