"""A short search of every fuzzer, the same inputs each time; `make fuzz` searches longer, from a new seed."""

from __future__ import annotations

import pytest

from tests.fuzz import fuzzers


@pytest.mark.parametrize("name", list(fuzzers()))
def test_a_fuzzer_finds_nothing(name: str) -> None:
    fuzzer = fuzzers()[name]
    assert fuzzer.run(1, fuzzer.SUITE_COUNT) == []
