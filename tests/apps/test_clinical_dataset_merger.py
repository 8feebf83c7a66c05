"""The Clinical Dataset Merger from two Datasets to one, no row copied, and what it does with users' mistakes."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.dataset.database import Database
from common.dataset.descriptor import parse_descriptor, write_descriptor
from common.dataset.model import Dataset
from common.dictionary import Reference
from common.errors import AppError
from common.faults import FaultError
from common.platform import RecordDraft
from tests.apps.conftest import Runner

Files = Callable[..., dict[str, str]]
Load = Callable[..., dict[str, Any]]

HEADER = "entity,name,type,primary_key_type,coding_name,referenced_entity_field,relationship\n"
CLINIC = """patient,patient_id,string,global,,,
patient,sex,string,,sexes,,
patient,doctor,integer,,,,
visit,visit_id,integer,local,,,
visit,patient_id,string,,,patient:patient_id,many_to_one
"""
CLINIC_FILES = {
    "patient": "patient_id,sex,doctor\nP1,F,1\nP2,M,1\nP3,F,2\n",
    "visit": "visit_id,patient_id\n1,P1\n2,P1\n3,P2\n",
}
LAB = """donor,donor_id,string,global,,,
donor,sex,string,,sexes,,
tube,tube_id,integer,local,,,
tube,donor_id,string,,,donor:donor_id,many_to_one
tube,visit,integer,,,,
tube,patient,string,,,,
"""
LAB_FILES = {
    "donor": "donor_id,sex\nP1,F\nP2,M\nP7,F\n",
    "tube": "tube_id,donor_id,visit,patient\n10,P1,1,P1\n11,P1,1,P1\n12,P7,9,P8\n",
}
WARD = "bed,bed_id,string,global,,,\nbed,visit_id,integer,,,,\n"
WARD_FILES = {"bed": "bed_id,visit_id\nB1,1\nB2,3\nB3,\n"}
SEXES = "coding_name,code,meaning\nsexes,F,Female\nsexes,M,Male\n"


@pytest.fixture
def load(run_app: Runner, write_files: Files) -> Load:
    """`load(name, fields, files, codings)` makes a Dataset."""

    def load_dataset(name: str, fields: str, data: dict[str, str], codings: str = SEXES) -> dict[str, Any]:
        files = write_files(
            data_dictionary__csv=HEADER + fields,
            codings__csv=codings,
            **{f"{key}__csv": text for key, text in data.items()},
        )
        return run_app(
            "data_model_loader", data_dictionary=files["data_dictionary.csv"], codings=files["codings.csv"],
            data_files=[files[f"{key}.csv"] for key in data], output_dataset_name=name,
        )  # fmt: skip

    return load_dataset


@pytest.fixture
def clinic_and_lab(run_app: Runner, load: Load) -> Runner:
    """A project with the Datasets `clinic` and `lab`."""
    load("clinic", CLINIC, CLINIC_FILES)
    load("lab", LAB, LAB_FILES)
    return run_app


def merge(runner: Runner, source: str = "lab", target: str = "clinic", **more: Any) -> dict[str, Any]:
    return runner("clinical_dataset_merger", source_dataset=source, target_dataset=target, **more)


def dataset(runner: Runner, name: str) -> Dataset:
    return parse_descriptor(runner.store.read_descriptor(runner.store.find_record(name)))


def reference(runner: Runner, name: str, entity: str, field: str) -> Reference | None:
    return dataset(runner, name).dictionary.entities[entity].by_name[field].reference


def refused(runner: Runner, **more: Any) -> list[tuple[int, str, str]]:
    records = len(runner.store.find_objects("record"))
    with pytest.raises(FaultError) as caught:
        merge(runner, **more)
    assert len(runner.store.find_objects("record")) == records
    return [(each.code, each.entity, each.field) for each in caught.value.faults]


def data_files(runner: Runner) -> dict[str, tuple[int, int]]:
    """Every file of every table, with its size and time."""
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in (runner.project / "databases").rglob("*")
        if path.is_file()
    }


def test_two_datasets_are_linked_by_their_global_keys_and_no_row_is_copied(clinic_and_lab: Runner) -> None:
    before = data_files(clinic_and_lab)
    merge(clinic_and_lab)
    assert data_files(clinic_and_lab) == before
    merged = dataset(clinic_and_lab, "clinic_merged")
    assert list(merged.dictionary.entities) == ["patient", "visit", "donor", "tube"]
    donor_id = merged.dictionary.entities["donor"].by_name["donor_id"]
    assert (donor_id.primary_key_type, donor_id.reference) == (
        "local",
        Reference("patient", "patient_id", "one_to_one"),
    )
    assert merged.dictionary.main_entity.name == "patient"
    assert merged.schema == "ds-clinic"
    assert list(merged.dictionary.codings) == ["sexes"]
    names = [next(iter(each)) for each in clinic_and_lab.store.find_record("clinic_merged").details["databases"]]
    assert names == ["clinic_db", "lab_db"]


def test_matched_and_unmatched_ids_of_both_sides_are_told(clinic_and_lab: Runner) -> None:
    outputs = merge(clinic_and_lab)
    told = json.loads(clinic_and_lab.store.file_path(outputs["report"]["$dnanexus_link"]).read_text())
    assert told["link"] == {
        "source_entity": "donor", "source_field": "donor_id", "target_entity": "patient", "target_field": "patient_id",
        "relationship": "one_to_one", "is_inferred": True,
        "source": {"rows": 3, "ids": 3, "matched": 2, "unmatched": 1},
        "target": {"rows": 3, "ids": 3, "matched": 2, "unmatched": 1},
    }  # fmt: skip
    assert (told["new_entities"], told["shared_codings"], told["new_codings"]) == (
        {"donor": 2, "tube": 4},
        ["sexes"],
        [],
    )
    lines = [" ".join(line.split()) for line in clinic_and_lab.shown.splitlines()]
    assert "source donor.donor_id 3 3 2 1" in lines
    assert "target patient.patient_id 3 3 2 1" in lines
    assert "tube source 4" in lines


@pytest.mark.parametrize(
    ("given", "linked", "expected"),
    [
        ({"source_entity_name": "tube", "source_field_name": "visit", "target_entity_name": "visit"},
         ("tube", "visit"), Reference("visit", "visit_id", "many_to_one")),
        ({"source_entity_name": "tube", "source_field_name": "patient"},
         ("tube", "patient"), Reference("patient", "patient_id", "many_to_one")),
        ({"source": "clinic", "target": "lab"}, ("patient", "patient_id"), Reference("donor", "donor_id", "one_to_one")),
        ({"relationship": "many_to_one"}, ("donor", "donor_id"), Reference("patient", "patient_id", "many_to_one")),
    ],
)  # fmt: skip
def test_any_field_may_link_to_any_unique_one_in_both_directions(
    clinic_and_lab: Runner, given: dict[str, Any], linked: tuple[str, str], expected: Reference
) -> None:
    merge(clinic_and_lab, output_dataset_name="both", **given)
    assert reference(clinic_and_lab, "both", *linked) == expected


def test_three_datasets_are_joined_by_two_runs(clinic_and_lab: Runner, load: Load, spark: Any) -> None:
    load("ward", WARD, WARD_FILES)
    merge(clinic_and_lab, output_dataset_name="two")
    merge(
        clinic_and_lab,
        "ward",
        "two",
        source_field_name="visit_id",
        target_entity_name="visit",
        output_dataset_name="three",
    )
    merged = dataset(clinic_and_lab, "three")
    assert list(merged.dictionary.entities) == ["patient", "visit", "donor", "tube", "bed"]
    assert reference(clinic_and_lab, "three", "bed", "visit_id") == Reference("visit", "visit_id", "one_to_one")
    assert len(clinic_and_lab.store.find_record("three").details["databases"]) == 3
    rows = join(clinic_and_lab, merged, spark, ("bed", "bed_id"), ("visit", "visit_id"), ("patient", "patient_id"))
    assert rows == [("B1", 1, "P1"), ("B2", 3, "P2"), ("B3", None, None)]


def join(runner: Runner, of: Dataset, spark: Any, *fields: tuple[str, str]) -> list[tuple[Any, ...]]:
    """The rows that the descriptor's joins give, in SQL by path, from the first entity outwards."""
    folder, tables, sql = runner.project / "databases", {}, ""
    for entity, field in fields:
        mapping = of.mappings[entity, field]
        tables[entity] = f"parquet.`{folder}/{mapping.database_unique_name}/{mapping.table}` AS {entity}"
        if sql:
            child = list(tables)[-2]
            refer = next(
                each
                for each in of.dictionary.entities[child].fields
                if each.reference and each.reference.entity == entity
            )
            sql += f" LEFT JOIN {tables[entity]} ON {child}.{refer.name} = {entity}.{refer.reference.field}"  # type: ignore[union-attr]
        else:
            sql = f" FROM {tables[entity]}"
    shown = ", ".join(f"{entity}.{field}" for entity, field in fields)
    return [tuple(row) for row in spark.sql(f"SELECT {shown}{sql} ORDER BY 1").collect()]


