"""Publishes on the platform that are cut short, and jobs at once: real dxpy, the loopback server, one Spark as the metastore."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrameWriter, SparkSession

from apps.data_model_loader.existing import validate_existing_tables
from common.dataset.database import Database
from common.dataset.layout import plan_tables
from common.dictionary import CODINGS_TABLE, Code, Coding, DictionaryFile, parse_dictionary
from common.errors import AppError, Rule
from common.faults import Faults
from common.platform import RecordDraft, TableChange
from common.platform.dx import DxPlatform
from common.platform.dx.metastore import Metastore
from common.platform.dx.objects import Objects
from common.platform.dx.staging import DxStaging
from common.platform.local import LocalProject
from common.platform.names import draft_database, new_id
from common.spark.session import Cluster
from common.tables.codings import stage_codings
from tests.metastore import connected

NAME = "study_db"
JOB, NEXT = new_id("job"), "job-ToKen0aUrl0passwoRd00000"
"""The second has words in its id, as an id may by chance, for which Spark hides a property."""


class Killed(BaseException):
    """Raised where a job is killed, so it cleans up nothing."""


class Project:
    """One project, and jobs in it. A job is at work until it is `ended`."""

    def __init__(self, root: Path, cluster: Cluster) -> None:
        self.root = root
        self.cluster = cluster
        self._at_work: dict[str, LocalProject] = {}

    def job(self, job_id: str) -> DxPlatform:
        self._at_work[job_id] = LocalProject(self.root, job_id)
        self._at_work[job_id].write_job("loader", "running", {})
        return DxPlatform(job_id, self.cluster)

    def ended(self, job_id: str) -> None:
        self._at_work[job_id].write_job("loader", "failed", {})

    def records(self) -> list[str]:
        return [each["name"] for each in LocalProject(self.root).find_objects("record")]

    def rows(self, table: str) -> list[int]:
        files = (self.root / "databases" / ".made" / NAME / table).glob("*.parquet")
        return sorted(value for file in files for value in pq.read_table(file)["id"].to_pylist())


@pytest.fixture
def project(tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    root = tmp_path / "project"
    monkeypatch.setenv("LOADER_STAGING", str(tmp_path / "staging"))
    monkeypatch.setenv("LOADER_DATABASE_LOCATION", (root / "databases" / ".made" / NAME).as_uri())
    with connected(root, monkeypatch):
        yield Project(root, cluster)
    cluster.session.sql(f"DROP DATABASE IF EXISTS {NAME} CASCADE")


def make_database(platform: DxPlatform, name: str = NAME) -> Database:
    """The new database of a job that has staged."""
    return platform.stage(draft_database(name)).database


def publish(platform: DxPlatform, database: Database, mode: Any, **tables: list[int]) -> str | None:
    """One publish of tables with a column `id` of these values, and of a record named like the job; the record."""
    staging = platform.stage(database)
    changes = []
    for table, values in tables.items():
        pq.write_table(pa.table({"id": values}), f"{staging.table_folder(table)}/part-00000.parquet")
        changes.append(TableChange(table, mode, ["part-00000.parquet"]))
    draft = RecordDraft(platform.job_id, {"name": platform.job_id}, "ds-study", [database])
    return staging.publish(changes, draft, {}).record


def end_at(patch: pytest.MonkeyPatch, of: type, step: str, error: BaseException, after: int = 0) -> None:
    """Lets a step raise, once it was done so many times."""
    real, left = getattr(of, step), [after]

    def raising(*given: Any) -> Any:
        if not left[0]:
            raise error
        left[0] -= 1
        return real(*given)

    patch.setattr(of, step, raising)


def kill(platform: DxPlatform, database: Database, of: type, step: str, after: int, mode: str = "new") -> None:
    """The job's publish of two tables, killed at a step."""
    with pytest.MonkeyPatch.context() as patch:
        end_at(patch, of, step, Killed(), after)
        patch.setattr(DxStaging, "_take_back", lambda *_: None)
        with pytest.raises(Killed):
            publish(platform, database, mode, patient=[1], visit=[2])


