"""An app as a job of the platform, through real dxpy and Spark SQL, gives what a local run gives with the same input."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from common.dataset.database import link
from common.platform.local import LocalProject
from common.platform.names import new_id
from common.spark.launch import environment as launch_environment
from common.spark.launch import spark_submit_command
from tests.apps.conftest import Runner
from tests.apps.dx_server import ROOT, Client, serving

pytestmark = pytest.mark.processes

TRIAL = ROOT / "tests" / "data" / "trial"
FILES: dict[str, Any] = {
    "data_dictionary": "data_dictionary.csv", "codings": "codings.csv", "entity_dictionary": "entity_dictionary.csv",
    "data_files": ["patient.csv", "visit.csv"],
}  # fmt: skip


SUBMITTED = """
import json, os, signal, sys
from importlib import import_module
from common.job.run import execute
from common.platform.dx.metastore import Metastore

def kill_at(table):
    write = Metastore.write_table
    def write_or_die(metastore, database, change, *rest):
        if change.table == table:
            os.kill(os.getpid(), signal.SIGKILL)
        write(metastore, database, change, *rest)
    Metastore.write_table = write_or_die

for root, app, folder, names, killed_at in json.loads(sys.argv[1]):
    os.environ.update(names)
    if killed_at:
        kill_at(killed_at)
    main = import_module(f"apps.{app}.app").main
    if status := execute(f"{root}/apps/{app}/app.py", main, ["--job-dir", folder, "--master", "local[2]"]):
        sys.exit(status)
"""
"""Several jobs, one after the other, by one spark-submit; the last may be killed when it comes to a table."""


@dataclass(frozen=True)
class Submitted:
    """One job: an app, its input, the database that it makes, if any, and the table at which it is killed, if any."""

    app: str
    given: dict[str, Any]
    database: str = ""
    killed_at: str = ""
    job_id: str = field(default_factory=partial(new_id, "job"))


class Job:
    """Jobs of the platform in one project: `run` starts an app as the platform would, with inputs that `upload` sent by dx."""

    def __init__(self, dx: Client, project: Path, folder: Path) -> None:
        self.dx = dx
        self.project = project
        self.folder = folder

    def upload(self, files: dict[str, Path]) -> dict[str, dict[str, str]]:
        """Uploads files by one call of dx, because dx takes a second to start. Returns their links by name."""
        ids = self.dx("upload", *map(str, files.values()), "--brief").split()
        return {name: link(file_id) for name, file_id in zip(files, ids, strict=True)}

    def run(self, database: str, app: str = "data_model_loader", **given: Any) -> subprocess.CompletedProcess[str]:
        names = self._prepare(self.folder, new_id("job"), database, given)
        command = [sys.executable, "-m", f"apps.{app}.app", "--job-dir", str(self.folder), "--master", "local[2]"]
        return subprocess.run(
            command, cwd=ROOT, env=self.dx.environment | names, text=True, capture_output=True, timeout=300
        )

    def submit(self, *jobs: Submitted) -> subprocess.CompletedProcess[str]:
        """Runs the jobs by spark-submit, with a Hive metastore that outlives them as the platform's does."""
        self.folder.mkdir(exist_ok=True)
        program = self.folder / "submitted.py"
        program.write_text(SUBMITTED, encoding="utf-8")
        listed = []
        for job in jobs:
            folder = self.folder / job.job_id
            names = self._prepare(folder, job.job_id, job.database, job.given)
            listed.append((str(ROOT), job.app, str(folder), names, job.killed_at))
        command = spark_submit_command(program, [json.dumps(listed)], "local[2]", self._hive())
        environment = {**launch_environment("local[2]"), **self.dx.environment}
        # Derby writes its log to the folder in which it starts.
        return subprocess.run(command, cwd=self.folder, env=environment, text=True, capture_output=True, timeout=300)

    def _prepare(self, folder: Path, job_id: str, database: str, given: dict[str, Any]) -> dict[str, str]:
        """Writes the job's input; returns the job's environment."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "job_input.json").write_text(json.dumps(given), encoding="utf-8")
        return {
            "DX_JOB_ID": job_id, "LOADER_STAGING": str(self.folder.parent / "staging"),
            "LOADER_DATABASE_LOCATION": (self.project / "databases" / ".made" / database).as_uri(),
        }  # fmt: skip

    def _hive(self) -> dict[str, str]:
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
def job(tmp_path: Path) -> Iterator[Job]:
    project = tmp_path / "platform"
    LocalProject(project)
    with serving(project, tmp_path / "client", has_metastore=True) as dx:
        yield Job(dx, project, tmp_path / "job")
        assert list((tmp_path / "staging").glob("*")) == []


def trial(job: Job, **other: Path) -> dict[str, Any]:
    """The trial's files as links, those named in `other` instead of the trial's own."""
    paths = {name: TRIAL / name for value in FILES.values() for name in ([value] if isinstance(value, str) else value)}
    paths |= {name.replace("__", "."): path for name, path in other.items()}
    links = job.upload(paths)
    return {
        key: links[value] if isinstance(value, str) else [links[each] for each in value] for key, value in FILES.items()
    }


def local_trial() -> dict[str, Any]:
    return {
        key: str(TRIAL / value) if isinstance(value, str) else [str(TRIAL / each) for each in value]
        for key, value in FILES.items()
    }


def published(project: LocalProject, dataset: Any) -> tuple[dict[str, Any], str, dict[str, Any]]:
    """A Dataset's tables as rows with their schemas, its descriptor, and its record without ids and times."""
    record = project.find_record(dataset)
    tables = {}
    for database_link in (found for each in record.details["databases"] for found in each.values()):
        database = project.find_database(database_link["$dnanexus_link"])
        for name in project.tables(database):
            table = pq.read_table(project.table_files(database, name), partitioning=None)
            tables[f"{database.name}.{name}"] = (
                [(each.name, str(each.type)) for each in table.schema],
                table.to_pylist(),
            )
    described = project.describe(record.id)
    kept = {key: described[key] for key in ("name", "class", "state", "types", "folder", "properties", "details")}
    shown = (without_ids(json.dumps(value, indent=1)) for value in (project.read_descriptor(record), kept))
    return tables, next(shown), json.loads(next(shown))


