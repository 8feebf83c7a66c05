"""The class-data archive: made once, used if it fits, silently ignored if not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.spark import java
from common.spark.java import Java, find_java
from common.spark.launch import archive_options
from tests.processes import without_progress

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parents[3]


def test_without_an_archive_there_are_no_options(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert archive_options() == []


def test_the_name_follows_java_and_spark(monkeypatch):
    here = Java(Path("/opt/java"), "17.0.1+2")
    before = here.archive
    monkeypatch.setattr(java, "version", lambda _: "9.9.9")
    assert {before, here.archive, Java(here.home, "17.0.2+1").archive} == {
        before,
        before.with_name("spark-9.9.9.jsa"),
        Java(here.home, "17.0.2+1").archive,
    }
    assert before.parent != Java(here.home, "17.0.2+1").archive.parent


@pytest.mark.parametrize("content", [b"", b"not an archive" * 1000], ids=["empty", "nonsense"])
def test_a_stale_archive_is_passed_over_in_silence(monkeypatch, tmp_path, content):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    path = find_java().archive
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    options = archive_options()
    assert f"-XX:SharedArchiveFile={path}" in options
    ran = subprocess.run([find_java().executable, *options, "-version"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")
    assert "archive" not in ran.stderr


def test_an_archive_made_here_is_mapped_by_the_next_session(tmp_path):
    program = (
        f"import sys; sys.prefix = {str(tmp_path)!r}\n"
        "from common.spark import archive, internals, java\n"
        "from common.spark.session import Cluster\n"
        "path = archive.make_archive(java.find_java())\n"
        "cluster = Cluster('after', 'local[1]')\n"
        "pid = internals.jvm(cluster.session).java.lang.ProcessHandle.current().pid()\n"
        "print(str(path) in open(f'/proc/{pid}/maps').read(), cluster.map(abs, [-1], 'abs'))\n"
    )
    if not Path("/proc/self/maps").exists():
        pytest.skip("what a process has mapped is read from Linux's /proc")
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False
    )
    assert (ran.stdout, without_progress(ran.stderr)) == ("True [1]\n", "")
