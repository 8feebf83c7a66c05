from __future__ import annotations

import pytest

from common.job.outputs import OutputError, check_outputs
from common.job.spec import parse_spec

SPEC = parse_spec({
    "name": "a", "title": "A", "summary": "Does a", "version": "1.0.0",
    "outputSpec": [
        {"name": "dataset", "class": "record", "optional": True},
        {"name": "rows", "class": "int"},
        {"name": "files", "class": "array:file", "optional": True},
    ],
})  # fmt: skip


def test_outputs_come_in_the_order_of_the_spec_and_none_is_absent() -> None:
    returned = {"rows": 2, "files": None, "dataset": {"$dnanexus_link": "record-x"}}
    assert list(check_outputs(returned, SPEC).items()) == [("dataset", {"$dnanexus_link": "record-x"}), ("rows", 2)]


def test_everything_that_does_not_fit_is_told_at_once() -> None:
    with pytest.raises(OutputError) as raised:
        check_outputs({"dataset": "record-x", "files": [{"$dnanexus_link": "file-x"}, "report.json"], "row": 1}, SPEC)
    assert str(raised.value) == (
        "the outputs of a do not fit its outputSpec: row is not in the outputSpec; dataset is not of class record; "
        "rows is missing; files is not of class array:file"
    )
