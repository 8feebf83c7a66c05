"""Entities as nodes and references as edges. Every entity has a single path to the main one.

A reference is a field of the child. It may point towards the main entity or away from it. `validate_graph` finds the faults
of a dictionary; `build_graph` makes the graph of one without faults.
"""

from __future__ import annotations

from common.graph.entities import Edge, EntityGraph, build_graph, validate_graph

__all__ = ["Edge", "EntityGraph", "build_graph", "validate_graph"]
