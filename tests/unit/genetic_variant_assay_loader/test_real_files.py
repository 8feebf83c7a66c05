"""Real files: counts taken by other tools, and genotypes as htslib reads them."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.genetic_variant_assay_loader.annotation import NO_ALLELE
from apps.genetic_variant_assay_loader.task import TaskResult, VariantTask, load_task
from common.vcf.container import cut_pieces, read_vcf_file
from common.vcf.genotypes import GENOTYPE_TYPES

cyvcf2 = pytest.importorskip("cyvcf2")

REFUSED = {
    "hail/malformed.vcf": [203],  # its second line has 164 columns, where the header has 109
    "glow/vcf/test_withInfQual.vcf": [208],  # its 12 spellings of infinity are on the same few alleles
    "snpeff/cancer.ann.vcf": [200], "snpeff/cancer_pedigree.ann.vcf": [207],  # a form of no version; out of order
    "snpeff/test.ann.vcf": [200, 201], "snpeff/variants_1.ann.vcf": [200, 201], "snpeff/variants_2.ann.vcf": [200, 201],
}  # fmt: skip
LOADED = [
    "adam/small_snpeff.vcf", "bio2zarr/mixed_ploidy.vcf.gz", "bio2zarr/sample.vcf.gz", "glow/1kg_sample.vcf",
    "glow/CEUTrio.HiSeq.WGS.b37.NA12878.20.21.vcf", "glow/NA12878_21_10002403.g.vcf",
    "glow/combined.chr20_18210071_18210093.g.vcf", "glow/variantsplitternormalizer-test/01_IN_altered_multiallelic.vcf",
    "glow/variantsplitternormalizer-test/01_IN_altered_multiallelic_bcftoolsnormalized.vcf", "glow/vcf/1row.vcf.bgz",
    "glow/vcf/1row_bgz.vcf.gz", "glow/vcf/1row_not_bgz.vcf.gz", "glow/vcf/VCFv4.3.vcf", "glow/vcf/loftee.vcf",
    "glow/vcf/misnumbered_info.vcf", "glow/vcf/missing_contig_length.vcf", "glow/vcf/snpeff.vcf",
    "glow/vcf/test_withInfGenotype.vcf", "glow/vcf/test_withNanGenotype.vcf", "glow/vcf/test_withNanQual.vcf",
    "glow/vcf/vep.vcf", "hail/haploid.vcf", "hail/sample.vcf", "hail/x-chromosome.vcf",
]  # fmt: skip


@pytest.fixture(scope="module")
def counts(shared_data: Path) -> dict[str, dict[str, str]]:
    with (shared_data / "vcf" / "counts.tsv").open(encoding="utf-8", newline="") as rows:
        return {row["file"]: row for row in csv.DictReader(rows, delimiter="\t")}


def load(path: Path, folder: Path, piece_bytes: int = 1 << 20) -> TaskResult:
    file, found = read_vcf_file(path.name, str(path))
    assert file is not None, found.faults.render()
    pieces = tuple(cut_pieces(file, piece_bytes))
    return load_task(
        VariantTask(
            0, 0, pieces, (True, True, True), None, dict.fromkeys(("genotype", "allele", "annotation"), str(folder))
        )
    )


def rows_of(result: TaskResult, folder: Path, table: str) -> list[dict[str, Any]]:
    tables = [pq.read_table(folder / name) for name in result.files.get(table, [])]
    rows: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist() if tables else []
    return rows


def test_every_file_is_named_here(counts: dict[str, dict[str, str]]) -> None:
    assert {*LOADED, *REFUSED} == set(counts)


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_sound_vcf_is_refused(shared_data: Path, tmp_path: Path, name: str) -> None:
    file, found = read_vcf_file(name, str(shared_data / "vcf" / name))
    codes = (
        found.faults.codes() if file is None else load(shared_data / "vcf" / name, tmp_path).pieces[0].faults.codes()
    )
    assert codes == REFUSED[name]


@pytest.mark.parametrize("name", LOADED)
def test_records_and_annotations_are_as_counted_by_others(
    shared_data: Path, tmp_path: Path, counts: dict[str, dict[str, str]], name: str
) -> None:
    result = load(shared_data / "vcf" / name, tmp_path)
    expected = counts[name]
    assert not result.pieces[0].faults
    assert result.pieces[0].records == int(expected["records"])
    without_row = int(expected["ref_block"]) + int(expected["star"])
    assert result.rows["allele"] == int(expected["alts"]) - without_row
    remarks = result.pieces[0].remarks
    unmatched = remarks[NO_ALLELE].count if NO_ALLELE in remarks else 0
    assert result.rows["annotation"] + unmatched == int(expected["annotation_entries"].partition(":")[2] or 0)


@pytest.mark.parametrize("name", LOADED)
@pytest.mark.parametrize("piece_bytes", [1 << 20, 20_000])
def test_genotypes_and_counts_equal_those_of_htslib(
    shared_data: Path, tmp_path: Path, name: str, piece_bytes: int
) -> None:
    path = shared_data / "vcf" / name
    result = load(path, tmp_path, piece_bytes)
    assert not any(piece.faults for piece in result.pieces)
    genotypes, alleles = rows_of(result, tmp_path, "genotype"), rows_of(result, tmp_path, "allele")
    found = Counter((row["chr"], row["pos"], row["sample_id"], row["a_id"], row["type"]) for row in genotypes)
    expected, copies = read_with_htslib(path)
    assert found == expected
    assert {row["a_id"]: (row["alt_count"], row["ref_count"], row["nc_count"]) for row in alleles} == copies


def read_with_htslib(path: Path) -> tuple[Counter[tuple[Any, ...]], dict[str, tuple[int, int, int]]]:
    """Rows of the genotype table, and copies by allele, from cyvcf2's genotypes one by one."""
    rows: Counter[tuple[Any, ...]] = Counter()
    copies: dict[str, tuple[int, int, int]] = {}
    vcf = cyvcf2.VCF(str(path))
    for variant in vcf:
        made = {number: alt for number, alt in enumerate(variant.ALT, 1) if alt not in ("*", "<*>", "<NON_REF>")}
        if not made:
            continue
        chr_ = variant.CHROM.removeprefix("chr")
        ids = {number: f"{chr_}_{variant.POS}_{variant.REF}_{alt}" for number, alt in made.items()}
        calls = [call[:-1] for call in variant.genotypes] if "GT" in variant.FORMAT else []
        # cyvcf2 pads a call of lower ploidy with -2.
        calls = [[allele for allele in call if allele != -2] for call in calls]
        for sample, call in zip(vcf.samples, calls, strict=False):
            others = sorted({allele for allele in call if allele > 0})
            kind = GENOTYPE_TYPES[kind_of(call, others)]
            rows.update((chr_, variant.POS, sample, ids[other], kind) for other in others if other in ids)
            if not others:
                rows[chr_, variant.POS, sample, None, kind] += 1
        flat = Counter(allele for call in calls for allele in call)
        copies |= {ids[number]: (flat[number], flat[0], flat[-1]) for number in made}
    return rows, copies


def kind_of(call: list[int], others: list[int]) -> int:
    if not others:
        return 0 if -1 not in call else 4 if 0 in call else 5
    if -1 in call:
        return 4
    return 3 if len(others) > 1 else 1 if 0 in call else 2
