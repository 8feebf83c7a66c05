"""The joins of a merged Dataset's descriptor, written out as SQL, answer questions over clinic and assays, in Spark and DuckDB."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from common.faults import FaultError
from tests.apps.assay_study import edges, merge_assay
from tests.apps.conftest import Runner

Query = Callable[[str], list[tuple[Any, ...]]]


def table_paths(study: Runner, descriptor: dict[str, Any]) -> dict[str, list[str]]:
    """Files by `<unique name>$<table>`, of every table that a mapping of the descriptor names."""
    found = re.findall(r'"database_unique_name": "([^"]+)".*?"table": "([^"]+)"', json.dumps(descriptor))
    databases = {each.unique_name: each for each in study.store.databases()}
    return {f"{unique}${table}": study.store.table_files(databases[unique], table) for unique, table in found}


def write_joins(descriptor: dict[str, Any], asked: str) -> str:
    """The question with `{a} JOIN {b}` written out: each table between the two, by the model's and the assays' joins."""
    joins = [*descriptor["join_info"], *(join for assay in descriptor["assays"] for join in assay["join_info"])]
    graph: dict[str, dict[str, str]] = {}
    for join in joins:
        (one, _, column), (other, _, referring) = (join["joins"][0][end].rpartition("$") for end in ("from", "to"))
        graph.setdefault(one, {})[other] = f"{{{one}}}.{column} = {{{other}}}.{referring}"
        graph.setdefault(other, {})[one] = graph[one][other]
    first, *others = re.findall(r"\{(\w+)\}", asked)
    seen = [next(table for table in graph if short(table) == first)]
    steps = [step for goal in others for step in path_to(graph, seen, goal)]
    names = {table: short(table) if short(table) in (first, *others) else f"t{n}" for n, table in enumerate(seen)}
    text = f"`{seen[0]}` AS {first}" + "".join(f" JOIN `{table}` AS {names[table]} ON {on}" for table, on in steps)
    for table, name in names.items():
        text = text.replace(f"{{{table}}}", name)
    return re.sub(r"\{.*\}", lambda _: text, asked)


def short(table: str) -> str:
    return table.rpartition("$")[2]


def path_to(graph: dict[str, dict[str, str]], seen: list[str], goal: str) -> list[tuple[str, str]]:
    """The tables, each with its join condition, on the shortest path from a table already seen to the goal."""
    paths: list[tuple[str, list[tuple[str, str]]]] = [(table, []) for table in seen]
    for table, path in paths:
        if short(table) == goal:
            seen += [each for each, _ in path]
            return path
        gone = {*seen, *(each for each, _ in path)}
        paths += [(other, [*path, (other, on)]) for other, on in graph[table].items() if other not in gone]
    raise AssertionError(f"no join leads to {goal}")


def answers(study: Runner, descriptor: dict[str, Any], asked: str) -> list[tuple[Any, ...]]:
    """The answer that Spark SQL and DuckDB both give, with tables by path and the joins of the descriptor."""
    sql = write_joins(descriptor, asked)
    spark, duck = (query(sql) for query in engines(study, descriptor))
    assert spark == duck
    return spark


def engines(study: Runner, descriptor: dict[str, Any]) -> Iterator[Query]:
    session = study.cluster.session
    paths = table_paths(study, descriptor)
    for name, files in paths.items():
        session.read.parquet(*files).createOrReplaceTempView(name.replace("$", "_"))
    names = {name: name.replace("$", "_") for name in paths}

    def spark(sql: str) -> list[tuple[Any, ...]]:
        for name, view in names.items():
            sql = sql.replace(f"`{name}`", view)
        return sorted(map(tuple, session.sql(sql).collect()))

    yield spark
    with duckdb.connect() as duck:
        for name, files in paths.items():
            duck.read_parquet(files).create_view(names[name])

        def query(sql: str) -> list[tuple[Any, ...]]:
            for name, view in names.items():
                sql = sql.replace(f"`{name}`", view)
            return sorted(duck.sql(sql).fetchall())

        yield query


def test_genotypes_of_the_participants_with_a_diagnosis(study: Runner, whole: dict[str, Any]) -> None:
    asked = (
        "SELECT patient.patient_id, g.a_id, g.type FROM {encounter} JOIN {patient} JOIN {genotype_alt_read_optimized}"
        " WHERE diagnosis = 'C50'"
    )
    assert answers(study, whole, asked.replace("g.", "genotype_alt_read_optimized.")) == [
        ("P1", "1_100_A_C", "het-ref"), ("P2", "1_100_A_C", "hom"),
    ]  # fmt: skip


def test_expression_of_a_gene_by_sex(study: Runner, whole: dict[str, Any]) -> None:
    asked = "SELECT sex, avg(value) FROM {patient} JOIN {expression} WHERE feature_id = 'ENSG00000000001' GROUP BY sex"
    assert answers(study, whole, asked) == [("F", 20.0), ("M", 20.0)]


def test_expression_by_genotype_of_the_participants_with_a_diagnosis(study: Runner, whole: dict[str, Any]) -> None:
    asked = (
        "SELECT patient.patient_id, type, value FROM {encounter} JOIN {patient} JOIN {genotype_alt_read_optimized}"
        " JOIN {expression} WHERE diagnosis = 'C50' AND a_id = '1_100_A_C' AND feature_id = 'ENSG00000000002'"
    )
    assert answers(study, whole, asked) == [("P1", "het-ref", 1.0), ("P2", "hom", 2.0)]


def test_a_field_that_the_source_was_extended_with_can_link(study: Runner, tmp_path: Path) -> None:
    (tmp_path / "donors.csv").write_text("sample_id,donor\nR1,P1\nR2,P1\nR3,P2\n", encoding="utf-8")
    study(
        "dataset_extender",
        source_data=str(tmp_path / "donors.csv"),
        target_dataset="rna",
        output_dataset_name="rna_donors",
    )
    named = {"assay_sample_id_entity_name": "sample", "assay_sample_id_field_name": "donor"}
    with pytest.raises(FaultError) as caught:
        merge_assay(study, tmp_path, "donors", "rna_donors", **named)
    assert caught.value.faults.counts == {311: 1}
    merged = merge_assay(study, tmp_path, "donors", "rna_donors", assay_entries_per_pheno="many", **named)
    assert edges(merged["assays"][0])[-2:] == [
        ("sample.sample_id", "sample_0002.sample_id", "one_to_one"), ("patient.patient_id", "sample_0002.donor", "many_to_one"),
    ]  # fmt: skip
    assert answers(study, merged, "SELECT patient.patient_id, value FROM {patient} JOIN {expression}"
                   " WHERE feature_id = 'ENSG00000000001'") == [("P1", 10.0), ("P1", 20.0), ("P2", 30.0)]  # fmt: skip
