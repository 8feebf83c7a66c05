"""The types of fields, and what their values are stored as."""

from __future__ import annotations

import pyarrow as pa

TYPES = ("string", "integer", "float", "date", "datetime")
"""The types of a data dictionary."""

KEY_TYPES = ("string", "integer", "float")
"""The types that a key may have."""

SQL_TYPES = {"string": "string", "integer": "bigint", "float": "double", "date": "date", "datetime": "timestamp"}
"""The Spark SQL type of each."""

ARROW_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(), "integer": pa.int64(), "float": pa.float64(), "date": pa.date32(),
    "datetime": pa.timestamp("us", tz="UTC"),
}  # fmt: skip
"""The Arrow type of each, in Parquet files."""
