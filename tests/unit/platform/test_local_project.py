from __future__ import annotations

import gzip
import json
import re
from itertools import count
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.dataset.database import link
from common.errors import AppError
from common.platform import RecordDraft, TableChange
from common.platform.local import LocalProject
from common.platform.names import draft_database
from tests.unit.platform.project_state import EMPTY_DESCRIPTOR, assert_swept, new_database, publish_tables, read_state

JOB = "job-" + "J" * 24


def refusal(code: int) -> pytest.RaisesContext[AppError]:
    return pytest.raises(AppError, match=rf"^Error {code} ")


def test_a_project_is_made_if_missing_and_keeps_its_id(root: Path) -> None:
    made = LocalProject(root)
    assert re.fullmatch("project-[0-9A-Za-z]{24}", made.id)
    assert LocalProject(root).id == made.id


def test_a_project_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with refusal(91):
        LocalProject(tmp_path / "taken")


def test_a_published_dataset_is_described_as_the_platform_does(root: Path, report: Path) -> None:
    project = LocalProject(root, JOB)
    database = new_database("clinic")
    staging = project.stage(database)
    (Path(staging.table_folder("patient")) / "part-1.parquet").write_text("p")
    draft = RecordDraft("Trial.dataset", {"name": "Trial", **EMPTY_DESCRIPTOR}, "ds-trial", [database])
    published = staging.publish([TableChange("patient", "new", ["part-1.parquet"])], draft, {"report": report})
    staging.close()

    assert published.record is not None
    record = project.describe(published.record)
    descriptor_id = record["details"]["descriptor"]["$dnanexus_link"]
    common = {"project": project.id, "state": "closed", "folder": "/", "tags": [], "hidden": False, "createdBy": {"job": JOB},
              "created": record["created"], "modified": record["created"]}  # fmt: skip
    assert record == common | {
        "id": published.record, "class": "record", "name": "Trial.dataset", "types": ["Dataset"], "properties": {},
        "details": {"name": "Trial.dataset", "description": "Dataset: Trial.dataset", "schema": "ds-trial", "version": "3.0",
                    "databases": [{"clinic": {"$dnanexus_link": database.id}}], "descriptor": {"$dnanexus_link": descriptor_id}},
    }  # fmt: skip
    report_object = project.describe(published.files["report"])
    assert (report_object["class"], report_object["name"], report_object["size"]) == ("file", "report.json", 11)
    assert (report_object["media"], report_object["state"]) == ("application/json", "closed")
    assert project.file_path(published.files["report"]).read_text() == '{"rows": 3}'
    descriptor = project.file_path(descriptor_id).read_bytes()
    text = json.dumps({"name": "Trial", **EMPTY_DESCRIPTOR}, separators=(",", ":"))
    assert descriptor == gzip.compress(text.encode(), mtime=0)
    assert project.describe(descriptor_id)["media"] == "application/gzip"
    assert project.describe(database.id)["uniqueDatabaseName"] == database.unique_name
    assert re.fullmatch(r"database_\w{24}__clinic", database.unique_name)
    found = project.find_record("Trial.dataset")
    assert found == project.find_record(published.record) == project.find_record(link(published.record))
    assert project.read_descriptor(found) == {"name": "Trial", **EMPTY_DESCRIPTOR}
    assert [(each.id, each.name) for each in project.databases()] == [(database.id, "clinic")]


def test_nothing_staged_is_seen_before_the_publish_or_after_a_close_without_one(root: Path) -> None:
    project = LocalProject(root, JOB)
    staging = project.stage(new_database("clinic"))
    (Path(staging.table_folder("patient")) / "part-1.parquet").write_text("p")
    Path(staging.scratch_folder("../keys")).joinpath("k").write_text("k")
    assert read_state(root) == {"tables": {}, "objects": []}
    staging.close()
    assert [each.name for each in (root / ".staged").iterdir()] == ["lock"]


