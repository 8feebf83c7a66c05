"""`describe`: a Dataset as people read it: entities with their rows, fields, keys, relationships, codings and assays; or the
three dictionaries that it comes from, or could come from."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from apps.commands.project import open_project
from common.dictionary import DataDictionary, write_codings, write_data_dictionary, write_entity_dictionary
from common.errors import AppError
from common.job.progress import align
from common.platform import Platform, Record
from common.platform.names import parse_file_name


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
    project = open_project(args.project)
    record = project.find_record(args.record)
    descriptor = project.read_descriptor(record)
    if args.dictionaries:
        from common.dataset.descriptor import parse_descriptor

        paths = write_dictionaries(parse_descriptor(descriptor).dictionary, Path(args.dictionaries), record.name)
        print("\n".join(map(str, paths)))
    elif args.json:
        print(
            json.dumps({"record": project.describe(record.id), "descriptor": descriptor}, indent=2, ensure_ascii=False)
        )
    else:
        print("\n".join(describe_dataset(record, descriptor, project, Path(args.project))))
    return 0


def write_dictionaries(dictionary: DataDictionary, folder: Path, name: str) -> list[Path]:
    """Writes the dictionaries as the Data Model Loader reads them, named as `dx extract_dataset -ddd` does; their paths.

    Raises `AppError` 91 rather than write over a file, which someone may have worked on.
    """
    contents = {
        folder / parse_file_name(f"{name}.{kind}.csv"): content
        for kind, content in (
            ("data_dictionary", write_data_dictionary(dictionary)),
            ("codings", write_codings(dictionary)),
            ("entity_dictionary", write_entity_dictionary(dictionary)),
        )
        if content is not None
    }
    if there := [str(path) for path in contents if path.exists()]:
        raise AppError(91, f"{', '.join(there)}: there already", "Give another folder, or remove what is there.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in contents.items():
            path.write_bytes(content)
    except OSError as error:
        raise AppError(91, f"{folder} cannot be written to: {error.strerror}", "Give another folder.") from None
    return list(contents)


def describe_dataset(record: Record, descriptor: Mapping[str, Any], project: Platform, folder: Path) -> Iterator[str]:
    """The lines that show a Dataset of the project in `folder`. Rows are counted from the footers of its Parquet files."""
    model = descriptor["model"]
    key = model["global_primary_key"]
    yield from align(["Dataset", record.name], [
        ["Id", record.id],
        ["Schema", str(record.details.get("schema", ""))],
        ["Description", str(record.details.get("description", ""))],
        ["Main entity", f"{key['entity']}, key {key['field']}"],
    ])  # fmt: skip
    yield from _section("Entities", ["entity", "title", "key", "fields", "tables", "rows"],
                        [_entity_row(each, project) for each in model["entities"].values()])  # fmt: skip
    for entity in model["entities"].values():
        yield from _section(f"Fields of {entity['name']}", ["field", "type", "coding", "title"],
                            [_field_row(each) for each in entity["fields"].values()])  # fmt: skip
    yield from _section("Relationships", ["from", "to", "relationship"], _relationship_rows(descriptor))
    yield from _section("Codings", ["coding", "codes", "kind"], _coding_rows(model.get("codings") or {}))
    yield from _section("Assays", ["assay", "model", "version"], [
        [each["name"], each["generalized_assay_model"], str(each.get("generalized_assay_model_version", ""))]
        for each in descriptor["assays"]
    ])  # fmt: skip
    yield from _section("Tables", ["table", "rows", "folder"], _table_rows(descriptor, project, folder))


def _section(title: str, header: list[str], rows: list[list[str]]) -> list[str]:
    return ["", title, *(f"  {line}" for line in align(header, rows))] if rows else []


def _entity_row(entity: Mapping[str, Any], project: Platform) -> list[str]:
    """A split entity's parts share their rows, so any one part has the entity's number of them."""
    mappings = [each["mapping"] for each in entity["fields"].values()]
    tables = list(dict.fromkeys((each["database_id"], each["table"]) for each in mappings))
    rows = count_rows(project, *tables[0]) if tables else 0
    return [entity["name"], entity["entity_title"], entity["primary_key"] or "", f"{len(mappings):,}", f"{len(tables):,}",
            f"{rows:,}"]  # fmt: skip


def _field_row(field: Mapping[str, Any]) -> list[str]:
    marks = [("is_multi_select", "multi-select"), ("is_sparse_coding", "sparse"), ("is_hierarchical", "hierarchical")]
    kind = " ".join([field["type"], *(word for mark, word in marks if field.get(mark))])
    return [field["name"], kind, field["coding_name"] or "", field["title"] or ""]


def _relationship_rows(descriptor: Mapping[str, Any]) -> list[list[str]]:
    """References between fields; joins of the parts of one entity are layout, and are left out."""
    named = {
        f"{field['mapping']['database_unique_name']}${field['mapping']['table']}${field['mapping']['column']}":
        (entity["name"], field["name"])
        for entity in descriptor["model"]["entities"].values() for field in entity["fields"].values()
    }  # fmt: skip
    rows = []
    for edge in descriptor["join_info"]:
        child, parent = named.get(edge["joins"][0]["to"]), named.get(edge["joins"][0]["from"])
        if child and parent and child[0] != parent[0]:
            rows.append([".".join(child), ".".join(parent), edge["relationship"]])
    return rows


def _coding_rows(codings: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    for name, coding in codings.items():
        is_tree = any(isinstance(each, dict) for each in coding.get("display") or ())
        rows.append([name, f"{len(coding['codes_to_meanings']):,}", "hierarchical" if is_tree else "flat"])
    return rows


def _table_rows(descriptor: Mapping[str, Any], project: Platform, folder: Path) -> list[list[str]]:
    """The tables that the Dataset's fields and assays lie in, by `<unique name>.<table>`, in the order of the descriptor."""
    places = dict.fromkeys(
        (each["database_id"], each["database_unique_name"], each["table"])
        for part in (descriptor["model"], descriptor["assays"]) for each in _mappings(part)
    )  # fmt: skip
    return [[f"{unique}.{table}", f"{count_rows(project, database, table):,}", str(folder / "databases" / unique / table)]
            for database, unique, table in places]  # fmt: skip


def _mappings(part: Any) -> Iterator[Mapping[str, Any]]:
    """Every field mapping below a part of the descriptor, however deep."""
    if isinstance(part, list):
        for each in part:
            yield from _mappings(each)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key == "mapping":
                yield value
            else:
                yield from _mappings(value)


def count_rows(project: Platform, database_id: str, table: str) -> int:
    """The rows of a table, from its files' footers."""
    import pyarrow.parquet as pq

    files = project.table_files(project.find_database(database_id), table)
    return sum(pq.read_metadata(file).num_rows for file in files)
