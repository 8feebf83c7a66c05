"""A Tabix index beside a bgzip file: where blocks begin, so that pieces are cut there and no block has to be looked for, and
where the last one does, which tells whether the file has all its blocks.

Format: samtools/hts-specs, tabix.pdf.
"""

from __future__ import annotations

import struct

import numpy as np
import pyarrow.fs as pafs

from common.errors import AppError
from common.scan.bgzip import stream_text
from common.scan.files import locate

_MAGIC = b"TBI\x01"
_HEADER = struct.Struct("<8i")
_COUNTS_BIN = 37450  # of its two chunks the second holds numbers of records


def read_block_starts(path: str) -> tuple[int, ...]:
    """Offsets of blocks in the file at `path`, ascending, by `<path>.tbi`; none if there is no readable index."""
    index = f"{path}.tbi"
    filesystem, inner = locate(index)
    if filesystem.get_file_info(inner).type != pafs.FileType.File:
        return ()
    try:
        return parse_block_starts(b"".join(stream_text(index, 1 << 20)))
    except (AppError, struct.error, ValueError):
        return ()


def parse_block_starts(index: bytes) -> tuple[int, ...]:
    """The blocks that an inflated index names, ascending: the upper 48 bits of the virtual offsets of its intervals and of the
    ends of its bins, of which the last is where the data end.

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
            number, chunks = struct.unpack_from("<Ii", index, at)
            ends = np.frombuffer(index, "<u8", 2 * (1 if number == _COUNTS_BIN else chunks), at + 8)[1::2]
            found.add(int(ends.max(initial=0)) >> 16)
            at += 8 + 16 * chunks
        (intervals,) = struct.unpack_from("<i", index, at)
        found.update((np.frombuffer(index, "<u8", intervals, at + 4) >> 16).tolist())
        at += 4 + 8 * intervals
    return tuple(sorted(found - {0}))
