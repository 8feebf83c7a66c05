"""Places on a genome as the tables of assays hold them: contig names, bins, and the folders of a table by contig and bin."""

from __future__ import annotations

from urllib.parse import quote

import pyarrow as pa

BIN_WIDTH = 2_500_000
"""Base pairs of a bin: `bin = pos // BIN_WIDTH`."""

PARTITIONS = ("chr", "bin")
"""Columns that a large table has as folders."""


def chromosome(contig: str) -> str:
    """The name of a contig in the tables: without `chr` in any case, `MT` for M, without the brackets of VCF's `<contig>`.

    >>> [chromosome(name) for name in ("chr1", "CHRX", "chrM", "<HLA-A*01>", "chr")]
    ['1', 'X', 'MT', 'HLA-A*01', 'chr']
    """
    name = contig[1:-1] if contig.startswith("<") else contig
    name = name[3:] if name[:3].lower() == "chr" and len(name) > 3 else name
    return "MT" if name == "M" else name


def chromosomes(contigs: pa.Array) -> pa.Array:
    """`chromosome` of each (string); nulls stay."""
    encoded = contigs.dictionary_encode()
    return pa.array(map(chromosome, encoded.dictionary.to_pylist()), pa.string()).take(encoded.indices)


def bin_folder(contig: str, number: int) -> str:
    """The folder of a contig's bin within its table, with a slash at the end.

    >>> bin_folder("HLA/1", 0)
    'chr=HLA%2F1/bin=0/'
    """
    return f"chr={quote(contig, safe='')}/bin={number}/"
