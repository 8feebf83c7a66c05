"""An assay from elsewhere, linked to a Dataset: what is known is changed, all else is carried as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from apps.assay_dataset_merger.assay import add_samples, follow_reference, link_assay
from common.dataset.database import Database
from common.dataset.descriptor import parse_assay, parse_descriptor, write_descriptor
from common.dataset.model import Assay, Dataset, Join
from tests.unit.dataset.example_dataset import DATABASE, build_example

DB = DATABASE.unique_name
LINKS = Database("database-" + "c" * 24, "links_db", "database_" + "c" * 24 + "__links_db")


def field(table: str, column: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "mapping": {"database_name": "trial_db", "database_id": DATABASE.id, "table": table,
                                          "column": column}, **more}  # fmt: skip


def join(from_: str, to: str, *further: str, **more: Any) -> dict[str, Any]:
    pairs = [(from_, to), *zip(further[::2], further[1::2], strict=True)]
    return {
        "joins": [{"from": f"{DB}${a}", "to": f"{DB}${b}"} for a, b in pairs],
        "relationship": "many_to_one",
        **more,
    }


CALLS: dict[str, Any] = {
    "join_info": [join("sample$sample_id", "call$sample_id", note="kept"), join("patient_0001$patient_id", "sample$sample_id"),
                  join("call$a", "extra$a", "visit_0001$b", "extra$b")],
    "name": "calls", "uuid": "u", "colour": "red",
    "entities": {
        "sample": {"primary_key": "sample_id", "shape": 1, "fields": {"sample_id": field("sample", "sample_id", width=7)}},
        "call": {"fields": {"sample_id": field("call", "sample_id"), "computed": {"type": "string", "mapping": None}}},
        "pheno_geno_sample_ids": {"fields": {"g_sample": field("old_links", "g_sample")}},
    },
}  # fmt: skip


def written(assay: Assay) -> dict[str, Any]:
    return write_descriptor(replace(build_example(), assays=(assay,)))["assays"][0]


def test_an_assay_that_was_read_is_written_as_it_was() -> None:
    assay = parse_assay(CALLS)
    assert list(written(assay).items()) == list(CALLS.items())
    assert [(name, [each.name for each in entity.fields]) for name, entity in assay.dictionary.entities.items()] == [
        ("sample", ["sample_id"]), ("call", ["sample_id"]), ("pheno_geno_sample_ids", ["g_sample"]),
    ]  # fmt: skip


def test_a_join_by_several_columns_keeps_them_all() -> None:
    descriptor = write_descriptor(build_example())
    descriptor["join_info"].append(join("patient_0001$a", "visit_0001$a", "patient_0001$b", "visit_0001$b"))
    assert write_descriptor(parse_descriptor(descriptor))["join_info"] == descriptor["join_info"]


def test_the_linked_assay_leaves_its_old_link_behind_and_carries_the_rest() -> None:
    source = build_example()
    with_samples, entity = add_samples(parse_assay(CALLS), source)
    sample = with_samples.dictionary.entities[entity].by_name["sample_id"]
    link = Join("p", "q", "one_to_one")
    linked = written(link_assay(parse_assay(CALLS), source, sample, None, [link], "calls"))
    assert linked == {
        **CALLS,
        "join_info": [CALLS["join_info"][0], {"joins": [{"from": "p", "to": "q"}], "relationship": "one_to_one"}],
        "entities": {name: CALLS["entities"][name] for name in ("sample", "call")},
    }
    assert list(linked) == list(CALLS)


def test_a_new_name_means_a_new_uuid_and_a_linking_table_is_an_entity() -> None:
    source = build_example()
    sample = parse_assay(CALLS).dictionary.entities["sample"].fields[0]
    linked = link_assay(parse_assay(CALLS), source, sample, LINKS, [], "calls again")
    of = replace(source, assays=(linked,))
    assert (linked.name, linked.keys["title"], linked.keys["colour"]) == ("calls again", "calls again", "red")
    assert linked.keys["uuid"] != "u"
    assert of.databases == [DATABASE, LINKS]
    linking = written(linked)["entities"]["pheno_geno_sample_ids"]
    assert (linking["entity_title"], linking["primary_key"], linking["is_main_entity"]) == (
        "Linked sample IDs",
        None,
        False,
    )
    assert [each["mapping"]["database_unique_name"] for each in linking["fields"].values()] == [LINKS.unique_name] * 2


def test_the_key_of_the_sources_main_entity_links_where_the_assay_has_no_samples() -> None:
    source: Dataset = build_example()
    assay = parse_assay({**CALLS, "entities": {"call": CALLS["entities"]["call"]}})
    with_samples, entity = add_samples(assay, source)
    assert entity == "patient"
    sample = with_samples.dictionary.entities[entity].by_name["patient_id"]
    carried = written(link_assay(assay, source, sample, None, [], "calls"))
    assert list(carried["entities"]) == ["call", "patient"]
    patient = carried["entities"]["patient"]
    assert (list(patient["fields"]), patient["primary_key"], patient["is_main_entity"]) == (
        ["patient_id"],
        "patient_id",
        False,
    )
    assert carried["join_info"][:2] == CALLS["join_info"][:2]


def test_a_part_of_the_main_entity_in_the_assay_gives_way_to_the_main_entity() -> None:
    source: Dataset = build_example()
    part = {"fields": {"nickname": field("other", "nickname")}}
    assay = parse_assay({**CALLS, "entities": {"patient": part}})
    with_samples, entity = add_samples(assay, source)
    sample = with_samples.dictionary.entities[entity].by_name["patient_id"]
    linked = link_assay(assay, source, sample, None, [], "calls")
    assert list(linked.mappings) == [("patient", "patient_id")]
    assert list(written(linked)["entities"]["patient"]["fields"]) == ["patient_id"]


def test_a_field_of_measurements_is_followed_to_the_key_that_it_refers_to() -> None:
    assay = parse_assay(CALLS)
    calls, samples = (assay.dictionary.entities[name].fields[0] for name in ("call", "sample"))
    assert follow_reference(assay, calls) == samples == follow_reference(assay, samples)