def test_tables_are_read_by_path_by_other_engines(root: Path) -> None:
    project = LocalProject(root)
    database = new_database("clinic")
    staging = project.stage(database)
    for chromosome, name in [("1", "a"), ("2", "b")]:
        folder = Path(staging.table_folder("allele")) / f"chr={chromosome}"
        folder.mkdir()
        pq.write_table(pa.table({"a_id": [name]}), folder / "part-1.parquet")
    pq.write_table(pa.table({"sample_id": ["s1"]}), Path(staging.table_folder("sample")) / "part-1.parquet")
    alleles = TableChange("allele", "new", ["chr=1/part-1.parquet", "chr=2/part-1.parquet"])
    staging.publish([alleles, TableChange("sample", "new", ["part-1.parquet"])], None, {})
    staging.close()
    folder = root / "databases" / database.unique_name
    query = "SELECT a_id, chr::VARCHAR FROM read_parquet('{}', hive_partitioning = true) ORDER BY 1"
    for pattern in (folder / "allele" / "*" / "*.parquet", folder / "allele" / "**" / "*.parquet"):
        assert duckdb.sql(query.format(pattern)).fetchall() == [("a", "1"), ("b", "2")]
    assert pd.read_parquet(folder / "allele").astype(str).to_dict("list") == {"a_id": ["a", "b"], "chr": ["1", "2"]}
    assert pd.read_parquet(folder / "sample").to_dict("list") == {"sample_id": ["s1"]}
    assert duckdb.read_parquet(project.table_files(database, "sample")).fetchall() == [("s1",)]
    assert project.tables(database) == ["allele", "sample"]
    assert project.table_files(database, "nothing") == []


def test_a_new_table_that_exists_is_refused_and_nothing_changes(root: Path) -> None:
    project = LocalProject(root)
    database = new_database("clinic")
    publish_tables(project, database, {("patient", "new"): {"1.parquet": "old"}})
    old = read_state(root)
    with refusal(81):
        publish_tables(LocalProject(root), database, {("patient", "new"): {"2.parquet": "new"}}, "again")
    assert read_state(root) == old


@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_a_file_never_takes_the_name_of_an_earlier_one(root: Path, mode: str) -> None:
    project = LocalProject(root)
    database = new_database("clinic")
    publish_tables(project, database, {("patient", "new"): {"1.parquet": "old"}})
    with pytest.raises(ValueError, match=re.escape("already has a file 1.parquet")):
        publish_tables(project, database, {("patient", mode): {"1.parquet": "new"}})
    assert read_state(root)["tables"] == {"clinic.patient": {"1.parquet": "old"}}


@pytest.mark.parametrize(
    "file", ["../1.parquet", "/1.parquet", "a/../1.parquet", ".1.parquet", "1.csv", "absent.parquet"]
)
def test_only_staged_parquet_files_are_published(root: Path, file: str) -> None:
    project = LocalProject(root)
    staging = project.stage(new_database("clinic"))
    Path(staging.table_folder("patient")).joinpath("1.parquet").write_text("")
    with pytest.raises(ValueError, match="staged"):
        staging.publish([TableChange("patient", "new", [file])], None, {})


