"""Orders the codes of a coding, by display_order and in a tree depth first, and finds the faults of trees."""

from __future__ import annotations

from collections.abc import Mapping

from common.dictionary.model import Code, Coding
from common.errors import Rule
from common.faults import Faults, Place

_CODES_SHOWN = 10
_MOST_LEVELS = 200
"""Levels of a tree: deeper ones nest the descriptor's JSON deeper than its readers take."""


def build_coding(name: str, codes: Mapping[str, Code], file: str, faults: Faults) -> Coding:
    """The coding with its codes in display order, renumbered from 1.

    A code without display_order has its position in the file. Adds faults 53 (missing parent) and 54 (circle, or too many
    levels), and makes these codes roots, so that the other checks can go on.
    """
    parents = {code.code: _parent(name, code, codes, file, faults) for code in codes.values()}
    for circle in _circles(parents):
        shown = " > ".join([*circle[:_CODES_SHOWN], *(["…"] if len(circle) > _CODES_SHOWN else []), circle[0]])
        text = f"in coding {name} the parents run in a circle: {shown}"
        faults.add(Rule.CODE_TREE, text, Place(file, codes[circle[0]].line), value=circle[0])
        parents[circle[0]] = ""
    ordered = _depth_first(codes, parents)
    levels: dict[str, int] = {"": 0}
    for code in ordered:
        levels[code.code] = levels[parents[code.code]] + 1
        if levels[code.code] == _MOST_LEVELS + 1:
            text, remedy = (
                f"in coding {name} this code is on level {_MOST_LEVELS + 1}",
                f"Use {_MOST_LEVELS} levels at most.",
            )
            faults.add(Rule.CODE_TREE, text, Place(file, code.line), value=code.code, remedy=remedy)
    return Coding(name, tuple(
        Code(code.code, code.meaning, code.concept, order, parents[code.code], code.line)
        for order, code in enumerate(ordered, start=1)
    ))  # fmt: skip


def _parent(coding: str, code: Code, codes: Mapping[str, Code], file: str, faults: Faults) -> str:
    parent = code.parent_code if code.parent_code.strip() else ""
    if parent and parent not in codes:
        faults.add(
            Rule.PARENT_MISSING,
            f"coding {coding} has no code {parent!r}, the parent of this one",
            Place(file, code.line),
            value=code.code,
        )
        return ""
    return parent


def _circles(parents: Mapping[str, str]) -> list[list[str]]:
    """Each circle once, from its first code in file order upwards. Takes linear time: no code is visited twice."""
    climb_of: dict[str, str] = {}  # code to the code from which it was first reached
    circles: list[list[str]] = []
    for start in parents:
        code = start
        while code and code not in climb_of:
            climb_of[code] = start
            code = parents[code]
        if code and climb_of[code] == start:
            circle = [code]
            while parents[circle[-1]] != code:
                circle.append(parents[circle[-1]])
            circles.append(circle)
    return circles


def _depth_first(codes: Mapping[str, Code], parents: Mapping[str, str]) -> list[Code]:
    """Parents before children; siblings by display_order, ties as in the file."""
    positions = {code: position for position, code in enumerate(codes, start=1)}
    siblings = sorted(codes.values(), key=lambda code: code.display_order or positions[code.code])
    children: dict[str, list[Code]] = {}
    for code in siblings:
        children.setdefault(parents[code.code], []).append(code)
    ordered: list[Code] = []
    waiting = children.get("", [])[::-1]
    while waiting:
        code = waiting.pop()
        ordered.append(code)
        waiting.extend(reversed(children.get(code.code, ())))
    return ordered
