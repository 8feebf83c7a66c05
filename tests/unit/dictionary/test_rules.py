"""One test per rule of the dictionary block: which fault a mistake gives, where it says it lies and what it advises."""

from __future__ import annotations

import gzip

import pytest

from common.dictionary import DataDictionary, DictionaryFile, parse_dictionary
from common.faults import Fault, Faults

HEADER = "entity,name,type,primary_key_type,coding_name,is_multi_select,is_sparse_coding,referenced_entity_field,relationship"
KEY = "patient,patient_id,string,global,,,,,"


def parse(
    *rows: str, header: str = HEADER, codings: str | None = None, entities: str | None = None, max_columns: int = 400
) -> tuple[DataDictionary | None, Faults]:
    """The dictionary of these rows below the patient's key, with its faults."""
    faults = Faults()
    dictionary = parse_dictionary(
        DictionaryFile("data_dictionary.csv", "\n".join([header, KEY, *rows]).encode()),
        faults,
        DictionaryFile("codings.csv", codings.encode()) if codings is not None else None,
        DictionaryFile("entity_dictionary.csv", entities.encode()) if entities is not None else None,
        max_columns,
    )
    return dictionary, faults


def only(faults: Faults) -> Fault:
    """The one fault that there is."""
    assert faults.total == 1, faults.render()
    return next(iter(faults))


def place(fault: Fault) -> tuple[int, int | None, str, str]:
    return fault.code, fault.line, fault.entity, fault.field


def test_a_sound_dictionary_has_no_fault() -> None:
    dictionary, faults = parse(
        "visit,visit_id,integer,local,,,,,", "visit,patient_id,string,,,,,patient:patient_id,many_to_one"
    )
    assert faults.total == 0
    assert dictionary is not None
    assert list(dictionary.entities) == ["patient", "visit"]
    assert dictionary.main_entity.name == "patient"


# Files


def test_1_display_order_that_is_no_whole_number() -> None:
    _, faults = parse(codings="coding_name,code,meaning,display_order\nsex,1,Male,1.0\nsex,2,Female,1.5")
    fault = only(faults)
    assert (fault.code, fault.file, fault.line, fault.value) == (1, "codings.csv", 3, "1.5")
    assert "leave display_order blank" in fault.remedy


def test_1_values_below_a_nameless_column_are_told_once() -> None:
    rows = ["patient,patient_id,string,global,row 1", "patient,age,integer,,row 2", "patient,bmi,float,,"]
    text = "\n".join(["entity,name,type,primary_key_type,", *rows])
    faults = Faults()
    parse_dictionary(DictionaryFile("data_dictionary.csv", text.encode()), faults)
    assert (only(faults).code, only(faults).line, only(faults).value) == (1, 2, "row 1")


def test_a_trailing_comma_in_every_line_is_no_fault() -> None:
    faults = Faults()
    text = "entity,name,type,primary_key_type,\npatient,patient_id,string,global,\n,,,,\n"
    parse_dictionary(DictionaryFile("data_dictionary.csv", text.encode()), faults)
    assert faults.total == 0


def test_10_no_data_dictionary() -> None:
    faults = Faults()
    assert parse_dictionary(None, faults) is None
    assert only(faults).code == 10


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (gzip.compress(b"entity,name"), "gzip"),
        (b"PK\x03\x04....", "a zip archive or a spreadsheet"),
        (b"PAR1\x15\x04\x15....", "Parquet"),
        ("entity,name".encode("utf-16"), "UTF-16 text"),
        ("entity,name".encode("utf-16-le"), "binary or UTF-16"),
    ],
)
def test_11_file_is_no_plain_csv(data: bytes, kind: str) -> None:
    faults = Faults()
    assert parse_dictionary(DictionaryFile("data_dictionary.csv", data), faults) is None
    assert only(faults).code == 11
    assert only(faults).text == f"the file is {kind}, not plain CSV"


def test_11_tab_separated() -> None:
    faults = Faults()
    assert parse_dictionary(DictionaryFile("d.tsv", b"entity\tname\ttype\tprimary_key_type\n"), faults) is None
    assert (only(faults).code, only(faults).remedy) == (11, "Save the file with a comma as delimiter.")


