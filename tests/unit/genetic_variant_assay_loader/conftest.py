"""Tiny VCFs read by the parser that tasks use, without Spark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest

from apps.genetic_variant_assay_loader.genotype_table import KINDS
from apps.genetic_variant_assay_loader.task import parse_block, reading_of
from common.faults import Fault, Faults
from common.vcf.header import parse_header
from common.vcf.lines import LineFaults

COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


@dataclass
class Loaded:
    """What a VCF gave. `lines` of faults count from the first data line, 1."""

    alleles: pa.Table
    annotations: pa.Table
    by_kind: dict[str, pa.Table]
    faults: Faults
    records: int
    remarks: list[str]

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Rows of `alleles`, `annotations` or a kind of genotype, these columns of them."""
        found = getattr(self, table, None) if table not in KINDS else self.by_kind.get(table)
        if found is None:
            return []
        return list(zip(*(found[name].to_pylist() for name in columns), strict=True))

    def refused(self) -> list[tuple[int, int | None, str, str | None]]:
        """(code, line, field, value) of each fault."""

        def place(fault: Fault) -> tuple[int, int | None, str, str | None]:
            return fault.code, fault.line, fault.field, fault.value

        return [place(fault) for fault in self.faults]


@pytest.fixture
def load() -> Callable[..., Loaded]:
    """Reads data lines, given with blanks for tabs, under a header with these samples and meta lines."""

    def read(
        *lines: str, samples: str = "", meta: str = "", text: bytes | None = None, version: str = "4.2", **keep: Any
    ) -> Loaded:
        names = samples.split()
        columns = "\t".join([COLUMNS, *(["FORMAT", *names] if names else [])])
        header, _ = parse_header(f"##fileformat=VCFv{version}\n{meta}{columns}\n".encode(), "tiny.vcf")
        assert header is not None
        body = text if text is not None else "".join("\t".join(line.split()) + "\n" for line in lines).encode()
        found = LineFaults("tiny.vcf")
        block = parse_block(body, 1, (), reading_of(header, **keep), found)
        return Loaded(block.alleles, block.annotations, block.genotypes, found.faults, block.records,
                      [str(each) for each in found.remarks.values()])  # fmt: skip

    return read
