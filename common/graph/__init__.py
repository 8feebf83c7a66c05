"""Entities as nodes, references as edges: from each entity a single path to the main one, and the order of joins.

A reference stands on the child's side and may point towards the main entity or away from it. `validate_graph` adds the
faults of a dictionary, `build_graph` makes the graph of one that has none.
"""

from __future__ import annotations

from common.graph.entities import Edge, EntityGraph, build_graph, validate_graph

__all__ = ["Edge", "EntityGraph", "build_graph", "validate_graph"]
