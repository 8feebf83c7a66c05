"""Tables of Parquet files as SQL is told of them. Some lie in folders, `chr=1/bin=0/…`, that name columns but not their types.

Spark would guess these from the names it meets: `chr` would be a number wherever no X, Y or Other is loaded, and text elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType

_NUMBERS = ("bin",)
"""The columns in folders' names that are numbers; any other is text."""


def partition_columns(files: Sequence[str]) -> list[str]:
    """The columns that the folders of a table's files name; the files are relative to the table's folder.

    >>> partition_columns(["chr=1/bin=0/part-00000.parquet"])
    ['chr', 'bin']
    """
    folders = PurePosixPath(files[0]).parts[:-1] if files else ()
    return [part.partition("=")[0] for part in folders if "=" in part]


def table_schema(session: SparkSession, folder: str, files: Sequence[str]) -> StructType:
    """The columns of a table: those in its first file, then those that folders name."""
    from pyspark.sql.types import IntegerType, StringType

    # A folder is meant as it is spelt: its brackets and stars are no pattern.
    schema = session.read.option("__globPaths__", "false").parquet(f"{folder}/{files[0]}").schema
    for name in partition_columns(files):
        schema = schema.add(name, IntegerType() if name in _NUMBERS else StringType())
    return schema


def table_definition(schema: StructType, partitions: Sequence[str]) -> str:
    """What SQL's `CREATE TABLE` says of these columns, after the table's name."""
    columns = ", ".join(f"{quote_name(each.name)} {each.dataType.simpleString()}" for each in schema)
    by = f" PARTITIONED BY ({', '.join(map(quote_name, partitions))})" if partitions else ""
    return f"({columns}) USING parquet{by}"


def quote_name(name: str) -> str:
    """An SQL identifier, whatever characters it has.

    >>> quote_name("a`b")
    '`a``b`'
    """
    return "`" + name.replace("`", "``") + "`"


def quote_text(text: str) -> str:
    r"""An SQL string literal in Spark's default notation, where a backslash escapes.

    >>> quote_text("it's")
    "'it\\'s'"
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
