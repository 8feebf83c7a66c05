"""A Tabix or CSI index beside a bgzip file: where blocks begin, so that pieces are cut there and no block has to be looked for, and
where the last one does, which tells whether the file has all its blocks.

Formats: samtools/hts-specs, tabix.pdf and CSIv1.pdf. Of the two chunks of a bin of counts, the second holds numbers of records.
"""

from __future__ import annotations

import struct

import numpy as np
import pyarrow.fs as pafs

from common.errors import AppError
from common.scan.bgzip import stream_text
from common.scan.files import locate

_TABIX, _CSI = b"TBI\x01", b"CSI\x01"
_COUNTS_BIN = 37450


def read_block_starts(path: str) -> tuple[int, ...]:
    """Offsets of blocks in the file at `path`, ascending, by `<path>.tbi` or `<path>.csi`; none if there is no readable index."""
    for index in (f"{path}.tbi", f"{path}.csi"):
        filesystem, inner = locate(index)
        if filesystem.get_file_info(inner).type == pafs.FileType.File:
            try:
                return parse_block_starts(b"".join(stream_text(index, 1 << 20)))
            except (AppError, struct.error, ValueError):
                continue
    return ()


def parse_block_starts(index: bytes) -> tuple[int, ...]:
    """The blocks that an inflated index names, ascending: the upper 48 bits of the virtual offsets of its intervals or bins, and
    of the ends of its bins, of which the last is where the data end.

    Raises `ValueError` or `struct.error` for other data.
    """
    is_csi = index[:4] == _CSI
    if is_csi:
        _, depth, names = struct.unpack_from("<3i", index, 4)
        at = 16 + names
        (references,) = struct.unpack_from("<i", index, at)
        at += 4
        counts_bin, bin_head = ((1 << 3 * (depth + 1)) - 1) // 7 + 1, struct.Struct("<IQi")
    elif index[:4] == _TABIX:
        references, *_, names = struct.unpack_from("<8i", index, 4)
        at = 36 + names
        counts_bin, bin_head = _COUNTS_BIN, struct.Struct("<Ii")
    else:
        raise ValueError("neither a Tabix index nor a CSI")
    found: set[int] = set()
    for _ in range(references):
        (bins,) = struct.unpack_from("<i", index, at)
        at += 4
        for _ in range(bins):
            number, *first, chunks = bin_head.unpack_from(index, at)
            at += bin_head.size
            ends = np.frombuffer(index, "<u8", 2 * (1 if number == counts_bin else chunks), at)[1::2]
            found.update(offset >> 16 for offset in (*first, int(ends.max(initial=0))))
            at += 16 * chunks
        if not is_csi:
            (intervals,) = struct.unpack_from("<i", index, at)
            found.update((np.frombuffer(index, "<u8", intervals, at + 4) >> 16).tolist())
            at += 4 + 8 * intervals
    return tuple(sorted(found - {0}))
