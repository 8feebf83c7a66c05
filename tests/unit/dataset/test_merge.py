"""Two Datasets as one: names, links and what a reader of the merged descriptor sees."""

from __future__ import annotations

from dataclasses import replace

import pytest

from common.dataset.database import Database
from common.dataset.descriptor import parse_assay, parse_descriptor, write_descriptor
from common.dataset.layout import build_dataset
from common.dataset.merge import Renaming, find_link_field, merge_datasets, plan_names, validate_link
from common.dataset.model import Dataset
from common.dictionary import Code, Coding, DataDictionary, Entity, Field, Reference
from common.faults import Faults
from tests.unit.dataset.example_dataset import DATABASE, SEX, build_example

LAB_DATABASE = Database("database-" + "b" * 24, "lab_db", "database_" + "b" * 24 + "__lab_db")
UNITS = Coding("units", (Code("g", "gram", display_order=1),))
DONOR = Entity(
    "donor", (Field("donor", "donor_id", "string", "global"), Field("donor", "sex", "integer", coding_name="sex"))
)
TUBE = Entity(
    "tube",
    (
        Field("tube", "tube_id", "integer", "local"),
        Field("tube", "donor_id", "string", reference=Reference("donor", "donor_id", "many_to_one")),
        Field("tube", "unit", "string", coding_name="units"),
    ),
)
HOUSE = Entity("house", (Field("house", "house_id", "string", "local"),))


def lab(*entities: Entity, codings: tuple[Coding, ...] = (SEX, UNITS)) -> Dataset:
    """A laboratory's Dataset in a database of its own."""
    chosen = {each.name: each for each in entities or (DONOR, TUBE)}
    dictionary = DataDictionary(chosen, {coding.name: coding for coding in codings})
    return build_dataset("Lab", "Dataset: Lab", "ds-lab", dictionary, LAB_DATABASE, 400)


def renamed(entity: Entity, name: str) -> Entity:
    return replace(entity, name=name, fields=tuple(replace(field, entity=name) for field in entity.fields))


def merge(source: Dataset, target: Dataset, relationship: str = "one_to_one", prefix: str | None = None) -> Dataset:
    """The two linked by their global keys, as a reader finds them."""
    faults = Faults()
    link = tuple(find_link_field(*each, None, None, faults) for each in ((source, "source"), (target, "target")))
    names = plan_names(source, target, prefix, faults)
    faults.raise_if_any("The test")
    merged = merge_datasets("Both", source, target, link, relationship, names)  # type: ignore[arg-type]  # a pair, though its type does not tell
    return parse_descriptor(write_descriptor(merged))


def names_refused(source: Dataset, target: Dataset, prefix: str | None = None) -> list[tuple[int, str, str | None]]:
    faults = Faults()
    plan_names(source, target, prefix, faults)
    return [(each.code, each.entity, each.value) for each in faults]


def test_the_whole_has_both_sides_entities_and_the_targets_main_one() -> None:
    target = build_example()
    both = merge(lab(), target)
    assert list(both.dictionary.entities) == ["patient", "visit", "hospital", "donor", "tube"]
    assert both.dictionary.main_entity.name == "patient"
    assert (both.name, both.schema, both.assays) == ("Both", target.schema, target.assays)
    donor_id, _ = both.dictionary.entities["donor"].fields
    assert donor_id.primary_key_type == "local"
    assert donor_id.reference == Reference("patient", "patient_id", "one_to_one")
    assert both.dictionary.entities["tube"] == TUBE
    for name, entity in target.dictionary.entities.items():
        assert (
            both.dictionary.entities[name]
            == parse_descriptor(write_descriptor(target)).dictionary.entities[name]
            == entity
        )


def test_every_field_keeps_the_column_that_stores_it_and_both_databases_are_listed() -> None:
    source, target = lab(), build_example()
    both = merge(source, target)
    assert both.mappings == {**target.mappings, **source.mappings}
    assert both.databases == [DATABASE, LAB_DATABASE]


def test_equal_codings_are_shared() -> None:
    faults = Faults()
    names = plan_names(lab(), build_example(), None, faults)
    assert (names, bool(faults)) == (Renaming({}, {}, ("sex",)), False)
    assert list(merge(lab(), build_example()).dictionary.codings) == ["sex", "site", "dose_missing", "symptom", "units"]


def test_the_assays_of_the_source_are_not_carried() -> None:
    source = replace(lab(), assays=(parse_assay({"name": "counts"}),))
    target = replace(build_example(), assays=(parse_assay({"name": "variants"}),))
    assert [assay.name for assay in merge(source, target).assays] == ["variants"]


