from __future__ import annotations

import pytest

from apps.commands import main
from apps.commands.help_app import describe_app
from apps.commands.installed import app_folders


def test_the_apps_are_listed_with_their_summaries(greeter: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["app", "summary"]
    assert [line.split()[0] for line in lines[2:]] == list(app_folders())
    assert f"{greeter}   Greets by name".split() in [line.split() for line in lines]


def test_an_apps_help_shows_its_inputs_by_group_its_outputs_and_an_example(
    greeter: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["help", greeter]) == 0
    assert capsys.readouterr().out == (
        "greeter_of_tests 1.0.0: Greets by name\n\n"
        "Inputs: Words\n"
        "  greeting (string; required)\n      The first word.\n"
        "  names (array:string; optional)\n      Whom to greet.\n\n"
        "Inputs: More\n"
        "  times (int; default 1; one of 1, 2)\n"
        "  validate_only (boolean; default false)\n\n"
        "Outputs\n"
        "  dataset (record; optional)\n      The record.\n"
        "  report (file; optional)\n\n"
        "Example\n"
        "  python -m apps run greeter_of_tests -i greeting=STRING\n"
    )


def test_an_unknown_app_is_answered_with_the_nearest_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "data_model"]) == 1
    assert capsys.readouterr().err == (
        "Error 91 (not found or not allowed): there is no app named 'data_model'\n"
        "  Remedy: Did you mean data_model_loader?\n"
    )


def test_help_names_what_every_app_ships_as_examples() -> None:
    from common.job.spec import read_spec

    for folder in app_folders().values():
        examples = sorted((folder / "examples").glob("*.json"))
        lines = list(describe_app(read_spec(folder / "dxapp.json"), examples))
        assert [line for line in lines if " -j " in line] == [
            f"  python -m apps run {folder.name} -j apps/{folder.name}/examples/{path.name}" for path in examples
        ]
