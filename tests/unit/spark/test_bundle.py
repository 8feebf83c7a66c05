"""The zip that carries the suite to workers."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest

from common.spark.bundle import write_bundle


def test_equal_sources_give_equal_bytes(tmp_path):
    first, second = write_bundle(tmp_path / "a.zip"), write_bundle(tmp_path / "b.zip")
    assert first.read_bytes() == second.read_bytes()


def test_a_job_that_reads_the_zip_while_another_writes_it_anew_reads_a_whole_one(tmp_path, monkeypatch):
    path = write_bundle(tmp_path / "suite.zip")
    whole = path.read_bytes()
    seen = []
    write = zipfile.ZipFile.writestr
    monkeypatch.setattr(zipfile.ZipFile, "writestr", lambda *given: (write(*given), seen.append(path.read_bytes())))
    assert write_bundle(path) == path
    assert set(seen) == {whole}
    assert [each.name for each in tmp_path.iterdir()] == ["suite.zip"]


def test_it_holds_code_and_data_and_nothing_that_was_built(tmp_path):
    names = zipfile.ZipFile(write_bundle(tmp_path / "new" / "suite.zip")).namelist()
    assert {"apps/__init__.py", "common/spark/stage.py", "resources/spark-defaults.conf"} <= set(names)
    assert {name.split("/")[0] for name in names} == {"apps", "common", "resources"}
    assert not [name for name in names if "__pycache__" in name]


@pytest.mark.processes
def test_a_program_imports_the_suite_and_reads_its_data_from_the_zip(tmp_path):
    bundle = write_bundle(tmp_path / "suite.zip")
    program = "import common.spark.launch as launch; print(launch.__file__, launch.read_defaults()['spark.sql.session.timeZone'])"
    command = [sys.executable, "-c", program]
    ran = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(bundle)}, capture_output=True, text=True, check=False
    )
    assert ran.stdout.split() == [f"{bundle}/common/spark/launch.py", "UTC"], ran.stderr
