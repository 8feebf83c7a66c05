"""The ICD codings that are supplied by name."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from time import process_time

import pytest

from common.dictionary import Coding, DictionaryFile, parse_dictionary, write_codings
from common.dictionary.icd import is_icd_name, read_supplied_rows, supplied_names
from common.faults import Faults
from resources import resource

KEY = "entity,name,type,primary_key_type,coding_name\npatient,patient_id,string,global,\n"
SOURCES = json.loads(resource("icd/sources.json").read_text(encoding="utf-8"))


@cache
def coding(name: str, given: str | None = None) -> Coding:
    faults = Faults()
    codings = DictionaryFile("codings.csv", given.encode()) if given else None
    dictionary = parse_dictionary(
        DictionaryFile("d", f"{KEY}patient,diagnosis,string,,{name}\n".encode()), faults, codings
    )
    assert faults.total == 0, faults.render()
    assert dictionary is not None
    return dictionary.codings[name]


def test_supplied_releases() -> None:
    assert supplied_names() == ["icd9cm:2015", "icd10cm:2024", "icd10cm:2025", "icd10cm:2026"]


@pytest.mark.parametrize("name", SOURCES)
def test_supplied_coding_is_a_sound_tree_of_the_stated_size(name: str) -> None:
    found = coding(name)
    assert found.is_hierarchical
    assert len(found.codes) == SOURCES[name]["codes"]
    assert all(code.meaning.strip() for code in found.codes)
    assert {len(found.lineage(code.code)) for code in found.codes} <= set(range(1, 9))


@pytest.mark.parametrize(
    ("name", "lineage", "meaning"),
    [
        ("icd9cm:2015", ["250.01", "250.0", "250", "249-259", "240-279"],
         "Diabetes mellitus without mention of complication, type I [juvenile type], not stated as uncontrolled"),
        ("icd9cm:2015", ["E849.0", "E849", "E846-E849", "E000-E999"], "Home accidents"),
        ("icd10cm:2024", ["A00.0", "A00", "A00-A09", "1"], "Cholera due to Vibrio cholerae 01, biovar cholerae"),
        ("icd10cm:2024", ["T81.32XA", "T81.32", "T81.3", "T81", "T80-T88", "19"],
         "Disruption of internal operation (surgical) wound, not elsewhere classified, initial encounter"),
        ("icd10cm:2026", ["B99.9", "B99", "B99-B99", "1"], "Unspecified infectious disease"),
    ],
)  # fmt: skip
def test_code_lies_below_its_category_block_and_chapter(name: str, lineage: list[str], meaning: str) -> None:
    found = coding(name)
    assert found.lineage(lineage[0]) == lineage
    assert found.by_code[lineage[0]].meaning == meaning


def test_codes_without_their_dot_are_not_of_the_coding() -> None:
    assert "A000" not in coding("icd10cm:2024").by_code


def test_suffix_makes_the_coding_flat_with_the_same_codes() -> None:
    tree, flat = coding("icd9cm:2015"), coding("icd9cm:2015:exclude_hierarchy")
    assert not flat.is_hierarchical
    assert [code.code for code in flat.codes] == [code.code for code in tree.codes]


def test_rows_of_the_user_win_and_the_suffix_flattens_them_too() -> None:
    given = "coding_name,code,meaning,parent_code\nicd10cm:2024,A,Mine,\nicd10cm:2024,A1,Mine too,A\n"
    assert [code.code for code in coding("icd10cm:2024", given).codes] == ["A", "A1"]
    flat = coding("icd10cm:2024:exclude_hierarchy", given)
    assert [(code.code, code.parent_code) for code in flat.codes] == [("A", ""), ("A1", "")]


def test_rows_of_the_user_supply_a_release_that_the_suite_does_not() -> None:
    assert len(coding("icd10pcs:2024", "coding_name,code,meaning\nicd10pcs:2024,0016070,Bypass\n").codes) == 1


@pytest.mark.parametrize(
    ("name", "reserved"), [("icd10cm:2019", True), ("icd9pcs", True), ("icd10", False), ("my:icd10cm:1", False)]
)
def test_reserved_names(name: str, reserved: bool) -> None:
    assert is_icd_name(name) is reserved


def test_a_supplied_coding_is_written_back_and_read_again_in_seconds() -> None:
    start = process_time()
    faults = Faults()
    source = DictionaryFile("d", f"{KEY}patient,diagnosis,string,,icd10cm:2025\n".encode())
    dictionary = parse_dictionary(source, faults)
    assert dictionary is not None
    written = write_codings(dictionary)
    assert written is not None
    again = parse_dictionary(source, faults, DictionaryFile("codings.csv", written))
    assert again == dictionary
    assert process_time() - start < 15


@pytest.mark.parametrize("name", SOURCES)
def test_shipped_file_is_the_one_that_the_script_made(name: str) -> None:
    assert hashlib.sha256(read_supplied_rows(name)).hexdigest() == SOURCES[name]["sha256_of_csv"]
