"""A project with one Dataset, made by the platform's publish, and an app for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import apps
from common.dataset.database import Database
from common.platform import RecordDraft, TableChange
from common.platform.local import LocalProject
from common.platform.names import draft_database

TABLES = {
    "patient": pa.table({"patient_id": ["p1", "p2"], "sex": pa.array([0, None], pa.int64())}),
    "visit": pa.table({
        "visit_id": [1, 2, 3],
        "patient_id": ["p1", "p1", "p2"],
        "seen": pa.array([0, 1, 2], pa.timestamp("us", "UTC")),
        "signs": [["a", "b"], None, []],
    }),
}  # fmt: skip


@pytest.fixture
def project_dir(tmp_path: Path) -> Path:
    """A project with the Dataset `study`: two patients, three visits."""
    folder = tmp_path / "project"
    publish_study(LocalProject(folder), "study_db")
    return folder


def publish_study(project: LocalProject, database_name: str) -> Database:
    staging = project.stage(draft_database(database_name))
    database = staging.database
    for name, table in TABLES.items():
        pq.write_table(table, Path(staging.table_folder(name), "part-0.parquet"))
    draft = RecordDraft("study", descriptor(database), "ds-study", [database], description="Dataset: study")
    staging.publish([TableChange(name, "new", ["part-0.parquet"]) for name in TABLES], draft, {})
    staging.close()
    return database


def descriptor(database: Database) -> dict[str, Any]:
    def field(table: str, name: str, type_: str, **more: Any) -> dict[str, Any]:
        mapping = {"database_id": database.id, "database_name": database.name, "table": table, "column": name,
                   "database_unique_name": database.unique_name, "column_sql_type": "string"}  # fmt: skip
        return {"name": name, "type": type_, "title": name.title(), "coding_name": None, "mapping": mapping, **more}

    patient = [field("patient", "patient_id", "string"), field("patient", "sex", "integer", coding_name="sex_coding")]
    visit = [field("visit", "visit_id", "integer"), field("visit", "patient_id", "string"),
             field("visit", "seen", "datetime"), field("visit", "signs", "string", is_multi_select=True)]  # fmt: skip
    unique = database.unique_name
    return {
        "model": {
            "global_primary_key": {"entity": "patient", "field": "patient_id"},
            "entities": {
                name: {"name": name, "entity_title": name.title(), "primary_key": key,
                       "fields": {each["name"]: each for each in fields}}
                for name, key, fields in (("patient", "patient_id", patient), ("visit", None, visit))
            },
            "codings": {
                "sex_coding": {"codes_to_meanings": {"0": "Female", "1": "Male"}, "display": ["0", "1"]},
                "place": {"codes_to_meanings": {"CA": "California", "SF": "San Francisco"}, "display": [{"CA": ["SF"]}]},
            },
        },
        "join_info": [{"joins": [{"from": f"{unique}$patient$patient_id", "to": f"{unique}$visit$patient_id"}],
                       "relationship": "many_to_one"}],
        "assays": [{"name": "calls", "generalized_assay_model": "genetic_variant",
                    "generalized_assay_model_version": "1.0.1"}],
    }  # fmt: skip


APP = """
from pathlib import Path

from common.dataset.database import link
from common.platform import RecordDraft

def main(run):
    with run.progress.stage("join"):
        report = run.job_dir / "report.txt"
        report.write_text(" ".join([run.inputs.greeting, *(run.inputs.names or [])]) * run.inputs.times, encoding="utf-8")
    if run.inputs.validate_only:
        return {}
    published = run.stage(None).publish([], RecordDraft("greeting", {}, "ds", []), {"report": report})
    return {"dataset": link(published.record), "report": link(published.files["report"])}
"""

DXAPP = {
    "name": "greeter_of_tests", "title": "Greeter", "summary": "Greets by name", "version": "1.0.0",
    "inputSpec": [
        {"name": "greeting", "class": "string", "label": "Greeting", "help": "The first word.", "group": "Words"},
        {"name": "names", "class": "array:string", "optional": True, "help": "Whom to greet.", "group": "Words"},
        {"name": "times", "class": "int", "default": 1, "choices": [1, 2], "group": "More"},
        {"name": "validate_only", "class": "boolean", "default": False, "group": "More"},
    ],
    "outputSpec": [
        {"name": "dataset", "class": "record", "optional": True, "help": "The record."},
        {"name": "report", "class": "file", "optional": True},
    ],
}  # fmt: skip


@pytest.fixture
def greeter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an app in a temporary folder, which belongs to the package `apps` while the test runs."""
    folder = tmp_path / "more_apps" / "greeter_of_tests"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "app.py").write_text(APP, encoding="utf-8")
    (folder / "dxapp.json").write_text(json.dumps(DXAPP), encoding="utf-8")
    monkeypatch.setattr(apps, "__path__", [*apps.__path__, str(folder.parent)])
    return "greeter_of_tests"
