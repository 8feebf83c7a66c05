"""The session starts when first used and is quiet; the caller's settings override the suite's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyspark
import pytest

from common.spark.launch import read_defaults
from tests.processes import wait_for, without_progress

ROOT = Path(__file__).resolve().parents[3]


def run_python(program, environment=None, cwd=ROOT):
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=cwd,
        env=environment or os.environ,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.processes
def test_importing_the_cluster_and_making_one_does_not_import_pyspark():
    program = "import sys; from common.spark.session import Cluster; c = Cluster('x'); c.stop(); print('pyspark' in sys.modules)"
    assert run_python(program).stdout == "False\n"


def test_parallelism_is_the_cores_of_the_master(cluster):
    assert cluster.parallelism == 2


def test_a_local_worker_imports_the_installed_pyspark_and_never_pandas(cluster):
    program = """[__import__("pyspark.worker").__file__,
        __import__("numpy").asarray(__import__("pyarrow").array([1])).tolist(),
        "pandas" in __import__("sys").modules]"""
    assert cluster.map(eval, [program], "imports") == [[pyspark.__file__, [1], False]]


def test_the_suites_settings_reach_the_session(spark):
    wanted = read_defaults()
    assert {name: spark.conf.get(name) for name in wanted} == wanted


def test_times_are_utc_whatever_the_machine_says(spark):
    shown = spark.sql(
        "SELECT CAST(TIMESTAMP '2024-03-01 00:30:00' AS STRING), unix_timestamp(TIMESTAMP '2024-03-01 00:30:00')"
    )
    assert tuple(shown.first()) == ("2024-03-01 00:30:00", int(datetime(2024, 3, 1, 0, 30, tzinfo=UTC).timestamp()))


@pytest.mark.processes
def test_a_clean_run_in_a_hostile_environment_prints_nothing_but_its_result(tmp_path):
    program = (
        "import sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from common.spark.session import Cluster\n"
        "cluster = Cluster('quiet', 'local[1]', {'spark.sql.session.timeZone': 'Asia/Tokyo'})\n"
        "print(cluster.map(abs, [-1], 'abs'), cluster.session.range(3).count(), cluster.session.conf.get('spark.sql.session.timeZone'))\n"
        "cluster.stop()\n"
    )
    nonsense = dict.fromkeys(
        ("JAVA_HOME", "SPARK_HOME", "SPARK_CONF_DIR", "PYTHONPATH", "VIRTUAL_ENV"), "/no/such/place"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYSPARK_PYTHON": "/no/such/python", **nonsense}
    ran = run_python(program, environment, tmp_path)
    assert (ran.stdout, without_progress(ran.stderr), ran.returncode) == ("[1] 3 Asia/Tokyo\n", "", 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.processes
@pytest.mark.parametrize(
    ("master", "text"),
    [
        (
            "nonsense://nowhere",
            "Spark did not start: nonsense://nowhere is not a master; one starts with local, spark://, yarn, k8s://",
        ),
        (
            "local[many]",
            "Spark did not start on local[many]: org.apache.spark.SparkException: Could not parse Master URL: 'local[many]'",
        ),
    ],
)
def test_a_master_that_spark_does_not_know_is_error_92_in_one_line(master, text):
    program = (
        "from common.errors import AppError\n"
        "from common.spark.session import Cluster\n"
        f"try: Cluster('x', {master!r}).context\n"
        "except AppError as error: print(error.code, error.text)\n"
    )
    ran = run_python(program)
    assert (ran.stdout, ran.stderr) == (f"92 {text}\n", "")


@pytest.mark.processes
def test_ctrl_c_ends_a_stage_at_once(tmp_path):
    at_work = tmp_path / "at work"
    program = (
        "import time\n"
        "from pathlib import Path\n"
        "from common.spark.session import Cluster\n"
        "cluster = Cluster('x', 'local[1]')\n"
        f"try: cluster.map(lambda path: Path(path).touch() or time.sleep(600), [{str(at_work)!r}], 'sleep')\n"
        "except KeyboardInterrupt: print('interrupted')\n"
        "cluster.stop()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_for([at_work], process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (out, without_progress(err)) == ("interrupted\n", "")
