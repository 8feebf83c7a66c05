"""The Molecular Expression Assay Loader turns input files into tables, assay and report that answer the reader's queries."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
from dxpy.bindings.apollo.schemas.assay_filtering_conditions import EXTRACT_ASSAY_EXPRESSION_FILTERING_CONDITIONS_1_1

from apps.commands.catalogue import attach_databases
from apps.commands.project import database_files
from apps.molecular_expression_assay_loader import load
from apps.molecular_expression_assay_loader.scratch import Sizes
from common.errors import AppError
from common.faults import FaultError
from common.spark.session import Cluster
from tests.apps.conftest import Runner

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

APP = "molecular_expression_assay_loader"
EXAMPLES = Path(__file__).resolve().parents[2] / "apps" / APP / "examples"
TABLES = ("sample", "expression", "expr_annotation", "expression_read_optimized")
Files = Callable[..., dict[str, str]]
Row = tuple[str, str, float]


def given(data: list[str], **more: Any) -> dict[str, Any]:
    return {
        "source_expression_data": data, "feature_value_type": "tpm", "reference_genome": "GRCh38.109", "assay_name": "rna",
        "output_dataset_name": "study", **more,
    }  # fmt: skip


def assay_of(run_app: Runner, dataset: str) -> dict[str, Any]:
    (assay,) = run_app.store.read_descriptor(run_app.store.find_record(dataset))["assays"]
    return assay


def test_the_example_becomes_a_dataset_with_an_assay(run_app: Runner) -> None:
    inputs = json.loads((EXAMPLES / "job_input.json").read_text(encoding="utf-8"))
    outputs = run_app(APP, **inputs)
    assert sorted(outputs) == ["database", "dataset", "report"]
    tables = run_app.tables("expression_example")
    assert tables["sample"] == [{"sample_id": f"S0{n}"} for n in range(1, 5)]
    assert tables["expression"][:3] == [
        {"feature_id": "ENSG00000012048", "sample_id": "S01", "value": 7},
        {"feature_id": "ENSG00000012048", "sample_id": "S02", "value": 0},
        {"feature_id": "ENSG00000012048", "sample_id": "S03", "value": 12},
    ]
    assert len(tables["expression"]) == len(tables["expression_read_optimized"]) == 19
    assert tables["expr_annotation"][-1] == {
        "feature_id": "ENSG00000999999", "gene_name": None, "CHROM": None, "start": None, "end": None, "strand": None,
        "feature_version": "1",
    }  # fmt: skip
    assert "1 of 5 features have no place in genes.gtf" in run_app.shown


def test_the_report_tells_what_was_loaded(run_app: Runner) -> None:
    run_app(APP, **json.loads((EXAMPLES / "job_input.json").read_text(encoding="utf-8")))
    report = json.loads((run_app.job_dir / "report.json").read_text(encoding="utf-8"))
    assert {key: report[key] for key in ("format", "samples", "features", "features_without_place", "values", "files")} == {
        "format": "matrix", "samples": 4, "features": 5, "features_without_place": 1, "values": 19, "files": ["counts.tsv"],
    }  # fmt: skip
    assert [stage["name"] for stage in report["stages"]] == ["plan", "load"]
    assert report["warnings"] == ["1 of 5 features have no place in genes.gtf"]


def test_the_descriptor_holds_every_column_that_the_client_asks_for(run_app: Runner) -> None:
    outputs = run_app(APP, **given([str(EXAMPLES / "counts.tsv")], feature_value_type="count"))
    record = run_app.store.find_record("study")
    assert outputs["dataset"] == {"$dnanexus_link": record.id}
    assert record.details["schema"] == "ds-molecular_expression_quantification"
    descriptor = run_app.store.read_descriptor(record)
    assert descriptor["model"]["global_primary_key"] == {"entity": "sample", "field": "sample_id"}
    assay = assay_of(run_app, "study")
    assert (assay["name"], assay["generalized_assay_model"], assay["generalized_assay_model_version"]) == (
        "rna", "molecular_expression", "1.1",
    )  # fmt: skip
    assert assay["reference"] == {"name": "GRCh38.109"}
    conditions = json.dumps(EXTRACT_ASSAY_EXPRESSION_FILTERING_CONDITIONS_1_1)
    asked = {text for text in conditions.replace('"', " ").replace(",", " ").split() if "$" in text}
    held = {f"{name}${field}" for name, entity in assay["entities"].items() for field in entity["fields"]}
    assert asked
    assert asked <= held
    assert assay["entities"]["expression"]["fields"]["value"]["mapping"]["column_sql_type"] == "bigint"
    joins = {
        tuple(path.split("$", 1)[1] for path in (join["joins"][0]["from"], join["joins"][0]["to"]))
        for join in assay["join_info"]
    }
    assert joins == {
        ("sample$sample_id", "expression$sample_id"),
        ("expr_annotation$feature_id", "expression$feature_id"),
    }


def test_matrix_long_and_manifest_give_equal_tables(run_app: Runner, write_files: Files) -> None:
    files = write_files(
        matrix__csv="gene,B,A\nENSG00000000002.1,1.5,\nENSG00000000001.4,2,3\n",
        long__tsv="feature_id\tsample_id\tvalue\nENSG00000000001.4\tA\t3\nENSG00000000002.1\tB\t1.5\n"
        "ENSG00000000002.1\tA\tNA\nENSG00000000001.4\tB\t2\n",
        list__csv="file_id,sample_id\na.csv,A\nb.csv,B\n",
        a__csv="feature_id,value\nENSG00000000002.1,\nENSG00000000001.4,3\n",
        b__csv="feature_id,value\nENSG00000000002.1,1.5\nENSG00000000001.4,2\n",
    )
    forms = {"matrix": ["matrix.csv"], "long": ["long.tsv"], "manifest": ["list.csv", "a.csv", "b.csv"]}
    for form, names in forms.items():
        data = [files[name] for name in names]
        run_app(APP, **given(data, output_dataset_name=form, source_expression_data_format=form))
    matrix = run_app.tables("matrix")
    assert matrix["expression"] == [
        {"feature_id": "ENSG00000000001", "sample_id": "A", "value": 3.0},
        {"feature_id": "ENSG00000000001", "sample_id": "B", "value": 2.0},
        {"feature_id": "ENSG00000000002", "sample_id": "B", "value": 1.5},
    ]
    assert run_app.tables("long") == run_app.tables("manifest") == matrix
    assert sorted(matrix) == sorted(TABLES)


def test_faults_of_data_and_annotation_are_told_together_and_nothing_is_published(
    run_app: Runner, write_files: Files
) -> None:
    files = write_files(m__csv="g,s1,s2\nf1,1,x\nf1,1,1\nf2,1\nf3,-1,1\n", a__gtf="nothing\n")
    with pytest.raises(FaultError) as caught:
        run_app(APP, **given([files["m.csv"]], feature_annotation=files["a.gtf"]))
    assert sorted((each.code, each.file, each.line, each.field, each.value) for each in caught.value.faults) == [
        (66, "m.csv", 4, "", "f2,1"), (103, "m.csv", 3, "feature_id", "f1"), (105, "m.csv", 2, "s2", "x"),
        (106, "m.csv", 5, "s1", "-1"), (109, "a.gtf", 1, "", "nothing"),
    ]  # fmt: skip
    assert run_app.store.find_objects("record") == []
    assert run_app.store.databases() == []


def test_a_header_without_rows_is_refused(run_app: Runner, write_files: Files) -> None:
    files = write_files(m__csv="gene,s1,s2\n", l__csv="feature_id,sample_id,value\n")
    for name in files:
        with pytest.raises(FaultError) as caught:
            run_app(APP, **given([files[name]]))
        assert [(each.code, each.file) for each in caught.value.faults] == [(100, name)]


def test_a_header_without_a_name_for_the_ids_is_told_by_its_rows(run_app: Runner, write_files: Files) -> None:
    files = write_files(m__csv="s1,s2\nf1,1,2\nf2,3,4\n")
    with pytest.raises(FaultError) as caught:
        run_app(APP, **given([files["m.csv"]]))
    assert [(each.code, each.line, each.remedy) for each in caught.value.faults] == [
        (66, 2, "Give the header a name for the column of feature ids."),
        (66, 3, "Give the header a name for the column of feature ids."),
    ]


def test_what_is_not_loaded_and_what_is_doubtful_is_a_warning_with_its_count(
    run_app: Runner, write_files: Files
) -> None:
    text = "Name,Description,s1,s2,note\nTP53,a,NaN,2,x\n1-Mar,b,,1,y\n2-Sep,c,4,5,z\n,,,,\n"
    (path,) = write_files(m__csv=text).values()
    run_app(APP, **given([path], missing_values=["NaN"], annotation_columns=["note"]))
    assert json.loads((run_app.job_dir / "report.json").read_text(encoding="utf-8"))["warnings"] == [
        "missing_values replaces the default, NA; the empty cell is missing in any case",
        "m.csv: 2 columns are annotation and not loaded: Description, note",
        "m.csv: 1 row without any value skipped, the first on line 5",
        "2 feature ids are dates, which spreadsheets make of gene symbols such as MARCH1 and SEPT2; the first is '1-Mar' (m.csv line 3)",
    ]
    assert [tuple(row.values()) for row in run_app.tables("study")["expression"]] == [
        ("1-Mar", "s2", 1.0), ("2-Sep", "s1", 4.0), ("2-Sep", "s2", 5.0), ("TP53", "s2", 2.0),
    ]  # fmt: skip


def test_an_empty_list_of_files_is_refused(run_app: Runner) -> None:
    with pytest.raises(AppError) as refused:
        run_app(APP, **given([]))
    assert refused.value.code == 90


def test_above_a_hundred_million_values_the_user_is_told_to_ask_first(
    run_app: Runner, write_files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load.LARGE_ASSAY == 100_000_000
    monkeypatch.setattr(load, "LARGE_ASSAY", 4)
    files = write_files(at__csv="g,s1,s2\nf1,1,2\nf2,3,NA\n", above__csv="g,s1,s2\nf1,1,2\nf2,3,4\nf3,5,6\n")
    for name, warnings in (
        ("at.csv", []),
        ("above.csv", ["the assay has 6 values; above 4 the platform asks to be contacted first"]),
    ):
        run_app(APP, **given([files[name]], output_dataset_name=name))
        assert json.loads((run_app.job_dir / "report.json").read_text(encoding="utf-8"))["warnings"] == warnings


def test_a_gzip_file_that_hides_its_length_is_loaded_by_many_tasks(
    run_app: Runner, write_files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "SIZES", Sizes(block_cells=1_000))  # what a task holds
    text = "g,s1\n" + "".join(f"f{number:05d},0\n" for number in range(30_000))
    (path,) = write_files(m__csv__gz=gzip.compress(text.encode())).values()
    run_app(APP, **given([path]))
    (database,) = run_app.store.databases()
    files = run_app.store.table_files(database, "expression")
    rows = [pq.read_metadata(file).num_rows for file in files]
    assert (len(rows), sum(rows)) == (30, 30_000)
    assert max(rows) < 1_200


def test_negative_fractional_and_mixed_counts_are_told_with_file_line_column_and_value(
    run_app: Runner, write_files: Files
) -> None:
    files = write_files(
        a__tsv="g\ts1\ts2\nENSG00000000001.1\t-4\t1.5\nENSG00000000002\t1\tNaN\n",
        b__tsv="g\ts1\nENSG00000000001.2\t3\nENSG00000000003\t2\n__no_feature\t9\n",
    )
    with pytest.raises(FaultError) as caught:
        run_app(APP, **given([files["a.tsv"], files["b.tsv"]], feature_value_type="count"))
    assert sorted((each.code, each.file, each.line, each.field, each.value) for each in caught.value.faults) == [
        (104, "b.tsv", 2, "s1", "ENSG00000000001"), (106, "a.tsv", 2, "s1", "-4"), (106, "a.tsv", 2, "s2", "1.5"),
        (106, "a.tsv", 3, "s2", "NaN"), (107, "b.tsv", 4, "feature_id", "__no_feature"),
    ]  # fmt: skip
    assert run_app.store.find_objects("record") == []
    assert run_app.store.databases() == []


def test_a_sample_that_heads_two_columns_is_told_with_its_name(run_app: Runner, write_files: Files) -> None:
    files = write_files(m__csv="g,s1,s2,s1\nf1,1,1,1\n")
    with pytest.raises(FaultError) as caught:
        run_app(APP, **given([files["m.csv"]]))
    assert [(each.code, each.file, each.line, each.field, each.value) for each in caught.value.faults] == [
        (103, "m.csv", 1, "s1", "s1")
    ]


def test_a_matrix_of_many_samples_is_loaded_whole(run_app: Runner, write_files: Files) -> None:
    samples = [f"s{n:05d}" for n in range(20_000)]
    rows = [f"f{n}," + ",".join(str((n + at) % 7) for at in range(20_000)) for n in range(20)]
    files = write_files(wide__csv="\n".join(["gene," + ",".join(samples), *rows]) + "\n")
    run_app(APP, **given([files["wide.csv"]], feature_value_type="count"))
    folder = next((run_app.project / "databases").glob("database_*"))
    query = f"SELECT count(*), sum(value), count(DISTINCT sample_id) FROM read_parquet('{folder}/expression/*.parquet')"
    assert duckdb.sql(query).fetchall() == [
        (400_000, sum((n + at) % 7 for n in range(20) for at in range(20_000)), 20_000)
    ]


# The reader's queries: `dx extract_assay expression`, in SQL of the shape that it sends, by two engines.

_FEATURES = 60
_SAMPLES = [f"P{n}" for n in range(9)]


class Study:
    """Generated values and positions, and the answers computed from them."""

    def __init__(self) -> None:
        random = np.random.default_rng(3)
        self.values = np.round(random.gamma(1, 20, (_FEATURES, len(_SAMPLES))), 2)
        self.ids = [f"ENSG{n:011d}" for n in range(_FEATURES)]
        self.place = {
            each: (
                f"G{n % 50}",
                str(1 + n % 3),
                start := int(random.integers(1, 12_000_000)),
                start + int(random.integers(1, 3_000_000)),
            )
            for n, each in enumerate(self.ids[:-5])
        }

    @property
    def matrix(self) -> str:
        rows = [
            f"{each}.3," + ",".join(map(str, row)) for each, row in zip(self.ids, self.values.tolist(), strict=True)
        ]
        return "\n".join(["id," + ",".join(_SAMPLES), *reversed(rows)]) + "\n"

    @property
    def annotation(self) -> str:
        rows = [
            f"{each}\t{name}\tchr{chrom}\t{start}\t{end}\t+" for each, (name, chrom, start, end) in self.place.items()
        ]
        return "\n".join(["feature_id\tgene_name\tCHROM\tstart\tend\tstrand", *rows]) + "\n"

    def rows(self, keep: Callable[[str, str, float], bool]) -> list[Row]:
        return [
            (feature, sample, value)
            for feature, values in zip(self.ids, self.values.tolist(), strict=True)
            for sample, value in zip(_SAMPLES, values, strict=True)
            if keep(feature, sample, value)
        ]

    def overlaps(self, feature: str, chrom: str, low: int, high: int) -> bool:
        _, own, start, end = self.place.get(feature, (None, None, 0, 0))
        return own == chrom and (low <= start <= high or low <= end <= high or (start <= low and end >= high))

    def group(self, name: str) -> str:
        """The features of a gene name as the server asks for them: by chromosome and bins."""
        found = [place for place in self.place.values() if place[0] == name]
        (chrom,) = {place[1] for place in found}
        bins = sorted({at for _, _, start, end in found for at in range(start // 2_500_000, end // 2_500_000 + 1)})
        return f"(gene_name IN ('{name}') AND chr = '{chrom}' AND bin IN ({', '.join(map(str, bins))}))"


STUDY = Study()
OVERLAP = (
    "CHROM = '2' AND ((`start` BETWEEN 4000000 AND 6000000 OR `end` BETWEEN 4000000 AND 6000000) "
    "OR (`start` <= 4000000 AND `end` >= 6000000))"
)
OTHER_OVERLAP = OVERLAP.replace("CHROM = '2'", "CHROM = '3'").replace("4000000", "1").replace("6000000", "3000000")
JOIN = (
    "SELECT e.feature_id, e.sample_id, e.value FROM expression e "
    "LEFT OUTER JOIN expr_annotation a ON e.feature_id = a.feature_id"
)
COHORT = (
    "SELECT e.feature_id, e.sample_id, e.value FROM expression e LEFT OUTER JOIN sample s ON e.sample_id = s.sample_id"
)
OPTIMIZED = "SELECT feature_id, sample_id, value FROM expression_read_optimized"
ORDER = " ORDER BY feature_id ASC, sample_id ASC"
ONE = STUDY.ids[7]
CHROM, START = STUDY.place[ONE][1], STUDY.place[ONE][2]
UNIQUE = "G20"  # the names G0 to G4 are of two features, on two chromosomes
NAMED = [feature for feature, place in STUDY.place.items() if place[0] in (UNIQUE, "G30")]

QUERIES: dict[str, tuple[str, Callable[[str, str, float], bool]]] = {
    "feature": (
        f"{OPTIMIZED} WHERE feature_id IN ('{ONE}') AND chr = '{CHROM}' AND bin IN ({START // 2_500_000})",
        lambda feature, sample, value: feature == ONE,
    ),
    "two genes and a value range": (
        f"{OPTIMIZED} WHERE ({STUDY.group(UNIQUE)} AND value BETWEEN 5 AND 40) OR ({STUDY.group('G30')} AND value BETWEEN 5 AND 40)",
        lambda feature, sample, value: feature in NAMED and 5 <= value <= 40,
    ),
    "gene and samples": (
        f"{OPTIMIZED} WHERE {STUDY.group(UNIQUE)} AND sample_id IN ('P1', 'P8')",
        lambda feature, sample, value: (
            feature in NAMED and STUDY.place[feature][0] == UNIQUE and sample in ("P1", "P8")
        ),
    ),
    "unplaced feature": (
        f"{OPTIMIZED} WHERE feature_id IN ('{STUDY.ids[-1]}') AND chr = 'Other' AND bin IN (-1)",
        lambda feature, sample, value: feature == STUDY.ids[-1],
    ),
    "location": (
        f"{JOIN} WHERE {OVERLAP}",
        lambda feature, sample, value: STUDY.overlaps(feature, "2", 4_000_000, 6_000_000),
    ),
    "two locations": (
        f"{JOIN} WHERE ({OVERLAP}) OR ({OTHER_OVERLAP})",
        lambda feature, sample, value: (
            STUDY.overlaps(feature, "2", 4_000_000, 6_000_000) or STUDY.overlaps(feature, "3", 1, 3_000_000)
        ),
    ),
    "location and least value": (
        f"{JOIN} WHERE ({OVERLAP}) AND value >= 20",
        lambda feature, sample, value: STUDY.overlaps(feature, "2", 4_000_000, 6_000_000) and value >= 20,
    ),
    "feature and samples in the form of model 1.0": (
        f"{JOIN} WHERE e.feature_id IN ('{ONE}', '{STUDY.ids[-1]}') AND e.sample_id IN ('P0', 'P4')",
        lambda feature, sample, value: feature in (ONE, STUDY.ids[-1]) and sample in ("P0", "P4"),
    ),
    "gene in the form of model 1.0": (
        f"{JOIN} WHERE gene_name IN ('{UNIQUE}', 'G30') AND value <= 30",
        lambda feature, sample, value: feature in NAMED and value <= 30,
    ),
    "cohort": (
        f"{COHORT} WHERE s.sample_id IN (SELECT sample_id FROM sample WHERE sample_id < 'P3')",
        lambda feature, sample, value: sample < "P3",
    ),
    "all data": ("SELECT feature_id, sample_id, value FROM expression", lambda feature, sample, value: True),
}


@pytest.fixture(scope="module", params=["few files", "folders"])
def written(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Path]:
    """The folder of the study's tables, in the layout of a small load and in that of a large one."""
    folder = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "folders":
            patch.setattr(load, "SIZES", Sizes(partitioned_cells=1))
        yield _write_study(cluster, folder)