@pytest.mark.parametrize(
    ("of", "step", "after", "following"),
    [
        (Metastore, "claim_table", 1, NEXT), (Metastore, "write_table", 0, NEXT), (Metastore, "write_table", 1, JOB),
        (Objects, "upload_descriptor", 0, NEXT), (Metastore, "release_table", 1, NEXT), (Metastore, "release_database", 0, JOB),
    ],
    ids=["made", "not written", "half written", "written", "half released", "released"],
)  # fmt: skip
def test_a_job_killed_before_the_marks_are_off_leaves_no_record_and_the_next_starts_anew(
    project: Project, of: type, step: str, after: int, following: str
) -> None:
    """The next run is another job, or the platform's second attempt of the same job."""
    killed = project.job(JOB)
    kill(killed, make_database(killed), of, step, after)
    assert project.records() == []
    if following == NEXT:
        project.ended(JOB)
    platform = project.job(following)
    publish(platform, make_database(platform), "new", patient=[7])
    platform.close()
    assert project.records() == [following]
    assert (project.rows("patient"), project.rows("visit")) == ([7], [])


def test_a_job_killed_right_before_its_record_leaves_none_and_its_database_is_not_touched(project: Project) -> None:
    killed = project.job(JOB)
    kill(killed, make_database(killed), Objects, "make_record", 0)
    project.ended(JOB)
    with pytest.raises(AppError, match="Give its id as database_id") as caught:
        make_database(project.job(NEXT))
    assert (caught.value.code, project.records(), project.rows("patient")) == (80, [], [1])


def test_a_new_table_that_a_killed_job_left_in_a_standing_database_is_made_anew(project: Project) -> None:
    first = project.job(new_id("job"))
    database = make_database(first)
    publish(first, database, "new", codings=[0])
    killed = project.job(JOB)
    kill(killed, killed.find_database(database.id), Metastore, "write_table", 1)
    project.ended(JOB)
    platform = project.job(NEXT)
    assert [len(platform.table_files(database, table)) for table in ("codings", "patient", "visit")] == [1, 0, 0]
    publish(platform, platform.find_database(database.id), "new", patient=[7])
    assert (project.rows("codings"), project.rows("patient")) == ([0], [7])
    with pytest.raises(AppError) as caught:
        publish(platform, database, "new", patient=[8])
    assert (caught.value.code, project.rows("patient")) == (81, [7])


def test_rows_of_which_a_killed_job_may_have_added_some_are_not_added_again(project: Project) -> None:
    first = project.job(new_id("job"))
    database = make_database(first)
    publish(first, database, "new", patient=[1], visit=[2])
    killed = project.job(JOB)
    kill(killed, killed.find_database(database.id), Metastore, "write_table", 1, mode="append")
    platform = project.job(JOB)  # the platform starts a job again by itself
    with pytest.raises(AppError, match="some of its rows may be there") as caught:
        publish(platform, platform.find_database(database.id), "append", patient=[1])
    assert (caught.value.code, project.rows("patient")) == (82, [1, 1])
    publish(platform, platform.find_database(database.id), "overwrite", patient=[1], visit=[2])
    publish(platform, platform.find_database(database.id), "append", patient=[3])
    assert (project.rows("patient"), project.rows("visit")) == ([1, 3], [2])
    staging = platform.stage(database)
    staging.publish([TableChange("patient", "append", []), TableChange("visit", "overwrite", [])], None, {})
    assert (project.rows("patient"), project.rows("visit")) == ([1, 3], [])


