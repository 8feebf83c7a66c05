"""A Tabix index beside a bgzip file: where blocks begin, so that pieces are cut there and no block has to be looked for.

It is only ever a hint: a piece finds its first block itself, so an index that is stale or of another file does no harm.
Format: samtools/hts-specs, tabix.pdf.
"""

from __future__ import annotations

import gzip
import struct
import zlib

import numpy as np
import pyarrow.fs as pafs

from common.scan.files import locate, read_bytes

_MAGIC = b"TBI\x01"
_HEADER = struct.Struct("<8i")


def read_block_starts(path: str) -> tuple[int, ...]:
    """Offsets of blocks in the file at `path`, ascending, by `<path>.tbi`; none if there is no readable index."""
    index = f"{path}.tbi"
    filesystem, inner = locate(index)
    if filesystem.get_file_info(inner).type != pafs.FileType.File:
        return ()
    try:
        return parse_block_starts(gzip.decompress(read_bytes(index)))
    except (struct.error, ValueError, EOFError, OSError, zlib.error):
        return ()


def parse_block_starts(index: bytes) -> tuple[int, ...]:
    """The blocks that an inflated index names: the upper 48 bits of the virtual offsets of its intervals.

    Raises `ValueError` or `struct.error` for what is no index.
    """
    if index[:4] != _MAGIC:
        raise ValueError("no Tabix index")
    references, *_, names = _HEADER.unpack_from(index, 4)
    at = 4 + _HEADER.size + names
    found: set[int] = set()
    for _ in range(references):
        (bins,) = struct.unpack_from("<i", index, at)
        at += 4
        for _ in range(bins):
            (chunks,) = struct.unpack_from("<i", index, at + 4)
            at += 8 + 16 * chunks
        (intervals,) = struct.unpack_from("<i", index, at)
        found.update((np.frombuffer(index, "<u8", intervals, at + 4) >> 16).tolist())
        at += 4 + 8 * intervals
    return tuple(sorted(found - {0}))
