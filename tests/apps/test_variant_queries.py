"""The query shapes of `dx extract_assay germline` on what the loader wrote, by Spark SQL and DuckDB, against htslib's
reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.apps.conftest import Runner

cyvcf2 = pytest.importorskip("cyvcf2")

Query = Callable[[str], list[tuple[Any, ...]]]
TABLES = ("sample", "genotype_alt_read_optimized", "allele_read_optimized", "annotation_read_optimized")
FIRST, LAST = 10_600_000, 13_000_000
PLACE = f"{{0}}.chr = '20' AND {{0}}.pos BETWEEN {FIRST} AND {LAST} AND {{0}}.bin IN (4, 5)"
KINDS = {-1: "no-call", 0: "ref", 1: "het-ref", 2: "hom"}


@pytest.fixture(scope="module")
def vcf(shared_data: Path) -> Path:
    return shared_data / "vcf" / "hail" / "sample.vcf"


@pytest.fixture
def engines(run_app: Runner, vcf: Path) -> Iterator[dict[str, Query]]:
    """Both engines over the tables of a load that stores every kind of genotype."""
    run_app(
        "genetic_variant_assay_loader", vcf_files=[str(vcf)], output_dataset_name="v", assay_name="g",
        reference_genome="GRCh37.87", exclude_refdata=False, exclude_halfref=False, exclude_nocall=False,
    )  # fmt: skip
    yield from opened(run_app)


def opened(run_app: Runner) -> Iterator[dict[str, Query]]:
    database = run_app.store.databases()[0]
    session = run_app.cluster.session
    with duckdb.connect() as duck:
        for table in TABLES:
            files = run_app.store.table_files(database, table)
            session.read.parquet(*files).createOrReplaceTempView(table)
            duck.read_parquet(files).create_view(table)
        yield {
            "Spark SQL": lambda sql: sorted(map(tuple, session.sql(sql).collect()), key=str),
            "DuckDB": lambda sql: sorted(duck.sql(sql).fetchall(), key=str),
        }


def answers(engines: dict[str, Query], sql: str) -> list[tuple[Any, ...]]:
    """The answer, which both engines must give."""
    spark, duck = (query(sql) for query in engines.values())
    assert spark == duck
    return spark


def test_every_query_shape_gives_what_htslib_reads(engines: dict[str, Query], vcf: Path) -> None:
    variants = list(cyvcf2.VCF(str(vcf)))
    samples = cyvcf2.VCF(str(vcf)).samples
    ids = [f"20_{v.POS}_{v.REF}_{v.ALT[0]}" for v in variants]
    inside = [(v, a_id) for v, a_id in zip(variants, ids, strict=True) if FIRST <= v.POS <= LAST]
    assert 10 < len(inside) < 100

    rsid, of_rsid = next((v.ID, a_id) for v, a_id in inside if v.ID and v.ID.startswith("rs"))
    sql = f"SELECT a_id, alt_count FROM allele_read_optimized WHERE ARRAY_CONTAINS(dbsnp151_rsid, '{rsid}')"
    assert [row[0] for row in answers(engines, sql)] == [of_rsid]

    found = answers(
        engines, f"SELECT a_id, alt_freq, nc_count FROM allele_read_optimized AS a WHERE {PLACE.format('a')}"
    )
    assert [(a_id, pytest.approx(freq), missing) for a_id, freq, missing in found] == sorted(
        ((a_id, v.aaf, 2 * v.num_unknown) for v, a_id in inside), key=str
    )

    genotypes = sorted(
        (sample, a_id, KINDS[kind_of(call)])
        for v, a_id in inside
        for sample, call in zip(samples, v.genotypes, strict=True)
    )
    joined = (
        "SELECT g.sample_id, a.a_id, g.type FROM genotype_alt_read_optimized AS g "
        "LEFT OUTER JOIN allele_read_optimized AS a ON g.{key} = a.{key} WHERE g.{flag} AND "
        f"{PLACE.format('g')} AND {PLACE.format('a')}"
    )
    alt = answers(engines, joined.format(key="a_id", flag="ref_yn = false"))
    assert alt == [row for row in genotypes if row[2] in ("het-ref", "hom")]
    ref = answers(engines, joined.format(key="locus_id", flag="ref_yn = true"))
    assert ref == [row for row in genotypes if row[2] == "ref"]
    nocall = answers(engines, joined.format(key="locus_id", flag="nocall_yn = true"))
    assert nocall == [row for row in genotypes if row[2] == "no-call"]
    assert answers(engines, joined.format(key="locus_id", flag="halfref_yn = true")) == []

    by_id = f"SELECT sample_id FROM genotype_alt_read_optimized WHERE a_id = '{of_rsid}' AND ref_yn = false"
    carriers = sorted((sample,) for sample, a_id, kind in genotypes if a_id == of_rsid and kind in ("het-ref", "hom"))
    assert answers(engines, by_id) == carriers


def kind_of(call: list[Any]) -> int:
    first, second, _ = call
    return -1 if first < 0 else first + second


def test_annotations_are_found_by_gene_and_consequence(run_app: Runner, shared_data: Path) -> None:
    vcf = shared_data / "vcf" / "adam" / "small_snpeff.vcf"
    run_app("genetic_variant_assay_loader", vcf_files=[str(vcf)], output_dataset_name="v", assay_name="g",
            reference_genome="GRCh37.87")  # fmt: skip
    engines = next(opened_once := opened(run_app))
    gene = (
        "SELECT DISTINCT n.a_id, n.feature_id, n.putative_impact FROM annotation_read_optimized AS n "
        "LEFT OUTER JOIN allele_read_optimized AS a ON n.a_id = a.a_id "
        "WHERE n.gene_name IN ('WASH7P') AND n.chr = '1' AND n.bin IN (0)"
    )
    expected = set()
    for variant in cyvcf2.VCF(str(vcf)):
        for entry in variant.INFO["ANN"].split(","):
            parts = entry.split("|")
            if parts[3] == "WASH7P":
                expected.add((f"1_{variant.POS}_{variant.REF}_{variant.ALT[0]}", parts[6], parts[2]))
    assert answers(engines, gene) == sorted(expected, key=str)
    consequence = f"{gene} AND ARRAY_CONTAINS(n.effect, 'intron_variant')"
    assert {row[0] for row in answers(engines, consequence)} <= {row[0] for row in expected}
    assert answers(engines, consequence)
    opened_once.close()