def test_the_targets_assays_stay_and_the_sources_are_left_out_with_a_warning(clinic_and_lab: Runner) -> None:
    for name in ("clinic", "lab"):
        add_assay(clinic_and_lab, name)
    outputs = merge(clinic_and_lab, "lab_assayed", "clinic_assayed")
    assert [assay.name for assay in dataset(clinic_and_lab, "clinic_assayed_merged").assays] == ["assay of clinic"]
    told = json.loads(clinic_and_lab.store.file_path(outputs["report"]["$dnanexus_link"]).read_text())
    assert (told["assays"], told["assays_left_out"]) == (["assay of clinic"], ["assay of lab"])
    assert told["warnings"] == ["assay assay of lab of lab is left out; the Assay Dataset Merger adds assays"]


def add_assay(runner: Runner, name: str) -> None:
    """The Dataset once more, as `<name>_assayed`."""
    target = dataset(runner, name)
    assay = {"name": f"assay of {name}", "uuid": "1", "generalized_assay_model": "molecular_expression", "entities": {}}
    mapping = next(iter(target.mappings.values()))
    database = Database(mapping.database_id, mapping.database_name, mapping.database_unique_name)
    staging = runner.store.stage(None)
    staging.publish([], RecordDraft(f"{name}_assayed", {**write_descriptor(target), "assays": [assay]}, target.schema, [database]), {})  # fmt: skip
    staging.close()


