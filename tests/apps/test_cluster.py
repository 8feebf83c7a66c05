"""Jobs on a local cluster of separate processes: a standalone master and two workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import psutil
import pytest

from common.errors import AppError
from common.spark import standalone
from common.spark.launch import environment, spark_submit_command
from tests.processes import without_progress

pytestmark = pytest.mark.processes

PROGRAM = """
import os
import time
from common.errors import AppError, Rule
from common.faults import Faults
from common.spark.session import Cluster

BOTH = {  # wait for both workers, so that the first one does not run all tasks
    "spark.cores.max": "2", "spark.scheduler.minRegisteredResourcesRatio": "1",
    "spark.scheduler.maxRegisteredResourcesWaitingTime": "300s",
}
cluster = Cluster("on a cluster", conf=BOTH)
try:
    print(cluster.parallelism, cluster.map(Faults.codes, [Faults({2: 1}), Faults({3: 1}), Faults({4: 1})], "codes"))
    executors = cluster.map(lambda _: time.sleep(0.5) or os.getppid(), range(8), "executors")
    print(len(set(executors)), cluster.session.range(100).repartition(4).selectExpr("sum(id)").first()[0])
    cluster.map(lambda _: (_ for _ in ()).throw(AppError(Rule.JOB_INPUT, "refused on a worker")), [1], "refusal")
except AppError as error:
    print(error.code, error.text)
cluster.stop()
"""


@pytest.fixture(scope="module")
def standalone_cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    yield standalone.start(folder), folder
    standalone.stop(folder)


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


EXPECTED = ["2 [[2], [3], [4]]", "2 4950", "90 refused on a worker"]


def test_both_workers_register_and_a_second_start_finds_the_same_cluster(standalone_cluster):
    cluster, folder = standalone_cluster
    assert standalone.registered_workers(cluster) == 2
    assert standalone.start(folder) == cluster


def test_a_job_through_spark_submit_runs_on_both_workers_with_the_suite_shipped(standalone_cluster, program, tmp_path):
    cluster, _ = standalone_cluster
    command = spark_submit_command(program, master=cluster.url)
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment(cluster.url), capture_output=True, text=True, check=False
    )
    # spark-submit joins a program's stderr to its own stdout.
    assert (without_progress(ran.stdout).splitlines(), ran.stderr, ran.returncode) == (EXPECTED, "", 0)


def test_a_job_through_plain_python_ships_the_suite_itself(standalone_cluster, tmp_path):
    cluster, _ = standalone_cluster
    program = PROGRAM.replace('Cluster("on a cluster"', f"Cluster('x', {cluster.url!r}")
    names = {**os.environ, "PYTHONPATH": str(standalone.ROOT)}
    # The cluster's workers were started without this PYTHONPATH: they know the suite only as it is shipped.
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=names, capture_output=True, text=True, check=False
    )
    assert (ran.stdout.splitlines(), ran.returncode) == (EXPECTED, 0), ran.stderr


def test_two_clusters_run_side_by_side_and_each_is_stopped_alone(standalone_cluster, tmp_path):
    first, _ = standalone_cluster
    second = standalone.start(tmp_path, workers=1)
    assert (second.url != first.url, second.page != first.page) == (True, True)
    assert standalone.registered_workers(second) == 1
    assert (second.is_whole, standalone.stop(tmp_path), second.alive(), standalone.stop(tmp_path)) == (True, 2, [], 0)
    assert (standalone.find(tmp_path), first.is_whole, standalone.registered_workers(first)) == (None, True, 2)


def test_a_cluster_that_does_not_come_up_is_taken_down_and_says_where_its_logs_are(tmp_path):
    with pytest.raises(AppError, match=r"Error 92 \(Spark failed\): the cluster did not come up") as told:
        standalone.start(tmp_path, workers=1, memory="none")
    assert str(tmp_path) in told.value.text
    assert "Usage: Worker" in (tmp_path / "worker-1.log").read_text()
    assert standalone.stop(tmp_path) == 0


def test_what_is_left_of_a_cluster_that_lost_a_process_is_ended_before_another_starts(tmp_path):
    with subprocess.Popen(["sleep", "120"]) as left, subprocess.Popen(["true"]) as lost:
        processes = [[each.pid, psutil.Process(each.pid).create_time()] for each in (left, lost)]
        lost.wait()
        state = {"url": "spark://x", "page": "http://x", "workers": 1, "processes": processes}
        (tmp_path / "cluster.json").write_text(json.dumps(state))
        with pytest.raises(AppError, match="did not come up"):
            standalone.start(tmp_path, workers=1, memory="none")
        is_left = psutil.pid_exists(left.pid)
        left.kill()
    assert not is_left


def test_a_pid_that_now_belongs_to_another_process_is_left_alone(tmp_path):
    with subprocess.Popen(["sleep", "60"]) as other:
        state = f'{{"url": "spark://x", "page": "http://x", "workers": 0, "processes": [[{other.pid}, 12345.0]]}}'
        (tmp_path / "cluster.json").write_text(state)
        assert (standalone.stop(tmp_path), other.poll()) == (0, None)
        other.kill()
