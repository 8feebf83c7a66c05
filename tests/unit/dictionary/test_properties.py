"""What holds for every dictionary and for every file, however odd."""

from __future__ import annotations

import csv
import io
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

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

# Texts with characters that CSV must quote; NUL and lone surrogates are not text.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12) | st.text(
    ',"\r\n; é', max_size=6
)
CODE = TEXT.filter(str.strip)
LEVEL = TEXT.map(lambda text: text.replace(">", "").strip()).filter(bool)
NAMES = st.integers(0, 400).map(lambda number: f"n{number}")


@st.composite
def codings(draw: st.DrawFn, name: str) -> Coding:
    """A coding in display order: each code below an earlier one of the path to the last, or a root."""
    texts = draw(st.lists(CODE, min_size=1, max_size=6, unique=True))
    is_tree = draw(st.booleans())
    path: list[str] = []
    made = []
    for order, text in enumerate(texts, start=1):
        path = path[: draw(st.integers(0, len(path)))] if is_tree else []
        made.append(Code(text, draw(TEXT), draw(TEXT), order, path[-1] if path else ""))
        path.append(text)
    return Coding(name, tuple(made))


@st.composite
def fields(draw: st.DrawFn, entity: str, name: str, coding: Coding | None, reference: Reference | None) -> Field:
    """A field of a legal combination: a plain one of any type, or a string with a coding."""
    parts_codes = coding is not None and any("|" in each.code for each in coding.codes)
    flags = [*([] if parts_codes else ["multi"]), *([] if coding and coding.is_hierarchical else ["sparse"])]
    flag = draw(st.sampled_from(["", *flags])) if coding else ""
    plain = st.just("string") if reference else st.sampled_from(["string", "integer", "float", "date", "datetime"])
    return Field(
        entity,
        name,
        "string" if coding else draw(plain),
        coding_name=coding.name if coding else "",
        concept=draw(TEXT),
        description=draw(TEXT),
        folder_path=tuple(draw(st.lists(LEVEL, max_size=3))),
        is_multi_select=flag == "multi",
        is_sparse_coding=flag == "sparse",
        linkout=draw(TEXT),
        longitudinal_axis_type=draw(TEXT),
        reference=reference,
        title=draw(TEXT),
        units=draw(TEXT),
        attributes=draw(st.dictionaries(st.sampled_from(["source", "Größe", "a,b"]), TEXT.filter(bool), max_size=2)),
    )


@st.composite
def dictionaries(draw: st.DrawFn) -> DataDictionary:
    """A sound dictionary: a main entity `p`, entities that refer to it, codings that are used."""
    pool = {f"coding {number}": draw(codings(f"coding {number}")) for number in range(draw(st.integers(0, 3)))}
    some_coding = st.none() | st.sampled_from(list(pool.values())) if pool else st.none()
    entities = {}
    for entity in ["p", *draw(st.lists(NAMES, max_size=3, unique=True))]:
        made = [Field("p", "id", "string", "global")] if entity == "p" else []
        if entity != "p":
            relationship = draw(st.sampled_from(["many_to_one", "one_to_one"]))
            made.append(draw(fields(entity, "ref", None, Reference("p", "id", relationship))))
        made += [
            draw(fields(entity, name, draw(some_coding), None))
            for name in draw(st.lists(NAMES, max_size=4, unique=True))
        ]
        entities[entity] = Entity(entity, tuple(made), draw(TEXT), draw(TEXT), draw(TEXT), draw(TEXT))
    used = {field.coding_name for entity in entities.values() for field in entity.fields}
    return DataDictionary(entities, {name: coding for name, coding in pool.items() if name in used})


@given(dictionaries())
@settings(max_examples=60)
def test_a_dictionary_that_was_written_reads_as_itself(dictionary: DataDictionary) -> None:
    faults = Faults()
    written = write_codings(dictionary)
    found = parse_dictionary(
        DictionaryFile("data_dictionary.csv", write_data_dictionary(dictionary)),
        faults,
        DictionaryFile("codings.csv", written) if written else None,
        DictionaryFile("entity_dictionary.csv", write_entity_dictionary(dictionary)),
    )
    assert faults.total == 0, faults.render()
    assert found == dictionary


CELL = st.sampled_from(
    ["", "a", "A", "b", "b_hierarchy", "order", "global", "local", "string", "integer", "float", "date", "text", "c", "yes",
     "maybe", "a:a", "a:b", "b:a", "x:", "many_to_one", "one_to_many", "1", "01", "1.5", 'q"q', "l\nl", "ü", "icd10cm:1999"]
)  # fmt: skip
COLUMNS = (
    "entity", "name", "type", "primary_key_type", "coding_name", "is_multi_select", "is_sparse_coding",
    "referenced_entity_field", "relationship", "code", "meaning", "display_order", "parent_code", "entity_title",
)  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A CSV with some of the known columns, in which some cells are correct."""
    header = draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=14)) if draw(st.booleans()) else COLUMNS
    rows = draw(st.lists(st.lists(CELL, min_size=len(header), max_size=len(header)), max_size=12))
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue().encode()


@given(files() | st.binary(max_size=200), files() | st.binary(max_size=60), files(), st.integers(-1, 12))
@settings(max_examples=150)
def test_no_file_ends_in_a_stack_trace_and_every_fault_has_a_true_line(
    source: bytes, codings_file: bytes, entity_file: bytes, max_columns: int
) -> None:
    faults = Faults()
    parse_dictionary(
        DictionaryFile("d", source),
        faults,
        DictionaryFile("c", codings_file),
        DictionaryFile("e", entity_file),
        max_columns,
        [],
    )
    lines = {"d": source, "c": codings_file, "e": entity_file}
    for fault in faults:
        assert fault.line is None or 1 <= fault.line <= len(lines[fault.file].splitlines()) + 1, fault
    assert (faults.render() == "") == (faults.total == 0)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_every_tree_is_ordered_depth_first_with_siblings_by_display_order(parents: list[int], random: Random) -> None:
    rows = [
        f"t,{number},m,{1000 - number},{parent if parent < number else ''}" for number, parent in enumerate(parents)
    ]
    random.shuffle(rows)
    text = "\n".join(["coding_name,code,meaning,display_order,parent_code", *rows])
    key = b"entity,name,type,primary_key_type,coding_name\np,id,string,global,\np,f,string,,t\n"
    faults = Faults()
    dictionary = parse_dictionary(DictionaryFile("d", key), faults, DictionaryFile("c", text.encode()))
    assert faults.total == 0
    assert dictionary is not None

    def walk(parent: str) -> list[str]:
        children = [n for n in range(len(parents)) if (str(parents[n]) if parents[n] < n else "") == parent]
        return [code for n in sorted(children, reverse=True) for code in [str(n), *walk(str(n))]]

    codes = dictionary.codings["t"].codes
    assert [code.code for code in codes] == walk("")
    assert [code.display_order for code in codes] == list(range(1, len(parents) + 1))
