"""Public real data, loaded as published."""

from __future__ import annotations

import csv
import gzip
import time
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from common.errors import AppError
from common.faults import FaultError
from tests.apps.conftest import Runner

DICTIONARIES = Path(__file__).resolve().parents[1] / "data" / "synthea"

SYNTHEA = {
    "allergies": 40, "careplans": 49, "conditions": 438, "encounters": 604, "immunizations": 29, "medications": 663,
    "observations": 990, "organizations": 63, "patients": 27, "payers": 10, "procedures": 249, "providers": 166,
}  # fmt: skip
"""Rows of each file, as its publisher counts them."""


@pytest.fixture
def synthea(run_app: Runner, shared_data: Path) -> Runner:
    run_app(
        "data_model_loader", data_dictionary=str(DICTIONARIES / "data_dictionary.csv"),
        codings=str(DICTIONARIES / "codings.csv"), output_dataset_name="synthea",
        data_files=[str(shared_data / "synthea" / f"{name}.csv") for name in SYNTHEA],
    )  # fmt: skip
    return run_app


def test_synthea_loads_whole_without_a_fault(synthea: Runner, shared_data: Path) -> None:
    tables = synthea.tables("synthea")
    assert {name: len(rows) for name, rows in tables.items() if name != "dx_codings"} == SYNTHEA
    for name in SYNTHEA:
        with (shared_data / "synthea" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for field in rows[0]:
            stored = Counter(str(row[field]) for row in tables[name] if isinstance(row[field], str))
            if stored:
                assert stored == Counter(row[field] for row in rows if row[field] != ""), (name, field)
            else:
                filled = sum(row[field] is not None for row in tables[name])
                assert filled == sum(row[field] != "" for row in rows), (name, field)


def test_the_joins_of_synthea_answer_as_its_files_do(synthea: Runner, shared_data: Path) -> None:
    (database,) = synthea.store.databases()
    folder = synthea.project / "databases" / database.unique_name
    query = """SELECT p."Id", count(*), sum(e."TOTAL_CLAIM_COST") FROM {encounters} e JOIN {patients} p ON e."PATIENT" = p."Id"
               WHERE p."GENDER" = 'F' GROUP BY 1 ORDER BY 1"""
    of_tables = query.format(encounters=f"'{folder}/encounters/*.parquet'", patients=f"'{folder}/patients/*.parquet'")
    of_files = query.format(**{name: f"'{shared_data}/synthea/{name}.csv'" for name in ("encounters", "patients")})
    assert duckdb.sql(of_tables).fetchall() == [
        (key, count, pytest.approx(total)) for key, count, total in duckdb.sql(of_files).fetchall()
    ]


def test_the_whole_apollo_dictionary_is_refused_with_all_its_faults_in_seconds(
    run_app: Runner, shared_data: Path, tmp_path: Path
) -> None:
    whole = tmp_path / "data_dictionary.csv"
    whole.write_bytes(gzip.decompress((shared_data / "apollo" / "data_dictionary.csv.gz").read_bytes()))
    start = time.process_time()
    with pytest.raises(FaultError) as caught:
        run_app("data_model_loader", data_dictionary=str(whole), codings=str(shared_data / "apollo" / "codings.csv"),
                output_dataset_name="apollo")  # fmt: skip
    assert time.process_time() - start < 30
    assert caught.value.faults.counts == {46: 1, 50: 351}


def test_the_apollo_slice_takes_data_and_its_tree_gets_ancestors(
    run_app: Runner, shared_data: Path, tmp_path: Path
) -> None:
    apollo = shared_data / "apollo"
    with (apollo / "slice" / "data_dictionary.csv").open(encoding="utf-8", newline="") as file:
        fields = [row["name"] for row in csv.DictReader(file)]
    row = dict.fromkeys(fields, "") | {"eid": "1", "p41202": "A000|A010", "p1498_i0": "-10", "p31": "1", "p21022": "50"}
    data = tmp_path / "participant.csv"
    data.write_text(",".join(fields) + "\n" + ",".join(row[name] for name in fields) + "\n", encoding="utf-8")
    run_app("data_model_loader", data_dictionary=str(apollo / "slice" / "data_dictionary.csv"),
            codings=str(apollo / "codings.csv"), entity_dictionary=str(apollo / "slice" / "entity_dictionary.csv"),
            data_files=[str(data)], output_dataset_name="slice")  # fmt: skip
    (loaded,) = run_app.tables("slice")["participant"]
    assert {name: value for name, value in loaded.items() if value is not None} == {
        "eid": "1", "p21022": 50, "p31": 1, "p1498_i0": -10, "p41202": ["A000", "A010"],
        "p41202_hierarchy": ["A000", "A010", "A00", "Block A00-A09", "Chapter I", "A01"],
    }  # fmt: skip


PASILLA_SUMS = {
    "untreated1": 13972512, "untreated2": 21911438, "untreated3": 8358426, "untreated4": 9841335,
    "treated1": 18670279, "treated2": 9571826, "treated3": 10343856,
}  # fmt: skip
"""Sums of counts by sample, as the source states them."""


@pytest.fixture
def pasilla(run_app: Runner, shared_data: Path) -> Runner:
    run_app(
        "molecular_expression_assay_loader", source_expression_data=[str(shared_data / "expression/pasilla_gene_counts.tsv")],
        feature_value_type="count", reference_genome="BDGP6", assay_name="rna", output_dataset_name="pasilla",
    )  # fmt: skip
    return run_app


def test_the_pasilla_counts_load_with_ids_that_are_not_ensembls(pasilla: Runner) -> None:
    tables = pasilla.tables("pasilla")
    sums: Counter[str] = Counter()
    for row in tables["expression"]:
        sums[row["sample_id"]] += row["value"]
    assert sums == PASILLA_SUMS
    assert tables["sample"] == [{"sample_id": name} for name in sorted(PASILLA_SUMS)]
    assert {name: len(tables[name]) for name in ("expression", "expr_annotation", "expression_read_optimized")} == {
        "expression": 14599 * 7, "expr_annotation": 14599, "expression_read_optimized": 14599 * 7,
    }  # fmt: skip
    assert tables["expr_annotation"][2]["feature_id"] == "FBgn0000014"
    assert {(row["chr"], row["bin"]) for row in tables["expression_read_optimized"]} == {("Other", -1)}


def test_the_pasilla_samples_link_to_their_annotation_only_by_a_linking_file(
    pasilla: Runner, shared_data: Path, tmp_path: Path
) -> None:
    with (shared_data / "expression/pasilla_sample_annotation.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["file"], row["condition"]) for row in csv.DictReader(file)]
    texts = {
        "dictionary.csv": "entity,name,type,primary_key_type\nculture,file,string,global\nculture,condition,string,\n",
        "culture.csv": "file,condition\n" + "".join(f"{name},{condition}\n" for name, condition in rows),
        "links.csv": "sample_id,file\n" + "".join(f"{name.removesuffix('fb')},{name}\n" for name, _ in rows),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    pasilla("data_model_loader", data_dictionary=str(tmp_path / "dictionary.csv"),
            data_files=[str(tmp_path / "culture.csv")], output_dataset_name="cultures")  # fmt: skip
    merge = {"source_dataset": "pasilla", "target_dataset": "cultures", "output_dataset_name": "merged"}
    with pytest.raises(AppError) as refused:
        pasilla("assay_dataset_merger", **merge)
    assert refused.value.code == 310
    pasilla("assay_dataset_merger", **merge, linking_file=str(tmp_path / "links.csv"))
    links = pasilla.tables("merged")["pheno_geno_sample_ids"]
    assert {(row["g_sample"], row["p_sample"]) for row in links} == {(name, f"{name}fb") for name in PASILLA_SUMS}


def test_the_pasilla_annotation_of_samples_is_no_annotation_of_features(run_app: Runner, shared_data: Path) -> None:
    folder = shared_data / "expression"
    with pytest.raises(FaultError) as caught:
        run_app(
            "molecular_expression_assay_loader", source_expression_data=[str(folder / "pasilla_gene_counts.tsv")],
            feature_annotation=str(folder / "pasilla_sample_annotation.csv"), feature_value_type="count",
            reference_genome="BDGP6", assay_name="rna", output_dataset_name="pasilla",
        )  # fmt: skip
    assert [(each.code, each.file) for each in caught.value.faults] == [(109, "pasilla_sample_annotation.csv")]
    assert run_app.store.databases() == []