def test_12_bytes_that_are_no_utf8_are_named_by_line_and_reading_goes_on() -> None:
    faults = Faults()
    text = f"{HEADER},title\n{KEY},\npatient,taille,float,,,,,,,sant\xe9\npatient,sexe,text,,,,,,,f\xeaminin\n"
    parse_dictionary(DictionaryFile("data_dictionary.csv", text.encode("latin-1")), faults)
    assert [(fault.code, fault.line) for fault in faults] == [(12, 3), (12, 4), (30, 4)]
    assert faults.examples[12][0].text == "byte 0xe9 at position 32 of the line is not UTF-8"


def test_12_quoting_that_is_broken() -> None:
    _, faults = parse('patient,"age"x,integer,,,,,,', "patient,bmi,flaot,,,,,,")
    assert [(fault.code, fault.line) for fault in faults] == [(12, 3), (30, 4)]


def test_12_quote_that_is_never_closed() -> None:
    _, faults = parse('patient,"age,integer,,,,,,', "patient,bmi,float,,,,,,")
    assert (only(faults).code, only(faults).line) == (12, 3)


def test_12_row_of_another_width_than_the_header() -> None:
    _, faults = parse("patient,age,integer")
    assert (only(faults).code, only(faults).line) == (12, 3)
    assert only(faults).text == "the row has 3 cells, the header 9"


def test_13_field_described_twice() -> None:
    _, faults = parse("patient,age,integer,,,,,,", "patient,age,float,,,,,,")
    assert place(only(faults)) == (13, 4, "patient", "age")
    assert only(faults).text == "the field is described on line 3 already"


def test_13_entity_described_twice() -> None:
    _, faults = parse(entities="entity,entity_title\npatient,Patient\npatient,Patients")
    assert (place(only(faults)), only(faults).file) == ((13, 3, "patient", ""), "entity_dictionary.csv")


def test_13_column_named_twice() -> None:
    _, faults = parse(codings="coding_name,code,meaning,code\nsex,1,Male,2")
    assert (only(faults).code, only(faults).file, only(faults).line, only(faults).value) == (
        13,
        "codings.csv",
        1,
        "code",
    )


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\n\n", b",,,\n"])
def test_14_empty_file(data: bytes) -> None:
    faults = Faults()
    assert parse_dictionary(DictionaryFile("data_dictionary.csv", data), faults) is None
    assert only(faults).code == 14


def test_14_header_without_rows() -> None:
    faults = Faults()
    assert parse_dictionary(DictionaryFile("data_dictionary.csv", HEADER.encode()), faults) is None
    assert only(faults).code == 14


def test_15_mandatory_columns_missing_all_at_once_with_the_nearest_column() -> None:
    faults = Faults()
    text = "Entity,name,typ,primary_key_type\npatient,patient_id,string,global\n"
    assert parse_dictionary(DictionaryFile("data_dictionary.csv", text.encode()), faults) is None
    assert [(fault.code, fault.line, fault.value, fault.remedy) for fault in faults] == [
        (15, 1, "entity", "Rename the column 'Entity' to 'entity'."),
        (15, 1, "type", "Rename the column 'typ' to 'type'."),
    ]


@pytest.mark.parametrize("max_columns", [1, 401, 0, -5])
def test_16_max_columns_out_of_range(max_columns: int) -> None:
    _, faults = parse(max_columns=max_columns)
    assert (only(faults).code, only(faults).value) == (16, str(max_columns))


@pytest.mark.parametrize("max_columns", [2, 400])
def test_16_bounds_of_max_columns_are_allowed(max_columns: int) -> None:
    assert parse(max_columns=max_columns)[1].total == 0


def test_18_unknown_entity_with_the_nearest_name() -> None:
    _, faults = parse(entities="entity,entity_title\npatient,Patient\npatients,Patients")
    fault = only(faults)
    assert (fault.code, fault.file, fault.line, fault.entity) == (18, "entity_dictionary.csv", 3, "patients")
    assert fault.remedy.startswith("Did you mean 'patient'?")


def test_18_entity_dictionary_without_column_entity() -> None:
    _, faults = parse(entities="name,entity_title\npatient,Patient")
    assert (only(faults).code, only(faults).line) == (18, 1)


