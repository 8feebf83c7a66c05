"""The Dataset Extender from a delimited file to a new Dataset beside its target, and what it does with users' mistakes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from apps.dataset_extender import load
from common.dataset.database import Database, link
from common.dataset.descriptor import parse_assay, parse_descriptor, write_descriptor
from common.dataset.model import Dataset, Join
from common.dictionary import Reference
from common.errors import AppError
from common.faults import FaultError
from common.platform import RecordDraft
from tests.apps.conftest import Runner

Files = Callable[..., dict[str, str]]

DICTIONARY = """entity,name,type,primary_key_type,coding_name,referenced_entity_field,relationship
patient,patient_id,string,global,,,
patient,age,integer,,,,
visit,visit_id,integer,local,,,
visit,patient_id,string,,,patient:patient_id,many_to_one
note,text,string,,,,
note,visit_id,integer,,,visit:visit_id,many_to_one
"""
PATIENTS = "patient_id,age\n" + "".join(f"P{number},{50 + number}\n" for number in range(1, 7))
VISITS = "visit_id,patient_id\n1,P1\n2,P1\n3,P2\n"
NOTES = "text,visit_id\nwell,1\n"


@pytest.fixture
def study(run_app: Runner, write_files: Files) -> Runner:
    """A project with the Dataset `study`: six patients, three visits."""
    files = write_files(data_dictionary__csv=DICTIONARY, patient__csv=PATIENTS, visit__csv=VISITS, note__csv=NOTES)
    dictionary = files.pop("data_dictionary.csv")
    run_app(
        "data_model_loader", data_dictionary=dictionary, output_dataset_name="study", data_files=sorted(files.values())
    )
    return run_app


def dataset(runner: Runner, name: str) -> Dataset:
    return parse_descriptor(runner.store.read_descriptor(runner.store.find_record(name)))


def rows(runner: Runner, name: str, entity: str, field: str) -> list[dict[str, Any]]:
    """The table that stores a field, read by path."""
    import pyarrow.parquet as pq

    mapping = dataset(runner, name).mappings[entity, field]
    database = runner.store.find_database(mapping.database_id)
    return [
        row for path in runner.store.table_files(database, mapping.table) for row in pq.read_table(path).to_pylist()
    ]


def report(runner: Runner, outputs: dict[str, Any]) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(runner.store.file_path(outputs["report"]["$dnanexus_link"]).read_text())
    return loaded


def refused(runner: Runner, **inputs: Any) -> list[tuple[int, int | None, str | None]]:
    """Number, line and value of each fault of a run that leaves the project as it was."""
    before = project_state(runner.project)
    with pytest.raises(FaultError) as caught:
        runner("dataset_extender", target_dataset="study", **inputs)
    assert project_state(runner.project) == before
    return [(each.code, each.line, each.value) for each in caught.value.faults]


def project_state(project: Path) -> dict[str, tuple[int, int]]:
    """Every published file with its size and time; jobs are no part of a publish."""
    return {
        str(path.relative_to(project)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in project.rglob("*")
        if path.is_file() and ".staged" not in path.parts and not path.name.startswith("job-")
    }


SCORES = """patient_id,risk,level,ward,reviewed,seen,smoking,letter
P1,0.5,3,007,2024-01-15,2024-01-15 10:30:00,never,"A, b"
P2,1,1,012,2024-02,2024-02-03T08:15:00Z,never,
P3,,,,,,never,c
P5,2.25,4,101,2024,2024-03-01,ex,d
P6,1.0e1,5,101,,,ex,e
"""


def test_extending_adds_typed_fields_to_the_main_entity(study: Runner, write_files: Files) -> None:
    files = write_files(scores__csv=SCORES)
    outputs = study(
        "dataset_extender", source_data=files["scores.csv"], target_dataset="study", folder_path="Derived > Scores"
    )
    assert rows(study, "study_extended", "patient", "risk") == [
        {"patient_id": "P1", "risk": 0.5, "level": 3, "ward": "007", "reviewed": date(2024, 1, 15),
         "seen": datetime(2024, 1, 15, 10, 30, tzinfo=UTC), "smoking": "never", "letter": "A, b"},
        {"patient_id": "P2", "risk": 1.0, "level": 1, "ward": "012", "reviewed": date(2024, 2, 1),
         "seen": datetime(2024, 2, 3, 8, 15, tzinfo=UTC), "smoking": "never", "letter": None},
        {"patient_id": "P3", "risk": None, "level": None, "ward": None, "reviewed": None, "seen": None, "smoking": "never",
         "letter": "c"},
        {"patient_id": "P5", "risk": 2.25, "level": 4, "ward": "101", "reviewed": date(2024, 1, 1),
         "seen": datetime(2024, 3, 1, tzinfo=UTC), "smoking": "ex", "letter": "d"},
        {"patient_id": "P6", "risk": 10.0, "level": 5, "ward": "101", "reviewed": None, "seen": None, "smoking": "ex",
         "letter": "e"},
    ]  # fmt: skip
    extended, target = dataset(study, "study_extended"), dataset(study, "study")
    patient = extended.dictionary.entities["patient"]
    assert [(field.name, field.type, field.coding_name) for field in patient.fields] == [
        ("patient_id", "string", ""), ("age", "integer", ""), ("risk", "float", ""), ("level", "integer", ""),
        ("ward", "string", ""), ("reviewed", "date", ""), ("seen", "datetime", ""), ("smoking", "string", "patient_smoking"),
        ("letter", "string", ""),
    ]  # fmt: skip
    assert [(code.code, code.meaning) for code in extended.dictionary.codings["patient_smoking"].codes] == [
        ("ex", "ex"),
        ("never", "never"),
    ]
    assert patient.by_name["risk"].folder_path == ("Derived", "Scores")
    assert (extended.schema, extended.dictionary.main_entity.name) == (target.schema, "patient")
    key, new = target.mappings["patient", "patient_id"], extended.mappings["patient", "risk"]
    assert (new.table, new.database_id) == ("patient_0002", outputs["database"])
    assert extended.joins == (
        *target.joins,
        Join(key.path, f"{new.database_unique_name}$patient_0002$patient_id", "one_to_one"),
    )
    record = study.store.find_record("study_extended")
    assert record.details["databases"] == [
        {"study_db": link(key.database_id)},
        {"study_extended_db": link(outputs["database"])},
    ]


def test_rows_without_new_data_are_null_through_the_left_join(study: Runner, write_files: Files, spark: Any) -> None:
    study("dataset_extender", source_data=write_files(s__csv="id,x\nP2,7\n")["s.csv"], target_dataset="study")
    left, right = (dataset(study, "study_extended").mappings["patient", name] for name in ("age", "x"))
    folders = [study.project / "databases" / each.database_unique_name / each.table for each in (left, right)]
    old, new = (spark.read.parquet(str(folder)) for folder in folders)
    joined = old.join(new, old.patient_id == new.id, "left").orderBy("patient_id").select("patient_id", "x")
    assert [tuple(row) for row in joined.collect()] == [
        ("P1", None), ("P2", 7), ("P3", None), ("P4", None), ("P5", None), ("P6", None),
    ]  # fmt: skip


def test_the_target_stays_as_it_is(study: Runner, write_files: Files) -> None:
    before = project_state(study.project)
    study("dataset_extender", source_data=write_files(s__csv=SCORES)["s.csv"], target_dataset="study")
    after = project_state(study.project)
    assert {path: after[path] for path in before} == before
    assert "risk" not in dataset(study, "study").dictionary.entities["patient"].by_name


def test_the_report_and_the_summary_tell_types_reasons_and_linked_ids(study: Runner, write_files: Files) -> None:
    outputs = study("dataset_extender", source_data=write_files(s__csv=SCORES)["s.csv"], target_dataset="study")
    told = report(study, outputs)
    assert told["link"] == {
        "source_field": "patient_id", "target_entity": "patient", "target_field": "patient_id",
        "relationship": "one_to_one",
        "source": {"rows": 5, "ids": 5, "matched": 5, "unmatched": 0},
        "target": {"rows": 6, "ids": 6, "matched": 5, "unmatched": 1},
    }  # fmt: skip
    assert told["fields"]["risk"] == {
        "type": "float", "coding": None, "reason": "not every value is a whole number, first at line 2 ('0.5')",
        "remarks": [],
        "rows": 5, "nulls": 1, "min": 0.5, "max": 10.0, "mean": 3.4375,
    }  # fmt: skip
    assert told["fields"]["smoking"]["coding"] == "patient_smoking"
    assert told["fields"]["smoking"]["top_codes"] == [{"code": "never", "rows": 3}, {"code": "ex", "rows": 2}]
    lines = [" ".join(line.split()) for line in study.shown.splitlines()]
    assert "ward string 1 2 of 4 values are not numbers, or one that would not be given back as it stands, first at line 2 ('007'); 3 different texts in 5 rows, too many to be categories" in lines  # fmt: skip
    assert (
        "smoking string categorical 0 5 of 5 values are not numbers, first at line 2 ('never'); 2 different texts"
        in lines
    )
    assert "source s.csv: patient_id 5 5 5 0" in lines
    assert "target patient.patient_id 6 6 5 1" in lines


@pytest.mark.parametrize("more", [{}, {"new_entity_name": "tube"}], ids=["extended", "a new entity"])
def test_a_header_alone_adds_what_is_empty_and_is_warned_of(
    study: Runner, write_files: Files, more: dict[str, str]
) -> None:
    path = write_files(s__csv="patient_id,x\n")["s.csv"]
    outputs = study("dataset_extender", source_data=path, target_dataset="study", output_dataset_name="more", **more)
    assert rows(study, "more", more.get("new_entity_name", "patient"), "x") == []
    warning = "s.csv has no rows below its header; what is added is empty"
    assert report(study, outputs)["warnings"] == [warning]
    assert f"Warning: {warning}" in study.shown.splitlines()


def test_an_entity_with_an_integer_key_is_extended_from_gzip_tsv(study: Runner, write_files: Files) -> None:
    content = b"cost\tvisit_id\tplace\n12.5\t01\tA\n3\t3\tB\n"
    path = write_files(costs__tsv__gz=gzip.compress(content))["costs.tsv.gz"]
    study(
        "dataset_extender", source_data=path, target_dataset="study", target_entity_name="visit", key_column="visit_id",
        source_data_delimiter="/t", output_dataset_name="costs", database_name="costs_raw",
    )  # fmt: skip
    assert rows(study, "costs", "visit", "cost") == [
        {"visit_id": 1, "cost": 12.5, "place": "A"},
        {"visit_id": 3, "cost": 3.0, "place": "B"},
    ]
    assert dataset(study, "costs").mappings["visit", "cost"].database_name == "costs_raw"


@pytest.mark.parametrize(
    ("given", "rows_per_patient", "relationship", "key_type"),
    [
        ({}, ["P1", "P1", "P2"], "many_to_one", ""),
        ({}, ["P1", "P3", "P2"], "one_to_one", "local"),
        ({"relationship": "many_to_one"}, ["P1", "P3", "P2"], "many_to_one", ""),
        ({"relationship": "one_to_one"}, ["P1", "P3", "P2"], "one_to_one", "local"),
    ],
)
def test_a_new_entity_refers_to_the_target_as_the_data_show(
    study: Runner,
    write_files: Files,
    given: dict[str, str],
    rows_per_patient: list[str],
    relationship: str,
    key_type: str,
) -> None:
    text = "tube,patient_id\n" + "".join(f"T{number},{each}\n" for number, each in enumerate(rows_per_patient))
    study(
        "dataset_extender", source_data=write_files(tubes__csv=text)["tubes.csv"], target_dataset="study",
        new_entity_name="tube", key_column="patient_id", output_dataset_name="tubes", **given,
    )  # fmt: skip
    made = dataset(study, "tubes").dictionary
    key = made.entities["tube"].by_name["patient_id"]
    assert list(made.entities) == ["patient", "visit", "note", "tube"]
    assert (key.primary_key_type, key.reference) == (key_type, Reference("patient", "patient_id", relationship))
    assert rows(study, "tubes", "tube", "tube") == [
        {"patient_id": each, "tube": f"T{number}"} for number, each in enumerate(rows_per_patient)
    ]


def test_an_extended_dataset_is_extended_again(study: Runner, write_files: Files) -> None:
    files = write_files(one__csv="id,x\nP1,1\n", two__csv="id,y\nP2,2\n", three__csv="id,z\nP3,a\n")
    study("dataset_extender", source_data=files["one.csv"], target_dataset="study", output_dataset_name="one")
    study("dataset_extender", source_data=files["two.csv"], target_dataset="one", output_dataset_name="two")
    study(
        "dataset_extender", source_data=files["three.csv"], target_dataset="two", output_dataset_name="three",
        new_entity_name="third",
    )  # fmt: skip
    last = dataset(study, "three")
    assert [field.name for field in last.dictionary.entities["patient"].fields] == ["patient_id", "age", "x", "y"]
    assert [last.mappings["patient", name].table for name in ("age", "x", "y")] == [
        "patient",
        "patient_0002",
        "patient_0003",
    ]
    assert rows(study, "three", "patient", "y") == [{"id": "P2", "y": 2}]
    assert len(study.store.find_record("three").details["databases"]) == 4


def test_assays_of_the_target_are_kept(study: Runner, write_files: Files) -> None:
    target = dataset(study, "study")
    assay = {"name": "counts", "uuid": "1", "generalized_assay_model": "molecular_expression", "entities": {}}
    database = Database(
        *next((m.database_id, m.database_name, m.database_unique_name) for m in target.mappings.values())
    )
    draft = RecordDraft("with_assay", {**write_descriptor(target), "assays": [assay]}, target.schema, [database])
    staging = study.store.stage(None)
    staging.publish([], draft, {})
    staging.close()
    study("dataset_extender", source_data=write_files(s__csv="id,x\nP1,1\n")["s.csv"], target_dataset="with_assay")
    assert dataset(study, "with_assay_extended").assays == (parse_assay(assay),)


def test_soft_limits_warn_and_do_not_refuse(study: Runner, write_files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "SOFT_ROWS", 1)
    names = ["id", *(f"x{number}" for number in range(400))]
    row = ",".join(["1"] * 400)
    path = write_files(wide__csv=f"{','.join(names)}\nP1,{row}\nP2,{row}\n")["wide.csv"]
    outputs = study("dataset_extender", source_data=path, target_dataset="study")
    assert report(study, outputs)["warnings"] == [
        "wide.csv has 401 columns, more than 400; the app is meant for fewer",
        "wide.csv has 2 rows, more than 1; the app is meant for fewer",
    ]
    assert len(rows(study, "study_extended", "patient", "x399")[0]) == 401


def test_faults_of_keys_are_told_all_at_once_with_their_lines(study: Runner, write_files: Files) -> None:
    path = write_files(s__csv="id,x\nP1,1\n,2\nP1,3\nP9,4\n")["s.csv"]
    assert refused(study, source_data=path) == [(73, 3, None), (74, 2, "P1"), (74, 4, "P1"), (75, 5, "P9")]
    told = json.loads((study.job_dir / "report.json").read_text())
    assert [each["code"] for each in told["faults"]] == [73, 74, 75]


def test_a_key_is_of_the_type_of_the_targets(study: Runner, write_files: Files) -> None:
    path = write_files(s__csv="visit_id,x\n1,1\ntwo,2\n")["s.csv"]
    assert refused(study, source_data=path, target_entity_name="visit") == [(70, 3, "two")]


def test_a_relationship_that_the_data_contradict_is_refused(study: Runner, write_files: Files) -> None:
    path = write_files(s__csv="id,x\nP1,1\nP1,2\nP2,3\n")["s.csv"]
    found = refused(study, source_data=path, new_entity_name="extra", relationship="one_to_one")
    assert found == [(76, 2, "P1"), (76, 3, "P1")]


def test_names_that_fields_cannot_have_are_refused_all_at_once(study: Runner, write_files: Files) -> None:
    path = write_files(s__csv="id,AGE,2nd,select,x,X,y,y,\nP1,,,,,,,,\n")["s.csv"]
    assert refused(study, source_data=path) == [(21, 1, "X"), (25, 1, "AGE"), (25, 1, "2nd"), (25, 1, "select"), (64, 1, "y")]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"target_entity_name": "patients"}, [(301, None, "patients")]),
        ({"target_entity_name": "note"}, [(45, None, None)]),
        ({"key_column": "idd"}, [(63, 1, "idd")]),
        ({"new_entity_name": "visit"}, [(20, None, "visit")]),
        ({"new_entity_name": "Patient"}, [(20, None, "Patient")]),
        ({"new_entity_name": "2nd"}, [(20, None, "2nd")]),
        ({"new_entity_name": "dx_codings"}, [(20, None, "dx_codings")]),
        ({"source_data_delimiter": ";"}, [(65, None, None)]),
    ],
)
def test_a_wrong_input_gets_its_number(
    study: Runner, write_files: Files, given: dict[str, Any], expected: list[tuple[int, int | None, str | None]]
) -> None:
    path = write_files(s__csv="id,x\nP1,1\n")["s.csv"]
    assert refused(study, source_data=path, **given) == expected


def test_spreadsheet_text_in_utf_16_loads_as_the_remedies_say(study: Runner, write_files: Files) -> None:
    path = write_files(s__txt="id\tx\t\nP1\t1\t\n\t\t\nP3\t2\t\n".encode("utf-16"))["s.txt"]
    said: list[str] = []
    for given in ({}, {"encoding": "utf-16"}):
        with pytest.raises(FaultError) as caught:
            study("dataset_extender", target_dataset="study", source_data=path, **given)
        said += [fault.remedy for fault in caught.value.faults]
    assert said == [
        "Save the file as CSV UTF-8; or, where the app has the input encoding, give utf-16 there.",
        r'Run again with the delimiter "\t".',
    ]
    study("dataset_extender", target_dataset="study", source_data=path, encoding="utf-16", source_data_delimiter="\\t")
    assert rows(study, "study_extended", "patient", "x") == [{"id": "P1", "x": 1}, {"id": "P3", "x": 2}]
    assert "s.txt: 1 row without any value skipped, the first on line 3" in study.shown
    assert "s.txt: column 3 without a name or a value skipped" in study.shown


def test_ragged_rows_and_bad_bytes_are_faults_of_their_lines(study: Runner, write_files: Files) -> None:
    path = write_files(s__csv=b"id,x\nP1,1\nP2\nP3,\xff\n")["s.csv"]
    assert [(code, line) for code, line, _ in refused(study, source_data=path)] == [(65, 4), (66, 3)]


def test_a_relationship_without_a_new_entity_is_refused(study: Runner, write_files: Files) -> None:
    path = write_files(s__csv="id,x\nP1,1\n")["s.csv"]
    with pytest.raises(AppError) as caught:
        study("dataset_extender", source_data=path, target_dataset="study", relationship="one_to_one")
    assert caught.value.code == 90


def test_a_header_alone_adds_empty_fields(study: Runner, write_files: Files) -> None:
    study("dataset_extender", source_data=write_files(s__csv="id,x\n")["s.csv"], target_dataset="study")
    assert rows(study, "study_extended", "patient", "x") == []