def without_ids(text: str) -> str:
    text = re.sub(r"(record|file|database)-[0-9A-Za-z]{24}", r"\1-…", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>", text)  # of an assay
    return re.sub(r"database_[0-9a-z]{24}__", "database_…__", text)


def test_a_platform_job_publishes_what_a_local_run_does(job: Job, run_app: Runner) -> None:
    # State after a job was killed between making its database and its first table: the next job uses the database.
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


TEXTS = {
    "matrix.csv": "gene_id,P1,P3,P8,P9\nENSG00000159216.19,120,98,,310\nENSG00000097007.20,45,51,38,40\n",
    "samples.csv": "sample_id,patient_id\nP1,P2\nP3,P3\nP8,P8\n",
    "scores.csv": "patient_id,score\nP3,7\nP1,\nP2,12\n",
}
LATER = {
    "molecular_expression_assay_loader": {
        "source_expression_data": ["matrix.csv"], "feature_annotation": "genes.gtf", "feature_value_type": "count",
        "reference_genome": "GRCh38.109", "assay_name": "liver", "output_dataset_name": "rna",
    },
    "genetic_variant_assay_loader": {"vcf_files": ["trio.vcf"], "assay_name": "germline", "output_dataset_name": "trio"},
    "dataset_extender": {"target_dataset": "trial", "source_data": "scores.csv", "output_dataset_name": "scored"},
    "assay_dataset_merger": {
        "source_dataset": "rna", "target_dataset": "trial", "linking_file": "samples.csv",
        "linking_database_name": "whole_db", "output_dataset_name": "whole",
    },
    "clinical_dataset_merger": {"source_dataset": "rna", "target_dataset": "whole", "output_dataset_name": "joined"},
}  # fmt: skip
"""Jobs after that which loads `trial`; the last three read its tables, and those of `rna`."""


def with_files(given: dict[str, Any], files: dict[str, Any]) -> dict[str, Any]:
    """The inputs, with names of files replaced by the values that this run gets."""
    return {
        name: [files[each] for each in value] if isinstance(value, list) else files.get(value, value)
        for name, value in given.items()
    }


@dataclass(frozen=True)
class Lives:
    """A project in which a job was killed, what the job left, and the later jobs."""

    dx: Client
    project: Path
    files: dict[str, Path]
    killed: subprocess.CompletedProcess[str]
    left_records: list[str]
    left_tables: list[str]
    later: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lives]:
    folder = tmp_path_factory.mktemp("lives")
    project = folder / "platform"
    files = {name: folder / name for name in TEXTS}
    for name, path in files.items():
        path.write_text(TEXTS[name], encoding="utf-8")
    files["genes.gtf"] = ROOT / "apps" / "molecular_expression_assay_loader" / "examples" / "genes.gtf"
    files["trio.vcf"] = ROOT / "apps" / "genetic_variant_assay_loader" / "examples" / "trio.vcf"
    LocalProject(project)
    with serving(project, folder / "client", has_metastore=True) as dx:
        job = Job(dx, project, folder / "job")
        sent = job.upload(files)
        loaded = {**trial(job), "output_dataset_name": "trial", "database_name": "trial_db"}
        victim = Submitted("data_model_loader", loaded, "trial_db", killed_at="visit")
        killed = job.submit(victim)
        records = [each["name"] for each in LocalProject(project).find_objects("record")]
        tables = sorted(each.name for each in (project / "databases" / ".made" / "trial_db").glob("[!.]*"))
        LocalProject(project, victim.job_id).write_job(victim.app, "failed", {})  # as the platform would know it
        later = job.submit(
            Submitted("data_model_loader", loaded, "trial_db"),
            *(
                Submitted(app, with_files(given, sent), f"{given['output_dataset_name']}_db")
                for app, given in LATER.items()
            ),
        )
        yield Lives(dx, project, files, killed, records, tables, later)


def test_a_job_killed_between_its_tables_leaves_no_record_and_the_next_loads_all(lives: Lives) -> None:
    assert lives.killed.returncode == 128 + signal.SIGKILL, lives.killed.stdout
    assert (lives.left_records, lives.left_tables) == ([], ["dx_codings", "patient", "visit"])
    assert lives.later.returncode == 0, lives.later.stdout
    listed = lives.dx("extract_dataset", "trial", "--list-entities")
    assert listed == "patient\tPatients\nvisit\tVisits\n"


def test_every_app_publishes_as_a_job_what_a_local_run_does(lives: Lives, run_app: Runner) -> None:
    assert lives.later.returncode == 0, lives.later.stdout
    files = {name: str(path) for name, path in lives.files.items()}
    run_app("data_model_loader", **local_trial(), output_dataset_name="trial", database_name="trial_db")
    for app, given in LATER.items():
        run_app(app, **with_files(given, files))
    for dataset in ("rna", "trial", "trio", "scored", "whole", "joined"):
        assert published(LocalProject(lives.project), dataset) == published(run_app.store, dataset), dataset


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
