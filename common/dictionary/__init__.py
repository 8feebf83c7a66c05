"""A data dictionary with its codings and entity dictionary: read, checked and written.

`parse_dictionary` makes a `DataDictionary` of up to three `DictionaryFile`s, and collects their faults. `write_data_dictionary`,
`write_codings` and `write_entity_dictionary` write the files as `dx extract_dataset -ddd` does. `is_split`, `CODINGS_TABLE`,
`HIERARCHY_SUFFIX` and `LONGEST_SPLIT` are what tables need to know of names, `PART_MARK` parts a multi-select cell,
`PRECISION_CODING` and `PRECISION_SUFFIX` tell how much of a date is known; `name_problem` serves all who read names.
"""

from __future__ import annotations

from common.dictionary.codings import PART_MARK
from common.dictionary.model import Code, Coding, DataDictionary, Entity, Field, Reference
from common.dictionary.names import CODINGS_TABLE, HIERARCHY_SUFFIX, LONGEST_SPLIT, is_split, name_problem
from common.dictionary.parse import parse_dictionary
from common.dictionary.precision import PRECISION_CODING, PRECISION_SUFFIX
from common.dictionary.source import DictionaryFile
from common.dictionary.write import write_codings, write_data_dictionary, write_entity_dictionary

__all__ = [
    "CODINGS_TABLE", "HIERARCHY_SUFFIX", "LONGEST_SPLIT", "PART_MARK", "PRECISION_CODING", "PRECISION_SUFFIX", "Code",
    "Coding", "DataDictionary", "DictionaryFile", "Entity", "Field", "Reference", "is_split", "name_problem",
    "parse_dictionary", "remedy_naming",
    "write_codings", "write_data_dictionary", "write_entity_dictionary",
]  # fmt: skip
