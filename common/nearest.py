"""The nearest known name, for remedies: most unknown names are misspelt."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from common.errors import Rule
from common.faults import EXAMPLES_PER_RULE, Faults


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like `name` in any case; None if none is like it."""
    folded = {each.casefold(): each for each in known}
    found = get_close_matches(name.casefold(), folded, n=1, cutoff=0.7)
    return folded[found[0]] if found else None


def nearest_remedy(name: str | None, known: Iterable[str], otherwise: str = "") -> str:
    """A remedy that gives the nearest known name; if none is near, `otherwise`, by default all known names.

    >>> [nearest_remedy(name, ["patient", "visit"]) for name in ("Pateint", "dose")]
    ['Did you mean patient?', 'Known names: patient, visit.']
    """
    known = list(known)
    found = nearest_name(name, known) if name else None
    return f"Did you mean {found}?" if found else otherwise or f"Known names: {', '.join(known)}."


def remedy_naming(code: Rule, name: str, known: Iterable[str], faults: Faults) -> str:
    """The nearest known name followed by the rule's remedy; blank, which means the rule's remedy, if there is none.

    Comparing many names is slow, so only faults that are kept as examples get the nearest name.
    """
    if faults.counts.get(code, 0) >= EXAMPLES_PER_RULE:
        return ""
    found = nearest_name(name, known)
    return f"Did you mean {found!r}? Otherwise: {code.remedy}" if found else ""
