"""Reserved words, names that the layout uses, and the nearest name."""

from __future__ import annotations

import json

import pytest

from common.dictionary import Entity, Field, is_split, name_problem
from common.dictionary.names import stopwords
from common.errors import Rule
from common.faults import EXAMPLES_PER_RULE, Faults
from common.nearest import nearest_name, remedy_naming
from resources import resource


def test_stopwords_are_the_81_reserved_words_of_spark_4_3_in_order() -> None:
    words = json.loads(resource("stopwords.json").read_text(encoding="utf-8"))["words"]
    assert len(words) == 81
    assert words == sorted(set(words))
    assert {"ALL", "END", "ORDER", "SELECT", "TABLE", "TIME", "USER", "WITHIN"} <= stopwords()
    assert not {"DATE", "STATUS", "VALUE", "YEAR", "TYPE", "START"} & stopwords()


@pytest.mark.parametrize("word", ["end", "End", "SELECT", "current_date"])
def test_stopwords_are_refused_in_any_case(word: str) -> None:
    assert name_problem(word) == f"{word.upper()} is a reserved word of SQL"


def test_an_entity_is_split_when_it_has_more_fields_than_columns_its_key_included() -> None:
    entity = Entity("e", tuple(Field("e", f"f{number}", "string") for number in range(400)))
    assert not is_split(entity, 400)
    assert is_split(entity, 399)


@pytest.mark.parametrize(
    ("name", "nearest"), [("patientid", "patient_id"), ("PATIENT_ID", "patient_id"), ("Sexx", "sex"), ("zebra", None)]
)
def test_nearest_name(name: str, nearest: str | None) -> None:
    assert nearest_name(name, ["patient_id", "sex", "age"]) == nearest


def test_only_faults_that_are_kept_as_examples_get_a_suggestion() -> None:
    faults = Faults()
    assert (
        remedy_naming(Rule.CODING_UNDEFINED, "sexx", ["sex"], faults)
        == f"Did you mean 'sex'? Otherwise: {Rule.CODING_UNDEFINED.remedy}"
    )
    faults.add_count(Rule.CODING_UNDEFINED, EXAMPLES_PER_RULE)
    assert remedy_naming(Rule.CODING_UNDEFINED, "sexx", ["sex"], faults) == ""
