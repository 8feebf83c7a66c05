"""The clinical apps by spark-submit on a standalone master with two workers give what they give on one machine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.dataset.descriptor import parse_descriptor
from common.platform.local import LocalProject
from common.spark import standalone
from common.spark.launch import environment, spark_submit_command
from tests.apps.conftest import Runner

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parents[2]
ROWS = {"hospital": 3, "patient": 8, "encounter": 10, "test": 10}


@pytest.fixture(scope="module")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("cluster")
    yield standalone.start(folder).url
    standalone.stop(folder)


def submit(url: str, app: str, example: str, folder: Path) -> None:
    """Runs an app on an example as a user does."""
    job_dir = folder / example.replace("/", "_")
    job_dir.mkdir()
    (job_dir / "job_input.json").write_bytes((ROOT / "apps" / example).read_bytes())
    options = ["--project", str(folder / "project"), "--job-dir", str(job_dir)]
    command = spark_submit_command(ROOT / "apps" / app / "app.py", options, url)
    ran = subprocess.run(command, cwd=ROOT, env=environment(url), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "WARN" not in ran.stderr
    assert (job_dir / "job_output.json").exists()


def test_loaded_extended_and_merged_by_spark_submit(
    cluster_url: str, run_app: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    submit(cluster_url, "data_model_loader", "data_model_loader/examples/job_input.json", tmp_path)
    loaded = run_app.tables("hospital_example")
    assert {name: len(loaded[name]) for name in ROWS} == ROWS
    source = ROOT / "apps" / "clinical_dataset_merger" / "examples" / "load_source.json"
    run_app("data_model_loader", **json.loads(source.read_text(encoding="utf-8")))
    submit(cluster_url, "dataset_extender", "dataset_extender/examples/job_input.json", tmp_path)
    submit(cluster_url, "clinical_dataset_merger", "clinical_dataset_merger/examples/job_input.json", tmp_path)
    project = LocalProject(tmp_path / "project")
    extended, merged = (
        parse_descriptor(project.read_descriptor(project.find_record(name)))
        for name in ("hospital_scores", "hospital_and_trial")
    )
    types = {field.name: field.type for field in extended.dictionary.entities["patient"].fields[-7:]}
    assert types == {
        "risk_score": "float", "frailty": "integer", "ward_code": "string", "last_review": "date", "seen_at": "datetime",
        "smoking": "string", "letter": "string",
    }  # fmt: skip
    assert list(merged.dictionary.entities) == ["hospital", "patient", "encounter", "test", "volunteer", "measurement"]
