"""The error catalogue: every way a run can be refused, by number, with its scenario and its remedy.

The catalogue itself is data, `resources/errors.json`: `{"<code>": {"title", "scenario", "remedy"}}`. Code, documentation
and tests all read it there, so a number means one thing everywhere. Blocks: 1-19 dictionary, 2x names, 3x types, 4x keys,
5x codings, 6x files, 7x values, 8x data sets, 9x platform, 1xx expression, 2xx variants, 3xx mergers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

from resources import resource


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of the catalogue. `title` names the rule in a few words, `remedy` says what the user can do."""

    code: int
    title: str
    scenario: str
    remedy: str


@cache
def catalogue() -> dict[int, Rule]:
    """All rules by number."""
    entries = json.loads(resource("errors.json").read_text(encoding="utf-8"))
    return {int(code): Rule(int(code), **entry) for code, entry in entries.items()}


def rule(code: int) -> Rule:
    """The rule with this number. Raises KeyError for a number that is not in the catalogue."""
    return catalogue()[code]


class AppError(Exception):
    """Something the user can mend. Shown as a number, a text and a remedy, never as a stack trace."""

    def __init__(self, code: int, text: str, remedy: str | None = None) -> None:
        self.code = code
        self.text = text
        self.remedy = rule(code).remedy if remedy is None else remedy
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """`Error 61 (data file missing): …` and, on a line of its own, the remedy."""
        return f"Error {self.code} ({rule(self.code).title}): {self.text}\n  Remedy: {self.remedy}"

    def __reduce__(self) -> tuple[type[AppError], tuple[int, str, str]]:
        # Crosses the boundary between a Spark task and the driver; Exception's own reduction would pass the message.
        return (type(self), (self.code, self.text, self.remedy))
