"""The platform's unmodified client reads what our loaders publish, from the loopback server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.apps.conftest import Runner
from tests.apps.dx_server import ROOT, Client, serving

pytestmark = pytest.mark.processes

TRIAL = ROOT / "tests" / "data" / "trial"
DICTIONARIES = ("data_dictionary", "codings", "entity_dictionary")
COMMANDS = [
    "extract_dataset trial --list-entities",
    "extract_dataset trial --list-fields",
    "extract_dataset trial --list-fields --entities visit",
    "extract_assay germline trio_example --list-assays",
    "extract_assay expression expression_example --list-assays",
    "extract_dataset trio_example --list-entities",
    "describe /trial --details",
    "describe /trial_db",
    "find data --class record",
    "find data --class database --name trial* --brief",
    "ls",
    "ls -l",
    "list database files trial_db",
    "list database files trial_db --folder patient --csv",
    "whoami --id",
]


def load_trial(runner: Runner, dictionaries: dict[str, str], name: str) -> Any:
    return runner(
        "data_model_loader", **dictionaries, data_files=[str(TRIAL / "patient.csv"), str(TRIAL / "visit.csv")],
        output_dataset_name=name, database_name="trial_db",
    )  # fmt: skip


def load_assays(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples of the assay loaders, whose paths are relative to the checkout."""
    monkeypatch.chdir(ROOT)
    for app in ("molecular_expression_assay_loader", "genetic_variant_assay_loader"):
        runner(app, **json.loads((ROOT / "apps" / app / "examples" / "job_input.json").read_text(encoding="utf-8")))


def shown(text: str, runner: Runner) -> str:
    """The text with everything that differs between runs (ids, times, names of Parquet files) replaced by its kind."""
    text = text.replace(runner.store.id, "project-…")
    text = re.sub(r"\b(record|file|database|job)-[0-9A-Za-z]{24}", r"\1-…", text)
    text = re.sub(r"database_\w{24}__", "database_…__", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4}", "<time>", text)
    text = re.sub(r"part-(\d{5})-[0-9a-f]+", r"part-\1", text)
    text = re.sub(r"[\d.]+ (?:bytes|KB|MB) +", "<size> ", text)
    return re.sub(r"(?m)^(<time>,)\d+", r"\1<size>", text)


def without_ids(runner: Runner, name: str) -> str:
    """A Dataset's descriptor without the ids of its database, and with the name of the first Dataset."""
    text = json.dumps(runner.store.read_descriptor(runner.store.find_record(name)), indent=1)
    return re.sub(r"database[-_]\w{24}", "<id>", text).replace("trial_again", "trial")


def test_every_reading_command_of_dx_runs_and_prints_what_was_loaded(
    run_app: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = load_trial(run_app, {each: str(TRIAL / f"{each}.csv") for each in DICTIONARIES}, "trial")
    load_assays(run_app, monkeypatch)
    work = tmp_path / "work"
    work.mkdir()
    with serving(run_app.project, work) as dx:
        transcript = "".join(f"$ dx {command}\n{dx(*command.split())}\n" for command in COMMANDS)
        check_files_travel(dx, outputs, run_app)
        check_dictionaries(dx)
        check_refusals(dx)
    assert shown(transcript, run_app) == (TRIAL / "dx_transcript.txt").read_text(encoding="utf-8")
    again = {each: str(work / f"trial.{each}.csv") for each in DICTIONARIES}
    load_trial(run_app, again, "trial_again")
    assert without_ids(run_app, "trial_again") == without_ids(run_app, "trial")
    assert run_app.tables("trial_again") == run_app.tables("trial")


def check_dictionaries(dx: Client) -> None:
    """The trial's dictionaries are in the client's form, so the client writes the same bytes."""
    dx("extract_dataset", "trial", "-ddd")
    for each in DICTIONARIES:
        written = (dx.folder / f"trial.{each}.csv").read_text(encoding="utf-8")
        assert written == (TRIAL / f"{each}.csv").read_text(encoding="utf-8")


def check_files_travel(dx: Client, outputs: dict[str, Any], runner: Runner) -> None:
    """A report downloads as it was written. An input uploads and downloads again, in several parts."""
    report = outputs["report"]["$dnanexus_link"]
    dx("download", report, "--no-progress")
    assert (dx.folder / "report.json").read_bytes() == runner.store.file_path(report).read_bytes()
    content = "".join(f"{number},P{number % 3}\n" for number in range(700_000)).encode()
    (dx.folder / "input.csv").write_bytes(content)
    uploaded = dx("upload", "input.csv", "--brief", "--buffer-size", str(5 << 20)).strip()
    assert runner.store.file_path(uploaded).read_bytes() == content
    dx("download", uploaded, "-o", "back.csv", "--no-progress")
    assert (dx.folder / "back.csv").read_bytes() == content


def check_refusals(dx: Client) -> None:
    """An object that does not exist, a record that is not a Dataset, and a query of data end as on the platform: dx says so in one line."""
    absent = dx.run("describe", "record-aaaaaaaaaaaaaaaaaaaaaaaa")
    assert absent.returncode == 3
    assert "No matches found for record-aaaaaaaaaaaaaaaaaaaaaaaa" in absent.stderr
    no_assay = dx.run("extract_assay", "germline", "trial", "--list-assays")
    assert (no_assay.returncode, no_assay.stderr) == (1, "No valid assays in the dataset.\n")
    no_data = dx.run("extract_dataset", "trial", "--fields", "patient.sex")
    assert no_data.returncode == 3
    assert "this server answers no queries of data" in no_data.stderr


def test_a_token_that_is_not_the_servers_is_refused(run_app: Runner, tmp_path: Path) -> None:
    run_app.store.stage(None).close()
    with serving(run_app.project, tmp_path) as dx:
        context = {"auth_token_type": "Bearer", "auth_token": "a" * 43}
        done = Client(tmp_path, dx.environment | {"DX_SECURITY_CONTEXT": json.dumps(context)}).run("ls")
    assert done.returncode != 0
    assert "InvalidAuthentication" in done.stderr
