"""The reference that a VCF was called on, as the lengths of its contigs show it."""

from __future__ import annotations

import pytest

from apps.genetic_variant_assay_loader.plan import REFERENCES, reference_genomes, validate_reference
from common.faults import Faults
from common.vcf.lines import Remarks


def told(contigs: dict[str, int | None], reference: str = "GRCh38.92") -> tuple[list[tuple[str, str]], list[str]]:
    """Texts and remedies of faults, and remarks."""
    faults, remarks = Faults(), Remarks()
    validate_reference("a.vcf", contigs, reference, faults, remarks)
    return [(each.text, each.remedy) for each in faults], [str(each) for each in remarks.values()]


@pytest.mark.parametrize("contigs", [
    {}, {"chr1": None}, {"chr1": 248956422, "X": 156040895, "chrM": 16571, "chrUn_1": 7}, {"GL000191.1": 106433},
])  # fmt: skip
def test_contigs_of_the_reference_or_of_no_known_length_say_nothing(contigs: dict[str, int | None]) -> None:
    assert told(contigs) == ([], [])


@pytest.mark.parametrize(("contigs", "other"), [
    ({"chr1": 5, "CHR2": 243199373}, "GRCh37.87"), ({"chr7": 160567428}, "T2T-CHM13v2.0"), ({"19": 61431566}, "GRCm38"),
    ({"X": 169476592}, "GRCm39"),
])  # fmt: skip
def test_a_vcf_of_another_assembly_is_refused_with_what_to_do(contigs: dict[str, int | None], other: str) -> None:
    (((text, remedy),), remarks) = told(contigs)
    assert text.endswith(f"has the length that it has in {other}")
    assert remedy.startswith("Lift the VCF over") == (other not in REFERENCES)
    assert not remarks


def test_lengths_of_no_known_assembly_are_a_remark() -> None:
    text = (
        "contigs have other lengths than in GRCh38.92; check that the VCF was called on it: 2 contigs, first in a.vcf"
    )
    assert told({"1": 100, "chr2": 200, "3": 198295559}) == ([], [text])


def test_no_two_assemblies_share_the_length_of_a_chromosome() -> None:
    pairs = [each for lengths in reference_genomes().values() for each in lengths.items()]
    assert len(pairs) == len({*pairs}) == 3 * 24 + 2 * 21
