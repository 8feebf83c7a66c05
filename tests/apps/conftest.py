"""Runs of apps in this process on the suite's one Spark."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from common.job.folder import JobFolder
from common.job.progress import Progress
from common.job.run import run_job
from common.job.spec import read_spec
from common.platform.local import LocalProject
from common.spark.session import Cluster
from tests.processes import kept_signals

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Runner:
    """`run(app, name=value, …)` gives the app's outputs; `shown` is what its last run told the user."""

    cluster: Cluster
    project: Path
    jobs: Path
    shown: str = ""

    @property
    def store(self) -> LocalProject:
        """The project as a reader sees it now."""
        return LocalProject(str(self.project))

    @property
    def job_dir(self) -> Path:
        """The folder of the last run."""
        return max(self.jobs.iterdir(), key=lambda each: each.stat().st_mtime_ns)

    def __call__(self, app: str, **given: Any) -> dict[str, Any]:
        platform, stream = LocalProject(str(self.project)), io.StringIO()
        folder = JobFolder(self.jobs / platform.job_id)
        folder.prepare(given)
        main = importlib.import_module(f"apps.{app}.app").main
        spec = read_spec(ROOT / "apps" / app / "dxapp.json")
        try:
            with kept_signals():
                return run_job(spec, main, folder, platform, self.cluster, Progress(stream), [])
        finally:
            self.shown = stream.getvalue()

    def tables(self, dataset: str) -> dict[str, list[dict[str, Any]]]:
        """Every table of the Dataset's databases as rows, read by path with PyArrow, in the order of their files."""
        import pyarrow.parquet as pq

        record = self.store.find_record(dataset)
        databases = {link["$dnanexus_link"] for each in record.details["databases"] for link in each.values()}
        return {
            table: [row for path in self.store.table_files(database, table) for row in pq.read_table(path).to_pylist()]
            for database in map(self.store.find_database, sorted(databases))
            for table in self.store.tables(database)
        }


@pytest.fixture
def run_app(cluster: Cluster, tmp_path: Path) -> Runner:
    """A runner over a project of this test alone."""
    return Runner(cluster, tmp_path / "project", tmp_path / "jobs")


@pytest.fixture
def write_files(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Writes texts to files named by keywords, `__` for a dot (`patient__csv`), and gives their paths by name."""

    def write(**texts: str | bytes) -> dict[str, str]:
        folder = tmp_path / "input"
        folder.mkdir(exist_ok=True)
        paths = {}
        for key, text in texts.items():
            path = folder / key.replace("__", ".")
            path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
            paths[path.name] = str(path)
        return paths

    return write


@pytest.fixture(scope="session")
def study(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """The project of `assay_study`, for tests that add Datasets to it under names of their own."""
    from tests.apps.assay_study import build_study

    return build_study(cluster, tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="session")
def whole(study: Runner, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The descriptor of its clinic with both assays."""
    from tests.apps.assay_study import TO_PATIENTS, merge_assay

    folder = tmp_path_factory.mktemp("whole")
    merge_assay(study, folder, "half", linking=TO_PATIENTS)
    return merge_assay(study, folder, "whole", "variants", "half")
