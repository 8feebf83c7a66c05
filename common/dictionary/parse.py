"""Reads and checks a data dictionary with its codings and entity dictionary."""

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
from common.dictionary.source import DictionaryFile
from common.errors import Rule
from common.faults import Faults

MAX_COLUMNS = range(2, 401)
"""How many columns a table may have: at least the key and one field."""


def parse_dictionary(
    source: DictionaryFile | None,
    faults: Faults,
    codings: DictionaryFile | None = None,
    entity_dictionary: DictionaryFile | None = None,
    max_columns: int = 400,
    warnings: list[str] | None = None,
    date_precision: bool = False,
) -> DataDictionary | None:
    """The dictionary, or None if no field could be read. Use it only if `faults` is still empty afterwards.

    Adds all faults of all three files: rules 1, 10-18, 20-25, 30-32, 40-45, 47 and 50-57. Rule 46 (paths between
    entities) is left to `common.graph`.
    """
    warnings = [] if warnings is None else warnings
    if max_columns not in MAX_COLUMNS:
        faults.add(Rule.MAX_COLUMNS, "max_columns must lie between 2 and 400", value=str(max_columns))
        max_columns = min(max(max_columns, MAX_COLUMNS[0]), MAX_COLUMNS[-1])
    given = parse_codings(codings, faults) if codings else {}
    described = parse_entity_rows(entity_dictionary, faults) if entity_dictionary else {}
    if source is None:
        faults.add(Rule.NO_DICTIONARY, "there is no data dictionary")
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
    """The coding of that name: from the user's file if it is there, else a supplied ICD coding. A suffix flattens either."""
    if name in given or not is_icd_name(name):
        return given.get(name)
    base = name.removesuffix(EXCLUDE_HIERARCHY)
    coding = given.get(base) or (_supplied_coding(base) if base in supplied_names() else None)
    return flattened(coding, name) if coding and base != name else coding


@cache
def _supplied_coding(name: str) -> Coding:
    return parse_codings(DictionaryFile(name, read_supplied_rows(name)), Faults())[name]
