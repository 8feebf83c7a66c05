"""Stages of tasks: order, refusals, failures."""

from __future__ import annotations

import errno
import os
import re
import threading
import time

import pytest
from pyspark import SparkContext

from common.errors import AppError, Rule
from common.faults import FaultError, Faults, Place
from common.spark.stage import root_cause


def square(number):
    return number * number


def refuse_two(number):
    if number == 2:
        raise AppError(Rule.JOB_INPUT, "two is not a number we take", "Give one.")
    return number


def fill_the_disk(path):
    raise OSError(errno.ENOSPC, "Error writing bytes to file", path)


def find_a_fault(name):
    faults = Faults()
    faults.add(Rule.DATA_FILE_MISSING, "no such file", Place(name))
    faults.raise_if_any("Reading")


def refuse_or_sleep(seconds):
    if not seconds:
        raise AppError(Rule.JOB_INPUT, "refused at once")
    time.sleep(seconds)


def divide_by(number):
    return 1 // number


def leave(number):
    os._exit(number)


def test_results_come_in_the_order_of_the_items(cluster):
    assert cluster.map(square, [3, 1, 2, 5], "squares") == [9, 1, 4, 25]


def test_no_items_give_no_results(cluster):
    assert cluster.map(square, [], "squares") == []


def test_a_closure_is_shipped_with_what_it_holds(cluster):
    offset = 10
    assert cluster.map(lambda number: number + offset, [1, 2], "sums") == [11, 12]


def test_an_app_error_in_a_task_arrives_as_it_was_raised(cluster):
    with pytest.raises(AppError) as refused:
        cluster.map(refuse_two, [1, 2, 3], "numbers")
    assert (refused.value.code, refused.value.text, refused.value.remedy) == (
        90,
        "two is not a number we take",
        "Give one.",
    )


def test_faults_found_in_a_task_arrive_with_their_examples(cluster):
    with pytest.raises(FaultError) as found:
        cluster.map(find_a_fault, ["visit.csv"], "files")
    assert (found.value.stage, [fault.file for fault in found.value.faults]) == ("Reading", ["visit.csv"])


def test_a_refusal_cancels_the_tasks_that_still_run(cluster):
    begun = time.monotonic()
    with pytest.raises(AppError, match="refused at once"):
        cluster.map(refuse_or_sleep, [0, 60, 60, 60], "sleepers")
    assert time.monotonic() - begun < 30


def test_ctrl_c_ends_a_stage_whose_job_is_only_about_to_start(cluster, monkeypatch):
    begun, real, pressed = time.monotonic(), SparkContext.setJobGroup, threading.Event()

    def set_group_late(*given, **named):
        assert pressed.wait(60)
        time.sleep(1)
        real(*given, **named)

    def press(progress):
        pressed.set()
        raise KeyboardInterrupt

    monkeypatch.setattr(SparkContext, "setJobGroup", set_group_late)
    monkeypatch.setattr("common.spark.stage._Progress.show", press)
    with pytest.raises(KeyboardInterrupt):
        cluster.map(refuse_or_sleep, [60], "sleeper")
    assert time.monotonic() - begun < 30


def test_any_other_exception_is_error_92_in_one_line_without_a_trace(cluster, capfd):
    with pytest.raises(AppError) as failed:
        cluster.map(divide_by, [1, 0], "quotients")
    assert (failed.value.code, failed.value.text) == (
        92,
        "quotients: ZeroDivisionError: integer division or modulo by zero",
    )
    assert failed.value.__suppress_context__
    assert capfd.readouterr().err == ""


def test_a_worker_that_dies_is_error_92(cluster):
    with pytest.raises(AppError) as failed:
        cluster.map(leave, [7], "exits")
    assert failed.value.code == 92
    assert "\n" not in failed.value.text
    assert "a Python process of Spark's was killed or crashed" in failed.value.text


def test_a_long_stage_says_on_stderr_how_far_it_is(cluster, capsys, monkeypatch):
    monkeypatch.setattr("common.spark.stage._LINE_EVERY", 0.5)
    cluster.map(time.sleep, [0, 0, 2], "Counting lines")
    assert re.match(r"Counting lines: \d of 3 tasks, \d s\n", capsys.readouterr().err)


def test_the_cluster_works_on_after_a_failure(cluster):
    with pytest.raises(AppError):
        cluster.map(divide_by, [0], "quotients")
    assert cluster.map(square, [4], "squares") == [16]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (
            (
                "Job aborted: PythonException: Traceback (most recent call last):\n"
                '  File "a.py", line 1, in f\n    g()\nKeyError: 1\n\n'
                "During handling of the above exception, another exception occurred:\n\n"
                'Traceback (most recent call last):\n  File "b.py", line 2, in g\n    ^^^\nValueError: bad\nmore\n\n\tat org.apache\n'
            ),
            "ValueError: bad",
        ),
        (
            (
                "An error occurred while calling o1.collect.\n: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 "
                "in stage 2.0 failed 4 times, most recent failure: Lost task 0.3 in stage 2.0 (TID 9) (node7 executor 3): "
                "ExecutorLostFailure (executor 3 exited): out of memory\nDriver stacktrace:\n\tat org.apache\n"
            ),
            "ExecutorLostFailure (executor 3 exited): out of memory",
        ),
        (
            "An error occurred.\n: java.net.BindException: Address in use\n\tat x",
            "java.net.BindException: Address in use",
        ),
        ("", "no reason given"),
    ],
    ids=["python", "executor", "java", "nothing"],
)
def test_the_root_cause_is_one_line(text, cause):
    assert root_cause(text) == cause


def test_a_disk_that_is_full_is_error_91_with_what_to_do(cluster):
    with pytest.raises(AppError) as refused:
        cluster.map(fill_the_disk, ["/data/part"], "load")
    assert (refused.value.code, refused.value.text) == (91, "/data/part: No space left on device")
    assert "Make room on this disk" in refused.value.message
