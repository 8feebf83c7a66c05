from __future__ import annotations

import json
from pathlib import Path

import pytest

from apps.commands import main
from apps.commands.describe import write_dictionaries
from common.platform.local import LocalProject


def test_a_dataset_is_shown_as_people_read_it(project_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "study", "--project", str(project_dir)]) == 0
    project = LocalProject(project_dir)
    (database,) = project.databases()
    folder = project_dir / "databases" / database.unique_name
    lines = [
        line.split() for line in capsys.readouterr().out.splitlines() if line.strip() and not set(line) <= {" ", "-"}
    ]
    assert lines == [
        ["Dataset", "study"],
        ["Id", project.find_record("study").id],
        ["Schema", "ds-study"],
        ["Description", "Dataset:", "study"],
        ["Main", "entity", "patient,", "key", "patient_id"],
        ["Entities"],
        ["entity", "title", "key", "fields", "tables", "rows"],
        ["patient", "Patient", "patient_id", "2", "1", "2"],
        ["visit", "Visit", "4", "1", "3"],
        ["Fields", "of", "patient"],
        ["field", "type", "coding", "title"],
        ["patient_id", "string", "Patient_Id"],
        ["sex", "integer", "sex_coding", "Sex"],
        ["Fields", "of", "visit"],
        ["field", "type", "coding", "title"],
        ["visit_id", "integer", "Visit_Id"],
        ["patient_id", "string", "Patient_Id"],
        ["seen", "datetime", "Seen"],
        ["signs", "string", "multi-select", "Signs"],
        ["Relationships"],
        ["from", "to", "relationship"],
        ["visit.patient_id", "patient.patient_id", "many_to_one"],
        ["Codings"],
        ["coding", "codes", "kind"],
        ["sex_coding", "2", "flat"],
        ["place", "2", "hierarchical"],
        ["Assays"],
        ["assay", "model", "version"],
        ["calls", "genetic_variant", "1.0.1"],
        ["Tables"],
        ["table", "rows", "folder"],
        [f"{database.unique_name}.patient", "2", str(folder / "patient")],
        [f"{database.unique_name}.visit", "3", str(folder / "visit")],
    ]


def test_json_holds_the_record_and_its_descriptor(project_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = LocalProject(project_dir).find_record("study")
    assert main(["describe", record.id, "--project", str(project_dir), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["record"]["id"], shown["record"]["types"]) == (record.id, ["Dataset"])
    assert list(shown["descriptor"]["model"]["entities"]) == ["patient", "visit"]


def test_an_unknown_record_is_answered_with_the_nearest_name(
    project_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["describe", "studi", "--project", str(project_dir)]) == 1
    assert "Did you mean study?" in capsys.readouterr().err


def test_a_project_on_a_remote_file_system_is_refused_for_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "study", "--project", "s3://bucket/project"]) == 1
    assert capsys.readouterr().err == (
        "Error 91 (not found or not allowed): a project is a folder, and 's3://bucket/project' is a URI\n"
        "  Remedy: Give the path of a folder, on a file system that all nodes share.\n"
    )


def test_a_project_that_is_not_there_is_told_and_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "study", "--project", str(tmp_path / "projekt")]) == 1
    assert "there is no project in" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_dictionaries_of_a_record_with_a_long_name_each_have_a_file(tmp_path: Path) -> None:
    from tests.unit.dataset.example_dataset import DICTIONARY

    written = write_dictionaries(DICTIONARY, tmp_path, "é" * 300)
    assert sorted(path.name.lstrip("é") for path in written) == [
        ".codings.csv", ".data_dictionary.csv", ".entity_dictionary.csv",
    ]  # fmt: skip
    assert len(list(tmp_path.iterdir())) == 3
