"""Job inputs of every app, changed and damaged: each is refused with a reason, or is what the app's spec allows."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import Any

from common.errors import AppError
from common.job.folder import JobFolder
from common.job.inputs import resolve_inputs
from common.job.spec import Spec, is_of_class, read_spec
from common.platform.local import LocalProject
from tests.fuzz import MEMORY
from tests.fuzz.json_mutations import damage, mutate

SUITE_COUNT = 800

_APPS = Path(__file__).resolve().parents[2] / "apps"


def run(seed: int, count: int) -> list[str]:
    """Tries `count` job inputs; a finding names the seed, the number and what was raised."""
    specs = [read_spec(path) for path in sorted(_APPS.glob("*/dxapp.json"))]
    found = []
    with tempfile.TemporaryDirectory(dir=MEMORY) as scratch:
        table = Path(scratch, "table.csv")
        table.write_text("id\n1\n", encoding="utf-8")
        project, folder = LocalProject(Path(scratch, "project")), JobFolder(Path(scratch))
        for number in range(count):
            rng = random.Random(f"{seed}/{number}")
            spec = rng.choice(specs)
            Path(scratch, "job_input.json").write_bytes(_changed(rng, _whole(spec, str(table), rng)))
            try:
                _read(folder, spec, project, write=rng.random() < 0.05)
            except AppError as refusal:
                refusal.message.encode()
            except Exception as error:  # noqa: BLE001 - whatever else is raised is what is sought
                found.append(f"seed {seed}, number {number}: {type(error).__name__}: {error}")
    return found


def _read(folder: JobFolder, spec: Spec, project: LocalProject, *, write: bool) -> None:
    given = folder.read_input()
    if write:
        project.write_job(spec.name, "running", given)
        assert project.describe(project.job_id)["input"] == given
    inputs = resolve_inputs(given, spec, project)
    for each in spec.inputs:
        value = getattr(inputs, each.name)
        if value is not None and each.item not in ("file", "record"):
            assert is_of_class(value, each.cls)


def _whole(spec: Spec, table: str, rng: random.Random) -> dict[str, Any]:
    values: dict[str, Any] = {
        "file": table,
        "record": "study",
        "int": 3,
        "float": 0.5,
        "string": "text",
        "boolean": True,
        "hash": {"a": [1]},
    }
    given = {}
    for each in spec.inputs:
        if each.is_required or rng.random() < 0.5:
            value = each.choices[0] if each.choices else values[each.item]
            given[each.name] = [value] * rng.randint(0, 3) if each.is_array else value
    return given


def _changed(rng: random.Random, whole: Any) -> bytes:
    value = whole
    for _ in range(rng.randint(0, 3)):
        value = mutate(rng, value)
    text = json.dumps(value, indent=rng.choice([None, 1]))
    return damage(rng, text) if rng.random() < 0.3 else text.encode()
