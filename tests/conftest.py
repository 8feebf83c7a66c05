"""What all tests share: the tiers, one Spark for the whole run, and the data that lies beside the checkout.

Tests run in three tiers: those that need no Java and no process of their own (`make test-fast`), those on the one Spark
(marker `spark`, set here for every test that asks for it), and those that start processes (marker `processes`).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from tests.processes import kept_signals

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from common.spark.session import Cluster

# A shell starts background jobs with SIGINT ignored, nohup with SIGHUP. Tests of signals need them, in the processes they start too.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# A busy machine is no fault of the code, and equal code gets equal examples: `--hypothesis-profile=search` looks for others.
BUSY: dict[str, Any] = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("search", max_examples=1000, **BUSY)
hypothesis.settings.register_profile("suite", derandomize=True, **BUSY)
hypothesis.settings.load_profile("suite")

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("LOADER_SHARED_DATA") or ROOT.parent / "shared" / "data")
"""Public example data, too large to ship: the folder `shared/data` beside the checkout, or where the variable says."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "cluster" in getattr(item, "fixturenames", ()):
            item.add_marker("spark")
    items.sort(key=tier)  # a stable sort: within a tier the order is that of the files


def tier(item: pytest.Item) -> int:
    """0 for a test that needs neither Java nor processes, 1 for one on Spark, 2 for one that starts processes."""
    return 2 if item.get_closest_marker("processes") else 1 if item.get_closest_marker("spark") else 0


@pytest.fixture(autouse=True)
def _no_processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Holds tests of the fast tier to what the tier promises."""
    if tier(request.node) == 0:

        def refuse(*_: object, **__: object) -> None:
            pytest.fail("a test that starts a process needs the marker `processes`")

        monkeypatch.setattr("subprocess.Popen.__init__", refuse)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"no shared data at {SHARED}; LOADER_SHARED_DATA names another place")
    return SHARED


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    with kept_signals():
        yield


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The one Spark of the test run: two local cores."""
    from common.spark.session import Cluster

    class SuiteCluster(Cluster):
        """Spark that a run of an app does not stop."""

        def stop(self, *_: object) -> None:
            pass

    spark = SuiteCluster("tests", master="local[2]")
    yield spark
    Cluster.stop(spark)


@pytest.fixture(scope="session")
def spark(cluster: Cluster) -> SparkSession:
    return cluster.session


@pytest.fixture
def sql_session(spark: SparkSession) -> Iterator[SparkSession]:
    """A session for a test that attaches databases. The catalogue is one for all sessions, so what it puts there goes with it."""
    from common.spark.tables import quote_name

    session = spark.newSession()
    before = {each.name for each in session.catalog.listDatabases()}
    yield session
    for name in {each.name for each in session.catalog.listDatabases()} - before:
        session.sql(f"DROP DATABASE {quote_name(name)} CASCADE")
