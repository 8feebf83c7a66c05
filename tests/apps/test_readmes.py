"""An app's Readme and its I/O spec say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from common.job.spec import read_spec

FOLDERS = sorted(path.parent for path in (Path(__file__).resolve().parents[2] / "apps").glob("*/dxapp.json"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_readme_lists_every_input_and_output_and_no_other(folder: Path) -> None:
    spec = read_spec(folder / "dxapp.json")
    text = (folder / "Readme.md").read_text(encoding="utf-8")
    listed = {
        section: [
            name for row in re.findall(r"^\| (`.*?) \|", body, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
        ]
        for section, body in re.findall(r"^## (Inputs|Outputs)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    }
    assert sorted(listed["Inputs"]) == sorted(spec.input_by_name)
    assert sorted(listed["Outputs"]) == sorted(spec.output_by_name)
