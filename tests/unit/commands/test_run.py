from __future__ import annotations

import json
from pathlib import Path

import pytest

from apps.commands import main
from apps.commands.run import Argument, build_input, parse_argument, parse_value
from common.job.spec import parse_spec
from common.platform.local import LocalProject

SPEC = parse_spec({
    "name": "a", "title": "A", "summary": "Does a", "version": "1.0.0",
    "inputSpec": [
        {"name": "table", "class": "file"},
        {"name": "parts", "class": "array:file"},
        {"name": "columns", "class": "int"},
        {"name": "check", "class": "boolean"},
        {"name": "more", "class": "hash"},
    ],
})  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=b", Argument("a", "", "b")),
        ("a=b=c", Argument("a", "", "b=c")),
        ("a:int=3", Argument("a", "int", "3")),
        ("a:array:int=3", Argument("a", "array:int", "3")),
        ("a=s3://bucket/x.csv", Argument("a", "", "s3://bucket/x.csv")),
        ("a=", Argument("a", "", "")),
    ],
)
def test_an_argument_is_a_name_perhaps_a_class_and_a_value(text: str, expected: Argument) -> None:
    assert parse_argument(text) == expected


@pytest.mark.parametrize(
    ("text", "cls", "expected"),
    [
        ("7", "int", 7), ("seven", "int", "seven"), ("1.5", "float", 1.5), ("true", "boolean", True), ("F", "boolean", False),
        ("1", "boolean", True), ("maybe", "boolean", "maybe"), ("7", "string", "7"), ("{", "string", "{"),
        ('{"a": 1}', "hash", {"a": 1}), ("x", "hash", "x"), ("a.csv", "file", "a.csv"),
        ('{"$dnanexus_link": "file-x"}', "file", {"$dnanexus_link": "file-x"}),
    ],
)  # fmt: skip
def test_a_text_means_a_value_of_its_class_or_stays_itself(text: str, cls: str, expected: object) -> None:
    assert parse_value(text, cls) == expected


def test_arrays_gather_and_what_does_not_fit_is_left_for_the_check() -> None:
    arguments = [parse_argument(each) for each in (
        "parts=a.csv", "columns=3", "check=t", 'more={"a": [1]}', "table=x.csv", "table=y.csv", "tabel=z.csv",
    )]  # fmt: skip
    assert build_input(arguments, SPEC) == {
        "parts": ["a.csv"],
        "columns": 3,
        "check": True,
        "more": {"a": [1]},
        "table": ["x.csv", "y.csv"],
        "tabel": "z.csv",
    }


def test_a_run_prints_what_it_made_and_where_it_lies(
    greeter: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "project"
    given = tmp_path / "input.json"
    given.write_text('{"greeting": "Good morning", "times": 2}', encoding="utf-8")
    arguments = [
        "-j",
        str(given),
        "-i",
        "greeting=Hello",
        "-i",
        "names=Ada",
        "-i",
        "names=Grace",
        "--project",
        str(place),
    ]
    assert main(["run", greeter, *arguments]) == 0
    record = LocalProject(place).find_record("greeting").id if (place / "objects").is_dir() else ""
    shown = capsys.readouterr()
    (job_dir,) = (place / "jobs").iterdir()
    (report,) = (place / "files").glob("*/report.txt")
    assert report.read_text(encoding="utf-8") == "Hello Ada GraceHello Ada Grace"
    assert shown.out.splitlines() == [
        f"dataset    {record}",
        f"report     {report.parent.name}  {report}",
        f"job files  {job_dir}",
    ]
    assert shown.err.startswith("join ")
    assert json.loads((job_dir / "job_input.json").read_text(encoding="utf-8")) == {
        "greeting": "Hello", "times": 2, "names": ["Ada", "Grace"],
    }  # fmt: skip


def test_a_brief_run_prints_the_record_alone(greeter: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--project", str(tmp_path / "project"), "--job-dir", str(tmp_path / "job")]
    assert main(["run", greeter, "-j", '{"greeting": "Hello"}', *place, "--brief"]) == 0
    output = json.loads((tmp_path / "job" / "job_output.json").read_text(encoding="utf-8"))
    assert capsys.readouterr() == (output["dataset"]["$dnanexus_link"] + "\n", "")
    assert main(["run", greeter, "-i", "greeting=Hello", "-i", "validate_only=true", *place, "--brief"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_refused_run_prints_its_faults_once_and_ends_with_1(
    greeter: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["-i", "greting=Hello", "-i", "times=3", "--project", str(tmp_path / "project")]
    assert main(["run", greeter, *arguments]) == 1
    assert capsys.readouterr() == (
        "",
        (
            "Error 90: The job input check found 3 faults; nothing was published.\n"
            "[90] job input not valid: 3 faults\n"
            "    greting: there is no such input\n"
            "    greeting: this input is required (Greeting)\n"
            "    times: '3': this is not among the choices\n"
            "    Remedy: Did you mean greeting?\n"
            "    Remedy: Correct the input that the message names; the app's dxapp.json lists every input with its class and"
            " choices.\n"
            "    Remedy: Give one of: 1, 2.\n"
        ),
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "data_model_loder"], "Remedy: Did you mean data_model_loader?"),
        (
            ["run", "data_model_loader", "-j", "no_such.json"],
            "Error 91 (not found or not allowed): no_such.json: No such file",
        ),
        (["run", "data_model_loader", "-j", "{"], "Error 90 (job input not valid): --input-json: line 1, column 2"),
    ],
)
def test_a_mistake_before_the_run_is_a_readable_block(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    assert said in capsys.readouterr().err


def test_an_argument_without_a_value_is_faulty_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "data_model_loader", "-i", "data_dictionary"])
    assert ended.value.code == 2
    assert "'data_dictionary' is not of the form name=value" in capsys.readouterr().err
