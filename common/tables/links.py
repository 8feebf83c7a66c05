"""What two key columns have in common, counted over their key files in buckets: how a table links to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from common.dataset.model import ColumnMapping
from common.dictionary import Field
from common.errors import AppError, Rule
from common.faults import Faults, Place
from common.platform import Platform, Staging
from common.scan.files import locate
from common.spark.session import Cluster
from common.tables.key_checks import BUCKET_ROWS, KeyColumn, TableKeys, extract_keys, read_bucket
from common.values.types import ARROW_TYPES


@dataclass(frozen=True, slots=True)
class Link:
    """A column that refers (`source`) and the one it refers to (`target`), both of Arrow type `kind`; `bucket` of `buckets`."""

    source: KeyColumn
    target: KeyColumn
    kind: pa.DataType
    buckets: int
    bucket: int = 0


@dataclass(frozen=True, slots=True)
class LinkCounts:
    """Non-empty cells (`rows`) and distinct ids of each side, and the ids that both have."""

    source_rows: int = 0
    source_ids: int = 0
    target_rows: int = 0
    target_ids: int = 0
    matched_ids: int = 0

    def __add__(self, other: LinkCounts) -> LinkCounts:
        mine, theirs = asdict(self), asdict(other)
        return LinkCounts(**{name: mine[name] + theirs[name] for name in mine})

    @property
    def is_source_unique(self) -> bool:
        """Whether no id stands in two rows of the source."""
        return self.source_rows == self.source_ids

    @property
    def is_target_unique(self) -> bool:
        """Whether no id stands in two rows of the target."""
        return self.target_rows == self.target_ids

    @property
    def relationship(self) -> str:
        """The relationship that the data show."""
        return "one_to_one" if self.is_source_unique else "many_to_one"

    def to_json(self) -> dict[str, dict[str, int]]:
        """Per side: rows with an id, distinct ids, and how many of these the other side has and has not."""
        sides = {"source": (self.source_rows, self.source_ids), "target": (self.target_rows, self.target_ids)}
        return {
            side: {"rows": rows, "ids": ids, "matched": self.matched_ids, "unmatched": ids - self.matched_ids}
            for side, (rows, ids) in sides.items()
        }

    def shown_rows(self, source: str, target: str) -> list[list[str]]:
        """A row for each side of the summary table under `SHOWN_HEADER`."""
        return [
            [side, name, *(f"{count:,}" for count in counts.values())]
            for (side, counts), name in zip(self.to_json().items(), (source, target), strict=True)
        ]


SHOWN_HEADER = ["side", "field", "rows with id", "ids", "matched", "unmatched"]


def count_links(cluster: Cluster, link: Link) -> LinkCounts:
    """Counts all buckets of a link, one task each."""
    tasks = [replace(link, bucket=bucket) for bucket in range(link.buckets)]
    return sum(cluster.map(count_bucket, tasks, "link"), LinkCounts())


def count_bucket(link: Link) -> LinkCounts:
    """Counts one bucket. A task's work."""
    source, target = (
        read_bucket(column, link.kind, link.buckets, link.bucket).column("value")
        for column in (link.source, link.target)
    )
    source_ids, target_ids = pc.unique(source), pc.unique(target)
    matched = pc.sum(pc.is_in(source_ids, value_set=target_ids)).as_py() or 0
    return LinkCounts(len(source), len(source_ids), len(target), len(target_ids), matched)


def bucket_count(rows: int) -> int:
    """Buckets for columns of at most so many rows."""
    return 1 + rows // BUCKET_ROWS


def stored_files(platform: Platform, mapping: ColumnMapping) -> list[str]:
    """The Parquet files of the table that stores a field. Raises `AppError` 91 if there are none."""
    files = platform.table_files(platform.find_database(mapping.database_id), mapping.table)
    if not files:
        raise AppError(
            Rule.NOT_FOUND, f"database {mapping.database_name} has no table {mapping.table}, or an empty one"
        )
    return files


def count_rows(files: Sequence[str]) -> int:
    """Rows of Parquet files, as their footers say."""
    total = 0
    for path in files:
        filesystem, inner = locate(path)
        total += pq.read_metadata(inner, filesystem=filesystem).num_rows
    return total


@dataclass(frozen=True, slots=True)
class StoredField:
    """A field of a published Dataset and where it is stored, to be linked by. With `distinct`, how often a value stands in
    the column says nothing, and is not looked at: rows are measurements."""

    field: Field
    mapping: ColumnMapping
    distinct: bool = False

    @property
    def shown(self) -> str:
        """`<entity>.<field>`."""
        return f"{self.field.entity}.{self.field.name}"


def extract_column(
    cluster: Cluster, files: Sequence[str], stored: StoredField, buckets: int, folder: str, *, as_text: bool = False
) -> KeyColumn:
    """The key column of a stored field, from the Parquet files of its table, which a task each reads."""
    paths = tuple(f"{folder}/{number:05d}.arrow" for number in range(len(files)))
    column = stored.mapping.column
    tasks = [
        TableKeys(file, {column: (path, buckets)}, as_text, stored.distinct)
        for file, path in zip(files, paths, strict=True)
    ]
    cluster.map(extract_keys, tasks, f"ids of {stored.field.entity}")
    return KeyColumn(stored.field.entity, stored.field.name, paths)


def count_stored(
    cluster: Cluster, platform: Platform, staging: Staging, source: StoredField, target: StoredField
) -> LinkCounts:
    """What two stored fields of one type have in common."""
    files = [stored_files(platform, each.mapping) for each in (source, target)]
    buckets = bucket_count(max(map(count_rows, files)))
    source_ids, target_ids = (
        extract_column(cluster, paths, each, buckets, staging.scratch_folder(f"{side}_ids"))
        for side, each, paths in zip(("source", "target"), (source, target), files, strict=True)
    )
    return count_links(cluster, Link(source_ids, target_ids, ARROW_TYPES[source.field.type], buckets))


def validate_counts(
    counts: LinkCounts, source: StoredField, target: StoredField, faults: Faults, *, one_to_one: bool
) -> None:
    """Adds faults 303, 310 and 311: what the data show against a link."""
    at, to = (Place(entity=each.field.entity, field=each.field.name) for each in (source, target))
    if not counts.is_target_unique:
        text = f"{counts.target_rows:,} rows of the target have {counts.target_ids:,} different ids"
        faults.add(Rule.TARGET_NOT_UNIQUE, text, to)
    if not counts.matched_ids:
        text = f"none of the source's {counts.source_ids:,} ids is among the target's {counts.target_ids:,}"
        faults.add(Rule.NO_OVERLAP, text, at)
    if one_to_one and not source.distinct and not counts.is_source_unique:
        text = f"{counts.source_rows:,} rows of the source have {counts.source_ids:,} different ids: not one to one"
        faults.add(Rule.RELATIONSHIP_BROKEN, text, at)
