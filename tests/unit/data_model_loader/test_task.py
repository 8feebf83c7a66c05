"""A task's work, without Spark: pieces of an entity's files to Parquet, stats, faults with true lines, and rows set aside."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.data_model_loader.task import LoadPlan, LoadResult, LoadTask, TableTarget, load_pieces
from common.dataset.layout import plan_entity
from common.dictionary import Code, Coding, DataDictionary, Entity, Field
from common.scan.delimited import TextFile, first_record, whole_piece
from common.scan.records import TextFormat
from common.tables.columns import ColumnPlan, build_columns
from common.tables.key_checks import KeyCheck, KeyColumn, KeySpace, check_keys
from common.tables.tasks import write_plan
from common.values.column_stats import ColumnStats

SEXES = Coding("sexes", (Code("0", "Female"), Code("1", "Male")))
PLACES = Coding(
    "places", (Code("US", "USA"), Code("CA", "California", parent_code="US"), Code("SF", "SF", parent_code="CA"))
)
ODD = Coding("odd", (Code("-1", "unknown"),))

FIELDS = (
    Field("patient", "id", "string", "global"),
    Field("patient", "sex", "integer", coding_name="sexes"),
    Field("patient", "born", "date"),
    Field("patient", "dose", "float", coding_name="odd", is_sparse_coding=True),
    Field("patient", "seen", "string", coding_name="places", is_multi_select=True),
)
DICTIONARY = DataDictionary({"patient": Entity("patient", FIELDS)}, {"sexes": SEXES, "places": PLACES, "odd": ODD})
HEADER = "id,sex,born,dose,seen"


def load(folder: Path, *contents: str, quarantine: bool = False, fields: tuple[Field, ...] = FIELDS) -> LoadResult:
    """Loads files of these contents, header and all, in one task."""
    plan = plan_load(folder, contents, quarantine, fields)
    write_plan(plan, str(folder / "plan"))
    pieces = tuple((index, whole_piece(file)) for index, file in enumerate(plan.files))
    return load_pieces(LoadTask(0, str(folder / "plan"), pieces))


def plan_load(folder: Path, contents: tuple[str, ...], quarantine: bool, fields: tuple[Field, ...]) -> LoadPlan:
    for name in ("tables", "keys", "quarantine"):
        (folder / name).mkdir(exist_ok=True)
    files, headers = [], []
    for number, content in enumerate(contents, start=1):
        path = folder / f"patient.{number}.csv"
        path.write_bytes(content.encode("utf-8", "surrogateescape"))
        header, size, lines = first_record(str(path), False, "utf-8")
        files.append(TextFile(path.name, str(path), path.stat().st_size, False, "utf-8", size, lines))
        headers.append(tuple(next(csv.reader([header]))))
    dictionary = replace(DICTIONARY, entities={"patient": Entity("patient", fields)})
    (table,) = plan_entity(dictionary, dictionary.entities["patient"], 400)
    columns = tuple(ColumnPlan(f, dictionary.coding_of(f), dictionary.is_hierarchical(f)) for f in fields)
    target = TableTarget("patient", str(folder / "tables"), table.arrow_schema)
    return LoadPlan(
        0, "patient", columns, (target,), tuple(files), tuple(headers), TextFormat(",", ("",)), "id", {"id": 1},
        str(folder / "keys"), str(folder / "quarantine") if quarantine else None,
    )  # fmt: skip


def rows(folder: Path, result: LoadResult) -> list[dict[str, Any]]:
    return pq.read_table(folder / "tables" / result.files["patient"]).to_pylist()


def faults(result: LoadResult) -> list[tuple[int, str, int | None, str, str | None]]:
    return [(f.code, f.file, f.line, f.field, f.value) for f in result.faults]


def test_cells_become_typed_columns_and_a_tree_its_companion(tmp_path: Path) -> None:
    result = load(tmp_path, f"{HEADER}\nP1,0,1990-05,2.5,SF|US\nP2,1,,-1,\n")
    assert rows(tmp_path, result) == [
        {
            "id": "P1",
            "sex": 0,
            "born": date(1990, 5, 1),
            "dose": 2.5,
            "seen": ["SF", "US"],
            "seen_hierarchy": ["SF", "US", "CA"],
        },
        {"id": "P2", "sex": 1, "born": None, "dose": -1.0, "seen": None, "seen_hierarchy": None},
    ]
    assert not result.faults


def test_files_may_have_their_columns_in_any_order(tmp_path: Path) -> None:
    result = load(tmp_path, f"{HEADER}\nP1,0,,,\n", "seen,dose,born,sex,id\nUS,1,2000,1,P2\n")
    assert [(row["id"], row["sex"], row["seen"]) for row in rows(tmp_path, result)] == [
        ("P1", 0, None),
        ("P2", 1, ["US"]),
    ]


def test_a_table_without_rows_is_a_table(tmp_path: Path) -> None:
    result = load(tmp_path, f"{HEADER}\n")
    assert (result.rows, rows(tmp_path, result)) == (0, [])


def test_every_fault_has_its_rule_and_the_true_line_after_line_breaks_in_quotes_and_blank_lines(tmp_path: Path) -> None:
    content = 'id,sex,born,dose,seen\n"P\n1",2,1990-02-30,x,SF|\n\nP2,y,1990,1,XX\n,1,1990,1,US\nP4,1\nP5,0,1990,1,US,more\nP6,3,,,\n'
    assert faults(load(tmp_path, content)) == [
        (66, "patient.1.csv", 7, "", "P4,1"),
        (66, "patient.1.csv", 8, "", "P5,0,1990,1,US,more"),
        (70, "patient.1.csv", 5, "sex", "y"),
        (70, "patient.1.csv", 2, "born", "1990-02-30"),
        (70, "patient.1.csv", 2, "dose", "x"),
        (71, "patient.1.csv", 2, "sex", "2"),
        (71, "patient.1.csv", 9, "sex", "3"),
        (71, "patient.1.csv", 5, "seen", "XX"),
        (72, "patient.1.csv", 2, "seen", "SF|"),
        (73, "patient.1.csv", 6, "id", None),
    ]


def test_bad_bytes_and_stray_quotes_are_placed(tmp_path: Path) -> None:
    result = load(tmp_path, f"{HEADER}\nP1,0,,,\nP\udcff2,0,,,\n", f'{HEADER}\nP3,0,,,\nP4 "x",0,,,\n')
    assert [(code, file, line) for code, file, line, _, _ in faults(result)] == [
        (65, "patient.1.csv", 3),
        (65, "patient.2.csv", 3),
    ]


def test_a_carriage_return_alone_is_placed_and_makes_no_row(tmp_path: Path) -> None:
    result = load(tmp_path, f'{HEADER}\n"P\r1",0,,,\nP2,0\r,,,\nP3,0,,,\n')
    assert faults(result) == [(65, "patient.1.csv", 3, "", "P2,0\r,,,")]


def test_a_fault_in_the_last_row_of_many_is_counted_and_placed(tmp_path: Path) -> None:
    body = "".join(f"P{n},0,1990-01-01,1.5,SF\n" for n in range(100_000))
    result = load(tmp_path, f"{HEADER}\n{body}P100000,0,1990-01-01,1.5.2,SF\n")
    assert faults(result) == [(70, "patient.1.csv", 100_002, "dose", "1.5.2")]


def test_more_faults_than_examples_are_counted_exactly(tmp_path: Path) -> None:
    body = "".join(f"P{n},7,,,\n" for n in range(1000))
    result = load(tmp_path, f"{HEADER}\n{body}")
    assert (result.faults.counts, len(result.faults.examples[71])) == ({71: 1000}, 20)


def test_quarantine_keeps_good_rows_and_writes_bad_ones_whole(tmp_path: Path) -> None:
    result = load(tmp_path, f'{HEADER}\nP1,0,,,\n"P,2",5,never,,\nP3,1,,,\n', quarantine=True)
    assert [row["id"] for row in rows(tmp_path, result)] == ["P1", "P3"]
    assert result.quarantined == 1
    written = list(csv.reader((tmp_path / "quarantine" / str(result.quarantine)).open(newline="")))
    assert [(*row[:5], row[6]) for row in written] == [
        ("patient", "patient.1.csv", "3", "71;70", "sex;born", '"P,2",5,never,,')
    ]


def test_figures_tell_rows_nulls_distinct_values_range_mean_and_codes(tmp_path: Path) -> None:
    result = load(tmp_path, f"{HEADER}\nP1,0,1990,2,SF|US\nP2,0,1980,4,SF\nP3,1,,-1,\n")
    told = {name: stats.to_json() for name, stats in result.stats.items()}
    common = {"rows": 3, "distinct_is_exact": True, "distinct_error": 0.0}
    assert told == {
        "id": common | {"nulls": 0, "distinct": 3, "min": "P1", "max": "P3", "mean": None},
        "sex": common
        | {"nulls": 0, "distinct": 2, "min": 0, "max": 1, "mean": None,
           "top_codes": [{"code": "0", "rows": 2}, {"code": "1", "rows": 1}]},
        "born": common | {"nulls": 1, "distinct": 2, "min": "1980-01-01", "max": "1990-01-01", "mean": None, "partial": {"year": 2}},
        "dose": common
        | {"nulls": 0, "distinct": 3, "min": -1.0, "max": 4.0, "mean": pytest.approx(5 / 3),
           "top_codes": [{"code": "-1.0", "rows": 1}]},
        "seen": common
        | {"nulls": 1, "distinct": 2, "min": "SF", "max": "US", "mean": None,
           "top_codes": [{"code": "SF", "rows": 2}, {"code": "US", "rows": 1}]},
    }  # fmt: skip


def test_a_single_column_may_have_blank_lines_for_nulls(tmp_path: Path) -> None:
    fields = (Field("patient", "id", "string"),)
    plan = replace(plan_load(tmp_path, ("id\na\n\nb\n",), False, fields), key=None, keys={})
    write_plan(plan, str(tmp_path / "plan"))
    result = load_pieces(LoadTask(0, str(tmp_path / "plan"), ((0, whole_piece(plan.files[0])),)))
    assert [row["id"] for row in rows(tmp_path, result)] == ["a", None, "b"]


def key_space(folder: Path, keys: list[str], refs: list[str | None], relationship: str, buckets: int) -> KeySpace:
    from common.tables.key_checks import KeyWriter

    columns = []
    for name, values in (("patient.id", keys), ("visit.patient_id", refs)):
        path = f"{folder}/{name}"
        with KeyWriter(path, pa.string(), buckets) as writer:
            writer.add(pa.array(values, pa.string()), 0, pa.array(range(2, len(values) + 2)).to_numpy())
        entity, field = name.split(".")
        columns.append(KeyColumn(entity, field, (path,), (f"{entity}.csv",)))
    return KeySpace(columns[0], ((columns[1], relationship),), pa.string(), buckets)


@pytest.mark.parametrize("buckets", [1, 5])
def test_duplicate_keys_lost_references_and_broken_one_to_one_are_found_in_any_number_of_buckets(
    tmp_path: Path, buckets: int
) -> None:
    space = key_space(tmp_path, ["a", "b", "a", "c"], ["a", None, "x", "b", "b"], "one_to_one", buckets)
    found = [fault for bucket in range(buckets) for fault in check_keys(KeyCheck(space, bucket)).faults]
    assert sorted((f.code, f.place, f.value, f.text) for f in found) == [
        (74, "patient.csv line 2, patient.id", "a", "the key is also in patient.csv line 4"),
        (74, "patient.csv line 4, patient.id", "a", "the key is also in patient.csv line 2"),
        (75, "visit.csv line 4, visit.patient_id", "x", "no row of patient.id has this key"),
        (76, "visit.csv line 5, visit.patient_id", "b", "a one-to-one reference, but also in visit.csv line 6"),
        (76, "visit.csv line 6, visit.patient_id", "b", "a one-to-one reference, but also in visit.csv line 5"),
    ]


def test_many_to_one_references_may_repeat(tmp_path: Path) -> None:
    space = key_space(tmp_path, ["a", "b"], ["a", "a", None], "many_to_one", 1)
    assert not check_keys(KeyCheck(space, 0)).faults


def test_a_value_or_code_with_blanks_around_it_is_told_as_such_with_its_remedy(tmp_path: Path) -> None:
    coding = Coding("sites", (Code("F ", "f"), Code("m", "m")))
    fields = (
        Field("patient", "id", "string", "global"), Field("patient", "age", "integer"),
        Field("patient", "site", "string", coding_name="sites"),
    )  # fmt: skip
    plan = plan_load(tmp_path, ('id,age,site\nP1, 42,F\nP2,4 2,M\nP3,5,"F "\nP4,,X\n',), False, (fields[0], fields[1]))
    columns = (*plan.columns, ColumnPlan(fields[2], coding, is_hierarchical=False))
    plan = replace(plan, columns=columns, tables=())
    write_plan(plan, str(tmp_path / "plan"))
    found = load_pieces(LoadTask(0, str(tmp_path / "plan"), ((0, whole_piece(plan.files[0])),))).faults
    expected = "not of type integer; expected a whole number within 64 bits, such as 42 or -7"
    told = [(each.line, each.value, each.text) for each in found]
    assert told == [
        (2, " 42", f"{expected}, without blanks around it"),
        (3, "4 2", expected),
        (2, "F", "'F' is not among the 2 codes of coding sites, which has 'F '"),
        (3, "M", "'M' is not among the 2 codes of coding sites, which has 'm'"),
        (5, "X", "'X' is not among the 2 codes of coding sites"),
    ]
    assert [bool(each.remedy) for each in found] == [True, False, True, True, False]


def test_the_precision_of_dates_is_kept_and_partial_ones_are_counted_but_not_codes_of_a_sparse_coding() -> None:
    field = Field("patient", "seen", "datetime", coding_name="special", is_sparse_coding=True)
    plan = ColumnPlan(field, Coding("special", (Code("1900", "unknown"),)), is_hierarchical=False, has_precision=True)
    cells = pa.array(["2024", "2024-1", "2024-01", "2024-1-5", "2024-01-05 10:00:00", "1900", None, "soon"])
    stats = ColumnStats(0)
    built = build_columns({"seen": cells}, [plan], {"seen": stats})["seen"]
    assert built.precision is not None
    assert built.precision.to_pylist() == ["year", "month", "month", "day", "time", None, None, None]
    assert stats.partial == {"year": 1, "month": 2, "day": 1}
