"""`describe`: a Dataset as people read it: entities with their rows, fields, keys, relationships, codings and assays; or the
three dictionaries that it comes from, or could come from."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.commands.project import open_project
from common.errors import AppError, Rule
from common.job.progress import align
from common.platform import Platform, Record
from common.platform.names import parse_file_name

if TYPE_CHECKING:
    from common.dataset.model import Dataset
    from common.dictionary import DataDictionary, Entity, Field


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser("describe", help="show a Dataset", description="Shows a Dataset of a project.")
    parser.add_argument("record", metavar="RECORD", help="the record's id or name")
    parser.add_argument("--project", metavar="DIR", default="project", help="the project's folder (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print the record and its descriptor as one JSON object")
    parser.add_argument(
        "--dictionaries",
        metavar="DIR",
        help="write its data dictionary, codings and entity dictionary into this folder",
    )
    parser.add_argument("--verbose", action="store_true", help="show the trace of an internal error")
    parser.set_defaults(command=describe)


def describe(args: Namespace) -> int:
    """Prints the Dataset, or its JSON, or the paths of the dictionaries that it writes."""
    from common.dataset.descriptor import parse_descriptor

    project = open_project(args.project)
    record = project.find_record(args.record)
    descriptor = project.read_descriptor(record)
    dataset = parse_descriptor(descriptor)
    if args.dictionaries:
        paths = write_dictionaries(dataset.dictionary, Path(args.dictionaries), record.name)
        print("\n".join(map(str, paths)))
    elif args.json:
        print(
            json.dumps({"record": project.describe(record.id), "descriptor": descriptor}, indent=2, ensure_ascii=False)
        )
    else:
        print("\n".join(describe_dataset(record, dataset, project, Path(args.project))))
    return 0


def write_dictionaries(dictionary: DataDictionary, folder: Path, name: str) -> list[Path]:
    """Writes the dictionaries as the Data Model Loader reads them, named as `dx extract_dataset -ddd` does; their paths.

    Raises `AppError` 91 rather than write over a file, which someone may have worked on.
    """
    from common.dictionary.write import write_codings, write_data_dictionary, write_entity_dictionary

    contents = {
        folder / parse_file_name(name, f".{kind}.csv"): content
        for kind, content in (
            ("data_dictionary", write_data_dictionary(dictionary)),
            ("codings", write_codings(dictionary)),
            ("entity_dictionary", write_entity_dictionary(dictionary)),
        )
        if content is not None
    }
    if there := [str(path) for path in contents if path.exists()]:
        raise AppError(
            Rule.NOT_FOUND, f"{', '.join(there)}: there already", "Give another folder, or remove what is there."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in contents.items():
            path.write_bytes(content)
    except OSError as error:
        raise AppError(
            Rule.NOT_FOUND, f"{folder} cannot be written to: {error.strerror}", "Give another folder."
        ) from None
    return list(contents)


def describe_dataset(record: Record, dataset: Dataset, project: Platform, folder: Path) -> Iterator[str]:
    """The lines that show a Dataset of the project in `folder`. Rows are counted from the footers of its Parquet files."""
    dictionary, key = dataset.dictionary, dataset.dictionary.global_key
    yield from align(["Dataset", record.name], [
        ["Id", record.id],
        ["Schema", str(record.details.get("schema", ""))],
        ["Description", str(record.details.get("description", ""))],
        ["Main entity", f"{key.entity}, key {key.name}" if key else ""],
    ])  # fmt: skip
    yield from _section("Entities", ["entity", "title", "key", "fields", "tables", "rows"],
                        [_entity_row(each, dataset, project) for each in dictionary.entities.values()])  # fmt: skip
    for entity in dictionary.entities.values():
        yield from _section(f"Fields of {entity.name}", ["field", "type", "coding", "title"],
                            [_field_row(each, dictionary) for each in entity.fields])  # fmt: skip
    yield from _section("Relationships", ["from", "to", "relationship"], [
        [f"{each.entity}.{each.name}", f"{to.entity}.{to.field}", to.relationship]
        for each in dictionary.fields if (to := each.reference)
    ])  # fmt: skip
    yield from _section("Codings", ["coding", "codes", "kind"], [
        [name, f"{len(each.codes):,}", "hierarchical" if each.is_hierarchical else "flat"]
        for name, each in dictionary.codings.items()
    ])  # fmt: skip
    yield from _section("Assays", ["assay", "model", "version"], [
        [each.name, each.model, str(each.keys.get("generalized_assay_model_version") or "")] for each in dataset.assays
    ])  # fmt: skip
    yield from _section("Tables", ["table", "rows", "folder"], _table_rows(dataset, project, folder))


def _section(title: str, header: list[str], rows: list[list[str]]) -> list[str]:
    return ["", title, *(f"  {line}" for line in align(header, rows))] if rows else []


def _entity_row(entity: Entity, dataset: Dataset, project: Platform) -> list[str]:
    """A split entity's parts share their rows, so any one part has the entity's number of them."""
    mappings = [dataset.mappings[entity.name, field.name] for field in entity.fields]
    tables = list(dict.fromkeys((each.database_id, each.table) for each in mappings))
    rows = count_rows(project, *tables[0]) if tables else 0
    key = entity.primary_key.name if entity.primary_key else ""
    return [entity.name, entity.title or entity.name, key, f"{len(mappings):,}", f"{len(tables):,}", f"{rows:,}"]


def _field_row(field: Field, dictionary: DataDictionary) -> list[str]:
    from common.dictionary.columns import write_type

    marks = [(field.is_multi_select, "multi-select"), (field.is_sparse_coding, "sparse"),
             (dictionary.is_hierarchical(field), "hierarchical")]  # fmt: skip
    kind = " ".join([write_type(field.type), *(word for is_so, word in marks if is_so)])
    return [field.name, kind, field.coding_name, field.title or field.name]


def _table_rows(dataset: Dataset, project: Platform, folder: Path) -> list[list[str]]:
    """The tables that the Dataset's fields and assays lie in, by `<unique name>.<table>`, in the order of the descriptor."""
    places = dict.fromkeys((each.database_id, each.database_unique_name, each.table) for each in dataset.all_mappings)
    return [[f"{unique}.{table}", f"{count_rows(project, database, table):,}", str(folder / "databases" / unique / table)]
            for database, unique, table in places]  # fmt: skip


def count_rows(project: Platform, database_id: str, table: str) -> int:
    """The rows of a table, from its files' footers."""
    import pyarrow.parquet as pq

    files = project.table_files(project.find_database(database_id), table)
    return sum(pq.read_metadata(file).num_rows for file in files)
