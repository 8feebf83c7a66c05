"""The door of the room: a data dictionary with its codings and entity dictionary, read, checked and written back.

`parse_dictionary` makes a `DataDictionary` of up to three `TextFile`s and adds every fault that they have to the
`Faults` it is given. `write_data_dictionary`, `write_codings` and `write_entity_dictionary` write the files back in the
form of `dx extract_dataset -ddd`. `is_split`, `CODINGS_TABLE`, `HIERARCHY_SUFFIX` and `LONGEST_SPLIT` say what the layout of a
database takes, `PART_MARK` what parts a multi-select cell,
`PRECISION_CODING` and `PRECISION_SUFFIX` what tells how much of a date is known; `name_problem`, `nearest_name` and `remedy_naming` serve other rooms that read names, `format_of` those that read
files. `common.graph` adds the one rule about all entities together (46).
"""

from __future__ import annotations

from common.dictionary.codings import PART_MARK
from common.dictionary.model import TYPES, Code, Coding, DataDictionary, Entity, Field, Reference
from common.dictionary.names import CODINGS_TABLE, HIERARCHY_SUFFIX, LONGEST_SPLIT, is_split, name_problem
from common.dictionary.nearest import nearest_name, remedy_naming
from common.dictionary.parse import parse_dictionary
from common.dictionary.precision import PRECISION_CODING, PRECISION_SUFFIX
from common.dictionary.source import TextFile, format_of
from common.dictionary.write import write_codings, write_data_dictionary, write_entity_dictionary

__all__ = [
    "CODINGS_TABLE", "HIERARCHY_SUFFIX", "LONGEST_SPLIT", "PART_MARK", "PRECISION_CODING", "PRECISION_SUFFIX", "TYPES", "Code", "Coding", "DataDictionary", "Entity", "Field", "Reference",
    "TextFile", "format_of", "is_split", "name_problem", "nearest_name", "parse_dictionary", "remedy_naming",
    "write_codings", "write_data_dictionary", "write_entity_dictionary",
]  # fmt: skip
