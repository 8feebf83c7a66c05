from __future__ import annotations

import pyarrow as pa
import pytest

from common.dataset.layout import build_dataset, plan_tables
from common.dataset.model import ColumnMapping, Join
from common.dictionary.model import DataDictionary, Entity, Field
from common.errors import AppError
from tests.unit.dataset.example_dataset import DATABASE, DICTIONARY, build_example

DB = DATABASE.unique_name


def columns(max_columns: int) -> dict[str, list[str]]:
    return {plan.table: [column.name for column in plan.columns] for plan in plan_tables(DICTIONARY, max_columns)}


def numbered(name: str, count: int, key: str = "") -> DataDictionary:
    fields = [Field(name, "id", "string", key), *(Field(name, f"f{number}", "string") for number in range(count))]
    return DataDictionary({name: Entity(name, tuple(fields))}, {})


def test_an_entity_that_fits_is_one_table_of_its_name_in_dictionary_order() -> None:
    assert columns(6) == {
        "patient": ["sex", "patient_id", "hospital_id", "site", "site_hierarchy", "born"],
        "visit": ["visit_id", "patient_id", "seen_at", "dose", "symptoms"],
        "hospital": ["hospital_id", "sex"],
    }


def test_a_wide_entity_is_cut_by_fields_into_parts_that_begin_with_the_key() -> None:
    assert columns(4) == {
        "patient_0001": ["patient_id", "sex", "hospital_id", "site", "site_hierarchy"],
        "patient_0002": ["patient_id", "born"],
        "visit_0001": ["visit_id", "patient_id", "seen_at", "dose"],
        "visit_0002": ["visit_id", "symptoms"],
        "hospital": ["hospital_id", "sex"],
    }


def test_two_columns_hold_the_key_and_one_field_with_its_companion() -> None:
    assert list(columns(2).items())[:4] == [
        ("patient_0001", ["patient_id", "sex"]),
        ("patient_0002", ["patient_id", "hospital_id"]),
        ("patient_0003", ["patient_id", "site", "site_hierarchy"]),
        ("patient_0004", ["patient_id", "born"]),
    ]


@pytest.mark.parametrize(("fields", "parts"), [(399, [400]), (400, [400, 2]), (798, [400, 400]), (799, [400, 400, 2])])
def test_the_key_counts_towards_the_limit(fields: int, parts: list[int]) -> None:
    plans = plan_tables(numbered("wide", fields, "global"), 400)
    assert [len(plan.columns) for plan in plans] == parts


def test_a_wide_entity_without_a_key_is_refused() -> None:
    with pytest.raises(AppError, match="entity wide has 5 fields, more than 4, and no primary key") as refused:
        plan_tables(numbered("wide", 4), 4)
    assert refused.value.code == 47


def test_an_entity_named_like_a_part_of_another_is_refused() -> None:
    wide, other = numbered("wide", 4, "global"), numbered("Wide_0002", 1)
    with pytest.raises(AppError, match="would both be table") as refused:
        plan_tables(DataDictionary({**wide.entities, **other.entities}, {}), 4)
    assert refused.value.code == 20


def test_arrow_types_follow_field_types() -> None:
    patient, visit, _ = plan_tables(DICTIONARY, 6)
    assert patient.arrow_schema == pa.schema(
        [
            ("sex", pa.int64()),
            ("patient_id", pa.string()),
            ("hospital_id", pa.int64()),
            ("site", pa.string()),
            ("site_hierarchy", pa.list_(pa.string())),
            ("born", pa.date32()),
        ]
    )
    assert visit.arrow_schema.types[2:] == [pa.timestamp("us", tz="UTC"), pa.float64(), pa.list_(pa.string())]


def test_every_field_is_mapped_to_its_part_and_the_key_to_the_first() -> None:
    mappings = build_example().mappings
    assert {key: (each.table, each.column, each.sql_type) for key, each in mappings.items()} == {
        ("patient", "patient_id"): ("patient_0001", "patient_id", "string"),
        ("patient", "sex"): ("patient_0001", "sex", "bigint"),
        ("patient", "hospital_id"): ("patient_0001", "hospital_id", "bigint"),
        ("patient", "site"): ("patient_0001", "site", "string"),
        ("patient", "born"): ("patient_0002", "born", "date"),
        ("visit", "visit_id"): ("visit_0001", "visit_id", "bigint"),
        ("visit", "patient_id"): ("visit_0001", "patient_id", "string"),
        ("visit", "seen_at"): ("visit_0001", "seen_at", "timestamp"),
        ("visit", "dose"): ("visit_0001", "dose", "double"),
        ("visit", "symptoms"): ("visit_0002", "symptoms", "array<string>"),
        ("hospital", "hospital_id"): ("hospital", "hospital_id", "bigint"),
        ("hospital", "sex"): ("hospital", "sex", "bigint"),
    }
    assert mappings["hospital", "sex"] == ColumnMapping(DATABASE.id, "trial_db", DB, "hospital", "sex", "bigint")


def test_parts_are_joined_one_to_one_and_references_point_from_the_parent_to_the_child() -> None:
    assert build_example().joins == (
        Join(f"{DB}$patient_0001$patient_id", f"{DB}$patient_0002$patient_id", "one_to_one"),
        Join(f"{DB}$visit_0001$visit_id", f"{DB}$visit_0002$visit_id", "one_to_one"),
        Join(f"{DB}$hospital$hospital_id", f"{DB}$patient_0001$hospital_id", "many_to_one"),
        Join(f"{DB}$patient_0001$patient_id", f"{DB}$visit_0001$patient_id", "many_to_one"),
    )


def test_a_dataset_carries_what_it_was_given() -> None:
    dataset = build_dataset("Trial", "A trial", "ds-trial", DICTIONARY, DATABASE, 400)
    assert (dataset.name, dataset.description, dataset.schema, dataset.assays) == ("Trial", "A trial", "ds-trial", ())
    assert dataset.dictionary == DICTIONARY