def test_a_job_publishes_twice_and_keeps_the_earlier_files_of_an_append(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.platform.local.store.now", count(1).__next__)  # within one millisecond neither is older
    project = LocalProject(root)
    database = new_database("clinic")
    publish_tables(project, database, {("patient", "new"): {"1.parquet": "a"}}, "one")
    publish_tables(project, database, {("patient", "append"): {"2.parquet": "b"}}, "two")
    assert read_state(root)["tables"] == {"clinic.patient": {"1.parquet": "a", "2.parquet": "b"}}
    assert [each["name"] for each in project.find_objects("record")] == ["one", "two"]


def test_a_job_that_found_a_database_sees_it_unchanged_and_is_refused_when_another_published(root: Path) -> None:
    first = LocalProject(root)
    database = new_database("clinic")
    publish_tables(first, database, {("patient", "new"): {"1.parquet": "a"}})
    slow = LocalProject(root)
    seen = slow.find_database(database.id)
    files = slow.table_files(seen, "patient")
    for number in (2, 3, 4):
        publish_tables(LocalProject(root), database, {("patient", "overwrite"): {f"{number}.parquet": "b"}})
    assert slow.table_files(seen, "patient") == files
    assert [Path(file).read_text() for file in files] == ["a"]
    with refusal(82):
        publish_tables(slow, seen, {("patient", "append"): {"5.parquet": "c"}}, "late")
    assert read_state(root)["tables"] == {"clinic.patient": {"4.parquet": "b"}}
    assert LocalProject(root).find_objects("record") == []


def test_a_report_alone_makes_no_database_and_is_not_refused_when_another_job_published(
    root: Path, report: Path
) -> None:
    project = LocalProject(root)
    publish_tables(project, new_database("unused"), {}, None, {"report": report})
    assert read_state(root) == {"tables": {}, "objects": [("file", "report.json")]}
    assert_swept(root)
    database = new_database("clinic")
    publish_tables(project, database, {("patient", "new"): {"1.parquet": "a"}})
    slow = LocalProject(root)
    seen = slow.find_database(database.id)
    publish_tables(LocalProject(root), database, {("patient", "append"): {"2.parquet": "b"}})
    with refusal(82):
        publish_tables(slow, seen, {}, "over tables that changed")
    publish_tables(slow, seen, {}, None, {"report": report})
    assert [each["name"] for each in project.find_objects("file")] == ["report.json", "report.json"]


def test_a_record_makes_its_new_database_also_without_tables(root: Path) -> None:
    project = LocalProject(root)
    publish_tables(project, new_database("clinic"), {}, "Empty")
    assert read_state(root) == {"tables": {}, "objects": [
        ("database", "clinic"), ("file", "descriptor.json.gz"), ("record", "Empty")]}  # fmt: skip


def test_one_job_cannot_run_twice_at_once(root: Path) -> None:
    staging = LocalProject(root, JOB).stage(None)
    with refusal(90):
        LocalProject(root, JOB).stage(None)
    staging.close()
    LocalProject(root, JOB).stage(None).close()


def test_files_are_opened_by_path_uri_id_and_link(root: Path, report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = LocalProject(root)
    spaced = report.with_name("my report.csv")
    spaced.write_text("")
    monkeypatch.chdir(report.parent)
    file_id = publish_tables(project, None, {}, None, {"report": report}).files["report"]
    for value in (str(report), "report.json", report.as_uri()):
        opened = project.open_file(value)
        assert (opened.name, opened.path, opened.id) == ("report.json", str(report), None)
    assert project.open_file(spaced.as_uri()).path == str(spaced)
    for value in (file_id, {"$dnanexus_link": file_id}, {"$dnanexus_link": {"project": project.id, "id": file_id}}):
        opened = project.open_file(value)
        assert (opened.name, opened.path, opened.id) == ("report.json", str(project.file_path(file_id)), file_id)
    assert project.open_file("s3://bucket/in/a.vcf.gz").name == "a.vcf.gz"
    assert project.open_file("hdfs://host:8020/in/a.csv").path == "hdfs://host:8020/in/a.csv"


@pytest.mark.parametrize(
    "value",
    ["absent.csv", "no/such/folder/x.csv", ".", "", "x" * 300, "a\0b", "ftp://host/x", "s3://bucket/", "file:///no/such",
     "file-" + "0" * 24, "record-" + "0" * 24, {"$dnanexus_link": {"project": "project-" + "0" * 24, "id": "file-" + "0" * 24}}],
)  # fmt: skip
def test_what_is_no_file_is_refused(root: Path, value: str | dict[str, object]) -> None:
    with refusal(91):
        LocalProject(root).open_file(value)


@pytest.mark.parametrize("path", ["s3://bucket/project", "file:///tmp/project"])
def test_a_uri_is_no_project(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with refusal(91):
        LocalProject(path)
    assert list(tmp_path.iterdir()) == []


def test_the_nearest_names_are_offered(root: Path, report: Path) -> None:
    project = LocalProject(root)
    with pytest.raises(AppError, match=r"Did you mean report\.json"):
        project.open_file(str(report.with_name("reprot.json")))
    publish_tables(project, None, {}, "Trial.dataset")
    with pytest.raises(AppError, match=r"Did you mean Trial\.dataset"):
        project.find_record("Trail.dataset")


def test_a_record_name_that_several_have_is_refused_with_their_ids(root: Path) -> None:
    project = LocalProject(root)
    ids = [publish_tables(project, None, {}, "Trial").record for _ in range(2)]
    with refusal(91) as refused:
        project.find_record("Trial")
    assert all(str(each) in refused.value.text for each in ids)
    assert project.find_record(str(ids[1])).id == ids[1]


def test_a_record_that_is_no_dataset_of_version_3_is_refused(root: Path) -> None:
    project = LocalProject(root)
    record = publish_tables(project, None, {}, "Trial").record
    path = root / "objects" / f"{record}.json"
    stored = json.loads(path.read_text())
    for changed in ({"types": []}, {"details": {**stored["details"], "version": "2.2"}}, {"details": {}}):
        path.write_text(json.dumps(stored | changed))
        with refusal(83):
            project.find_record("Trial")


@pytest.mark.parametrize(
    "content", [b"", b"not gzip", gzip.compress(b"{}")[:-4], gzip.compress(b"{"), gzip.compress(b"[]")]
)
def test_a_broken_descriptor_is_refused(root: Path, content: bytes) -> None:
    project = LocalProject(root)
    publish_tables(project, None, {}, "Trial")
    record = project.find_record("Trial")
    project.file_path(record.details["descriptor"]["$dnanexus_link"]).write_bytes(content)
    with refusal(83):
        project.read_descriptor(record)


def test_hostile_names_are_refused_before_they_reach_a_path(root: Path, tmp_path: Path) -> None:
    project = LocalProject(root)
    before = sorted(tmp_path.iterdir())
    with refusal(80):
        draft_database("../../x")
    with refusal(80):
        project.find_database("../database-x")
    with refusal(91):
        project.describe("../project")
    staging = project.stage(new_database("clinic"))
    with refusal(84):
        staging.table_folder("../../x")
    with refusal(84):
        staging.publish([], RecordDraft("a\nb", {}, "s", []), {})
    staging.close()
    assert sorted(tmp_path.iterdir()) == before
    assert read_state(root) == {"tables": {}, "objects": []}


def test_a_job_object_tells_what_ran_on_what_and_how_it_ended(root: Path) -> None:
    project = LocalProject(root, JOB)
    project.write_job("data_model_loader", "running", {"max_columns": 400})
    assert (project.describe(JOB)["state"], project.describe(JOB)["output"]) == ("running", None)
    started = project.describe(JOB)["created"]
    project.write_job("data_model_loader", "done", {"max_columns": 400}, {"database": "clinic"})
    job = project.describe(JOB)
    assert (job["class"], job["state"], job["name"]) == ("job", "done", "data_model_loader")
    assert (job["input"], job["output"]) == ({"max_columns": 400}, {"database": "clinic"})
    assert job["created"] == started <= job["stoppedRunning"]
    project.write_job("data_model_loader", "failed", {}, error={"type": "AppError", "message": "Error 61"})
    assert (project.describe(JOB)["failureReason"], project.describe(JOB)["failureMessage"]) == ("AppError", "Error 61")
    assert [each["id"] for each in project.find_objects("job")] == [JOB]
