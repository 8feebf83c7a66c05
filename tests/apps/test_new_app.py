"""`python -m apps new` makes a loader that runs, whose test passes, and that keeps the suite's contracts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from apps.commands.new import make_app
from common.errors import AppError

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("apps", "common", "resources", "tests", "dxapp-templates")


def run(checkout: Path, *command: str) -> str:
    done = subprocess.run([sys.executable, "-m", *command], cwd=checkout, text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the suite's own files."""
    folder = tmp_path / "checkout"
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "benchmarks"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_a_new_app_runs_and_its_test_passes(checkout: Path) -> None:
    made = run(checkout, "apps", "new", "tissue_loader").split()
    assert made == [
        "apps/tissue_loader/dxapp.json", "apps/tissue_loader/plan.py", "apps/tissue_loader/load.py",
        "apps/tissue_loader/task.py", "apps/tissue_loader/check.py", "apps/tissue_loader/publish.py",
        "tests/apps/test_tissue_loader.py",
    ]  # fmt: skip
    contracts = ["tests/contract/test_inputs_declared.py", "tests/contract/test_rooms.py", "tests/apps/test_readmes.py"]
    run(checkout, "pytest", "-q", "-k", "tissue_loader", "tests/apps/test_tissue_loader.py", *contracts)
    run(checkout, "apps", "run", "tissue_loader", "-j", "apps/tissue_loader/examples/job_input.json", "--project", "p")
    described = run(checkout, "apps", "describe", "tissue_loader_example", "--project", "p")
    assert "Main entity  sample, key sample_id" in described
    for check in (["check"], ["format", "--check"]):
        run(checkout, "ruff", *check, "apps/tissue_loader", "tests/apps/test_tissue_loader.py")
    run(checkout, "mypy", "apps/tissue_loader")
    assert not [
        path for path in (checkout / "apps" / "tissue_loader").rglob("*.py") if "new_loader" in path.read_text()
    ]


@pytest.mark.parametrize("name", ["Loader", "9lives", "../elsewhere", "a__b", "commands", "data_model_loader"])
def test_a_name_that_is_unfit_or_taken_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AppError) as caught:
        make_app(name, tmp_path)
    assert caught.value.code == 90
    assert list(tmp_path.iterdir()) == []
