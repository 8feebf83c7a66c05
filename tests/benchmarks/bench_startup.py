"""The cost of a session that does almost nothing: plain pyspark, and the suite with and without its archive."""

from __future__ import annotations

import sys
import tempfile

from common.spark.bundle import ROOT
from common.spark.java import find_java
from common.spark.launch import LOOPBACK
from tests.benchmarks.measure import Way, compare

_TASK = "def task(_): import numpy, pyarrow.parquet\n"
_PLAIN = (
    "from pyspark import SparkConf, SparkContext\n"
    f"conf = SparkConf().set('spark.ui.enabled', 'false').set('spark.driver.host', '{LOOPBACK}')\n"
    "context = SparkContext('local[2]', 'plain', conf=conf)\n"
    f"{_TASK}"
    "context.parallelize([1, 2], 2).map(task).collect()\n"
)
_PLAIN_SQL = "from pyspark.sql import SparkSession\nsession = SparkSession(context)\n"
_OURS = (
    "from common.spark.session import Cluster\n"
    "cluster = Cluster('ours', 'local[2]')\n"
    f"{_TASK}"
    "cluster.map(task, [1, 2], 'tasks')\n"
)
_OURS_SQL = "session = cluster.session\n"
_SQL = "session.range(1000).selectExpr('id % 7 AS k').groupBy('k').count().collect()\n"


def main(full: bool = False) -> None:
    """Prints two tables: tasks only, and tasks and a small SQL query."""
    if not find_java().archive.exists():
        sys.exit("No class-data archive: make setup makes it")
    here = {"PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": sys.executable}
    with tempfile.TemporaryDirectory() as elsewhere:
        bare = f"import sys; sys.prefix = {elsewhere!r}\n"  # an environment in which set-up made nothing
        for title, plain, ours in (
            ("a context and two Python tasks", _PLAIN, _OURS),
            ("the same and a query", _PLAIN + _PLAIN_SQL + _SQL, _OURS + _OURS_SQL + _SQL),
        ):
            programs = {
                "plain pyspark": f"{plain}context.stop()\n",
                "ours without the archive": f"{bare}{ours}cluster.stop()\n",
                "ours": f"{ours}cluster.stop()\n",
            }
            compare(
                title,
                {name: Way([sys.executable, "-c", code], here) for name, code in programs.items()},
                rounds=3 if full else 1,
            )
