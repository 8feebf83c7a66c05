"""Faults: what is wrong in a user's input, where, and what to do; collected by the stage, reported all at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from common.errors import AppError, Rule

EXAMPLES_PER_RULE = 20
_VALUE_SHOWN = 120
_KINDS_KEPT, VALUES_KEPT = 1000, 100
"""Rules, files and fields that are counted apart, and different values of each."""

_KINDS_SHOWN, _VALUES_SHOWN = 50, 3
Kind = tuple[Rule, str, str, str]
"""Rule, file, entity and field of a fault; all but the rule are blank for what is counted together."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in the user's input, as far as it is known. `line` is the true line of the file, counted from 1 with
    the header as line 1."""

    file: str = ""
    line: int | None = None
    entity: str = ""
    field: str = ""


NOWHERE = Place()


def counted(count: int, noun: str) -> str:
    """A count with its noun.

    >>> counted(1, "row"), counted(1200, "entity"), counted(0, "key")
    ('1 row', '1,200 entities', '0 keys')
    """
    if count != 1:
        noun = re.sub(r"(?<![aeiou])y$", "ie", noun) + "s"
    return f"{count:,} {noun}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `line` is the true line of the file, counted from 1 with the header as line 1; None where no line applies.

    `text` says what is wrong in this place; `remedy` replaces the rule's own where a better one is known, for example the
    nearest name.
    """

    code: Rule
    text: str
    file: str = ""
    line: int | None = None
    entity: str = ""
    field: str = ""
    value: str | None = None
    remedy: str = ""

    @property
    def kind(self) -> Kind:
        """What faults are counted by."""
        return (self.code, self.file, self.entity, self.field)

    @property
    def place(self) -> str:
        """`patient.csv line 7, patient.age`, as far as it is known."""
        where = [f"{self.file} line {self.line}" if self.line is not None else self.file]
        where.append(".".join(part for part in (self.entity, self.field) if part))
        return ", ".join(part for part in where if part)

    def to_json(self) -> dict[str, Any]:
        """The fault as the report holds it: every key, null or not."""
        return {
            "code": self.code, "rule": self.code.title, "text": self.text, "file": self.file or None,
            "line": self.line, "entity": self.entity or None, "field": self.field or None, "value": self.value,
            "remedy": self.remedy or self.code.remedy,
        }  # fmt: skip


@dataclass
class Count:
    """Faults of one kind, and how often which value is among them. Values that come late or seldom may be missing."""

    faults: int = 0
    values: Counter[str] = field(default_factory=Counter)

    def add(self, faults: int, values: Mapping[str, int]) -> None:
        """Takes in more faults, with their values as far as these are known."""
        self.faults += faults
        for value, count in values.items():
            self.values[_clipped(value)] += count
        if len(self.values) > 2 * VALUES_KEPT:
            self.values = Counter(dict(self.values.most_common(VALUES_KEPT)))

    @property
    def is_exact(self) -> bool:
        """Whether the values of all faults are there."""
        return self.values.total() == self.faults

    def render(self) -> str:
        """The commonest values with their counts, which are the least that there can be where not all are known."""
        if not self.values:
            return ""
        least = "" if self.is_exact else "at least "
        shown = [f"{value!r} {least}{count:,}" for value, count in self.values.most_common(_VALUES_SHOWN)]
        return ", ".join([*shown, *(["…"] if len(self.values) > len(shown) or not self.is_exact else [])])


