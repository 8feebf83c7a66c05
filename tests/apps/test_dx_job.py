"""An app as a job of the platform's, through real dxpy and Spark SQL, against a local run on the same input."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from common.job.spec import read_spec
from common.platform.local import LocalProject
from common.platform.names import link, new_id
from common.spark.launch import environment as launch_environment
from common.spark.launch import spark_submit_command
from tests.apps.conftest import Runner
from tests.apps.dx_server import ROOT, Client, serving

TRIAL = ROOT / "tests" / "data" / "trial"
FILES: dict[str, Any] = {
    "data_dictionary": "data_dictionary.csv", "codings": "codings.csv", "entity_dictionary": "entity_dictionary.csv",
    "data_files": ["patient.csv", "visit.csv"],
}  # fmt: skip


class Job:
    """Jobs of the platform's in one project: `run` uploads the inputs by dx, and starts the app as the platform would."""

    def __init__(self, dx: Client, project: Path, folder: Path) -> None:
        self.dx = dx
        self.project = project
        self.folder = folder

    def upload(self, path: Path) -> dict[str, str]:
        return link(self.dx("upload", str(path), "--brief").strip())

    def run(
        self, database: str, app: str = "data_model_loader", submit: bool = False, **given: Any
    ) -> subprocess.CompletedProcess[str]:
        """`submit` starts the app by spark-submit, with a Hive metastore that outlives the job as the platform's does."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "job_input.json").write_text(json.dumps(given), encoding="utf-8")
        environment = self.dx.environment | {
            "DX_JOB_ID": new_id("job"), "LOADER_STAGING": str(self.folder.parent / "staging"),
            "LOADER_DATABASE_LOCATION": (self.project / "databases" / ".made" / database).as_uri(),
        }  # fmt: skip
        command = [
            sys.executable,
            "-m",
            f"apps.{app}.app",
            "--job-dir",
            str(self.folder),
            "--master",
            "local[2]",
        ]
        if submit:
            program = ROOT / "apps" / app / "app.py"
            command = spark_submit_command(program, command[3:5], "local[2]", self.hive())
            environment = {**launch_environment("local[2]"), **environment}
        cwd = self.folder if submit else ROOT  # Derby writes its log there
        return subprocess.run(command, cwd=cwd, env=environment, text=True, capture_output=True, timeout=300)

    def hive(self) -> dict[str, str]:
        """Settings of a metastore in a folder, by Derby."""
        return {
            "spark.sql.catalogImplementation": "hive",
            "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={self.folder.parent}/metastore;create=true",
            "spark.hadoop.datanucleus.schema.autoCreateAll": "true",
            "spark.hadoop.hive.metastore.schema.verification": "false",
        }

    def output(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "job_output.json").read_text(encoding="utf-8"))
        return found

    def error(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.folder / "job_error.json").read_text(encoding="utf-8"))["error"]
        return found


@pytest.fixture
def job(tmp_path: Path) -> Any:
    project = tmp_path / "platform"
    LocalProject(project)
    with serving(project, tmp_path / "client") as dx:
        yield Job(dx, project, tmp_path / "job")
        assert list((tmp_path / "staging").glob("*")) == []


def trial(job: Job, **other: Path) -> dict[str, Any]:
    """The trial's files as links, those named in `other` instead of the trial's own."""
    paths = {name: TRIAL / name for value in FILES.values() for name in ([value] if isinstance(value, str) else value)}
    paths |= {name.replace("__", "."): path for name, path in other.items()}
    links = {name: job.upload(path) for name, path in paths.items()}
    return {
        key: links[value] if isinstance(value, str) else [links[each] for each in value] for key, value in FILES.items()
    }


def local_trial() -> dict[str, Any]:
    return {
        key: str(TRIAL / value) if isinstance(value, str) else [str(TRIAL / each) for each in value]
        for key, value in FILES.items()
    }


def published(project: LocalProject, dataset: Any) -> tuple[dict[str, Any], str, dict[str, Any]]:
    """A Dataset's tables as rows with their schemas, its descriptor, and its record but for ids and times."""
    record = project.find_record(dataset)
    (database_link,) = record.details["databases"][0].values()
    database = project.find_database(database_link["$dnanexus_link"])
    tables = {}
    for name in project.tables(database):
        table = pq.read_table(project.table_files(database, name), partitioning=None)
        tables[name] = ([(each.name, str(each.type)) for each in table.schema], table.to_pylist())
    described = project.describe(record.id)
    kept = {key: described[key] for key in ("name", "class", "state", "types", "folder", "properties", "details")}
    shown = (without_ids(json.dumps(value, indent=1)) for value in (project.read_descriptor(record), kept))
    return tables, next(shown), json.loads(next(shown))


