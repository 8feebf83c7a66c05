"""Faults are counted by rule, file and field, their examples spread over fields, and shown as a table first."""

from __future__ import annotations

import pickle

from common.errors import Rule
from common.faults import Faults, Place


def of_fields(fields: int, rows: int, first: int = 2) -> Faults:
    """Rows in which the field `age` is always faulty and the others once each."""
    faults = Faults()
    for row in range(rows):
        value = "NA" if row % 10 else "?"
        faults.add(Rule.VALUE_TYPE, "no number", Place("p.csv", first + row, "p", "age"), value=value)
    for field in range(fields):
        faults.add(Rule.VALUE_TYPE, "no number", Place("p.csv", first + field, "p", f"f{field}"), value="x")
    return faults


def test_examples_of_a_rule_are_spread_over_its_fields_also_when_tasks_are_merged() -> None:
    faults = of_fields(fields=5, rows=1000)
    assert len(faults.examples[70]) == 20
    assert {fault.field for fault in faults} == {"age", "f0", "f1", "f2", "f3", "f4"}
    whole = Faults()
    for first in (2, 2000, 4000):
        whole.merge(pickle.loads(pickle.dumps(of_fields(fields=34, rows=1000, first=first))))  # our own
    assert len({fault.field for fault in whole}) == len(whole.examples[70]) == 20
    assert (whole.total, sum(each.faults for each in whole.kinds.values())) == (3102, 3102)


def test_the_table_has_the_count_and_the_commonest_values_of_each_field_and_stands_first() -> None:
    lines = of_fields(fields=1, rows=1000).render().splitlines()
    assert lines[:5] == [
        "    faults  rule   place         commonest values",
        "     1,000  [70]   p.csv, p.age  'NA' 900, '?' 100",
        "         1  [70]   p.csv, p.f0   'x' 1",
        "",
        "[70] value not of the field's type: 1,001 faults",
    ]
    assert "    … and 981 more" in lines


def test_faults_that_stand_once_each_need_no_table() -> None:
    assert (
        of_fields(fields=2, rows=1)
        .render()
        .startswith("[70] value not of the field's type: 3 faults\n    p.csv line 2")
    )


def test_faults_counted_without_an_example_belong_to_the_field_that_was_added_last() -> None:
    faults = of_fields(fields=1, rows=0)
    faults.add_count(Rule.VALUE_TYPE, 5, {"x": 3, "y": 2})
    faults.add_count(Rule.NOT_IN_CODING, 4)
    assert faults.render().splitlines()[1:3] == ["         6  [70]   p.csv, p.f0  'x' 4, 'y' 2", "         4  [71]   -"]
    (of_70, of_71) = faults.to_json()
    assert of_70["by_field"] == [
        {"file": "p.csv", "entity": "p", "field": "f0", "count": 6, "values_are_exact": True,
         "values": [{"value": "x", "count": 4}, {"value": "y", "count": 2}]}
    ]  # fmt: skip
    assert (of_71["count"], of_71["by_field"][0]["values"]) == (4, [])


def test_values_and_fields_beyond_what_is_kept_are_counted_all_the_same() -> None:
    faults = Faults()
    for row in range(5000):
        faults.add(
            Rule.NOT_IN_CODING, "strange", Place("p.csv", row, field="a"), value="often" if row % 2 else f"v{row}"
        )
    (count,) = faults.kinds.values()
    assert (count.faults, count.values["often"], count.is_exact, len(count.values) <= 200) == (5000, 2500, False, True)
    assert count.render().startswith("'often' at least 2,500, ")
    for field in range(3000):
        faults.add(Rule.VALUE_TYPE, "no number", Place("p.csv", 1, field=f"f{field}"), value="x" * 10_000)
    assert len(faults.kinds) <= 1001
    assert sum(each.faults for each in faults.kinds.values()) == faults.total == 8000
    assert max(len(value) for each in faults.kinds.values() for value in each.values) == 120
