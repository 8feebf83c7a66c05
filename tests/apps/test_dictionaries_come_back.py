"""Dictionaries of a loaded Dataset, written by dxpy or by `describe`, give the same Dataset when loaded again with its data."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from dxpy.cli import dataset_utilities
from dxpy.cli.dataset_utilities import DXDatasetDescriptor

from apps.commands import main
from tests.apps.conftest import ROOT, Runner

EXAMPLE = ROOT / "apps" / "data_model_loader" / "examples"


def write_dictionaries(runner: Runner, dataset: Any, folder: Path) -> dict[str, str]:
    """The three files as `dx extract_dataset -ddd` writes them, by the name of our input."""
    record = runner.store.find_record(dataset)
    path = runner.store.file_path(record.details["descriptor"]["$dnanexus_link"])
    with path.open("rb") as file:  # dxpy takes any open file in the place of a DXFile
        dictionary = DXDatasetDescriptor(file, schema=record.details["schema"]).get_dictionary()
    paths = {name: str(folder / f"{name}.csv") for name in ("data_dictionary", "codings", "entity_dictionary")}
    dictionary.write(paths["data_dictionary"], paths["entity_dictionary"], paths["codings"])
    return paths


def read_csv(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def descriptor(runner: Runner, dataset: Any) -> str:
    """The descriptor without the ids of its database, with its keys in order."""
    record = runner.store.find_record(dataset)
    text = json.dumps(runner.store.read_descriptor(record), indent=1)
    for each in record.details["databases"]:
        for link in each.values():
            database = runner.store.find_database(link["$dnanexus_link"])
            text = text.replace(database.unique_name, "<unique>").replace(database.id, "<id>")
    return text


def test_the_example_comes_back_equal(
    run_app: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dataset_utilities, "pd", pd, raising=False)  # the module imports pandas in its command only
    entities = ("hospital", "patient", "encounter", "test")
    common: dict[str, Any] = {
        "data_files": sorted(str(path) for name in entities for path in EXAMPLE.glob(f"{name}.*")),
        "output_dataset_name": "example", "database_name": "db", "max_columns": 6,
    }  # fmt: skip
    ours = {name: str(EXAMPLE / f"{name}.csv") for name in ("data_dictionary", "codings", "entity_dictionary")}
    first = run_app("data_model_loader", **ours, **common)["dataset"]
    written = write_dictionaries(run_app, first, tmp_path)
    second = run_app("data_model_loader", **written, **common)["dataset"]
    assert descriptor(run_app, second) == descriptor(run_app, first)
    assert run_app.tables(second) == run_app.tables(first)
    command = [
        "describe",
        first["$dnanexus_link"],
        "--project",
        str(run_app.project),
        "--dictionaries",
        str(tmp_path / "own"),
    ]
    assert main(command) == 0
    paths = {kind: tmp_path / "own" / f"example.{kind}.csv" for kind in written}
    assert capsys.readouterr().out.split() == [str(path) for path in paths.values()]
    for kind, path in paths.items():
        assert read_csv(path) == read_csv(Path(written[kind]))
    third = run_app("data_model_loader", **{kind: str(path) for kind, path in paths.items()}, **common)["dataset"]
    assert descriptor(run_app, third) == descriptor(run_app, first)
    assert main(command) == 1
    assert "example.data_dictionary.csv" in capsys.readouterr().err
    assert main([*command[:-1], str(paths["codings"])]) == 1
    assert "Error 91" in capsys.readouterr().err
