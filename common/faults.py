"""Faults: what is wrong in a user's input, where, and what to do; collected by the stage, reported all at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from common.errors import AppError, rule

EXAMPLES_PER_RULE = 20
_VALUE_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `line` is the true line of the file, counted from 1 with the header as line 1; None where no line applies.

    `text` says what is wrong in this place; `remedy` replaces the rule's own where a better one is known, for example the
    nearest name.
    """

    code: int
    text: str
    file: str = ""
    line: int | None = None
    entity: str = ""
    field: str = ""
    value: str | None = None
    remedy: str = ""

    @property
    def place(self) -> str:
        """`patient.csv line 7, patient.age`, as far as it is known."""
        where = [f"{self.file} line {self.line}" if self.line is not None else self.file]
        where.append(".".join(part for part in (self.entity, self.field) if part))
        return ", ".join(part for part in where if part)

    def to_json(self) -> dict[str, Any]:
        """The fault as the report holds it: every key, null or not."""
        return {
            "code": self.code, "rule": rule(self.code).title, "text": self.text, "file": self.file or None,
            "line": self.line, "entity": self.entity or None, "field": self.field or None, "value": self.value,
            "remedy": self.remedy or rule(self.code).remedy,
        }  # fmt: skip


@dataclass
class Faults:
    """Faults of one stage: exact counts per rule, and up to `EXAMPLES_PER_RULE` examples of each.

    Small and picklable however many faults there are, so a task can return it. `merge` keeps the examples that come first
    by file and line, so the outcome does not depend on the order in which tasks end.
    """

    counts: dict[int, int] = field(default_factory=dict)
    examples: dict[int, list[Fault]] = field(default_factory=dict)

    def add(self, code: int, text: str, **place: Any) -> None:
        """Adds one fault; `place` takes the fields of `Fault`."""
        self.add_fault(Fault(code, text, **place))

    def add_fault(self, fault: Fault, count: int = 1) -> None:
        """Adds `count` faults of one rule, of which `fault` is the example."""
        self.counts[fault.code] = self.counts.get(fault.code, 0) + count
        kept = self.examples.setdefault(fault.code, [])
        if len(kept) < EXAMPLES_PER_RULE:
            kept.append(fault)

    def add_count(self, code: int, count: int) -> None:
        """Counts faults of which no example is kept."""
        if count:
            self.counts[code] = self.counts.get(code, 0) + count

    def merge(self, other: Faults) -> None:
        """Takes in another stage's or task's faults."""
        for code, count in other.counts.items():
            self.add_count(code, count)
        for code, examples in other.examples.items():
            both = self.examples.get(code, []) + examples
            both.sort(key=lambda fault: (fault.file, fault.line or 0))
            self.examples[code] = both[:EXAMPLES_PER_RULE]

    def __bool__(self) -> bool:
        return bool(self.counts)

    def __iter__(self) -> Iterator[Fault]:
        for code in sorted(self.examples):
            yield from self.examples[code]

    @property
    def total(self) -> int:
        """How many faults there are, examples or not."""
        return sum(self.counts.values())

    def codes(self) -> list[int]:
        """The numbers of the rules that were broken, ascending."""
        return sorted(self.counts)

    def render(self) -> str:
        """A readable block: a line per rule with its count, under it the examples and one remedy per kind of remedy."""
        lines: list[str] = []
        for code in self.codes():
            count, examples = self.counts[code], self.examples.get(code, [])
            lines.append(f"[{code}] {rule(code).title}: {count:,} {'fault' if count == 1 else 'faults'}")
            remedies: list[str] = []
            for fault in examples:
                shown = "" if fault.value is None else f": {_shown(fault.value)}"
                lines.append(f"    {fault.place or '-'}{shown}: {fault.text}")
                remedy = fault.remedy or rule(code).remedy
                if remedy not in remedies:
                    remedies.append(remedy)
            if count > len(examples):
                lines.append(f"    … and {count - len(examples):,} more")
            lines.extend(f"    Remedy: {remedy}" for remedy in remedies)
        return "\n".join(lines)

    def to_json(self) -> list[dict[str, Any]]:
        """Per rule: code, rule, count, examples."""
        return [
            {"code": code, "rule": rule(code).title, "count": self.counts[code],
             "examples": [fault.to_json() for fault in self.examples.get(code, [])]}
            for code in self.codes()
        ]  # fmt: skip

    def raise_if_any(self, stage: str) -> None:
        """Ends the stage with one `FaultError` if there is a fault."""
        if self:
            raise FaultError(stage, self)


class FaultError(AppError):
    """A stage found faults. Its code is the lowest rule broken; its message holds them all."""

    def __init__(self, stage: str, faults: Faults) -> None:
        self.stage = stage
        self.faults = faults
        super().__init__(faults.codes()[0], f"{stage} found {faults.total:,} faults", "")

    @property
    def message(self) -> str:
        count = self.faults.total
        noun = "fault" if count == 1 else "faults"
        return f"Error {self.code}: {self.stage} found {count:,} {noun}; nothing was published.\n{self.faults.render()}"

    def __reduce__(self) -> tuple[type[FaultError], tuple[str, Faults]]:  # type: ignore[override]  # other arguments
        return (type(self), (self.stage, self.faults))


def _shown(value: str) -> str:
    shown = value if len(value) <= _VALUE_SHOWN else value[: _VALUE_SHOWN - 1] + "…"
    return repr(shown)
