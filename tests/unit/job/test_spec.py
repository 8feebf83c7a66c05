from __future__ import annotations

import json
from pathlib import Path

import pytest

from common.job.spec import InputSpec, SpecError, is_link, is_of_class, parse_spec, read_spec

APPS = Path(__file__).resolve().parents[3] / "apps"


def app(**changes: object) -> dict[str, object]:
    return {"name": "a", "title": "A", "summary": "Does a", "version": "1.0.0", **changes}


def test_inputs_keep_their_order_and_what_the_file_says_of_them() -> None:
    spec = parse_spec(app(inputSpec=[
        {"name": "table", "class": "array:file", "patterns": {"name": ["*.csv"]}, "label": "Table"},
        {"name": "mode", "class": "string", "default": "error", "choices": ["error", "append"], "group": "How"},
        {"name": "note", "class": "string", "optional": True},
    ]))  # fmt: skip
    assert spec.inputs == (
        InputSpec("table", "array:file", label="Table", patterns=("*.csv",)),
        InputSpec("mode", "string", default="error", choices=("error", "append"), group="How"),
        InputSpec("note", "string", optional=True),
    )
    assert [each.is_required for each in spec.inputs] == [True, False, False]
    assert (spec.inputs[0].is_array, spec.inputs[0].item) == (True, "file")


def test_every_fault_of_a_spec_is_told_at_once() -> None:
    with pytest.raises(SpecError) as raised:
        parse_spec(app(title="", inputSpec=[
            {"name": "1st", "class": "int"},
            {"name": "mode", "class": "string", "default": "drop", "choices": ["error", 3]},
            {"name": "mode", "class": "array:hash"},
            {"name": "columns", "class": "int", "default": True},
        ]))  # fmt: skip
    assert str(raised.value).splitlines() == [
        "title is missing",
        "inputSpec: mode occurs twice",
        "inputSpec: '1st' is not a name",
        "inputSpec: mode: the choice 3 is not of class string",
        "inputSpec: mode: the default 'drop' is not among the choices",
        "inputSpec: mode: 'array:hash' is not a class",
        "inputSpec: columns: the default True is not of class int",
    ]


@pytest.mark.parametrize(
    ("value", "cls", "expected"),
    [
        (3, "int", True), (3.0, "int", False), (True, "int", False), ("3", "int", False),
        (3, "float", True), (3.5, "float", True), (False, "float", False),
        ("", "string", True), (None, "string", False),
        (True, "boolean", True), (1, "boolean", False),
        ({"a": 1}, "hash", True), ([], "hash", False),
        ("dictionary.csv", "file", True), ("", "file", False), (7, "file", False),
        ({"$dnanexus_link": "file-x"}, "file", True),
        ({"$dnanexus_link": {"project": "project-x", "id": "file-x"}}, "file", True),
        ({"$dnanexus_link": {"job": "job-x", "field": "f"}}, "file", False),
        ([], "array:file", True), (["a", {"$dnanexus_link": "file-x"}], "array:file", True), ("a", "array:file", False),
        ([1, "2"], "array:int", False),
    ],
)  # fmt: skip
def test_a_value_is_or_is_not_of_a_class(value: object, cls: str, expected: bool) -> None:
    assert is_of_class(value, cls) is expected


def test_a_link_holds_nothing_else() -> None:
    assert not is_link({"$dnanexus_link": "file-x", "more": 1})


@pytest.mark.parametrize("path", sorted(APPS.glob("*/dxapp.json")), ids=lambda path: path.parent.name)
def test_every_apps_spec_is_whole(path: Path) -> None:
    spec = read_spec(path)
    assert spec.name == path.parent.name
    assert all(each.label and each.help for each in (*spec.inputs, *spec.outputs))


def test_the_data_model_loader_has_the_inputs_that_its_users_know() -> None:
    spec = read_spec(APPS / "data_model_loader" / "dxapp.json")
    assert {each.name: (each.cls, each.is_required, each.default) for each in spec.inputs} == {
        "data_dictionary": ("file", True, None),
        "data_files": ("array:file", False, None),
        "codings": ("file", False, None),
        "entity_dictionary": ("file", False, None),
        "output_dataset_name": ("string", True, None),
        "database_name": ("string", False, None),
        "database_id": ("string", False, None),
        "dataset_schema": ("string", False, None),
        "insert_mode": ("string", False, "error"),
        "max_columns": ("int", False, 400),
        "validate_only": ("boolean", False, False),
        "on_fault": ("string", False, "fail"),
        "date_precision": ("boolean", False, False),
        "max_faulty_share": ("float", False, 0.5),
        "null_values": ("array:string", False, None),
        "delimiter": ("string", False, ","),
        "encoding": ("string", False, "utf-8"),
        "max_record_mib": ("int", False, 64),
    }
    assert {each.name: (each.cls, each.optional) for each in spec.outputs} == {
        "dataset": ("record", True),
        "database": ("string", True),
        "report": ("file", False),
        "faults": ("file", True),
    }


def test_a_faulty_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "dxapp.json"
    path.write_text(json.dumps({"name": "a"}), encoding="utf-8")
    with pytest.raises(SpecError, match=r"dxapp\.json: title is missing"):
        read_spec(path)