# Names


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", "the name is blank"),
        ("1st_visit", "the name is not a letter followed by letters, digits and underscores"),
        ("_visit", "the name is not a letter followed by letters, digits and underscores"),
        ("visit-date", "the name is not a letter followed by letters, digits and underscores"),
        ("größe", "the name is not a letter followed by letters, digits and underscores"),
        ("v" * 256, "the name has 256 characters, more than 255"),
        ("Order", "ORDER is a reserved word of SQL"),
        ("user", "USER is a reserved word of SQL"),
    ],
)
def test_20_and_25_name_not_allowed(name: str, text: str) -> None:
    _, faults = parse(f"patient,{name},string,,,,,,")
    assert (place(only(faults)), only(faults).text) == ((25, 3, "patient", name), text)
    _, faults = parse(f"{name},patient_id,string,,,,,patient:patient_id,many_to_one")
    assert (place(only(faults)), only(faults).text) == ((20, 3, name, ""), text)


def test_20_and_25_longest_name_and_names_like_stopwords_are_allowed() -> None:
    _, faults = parse(f"patient,{'v' * 255},string,,,,,,", "patient,order_,string,,,,,,", "patient,date,date,,,,,,")
    assert faults.total == 0


def test_20_names_that_the_layout_takes() -> None:
    rows = ["patient,age,integer,,,,,,", "patient,bmi,float,,,,,,"]
    link = "patient_id,string,,,,,patient:patient_id,many_to_one"
    _, faults = parse(*rows, f"Patient_0002,{link}", f"DX_codings,{link}", max_columns=2)
    assert [place(fault) for fault in faults] == [(20, 5, "Patient_0002", ""), (20, 6, "DX_codings", "")]
    assert parse(*rows, f"patient_0001,{link}", max_columns=3)[1].total == 0


def test_25_companion_of_a_hierarchical_field() -> None:
    tree = "coding_name,code,meaning,parent_code\nplace,EU,Europe,\nplace,DE,Germany,EU"
    _, faults = parse("patient,born,string,,place,,,,", "patient,Born_Hierarchy,string,,,,,,", codings=tree)
    assert place(only(faults)) == (25, 4, "patient", "Born_Hierarchy")
    flat = "coding_name,code,meaning\nplace,DE,Germany"
    assert parse("patient,born,string,,place,,,,", "patient,born_hierarchy,string,,,,,,", codings=flat)[1].total == 0


def test_21_names_equal_but_for_case() -> None:
    link = "patient_id,string,,,,,patient:patient_id,many_to_one"
    _, faults = parse("patient,Patient_ID,string,,,,,,", f"visit,{link}", f"Visit,{link}")
    assert [place(fault) for fault in faults] == [(21, 3, "patient", "Patient_ID"), (21, 5, "Visit", "")]
    assert [fault.text for fault in faults] == [
        "the field differs from patient_id only in case",
        "the entity differs from visit only in case",
    ]


# Types


@pytest.mark.parametrize(
    ("field_type", "remedy"),
    [("String", "Did you mean 'string'?"), ("flaot", "Did you mean 'float'?"), ("", "Use string, ")],
)
def test_30_unknown_type(field_type: str, remedy: str) -> None:
    _, faults = parse(f"patient,age,{field_type},,,,,,")
    assert place(only(faults)) == (30, 3, "patient", "age")
    assert str(only(faults).to_json()["remedy"]).startswith(remedy)


FLAT = "coding_name,code,meaning\nflat,2020,A\nflat,2021,B\n"
TREE = "coding_name,code,meaning,parent_code\ntree,2020,A,\ntree,2021,B,2020\n"
TYPES = ("string", "integer", "float", "date", "datetime")
LEGAL = {
    *((field_type, "", "", "") for field_type in TYPES),
    *((field_type, "flat", "", "yes") for field_type in TYPES),
    ("string", "flat", "", ""),
    ("string", "flat", "yes", ""),
    ("integer", "flat", "", ""),
    ("integer", "flat", "yes", ""),
    ("string", "tree", "", ""),
    ("string", "tree", "yes", ""),
}


@pytest.mark.parametrize("sparse", ["", "yes"])
@pytest.mark.parametrize("multi", ["", "yes"])
@pytest.mark.parametrize("coding", ["", "flat", "tree"])
@pytest.mark.parametrize("field_type", TYPES)
def test_31_combinations(field_type: str, coding: str, multi: str, sparse: str) -> None:
    codings = TREE if coding == "tree" else FLAT
    _, faults = parse(f"patient,f,{field_type},,{coding},{multi},{sparse},,", codings=codings)
    if (field_type, coding, multi, sparse) in LEGAL:
        assert faults.total == 0
    else:
        assert place(only(faults)) == (31, 3, "patient", "f")
        assert only(faults).remedy


