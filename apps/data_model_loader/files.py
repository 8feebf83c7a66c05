"""Data files bound to entities by name, and their headers checked against the dictionary."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

from common.dictionary import DataDictionary, Entity, nearest_name
from common.errors import AppError
from common.faults import Faults
from common.platform import InputFile
from common.scan.delimited import TextFile, first_record
from common.scan.files import compression_of, file_size

NO_ENTITY, EXTRA, MISSING, DUPLICATE, UNREADABLE = 60, 62, 63, 64, 65


@dataclass(frozen=True)
class EntityFiles:
    """The data files of one entity in the order of their names, with their headers."""

    entity: str
    files: tuple[TextFile, ...]
    headers: tuple[tuple[str, ...], ...]


def bind_files(
    given: Sequence[InputFile], dictionary: DataDictionary, delimiter: str, encoding: str, faults: Faults
) -> dict[str, EntityFiles]:
    """Files by entity: the entity is the file's name up to the first dot. Adds faults 60 and 62 to 65."""
    bound: dict[str, list[tuple[TextFile, tuple[str, ...]]]] = {}
    for file in sorted(given, key=lambda each: (each.name, each.path)):
        stem = file.name.split(".", 1)[0]
        entity = dictionary.entities.get(stem)
        if entity is None:
            near = nearest_name(stem, dictionary.entities)
            remedy = f"Rename the file to {near}.csv if it holds that entity." if near else ""
            faults.add(NO_ENTITY, f"the dictionary has no entity {stem}", file=file.name, value=stem, remedy=remedy)
            continue
        found = _read_header(file, delimiter, encoding, faults)
        if found is not None and _validate_header(found[1], file.name, entity, faults):
            bound.setdefault(stem, []).append(found)
    ordered = [name for name in dictionary.entities if name in bound]
    return {name: EntityFiles(name, *zip(*bound[name], strict=True)) for name in ordered}


def bound_names(given: Sequence[InputFile]) -> set[str]:
    """The entities that files are given for, fit or not."""
    return {file.name.split(".", 1)[0] for file in given}


def _read_header(
    file: InputFile, delimiter: str, encoding: str, faults: Faults
) -> tuple[TextFile, tuple[str, ...]] | None:
    try:
        is_gzip = compression_of(file.path) != "plain"
        text, size, lines = first_record(file.path, is_gzip, encoding)
        whole = file_size(file.path)
    except UnicodeDecodeError as error:
        faults.add(UNREADABLE, f"the header is not {encoding}: {error.reason}", file=file.name, line=1)
        return None
    except AppError as error:
        faults.add(error.code, error.text, file=file.name, remedy=error.remedy)
        return None
    if not text:
        faults.add(UNREADABLE, "the file is empty; it has no header", file=file.name)
        return None
    header = next(csv.reader([text], delimiter=delimiter), [])
    return TextFile(file.name, file.path, whole, is_gzip, encoding, size, lines), tuple(header)


def _validate_header(header: tuple[str, ...], file: str, entity: Entity, faults: Faults) -> bool:
    """Whether the header's names are the entity's fields, each once, in any order."""
    known = entity.by_name
    missing = [name for name in known if name not in header]
    repeated = sorted({name for name in header if header.count(name) > 1}) if len(set(header)) < len(header) else []
    for name in repeated:
        faults.add(DUPLICATE, "the column stands more than once", file=file, line=1, entity=entity.name, value=name)
    for name in dict.fromkeys(header):
        if name not in known:
            near = nearest_name(name, missing)
            remedy = f"Rename it to {near}, or add the field to the dictionary." if near else ""
            faults.add(
                EXTRA,
                "the dictionary has no such field",
                file=file,
                line=1,
                entity=entity.name,
                value=name,
                remedy=remedy,
            )
    for name in missing:
        faults.add(MISSING, "the file has no column for this field", file=file, line=1, entity=entity.name, field=name)
    return not missing and not repeated and len(header) == len(known)
