"""A made VCF as a cohort's is: most calls reference, few variants common, GT:DP:GQ, an ANN of two transcripts for each
allele."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from isal import isal_zlib

_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_BLOCK = 65_280
_GT = ("0/0", "0/1", "1/1", "./.", "0/2", "1/2")
_DEPTHS = 80
_SPACING = 3000
"""Bases between sites, on average: 20,000 sites cover 60 Mb, one chromosome of the smaller ones."""

_HEADER = """##fileformat=VCFv4.2
##contig=<ID=chr1>
##INFO=<ID=ANN,Number=.,Type=String,Description="Functional annotations">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Read depth">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality">
#CHROM	POS	ID	REF	ALT	QUAL	FILTER	INFO	FORMAT	"""


def write_vcf(path: Path, sites: int, samples: int, seed: int = 7) -> Path:
    """A bgzip VCF; the same for the same arguments. Some 6 % of calls are not reference."""
    random = np.random.default_rng(seed)
    names = "\t".join(f"S{number:06d}" for number in range(samples))
    fields = _field_texts()
    pos, pending = 10_000, bytearray((_HEADER + names + "\n").encode())
    with path.open("wb") as out:
        for site in range(sites):
            pos += int(random.exponential(_SPACING)) + 1
            pending += _line(site, pos, samples, fields, random)
            while len(pending) >= _BLOCK:
                out.write(_bgzip_block(bytes(pending[:_BLOCK])))
                del pending[:_BLOCK]
        out.write(_bgzip_block(bytes(pending)) + _END)
    return path


def _field_texts() -> np.ndarray:
    """Every sample field there can be, by kind of call and depth; the quality follows from the depth."""
    texts = [
        f"{gt}:.:.\t" if gt == "./." else f"{gt}:{depth}:{min(99, 3 * depth)}\t"
        for gt in _GT
        for depth in range(_DEPTHS)
    ]
    return np.array(texts, "S").reshape(len(_GT), _DEPTHS)


def _line(site: int, pos: int, samples: int, fields: np.ndarray, random: np.random.Generator) -> bytes:
    frequency = random.beta(0.11, 3.3)
    copies = random.binomial(2, frequency, samples)
    is_multiallelic = site % 22 == 0
    if is_multiallelic:
        other = random.random(samples) < 0.3
        copies = np.where(other & (copies == 1), 4, np.where(other & (copies == 2), 5, copies))
    calls = np.where(random.random(samples) < 0.005, 3, copies)
    depths = np.minimum(random.poisson(30, samples), _DEPTHS - 1)
    alts = ("C", "G") if is_multiallelic else ("C",)
    gene = site // 20
    entries = (
        f"{alt}|missense_variant|MODERATE|GENE{gene}|ENSG{gene:011d}|transcript|ENST{gene:010d}{number}.1|protein_coding|1/5|"
        f"c.{site}A>{alt}|p.Ala{site}Val|{site}/9000|{site}/8000|{site}/3000||"
        for alt in alts
        for number in (1, 2)
    )
    start = f"chr1\t{pos}\trs{site}\tA\t{','.join(alts)}\t100\tPASS\tANN={','.join(entries)}\tGT:DP:GQ\t"
    text: bytes = fields[calls, depths].tobytes().replace(b"\0", b"")
    return start.encode() + text[:-1] + b"\n"


def _bgzip_block(data: bytes) -> bytes:
    """SAM specification, section 4.1."""
    deflated = isal_zlib.compressobj(2, isal_zlib.DEFLATED, -15)
    body = deflated.compress(data) + deflated.flush()
    header = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0" + struct.pack("<H", len(body) + 25)
    return header + body + struct.pack("<II", isal_zlib.crc32(data), len(data))