def test_no_load_goes_by_rows_of_which_a_killed_job_may_have_added_some(project: Project) -> None:
    """The next load has only files of visits, and would use the patients in the table."""
    first = project.job(new_id("job"))
    database = replace(make_database(first), is_new=False)
    publish(first, database, "new", patient=[1], visit=[2])
    kill(project.job(JOB), database, Metastore, "write_table", 1, mode="append")
    text = "entity,name,type,primary_key_type\npatient,id,integer,global\nvisit,id,integer,local\n"
    dictionary = parse_dictionary(DictionaryFile("data_dictionary.csv", text.encode()), Faults())
    assert dictionary is not None
    tables = {plan.entity: (plan,) for plan in plan_tables(dictionary, 400)}

    def existing(platform: DxPlatform, mode: str, *bound: str) -> dict[str, int]:
        found = validate_existing_tables(platform, database, dictionary, tables, set(bound), mode, faults)
        return {table: len(files) for table, files in found.items()}

    faults = Faults()
    with pytest.raises(AppError, match=f"{JOB} is writing to table patient"):
        existing(project.job(NEXT), "overwrite", "visit")
    project.ended(JOB)
    for mode in ("append", "overwrite"):
        with pytest.raises(AppError, match=f"{JOB} ended while it wrote to table patient") as caught:
            existing(project.job(NEXT), mode, "visit")
        assert (caught.value.code, caught.value.remedy) == (
            82,
            "Load the whole table again, with insert_mode overwrite.",
        )
    platform = project.job(NEXT)
    assert existing(platform, "overwrite", "patient", "visit") == {"patient": 0, "visit": 0}
    publish(platform, database, "overwrite", patient=[1], visit=[2])
    assert existing(project.job(new_id("job")), "append", "visit") == {"patient": 1, "visit": 1}
    assert not faults


def publish_codings(platform: DxPlatform, database: Database, **codings: str) -> None:
    """The publish of a Dataset with these codings, each of one code that means this."""
    staging = platform.stage(database)
    built = {name: Coding(name, (Code("1", meaning),)) for name, meaning in codings.items()}
    changes = stage_codings(platform, staging, database, built)
    staging.publish(changes, RecordDraft(platform.job_id, {"name": platform.job_id}, "ds-study", [database]), {})


def codings(platform: DxPlatform, database: Database) -> dict[str, str]:
    """The codings that a job finds, each with the meaning of its code."""
    files = platform.table_files(database, CODINGS_TABLE)
    return {row["coding_name"]: row["meaning"] for file in files for row in pq.read_table(file).to_pylist()}


def kill_after_step(patch: pytest.MonkeyPatch, number: int) -> None:
    """Ends the job when it has done so many steps of writing a table's rows: statements of SQL, and files written by Spark."""
    left = [number]
    real = Metastore.write_table

    def counted(of: type, step: str) -> None:
        do = getattr(of, step)

        def done(*given: Any, **named: Any) -> Any:
            result = do(*given, **named)
            left[0] -= 1
            if not left[0]:
                raise Killed
            return result

        patch.setattr(of, step, done)

    def counting(*given: Any) -> None:
        for of, step in ((SparkSession, "sql"), (DataFrameWriter, "parquet"), (DataFrameWriter, "saveAsTable")):
            counted(of, step)
        real(*given)
        left[0] = 0

    patch.setattr(Metastore, "write_table", counting)
    patch.setattr(DxStaging, "_take_back", lambda *_: None)


def test_a_kill_while_codings_are_rewritten_leaves_those_of_other_datasets(project: Project) -> None:
    """The table has its old or its new rows, whenever the job ends, and the next publish works as usual."""
    first = project.job(new_id("job"))
    database = replace(make_database(first), is_new=False)
    publish_codings(first, database, sex="female", eye="blue")
    left = []
    for number in count(1):
        job = project.job(new_id("job"))
        with pytest.MonkeyPatch.context() as patch:
            kill_after_step(patch, number)
            try:
                publish_codings(job, database, eye="green", hair="red")
            except Killed:
                project.ended(job.job_id)
            else:
                break
        left.append(codings(project.job(new_id("job")), database))
    old, new = {"sex": "female", "eye": "blue"}, {"sex": "female", "eye": "green", "hair": "red"}
    assert left == [old, old, new]
    assert codings(project.job(NEXT), database) == new
    files = (project.root / "databases" / ".made" / NAME / CODINGS_TABLE).rglob("*.parquet")
    assert [pq.read_table(file)["coding_name"].to_pylist() for file in files] == [["eye", "hair", "sex"]]


