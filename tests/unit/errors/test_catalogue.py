"""The error catalogue holds every number of the specification, each with a text that a user can act on."""

from __future__ import annotations

import json

import pytest

from common.errors import Rule, catalogue
from resources import resource

DICTIONARY = [1, 10, 11, 12, 13, 14, 15, 16, 18, 20, 21, 25, 30, 31, 32]
KEYS_AND_CODINGS = [40, 41, 42, 43, 44, 45, 46, 47, 50, 51, 52, 53, 54, 55, 57]
DATA = [60, 61, 62, 63, 64, 65, 66, 70, 71, 72, 73, 74, 75, 76, 77]
DATA_SETS_AND_PLATFORM = [80, 81, 82, 83, 84, 90, 91, 92]
EXPRESSION = [100, 101, 102, 103, 104, 105, 106, 107, 108, 109]
VARIANTS = [200, 201, 202, 203, 204, 205, 206, 207, 208, 209, 210, 211, 212, 213, 214]
MERGERS = [300, 301, 302, 303, 310, 311, 312, 313, 320, 321, 322]
ALL = DICTIONARY + KEYS_AND_CODINGS + DATA + DATA_SETS_AND_PLATFORM + EXPRESSION + VARIANTS + MERGERS


def test_catalogue_holds_every_number_and_no_other() -> None:
    assert sorted(catalogue()) == ALL


def test_numbers_stand_in_ascending_order_and_once_each() -> None:
    pairs = json.loads(resource("errors.json").read_text(encoding="utf-8"), object_pairs_hook=list)
    assert [int(number) for number, _ in pairs] == ALL


@pytest.mark.parametrize("rule", catalogue().values(), ids=lambda rule: str(rule.code))
def test_every_rule_has_a_short_title_one_sentence_and_a_remedy(rule: Rule) -> None:
    assert 1 <= len(rule.title.split()) <= 8
    assert not rule.title.endswith(".")
    assert rule.scenario.endswith(".")
    assert ". " not in rule.scenario
    assert rule.remedy.endswith(".")
    assert len(rule.remedy) <= 200
