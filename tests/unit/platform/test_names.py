from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.dataset.database import link, unique_database_name
from common.errors import AppError
from common.platform import names

FILE = "file-" + "aB3" * 8


@pytest.mark.parametrize("kind", ["record", "file", "job", "project", "database"])
def test_a_new_id_is_its_kind_and_24_letters_and_digits(kind: str) -> None:
    made = names.new_id(kind)
    assert re.fullmatch(kind + "-[0-9A-Za-z]{24}", made)
    assert names.is_id(made, kind)
    assert names.is_id(made)
    assert made != names.new_id(kind)


def test_a_database_id_can_be_told_from_its_unique_name() -> None:
    made = names.new_id("database")
    unique = unique_database_name(made, "clinic")
    assert re.fullmatch(r"database_\w{24}__clinic", unique)
    assert unique.removesuffix("__clinic").replace("_", "-") == made


@pytest.mark.parametrize(
    "text", ["file-", FILE + "x", FILE + "\n", "fileaB3" + "a" * 20, "../" + FILE, "workflow-" + "a" * 24]
)
def test_other_texts_are_no_ids(text: str) -> None:
    assert not names.is_id(text)
    assert names.parse_reference(text) is None


def test_an_id_and_both_forms_of_a_link_refer_to_an_object() -> None:
    project = "project-" + "P" * 24
    assert names.parse_reference(FILE) == names.ObjectReference(FILE)
    assert names.parse_reference({"$dnanexus_link": FILE}) == names.ObjectReference(FILE)
    linked = {"$dnanexus_link": {"project": project, "id": FILE}}
    assert names.parse_reference(linked) == names.ObjectReference(FILE, project)
    assert names.parse_reference(link(FILE)) == names.ObjectReference(FILE)


@pytest.mark.parametrize(
    "value", [{}, {"$dnanexus_link": "x"}, {"$dnanexus_link": 7}, {"$dnanexus_link": {"id": 7}}, {"job": "j"}]
)
def test_a_malformed_link_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(AppError) as refused:
        names.parse_reference(value)
    assert refused.value.code == 91


def test_a_database_name_is_kept_in_lower_case() -> None:
    assert names.parse_database_name("Clinic_2024") == "clinic_2024"


@pytest.mark.parametrize("text", ["", "2024", "_x", "a-b", "a b", "a/b", "../x", "a\n", "é", "a`b", "a" * 129, "İx"])
def test_an_unfit_database_name_is_refused(text: str) -> None:
    with pytest.raises(AppError) as refused:
        names.parse_database_name(text)
    assert refused.value.code == 80


@pytest.mark.parametrize("text", ["", " ", "a\nb", "a\x00b", "a\x85b", "\ud800", "x" * 1025])
def test_an_unfit_record_name_is_refused(text: str) -> None:
    with pytest.raises(AppError) as refused:
        names.parse_record_name(text)
    assert refused.value.code == 84


@pytest.mark.parametrize("text", ["Étude / 2024", "a" * 1024, "../x"])
def test_a_record_name_is_any_line(text: str) -> None:
    assert names.parse_record_name(text) == text


@pytest.mark.parametrize("text", ["", ".hidden", "a/b", "..", "a.b", "a\n", "1a", "a" * 256])
def test_an_unfit_table_name_is_refused(text: str) -> None:
    with pytest.raises(AppError) as refused:
        names.parse_table_name(text)
    assert refused.value.code == 84


@given(st.text())
def test_a_file_name_is_one_part_of_a_path_whatever_was_asked_for(text: str) -> None:
    name = names.parse_file_name(text)
    assert name not in {"", ".", ".."}
    assert not set(name) & {"/", "\0", "\n"}
    assert len(name.encode()) <= 255
    assert names.parse_file_name(name) == name


def test_a_common_file_name_stays_as_it_is() -> None:
    assert names.parse_file_name("Übersicht 1.csv.gz") == "Übersicht 1.csv.gz"