@pytest.mark.parametrize("text", ["yes", "YES", "no", "true", "False", "1", "0", "", " Yes "])
def test_32_booleans_in_any_case(text: str) -> None:
    dictionary, faults = parse(f"patient,f,string,,c,{text},,,", codings="coding_name,code,meaning\nc,1,A")
    assert faults.total == 0
    assert dictionary is not None
    assert dictionary.entities["patient"].by_name["f"].is_multi_select == (text.strip().lower() in ("yes", "true", "1"))


def test_32_neither_yes_nor_no() -> None:
    _, faults = parse("patient,f,string,,,y,maybe,,")
    assert [(place(fault), fault.value) for fault in faults] == [
        ((32, 3, "patient", "f"), "y"),
        ((32, 3, "patient", "f"), "maybe"),
    ]
    assert faults.examples[32][0].text == "is_multi_select is neither yes nor no"


# Keys


def test_40_no_global_key() -> None:
    faults = Faults()
    text = "entity,name,type,primary_key_type\npatient,patient_id,string,local\n"
    parse_dictionary(DictionaryFile("data_dictionary.csv", text.encode()), faults)
    assert (only(faults).code, only(faults).line) == (40, None)


def test_40_second_global_key() -> None:
    _, faults = parse("visit,visit_id,string,global,,,,,")
    assert place(only(faults)) == (40, 3, "visit", "visit_id")
    assert only(faults).text == "the global key is patient.patient_id already (line 2)"


def test_41_several_keys_in_one_entity() -> None:
    _, faults = parse("patient,nhs_number,string,local,,,,,")
    assert place(only(faults)) == (41, 3, "patient", "nhs_number")


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("date,local,,,,,", "a date field cannot be a key"),
        ("string,local,c,yes,,,", "a key cannot be multi-select"),
        ("string,Local,,,,,", "primary_key_type is neither global nor local"),
    ],
)
def test_42_unfit_key(row: str, text: str) -> None:
    _, faults = parse(f"visit,visit_id,{row}", codings="coding_name,code,meaning\nc,1,A")
    assert (place(only(faults)), only(faults).text) == ((42, 3, "visit", "visit_id"), text)


@pytest.mark.parametrize(
    ("target", "text", "nearest"),
    [
        ("patients:patient_id", "there is no entity patients", "'patient'"),
        ("patient:patientid", "the entity patient has no field patientid", "'patient_id'"),
        ("patient", "referenced_entity_field is not of the form <entity>:<field>", ""),
        ("patient:", "referenced_entity_field is not of the form <entity>:<field>", ""),
        ("a:b:c", "referenced_entity_field is not of the form <entity>:<field>", ""),
    ],
)
def test_43_reference_leads_nowhere(target: str, text: str, nearest: str) -> None:
    _, faults = parse(f"visit,patient_id,string,,,,,{target},many_to_one")
    assert (place(only(faults)), only(faults).text) == ((43, 3, "visit", "patient_id"), text)
    assert only(faults).value == target
    assert nearest in only(faults).remedy


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ("patient:patient_id,", "the reference has no relationship"),
        ("patient:patient_id,one_to_many", "'one_to_many' is not a relationship"),
        (",many_to_one", "there is a relationship but no referenced_entity_field"),
    ],
)
def test_44_relationship(cells: str, text: str) -> None:
    _, faults = parse(f"visit,patient_id,string,,,,,{cells}")
    assert (place(only(faults)), only(faults).text) == ((44, 3, "visit", "patient_id"), text)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("string,,,,,patient:age,many_to_one", "patient.age is not the key of its entity; its key is patient_id"),
        ("integer,,,,,patient:patient_id,many_to_one", "the field is integer, patient.patient_id is string"),
        ("string,,c,yes,,patient:patient_id,many_to_one", "a multi-select field cannot refer to a key"),
    ],
)
def test_45_unfit_target(row: str, text: str) -> None:
    _, faults = parse("patient,age,string,,,,,,", f"visit,ref,{row}", codings="coding_name,code,meaning\nc,1,A")
    assert (place(only(faults)), only(faults).text) == ((45, 4, "visit", "ref"), text)


