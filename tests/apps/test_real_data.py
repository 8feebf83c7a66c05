"""Real data of other people's making, loaded as it was published."""

from __future__ import annotations

import csv
import gzip
import time
from collections import Counter
from pathlib import Path

import duckdb
import pytest

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
    start = time.monotonic()
    with pytest.raises(FaultError) as caught:
        run_app("data_model_loader", data_dictionary=str(whole), codings=str(shared_data / "apollo" / "codings.csv"),
                output_dataset_name="apollo")  # fmt: skip
    assert time.monotonic() - start < 30
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
