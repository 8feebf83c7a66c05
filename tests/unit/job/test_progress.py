from __future__ import annotations

import io

import pytest

from common.job.progress import Progress, align


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_file_gets_each_stage_once_when_it_has_ended() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    with progress.stage("plan") as stage:
        stage.note("1 entity")
        stage.note("3 entities")
        assert stream.getvalue() == ""
    line = stream.getvalue()
    assert line.split() == ["plan", "3", "entities", "0.0", "s"]
    assert [(each.name, each.text) for each in progress.stages] == [("plan", "3 entities")]


def test_a_terminal_sees_a_stage_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    progress = Progress(stream)
    with progress.stage("load") as stage:
        stage.note("1,204 rows")
        assert stream.getvalue().endswith("\r\x1b[Kload         1,204 rows …")
    assert stream.getvalue().splitlines()[-1].split() == ["\x1b[Kload", "1,204", "rows", "0.0", "s"]


def test_a_failed_stage_says_so_and_the_error_goes_on() -> None:
    progress = Progress(io.StringIO())
    with pytest.raises(ValueError, match="bad"), progress.stage("load"):
        raise ValueError("bad")
    assert [(each.name, each.text) for each in progress.stages] == [("load", "failed")]


def test_a_brief_run_shows_warnings_only() -> None:
    stream = io.StringIO()
    progress = Progress(stream, brief=True)
    with progress.stage("plan"):
        progress.warn("the self-reference of eid is ignored")
    progress.table("Study", ["entity", "rows"], [["patient", "2"]])
    assert stream.getvalue() == "Warning: the self-reference of eid is ignored\n"
    assert progress.warnings == ["the self-reference of eid is ignored"]
    assert [each.name for each in progress.stages] == ["plan"]


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured, plain = Terminal(), Terminal()
    Progress(coloured).warn("w")
    monkeypatch.setenv("NO_COLOR", "1")
    Progress(plain).warn("w")
    assert coloured.getvalue() == "\x1b[33mWarning:\x1b[0m w\n"
    assert plain.getvalue() == "Warning: w\n"


def test_the_table_is_aligned_with_figures_to_the_right() -> None:
    stream = io.StringIO()
    Progress(stream).table("Study", ["entity", "rows"], [["patient", "1,204"], ["visit", "87"]])
    assert stream.getvalue() == "\nStudy\nentity    rows\n-------  -----\npatient  1,204\nvisit       87\n\n"


def test_a_table_without_rows_is_its_header() -> None:
    assert align(["entity", "rows"], []) == ["entity  rows", "------  ----"]