def test_47_wide_entity_without_key() -> None:
    rows = [f"sample,v{number},integer,,,,,," for number in range(3)]
    _, faults = parse(*rows, max_columns=2)
    assert place(only(faults)) == (47, 3, "sample", "")
    assert only(faults).text == "the entity has 3 fields, more than 2, and no key"
    assert parse(*rows, max_columns=3)[1].total == 0
    assert parse(*rows, "sample,id,integer,local,,,,,", max_columns=2)[1].total == 0


# Codings


def test_50_undefined_coding_is_told_once_with_the_nearest_name() -> None:
    _, faults = parse(
        "patient,sex,string,,data_coding_8,,,,",
        "patient,sex2,string,,data_coding_8,,,,",
        codings="coding_name,code,meaning\ndata_coding_9,1,Male",
    )
    fault = only(faults)
    assert (place(fault), fault.value) == ((50, 3, "patient", "sex"), "data_coding_8")
    assert fault.text.endswith("nor for 1 more")
    assert fault.remedy.startswith("Did you mean 'data_coding_9'?")


def test_51_column_missing_and_blank_cells() -> None:
    _, faults = parse(codings="coding_name,code,label\nsex,1,Male")
    assert (only(faults).code, only(faults).file, only(faults).line, only(faults).value) == (
        51,
        "codings.csv",
        1,
        "meaning",
    )
    _, faults = parse(codings="coding_name,code,meaning\n,1,Male\nsex,,Female")
    assert [(fault.line, fault.text) for fault in faults] == [(2, "coding_name is blank"), (3, "code is blank")]


def test_52_duplicate_code() -> None:
    _, faults = parse(codings="coding_name,code,meaning\nsex,1,Male\nother,1,One\nsex,1,Female")
    fault = only(faults)
    assert (fault.code, fault.file, fault.line, fault.value) == (52, "codings.csv", 4, "1")
    assert fault.text == "coding sex has the code on line 2 already"


def test_52_codes_of_a_numeric_field_that_are_equal_by_value() -> None:
    codings = "coding_name,code,meaning\nsex,1,Male\nsex,01,Female"
    _, faults = parse("patient,sex,integer,,sex,,,,", codings=codings)
    assert (only(faults).code, only(faults).line, only(faults).value) == (52, 3, "01")
    assert parse("patient,sex,string,,sex,,,,", codings=codings)[1].total == 0


def test_53_parent_missing() -> None:
    _, faults = parse(codings="coding_name,code,meaning,parent_code\nplace,DE,Germany,EU")
    fault = only(faults)
    assert (fault.code, fault.file, fault.line, fault.value) == (53, "codings.csv", 2, "DE")
    assert "'EU'" in fault.text


def test_54_circles_of_parents_once_each() -> None:
    rows = ["c,A,a,B", "c,B,b,C", "c,C,c,A", "c,D,d,A", "c,E,e,E", "c,F,f,"]
    _, faults = parse(codings="\n".join(["coding_name,code,meaning,parent_code", *rows]))
    assert [(fault.code, fault.line, fault.value, fault.text) for fault in faults] == [
        (54, 2, "A", "in coding c the parents run in a circle: A > B > C > A"),
        (54, 6, "E", "in coding c the parents run in a circle: E > E"),
    ]


@pytest.mark.parametrize(
    ("field_type", "good", "bad"),
    [
        ("integer", ["1", "-3", "+7", "9223372036854775807"], ["1.0", "x", "9223372036854775808", " 1", "٣", "9" * 5000]),
        ("float", ["1", "1.5", "-1e-3", ".5", "2."], ["NaN", "1d", "1,5", "1e999", "Inf"]),
        ("date", ["1900", "1900-1", "1900-01-01"], ["1900-13", "2023-02-29", "1900-01-01 00:00:00", "0000", "01/01/1900"]),
        ("datetime", ["1900", "1900-01-01T1:2:3", "1900-1-1 00:00:00.5Z", "1900-01-01 0:0:0+01:00", "1900-01-01 00:00"],
         ["1900-01 00:00:00", "00:00:00", "1900-01-01 24:00:00", "1900-01-01 00", "1900-01-01T0:0:0 Europe/Berlin"]),
    ],
)  # fmt: skip
def test_55_sparse_code_that_is_not_of_the_type(field_type: str, good: list[str], bad: list[str]) -> None:
    rows = [f'special,"{code}",m' for code in good + bad]
    _, faults = parse(f"patient,f,{field_type},,special,,yes,,", codings="\n".join(["coding_name,code,meaning", *rows]))
    assert [(fault.code, fault.file, fault.line, fault.value) for fault in faults] == [
        (55, "codings.csv", line, code) for line, code in enumerate(bad, start=2 + len(good))
    ]
    assert {(fault.entity, fault.field) for fault in faults} == {("patient", "f")}


