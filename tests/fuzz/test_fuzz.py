"""A short search of every fuzzer, the same inputs each time; `make fuzz` searches longer, from a new seed."""

from __future__ import annotations

import pytest

from tests.fuzz import fuzzers


def _marked(name: str) -> object:
    return pytest.param(name, marks=pytest.mark.processes) if name in ("cluster", "kill") else name


@pytest.mark.parametrize("name", [_marked(name) for name in fuzzers()])
def test_a_fuzzer_finds_nothing(name: str) -> None:
    fuzzer = fuzzers()[name]
    assert fuzzer.run(1, fuzzer.SUITE_COUNT) == []