def without_ids(text: str) -> str:
    text = re.sub(r"(record|file|database)-[0-9A-Za-z]{24}", r"\1-…", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>", text)  # of an assay
    return re.sub(r"database_[0-9a-z]{24}__", "database_…__", text)


def test_a_platform_job_publishes_what_a_local_run_does(job: Job, run_app: Runner) -> None:
    # What a job leaves that was killed when it had made its database, and not yet a table: the next takes it up.
    (job.project / "databases" / ".made" / "trial_db").mkdir(parents=True)
    done = job.run("trial_db", **trial(job), output_dataset_name="trial", database_name="trial_db")
    assert done.returncode == 0, done.stderr
    here = run_app("data_model_loader", **local_trial(), output_dataset_name="trial", database_name="trial_db")
    output = job.output()
    assert sorted(output) == sorted(here) == ["database", "dataset", "report"]
    there = LocalProject(job.project)
    assert published(there, output["dataset"]) == published(run_app.store, here["dataset"])
    assert (
        job.dx("extract_dataset", output["dataset"]["$dnanexus_link"], "--list-entities")
        == "patient\tPatients\nvisit\tVisits\n"
    )
    report = json.loads(job.dx("cat", output["report"]["$dnanexus_link"]))
    assert {name: entity["rows"] for name, entity in report["entities"].items()} == {"patient": 3, "visit": 3}
    assert report["database"]["id"] == output["database"]


@pytest.mark.parametrize("app", ["genetic_variant_assay_loader", "molecular_expression_assay_loader"])
def test_an_assay_loader_does_so_too(job: Job, run_app: Runner, app: str) -> None:
    given = json.loads((ROOT / "apps" / app / "examples" / "job_input.json").read_text(encoding="utf-8"))
    specs = read_spec(ROOT / "apps" / app / "dxapp.json").input_by_name
    files = {name: value for name, value in given.items() if specs[name].item == "file"}
    done = job.run(f"{given['output_dataset_name']}_db", app, **{**given, **each_file(files, job.upload)})
    assert done.returncode == 0, done.stderr
    dataset = run_app(app, **{**given, **each_file(files, str)})["dataset"]
    assert published(LocalProject(job.project), job.output()["dataset"]) == published(run_app.store, dataset)


def each_file(files: dict[str, Any], given: Callable[[Path], Any]) -> dict[str, Any]:
    """Inputs of class file, or lists of them, in the form in which a run is given them."""
    return {
        name: [given(ROOT / each) for each in value] if isinstance(value, list) else given(ROOT / value)
        for name, value in files.items()
    }


def test_a_users_mistake_is_the_jobs_app_error_and_leaves_no_database(job: Job, tmp_path: Path) -> None:
    faulty = tmp_path / "patient.csv"
    faulty.write_text("patient_id,sex,height,residence,travelled,cigarettes\nP1,2,tall,FR,,\n", encoding="utf-8")
    done = job.run("trial_db", **trial(job, patient__csv=faulty), output_dataset_name="trial", database_name="trial_db")
    assert done.returncode == 1
    error = job.error()
    assert error["type"] == "AppError"
    assert "patient.csv line 2, patient.height: 'tall'" in error["message"]
    assert error["message"].strip() in done.stderr
    assert not (job.folder / "job_output.json").exists()
    assert job.dx("find", "data", "--class", "record", "--brief") == ""
    assert job.dx("find", "data", "--class", "database", "--brief") == ""


def test_what_is_not_there_is_refused_with_its_number(job: Job) -> None:
    absent = link("file-aaaaaaaaaaaaaaaaaaaaaaaa")
    done = job.run("trial_db", data_dictionary=absent, output_dataset_name="trial")
    assert done.returncode == 1
    assert job.error()["message"].startswith("Error 91")
    assert "file-aaaaaaaaaaaaaaaaaaaaaaaa" in job.error()["message"]


def test_a_database_of_that_name_is_not_taken_for_a_new_one(job: Job, run_app: Runner) -> None:
    run_app.project = job.project
    standing = run_app("data_model_loader", **local_trial(), output_dataset_name="trial", database_name="trial_db")[
        "database"
    ]
    done = job.run("trial_db", **trial(job), output_dataset_name="other", database_name="trial_db")
    assert done.returncode == 1
    assert job.error()["message"].startswith("Error 80")
    assert standing in job.error()["message"]


def test_a_later_job_reads_the_tables_of_an_earlier_one(job: Job, tmp_path: Path) -> None:
    done = job.run("trial_db", submit=True, **trial(job), output_dataset_name="trial", database_name="trial_db")
    assert done.returncode == 0, done.stderr
    dataset = job.output()["dataset"]
    scores = tmp_path / "scores.csv"
    scores.write_text("patient_id,score\nP3,7\nP1,\nP2,12\n", encoding="utf-8")
    given = {"target_dataset": dataset, "source_data": job.upload(scores), "output_dataset_name": "scored"}
    done = job.run("scored_db", "dataset_extender", submit=True, **given)
    assert done.returncode == 0, done.stderr
    listed = job.dx("extract_dataset", job.output()["dataset"]["$dnanexus_link"], "--list-fields")
    assert "patient.score\tscore" in listed
    assert sorted(name for name in job.dx("ls").split() if name.endswith("_db")) == ["scored_db", "trial_db"]


LOOK_UPS = """
import json, sys
from common.errors import AppError
from common.platform.dx import DxPlatform
platform = DxPlatform("job-" + "a" * 24, None)
for value in json.loads(sys.argv[1]):
    try:
        record = platform.find_record(value)
        print(json.dumps([record.id, record.name, platform.read_descriptor(record)["name"]]))
    except AppError as error:
        print(json.dumps([error.code]))
"""


def test_a_record_is_found_by_link_id_and_name(job: Job, run_app: Runner) -> None:
    run_app.project = job.project
    names = {"output_dataset_name": "trial", "database_name": "trial_db"}
    record = run_app("data_model_loader", **local_trial(), **names)["dataset"]["$dnanexus_link"]
    project = LocalProject(job.project)
    in_project = {"$dnanexus_link": {"project": project.id, "id": record}}
    values = [
        record,
        link(record),
        in_project,
        "trial",
        "no such record",
        "record-" + "a" * 24,
        project.find_objects("file")[0]["id"],
    ]
    names = job.dx.environment | {"LOADER_STAGING": str(job.folder.parent / "staging"), "DX_JOB_ID": new_id("job")}
    command = [sys.executable, "-c", LOOK_UPS, json.dumps(values)]
    done = subprocess.run(command, cwd=ROOT, env=names, text=True, capture_output=True, timeout=60, check=True)
    found = [record, "trial", "trial"]
    assert [json.loads(line) for line in done.stdout.splitlines()] == [found, found, found, found, [91], [91], [91]]
