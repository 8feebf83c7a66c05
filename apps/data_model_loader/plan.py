"""The plan: everything that can be known of a load without reading rows, checked before Spark is started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from apps.data_model_loader.existing import find_outdated_tables, validate_existing_tables
from apps.data_model_loader.files import EntityFiles, bind_files, bound_names
from common.dataset.database import Database
from common.dataset.layout import TablePlan, plan_tables
from common.dataset.names import dataset_stem
from common.dictionary import DataDictionary, DictionaryFile, parse_dictionary
from common.errors import AppError, Rule
from common.faults import Faults, counted
from common.graph import EntityGraph, build_graph, validate_graph
from common.job import Run
from common.platform import InputFile
from common.platform.names import draft_database, parse_record_name
from common.scan.encoding import validate_encoding
from common.scan.files import read_small
from common.scan.records import TextFormat, parse_delimiter, parse_longest_record
from common.tables.quarantine import parse_share

DICTIONARY_BYTES = 64 << 20
"""Largest size of a file of the dictionary: a million codes. In memory its rows take some forty times as much."""

InsertMode = Literal["error", "append", "overwrite"]


@dataclass(frozen=True)
class Plan:
    """What will be loaded. `files` has no entry for an entity whose rows stand in the database already; `existing` holds the
    Parquet files of each table that is there, by table name, none of one to be overwritten; `outdated` are tables that the load
    replaces by others."""

    name: str
    schema: str
    dictionary: DataDictionary
    graph: EntityGraph
    database: Database
    tables: dict[str, tuple[TablePlan, ...]]
    files: dict[str, EntityFiles]
    existing: dict[str, list[str]]
    outdated: list[str]
    insert_mode: InsertMode
    max_columns: int
    form: TextFormat
    quarantines: bool
    max_faulty_share: float
    validates_only: bool

    def keeps_rows(self, entity: str) -> bool:
        """Whether rows that stand in the database stay, so that keys are checked over them too."""
        has_table = self.tables[entity][0].table in self.existing
        return has_table and (entity not in self.files or self.insert_mode == "append")


def make_plan(run: Run) -> Plan:
    """Reads dictionaries and headers. Raises one `FaultError` with all that is wrong in them."""
    inputs, faults = run.inputs, Faults()
    with run.progress.stage("plan") as stage:
        name = parse_record_name(inputs.output_dataset_name)
        stem = dataset_stem(name)
        database = _find_database(run, inputs.database_name or f"{stem}_db")
        validate_encoding(inputs.encoding)
        share = parse_share(inputs.max_faulty_share)
        form = TextFormat(parse_delimiter(inputs.delimiter, "delimiter"), ("", *(inputs.null_values or [])))
        dictionary = _read_dictionary(run, faults)
        if dictionary is None:
            faults.raise_if_any("The plan")
        dictionary = cast(DataDictionary, dictionary)
        has_tables = not faults
        _warn_of_nulls(run, dictionary)
        longest = parse_longest_record(inputs.max_record_mib)
        files = bind_files(inputs.data_files or [], dictionary, form.delimiter, inputs.encoding, longest, faults)
        if not has_tables:  # a faulty dictionary cannot be laid out
            faults.raise_if_any("The plan")
        tables = _tables_by_entity(dictionary, inputs.max_columns)
        bound = bound_names(inputs.data_files or [])
        existing = validate_existing_tables(
            run.platform, database, dictionary, tables, bound, inputs.insert_mode, faults
        )
        faults.raise_if_any("The plan")
        outdated = _find_outdated(run, database, dictionary, tables, bound)
        fields = sum(len(entity.fields) for entity in dictionary.entities.values())
        count = sum(len(each.files) for each in files.values())
        stage.note(
            ", ".join(
                (counted(len(dictionary.entities), "entity"), counted(fields, "field"), counted(count, "data file"))
            )
        )
    return Plan(
        name, inputs.dataset_schema or f"ds-{stem}", dictionary, build_graph(dictionary), database,
        tables, files, existing, outdated, inputs.insert_mode, inputs.max_columns, form, inputs.on_fault == "quarantine",
        share, inputs.validate_only,
    )  # fmt: skip


def _find_database(run: Run, name: str) -> Database:
    """The existing database if an id is given, which the name must then match if given too; else a new one."""
    inputs = run.inputs
    if not inputs.database_id:
        return draft_database(name)
    database = run.platform.find_database(inputs.database_id)
    if inputs.database_name and inputs.database_name.lower() != database.name:
        raise AppError(
            Rule.DATABASE, f"{inputs.database_id} is the database {database.name}, not {inputs.database_name}"
        )
    return database


def _read_dictionary(run: Run, faults: Faults) -> DataDictionary | None:
    inputs, warnings = run.inputs, list[str]()
    source = _read_text(inputs.data_dictionary)
    dictionary = parse_dictionary(
        source, faults, _read_text(inputs.codings) if inputs.codings else None,
        _read_text(inputs.entity_dictionary) if inputs.entity_dictionary else None, inputs.max_columns, warnings,
        inputs.date_precision,
    )  # fmt: skip
    for warning in warnings:
        run.progress.warn(warning)
    if dictionary is not None:
        validate_graph(dictionary, faults, source.name)
    return dictionary


def _warn_of_nulls(run: Run, dictionary: DataDictionary) -> None:
    """Warns that `null_values` do not replace the empty cell, and of those that are codes too."""
    given = [text for text in run.inputs.null_values or [] if text]
    if given and "" not in run.inputs.null_values:
        run.progress.warn(f"null_values: the empty cell is NULL too, besides {', '.join(map(repr, given))}")
    for entity in dictionary.entities.values():
        for field in entity.fields:
            codes = dictionary.codings[field.coding_name].by_code if field.coding_name in dictionary.codings else {}
            for text in (text for text in given if text in codes):
                place = f"coding {field.coding_name} of {entity.name}.{field.name}"
                run.progress.warn(f"null_values: {text!r} is also a code of {place}; such cells are NULL")


def _tables_by_entity(dictionary: DataDictionary, max_columns: int) -> dict[str, tuple[TablePlan, ...]]:
    tables: dict[str, tuple[TablePlan, ...]] = {}
    for table in plan_tables(dictionary, max_columns):
        tables[table.entity] = (*tables.get(table.entity, ()), table)
    return tables


def _find_outdated(
    run: Run, database: Database, dictionary: DataDictionary, tables: dict[str, tuple[TablePlan, ...]], bound: set[str]
) -> list[str]:
    """The tables of earlier divisions of entities that are overwritten: if they stayed, they would hold deleted rows."""
    found: list[str] = []
    for name, entity in dictionary.entities.items() if run.inputs.insert_mode == "overwrite" else ():
        if name in bound and (outdated := find_outdated_tables(run.platform, database, entity, tables)):
            names = ", ".join(table.table for table in tables[name])
            text = f"the rows of {name} stood in {', '.join(outdated)}, which {names} will replace"
            run.progress.warn(f"{text}; a Dataset that was made over the old tables must be made again")
            found += outdated
    return found


def _read_text(file: InputFile) -> DictionaryFile:
    return DictionaryFile(file.name, read_small(file.path, DICTIONARY_BYTES))
