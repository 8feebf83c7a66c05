"""Data files bound to entities by name, and their headers checked against the dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from common.dictionary import PRECISION_CODING, DataDictionary, Entity, nearest_name
from common.faults import Faults
from common.platform import InputFile
from common.scan.delimited import TextFile
from common.tables.header import read_header

NO_ENTITY, EXTRA, MISSING, DUPLICATE, JOB_INPUT = 60, 62, 63, 64, 90


@dataclass(frozen=True)
class EntityFiles:
    """The data files of one entity in the order of their names, with their headers."""

    entity: str
    files: tuple[TextFile, ...]
    headers: tuple[tuple[str, ...], ...]


def bind_files(
    given: Sequence[InputFile], dictionary: DataDictionary, delimiter: str, encoding: str, faults: Faults
) -> dict[str, EntityFiles]:
    """Files by entity: the entity is the file's name up to the first dot. Adds faults 60, 62 to 65, and 90."""
    bound: dict[str, list[tuple[TextFile, tuple[str, ...]]]] = {}
    files = sorted(given, key=lambda each: (each.name, each.path))
    for before, file in zip([None, *files], files, strict=False):
        if before and before.path == file.path:
            faults.add(JOB_INPUT, "the file is given twice", file=file.name, field="data_files", value=file.path,
                       remedy="Give each file once.")  # fmt: skip
            continue
        stem = file.name.split(".", 1)[0]
        entity = dictionary.entities.get(stem)
        if entity is None:
            near = nearest_name(stem, dictionary.entities)
            remedy = f"Rename the file to {near}.csv if it holds that entity." if near else ""
            faults.add(NO_ENTITY, f"the dictionary has no entity {stem}", file=file.name, value=stem, remedy=remedy)
            continue
        found = read_header(file, delimiter, encoding, faults)
        if found is not None and _validate_header(found[1], file.name, entity, faults):
            bound.setdefault(stem, []).append(found)
    ordered = [name for name in dictionary.entities if name in bound]
    return {name: EntityFiles(name, *zip(*bound[name], strict=True)) for name in ordered}


def bound_names(given: Sequence[InputFile]) -> set[str]:
    """The entities that files are given for, fit or not."""
    return {file.name.split(".", 1)[0] for file in given}


def _validate_header(header: tuple[str, ...], file: str, entity: Entity, faults: Faults) -> bool:
    """Whether the header's names are the entity's fields, each once, in any order."""
    known = {name: field for name, field in entity.by_name.items() if not field.precision_of}
    missing = [name for name in known if name not in header]
    repeated = sorted({name for name in header if header.count(name) > 1}) if len(set(header)) < len(header) else []
    for name in repeated:
        faults.add(DUPLICATE, "the column stands more than once", file=file, line=1, entity=entity.name, value=name)
    for name in dict.fromkeys(header):
        if name not in known:
            near = nearest_name(name, missing)
            remedy = f"Rename it to {near}, or add the field to the dictionary." if near else ""
            if name in entity.by_name:
                remedy = "Leave date_precision out, as the file has the column already, or remove the column."
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
        is_made = known[name].coding_name == PRECISION_CODING.name
        remedy = "Set date_precision, which makes the column from the date." if is_made else ""
        text = "the file has no column for this field"
        faults.add(MISSING, text, file=file, line=1, entity=entity.name, field=name, remedy=remedy)
    return not missing and not repeated and len(header) == len(known)
