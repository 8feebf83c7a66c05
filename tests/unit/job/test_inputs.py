from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from common.errors import AppError
from common.faults import FaultError
from common.job.folder import JobFolder
from common.job.inputs import resolve_inputs
from common.job.spec import parse_spec
from common.platform import InputFile, RecordDraft
from common.platform.local import LocalProject
from common.platform.local.store import build_object
from common.platform.names import new_id

SPEC = parse_spec({
    "name": "a", "title": "A", "summary": "Does a", "version": "1.0.0",
    "inputSpec": [
        {"name": "table", "class": "file", "label": "Table"},
        {"name": "parts", "class": "array:file", "optional": True},
        {"name": "target", "class": "record", "optional": True},
        {"name": "max_columns", "class": "int", "default": 400},
        {"name": "mode", "class": "string", "default": "error", "choices": ["error", "append"]},
        {"name": "nulls", "class": "array:string", "default": [""]},
    ],
})  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> LocalProject:
    return LocalProject(tmp_path / "project")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "patient.csv"
    path.write_text("id\n1\n", encoding="utf-8")
    return path


def faults_of(given: dict[str, Any], project: LocalProject) -> list[tuple[int, str, str | None, str]]:
    with pytest.raises(FaultError) as raised:
        resolve_inputs(given, SPEC, project)
    return [(each.code, each.field, each.value, each.text) for each in raised.value.faults]


def publish(project: LocalProject, name: str, file: Path) -> tuple[str, str]:
    staging = project.stage(None)
    draft = RecordDraft(name, {"model": {}}, "ds-study", [])
    published = staging.publish([], draft, {"table": file})
    staging.close()
    assert published.record is not None
    return published.record, published.files["table"]


def test_inputs_not_given_have_their_default_or_none(project: LocalProject, table: Path) -> None:
    inputs = resolve_inputs({"table": str(table), "mode": None}, SPEC, project)
    assert vars(inputs) == {
        "table": InputFile("patient.csv", str(table)),
        "parts": None,
        "target": None,
        "max_columns": 400,
        "mode": "error",
        "nulls": [""],
    }


def test_files_are_found_by_path_id_and_both_forms_of_link(project: LocalProject, table: Path) -> None:
    _, file_id = publish(project, "study", table)
    links = [{"$dnanexus_link": file_id}, {"$dnanexus_link": {"project": project.id, "id": file_id}}]
    inputs = resolve_inputs({"table": str(table), "parts": [str(table), file_id, *links]}, SPEC, project)
    stored = InputFile("patient.csv", str(project.file_path(file_id)), file_id)
    assert inputs.parts == [InputFile("patient.csv", str(table)), stored, stored, stored]


def test_a_relative_path_counts_from_the_working_directory(
    project: LocalProject, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(table.parent)
    assert resolve_inputs({"table": "patient.csv"}, SPEC, project).table.path == str(table)


def test_records_are_found_by_name_id_and_link(project: LocalProject, table: Path) -> None:
    record_id, _ = publish(project, "study", table)
    for value in ("study", record_id, {"$dnanexus_link": record_id}):
        target = resolve_inputs({"table": str(table), "target": value}, SPEC, project).target
        assert (target.id, target.name) == (record_id, "study")


def test_every_fault_of_the_input_is_told_at_once(project: LocalProject, tmp_path: Path) -> None:
    given = {
        "tabel": "patient.csv",
        "parts": [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")],
        "target": ["study"],
        "max_columns": "ten",
        "mode": "upsert",
        "nulls": "NA",
    }
    found = faults_of(given, project)
    assert [(code, name, value) for code, name, value, _ in found] == [
        (90, "tabel", None),
        (90, "table", None),
        (90, "target", '["study"]'),
        (90, "max_columns", "ten"),
        (90, "mode", "upsert"),
        (90, "nulls", "NA"),
        (91, "parts", str(tmp_path / "a.csv")),
        (91, "parts", str(tmp_path / "b.csv")),
    ]
    assert [text for _, _, _, text in found[:6]] == [
        "there is no such input",
        "this input is required (Table)",
        "this is a list where one value is wanted (record)",
        "this is not of class int",
        "this is not among the choices",
        "this is one value where a list is wanted (array:string)",
    ]


def test_a_mistyped_name_is_answered_with_the_nearest_one(project: LocalProject) -> None:
    with pytest.raises(FaultError) as raised:
        resolve_inputs({"tabel": "patient.csv"}, SPEC, project)
    assert "Remedy: Did you mean table?" in raised.value.message


def test_a_reference_to_another_job_is_refused_by_name(project: LocalProject) -> None:
    reference = {"job": "job-1", "field": "table"}
    texts = {
        text
        for given in (reference, {"$dnanexus_link": reference})
        for *_, text in faults_of({"table": given}, project)
    }
    assert texts == {"a reference to another job's output cannot be waited for here; give the object itself"}


def test_a_record_that_is_no_dataset_keeps_the_platforms_own_number(project: LocalProject, table: Path) -> None:
    old = build_object(new_id("record"), "old", project.id, "", types=["Dataset"], details={"version": "2.0"})
    project._store.write_at_once(old)
    assert [(code, name) for code, name, *_ in faults_of({"table": str(table), "target": "old"}, project)] == [
        (83, "target")
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"table": "\\ud800"}', "\\ud800 is half of a character"),
        ('{"max_columns": ' + "9" * 4301 + "}", "is beyond 64 bits"),
        ('{"max_columns": NaN}', "NaN is not JSON"),
        ('{"table": "a", "table": "b"}', "the key 'table' is given twice"),
        ('{"table": ' + "[" * 900 + "]" * 900 + "}", "more than 100 deep"),
        ('{"table": ' + "[" * 99_999, "deep"),
    ],
)
def test_a_job_input_that_readers_would_differ_in_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "job_input.json").write_text(text, encoding="utf-8")
    with pytest.raises(AppError) as refused:
        JobFolder(tmp_path).read_input()
    assert (refused.value.code, said in refused.value.text) == (90, True)


def test_a_job_input_has_a_largest_size_that_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "job_input.json").write_text(json.dumps({"table": "x" * (2 << 20)}), encoding="utf-8")
    assert len(JobFolder(tmp_path).read_input()["table"]) == 2 << 20
    monkeypatch.setenv("LOADER_JOB_INPUT_MIB", "1")
    with pytest.raises(AppError) as refused:
        JobFolder(tmp_path).read_input()
    assert refused.value.code == 90
    assert "is larger than 1 MiB" in refused.value.text
    assert "set LOADER_JOB_INPUT_MIB" in refused.value.remedy


def test_of_many_values_that_cannot_be_found_the_first_are_told(project: LocalProject, table: Path) -> None:
    faults = faults_of({"table": str(table), "parts": [f"none_{n}.csv" for n in range(1_000)]}, project)
    assert len(faults) == 20
    with pytest.raises(FaultError) as raised:
        resolve_inputs({"table": str(table), "parts": [f"none_{n}.csv" for n in range(1_000)]}, SPEC, project)
    assert raised.value.faults.total == 21
