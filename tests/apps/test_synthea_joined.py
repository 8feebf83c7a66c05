"""Synthea's tables joined by several runs give the same rows and references as one load of all tables."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from common.dataset.descriptor import parse_descriptor
from common.dataset.model import Dataset
from tests.apps.conftest import Runner

DICTIONARIES = Path(__file__).resolve().parents[1] / "data" / "synthea"
ENTITIES = (
    "patients", "organizations", "payers", "providers", "encounters", "conditions", "observations", "medications", "procedures",
    "allergies", "careplans", "immunizations",
)  # fmt: skip


@pytest.fixture
def project(run_app: Runner, shared_data: Path, tmp_path: Path) -> Runner:
    """A project with the Datasets `whole`, `core` (less care plans and immunizations) and `plans` (care plans alone)."""
    load(run_app, shared_data, tmp_path, "whole", ENTITIES)
    load(run_app, shared_data, tmp_path, "core", ENTITIES[:-2])
    load(run_app, shared_data, tmp_path, "plans", ("careplans",))
    return run_app


def load(runner: Runner, shared_data: Path, folder: Path, name: str, entities: tuple[str, ...]) -> None:
    """A Dataset of some entities, the first of them its main one, without references to others."""
    with (DICTIONARIES / "data_dictionary.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["entity"] in entities]
    for row in rows:
        if row["referenced_entity_field"].partition(":")[0] not in entities:
            row["referenced_entity_field"] = row["relationship"] = ""
        if row["entity"] == entities[0] and row["primary_key_type"]:
            row["primary_key_type"] = "global"
    dictionary = folder / f"{name}.csv"
    with dictionary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    runner(
        "data_model_loader", data_dictionary=str(dictionary), codings=str(DICTIONARIES / "codings.csv"),
        output_dataset_name=name, data_files=[str(shared_data / "synthea" / f"{each}.csv") for each in entities],
    )  # fmt: skip


def dataset(runner: Runner, name: str) -> Dataset:
    return parse_descriptor(runner.store.read_descriptor(runner.store.find_record(name)))


def rows_of(runner: Runner, of: Dataset, entity: str, fields: list[str]) -> list[tuple[str, ...]]:
    """The rows of an entity as text, sorted, read from where the descriptor says that they are stored."""
    (table,) = {of.mappings[entity, field].table for field in fields}
    database = runner.store.find_database(of.mappings[entity, fields[0]].database_id)
    found: list[dict[str, Any]] = []
    for path in runner.store.table_files(database, table):
        found += pq.read_table(path, columns=fields).to_pylist()
    return sorted(tuple(str(row[field]) for field in fields) for row in found)


def references(of: Dataset) -> set[tuple[str, str, str, str, str]]:
    return {
        (entity.name, field.name, field.reference.entity, field.reference.field, field.reference.relationship)
        for entity in of.dictionary.entities.values()
        for field in entity.fields
        if field.reference
    }


def test_extending_and_merging_give_the_rows_of_a_single_load(
    project: Runner, shared_data: Path, tmp_path: Path
) -> None:
    phenotypes = tmp_path / "phenotypes.csv"
    conditions = f"read_csv('{shared_data}/synthea/conditions.csv', all_varchar = true)"
    derived = f"""SELECT PATIENT, count(*) AS condition_count, min(START) AS first_condition,
                  count(*) / count(DISTINCT ENCOUNTER) AS per_encounter FROM {conditions} GROUP BY 1 ORDER BY 1"""
    duckdb.sql(f"COPY ({derived}) TO '{phenotypes}' (HEADER)")
    project(
        "dataset_extender", source_data=str(phenotypes), target_dataset="core", output_dataset_name="with_phenotypes"
    )
    project(
        "dataset_extender", source_data=str(shared_data / "synthea" / "immunizations.csv"), target_dataset="with_phenotypes",
        target_entity_name="encounters", new_entity_name="immunizations", key_column="ENCOUNTER",
        output_dataset_name="with_immunizations",
    )  # fmt: skip
    project(
        "clinical_dataset_merger", source_dataset="plans", target_dataset="with_immunizations",
        source_field_name="ENCOUNTER", target_entity_name="encounters", relationship="many_to_one", output_dataset_name="joined",
    )  # fmt: skip
    whole, joined = dataset(project, "whole"), dataset(project, "joined")
    assert set(joined.dictionary.entities) == set(ENTITIES)
    assert joined.dictionary.main_entity.name == "patients"
    assert references(joined) == references(whole)
    for name, entity in whole.dictionary.entities.items():
        fields = [field.name for field in entity.fields]
        assert rows_of(project, joined, name, fields) == rows_of(project, whole, name, fields), name
    new = ["condition_count", "first_condition", "per_encounter"]
    types = [joined.dictionary.entities["patients"].by_name[name].type for name in new]
    assert types == ["integer", "date", "float"]
    expected = sorted(tuple(str(value) for value in row[1:]) for row in duckdb.sql(derived).fetchall())
    assert rows_of(project, joined, "patients", new) == expected


def test_the_core_joins_a_dataset_that_it_refers_to(project: Runner, shared_data: Path, tmp_path: Path) -> None:
    without = tuple(name for name in ENTITIES if name not in ("providers", "organizations"))
    load(project, shared_data, tmp_path, "clinical", without)
    load(project, shared_data, tmp_path, "facilities", ("providers", "organizations"))
    project(
        "clinical_dataset_merger", source_dataset="clinical", target_dataset="facilities",
        source_entity_name="encounters", source_field_name="PROVIDER", output_dataset_name="turned",
    )  # fmt: skip
    whole, turned = dataset(project, "whole"), dataset(project, "turned")
    assert turned.dictionary.main_entity.name == "providers"
    assert references(turned) == references(whole)
    for name, entity in whole.dictionary.entities.items():
        fields = [field.name for field in entity.fields]
        assert rows_of(project, turned, name, fields) == rows_of(project, whole, name, fields), name
