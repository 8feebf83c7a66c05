"""The plan: everything that can be known without reading rows, checked before Spark is started.

Add here the parsing of dictionaries, headers and parameters into frozen values, and every check of them. All faults of the stage
are gathered in one `Faults` and raised together. Their numbers are those of `resources/errors.json`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from common.dataset.database import Database
from common.dataset.layout import TablePlan, plan_entity
from common.dataset.names import dataset_stem
from common.dictionary import DataDictionary, Entity, Field
from common.dictionary.names import validate_names
from common.errors import Rule
from common.faults import Faults, Place, counted
from common.job import Run
from common.platform.names import draft_database
from common.scan.delimited import TextFile
from common.scan.header import Header, read_header

MAX_COLUMNS = 400
"""Columns of a table, the widest that `max_columns` of the Data Model Loader allows."""


@dataclass(frozen=True)
class Plan:
    """What will be loaded: `dictionary` is that of the Dataset to be, with one entity; `table` is where its rows go."""

    name: str
    database: Database
    dictionary: DataDictionary
    table: TablePlan
    files: tuple[TextFile, ...]
    header: tuple[str, ...]

    @property
    def entity(self) -> Entity:
        """The entity."""
        return self.dictionary.main_entity


def make_plan(run: Run) -> Plan:
    """Reads the headers. Raises one `FaultError` with all that is wrong in them."""
    inputs, faults = run.inputs, Faults()
    with run.progress.stage("plan") as stage:
        read = [read_header(each.name, each.path, ",", "utf-8", faults) for each in inputs.data_files]
        named = [found for each in read if each and (found := each.without_nameless(faults))]
        faults.raise_if_any("The plan")
        header = named[0].names
        dictionary = build_dictionary(inputs.entity_name, header)
        validate_names(dictionary, MAX_COLUMNS, named[0].file.name, faults)
        for other in named[1:]:
            validate_header(header, other, inputs.entity_name, faults)
        faults.raise_if_any("The plan")
        (table,) = plan_entity(dictionary, dictionary.main_entity, max(MAX_COLUMNS, len(header)))
        database = draft_database(f"{dataset_stem(inputs.output_dataset_name)}_db")
        stage.note(f"{counted(len(named), 'file')}, {counted(len(header), 'field')}")
    files = tuple(each.file for each in named)
    return Plan(inputs.output_dataset_name, database, dictionary, table, files, header)


def build_dictionary(entity: str, header: tuple[str, ...]) -> DataDictionary:
    """One entity of texts, the first column its key."""
    key, *others = header
    fields = (Field(entity, key, "string", "global"), *(Field(entity, name, "string") for name in others))
    return DataDictionary({entity: Entity(entity, fields)}, {})


def validate_header(wanted: tuple[str, ...], other: Header, entity: str, faults: Faults) -> None:
    """Adds faults 62 and 63 for a file whose columns are not those of the first file, in the same order."""
    place = Place(other.file.name, 1, entity)
    for name in other.names:
        if name not in wanted:
            faults.add(Rule.COLUMN_UNKNOWN, "the first file has no such column", place, value=name)
    for name in wanted:
        if name not in other.names:
            faults.add(Rule.COLUMN_MISSING, "the first file has this column", replace(place, field=name))
    if sorted(wanted) == sorted(other.names) and wanted != other.names:
        faults.add(Rule.COLUMN_UNKNOWN, "the columns are in another order than in the first file", place)