def test_55_code_of_a_categorical_integer_field() -> None:
    _, faults = parse("patient,sex,integer,,sex,yes,,,", codings="coding_name,code,meaning\nsex,1,Male\nsex,F,Female")
    assert (only(faults).code, only(faults).line, only(faults).value) == (55, 3, "F")


@pytest.mark.parametrize(
    "name", ["icd10cm:2019", "icd9pcs:2015", "icd10pcs:2024:exclude_hierarchy", "icd10cm", "icd9cm:2015:flat"]
)
def test_57_icd_coding_that_is_not_supplied(name: str) -> None:
    _, faults = parse(f"patient,diagnosis,string,,{name},,,,")
    assert (place(only(faults)), only(faults).value) == ((57, 3, "patient", "diagnosis"), name)
    assert f"Put its rows under coding_name {name} into the codings file" in only(faults).remedy
    assert "icd10cm:2024" in only(faults).remedy


def test_all_faults_of_all_files_are_reported_at_once() -> None:
    _, faults = parse(
        "patient,order,text,,,,,,",
        "visit,patient_id,string,,missing,,,patient:id,one_to_many",
        codings="coding_name,code,meaning\nsex,1,Male\nsex,1,Female",
        entities="entity,entity_title\nsample,Sample",
        max_columns=1000,
    )
    assert faults.codes() == [16, 18, 25, 30, 43, 44, 50, 52]


def test_55_a_code_with_a_bar_in_the_coding_of_a_multi_select_field_is_told_once() -> None:
    codings = "coding_name,code,meaning\nsites,A|B,both\nsites,C,one\n"
    rows = [f"patient,{name},string,,sites,{flag},," for name, flag in (("a", "yes"), ("b", "yes"), ("c", ""))]
    header = "entity,name,type,primary_key_type,coding_name,is_multi_select,referenced_entity_field,relationship"
    faults = Faults()
    parse_dictionary(
        DictionaryFile("data_dictionary.csv", "\n".join([header, "patient,id,string,global,,,,", *rows]).encode()),
        faults,
        DictionaryFile("codings.csv", codings.encode()),
    )
    fault = only(faults)
    assert (fault.code, fault.file, fault.line, fault.value) == (55, "codings.csv", 2, "A|B")
    faults = Faults()
    plain = "\n".join([header, "patient,id,string,global,,,,", rows[2]])
    parse_dictionary(DictionaryFile("d.csv", plain.encode()), faults, DictionaryFile("codings.csv", codings.encode()))
    assert not faults


@pytest.mark.parametrize(("levels", "codes"), [(200, []), (201, [54]), (900, [54]), (5000, [54])])
def test_54_a_tree_of_more_levels_than_readers_of_the_descriptor_take(levels: int, codes: list[int]) -> None:
    rows = [f"deep,c{n},meaning,{f'c{n - 1}' if n else ''}" for n in range(levels)]
    faults = Faults()
    text = "entity,name,type,primary_key_type,coding_name\npatient,id,string,global,\npatient,x,string,,deep\n"
    found = parse_dictionary(
        DictionaryFile("d.csv", text.encode()),
        faults,
        DictionaryFile("codings.csv", "\n".join(["coding_name,code,meaning,parent_code", *rows]).encode()),
    )
    assert faults.codes() == codes
    assert found is not None
    assert codes or len(found.codings["deep"].lineage("c199")) == 200


def test_20_an_entity_cut_into_tables_has_a_name_that_leaves_room_for_their_numbers() -> None:
    header = "entity,name,type,primary_key_type"
    for size, codes in ((250, []), (251, [20])):
        rows = [f"{'e' * size},f{number},string,{'global' if number == 0 else ''}" for number in range(4)]
        faults = Faults()
        parse_dictionary(DictionaryFile("d.csv", "\n".join([header, *rows]).encode()), faults, max_columns=3)
        assert faults.codes() == codes
