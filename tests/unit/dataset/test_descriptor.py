from __future__ import annotations

import gzip
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.dataset.descriptor import parse_assay, parse_descriptor, write_descriptor
from common.dataset.layout import build_dataset
from common.dataset.model import Dataset
from common.dictionary.model import Code, Coding, DataDictionary, Entity, Field, Reference
from common.errors import AppError
from common.platform import Record, records
from tests.unit.dataset.example_dataset import DATABASE, build_example

DB = DATABASE.unique_name
ASSAY = {
    "name": "a", "uuid": "u", "generalized_assay_model": "genetic_variant",
    "entities": {"genotype": {"primary_key": None, "fields": {
        "type": {"type": "string", "mapping": {
            "database_id": "database-" + "b" * 24, "database_name": "assay_db", "table": "genotype", "column": "type",
        }},
        "note": {"type": "string", "mapping": None},
    }}},
}  # fmt: skip


def read(descriptor: object) -> Dataset:
    """As from a descriptor file."""
    return parse_descriptor(
        records.unpack_descriptor(gzip.compress(json.dumps(descriptor).encode()), Record("", "d", {}))
    )


def test_a_field_is_written_with_every_key_null_or_not() -> None:
    entities = write_descriptor(build_example())["model"]["entities"]
    assert entities["visit"]["fields"]["dose"] == {
        "name": "dose", "type": "double", "title": "dose", "description": None, "concept": None, "units": "mg",
        "linkout": "https://x.org/", "folder_path": [], "coding_name": "dose_missing", "is_sparse_coding": True,
        "is_multi_select": False, "is_hierarchical": False, "longitudinal_axis_type": None, "attributes": {},
        "mapping": {"database_name": "trial_db", "database_unique_name": DB, "database_id": DATABASE.id,
                    "table": "visit_0001", "column": "dose", "column_sql_type": "double"},
    }  # fmt: skip
    assert entities["patient"]["fields"]["site"]["is_hierarchical"] is True
    assert entities["patient"]["fields"]["born"]["attributes"] == {"source": "EHR"}


def test_an_entity_is_written_with_every_key_null_or_not() -> None:
    entities = write_descriptor(build_example())["model"]["entities"]
    assert {key: value for key, value in entities["visit"].items() if key != "fields"} == {
        "name": "visit", "entity_title": "Visits", "entity_label_singular": None, "entity_label_plural": None,
        "entity_description": None, "primary_key": "visit_id", "is_main_entity": False,
    }  # fmt: skip
    assert [name for name, entity in entities.items() if entity["is_main_entity"]] == ["patient"]
    assert list(entities["patient"]["fields"]) == ["sex", "patient_id", "hospital_id", "site", "born"]
    assert entities["hospital"]["entity_title"] == "hospital"


def test_codings_are_embedded_flat_or_as_a_tree_with_all_concepts_or_none() -> None:
    codings = write_descriptor(build_example())["model"]["codings"]
    assert codings["sex"] == {
        "name": "sex", "codes_to_meanings": {"2": "Female", "1": "Male"}, "codes_to_concepts": {}, "display": ["2", "1"],
    }  # fmt: skip
    assert codings["dose_missing"]["codes_to_concepts"] == {"-1": "C17998", "-2": None}
    assert codings["site"]["display"] == [{"EU": [{"FR": ["FR-75"]}, "DE"]}, "XX"]


def test_the_descriptor_says_what_it_is_of() -> None:
    descriptor = write_descriptor(replace(build_example(), assays=(parse_assay(ASSAY),)))
    assert list(descriptor) == ["name", "description", "version", "schema", "databases", "model", "join_info", "assays"]
    assert [descriptor[key] for key in ("name", "description", "version", "schema")] == [
        "Trial",
        "A trial",
        "3.0",
        "ds-trial",
    ]
    assert descriptor["model"]["global_primary_key"] == {"entity": "patient", "field": "patient_id"}
    assert descriptor["databases"] == [
        {"trial_db": {"$dnanexus_link": DATABASE.id}},
        {"assay_db": {"$dnanexus_link": "database-" + "b" * 24}},
    ]
    assert descriptor["assays"] == [ASSAY]
    assert descriptor["join_info"][2] == {
        "joins": [{"from": f"{DB}$hospital$hospital_id", "to": f"{DB}$patient_0001$hospital_id"}],
        "relationship": "many_to_one",
    }


@pytest.mark.parametrize("max_columns", [2, 3, 4, 400])
def test_a_descriptor_read_back_is_the_dataset_that_was_written(max_columns: int) -> None:
    dataset = replace(build_example(max_columns), assays=(parse_assay(ASSAY),))
    assert parse_descriptor(json.loads(json.dumps(write_descriptor(dataset)))) == dataset


def test_order_of_entities_fields_and_codings_is_kept() -> None:
    read = parse_descriptor(json.loads(json.dumps(write_descriptor(build_example()))))
    assert list(read.dictionary.entities) == ["patient", "visit", "hospital"]
    assert list(read.dictionary.codings) == ["sex", "site", "dose_missing", "symptom"]


def test_titles_and_display_orders_take_their_normal_form() -> None:
    coding = Coding("c", (Code("x", "X", display_order=10), Code("y", "Y")))
    field = Field("e", "id", "string", "global", coding_name="c", title="id")
    dictionary = DataDictionary({"e": Entity("e", (field,), title="e")}, {"c": coding})
    read = parse_descriptor(write_descriptor(build_dataset("n", "", "s", dictionary, DATABASE, 400))).dictionary
    assert (read.entities["e"].title, read.entities["e"].fields[0].title) == ("", "")
    assert [code.display_order for code in read.codings["c"].codes] == [1, 2]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@st.composite