def test_clashing_names_are_refused_all_at_once() -> None:
    other_sex = Coding("sex", (Code("1", "M", display_order=1),))
    source = lab(DONOR, TUBE, renamed(HOUSE, "Visit"), codings=(other_sex, UNITS))
    assert names_refused(source, build_example()) == [(312, "Visit", "Visit"), (313, "", "sex")]


def test_a_prefix_makes_clashing_names_free_and_leaves_the_others() -> None:
    other_sex = Coding("sex", (Code("1", "M", display_order=1), Code("2", "F", display_order=2)))
    visit = Entity(
        "visit",
        (
            Field("visit", "visit_id", "integer", "local"),
            Field("visit", "donor_id", "string", reference=Reference("donor", "donor_id", "many_to_one")),
        ),
    )
    blood = Entity(
        "blood",
        (
            Field("blood", "visit_id", "integer", reference=Reference("visit", "visit_id", "many_to_one")),
            Field("blood", "sex", "integer", coding_name="sex"),
        ),
    )
    both = merge(lab(DONOR, visit, blood, codings=(other_sex,)), build_example(), prefix="lab_")
    assert list(both.dictionary.entities) == ["patient", "visit", "hospital", "donor", "lab_visit", "blood"]
    assert both.dictionary.entities["lab_visit"].title == "visit"
    assert both.dictionary.entities["blood"].by_name["visit_id"].reference == Reference(
        "lab_visit", "visit_id", "many_to_one"
    )
    assert both.dictionary.entities["visit"].by_name["patient_id"].reference == Reference(
        "patient", "patient_id", "many_to_one"
    )
    assert both.dictionary.entities["blood"].by_name["sex"].coding_name == "lab_sex"
    assert [code.meaning for code in both.dictionary.codings["lab_sex"].codes] == ["M", "F"]
    assert both.dictionary.codings["sex"] == SEX
    assert both.mappings["lab_visit", "visit_id"].table == "visit"


def test_a_prefix_whose_names_are_taken_or_unfit_is_refused() -> None:
    source = lab(DONOR, renamed(HOUSE, "visit"), renamed(HOUSE, "lab_visit"))
    assert names_refused(source, build_example(), "lab_") == [(312, "visit", "lab_visit")]
    assert names_refused(source, build_example(), "1_") == [(20, "visit", "1_visit")]


def test_datasets_over_the_same_tables_are_refused() -> None:
    target = build_example()
    codes = {(code, entity) for code, entity, _ in names_refused(target, target, "again_")}
    assert codes == {(312, "patient"), (312, "visit"), (312, "hospital")}


@pytest.mark.parametrize(
    ("entity", "name", "code", "remedy"),
    [
        ("tub", None, 301, "Did you mean tube?"),
        ("tube", "donor", 301, "Did you mean donor_id?"),
        ("keyless", None, 301, "Name one of its fields in source_field_name."),
    ],
)
def test_an_unknown_entity_or_field_is_named_with_its_nearest(
    entity: str, name: str | None, code: int, remedy: str
) -> None:
    faults = Faults()
    keyless = Entity("keyless", (Field("keyless", "x", "string"),))
    assert find_link_field(lab(DONOR, TUBE, keyless), "source", entity, name, faults) is None
    assert [(each.code, each.remedy) for each in faults] == [(code, remedy)]


def test_the_link_is_by_default_the_key_of_the_entity() -> None:
    faults = Faults()
    assert find_link_field(lab(), "source", None, None, faults) == DONOR.fields[0]
    assert find_link_field(lab(), "source", "tube", None, faults) == TUBE.fields[0]
    assert find_link_field(lab(), "source", "tube", "unit", faults) == TUBE.fields[2]
    assert not faults


@pytest.mark.parametrize(
    ("source", "target", "codes"),
    [
        (Field("a", "x", "string"), Field("b", "y", "string"), []),
        (Field("a", "x", "string"), Field("b", "y", "integer"), [302]),
        (Field("a", "x", "date"), Field("b", "y", "date"), [302, 302]),
        (Field("a", "x", "string", is_multi_select=True), Field("b", "y", "string"), [302]),
        (Field("a", "x", "string"), Field("b", "y", "string", is_multi_select=True), [303]),
        (Field("a", "x", "string", reference=Reference("c", "z", "many_to_one")), Field("b", "y", "string"), [46]),
    ],
)
def test_fields_that_cannot_link_rows_are_refused(source: Field, target: Field, codes: list[int]) -> None:
    faults = Faults()
    validate_link(source, target, faults)
    assert [each.code for each in faults] == codes
