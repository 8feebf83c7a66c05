"""The command line in processes, as users run it: output and exit status, with the Data Model Loader's example."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = "apps/data_model_loader/examples/job_input.json"


def call(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "apps", *arguments]
    return subprocess.run(command, cwd=ROOT, input=stdin, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A project into which the example was loaded from the command line."""
    folder = tmp_path_factory.mktemp("command_line") / "project"
    job_dir = folder.with_name("job")
    done = call("run", "data_model_loader", "-j", EXAMPLE, "--project", str(folder), "--job-dir", str(job_dir),
                "--master", "local[2]", "--brief")  # fmt: skip
    assert done.returncode == 0, done.stderr
    output = json.loads((job_dir / "job_output.json").read_text(encoding="utf-8"))
    assert done.stdout == output["dataset"]["$dnanexus_link"] + "\n"
    return str(folder)


def test_the_record_that_was_loaded_can_be_described(project: str) -> None:
    shown = json.loads(call("describe", "hospital_example", "--project", project, "--json").stdout)
    assert shown["record"]["name"] == "hospital_example"
    human = call("describe", "hospital_example", "--project", project)
    assert human.returncode == 0
    for entity in shown["descriptor"]["model"]["entities"]:
        assert f"Fields of {entity}" in human.stdout.splitlines()


def test_its_tables_can_be_queried_by_name(project: str, tmp_path: Path) -> None:
    statements = tmp_path / "statements.sql"
    statements.write_text("-- how many\nSELECT count(*) AS n FROM patient;\nSELECT 'a;b' AS text", encoding="utf-8")
    done = call("sql", "--project", project, "--master", "local[2]", "--format", "csv", "-f", str(statements))
    with (ROOT / "apps/data_model_loader/examples/patient.csv").open(encoding="utf-8") as file:
        patients = sum(1 for _ in file) - 1
    assert (done.returncode, done.stdout, done.stderr) == (0, f"n\n{patients}\ntext\na;b\n", "")


def test_a_mistake_in_sql_is_one_line_and_ends_the_rest(project: str) -> None:
    done = call("sql", "--project", project, "--master", "local[2]", stdin="SELECT * FROM patients;\nSELECT 1")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("SQL error: [TABLE_OR_VIEW_NOT_FOUND] The table or view `patients` cannot be found.")


def test_a_mistake_in_a_run_is_one_block_without_a_trace(tmp_path: Path) -> None:
    done = call("run", "data_model_loader", "-i", "data_dictionary=no_such.csv", "--project", str(tmp_path / "project"),
                "--job-dir", str(tmp_path / "job"))  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    error = json.loads((tmp_path / "job" / "job_error.json").read_text(encoding="utf-8"))["error"]
    assert done.stderr == error["message"] + "\n"
    assert "output_dataset_name: this input is required" in done.stderr
    assert "data_dictionary: 'no_such.csv': there is no file 'no_such.csv'" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_command_usage_is_shown() -> None:
    done = call()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: python -m apps")


@pytest.mark.parametrize("command", ["run", "list", "help", "describe", "sql"])
def test_every_command_has_its_help(command: str) -> None:
    done = call(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: python -m apps {command}")


def test_the_command_line_starts_without_what_only_some_commands_need() -> None:
    script = (
        "import sys\nfrom apps.commands import main\nmain(['list'])\n"
        "print({'pyspark', 'pandas', 'pyarrow', 'numpy', 'dxpy'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == "set()\n"


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = f'"{sys.executable}" -m apps help data_model_loader | head -1'
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