def codings(draw: st.DrawFn) -> Coding:
    """A coding with any parents, its codes depth first."""
    names = draw(st.lists(texts.filter(bool), min_size=1, max_size=8, unique=True))
    children: dict[str, list[str]] = {"": []}
    for name in names:
        children[draw(st.sampled_from(list(children)))].append(name)
        children[name] = []
    ordered: list[tuple[str, str]] = []
    waiting = [(name, "") for name in reversed(children[""])]
    while waiting:
        name, parent = waiting.pop()
        ordered.append((name, parent))
        waiting += [(child, name) for child in reversed(children[name])]
    return Coding(
        "c", tuple(Code(n, draw(texts), draw(texts), order, p) for order, (n, p) in enumerate(ordered, start=1))
    )


@given(
    coding=codings(),
    title=texts,
    concept=texts,
    path=st.lists(texts, max_size=3),
    attributes=st.dictionaries(texts, texts),
)
def test_any_texts_and_any_tree_survive(
    coding: Coding, title: str, concept: str, path: list[str], attributes: dict[str, str]
) -> None:
    key = Field("e", "key", "integer", "global")
    coded = Field(
        "e", "coded", "string", coding_name="c", concept=concept, folder_path=tuple(path), title=title, attributes=attributes,
        reference=Reference("e", "key", "one_to_one"),
    )  # fmt: skip
    dictionary = DataDictionary({"e": Entity("e", (key, coded))}, {"c": coding})
    dataset = build_dataset("n", "d", "s", dictionary, DATABASE, 400)
    assert parse_descriptor(json.loads(json.dumps(write_descriptor(dataset)))) == dataset


def test_a_descriptor_of_the_least_that_clients_read_is_understood() -> None:
    mapping = {"database_name": "old_db", "database_id": "database-" + "C" * 24, "table": "t", "column": "id"}
    read = parse_descriptor(
        {
            "model": {
                "global_primary_key": {"entity": "e", "field": "id"},
                "entities": {
                    "e": {"primary_key": "id", "fields": {"id": {"type": "string", "mapping": mapping}}},
                    "f": {
                        "fields": {"e_id": {"type": "string", "mapping": {**mapping, "table": "u", "column": "e_id"}}}
                    },
                },
            },
            "join_info": [{"joins": [{"from": "old_db$t$id", "to": "old_db$u$e_id"}], "relationship": "many_to_one"}],
            "assays": [],
        }
    )
    assert read.dictionary.entities["f"].fields[0].reference == Reference("e", "id", "many_to_one")
    assert read.mappings["e", "id"].database_unique_name == "database_" + "c" * 24 + "__old_db"
    assert read.dictionary.main_entity.name == "e"


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        (["model"], None, 'model: null is not of type "object"'),
        (["assays"], None, 'assays: null is not of type "array"'),
        (["model", "entities"], [], 'model.entities: [] is not of type "object"'),
        (["model", "global_primary_key", "field"], "sex", "global_primary_key"),
        (["model", "entities", "patient", "fields"], None, "model.entities.patient.fields: null is not"),
        (["model", "entities", "patient", "entity_title"], ["a"], 'model.entities.patient.entity_title: ["a"] is not'),
        (["model", "entities", "patient", "fields", "sex", "mapping"], None, "patient.fields.sex.mapping: null is not"),
        (
            ["model", "entities", "patient", "fields", "sex", "mapping", "table"],
            7,
            "fields.sex.mapping.table: 7 is not",
        ),
        (
            ["model", "entities", "patient", "fields", "sex", "mapping", "database_id"],
            "../x",
            'database_id: "../x" does not',
        ),
        (
            ["model", "entities", "patient", "fields", "sex", "type"],
            "time",
            'patient.fields.sex.type: "time" is not one of',
        ),
        (["model", "entities", "patient", "fields", "sex", "coding_name"], {"a": 1}, "fields.sex.coding_name: {"),
        (["model", "codings"], None, "does not hold coding sex of patient.sex"),
        (["model", "codings", "sex", "codes_to_meanings"], None, "model.codings.sex.codes_to_meanings: null is not"),
        (["model", "codings", "sex", "display"], ["1", "1"], "display of coding sex"),
        (["model", "codings", "sex", "display"], ["9"], "display of coding sex"),
        (["model", "codings", "sex", "display"], [["2"]], 'model.codings.sex.display.0: ["2"] is not of types'),
        (["join_info", 0, "joins"], [], "join_info.0.joins: [] has less than 1 item"),
        (["join_info", 0, "relationship"], None, "join_info.0.relationship: null is not"),
        (
            ["assays"],
            [{"name": "a", "entities": {"e": {"fields": {"f": {"mapping": {"table": []}}}}}}],
            "f.mapping.table: []",
        ),
    ],
)
def test_a_descriptor_that_cannot_be_understood_is_refused_with_the_place(
    path: list[str], value: object, text: str
) -> None:
    descriptor = json.loads(json.dumps(write_descriptor(build_example())))
    inner = descriptor
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(AppError) as refused:
        read(descriptor)
    assert refused.value.code == 83
    assert text in refused.value.text
