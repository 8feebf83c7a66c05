"""Every case of `bugcases` in the shared data has the outcome that `bugcases.tsv` states, with the reason given there.

`loads`, `refused` or `either`: what a case may do. A refusal has one of the codes; what the user is told, be it the refusal
or a load's warnings, holds the pattern `says`; after a load the query over the tables of the new Dataset has the answer.
Cases of the extender and the assay merger start from the Datasets of the folders that begin with `_`.
"""

from __future__ import annotations

import csv
import importlib
import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from common.errors import AppError
from common.job.spec import read_spec
from common.spark.session import Cluster
from tests.apps.conftest import Runner

TABLE = Path(__file__).with_name("bugcases.tsv")
with TABLE.open(encoding="utf-8", newline="") as rows:
    CASES = list(csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE))
_RNA = "source_expression_data=./m.tsv feature_value_type=tpm reference_genome=GRCh38"
TARGETS = {
    "_1_target": ("data_model_loader", "data_dictionary=./data_dictionary.csv data_files=./patient.csv"),
    "_2_target_int": ("data_model_loader", "data_dictionary=./data_dictionary.csv data_files=./person.csv"),
    "_3_rna": ("molecular_expression_assay_loader", f"{_RNA} assay_name=rna"),
    "_4_rnaint": ("molecular_expression_assay_loader", f"{_RNA} assay_name=rnaint"),
}


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> Path:
    folder = shared_data / "bugcases"
    if not folder.is_dir():
        pytest.skip(f"no bugcases in {shared_data}")
    return folder


@pytest.fixture(scope="module")
def target(cases: Path, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A project with the Datasets that some cases start from."""
    folder = tmp_path_factory.mktemp("target")
    run = Runner(cluster, folder / "project", folder / "jobs")
    for case, (app, inputs) in TARGETS.items():
        start(run, app, inputs, cases / case, case[3:])
    return run


def start(run: Runner, app: str, inputs: str, folder: Path, dataset: str) -> dict[str, Any]:
    """Runs an app on inputs written `name=value name=value …`, of which `./` paths lie in the folder."""
    spec = read_spec(Path(importlib.import_module(f"apps.{app}").__path__[0]) / "dxapp.json")
    given: dict[str, Any] = {}
    for each in inputs.split(" "):
        name, value = each.split("=", 1)
        value = str(folder / value) if value.startswith("./") else value
        if spec.input_by_name[name].is_array:
            given.setdefault(name, []).append(value)
        else:
            given[name] = value
    return run(app, **given, output_dataset_name=dataset)


def ask(run: Runner, dataset: str, query: str) -> list[Any]:
    """The query's rows, as JSON has them, over the tables of the Dataset's databases by their names."""
    record = run.store.find_record(dataset)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for link in {link["$dnanexus_link"] for each in record.details["databases"] for link in each.values()}:
            database = run.store.find_database(link)
            for table in run.store.tables(database):
                connection.read_parquet(run.store.table_files(database, table)).create_view(table, replace=True)
        return [list(row) for row in connection.execute(query).fetchall()]


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_a_case_has_its_stated_outcome(
    cases: Path, cluster: Cluster, tmp_path: Path, case: dict[str, str], request: pytest.FixtureRequest
) -> None:
    if case["app"] in ("dataset_extender", "assay_dataset_merger"):
        run = request.getfixturevalue("target")
    else:
        run = Runner(cluster, tmp_path / "project", tmp_path / "jobs")
    refusal = refused(run, case, cases)
    told = f"{refusal}\n{run.shown}"
    assert case["outcome"] in (("refused", "either") if refusal else ("loads", "either")), told
    if refusal and case["codes"]:
        assert rules(told) & set(case["codes"].split()), told
    if not refusal and case["query"]:
        assert ask(run, case["case"], case["query"]) == json.loads(case["answer"])
    if case["says"]:
        assert re.search(case["says"], told, re.IGNORECASE), told


def refused(run: Runner, case: dict[str, str], cases: Path) -> str:
    """What a refused run says; blank if the run loads."""
    try:
        start(run, case["app"], case["inputs"], cases / case["case"], case["case"])
    except AppError as refusal:
        return refusal.message
    return ""


def rules(told: str) -> set[str]:
    """The numbers of the rules that a message names, of the error and of its faults."""
    return {number for pair in re.findall(r"\[(\d+)\]|Error (\d+)", told) for number in pair if number}


def test_every_case_is_stated(cases: Path) -> None:
    assert {each.name for each in cases.iterdir() if each.is_dir()} - set(TARGETS) == {case["case"] for case in CASES}
    assert all(case["why"] for case in CASES)
