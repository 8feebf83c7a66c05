"""The graph of a dictionary's entities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from common.dictionary import DataDictionary
from common.errors import Rule
from common.faults import EXAMPLES_PER_RULE, Faults, Place


@dataclass(frozen=True, slots=True)
class Edge:
    """A reference: `child.child_field` holds values of `parent.parent_field`. `line` is the line of the child field."""

    child: str
    child_field: str
    parent: str
    parent_field: str
    relationship: str
    line: int = 0

    def other(self, entity: str) -> str:
        """The entity at the other end."""
        return self.parent if entity == self.child else self.child


@dataclass(frozen=True)
class EntityGraph:
    """A tree of entities, its edges in dictionary order. `towards_main` has, for every entity but the main one, the edge
    that leads towards the main one. It starts with the nearest, so entities can be joined in its order.
    """

    main: str
    edges: tuple[Edge, ...]
    towards_main: Mapping[str, Edge]


def build_graph(dictionary: DataDictionary) -> EntityGraph:
    """The graph of a dictionary. Raises `FaultError` 46 for what `validate_graph` finds, `AppError` 40 without main entity."""
    faults = Faults()
    validate_graph(dictionary, faults)
    faults.raise_if_any("The entity graph")
    main = dictionary.main_entity.name
    edges = tuple(_edges(dictionary))
    return EntityGraph(main, edges, _walk(main, edges))


def validate_graph(dictionary: DataDictionary, faults: Faults, file: str = "") -> None:
    """Adds fault 46 for each reference that makes a circle or a second path, and for each entity without a path to the
    main one. Ignores references that lead nowhere (43). Without a global key (40) it checks circles only.
    """
    edges, surplus = _spanning_edges(dictionary)
    for number, edge in enumerate(surplus):
        if number >= EXAMPLES_PER_RULE:
            faults.add_count(Rule.NO_SINGLE_PATH, len(surplus) - number)
            break
        faults.add(
            Rule.NO_SINGLE_PATH,
            _surplus_text(edge, edges),
            Place(file, edge.line, edge.child, edge.child_field),
            value=f"{edge.parent}:{edge.parent_field}",
        )
    if dictionary.global_key is None:
        return
    main = dictionary.main_entity.name
    reached = {main, *_walk(main, edges)}
    for name, entity in dictionary.entities.items():
        if name not in reached:
            text = f"no chain of references links the entity to the main entity {main}"
            faults.add(Rule.NO_SINGLE_PATH, text, Place(file, entity.fields[0].line, name))


def _edges(dictionary: DataDictionary) -> Iterator[Edge]:
    for field in dictionary.fields:
        to = field.reference
        if to is not None and to.entity in dictionary.entities:
            yield Edge(field.entity, field.name, to.entity, to.field, to.relationship, field.line)


def _spanning_edges(dictionary: DataDictionary) -> tuple[list[Edge], list[Edge]]:
    """The references that join two groups of entities, and those whose ends are joined already (union-find)."""
    group = {name: name for name in dictionary.entities}

    def find(entity: str) -> str:
        while group[entity] != entity:
            group[entity] = group[group[entity]]
            entity = group[entity]
        return entity

    spanning: list[Edge] = []
    surplus: list[Edge] = []
    for edge in _edges(dictionary):
        child, parent = find(edge.child), find(edge.parent)
        (surplus if child == parent else spanning).append(edge)
        group[child] = parent
    return spanning, surplus


def _walk(start: str, edges: list[Edge] | tuple[Edge, ...]) -> dict[str, Edge]:
    """Each entity that can be reached from `start`, nearest first, with the edge that leads to it."""
    touching: dict[str, list[Edge]] = {}
    for edge in edges:
        touching.setdefault(edge.child, []).append(edge)
        touching.setdefault(edge.parent, []).append(edge)
    by: dict[str, Edge] = {}
    order = [start]
    for entity in order:
        for edge in touching.get(entity, ()):
            other = edge.other(entity)
            if other != start and other not in by:
                by[other] = edge
                order.append(other)
    return by


def _surplus_text(surplus: Edge, spanning: list[Edge]) -> str:
    if surplus.child == surplus.parent:
        return "the field refers to its own entity, which makes a circle"
    by = _walk(surplus.parent, spanning)
    path = [surplus.child]
    while path[-1] != surplus.parent:
        path.append(by[path[-1]].other(path[-1]))
    return f"the reference makes a circle or second path: {' - '.join(path)} are linked already"
