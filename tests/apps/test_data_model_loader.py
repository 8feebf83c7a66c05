"""The Data Model Loader from input files to tables, descriptor and report, and what it does with users' mistakes."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from apps.commands import main
from common.dataset.descriptor import parse_descriptor
from common.errors import AppError
from common.faults import FaultError
from tests.apps.conftest import Runner

EXAMPLES = Path(__file__).resolve().parents[2] / "apps" / "data_model_loader" / "examples"
Files = Callable[..., dict[str, str]]

DICTIONARY = """entity,name,type,primary_key_type,coding_name,referenced_entity_field,relationship
patient,patient_id,string,global,,,
patient,sex,string,,sexes,,
patient,age,integer,,,,
visit,visit_id,integer,local,,,
visit,patient_id,string,,,patient:patient_id,many_to_one
visit,seen,date,,,,
"""
CODINGS = "coding_name,code,meaning\nsexes,F,Female\nsexes,M,Male\n"
PATIENTS = "patient_id,sex,age\nP1,F,50\nP2,M,\nP3,,61\n"
VISITS = "visit_id,patient_id,seen\n1,P1,2024-01-01\n2,P1,2024-02\n3,,2024\n"


def given(files: dict[str, str], **more: Any) -> dict[str, Any]:
    data = [path for name, path in files.items() if name not in ("data_dictionary.csv", "codings.csv")]
    inputs = {"data_dictionary": files["data_dictionary.csv"], "output_dataset_name": "study", "data_files": data}
    return inputs | ({"codings": files["codings.csv"]} if "codings.csv" in files else {}) | more


def study(write_files: Files, patients: str | bytes = PATIENTS, visits: str = VISITS, **more: Any) -> dict[str, Any]:
    files = write_files(data_dictionary__csv=DICTIONARY, codings__csv=CODINGS, patient__csv=patients, visit__csv=visits)
    return given(files, **more)


def refused(run_app: Runner, **inputs: Any) -> list[tuple[int, str, int | None, str, str, str | None]]:
    with pytest.raises(FaultError) as caught:
        run_app("data_model_loader", **inputs)
    assert run_app.store.find_objects("record") == []
    assert run_app.store.databases() == []
    return [(f.code, f.file, f.line, f.entity, f.field, f.value) for f in caught.value.faults]


def test_the_example_becomes_one_dataset_of_every_type(run_app: Runner) -> None:
    outputs = run_app(
        "data_model_loader", data_dictionary=str(EXAMPLES / "data_dictionary.csv"), codings=str(EXAMPLES / "codings.csv"),
        entity_dictionary=str(EXAMPLES / "entity_dictionary.csv"), output_dataset_name="example",
        data_files=sorted(str(path) for name in ("hospital", "patient", "encounter", "test") for path in EXAMPLES.glob(f"{name}.*")),
    )  # fmt: skip
    assert sorted(outputs) == ["database", "dataset", "report"]
    tables = run_app.tables("example")
    assert {name: len(rows) for name, rows in tables.items()} == {
        "hospital": 3, "patient": 8, "encounter": 10, "test": 10, "dx_codings": 97639,
    }  # fmt: skip
    assert tables["patient"][5] == {
        "patient_id": "P06", "hospital_id": "H3", "birth_date": date(2001, 9, 9), "death_date": None, "sex": 9,
        "ethnicity": "O", "residence": "LON", "residence_hierarchy": ["LON", "UK"], "height": 170.0, "alcohol": 2.25,
        "cigarettes": 3, "occupation": "student, part time", "allergies": ["pollen", "penicillin"], "vaccines": [4],
        "travelled": ["US"], "travelled_hierarchy": ["US"],
        "last_contact": datetime(2024, 4, 2, 10, 0, tzinfo=UTC),
    }  # fmt: skip
    assert tables["encounter"][0]["notes"] == "Routine check.\nBlood pressure high."
    assert tables["encounter"][3]["diagnoses_hierarchy"] == ["I50.9", "I50", "I30-I5A", "9"]
    assert [row["test_id"] for row in tables["test"]] == [f"T{n:03d}" for n in range(1, 11)]


def test_the_summary_and_the_report_tell_what_was_loaded(run_app: Runner, write_files: Files) -> None:
    outputs = run_app("data_model_loader", **study(write_files))
    lines = [line.split() for line in run_app.shown.splitlines()]
    assert ["patient", "3", "3", "0"] in [line[:4] for line in lines]
    assert ["visit", "3", "3", "0"] in [line[:4] for line in lines]
    assert [line[0] for line in lines[:5]] == ["plan", "load", "check", "Warning:", "publish"]
    assert "1 of a year alone, 1 without a day" in " ".join(lines[3])
    report = json.loads(run_app.store.file_path(outputs["report"]["$dnanexus_link"]).read_text())
    assert report["entities"]["patient"]["rows"] == 3
    assert report["entities"]["patient"]["fields"]["age"] == {
        "rows": 3, "nulls": 1, "distinct": 2, "distinct_is_exact": True, "distinct_error": 0.0, "min": 50, "max": 61, "mean": 55.5,
    }  # fmt: skip


def test_default_names_follow_from_the_dataset_name(run_app: Runner, write_files: Files) -> None:
    outputs = run_app("data_model_loader", **study(write_files, output_dataset_name="My Study.dataset"))
    record = run_app.store.find_record(outputs["dataset"])
    assert record.details["schema"] == "ds-my_study"
    assert run_app.store.find_database(outputs["database"]).name == "my_study_db"


def test_duckdb_pandas_and_spark_read_the_same_rows_by_path(run_app: Runner, write_files: Files, spark: Any) -> None:
    outputs = run_app("data_model_loader", **study(write_files))
    database = run_app.store.find_database(outputs["database"])
    folder = run_app.project / "databases" / database.unique_name / "patient"
    expected = [("P1", "F", 50), ("P2", "M", None), ("P3", None, 61)]
    assert duckdb.sql(f"SELECT * FROM '{folder}/*.parquet' ORDER BY 1").fetchall() == expected
    assert [tuple(row) for row in spark.read.parquet(str(folder)).orderBy("patient_id").collect()] == expected
    frame = pd.read_parquet(folder).sort_values("patient_id")
    assert (frame["patient_id"].tolist(), frame["age"].fillna(-1).tolist()) == (["P1", "P2", "P3"], [50, -1, 61])


def test_parts_gzip_byte_order_marks_and_line_breaks_in_quotes_all_load(run_app: Runner, write_files: Files) -> None:
    files = write_files(
        data_dictionary__csv=DICTIONARY, codings__csv=CODINGS,
        patient__1__csv=b'\xef\xbb\xbf"patient_id",sex,age\r\n"P\n1",F,1\r\n',
        patient__2__csv__gz=gzip.compress(b"age,patient_id,sex\n2,P2,M\n"), visit__csv="visit_id,patient_id,seen\n",
    )  # fmt: skip
    run_app("data_model_loader", **given(files))
    tables = run_app.tables("study")
    assert tables["patient"] == [
        {"patient_id": "P\n1", "sex": "F", "age": 1},
        {"patient_id": "P2", "sex": "M", "age": 2},
    ]
    assert tables["visit"] == []


def test_delimiter_encoding_and_null_values_are_the_users(run_app: Runner, write_files: Files) -> None:
    patients = "patient_id;sex;age\nÄ1;F;NA\nP2;;2\n".encode("latin-1")
    visits = "visit_id;patient_id;seen\n1;Ä1;NA\n".encode("latin-1")
    inputs = study(write_files, patients, visits, delimiter=";", encoding="latin-1", null_values=["", "NA"])
    run_app("data_model_loader", **inputs)
    assert run_app.tables("study")["patient"] == [
        {"patient_id": "Ä1", "sex": "F", "age": None},
        {"patient_id": "P2", "sex": None, "age": 2},
    ]


def test_a_wide_entity_is_split_and_every_part_repeats_the_key(run_app: Runner, write_files: Files) -> None:
    dictionary = "entity,name,type,primary_key_type\np,id,string,global\n" + "".join(
        f"p,f{n},integer,\n" for n in range(5)
    )
    files = write_files(data_dictionary__csv=dictionary, p__csv="id,f0,f1,f2,f3,f4\na,0,1,2,3,4\n")
    outputs = run_app("data_model_loader", **given(files, max_columns=3))
    assert run_app.tables("study") == {
        "p_0001": [{"id": "a", "f0": 0, "f1": 1}],
        "p_0002": [{"id": "a", "f2": 2, "f3": 3}],
        "p_0003": [{"id": "a", "f4": 4}],
    }
    store = run_app.store
    dataset = parse_descriptor(store.read_descriptor(store.find_record(outputs["dataset"])))
    assert [(join.from_.split("$")[1], join.to.split("$")[1]) for join in dataset.joins] == [
        ("p_0001", "p_0002"),
        ("p_0001", "p_0003"),
    ]


@pytest.fixture
def planner(tmp_path: Path) -> Runner:
    """A runner without Spark."""

    class NoCluster:
        def stop(self) -> None:
            pass

        def __getattr__(self, name: str) -> Any:
            pytest.fail(f"Spark was used: {name}")

    return Runner(NoCluster(), tmp_path / "project", tmp_path / "jobs")  # type: ignore[arg-type]  # no run may reach it


def test_dictionary_and_file_mistakes_are_told_together_and_start_no_spark(planner: Runner, write_files: Files) -> None:
    dictionary = DICTIONARY.replace("visit,seen,date", "visit,select,day") + "visit,code,string,,missing,,\n"
    files = write_files(
        data_dictionary__csv=dictionary, codings__csv=CODINGS, patient__csv="patient_id,sexx,age,age\nP1,F,1,1\n",
        visits__csv=VISITS,
    )  # fmt: skip
    assert refused(planner, **given(files)) == [
        (25, "data_dictionary.csv", 7, "visit", "select", "select"),
        (30, "data_dictionary.csv", 7, "visit", "select", "day"),
        (50, "data_dictionary.csv", 8, "visit", "code", "missing"),
        (60, "visits.csv", None, "", "", "visits"),
        (62, "patient.csv", 1, "patient", "", "sexx"),
        (63, "patient.csv", 1, "patient", "sex", None),
        (64, "patient.csv", 1, "patient", "", "age"),
    ]


def test_a_file_given_twice_and_files_whose_header_has_no_end_are_refused(run_app: Runner, write_files: Files) -> None:
    files = write_files(
        data_dictionary__csv=DICTIONARY, codings__csv=CODINGS, patient__mac__csv=PATIENTS.replace("\n", "\r"),
        patient__open__csv=PATIENTS.replace("age", '"age'), visit__csv=VISITS,
    )  # fmt: skip
    inputs = given(files)
    inputs["data_files"] += [files["visit.csv"]]
    assert refused(run_app, **inputs) == [
        (65, "patient.mac.csv", None, "", "", None),
        (65, "patient.open.csv", None, "", "", None),
        (90, "visit.csv", None, "", "data_files", files["visit.csv"]),
    ]


def test_a_gzip_that_was_cut_off_is_told_beside_the_faults_of_other_files(run_app: Runner, write_files: Files) -> None:
    rows = "".join(f"P{number},F,{number}\n" for number in range(20_000))
    files = write_files(
        data_dictionary__csv=DICTIONARY, codings__csv=CODINGS, visit__csv=VISITS + "4,,soon\n",
        patient__csv__gz=gzip.compress(f"patient_id,sex,age\n{rows}".encode())[:-20],
    )  # fmt: skip
    assert refused(run_app, **given(files)) == [
        (65, "patient.csv.gz", None, "", "", None),
        (70, "visit.csv", 5, "visit", "seen", "soon"),
    ]


def test_an_entity_without_file_or_table_is_refused(run_app: Runner, write_files: Files) -> None:
    files = write_files(data_dictionary__csv=DICTIONARY, codings__csv=CODINGS, patient__csv=PATIENTS)
    assert refused(run_app, **given(files)) == [(61, "", None, "visit", "", None)]


def test_all_faulty_values_of_all_entities_are_told_at_once_and_nothing_is_published(
    run_app: Runner, write_files: Files
) -> None:
    patients = "patient_id,sex,age\nP1,X,50\nP2,M,old\n,F,1\nP1,F,2\n"
    visits = "visit_id,patient_id,seen\n1,P9,2024-01-01\n1,P1,2024-13\n"
    assert refused(run_app, **study(write_files, patients, visits)) == [
        (70, "patient.csv", 3, "patient", "age", "old"),
        (70, "visit.csv", 3, "visit", "seen", "2024-13"),
        (71, "patient.csv", 2, "patient", "sex", "X"),
        (73, "patient.csv", 4, "patient", "patient_id", None),
        (74, "patient.csv", 2, "patient", "patient_id", "P1"),
        (74, "patient.csv", 5, "patient", "patient_id", "P1"),
        (74, "visit.csv", 2, "visit", "visit_id", "1"),
        (74, "visit.csv", 3, "visit", "visit_id", "1"),
        (75, "visit.csv", 2, "visit", "patient_id", "P9"),
    ]
    report = json.loads((run_app.job_dir / "report.json").read_text())
    assert [(each["code"], each["count"]) for each in report["faults"]] == [(70, 2), (71, 1), (73, 1), (74, 4), (75, 1)]


def test_one_to_one_is_checked_on_the_data(run_app: Runner, write_files: Files) -> None:
    files = write_files(
        data_dictionary__csv=DICTIONARY.replace("many_to_one", "one_to_one"), codings__csv=CODINGS, patient__csv=PATIENTS,
        visit__csv=VISITS,
    )  # fmt: skip
    assert refused(run_app, **given(files)) == [
        (76, "visit.csv", 2, "visit", "patient_id", "P1"),
        (76, "visit.csv", 3, "visit", "patient_id", "P1"),
    ]


def test_quarantine_loads_good_rows_and_sets_aside_bad_rows_and_those_that_refer_to_them(
    run_app: Runner, write_files: Files
) -> None:
    patients = "patient_id,sex,age\nP1,F,50\nP2,M,old\nP3,F,1\nP3,M,2\n"
    visits = "visit_id,patient_id,seen\n1,P1,2024-01-01\n2,P2,2024-01-02\n3,P3,2024-01-03\n4,,2024-01-04\n"
    outputs = run_app(
        "data_model_loader", **study(write_files, patients, visits, on_fault="quarantine", max_faulty_share=1)
    )
    tables = run_app.tables("study")
    assert [row["patient_id"] for row in tables["patient"]] == ["P1"]
    assert [row["visit_id"] for row in tables["visit"]] == [1, 4]
    faults = list(csv.DictReader(run_app.store.file_path(outputs["faults"]["$dnanexus_link"]).open(newline="")))
    assert [(row["entity"], row["line"], row["codes"], row["row"]) for row in faults] == [
        ("patient", "4", "74", "P3,F,1"),
        ("patient", "5", "74", "P3,M,2"),
        ("patient", "3", "70", "P2,M,old"),
        ("visit", "3", "75", "2,P2,2024-01-02"),
        ("visit", "4", "75", "3,P3,2024-01-03"),
    ]


def test_a_quarantine_of_more_than_the_share_allowed_is_refused_and_the_share_always_said(
    run_app: Runner, write_files: Files
) -> None:
    patients = "patient_id,sex,age\nP1,F,50\nP2,M,old\nP3,F,1\nP4,F,x\n"
    inputs = study(write_files, patients, "visit_id,patient_id,seen\n1,P1,\n", on_fault="quarantine")
    with pytest.raises(FaultError) as refused:
        run_app("data_model_loader", **inputs, max_faulty_share=0.4)
    assert "patient: 2 of 4 (50 %) rows are faulty, more than max_faulty_share 0.4" in refused.value.message
    assert json.loads((run_app.job_dir / "report.json").read_text())["entities"]["patient"]["faulty_share"] == 0.5
    run_app("data_model_loader", **inputs)
    assert len(run_app.tables("study")["patient"]) == 2
    assert "2 of 4 (50 %)" in run_app.shown
    with pytest.raises(AppError, match="max_faulty_share"):
        run_app("data_model_loader", **inputs, max_faulty_share=40)


def test_partial_dates_are_counted_and_warned_of_and_their_precision_is_kept_where_asked_for(
    run_app: Runner, write_files: Files, tmp_path: Path
) -> None:
    dictionary = (
        "entity,name,type,primary_key_type\npatient,id,string,global\npatient,born,date,\npatient,seen,datetime,\n"
    )
    patients = "id,born,seen\nP1,1970,2024-01-02 03:04:05\nP2,1971-02,2024-01-02\nP3,1972-03-04,2024\nP4,,\n"
    files = write_files(data_dictionary__csv=dictionary, patient__csv=patients)
    inputs: dict[str, Any] = {"data_dictionary": files["data_dictionary.csv"], "data_files": [files["patient.csv"]]}
    run_app("data_model_loader", **inputs, output_dataset_name="plain")
    report = json.loads((run_app.job_dir / "report.json").read_text())
    assert report["entities"]["patient"]["fields"]["born"]["partial"] == {"year": 1, "month": 1}
    more = "; the first day or 00:00:00 is stored; date_precision keeps what is known in a column of its own"
    assert report["warnings"] == [
        f"patient.born: 1 of a year alone, 1 without a day{more}", f"patient.seen: 1 of a year alone, 1 without a time{more}"
    ]  # fmt: skip
    run_app("data_model_loader", **inputs, output_dataset_name="kept", date_precision=True)
    names = ["id", "born", "born_precision", "seen", "seen_precision"]
    expected = [("P1", "year", "time"), ("P2", "month", "day"), ("P3", "day", "year"), ("P4", None, None)]
    rows = run_app.tables("kept")["patient"]
    assert list(rows[0]) == names
    assert [(row["id"], row["born_precision"], row["seen_precision"]) for row in rows] == expected
    record = run_app.store.find_record("kept")
    field = (
        parse_descriptor(run_app.store.read_descriptor(record)).dictionary.entities["patient"].by_name["born_precision"]
    )
    assert (field.type, field.coding_name) == ("string", "date_precision")
    assert main(["describe", "kept", "--project", str(run_app.project), "--dictionaries", str(tmp_path / "back")]) in (
        0,
        None,
    )
    back = {name: str(tmp_path / "back" / f"kept.{name}.csv") for name in ("data_dictionary", "codings")}
    again = {"data_files": inputs["data_files"], "output_dataset_name": "again", **back}
    with pytest.raises(FaultError, match="Set date_precision"):
        run_app("data_model_loader", **again)
    run_app("data_model_loader", **again, date_precision=True)
    assert run_app.tables("again")["patient"] == rows


def test_figures_of_a_quarantined_load_are_of_the_rows_that_were_loaded(run_app: Runner, write_files: Files) -> None:
    patients = "patient_id,sex,age\nP1,F,50\nP2,M,old\nP3,F,1\nP3,M,2\nP4,X,99\nP5,,60\n"
    visits = "visit_id,patient_id,seen\n1,P1,2024-01-01\n2,P2,2023-01-02\n3,,\n4,,soon\n"
    run_app("data_model_loader", **study(write_files, patients, visits, on_fault="quarantine", max_faulty_share=1))
    entities = json.loads((run_app.job_dir / "report.json").read_text())["entities"]
    exact = {"distinct_is_exact": True, "distinct_error": 0.0, "mean": None}
    assert entities["patient"]["rows"] == 2
    assert entities["patient"]["fields"] == {
        "patient_id": {"rows": 2, "nulls": 0, "distinct": 2, "min": "P1", "max": "P5", **exact},
        "sex": {"rows": 2, "nulls": 1, "distinct": 1, "min": "F", "max": "F", "top_codes": [{"code": "F", "rows": 1}], **exact},
        "age": {"rows": 2, "nulls": 0, "distinct": 2, "min": 50, "max": 60, **exact, "mean": 55.0},
    }  # fmt: skip
    assert entities["visit"]["rows"] == 2
    assert entities["visit"]["fields"] == {
        "visit_id": {"rows": 2, "nulls": 0, "distinct": 2, "min": 1, "max": 3, **exact, "mean": 2.0},
        "patient_id": {"rows": 2, "nulls": 1, "distinct": 1, "min": "P1", "max": "P1", **exact},
        "seen": {"rows": 2, "nulls": 1, "distinct": 1, "min": "2024-01-01", "max": "2024-01-01", **exact},
    }  # fmt: skip


def test_a_file_of_faulty_rows_alone_makes_an_empty_table_and_empty_figures(
    run_app: Runner, write_files: Files
) -> None:
    run_app("data_model_loader", **study(write_files, "patient_id,sex,age\nP1,X,1\n", "visit_id,patient_id,seen\n1,P1,\n",
                                         on_fault="quarantine", max_faulty_share=1))  # fmt: skip
    tables = run_app.tables("study")
    assert (tables["patient"], tables["visit"]) == ([], [])
    entities = json.loads((run_app.job_dir / "report.json").read_text())["entities"]
    fields = [field for entity in entities.values() for field in entity["fields"].values()]
    assert [(field["rows"], field["nulls"], field["distinct"]) for field in fields] == [(0, 0, 0)] * 6


def test_quarantine_does_not_cover_rows_that_cannot_be_read(run_app: Runner, write_files: Files) -> None:
    inputs = study(write_files, "patient_id,sex,age\nP1,F\nP2,M,old\n", on_fault="quarantine")
    assert [fault[0] for fault in refused(run_app, **inputs)] == [66, 70]


def test_validate_only_writes_the_report_and_nothing_else(run_app: Runner, write_files: Files) -> None:
    outputs = run_app("data_model_loader", **study(write_files, validate_only=True))
    assert list(outputs) == ["report"]
    assert (run_app.store.databases(), run_app.store.find_objects("record")) == ([], [])
    assert refused(run_app, **study(write_files, PATIENTS + "P4,X,1\n", validate_only=True)) == [
        (71, "patient.csv", 5, "patient", "sex", "X")
    ]


def more(write_files: Files, database: str, **inputs: Any) -> dict[str, Any]:
    files = write_files(
        data_dictionary__csv=DICTIONARY, codings__csv=CODINGS,
        patient__csv="patient_id,sex,age\nP4,F,20\n", visit__csv="visit_id,patient_id,seen\n9,P1,2025\n",
    )  # fmt: skip
    return given(files, database_id=database, output_dataset_name="again", **inputs)


def test_an_existing_table_stops_a_load_unless_a_mode_is_given(run_app: Runner, write_files: Files) -> None:
    database = run_app("data_model_loader", **study(write_files))["database"]
    with pytest.raises(FaultError) as caught:
        run_app("data_model_loader", **more(write_files, database))
    assert [(f.code, f.entity, f.value) for f in caught.value.faults] == [
        (81, "patient", "patient"),
        (81, "visit", "visit"),
    ]


def test_a_database_is_not_taken_for_another_of_that_name(run_app: Runner, write_files: Files) -> None:
    database = run_app("data_model_loader", **study(write_files))["database"]
    with pytest.raises(AppError, match=r"Error 80 .*is the database study_db, not other_db"):
        run_app("data_model_loader", **more(write_files, database, insert_mode="append", database_name="other_db"))


def test_append_adds_rows_and_checks_keys_and_references_over_old_and_new(run_app: Runner, write_files: Files) -> None:
    database = run_app("data_model_loader", **study(write_files))["database"]
    run_app("data_model_loader", **more(write_files, database, insert_mode="append"))
    tables = run_app.tables("again")
    assert sorted(row["patient_id"] for row in tables["patient"]) == ["P1", "P2", "P3", "P4"]
    assert sorted(row["visit_id"] for row in tables["visit"]) == [1, 2, 3, 9]
    with pytest.raises(FaultError) as caught:
        run_app(
            "data_model_loader", **more(write_files, database, insert_mode="append") | {"output_dataset_name": "third"}
        )
    assert [(f.code, f.file, f.line, f.value, f.text) for f in caught.value.faults] == [
        (74, "patient.csv", 2, "P4", "the key is also in the table as it stands"),
        (74, "visit.csv", 2, "9", "the key is also in the table as it stands"),
    ]
    assert sorted(row["visit_id"] for row in run_app.tables("again")["visit"]) == [1, 2, 3, 9]


def test_overwrite_replaces_the_tables_and_checks_what_refers_to_them(run_app: Runner, write_files: Files) -> None:
    database = run_app("data_model_loader", **study(write_files))["database"]
    with pytest.raises(FaultError) as caught:
        run_app("data_model_loader", **more(write_files, database, insert_mode="overwrite"))
    assert [(f.code, f.entity, f.value) for f in caught.value.faults] == [(75, "visit", "P1")]
    files = write_files(
        data_dictionary__csv=DICTIONARY, codings__csv=CODINGS, patient__csv="patient_id,sex,age\nP9,F,20\n",
        visit__csv="visit_id,patient_id,seen\n9,P9,2025\n",
    )  # fmt: skip
    run_app(
        "data_model_loader", **given(files, database_id=database, output_dataset_name="new", insert_mode="overwrite")
    )
    tables = run_app.tables("new")
    assert [row["patient_id"] for row in tables["patient"]] == ["P9"]
    assert [row["visit_id"] for row in tables["visit"]] == [9]


def test_a_table_that_differs_from_the_dictionary_is_refused_column_by_column(
    run_app: Runner, write_files: Files
) -> None:
    database = run_app("data_model_loader", **study(write_files))["database"]
    dictionary = DICTIONARY.replace("visit,seen,date", "visit,seen,datetime").replace("patient,age,", "patient,years,")
    files = write_files(
        data_dictionary__csv=dictionary,
        codings__csv=CODINGS,
        patient__csv=PATIENTS.replace("age", "years"),
        visit__csv=VISITS,
    )
    with pytest.raises(FaultError) as caught:
        run_app(
            "data_model_loader", **given(files, database_id=database, insert_mode="append", output_dataset_name="x")
        )
    assert [(f.code, f.entity, f.field) for f in caught.value.faults] == [
        (82, "patient", "years"),
        (82, "patient", ""),
        (82, "visit", "seen"),
    ]


def test_an_append_to_tables_that_are_divided_otherwise_is_refused(run_app: Runner, write_files: Files) -> None:
    database = run_app("data_model_loader", **study(write_files))["database"]
    with pytest.raises(FaultError) as caught:
        run_app("data_model_loader", **more(write_files, database, insert_mode="append", max_columns=2))
    assert [(f.code, f.entity, f.text) for f in caught.value.faults] == [
        (82, "patient", "its rows stand in patient, and would now be in patient_0001, patient_0002"),
        (82, "visit", "its rows stand in visit, and would now be in visit_0001, visit_0002"),
    ]


WIDE = """entity,name,type,primary_key_type,referenced_entity_field,relationship
p,id,string,global,,
p,f0,integer,,,
p,f1,integer,,,
p,f2,integer,,,
other,id,string,,p:id,many_to_one
"""


@pytest.mark.parametrize(
    ("before", "after", "tables", "outdated"),
    [
        (400, 2, {"p_0001": ["id", "f0"], "p_0002": ["id", "f1"], "p_0003": ["id", "f2"]}, "p"),
        (2, 400, {"p": ["id", "f0", "f1", "f2"]}, "p_0001, p_0002, p_0003"),
        (2, 3, {"p_0001": ["id", "f0", "f1"], "p_0002": ["id", "f2"]}, "p_0003"),
    ],
    ids=["cut", "joined", "fewer parts"],
)
def test_overwrite_leaves_no_table_of_another_division_of_its_entities(
    run_app: Runner, write_files: Files, before: int, after: int, tables: dict[str, list[str]], outdated: str
) -> None:
    files = write_files(data_dictionary__csv=WIDE, p__csv="id,f0,f1,f2\na,1,2,3\n", other__csv="id\na\n")
    database = run_app("data_model_loader", **given(files, max_columns=before))["database"]
    files = write_files(data_dictionary__csv=WIDE, p__csv="id,f0,f1,f2\na,4,5,6\n")
    again = {"database_id": database, "insert_mode": "overwrite", "output_dataset_name": "new"}
    run_app("data_model_loader", **given(files, max_columns=after) | again)
    found = run_app.tables("new")
    assert {name: list(rows[0]) for name, rows in found.items()} == {**tables, "other": ["id"]}
    joined = {key: value for name in tables for key, value in found[name][0].items()}
    assert joined == {"id": "a", "f0": 4, "f1": 5, "f2": 6}
    now = ", ".join(tables)
    assert (
        f"Warning: the rows of p stood in {outdated}, which {now} will replace; "
        "a Dataset that was made over the old tables must be made again"
    ) in run_app.shown.splitlines()


ENTITY, REFERRING = "entity,name,type,primary_key_type\n", WIDE.splitlines(keepends=True)[0]


@pytest.mark.parametrize(
    ("dictionary", "texts"),
    [
        (f"{REFERRING}p,id,string,global,,\np_0001,code,string,,p:id,many_to_one\n", {"p": "id\nx\n"}),
        (f"{ENTITY}p_0001,code,string,global\n", {}),
    ],
    ids=["beside the entity's own", "without the entity's key"],
)
def test_overwrite_leaves_a_table_of_another_dataset_that_is_named_like_a_part(
    run_app: Runner, write_files: Files, dictionary: str, texts: dict[str, str]
) -> None:
    files = {f"{name}__csv": text for name, text in {**texts, "p_0001": "code\nx\n"}.items()}
    database = run_app("data_model_loader", **given(write_files(data_dictionary__csv=dictionary, **files)))["database"]
    files = write_files(data_dictionary__csv=f"{ENTITY}p,id,string,global\n", p__csv="id\nnew\n")
    again = {"database_id": database, "insert_mode": "overwrite", "output_dataset_name": "new"}
    run_app("data_model_loader", **given(files) | again)
    assert run_app.tables("new") == {"p": [{"id": "new"}], "p_0001": [{"code": "x"}]}


def test_a_dataset_can_be_laid_over_tables_that_are_there(run_app: Runner, write_files: Files) -> None:
    database = run_app("data_model_loader", **study(write_files))["database"]
    inputs = study(write_files, database_id=database, output_dataset_name="same") | {"data_files": []}
    run_app("data_model_loader", **inputs)
    assert run_app.tables("same") == run_app.tables("study")


def test_the_same_input_gives_the_same_tables_and_descriptor_but_for_ids(run_app: Runner, write_files: Files) -> None:
    inputs = study(write_files)
    texts = []
    for name in ("one", "two"):
        outputs = run_app(
            "data_model_loader", **inputs | {"output_dataset_name": name, "database_name": "db", "dataset_schema": "s"}
        )
        store = run_app.store
        text = json.dumps(store.read_descriptor(store.find_record(outputs["dataset"])))
        database = store.find_database(outputs["database"])
        text = text.replace(database.unique_name, "<unique>").replace(database.id, "<id>")
        texts.append(text.replace(f'"{name}"', '"<name>"').replace(f": {name}", ": <name>"))
    assert texts[0] == texts[1]
    assert run_app.tables("one") == run_app.tables("two")


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"database_name": "../evil"}, 80),
        ({"database_name": "drop table x"}, 80),
        ({"output_dataset_name": "2024"}, 80),
        ({"output_dataset_name": "a\nb"}, 84),
        ({"output_dataset_name": " "}, 84),
        ({"delimiter": "ab"}, 90),
        ({"encoding": "klingon"}, 90),
        ({"encoding": "hex"}, 90),
        ({"encoding": "utf-16"}, 65),
        ({"max_columns": 1}, 16),
        ({"database_id": "study_db"}, 80),
        ({"database_id": "database-aaaaaaaaaaaaaaaaaaaaaaaa"}, 91),
    ],
)
def test_hostile_or_unfit_names_and_options_are_refused_by_number(
    planner: Runner, write_files: Files, inputs: dict[str, Any], code: int
) -> None:
    with pytest.raises(AppError) as caught:
        planner("data_model_loader", **study(write_files, **inputs))
    assert caught.value.code == code
    assert planner.store.find_objects("record") == []
