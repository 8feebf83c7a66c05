"""The error catalogue has a title, a scenario and a remedy for every rule, and no other entries."""

from __future__ import annotations

import json

import pytest

from common.errors import Rule
from resources import resource

ENTRIES = json.loads(resource("errors.json").read_text(encoding="utf-8"))


def test_rules_and_catalogue_have_the_same_numbers_in_ascending_order() -> None:
    pairs = json.loads(resource("errors.json").read_text(encoding="utf-8"), object_pairs_hook=list)
    assert [int(number) for number, _ in pairs] == [rule.value for rule in Rule] == sorted(Rule)


@pytest.mark.parametrize("rule", Rule, ids=lambda rule: rule.name)
def test_every_rule_has_a_short_title_one_sentence_and_a_remedy(rule: Rule) -> None:
    assert 1 <= len(rule.title.split()) <= 8
    assert not rule.title.endswith(".")
    assert ENTRIES[str(rule.value)]["scenario"].endswith(".")
    assert ". " not in ENTRIES[str(rule.value)]["scenario"]
    assert rule.remedy.endswith(".")
    assert len(rule.remedy) <= 200
