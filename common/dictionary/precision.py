"""Companion fields of dates. They say how much of a date is known, because a partial date is stored as its first day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from common.dictionary.fields import field_place
from common.dictionary.model import Code, Coding, Field
from common.errors import Rule
from common.faults import Faults

PRECISION_SUFFIX = "_precision"
PRECISION_CODING = Coding(
    "date_precision",
    tuple(
        Code(code, meaning, display_order=order)
        for order, (code, meaning) in enumerate(
            {"year": "Year", "month": "Year and month", "day": "Whole date", "time": "Date and time"}.items(), start=1
        )
    ),
)
"""What a companion field holds."""


def add_precision(fields: Sequence[Field], given: Mapping[str, Coding], file: str, faults: Faults) -> list[Field]:
    """The fields, with a companion `<field>_precision` behind each date and datetime that has none yet.

    Adds fault 25 where the name is another field's, and 1 where the codings file has another coding of that name.
    """
    named = {(each.entity, each.name): each for each in fields}
    dates = {(each.entity, each.name + PRECISION_SUFFIX): each for each in fields if each.type in ("date", "datetime")}
    found: list[Field] = []
    for each in fields:
        date = dates.get((each.entity, each.name))
        is_companion = each.type == "string" and each.coding_name == PRECISION_CODING.name
        if date and not is_companion:
            text = f"with date_precision the name is taken by the companion of {date.name}"
            faults.add(Rule.FIELD_NAME, text, field_place(file, each), value=each.name)
        found.append(replace(each, precision_of=date.name) if date else each)
        name = each.name + PRECISION_SUFFIX
        if (each.entity, name) in dates and (each.entity, name) not in named:
            title = f"{each.title or each.name}: precision"
            found.append(Field(
                each.entity, name, "string", coding_name=PRECISION_CODING.name, folder_path=each.folder_path, title=title,
                line=each.line, precision_of=each.name,
            ))  # fmt: skip
    other = given.get(PRECISION_CODING.name)
    if dates and other and other.by_code.keys() != PRECISION_CODING.by_code.keys():
        remedy = "Rename it, or leave date_precision out."
        faults.add(
            Rule.DICTIONARY_FAULTY, "the codings file has another coding of this name", value=other.name, remedy=remedy
        )
    return found
