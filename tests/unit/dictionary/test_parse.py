"""A correct dictionary is parsed, and written back as it was read."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from time import process_time

from common.dictionary import (
    Code,
    Coding,
    DataDictionary,
    DictionaryFile,
    Entity,
    Field,
    Reference,
    parse_dictionary,
    write_codings,
    write_data_dictionary,
    write_entity_dictionary,
)
from common.faults import Faults
from common.graph import validate_graph

DICTIONARY = """\
entity,name,type,primary_key_type,coding_name,folder_path,is_multi_select,is_sparse_coding,referenced_entity_field,relationship,title,source
patient,patient_id,string,global,,,,,,,Patient ID,
patient,born_in,string,,place,Demographics>Birth ,yes,,,,"Place of
birth",form 1
visit,patient_id,string,,,,,,patient:patient_id,many_to_one,,
patient,children,integer,,unknown,Demographics > Family,,1,,,"Children, number of",
"""
CODINGS = """\
coding_name,code,meaning,concept,display_order,parent_code
place,EU,Europe,SNOMED:1,2.0,
place,US,United States,,1.0,
unknown,-1,Unknown,,,
place,FR,France,,,EU
place,DE,Germany,,1,EU
spare,x,Not used,,,
"""
ENTITIES = "entity,entity_title,entity_label_plural\nvisit,Visits to the clinic,Visits\n"


def text_file(path: Path) -> DictionaryFile:
    return DictionaryFile(path.name, path.read_bytes())


def parse(dictionary: str, codings: str | None = None, entities: str | None = None) -> DataDictionary:
    faults = Faults()
    found = parse_dictionary(
        DictionaryFile("data_dictionary.csv", dictionary.encode()),
        faults,
        DictionaryFile("codings.csv", codings.encode()) if codings else None,
        DictionaryFile("entity_dictionary.csv", entities.encode()) if entities else None,
    )
    assert faults.total == 0, faults.render()
    assert found is not None
    return found


def parse_written(dictionary: DataDictionary) -> DataDictionary:
    codings = write_codings(dictionary)
    return parse(
        write_data_dictionary(dictionary).decode(),
        codings.decode() if codings else None,
        write_entity_dictionary(dictionary).decode(),
    )


def test_dictionary_codings_and_entity_dictionary_become_one_model() -> None:
    place = Coding(
        "place",
        (
            Code("US", "United States", "", 1),
            Code("EU", "Europe", "SNOMED:1", 2),
            Code("DE", "Germany", "", 3, "EU"),
            Code("FR", "France", "", 4, "EU"),
        ),
    )
    assert parse(DICTIONARY, CODINGS, ENTITIES) == DataDictionary(
        {
            "patient": Entity(
                "patient",
                (
                    Field("patient", "patient_id", "string", "global", title="Patient ID"),
                    Field(
                        "patient", "born_in", "string", coding_name="place", folder_path=("Demographics", "Birth"),
                        is_multi_select=True, title="Place of\nbirth", attributes={"source": "form 1"},
                    ),
                    Field(
                        "patient", "children", "integer", coding_name="unknown", folder_path=("Demographics", "Family"),
                        is_sparse_coding=True, title="Children, number of",
                    ),
                ),
            ),
            "visit": Entity(
                "visit",
                (Field("visit", "patient_id", "string", reference=Reference("patient", "patient_id", "many_to_one")),),
                title="Visits to the clinic",
                label_plural="Visits",
            ),
        },
        {"place": place, "unknown": Coding("unknown", (Code("-1", "Unknown", "", 1),))},
    )  # fmt: skip


def test_lines_are_true_lines_in_spite_of_a_quoted_line_break() -> None:
    dictionary = parse(DICTIONARY, CODINGS)
    lines = {(f.entity, f.name): f.line for entity in dictionary.entities.values() for f in entity.fields}
    assert lines == {
        ("patient", "patient_id"): 2,
        ("patient", "born_in"): 3,
        ("visit", "patient_id"): 5,
        ("patient", "children"): 6,
    }


def test_line_ends_byte_order_mark_and_column_order_do_not_matter() -> None:
    rows = list(csv.reader(io.StringIO(DICTIONARY, newline="")))
    order = sorted(range(len(rows[0])), key=lambda position: rows[0][position])
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows([row[i] for i in order] for row in rows)
    assert parse("\ufeff" + text.getvalue(), "\ufeff" + CODINGS.replace("\n", "\r\n")) == parse(DICTIONARY, CODINGS)


def test_dictionary_is_written_in_the_columns_of_the_platforms_client() -> None:
    dictionary = parse(DICTIONARY.replace(",source", ",").replace("form 1", ""), CODINGS, ENTITIES)
    assert write_data_dictionary(dictionary).decode() == (
        "entity,name,type,primary_key_type,coding_name,concept,description,folder_path,is_multi_select,is_sparse_coding,"
        "linkout,longitudinal_axis_type,referenced_entity_field,relationship,title,units\n"
        "patient,patient_id,string,global,,,,,,,,,,,Patient ID,\n"
        'patient,born_in,string,,place,,,Demographics > Birth,yes,,,,,,"Place of\nbirth",\n'
        'patient,children,integer,,unknown,,,Demographics > Family,,yes,,,,,"Children, number of",\n'
        "visit,patient_id,string,,,,,,,,,,patient:patient_id,many_to_one,,\n"
    )
    written = write_codings(dictionary)
    assert written is not None
    assert written.decode() == (
        "coding_name,code,meaning,concept,display_order,parent_code\n"
        "place,US,United States,,1,\nplace,EU,Europe,SNOMED:1,2,\nplace,DE,Germany,,3,EU\nplace,FR,France,,4,EU\n"
        "unknown,-1,Unknown,,1,\n"
    )
    assert write_entity_dictionary(dictionary).decode() == (
        "entity,entity_title,entity_description,entity_label_plural,entity_label_singular\n"
        "patient,,,,\nvisit,Visits to the clinic,,Visits,\n"
    )


def test_codings_without_a_tree_have_no_parent_column_and_none_make_no_file() -> None:
    key = "entity,name,type,primary_key_type,coding_name\npatient,patient_id,string,global,\n"
    assert write_codings(parse(key)) is None
    written = write_codings(parse(f"{key}patient,sex,string,,sex\n", "coding_name,code,meaning\nsex,F,Female\n"))
    assert written == b"coding_name,code,meaning,concept,display_order\nsex,F,Female,,1\n"


def test_what_is_written_reads_as_the_same_dictionary() -> None:
    dictionary = parse(DICTIONARY, CODINGS, ENTITIES)
    assert parse_written(dictionary) == dictionary


def test_slice_of_a_real_export_has_only_the_self_reference_and_comes_back_equal(shared_data: Path) -> None:
    apollo = shared_data / "apollo"
    faults, warnings = Faults(), list[str]()
    dictionary = parse_dictionary(
        text_file(apollo / "slice" / "data_dictionary.csv"),
        faults,
        text_file(apollo / "codings.csv"),
        text_file(apollo / "slice" / "entity_dictionary.csv"),
        warnings=warnings,
    )
    assert dictionary is not None
    validate_graph(dictionary, faults)
    assert faults.total == 0, faults.render()
    assert warnings == ["data_dictionary.csv line 10: participant.eid refers to itself; the reference is ignored."]
    assert len(dictionary.main_entity.fields) == 19
    assert {name: len(coding.codes) for name, coding in dictionary.codings.items()} == {
        "data_coding_100010": 2, "data_coding_224": 5, "data_coding_100373": 3, "data_coding_100397": 6,
        "data_coding_19": 19154, "data_coding_9": 2, "data_coding_7": 2,
    }  # fmt: skip
    assert dictionary.codings["data_coding_19"].lineage("A000") == ["A000", "A00", "Block A00-A09", "Chapter I"]
    assert parse_written(dictionary) == dictionary


def test_whole_real_export_gives_its_known_faults_at_once_and_soon(shared_data: Path) -> None:
    apollo = shared_data / "apollo"
    data = gzip.decompress((apollo / "data_dictionary.csv.gz").read_bytes())
    faults, warnings = Faults(), list[str]()
    start = process_time()
    dictionary = parse_dictionary(
        DictionaryFile("data_dictionary.csv", data),
        faults,
        text_file(apollo / "codings.csv"),
        text_file(apollo / "entity_dictionary.csv"),
        warnings=warnings,
    )
    assert dictionary is not None
    validate_graph(dictionary, faults, "data_dictionary.csv")
    assert process_time() - start < 10
    assert faults.counts == {50: 351, 46: 1}
    unlinked = faults.examples[46][0]
    assert (unlinked.line, unlinked.entity) == (11425, "pheno_geno_sample_ids")
    assert warnings == ["data_dictionary.csv line 4162: participant.eid refers to itself; the reference is ignored."]
    assert sum(len(entity.fields) for entity in dictionary.entities.values()) == 11425