def test_clashing_names_are_refused_or_get_the_prefix(clinic_and_lab: Runner, load: Load) -> None:
    fields = "donor,donor_id,string,global,,,\nvisit,visit_no,integer,local,,,\nvisit,donor_id,string,,,donor:donor_id,many_to_one\nvisit,sex,string,,sexes,,\n"  # fmt: skip
    data = {"donor": "donor_id\nP1\n", "visit": "visit_no,donor_id,sex\n7,P1,F\n"}
    load("other", fields, data, codings="coding_name,code,meaning\nsexes,F,f\nsexes,M,m\n")
    assert refused(clinic_and_lab, source="other") == [(312, "visit", ""), (313, "", "")]
    merge(clinic_and_lab, "other", on_name_clash="prefix", prefix="old_", output_dataset_name="prefixed")
    merged = dataset(clinic_and_lab, "prefixed")
    assert list(merged.dictionary.entities) == ["patient", "visit", "donor", "old_visit"]
    assert merged.dictionary.entities["old_visit"].by_name["sex"].coding_name == "old_sexes"
    assert {name: [code.meaning for code in coding.codes] for name, coding in merged.dictionary.codings.items()} == {
        "sexes": ["Female", "Male"],
        "old_sexes": ["f", "m"],
    }
    assert reference(clinic_and_lab, "prefixed", "old_visit", "donor_id") == Reference(
        "donor", "donor_id", "many_to_one"
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"source_entity_name": "tubes"}, [(301, "", "source_entity_name")]),
        ({"target_field_name": "patientid"}, [(301, "patient", "target_field_name")]),
        ({"source_entity_name": "tube", "source_field_name": "visit"}, [(302, "tube", "visit")]),
        ({"source_entity_name": "tube", "source_field_name": "donor_id"}, [(46, "tube", "donor_id")]),
        ({"source_entity_name": "tube", "source_field_name": "visit", "target_field_name": "doctor"},
         [(303, "patient", "doctor")]),
        ({"source_entity_name": "tube", "target_entity_name": "visit"}, [(310, "tube", "tube_id")]),
        ({"source_entity_name": "tube", "source_field_name": "patient", "relationship": "one_to_one"},
         [(311, "tube", "patient")]),
        ({"source_entity_name": "donor", "source_field_name": "sex", "target_field_name": "sex",
          "relationship": "one_to_one"}, [(303, "patient", "sex"), (311, "donor", "sex")]),
    ],
)  # fmt: skip
def test_a_link_that_cannot_be_gets_its_number(
    clinic_and_lab: Runner, given: dict[str, Any], expected: list[tuple[int, str, str]]
) -> None:
    assert refused(clinic_and_lab, **given) == expected


