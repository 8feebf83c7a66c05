"""What two key columns have in common, counted over their key files in buckets: how a table links to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from common.scan.files import locate
from common.spark import Cluster
from common.tables.keys import BUCKET_ROWS, KeyColumn, TableKeys, extract_keys, read_bucket


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


def count_rows(files: Sequence[str]) -> int:
    """Rows of Parquet files, as their footers say."""
    total = 0
    for path in files:
        filesystem, inner = locate(path)
        total += pq.read_metadata(inner, filesystem=filesystem).num_rows
    return total


def extract_column(
    cluster: Cluster, files: Sequence[str], column: str, place: KeyColumn, buckets: int, folder: str
) -> KeyColumn:
    """`place` with the key files of one column of a table that stands already: its Parquet files read by a task each."""
    paths = [f"{folder}/{place.entity}.{place.field}.{number:05d}.arrow" for number in range(len(files))]
    tasks = [TableKeys(file, {column: (path, buckets)}) for file, path in zip(files, paths, strict=True)]
    cluster.map(extract_keys, tasks, f"ids of {place.entity}")
    return replace(place, key_files=tuple(paths))