def _write_study(cluster: Cluster, folder: Path) -> Path:
    (folder / "matrix.csv").write_text(STUDY.matrix, encoding="utf-8")
    (folder / "genes.tsv").write_text(STUDY.annotation, encoding="utf-8")
    runner = Runner(cluster, folder / "project", folder / "jobs")
    runner(APP, **given([str(folder / "matrix.csv")], feature_annotation=str(folder / "genes.tsv")))
    return next((folder / "project" / "databases").glob("database_*"))


def test_the_table_by_place_is_a_folder_for_each_bin_in_a_large_load_only(
    written: Path, request: pytest.FixtureRequest
) -> None:
    table = written / "expression_read_optimized"
    folders = {path.parent.relative_to(table).as_posix() for path in table.rglob("*.parquet")}
    bins = {f"chr={chrom}/bin={start // 2_500_000}" for _, chrom, start, _ in STUDY.place.values()}
    is_large = "folders" in request.node.name
    assert folders == ({*bins, "chr=Other/bin=-1"} if is_large else {"."})


def test_chromosomes_are_text_to_sql_where_a_large_load_has_numbered_ones_only(
    run_app: Runner, write_files: Files, sql_session: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "SIZES", Sizes(partitioned_cells=1))
    files = write_files(
        matrix__csv="gene,A\nENSG00000000001.4,2\nENSG00000000002.1,1.5\n",
        genes__tsv="feature_id\tgene_name\tCHROM\tstart\tend\tstrand\n"
        "ENSG00000000001.4\tG1\t2\t5000000\t5000010\t+\nENSG00000000002.1\tG2\t11\t7\t9\t-\n",
    )
    run_app(APP, **given([files["matrix.csv"]], feature_annotation=files["genes.tsv"]))
    attach_databases(sql_session, [database_files(run_app.store, run_app.store.databases()[0])])
    found = sql_session.sql(
        "SELECT typeof(chr), chr, typeof(bin), bin, value FROM expression_read_optimized ORDER BY value"
    )
    assert [tuple(row) for row in found.collect()] == [("string", "11", "int", 0, 1.5), ("string", "2", "int", 2, 2.0)]


@pytest.mark.parametrize("name", QUERIES)
def test_spark_answers_the_readers_queries(written: Path, cluster: Cluster, name: str) -> None:
    query, keep = QUERIES[name]
    for table in TABLES:
        cluster.session.read.parquet(str(written / table)).createOrReplaceTempView(table)
    expected = STUDY.rows(keep)
    assert expected
    assert [tuple(row) for row in cluster.session.sql(query + ORDER).collect()] == expected


@pytest.mark.parametrize("name", QUERIES)
def test_duckdb_answers_the_readers_queries(written: Path, name: str) -> None:
    query, keep = QUERIES[name]
    connection = duckdb.connect()
    for table in TABLES:
        files = f"read_parquet('{written}/{table}/**/*.parquet', hive_partitioning = {table.endswith('optimized')})"
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM {files}")
    assert connection.execute(query.replace("`", '"') + ORDER).fetchall() == STUDY.rows(keep)