def test_a_prefix_must_be_given_where_it_is_asked_for(clinic_and_lab: Runner) -> None:
    with pytest.raises(AppError) as caught:
        merge(clinic_and_lab, on_name_clash="prefix")
    assert caught.value.code == 90


def test_extended_entities_can_be_merged(clinic_and_lab: Runner, write_files: Files) -> None:
    path = write_files(s__csv="id,score\nP1,3\n")["s.csv"]
    clinic_and_lab("dataset_extender", source_data=path, target_dataset="lab", output_dataset_name="scored")
    merge(clinic_and_lab, "scored")
    merged = dataset(clinic_and_lab, "clinic_merged")
    assert merged.mappings["donor", "score"].table == "donor_0002"
    assert len(clinic_and_lab.store.find_record("clinic_merged").details["databases"]) == 3


@pytest.fixture
def examples(run_app: Runner, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """A project in which all examples of the two apps were run, as their Readmes say."""
    root = Path(__file__).resolve().parents[2]
    monkeypatch.chdir(root)
    for app, name in (
        ("data_model_loader", "data_model_loader/examples/job_input.json"),
        ("data_model_loader", "clinical_dataset_merger/examples/load_source.json"),
        ("clinical_dataset_merger", "clinical_dataset_merger/examples/job_input.json"),
        ("dataset_extender", "dataset_extender/examples/job_input.json"),
        ("dataset_extender", "dataset_extender/examples/new_entity.json"),
    ):
        run_app(app, **json.loads((root / "apps" / name).read_text(encoding="utf-8")))
    return run_app


def test_dxpy_reads_a_merged_and_an_extended_dataset(examples: Runner, tmp_path: Path) -> None:
    merged = read_with_dxpy(examples, "hospital_and_trial", tmp_path)
    assert [row["entity"] for row in merged if row["primary_key_type"] == "global"] == ["patient"]
    referring = {
        f"{row['entity']}.{row['name']}": row["referenced_entity_field"] for row in merged if row["relationship"]
    }
    assert referring == {
        "patient.hospital_id": "hospital:hospital_id", "encounter.patient_id": "patient:patient_id",
        "test.encounter_id": "encounter:encounter_id", "volunteer.volunteer_id": "patient:patient_id",
        "measurement.volunteer_id": "volunteer:volunteer_id",
    }  # fmt: skip
    extended = read_with_dxpy(examples, "hospital_specimens", tmp_path)
    shown = {
        f"{row['entity']}.{row['name']}": (row["type"], row["coding_name"], row["folder_path"]) for row in extended
    }
    assert shown["patient.risk_score"] == ("float", "", "Derived > Scores")
    assert shown["specimen.material"] == ("string", "specimen_material", "")
    assert [(row["entity"], row["relationship"]) for row in extended if row["name"] == "patient_id"] == [
        ("patient", ""), ("encounter", "many_to_one"), ("specimen", "many_to_one"),
    ]  # fmt: skip


def read_with_dxpy(runner: Runner, name: str, folder: Path) -> list[dict[str, str]]:
    """The data dictionary that dxpy's own classes write of a record's descriptor."""
    import pandas as pd
    from dxpy.cli import dataset_utilities

    dataset_utilities.pd = pd  # the module imports pandas in its command only
    details = runner.store.find_record(name).details
    paths = [folder / f"{name}.{kind}.csv" for kind in ("data", "entities", "codings")]
    with runner.store.file_path(details["descriptor"]["$dnanexus_link"]).open("rb") as file:
        descriptor = dataset_utilities.DXDatasetDescriptor(file, schema=details["schema"])
    descriptor.get_dictionary().write(*map(str, paths))
    with paths[0].open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