def test_codings_that_another_job_published_meanwhile_are_not_lost(project: Project) -> None:
    first, second = project.job(JOB), project.job(NEXT)
    database = replace(make_database(first), is_new=False)
    publish_codings(first, database, sex="female")
    first = project.job(JOB)
    assert codings(first, database) == {"sex": "female"}
    publish_codings(second, database, eye="blue")
    with pytest.raises(AppError, match="another job changed table dx_codings of database study_db") as caught:
        publish_codings(first, database, hair="red")
    assert (caught.value.code, sorted(project.records())) == (82, sorted([JOB, NEXT]))
    publish_codings(project.job(JOB), database, hair="red")
    assert codings(project.job(NEXT), database) == {"sex": "female", "eye": "blue", "hair": "red"}


def test_a_publish_that_fails_before_it_overwrites_what_a_killed_job_left_does_not_pass_it_off_as_whole(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = project.job(new_id("job"))
    database = make_database(first)
    publish(first, database, "new", patient=[1], visit=[2])
    killed = project.job(JOB)
    kill(killed, database, Metastore, "write_table", 1, mode="append")
    project.ended(JOB)
    failing = project.job(NEXT)
    with monkeypatch.context() as patch:
        end_at(patch, Metastore, "claim_table", AppError(Rule.SPARK_FAILED, "no room"), after=1)
        with pytest.raises(AppError, match="no room"):
            publish(failing, database, "overwrite", patient=[1], visit=[2])
    project.ended(NEXT)
    with pytest.raises(AppError, match="some of its rows may be there") as caught:
        publish(project.job(new_id("job")), database, "append", patient=[3])
    assert (caught.value.code, project.rows("patient")) == (82, [1, 1])


def test_a_table_is_removed_with_what_replaces_it_unless_another_job_writes_to_it(project: Project) -> None:
    first = project.job(new_id("job"))
    database = make_database(first)
    publish(first, database, "new", patient=[1], visit=[2])
    at_work = project.job(NEXT)
    kill(at_work, database, Metastore, "write_table", 1, mode="append")
    changes = [TableChange("visit", "remove", [])]
    with pytest.raises(AppError, match=f"{NEXT} is writing to table visit") as caught:
        project.job(JOB).stage(database).publish(changes, None, {})
    assert (caught.value.code, project.rows("visit")) == (82, [2])
    project.ended(NEXT)
    platform = project.job(JOB)
    platform.stage(database).publish(changes, None, {})
    assert (project.rows("patient"), project.rows("visit")) == ([1, 1], [])
    assert [project.job(JOB).has_table(database, table) for table in ("patient", "visit")] == [True, False]
    publish(platform, database, "new", visit=[5])
    assert project.rows("visit") == [5]


def test_a_publish_that_fails_between_tables_takes_the_new_ones_back(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = project.job(new_id("job"))
    database = make_database(first)
    publish(first, database, "new", codings=[0])
    platform = project.job(JOB)
    with monkeypatch.context() as patch:
        end_at(patch, Metastore, "write_table", AppError(Rule.SPARK_FAILED, "no room"), after=1)
        with pytest.raises(AppError, match="no room"):
            publish(platform, database, "new", patient=[1], visit=[2])
    platform.close()
    assert len(project.records()) == 1
    assert (project.rows("codings"), project.rows("patient"), project.rows("visit")) == ([0], [], [])
    publish(platform, database, "new", patient=[1], visit=[2])
    assert (project.rows("patient"), project.rows("visit")) == ([1], [2])


def test_a_record_whose_making_was_only_not_answered_keeps_its_tables(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Objects.make_record

    def unanswered(*given: Any) -> str:
        real(*given)
        raise AppError(Rule.NOT_FOUND, "no answer")

    platform = project.job(JOB)
    monkeypatch.setattr(Objects, "make_record", unanswered)
    with pytest.raises(AppError, match="no answer"):
        publish(platform, make_database(platform), "new", patient=[1])
    platform.close()
    assert (project.records(), project.rows("patient")) == ([JOB], [1])


def test_a_database_of_that_name_is_not_taken_for_a_new_one(project: Project) -> None:
    first = project.job(JOB)
    database = make_database(first)
    publish(first, database, "new", patient=[1])
    project.ended(JOB)
    with pytest.raises(AppError, match=f"has a database {NAME} already: {database.id}") as caught:
        make_database(project.job(NEXT), NAME.upper())
    assert (caught.value.code, project.rows("patient")) == (80, [1])


def test_a_job_that_finds_another_making_the_database_is_refused_and_does_not_harm_it(project: Project) -> None:
    first, second = project.job(JOB), project.job(NEXT)
    database = make_database(first)
    with pytest.raises(AppError, match=f"{JOB} is making a database {NAME} now") as caught:
        make_database(second)
    second.close()
    assert caught.value.code == 80
    publish(first, database, "new", patient=[1])
    first.close()
    assert (project.records(), project.rows("patient")) == ([JOB], [1])


def test_a_database_that_another_job_made_and_published_since_it_was_looked_for_is_not_harmed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = project.job(JOB), project.job(NEXT)
    real = Metastore.create_database

    def create_after_another_published(*given: Any) -> None:
        monkeypatch.setattr(Metastore, "create_database", real)
        publish(first, make_database(first), "new", patient=[1])
        real(*given)

    monkeypatch.setattr(Metastore, "create_database", create_after_another_published)
    with pytest.raises(AppError, match="Give its id as database_id") as caught:
        make_database(second)
    second.close()
    assert (caught.value.code, project.records(), project.rows("patient")) == (80, [JOB], [1])


def test_an_empty_database_of_nobodys_is_the_first_jobs_that_wants_it(project: Project) -> None:
    metastore = Metastore(project.cluster, (project.root / "databases" / ".made" / NAME).as_uri())
    metastore.create_database(NAME, "")
    first, second = project.job(JOB), project.job(NEXT)
    database = make_database(first)
    with pytest.raises(AppError, match=f"{JOB} is making a database {NAME} now"):
        make_database(second)
    second.close()
    publish(first, database, "new", patient=[1])
    assert (project.records(), project.rows("patient")) == ([JOB], [1])


def test_a_job_that_was_taken_for_ended_does_not_harm_the_one_that_took_its_database_over(project: Project) -> None:
    first, second = project.job(JOB), project.job(NEXT)
    database = make_database(first)
    project.ended(JOB)
    taken = make_database(second)
    with pytest.raises(AppError, match=f"{NEXT} is making the database {NAME} now"):
        publish(first, database, "new", patient=[1])
    first.close()
    publish(second, taken, "new", patient=[2])
    assert (project.records(), project.rows("patient")) == ([NEXT], [2])


def test_what_was_published_by_id_in_a_database_that_a_killed_job_made_stays(project: Project) -> None:
    killed = project.job(JOB)
    database = make_database(killed)
    kill(killed, database, Metastore, "write_table", 1)
    second = project.job(new_id("job"))
    with pytest.raises(AppError, match=f"{JOB} is making the database {NAME} now"):
        publish(second, second.find_database(database.id), "new", patient=[2])
    project.ended(JOB)
    publish(second, second.find_database(database.id), "new", patient=[2])
    with pytest.raises(AppError, match="Give its id as database_id") as caught:
        make_database(project.job(NEXT))
    assert (caught.value.code, project.records(), project.rows("patient")) == (80, [second.job_id], [2])


@pytest.mark.parametrize("mode", ["new", "append", "overwrite"])
def test_a_job_that_finds_another_writing_to_the_table_is_refused_and_does_not_harm_it(
    project: Project, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = project.job(JOB), project.job(NEXT)
    database = make_database(first)
    publish(first, database, "new", **{"codings" if mode == "new" else "patient": [0]})
    refused: list[AppError] = []
    real = Metastore.write_table

    def write_while_another_publishes(*given: Any) -> None:
        monkeypatch.setattr(Metastore, "write_table", real)
        with pytest.raises(AppError) as caught:
            publish(second, second.find_database(database.id), mode, patient=[9])
        refused.append(caught.value)
        second.close()
        real(*given)

    monkeypatch.setattr(Metastore, "write_table", write_while_another_publishes)
    publish(first, database, mode, patient=[1])
    assert [(error.code, JOB in error.text) for error in refused] == [(82, True)]
    assert project.rows("patient") == ([0, 1] if mode == "append" else [1])
    assert NEXT not in project.records()