@dataclass
class Faults:
    """Faults of one stage: exact counts per rule, counts by kind, and up to `EXAMPLES_PER_RULE` examples of each rule, spread
    over its kinds.

    Small and picklable however many faults there are, so a task can return it. `merge` keeps the examples that come first
    by file and line, so the outcome does not depend on the order in which tasks end.
    """

    counts: dict[Rule, int] = field(default_factory=dict)
    examples: dict[Rule, list[Fault]] = field(default_factory=dict)
    kinds: dict[Kind, Count] = field(default_factory=dict)
    last: dict[Rule, Kind] = field(default_factory=dict, compare=False, repr=False)

    def add(self, code: Rule, text: str, at: Place = NOWHERE, *, value: str | None = None, remedy: str = "") -> None:
        """Adds one fault."""
        self.add_fault(Fault(code, text, at.file, at.line, at.entity, at.field, value, remedy))

    def add_fault(self, fault: Fault, count: int = 1) -> None:
        """Adds `count` faults of one kind, of which `fault` is the example."""
        kept = self.examples.setdefault(fault.code, [])
        if len(kept) < EXAMPLES_PER_RULE:
            kept.append(fault)
        elif fault.kind not in self.kinds or self.kinds[fault.kind].faults < EXAMPLES_PER_RULE:
            kept[:] = _spread([*kept, fault])
        self.last[fault.code] = fault.kind
        self._count(fault.kind, count, {} if fault.value is None else {fault.value: 1})

    def add_count(self, code: Rule, count: int, values: Mapping[str, int] | None = None) -> None:
        """Counts faults of which no example is kept, of the kind of this rule's fault that was added last."""
        if count:
            self._count(self.last.get(code, (code, "", "", "")), count, values or {})

    def merge(self, other: Faults) -> None:
        """Takes in another stage's or task's faults."""
        uncounted = Counter(other.counts)
        for kind, each in other.kinds.items():
            uncounted[kind[0]] -= each.faults
            self._count(kind, each.faults, each.values)
        for code, count in (+uncounted).items():
            self._count((code, "", "", ""), count, {})
        for code, examples in other.examples.items():
            self.examples[code] = _spread(self.examples.get(code, []) + examples)

    def _count(self, kind: Kind, count: int, values: Mapping[str, int]) -> None:
        self.counts[kind[0]] = self.counts.get(kind[0], 0) + count
        self._kind(kind).add(count, values)

    def _kind(self, kind: Kind) -> Count:
        if kind not in self.kinds and len(self.kinds) >= _KINDS_KEPT:
            kind = (kind[0], "", "", "")
        return self.kinds.setdefault(kind, Count())

    def __bool__(self) -> bool:
        return bool(self.counts)

    def __iter__(self) -> Iterator[Fault]:
        for code in sorted(self.examples):
            yield from self.examples[code]

    @property
    def total(self) -> int:
        """How many faults there are, examples or not."""
        return sum(self.counts.values())

    def codes(self) -> list[Rule]:
        """The numbers of the rules that were broken, ascending."""
        return sorted(self.counts)

    def render(self) -> str:
        """A readable block: a table of what there is more than once; then a line per rule with its count, under it the examples
        and one remedy per kind of remedy."""
        lines = self._render_kinds() if any(each.faults > 1 for each in self.kinds.values()) else []
        for code in self.codes():
            count, examples = self.counts[code], self.examples.get(code, [])
            lines.append(f"[{code}] {code.title}: {counted(count, 'fault')}")
            for fault in examples:
                shown = "" if fault.value is None else f": {_clipped(fault.value)!r}"
                lines.append(f"    {fault.place or '-'}{shown}: {fault.text}")
            if count > len(examples):
                lines.append(f"    … and {count - len(examples):,} more")
            remedies = dict.fromkeys(fault.remedy or code.remedy for fault in examples)
            lines.extend(f"    Remedy: {remedy}" for remedy in remedies)
        return "\n".join(lines)

    def _sorted_kinds(self) -> list[tuple[Kind, Count]]:
        """By rule, then the most frequent first."""
        return sorted(self.kinds.items(), key=lambda each: (each[0][0], -each[1].faults, each[0]))

    def _render_kinds(self) -> list[str]:
        kinds = self._sorted_kinds()
        rows = [("faults", "rule", "place", "commonest values")]
        for (code, *place), count in kinds[:_KINDS_SHOWN]:
            shown = Fault(code, "", place[0], None, *place[1:]).place or "-"
            rows.append((f"{count.faults:,}", f"[{code}]", shown, count.render()))
        width, _, place_width, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
        lines = [
            f"    {n:>{width}}  {code:<5}  {place:<{place_width}}  {values}".rstrip() for n, code, place, values in rows
        ]
        return [
            *lines,
            *([f"    … and {len(kinds) - _KINDS_SHOWN:,} more places"] if len(kinds) > _KINDS_SHOWN else []),
            "",
        ]

    def to_json(self) -> list[dict[str, Any]]:
        """Per rule: code, rule, count, the same by file and field with the commonest values, examples."""
        return [
            {"code": code, "rule": code.title, "count": self.counts[code],
             "by_field": [_count_to_json(kind, each) for kind, each in self._sorted_kinds() if kind[0] == code],
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
        super().__init__(faults.codes()[0], f"{stage} found {counted(faults.total, 'fault')}", "")

    @property
    def message(self) -> str:
        return f"Error {self.code}: {self.text}; nothing was published.\n{self.faults.render()}"

    def __reduce__(self) -> tuple[type[FaultError], tuple[str, Faults]]:  # type: ignore[override]  # other arguments
        return (type(self), (self.stage, self.faults))


def _count_to_json(kind: Kind, count: Count) -> dict[str, Any]:
    _, file, entity, name = kind
    values = [{"value": value, "count": n} for value, n in count.values.most_common(EXAMPLES_PER_RULE)]
    return {"file": file or None, "entity": entity or None, "field": name or None, "count": count.faults,
            "values": values, "values_are_exact": count.is_exact}  # fmt: skip


def _spread(examples: list[Fault]) -> list[Fault]:
    """As many examples as are kept: of each kind the first by file and line, then of each the second, and so on."""
    ordered = sorted(examples, key=lambda fault: (fault.file, fault.line or 0))
    ranks: Counter[Kind] = Counter()
    ranked = []
    for fault in ordered:
        ranks[fault.kind] += 1
        ranked.append((ranks[fault.kind], fault))
    ranked.sort(key=lambda each: each[0])
    return sorted((fault for _, fault in ranked[:EXAMPLES_PER_RULE]), key=lambda fault: (fault.file, fault.line or 0))


def _clipped(value: str) -> str:
    return value if len(value) <= _VALUE_SHOWN else value[: _VALUE_SHOWN - 1] + "…"
