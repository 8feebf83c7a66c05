"""The New Loader from input files to tables, and what it does with users' mistakes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from common.faults import FaultError
from tests.apps.conftest import Runner

APP = "new_loader"
Files = Callable[..., dict[str, str]]


def test_files_of_one_header_become_one_table(run_app: Runner, write_files: Files) -> None:
    files = write_files(a__csv="id,tissue\nS1,liver\nS2,\n", b__csv="id,tissue\nS3,skin\n")
    outputs = run_app(APP, data_files=list(files.values()), output_dataset_name="samples")
    assert sorted(outputs) == ["database", "dataset", "report"]
    assert run_app.tables("samples") == {
        "sample": [{"id": "S1", "tissue": "liver"}, {"id": "S2", "tissue": None}, {"id": "S3", "tissue": "skin"}]
    }


def test_faulty_keys_are_all_told_and_nothing_is_published(run_app: Runner, write_files: Files) -> None:
    files = write_files(a__csv="id,tissue\nS1,liver\n,skin\n", b__csv="id,tissue\nS1,skin\n")
    with pytest.raises(FaultError) as caught:
        run_app(APP, data_files=list(files.values()), output_dataset_name="samples")
    faults = {(fault.code, fault.file, fault.line, fault.field, fault.value) for fault in caught.value.faults}
    assert faults == {
        (73, "a.csv", 3, "id", None), (74, "a.csv", 2, "id", "S1"), (74, "b.csv", 2, "id", "S1"),
    }  # fmt: skip
    assert run_app.store.find_objects("record") == []


def test_a_file_of_another_header_is_refused(run_app: Runner, write_files: Files) -> None:
    files = write_files(a__csv="id,tissue\nS1,liver\n", b__csv="id,organ\nS2,skin\n")
    with pytest.raises(FaultError) as caught:
        run_app(APP, data_files=list(files.values()), output_dataset_name="samples")
    assert [(fault.code, fault.file, fault.field, fault.value) for fault in caught.value.faults] == [
        (62, "b.csv", "", "organ"), (63, "b.csv", "tissue", None),
    ]  # fmt: skip
