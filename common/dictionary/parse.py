"""The data dictionary, codings and entity dictionary of one dataset as one model, with every fault that they have."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from common.dictionary.codings import flattened, parse_codings, validate_codes, validate_coding_names
from common.dictionary.entities import build_entities, parse_entity_rows, validate_entity_rows
from common.dictionary.fields import parse_fields, validate_types
from common.dictionary.icd import EXCLUDE_HIERARCHY, is_icd_name, read_supplied_rows, supplied_names
from common.dictionary.keys import validate_keys, validate_references
from common.dictionary.model import Coding, DataDictionary
from common.dictionary.names import validate_names
from common.dictionary.precision import PRECISION_CODING, add_precision
from common.dictionary.source import TextFile
from common.faults import Faults

MAX_COLUMNS = range(2, 401)
"""Columns that a physical table may have: the key and one field at least."""


def parse_dictionary(
    source: TextFile | None,
    faults: Faults,
    codings: TextFile | None = None,
    entity_dictionary: TextFile | None = None,
    max_columns: int = 400,
    warnings: list[str] | None = None,
    date_precision: bool = False,
) -> DataDictionary | None:
    """The model, or None where no field could be read. It may be used only if `faults` is still empty afterwards.

    All faults of all three files are added at once: rules 1, 10-18, 20-25, 30-32, 40-45, 47 and 50-57. Whether
    references give each entity a single path to the main one (46) is for `common.graph` to say, from the model returned
    here.
    """
    warnings = [] if warnings is None else warnings
    if max_columns not in MAX_COLUMNS:
        faults.add(16, "max_columns must lie between 2 and 400", value=str(max_columns))
        max_columns = min(max(max_columns, MAX_COLUMNS[0]), MAX_COLUMNS[-1])
    given = parse_codings(codings, faults) if codings else {}
    described = parse_entity_rows(entity_dictionary, faults) if entity_dictionary else {}
    if source is None:
        faults.add(10, "there is no data dictionary")
        return None
    fields = parse_fields(source, faults, warnings)
    if not fields:
        return None
    if date_precision:
        fields = add_precision(fields, given, source.name, faults)
        given = {PRECISION_CODING.name: PRECISION_CODING, **given}
    used = {name: found for field in fields if (found := _find_coding(name := field.coding_name, given)) is not None}
    dictionary = DataDictionary(build_entities(fields, described), used)
    if entity_dictionary:
        validate_entity_rows(described, dictionary.entities, entity_dictionary.name, faults)
    validate_names(dictionary, max_columns, source.name, faults)
    validate_types(dictionary, source.name, faults)
    validate_keys(dictionary, max_columns, source.name, faults)
    validate_references(dictionary, source.name, faults)
    validate_coding_names(dictionary, given, source.name, faults)
    validate_codes(dictionary, given, source.name, codings.name if codings else "", faults)
    return dictionary


def _find_coding(name: str, given: Mapping[str, Coding]) -> Coding | None:
    """The coding of that name: the user's rows first, then the supplied ICD codings; a suffix flattens either."""
    if name in given or not is_icd_name(name):
        return given.get(name)
    base = name.removesuffix(EXCLUDE_HIERARCHY)
    coding = given.get(base) or (_supplied_coding(base) if base in supplied_names() else None)
    return flattened(coding, name) if coding and base != name else coding


@cache
def _supplied_coding(name: str) -> Coding:
    return parse_codings(TextFile(name, read_supplied_rows(name)), Faults())[name]
