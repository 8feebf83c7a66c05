"""An app's code reads exactly the inputs that its `dxapp.json` declares."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.commands.installed import app_folders
from common.job.spec import read_spec


def inputs_read(source: str) -> Iterator[str]:
    """Names that code reads from `run.inputs`, directly or through a variable named `inputs`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and is_inputs(node.value):
            yield node.attr


def is_inputs(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id == "inputs") or (
        isinstance(node, ast.Attribute) and node.attr == "inputs"
    )


@pytest.mark.parametrize("folder", app_folders().values(), ids=lambda folder: folder.name)
def test_the_code_reads_the_inputs_that_dxapp_json_declares(folder: Path) -> None:
    read = {name for path in sorted(folder.rglob("*.py")) for name in inputs_read(path.read_text(encoding="utf-8"))}
    assert read == set(read_spec(folder / "dxapp.json").input_by_name)


def test_inputs_are_found_by_either_way_of_reading_them() -> None:
    source = "def f(run):\n    inputs = run.inputs\n    return inputs.first, run.inputs.second, run.cluster.third\n"
    assert sorted(inputs_read(source)) == ["first", "second"]
