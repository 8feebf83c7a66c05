"""`sql`: Spark SQL over the databases of a project."""

from __future__ import annotations

import csv
import re
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.commands.project import database_files, open_project
from common.errors import AppError, Rule
from common.job.progress import align

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from common.platform.local import LocalProject

_TABLE_ROWS = 1000
_PROMPT, _PROMPT_ON = "sql> ", "   > "

_PIECE = re.compile(
    r"""'(?:[^'\\]|\\.)*'?|"(?:[^"\\]|\\.)*"?|`[^`]*`?"""  # quoted text, or what is left of it at the end
    r"""|--[^\n]*|/\*.*?(?:\*/|\Z)"""  # comments
    r"""|;|[^;'"`/-]+|.""",
    re.DOTALL,
)


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "sql", help="query a project's databases with Spark SQL",
        description="Runs Spark SQL over a project's databases, each known by its unique name and, where no other has it, by "
        "its plain name; a project's only database is the current one. Tables are only read. Without a statement, reads them "
        "from stdin.",
    )  # fmt: skip
    parser.add_argument("statements", metavar="SQL", nargs="?", help="statements, with ; between them")
    parser.add_argument("-f", "--file", metavar="FILE", help="a file of statements, with ; between them")
    parser.add_argument("--project", metavar="DIR", default="project", help="the project's folder (%(default)s)")
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table",
                        help=f"table: aligned, the first {_TABLE_ROWS:,} rows; csv; json: one object a line (%(default)s)")  # fmt: skip
    parser.add_argument("--master", metavar="URL", help="the Spark master; all cores of this machine if not given")
    parser.add_argument("--verbose", action="store_true", help="show the trace of an internal error")
    parser.set_defaults(command=sql)


def sql(args: Namespace) -> int:
    """Runs the statements in order and stops at the first that fails; at a prompt, goes on. 1: a statement failed."""
    from common.job.run import quiet
    from common.spark.launch import SQL_OPTIONS
    from common.spark.session import Cluster

    project = open_project(args.project)
    interactive = args.statements is None and args.file is None and sys.stdin.isatty()
    statements = _read_prompt() if interactive else split_statements(read_text(args))
    cluster = Cluster("sql", args.master, SQL_OPTIONS)
    with quiet(args.verbose):
        try:
            _attach(cluster.session, project)
            for statement in statements:
                if not run_statement(cluster.session, statement, args.format) and not interactive:
                    return 1
        finally:
            cluster.stop()
    return 0


def _attach(session: SparkSession, project: LocalProject) -> None:
    """Makes the project's databases known by name. Raises `AppError` 92 where Spark cannot read a table."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    from apps.commands.catalogue import attach_databases

    try:
        attach_databases(session, [database_files(project, each) for each in project.databases()])
    except (PySparkException, Py4JError) as error:
        raise AppError(
            Rule.SPARK_FAILED, parse_spark_message(str(error)), "Look for a damaged file in the project's tables."
        ) from None


def split_statements(text: str) -> list[str]:
    r"""The statements of a text, without those that are blank or only a comment. `;` in quotes and comments parts nothing.

    >>> split_statements("SELECT ';'; -- done; \n SELECT 2;")
    ["SELECT ';'", '-- done; \n SELECT 2']
    """
    statements: list[list[str]] = [[]]
    for piece in _PIECE.findall(text):
        if piece == ";":
            statements.append([])
        else:
            statements[-1].append(piece)
    return ["".join(pieces).strip() for pieces in statements if any(map(_says_something, pieces))]


def _says_something(piece: str) -> bool:
    return bool(piece.strip()) and not piece.startswith(("--", "/*"))


def read_text(args: Namespace) -> str:
    """The statements given on the command line, in a file or on stdin. Raises `AppError` 91."""
    if args.statements is not None:
        return str(args.statements)
    if args.file is None:
        return sys.stdin.read()
    try:
        return Path(args.file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AppError(Rule.NOT_FOUND, f"{args.file}: {getattr(error, 'strerror', 'not UTF-8 text')}") from error


def _read_prompt() -> Iterator[str]:
    """Statements as they are typed, each up to its `;`. Ends with Ctrl-D, `quit` or `exit`."""
    import readline  # noqa: F401 - gives input() its history and editing

    text = ""
    while True:
        try:
            line = input(_PROMPT_ON if text.strip() else _PROMPT)
        except EOFError:
            print()
            return
        if not text.strip() and line.strip().rstrip(";") in ("quit", "exit"):
            return
        text += line + "\n"
        if text.rstrip().endswith(";"):
            yield from split_statements(text)
            text = ""


def run_statement(session: SparkSession, statement: str, form: str) -> bool:
    """Runs a statement and prints its result. What Spark refuses is one line on stderr, and False."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    from common.spark.reading import refusal

    try:
        if refused := refusal(session, statement):
            print(f"SQL error: {refused}", file=sys.stderr)
            return False
        frame = session.sql(statement)
        if frame.columns:
            {"table": print_table, "csv": print_csv, "json": print_json}[form](frame)
    except (PySparkException, Py4JError) as error:
        print(f"SQL error: {parse_spark_message(str(error))}", file=sys.stderr)
        return False
    return True


def parse_spark_message(text: str) -> str:
    """The sentence of a Spark error, without the plan, the SQL context and the trace that follow it, nor its SQLSTATE."""
    text = re.sub(r"\AAn error occurred while calling \S+\n: ", "", text)
    sentence = re.split(r"\n\s*\n|;\n|\n(?===|JVM stacktrace|\tat )|SQLSTATE:", text.strip(), maxsplit=1)[0]
    return " ".join(sentence.split())


def print_table(frame: DataFrame) -> None:
    """Prints an aligned table of the first rows and a blank line, and says on stderr if there are more."""
    rows = _as_text(frame).limit(_TABLE_ROWS + 1).collect()
    shown = [["NULL" if cell is None else cell for cell in row] for row in rows[:_TABLE_ROWS]]
    print("\n".join(align(frame.columns, shown)), end="\n\n")
    if len(rows) > _TABLE_ROWS:
        print(f"The first {_TABLE_ROWS:,} rows of more; --format csv or json prints all.", file=sys.stderr)


def print_csv(frame: DataFrame) -> None:
    """Prints all rows as CSV with a header; NULL is the empty cell, a list is JSON."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(frame.columns)
    writer.writerows(_as_text(frame).toLocalIterator(prefetchPartitions=True))


def print_json(frame: DataFrame) -> None:
    """Prints all rows as JSON, one object a line."""
    from pyspark.sql import functions as f

    columns = _by_position(frame)
    named = f.struct(*(f.col(new).alias(old) for new, old in zip(columns.columns, frame.columns, strict=True)))
    rows = columns.select(f.to_json(named, {"ignoreNullFields": "false"}))
    for row in rows.toLocalIterator(prefetchPartitions=True):
        print(row[0])


def _as_text(frame: DataFrame) -> DataFrame:
    """Every value as Spark writes it, so that times are in the session's zone, not in that of this process."""
    from pyspark.sql import functions as f
    from pyspark.sql.types import ArrayType, MapType, StructType

    columns = _by_position(frame)
    return columns.select(*(
        f.to_json(each.name) if isinstance(each.dataType, (ArrayType, MapType, StructType)) else f.col(each.name).cast("string")
        for each in columns.schema
    ))  # fmt: skip


def _by_position(frame: DataFrame) -> DataFrame:
    """The frame with columns `c0`, `c1`, …: a result may have two columns of one name."""
    return frame.toDF(*(f"c{position}" for position in range(len(frame.columns))))
