"""The graph of entities: a single path from each to the main one, links pointing either way."""

from __future__ import annotations

from time import process_time

import pytest

from common.dictionary import DataDictionary, DictionaryFile, parse_dictionary
from common.errors import AppError
from common.faults import FaultError, Faults
from common.graph import Edge, build_graph, validate_graph

HEADER = "entity,name,type,primary_key_type,referenced_entity_field,relationship\n"


def dictionary(main: str, *links: str, loose: tuple[str, ...] = ()) -> DataDictionary:
    """Entities with a key `id` each, first `main`; a link `visit>patient` is a field `to_patient` of visit."""
    names = list(dict.fromkeys([main, *loose, *(end for link in links for end in link.split(">"))]))
    rows = [f"{name},id,string,{'global' if name == main else 'local'},,\n" for name in names]
    pairs = [link.split(">") for link in links]
    rows += [
        f"{child},to_{parent}{number},string,,{parent}:id,many_to_one\n" for number, (child, parent) in enumerate(pairs)
    ]
    faults = Faults()
    found = parse_dictionary(DictionaryFile("d.csv", (HEADER + "".join(rows)).encode()), faults)
    assert faults.total == 0, faults.render()
    assert found is not None
    return found


def faults_of(*links: str, loose: tuple[str, ...] = ()) -> list[tuple[int | None, str, str, str]]:
    faults = Faults()
    validate_graph(dictionary("patient", *links, loose=loose), faults, "d.csv")
    assert faults.codes() in ([], [46])
    assert all(fault.file == "d.csv" for fault in faults)
    return [(fault.line, fault.entity, fault.field, fault.text) for fault in faults]


def test_a_single_entity_is_a_graph() -> None:
    graph = build_graph(dictionary("patient"))
    assert (graph.main, graph.edges, graph.towards_main) == ("patient", (), {})


def test_links_may_point_either_way_and_joins_run_outward_from_the_main_entity() -> None:
    graph = build_graph(dictionary("patient", "lab>visit", "visit>patient", "patient>hospital", "ward>hospital"))
    assert list(graph.towards_main) == ["hospital", "visit", "ward", "lab"]
    assert graph.towards_main["ward"] == Edge("ward", "to_hospital3", "hospital", "id", "many_to_one", line=10)
    assert graph.towards_main["hospital"].other("hospital") == "patient"
    assert [edge.child for edge in graph.edges] == ["patient", "lab", "visit", "ward"]


@pytest.mark.parametrize("main", ["patient", "visit", "hospital", "lab"])
def test_any_entity_may_be_the_main_one(main: str) -> None:
    graph = build_graph(dictionary(main, "visit>patient", "patient>hospital", "lab>visit"))
    assert graph.main == main
    assert {main, *graph.towards_main} == {"patient", "visit", "hospital", "lab"}
    joined = [main]
    for entity, edge in graph.towards_main.items():
        assert edge.other(entity) in joined
        joined.append(entity)


def test_entity_without_a_path_to_the_main_one() -> None:
    text = "no chain of references links the entity to the main entity patient"
    assert faults_of("visit>patient", "b>a", loose=("lonely",)) == [
        (3, "lonely", "", text),
        (5, "b", "", text),
        (6, "a", "", text),
    ]


def test_circle_of_references() -> None:
    assert faults_of("a>patient", "b>a", "patient>b") == [
        (6, "b", "to_a1", "the reference makes a circle or second path: b - patient - a are linked already")
    ]


def test_second_path_to_the_main_entity() -> None:
    found = faults_of("visit>patient", "lab>visit", "lab>patient")
    assert found == [
        (
            7,
            "lab",
            "to_patient2",
            "the reference makes a circle or second path: lab - visit - patient are linked already",
        )
    ]


def test_two_references_to_the_same_entity_are_two_paths() -> None:
    found = faults_of("visit>patient", "visit>patient")
    assert found == [
        (5, "visit", "to_patient1", "the reference makes a circle or second path: visit - patient are linked already")
    ]


def test_reference_within_an_entity_is_a_circle() -> None:
    assert faults_of("patient>patient") == [
        (3, "patient", "to_patient0", "the field refers to its own entity, which makes a circle")
    ]


def test_circle_and_missing_path_are_told_together() -> None:
    assert [found[1] for found in faults_of("a>b", "b>a", "visit>patient")] == ["b", "a", "b"]


def test_build_refuses_what_is_no_tree() -> None:
    with pytest.raises(FaultError) as refused:
        build_graph(dictionary("patient", "b>a"))
    assert (refused.value.code, refused.value.faults.total) == (46, 2)


def test_build_refuses_a_dictionary_without_main_entity() -> None:
    text = HEADER + "patient,id,string,local,,\n"
    found = parse_dictionary(DictionaryFile("d.csv", text.encode()), Faults())
    assert found is not None
    with pytest.raises(AppError) as refused:
        build_graph(found)
    assert refused.value.code == 40


def test_references_that_lead_nowhere_are_passed_over() -> None:
    text = HEADER + "patient,id,string,global,,\nvisit,ref,string,,nowhere:id,many_to_one\n"
    found = parse_dictionary(DictionaryFile("d.csv", text.encode()), Faults())
    assert found is not None
    faults = Faults()
    validate_graph(found, faults)
    assert [(fault.code, fault.entity) for fault in faults] == [(46, "visit")]


def test_long_chains_and_many_circles_are_checked_in_linear_time() -> None:
    size = 5000
    chain = [f"e{number + 1}>e{number}" for number in range(size)]
    surplus = [f"e{size - number}>e{number}" for number in range(size // 2 - 1)]
    start = process_time()
    faults = Faults()
    validate_graph(dictionary("e0", *chain, *surplus), faults)
    assert faults.counts == {46: size // 2 - 1}
    assert list(build_graph(dictionary("e0", *chain)).towards_main)[-1] == f"e{size}"
    assert process_time() - start < 10
