"""Delimited files cut into pieces, pieces gathered into tasks of even weight, and the plan that the tasks of a load share."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from common.scan.delimited import Piece, TextFile, build_pieces, cut_blocks, scan_block, whole_piece
from common.scan.files import locate, read_bytes
from common.spark.session import Cluster

T = TypeVar("T")

SMALLEST_TASK, LARGEST_TASK = 16 << 20, 512 << 20
"""Bytes of text for one task. The largest makes Parquet files of about 128 MiB; the smallest keeps small tables in one file."""

TASKS_PER_CORE = 4
_GZIP_FACTOR = 5


def cut_files(files: Sequence[TextFile], cluster: Cluster) -> dict[str, list[Piece]]:
    """Each file's pieces, by path; only files larger than a task are scanned for where to cut."""
    cut = {file.path: [whole_piece(file)] for file in files}
    if any(file.is_splittable and file.size > SMALLEST_TASK for file in files):
        size = task_bytes(sum(file.size for file in files), cluster)
        blocks = {file.path: cut_blocks(file, size) for file in files if file.is_splittable and file.size > size}
        scanned = cluster.map(scan_block, [block for each in blocks.values() for block in each], "scan")
        for path in blocks:
            cut[path] = build_pieces([block for block in scanned if block.file.path == path])
    return cut


def task_bytes(total: int, cluster: Cluster) -> int:
    """How much text a task should have, where there is this much of it."""
    if total <= SMALLEST_TASK:
        return SMALLEST_TASK
    return min(max(total // (TASKS_PER_CORE * cluster.parallelism), SMALLEST_TASK), LARGEST_TASK)


def group_pieces(pieces: Iterable[tuple[int, Piece]], target: int) -> Iterator[tuple[tuple[int, Piece], ...]]:
    """Consecutive pieces in groups of about `target` bytes of text."""
    return gather(((each, text_bytes([each[1]])) for each in pieces), target)


def gather(weighted: Iterable[tuple[T, int]], target: int) -> Iterator[tuple[T, ...]]:
    """Consecutive items, each with its weight, in groups of about `target`, so that many small files make few Parquet files."""
    gathered, size = list[T](), 0
    for each, weight in weighted:
        if gathered and size + weight > target:
            yield tuple(gathered)
            gathered, size = [], 0
        gathered.append(each)
        size += weight
    yield tuple(gathered)


def text_bytes(pieces: Iterable[Piece]) -> int:
    """Bytes of text in these pieces; of gzip, as a guess."""
    return sum((piece.end - piece.start) * (_GZIP_FACTOR if piece.file.is_gzip else 1) for piece in pieces)


def write_plan(plan: object, path: str) -> None:
    """Writes to scratch storage what all tasks of a load share, so that a task carries only its pieces."""
    filesystem, inner = locate(path)
    with filesystem.open_output_stream(inner) as out:
        out.write(pickle.dumps(plan))


@lru_cache(maxsize=4)
def read_plan(path: str) -> Any:
    """The plan at `path`; read once per worker process."""
    return pickle.loads(read_bytes(path))  # noqa: S301 - written by this job's own driver, into its staging folder
