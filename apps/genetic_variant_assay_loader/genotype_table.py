"""The genotype table of a block of lines, and depth and quality of the calls in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from apps.genetic_variant_assay_loader.allele_table import AlleleIds
from common.errors import Rule
from common.genome import BIN_WIDTH
from common.vcf.genotypes import GENOTYPE_TYPES, HALF, NO_CALL, REF, Calls, find_fields
from common.vcf.lines import LineBlock, LineFaults, Mask, Positions
from common.vcf.sites import Sites, is_number

KINDS = ("alt", "ref", "halfref", "nocall")
_TYPE_NAMES = pa.array(GENOTYPE_TYPES)
_DIGITS = 18


def build_genotypes(
    block: LineBlock, sites: Sites, ids: AlleleIds, calls: Calls, samples: pa.Array, found: LineFaults
) -> dict[str, pa.Table]:
    """Rows of `schema.GENOTYPE` by kind: those with an allele, and the kinds that readers ask for by a flag each.

    Each table is in the order of lines and samples. Text columns are dictionaries, so that a million rows cost little.
    """
    depth, quality = _parse_depth_and_quality(block, sites, calls, found)
    bare = calls.row_alt < 0
    type_ = calls.type[calls.rows]
    tables: dict[str, pa.Table] = {}
    for kind, chosen in zip(
        KINDS, (~bare, bare & (type_ == REF), bare & (type_ == HALF), bare & (type_ == NO_CALL)), strict=True
    ):
        rows = np.flatnonzero(chosen)
        if not len(rows):
            continue
        if kind != "alt":
            call = calls.rows[rows]
            rows = rows[np.lexsort((calls.sample[call], calls.line[call]))]
        tables[kind] = _table(kind, sites, ids, calls, rows, samples, depth, quality)
    return tables


def _table(
    kind: str, sites: Sites, ids: AlleleIds, calls: Calls, rows: Positions, samples: pa.Array,
    depth: pa.Array, quality: pa.Array,
) -> pa.Table:  # fmt: skip
    call = calls.rows[rows]
    line, alt = calls.line[call], calls.row_alt[rows]
    flags = [pa.array(np.full(len(rows), kind == flag)) for flag in KINDS[1:]]
    pos = sites.pos[line]
    chromosomes = sites.chr.dictionary_encode()
    columns = {
        "a_id": _coded(alt, ids.a_id) if kind == "alt" else pa.nulls(len(rows), pa.string()),
        "sample_id": _coded(calls.sample[call], samples),
        # Parquet's dictionaries hold no null. All rows are on lines with a locus.
        "locus_id": _coded(line, ids.locus_id.fill_null("")),
        "chr": chromosomes.take(pa.array(line)),
        "pos": pa.array(pos),
        "type": _coded(calls.type[call], _TYPE_NAMES),
        "genotype_quality": quality.take(pa.array(call)),
        "depth": depth.take(pa.array(call)),
        "ref_yn": flags[0], "halfref_yn": flags[1], "nocall_yn": flags[2],
        "bin": pa.array((pos // BIN_WIDTH).astype(np.int32)),
    }  # fmt: skip
    return pa.table(columns)


def _coded(codes: Positions, values: pa.Array) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), values)


def _parse_depth_and_quality(
    block: LineBlock, sites: Sites, calls: Calls, found: LineFaults
) -> tuple[pa.Array, pa.Array]:
    """DP and GQ of each stored call; lines are taken together by where FORMAT has the two."""
    values = np.zeros((2, len(calls.line)), np.int64)
    valid = np.zeros((2, len(calls.line)), np.bool_)
    of_lines = np.stack((sites.layout.dp, sites.layout.gq, sites.layout.keys), axis=1)
    layouts, code = np.unique(of_lines, axis=0, return_inverse=True)
    for at, layout in enumerate(layouts):
        of = np.flatnonzero(code.ravel()[calls.line] == at)
        start = block.before[calls.line[of], calls.sample[of]] + 1
        keys = int(layout[2])
        wanted = sorted({int(place) for place in layout[:2] if place >= 0} | {keys})
        fields = dict(zip(wanted, find_fields(block.data, start, wanted), strict=True))
        too_many = fields[keys][0] >= 0
        _mark(block, calls, of[too_many], "FORMAT", f"more than the {keys} parts that FORMAT names", None, found)
        for which, name in enumerate(("DP", "GQ")):
            if layout[which] >= 0:
                begin, end = fields[int(layout[which])]
                values[which, of], valid[which, of], wrong = _parse_integers(block.data, begin, end)
                shown = [block.data[a:b].tobytes() for a, b in zip(begin[wrong], end[wrong], strict=True)]
                _mark(block, calls, of[wrong], name, "not a whole number of zero or more", shown, found)
    return (pa.array(values[0], mask=~valid[0]), pa.array(values[1], mask=~valid[1]))


def _mark(
    block: LineBlock,
    calls: Calls,
    wrong: Positions,
    name: str,
    text: str,
    values: list[bytes] | None,
    found: LineFaults,
) -> None:
    """One fault per line, of its first sample that has it."""
    lines, first = np.unique(calls.line[wrong], return_index=True)
    if len(lines):
        shown = None if values is None else [values[at] for at in first]
        found.add(block.numbers[lines], Rule.VCF_VALUE, name, text, shown)


def _parse_integers(data: npt.NDArray[np.uint8], start: Positions, end: Positions) -> tuple[Positions, Mask, Mask]:
    """Values, which are given, and which are neither a number nor missing. A GQ such as `99.4` is rounded."""
    length = np.where(start >= 0, end - start, 0)
    given = (length > 0) & ~((length == 1) & (data[start] == 46))
    value = np.zeros(len(start), np.int64)
    plain = given & (length <= _DIGITS)
    for at in range(int(length[plain].max(initial=0))):
        rows = np.flatnonzero(plain & (length > at))
        digit = data[start[rows] + at].astype(np.int64) - 48
        value[rows] = value[rows] * 10 + digit
        plain[rows[(digit < 0) | (digit > 9)]] = False
    rest = np.flatnonzero(given & ~plain)
    if len(rest):
        texts = [data[a:b].tobytes().decode("utf-8", "replace") for a, b in zip(start[rest], end[rest], strict=True)]
        numeric = np.asarray(is_number(pa.array(texts, pa.string())))
        read = np.array([float(text) if ok else -1.0 for text, ok in zip(texts, numeric, strict=True)])
        whole = np.isfinite(read) & (read >= 0) & (read < 2.0**62)
        value[rest[whole]] = np.rint(read[whole]).astype(np.int64)
        nan = numeric & ~np.isfinite(read)
        given[rest[nan | ~whole]] = False
        rest = rest[~whole & ~nan]
    wrong = np.zeros(len(start), np.bool_)
    wrong[rest] = True
    return value, given, wrong
