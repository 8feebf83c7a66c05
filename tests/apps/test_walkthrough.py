"""WALKTHROUGH.md shows what its commands print, and the script writes the data that ship."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.walkthrough.data import FOLDER, write_all
from tests.walkthrough.page import PAGE, read_steps, run_steps

pytestmark = pytest.mark.processes

APPS = Path(__file__).resolve().parents[2] / "apps"


def test_every_command_prints_what_the_page_shows(tmp_path: Path) -> None:
    steps = read_steps(PAGE.read_text(encoding="utf-8"))
    outcomes = list(run_steps(steps, str(tmp_path / "project")))
    assert [each.printed for each in outcomes if not each.is_as_shown] == []
    assert len(outcomes) == len(steps)


def test_the_page_runs_every_app() -> None:
    text = PAGE.read_text(encoding="utf-8")
    ran = re.findall(r"^python -m apps run (\w+)", "".join(step.command for step in read_steps(text)), re.MULTILINE)
    assert set(ran) == {each.parent.name for each in APPS.glob("*/dxapp.json")}
    assert text.count("```sh\n") == len(read_steps(text)), "a block of commands without a block of what it prints"


def test_the_data_are_those_that_the_script_writes(tmp_path: Path) -> None:
    write_all(tmp_path)
    written = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    shipped = {path.relative_to(FOLDER): path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}
    assert written == shipped
    assert sum(map(len, shipped.values())) < 1_000_000
