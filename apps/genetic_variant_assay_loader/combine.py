"""Alleles of files that are split by sample: every group must hold the same ones, and their counts add up.

Spark SQL over the staged allele tables, which have no samples in them and are small beside the genotypes.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from apps.genetic_variant_assay_loader import schema
from apps.genetic_variant_assay_loader.load import ALLELES, Loads
from apps.genetic_variant_assay_loader.parts import TableParts
from apps.genetic_variant_assay_loader.plan import Plan
from common.errors import Rule
from common.faults import EXAMPLES_PER_RULE, Faults, Place
from common.job import Run
from common.scan.files import locate

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_KEY = ["a_id", "locus_id", "end"]
"""The same symbolic allele is one of the same end, `end_pos` or -1 where that is not known: null equals nothing."""

_COUNTS = ("gt_count", "alt_count", "ref_count", "nc_count", "called_count")
_ROWS_PER_PART = 1 << 22
_MOST_MISSED = 10_000
_NAMED = 5
"""Files that a message names."""

_NUMBERED = re.compile(r">-\d+$")


def find_missed(run: Run, plan: Plan, loads: Loads) -> dict[int, dict[str, tuple[str, int]]]:
    """By group, the alleles that it has and another misses, with contig and position, if all that disagrees can be for
    lines set aside: no allele at another locus, of another end or numbered among its like, and in no group more loci
    missed than lines set aside. Else none: files that truly disagree are not taken apart."""
    wrong = _disagreeing(run, plan, loads).limit(_MOST_MISSED + 1).collect()
    held: dict[int, dict[str, tuple[str, int]]] = {}
    missed: dict[int, set[str]] = {number: set() for number in range(len(plan.groups))}
    for row in wrong:
        for number in missed.keys() - set(row.groups):
            missed[number].add(row.locus_id)
        for number in row.groups:
            held.setdefault(number, {})[row.a_id] = (row.chr, row.pos)
    aside = Counter[int]()
    for result in loads.results:
        aside[result.task.group] += result.set_aside
    explained = (
        len(wrong) == len({row.a_id for row in wrong}) <= _MOST_MISSED
        and all(len(row.groups) < len(plan.groups) and not _NUMBERED.search(row.a_id) for row in wrong)
        and all(len(loci) <= aside[number] for number, loci in missed.items())
    )
    return held if explained else {}


def validate_agreement(run: Run, plan: Plan, loads: Loads, faults: Faults) -> None:
    """Adds a fault 210 for each allele that not every group has at the same locus, 208 for one that a group has
    twice."""
    wrong = _disagreeing(run, plan, loads).cache()
    count = wrong.count()
    for row in wrong.orderBy("chr", "pos", "a_id").limit(EXAMPLES_PER_RULE).collect() if count else []:
        missing = [group.files[0].name for number, group in enumerate(plan.groups) if number not in row.groups]
        code = Rule.PIECES_DISAGREE if missing else Rule.DUPLICATE_ALLELE
        text = "is more than once in files of one group"
        if missing:
            more = f" and {len(missing) - _NAMED:,} more files" if len(missing) > _NAMED else ""
            text = f"not in {', '.join(missing[:_NAMED])}{more}, or at another locus"
        faults.add(code, text, Place(entity="allele", field="ALT"), value=row.a_id)
    faults.add_count(Rule.PIECES_DISAGREE, max(0, count - EXAMPLES_PER_RULE))
    wrong.unpersist()


def _disagreeing(run: Run, plan: Plan, loads: Loads) -> DataFrame:
    """Alleles that not every group has once, each with the groups that have it."""
    from pyspark.sql import functions as sf

    keyed = (
        _read_parts(run, loads)
        .groupBy(_KEY)
        .agg(
            sf.collect_set("group").alias("groups"),
            sf.count("*").alias("rows"),
            sf.first("chr").alias("chr"),
            sf.first("pos").alias("pos"),
        )
    )
    return keyed.where((sf.size("groups") != len(plan.groups)) | (sf.col("rows") != len(plan.groups)))


def combine_alleles(run: Run, plan: Plan, loads: Loads) -> list[str]:
    """Writes the allele table with counts of all groups; returns its files. The rest of a row is the first group's."""
    from pyspark.sql import functions as sf

    alleles = _read_parts(run, loads)
    total = alleles.groupBy(_KEY).agg(*(sf.sum(name).alias(name) for name in _COUNTS))
    rest = alleles.where(sf.col("group") == 0).drop(*_COUNTS, "alt_freq", "ref_freq", "nc_freq", "gt_freq")
    called, copies = sf.col("called_count"), sf.col("called_count") + sf.col("nc_count")
    combined = rest.join(total, _KEY).select(
        "*",
        sf.try_divide("alt_count", called).alias("alt_freq"),
        sf.try_divide("ref_count", called).alias("ref_freq"),
        sf.try_divide("nc_count", copies).alias("nc_freq"),
        (sf.try_divide("gt_count", sf.lit(len(plan.samples)))).alias("gt_freq"),
    )
    parts = 1 + loads.rows["allele"] // len(plan.groups) // _ROWS_PER_PART
    ordered = (
        combined.select(*schema.ALLELE.names)
        .repartitionByRange(parts, "chr", "pos")
        .sortWithinPartitions("chr", "pos", "a_id")
    )
    folder = f"{loads.staging.scratch_folder('combined')}/alleles"
    ordered.write.parquet(folder)
    target = loads.staging.table_folder(ALLELES)
    files = [(number, path, target, loads.is_partitioned) for number, path in enumerate(_parquet_files(folder))]
    return [name for names in run.cluster.map(_rewrite, files, "alleles") for name in names]


def _read_parts(run: Run, loads: Loads) -> DataFrame:
    """All groups' alleles as their tasks counted them, with the number of the group: one read, however many there are."""
    from pyspark.sql import functions as sf

    folder = loads.staging.scratch_folder("alleles")
    session, paths = run.cluster.session, [f"{folder}/{name}" for name in loads.files("allele")]
    columns = f"{_spark_schema()}, `{schema.GROUP.name}` int"
    parts = session.read.schema(columns).parquet(*paths) if paths else session.createDataFrame([], columns)
    return parts.withColumn("end", sf.coalesce("end_pos", sf.lit(-1)))


def _spark_schema() -> str:
    """The columns of `schema.ALLELE_PART` as Spark SQL writes them."""
    names = {"string": "string", "int64": "bigint", "int32": "int", "double": "double"}
    types = ["array<string>" if str(of.type).startswith("list") else names[str(of.type)] for of in schema.ALLELE_PART]
    return ", ".join(f"`{of.name}` {type_}" for of, type_ in zip(schema.ALLELE_PART, types, strict=True))


def _parquet_files(folder: str) -> list[str]:
    filesystem, inner = locate(folder)
    found = filesystem.get_file_info(pafs.FileSelector(inner))
    prefix = folder.removesuffix(inner)
    return sorted(prefix + info.path for info in found if info.path.endswith(".parquet"))


def _rewrite(part: tuple[int, str, str, bool]) -> list[str]:
    """One file of the combined table in the form of all staged files."""
    number, path, target, is_partitioned = part
    filesystem, inner = locate(path)
    with (
        TableParts(target, number, schema.ALLELE, is_partitioned) as parts,
        filesystem.open_input_file(inner) as stored,
    ):
        for batch in pq.ParquetFile(stored).iter_batches():
            if batch.num_rows:
                parts.add(pa.Table.from_batches([batch]).cast(schema.ALLELE))
    return parts.names
