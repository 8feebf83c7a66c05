"""The plan of an app in a job of the platform's: it makes nothing there, and starts no Spark."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dxpy
import pytest

from common.dataset.database import link
from common.errors import AppError
from common.job.folder import JobFolder
from common.job.progress import Progress
from common.job.run import run_job
from common.job.spec import read_spec
from common.platform.dx import DxPlatform
from common.platform.local import LocalProject
from common.platform.names import new_id
from tests.apps.dx_server import ROOT
from tests.metastore import connected
from tests.processes import kept_signals

DICTIONARY = "entity,name,type,primary_key_type\npatient,id,strin,global\n"
VCF = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"


class NoCluster:
    """Spark that is asked for nothing but to stop."""

    def stop(self) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"Spark was used: {name}")


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DxPlatform]:
    monkeypatch.setenv("LOADER_STAGING", str(tmp_path / "staging"))
    with connected(tmp_path / "project", monkeypatch):
        yield DxPlatform(new_id("job"), NoCluster())  # type: ignore[arg-type]  # no plan may reach it


def upload(name: str, text: str) -> dict[str, Any]:
    return link(dxpy.upload_string(text, name=name, project=dxpy.PROJECT_CONTEXT_ID, wait_on_close=True).get_id())


def run(platform: DxPlatform, folder: Path, app: str, **given: Any) -> None:
    job = JobFolder(folder / "job")
    job.prepare(given)
    main = importlib.import_module(f"apps.{app}.app").main
    spec = read_spec(ROOT / "apps" / app / "dxapp.json")
    with kept_signals():
        run_job(spec, main, job, platform, NoCluster(), Progress(io.StringIO()), [])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("app", "texts", "given", "code"),
    [
        ("data_model_loader", {"data_dictionary": DICTIONARY}, {"output_dataset_name": "study"}, 30),
        ("data_model_loader", {"data_dictionary": DICTIONARY.replace("strin", "string")},
         {"output_dataset_name": "study", "database_name": "1st"}, 80),
        ("genetic_variant_assay_loader", {"vcf_files": VCF.replace("POS", "POSITION")},
         {"output_dataset_name": "study", "assay_name": "calls"}, 201),
    ],
)  # fmt: skip
def test_a_plan_that_is_refused_makes_no_database_and_starts_no_spark(
    platform: DxPlatform, tmp_path: Path, app: str, texts: dict[str, str], given: dict[str, Any], code: int
) -> None:
    files = {name: upload(f"{name}.txt", text) for name, text in texts.items()}
    files = {name: [file] if name == "vcf_files" else file for name, file in files.items()}
    with pytest.raises(AppError) as caught:
        run(platform, tmp_path, app, **files, **given)
    assert caught.value.code == code
    assert LocalProject(tmp_path / "project").databases() == []
    assert not (tmp_path / "project" / "databases" / ".made").exists()
