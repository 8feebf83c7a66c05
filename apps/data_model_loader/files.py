"""Data files bound to entities by name, and their headers checked against the dictionary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from common.dictionary import PRECISION_CODING, DataDictionary, Entity
from common.errors import Rule
from common.faults import EXAMPLES_PER_RULE, Faults, Place
from common.nearest import nearest_name
from common.platform import InputFile
from common.scan.delimited import TextFile
from common.scan.header import Header, read_header


@dataclass(frozen=True)
class EntityFiles:
    """The data files of one entity in the order of their names, with the names in their headers."""

    entity: str
    files: tuple[TextFile, ...]
    headers: tuple[tuple[str, ...], ...]


def bind_files(
    given: Sequence[InputFile], dictionary: DataDictionary, delimiter: str, encoding: str, longest_record: int,
    faults: Faults,
) -> dict[str, EntityFiles]:  # fmt: skip
    """Files by entity: the entity is the file's name up to the first dot. Adds faults 25, 60, 62 to 65, and 90."""
    bound: dict[str, list[Header]] = {}
    files = sorted(given, key=lambda each: (each.name, each.path))
    for before, file in zip([None, *files], files, strict=False):
        if before and before.path == file.path:
            faults.add(
                Rule.JOB_INPUT,
                "the file is given twice",
                Place(file.name, field="data_files"),
                value=file.path,
                remedy="Give each file once.",
            )
            continue
        stem = file.name.split(".", 1)[0]
        entity = dictionary.entities.get(stem)
        if entity is None:
            near = nearest_name(stem, dictionary.entities)
            remedy = f"Rename the file to {near}.csv if it holds that entity." if near else ""
            faults.add(
                Rule.NO_ENTITY, f"the dictionary has no entity {stem}", Place(file.name), value=stem, remedy=remedy
            )
            continue
        found = read_header(file.name, file.path, delimiter, encoding, faults, longest_record)
        header = found and found.without_nameless(faults)
        if header and _validate_header(header, entity, faults):
            bound.setdefault(stem, []).append(header)
    return {
        name: EntityFiles(name, tuple(each.file for each in bound[name]), tuple(each.names for each in bound[name]))
        for name in dictionary.entities
        if name in bound
    }


def bound_names(given: Sequence[InputFile]) -> set[str]:
    """The entities that files are given for, fit or not."""
    return {file.name.split(".", 1)[0] for file in given}


def _validate_header(header: Header, entity: Entity, faults: Faults) -> bool:
    """Whether the header's names are the entity's fields, each once, in any order."""
    known = {name: field for name, field in entity.by_name.items() if not field.precision_of}
    counts = Counter(header.names)
    place = Place(header.file.name, 1, entity.name)
    missing = [name for name in known if name not in counts]
    repeated = [name for name, count in counts.items() if count > 1]
    for name in repeated:
        faults.add(Rule.DUPLICATE_COLUMN, "the column stands more than once", place, value=name)
    for name in counts:
        if name not in known:
            is_shown = faults.counts.get(Rule.COLUMN_UNKNOWN, 0) < EXAMPLES_PER_RULE  # to look for a near name is slow
            near = nearest_name(name, missing) if is_shown else None
            remedy = f"Rename it to {near}, or add the field to the dictionary." if near else ""
            if name in entity.by_name:
                remedy = "Leave date_precision out, as the file has the column already, or remove the column."
            faults.add(Rule.COLUMN_UNKNOWN, "the dictionary has no such field", place, value=name, remedy=remedy)
    for name in missing:
        is_made = known[name].coding_name == PRECISION_CODING.name
        remedy = "Set date_precision, which makes the column from the date." if is_made else ""
        faults.add(
            Rule.COLUMN_MISSING, "the file has no column for this field", replace(place, field=name), remedy=remedy
        )
    for number in header.file.nameless if missing else ():
        faults.add(Rule.FIELD_NAME, f"column {number + 1:,} has no name in the header", place)
    return not missing and not repeated and len(counts) == len(known)
