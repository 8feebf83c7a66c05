"""Whether an SQL statement only reads tables: by a list of what is allowed, held against the plan that Spark's own parser makes.

A statement is anything that its grammar allows: it may write files, run programs (`TRANSFORM … USING`), call Java (`reflect`), read
any file (``csv.`/etc/passwd` ``), or build another statement (`EXECUTE IMMEDIATE`). So every node of the plan, of its expressions and
of the queries within must be one of those listed here, and so must every function. These are private interfaces of Spark; a
node or function that a later release brings is refused until someone has looked at it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from py4j.java_gateway import JavaObject

from common.spark.internals import jvm, session_state
from resources import resource

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_CATALYST = "org.apache.spark.sql.catalyst."
_QUERY = {
    "Aggregate", "Deduplicate", "Distinct", "Except", "Expand", "Filter", "Generate", "GlobalLimit", "Intersect", "Join", "LateralJoin",
    "LimitAll", "LocalLimit", "LocalRelation", "Offset", "OneRowRelation", "Pivot", "Project", "Range", "Repartition", "RepartitionByExpression",
    "ResolvedInlineTable", "Sample", "Sort", "SubqueryAlias", "Union", "UnionLoop", "UnresolvedHaving", "UnresolvedHint",
    "UnresolvedInlineTable", "UnresolvedOrderedGroupBy", "UnresolvedRelation", "UnresolvedSubqueryColumnAliases",
    "UnresolvedTableValuedFunction", "UnresolvedTVFAliases", "UnresolvedWith", "Unpivot", "WithWindowDefinition", "PipeOperator",
}  # fmt: skip
"""Nodes of a query."""
_COMMANDS = {
    "CacheTable", "CacheTableAsSelect", "ClearCacheCommand", "CreateViewCommand", "DescribeColumn", "DescribeFunction",
    "DescribeFunctionCommand", "DescribeNamespace", "DescribeQueryCommand", "DescribeRelation", "ExplainCommand", "RefreshTable",
    "SetCatalogAndNamespace", "SetCommand", "SetNamespaceCommand", "ShowCatalogsCommand", "ShowColumns", "ShowColumnsCommand",
    "ShowCreateTable", "ShowCurrentNamespaceCommand", "ShowFunctions", "ShowFunctionsCommand", "ShowNamespaces", "ShowNamespacesCommand",
    "ShowPartitions", "ShowTableExtended", "ShowTablePartition", "ShowTableProperties", "ShowTables", "ShowTablesExtended", "ShowViews",
    "UncacheTable",
}  # fmt: skip
"""Commands that leave tables and files as they are, and the parts of one that name what it is about."""
_NAMES = {
    "CurrentNamespace", "UnresolvedDBObjectName", "UnresolvedFunctionName", "UnresolvedIdentifier", "UnresolvedNamespace",
    "UnresolvedPartitionSpec", "UnresolvedTable", "UnresolvedTableOrView", "UnresolvedTableOrPermanentView", "UnresolvedView",
}  # fmt: skip
_EXPRESSIONS = {
    "MultiAlias", "UnresolvedAlias", "UnresolvedAttribute", "UnresolvedCollation", "UnresolvedExtractValue", "UnresolvedFieldName",
    "UnresolvedFunction", "UnresolvedGenerator", "UnresolvedNamespace", "UnresolvedOrdinal", "UnresolvedRegex", "UnresolvedStar",
    "UnresolvedStarExceptOrReplace", "UnresolvedStarWithColumns", "UnresolvedWindowExpression",
}  # fmt: skip
"""What stands for an expression until names are looked up. Expressions proper are those of Catalyst that the grammar makes itself:
operators, casts, literals, windows."""
_BUILT_IN = {f"{_CATALYST}expressions{part}" for part in ("", ".aggregate", ".variant")}
_HOLDING_PLANS = {"Exists", "FunctionTableSubqueryArgumentExpression", "LateralSubquery", "ListQuery", "ScalarSubquery"}
_SETTINGS = {
    "spark.sql.adaptive.enabled", "spark.sql.ansi.enabled", "spark.sql.autoBroadcastJoinThreshold", "spark.sql.caseSensitive",
    "spark.sql.crossJoin.enabled", "spark.sql.mapKeyDedupPolicy", "spark.sql.session.timeZone", "spark.sql.shuffle.partitions",
}  # fmt: skip
"""Settings that a statement may change: how answers are computed and shown. Others name classes, folders and catalogues."""


def refusal(session: SparkSession, statement: str) -> str | None:
    """Why a statement is not run, or None if it only reads. Raises what Spark raises of one that it cannot parse."""
    plan = session_state(session).sqlParser().parsePlan(statement)
    return next(_Walk(session).refusals(plan), None)


@cache
def _functions() -> frozenset[str]:
    return frozenset(json.loads(resource("sql_functions.json").read_text(encoding="utf-8"))["functions"])


class _Walk:
    """A walk through all that a plan holds: nodes, expressions, lists, pairs."""

    def __init__(self, session: SparkSession) -> None:
        self._catalog = session_state(session).catalog()
        names = (
            f"{_CATALYST}expressions.Expression",
            f"{_CATALYST}trees.TreeNode",
            "scala.collection.Iterable",
            "scala.Product",
        )
        self._expression, self._node, self._iterable, self._product = map(jvm(session).java.lang.Class.forName, names)

    def refusals(self, root: Any) -> Iterator[str]:
        """What in a plan is not allowed."""
        waiting = [root]
        while waiting:
            value = waiting.pop()
            if not isinstance(value, JavaObject):
                continue
            if self._expression.isInstance(value):
                text = value.toJSON()
                holds_plans = any(f'{_CATALYST}expressions.{name}"' in text for name in _HOLDING_PLANS)
                for node in json.loads(text)[:1] if holds_plans else _nodes(json.loads(text)):
                    yield from _expression_refusals(node)
                waiting += self._parts(value) if holds_plans else []
            else:
                yield from self._plan_refusals(value) if self._node.isInstance(value) else ()
                waiting += self._parts(value)

    def _parts(self, value: Any) -> list[Any]:
        if self._iterable.isInstance(value):
            return _listed(value.iterator())
        return _listed(value.productIterator()) if self._product.isInstance(value) else []

    def _plan_refusals(self, node: Any) -> Iterator[str]:
        name = node.getClass().getSimpleName().rstrip("$")
        if name not in _QUERY | _COMMANDS | _NAMES:
            yield f"published tables are only read here; the loaders write them ({name})"
        elif name == "UnresolvedRelation":
            yield from self._relation_refusals(_listed(node.multipartIdentifier().iterator()), node.options().isEmpty())
        elif name == "UnresolvedTableValuedFunction":
            yield from _function_refusals(_listed(node.name().iterator()))
        elif name == "CreateViewCommand" and node.viewType().toString() not in ("LocalTempView", "GlobalTempView"):
            yield "only temporary views are made here: CREATE TEMPORARY VIEW"
        elif name == "SetCommand" and node.kv().isDefined() and node.kv().get()._2().isDefined():
            key = node.kv().get()._1()
            if key not in _SETTINGS:
                yield f"{key} is not changed here; settings that may be: {', '.join(sorted(_SETTINGS))}"

    def _relation_refusals(self, parts: list[str], is_plain: bool) -> Iterator[str]:
        *outer, database = ["", *parts[:-1]][-2:] if len(parts) > 1 else [""]
        is_known = not database or database == "global_temp" or self._catalog.databaseExists(database)
        is_named = len(parts) == 1 or all(re.fullmatch(r"\w+", part) for part in parts)
        if not (is_known and is_named and is_plain and len(parts) <= 3 and set(outer) <= {"", "spark_catalog"}):
            yield f"{'.'.join(parts)} is not a table of the project, and no other file is read here"


def _listed(iterator: Any) -> list[Any]:
    found = []
    while iterator.hasNext():
        found.append(iterator.next())
    return found


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Each node in the JSON of an expression."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "class" in value:
                yield value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _expression_refusals(node: dict[str, Any]) -> Iterator[str]:
    package, _, name = node["class"].rpartition(".")
    if package not in _BUILT_IN and not (package == f"{_CATALYST}analysis" and name.rstrip("$") in _EXPRESSIONS):
        yield f"{name} is not allowed here"
    elif name == "UnresolvedFunction":
        yield from _function_refusals(node["nameParts"].strip("[]").split(", "))
    elif name == "UnresolvedGenerator":
        yield from _function_refusals([node["name"]["funcName"]])


def _function_refusals(parts: list[str]) -> Iterator[str]:
    if parts[-1].lower() not in _functions() or [each.lower() for each in parts[:-1]] not in (
        [],
        ["builtin"],
        ["system", "builtin"],
    ):
        yield f"the function {'.'.join(parts)} is not allowed here: it is none of Spark's own, or one that runs programs or reads files"
