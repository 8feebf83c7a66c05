"""What a data dictionary, its codings and its entity dictionary say, as frozen values.

Format: CSVs in the columns that `dx extract_dataset -ddd` writes. Order of entities, fields and codes is the files' own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

TYPES = ("string", "integer", "float", "date", "datetime")
"""The field types of a data dictionary."""


@dataclass(frozen=True, slots=True)
class Code:
    """One code of a coding. `display_order` is 1-based; `parent_code` is blank for a root and in a flat coding."""

    code: str
    meaning: str
    concept: str = ""
    display_order: int | None = None
    parent_code: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Coding:
    """Codes in display order: flat by position, a tree depth first with every parent before its children."""

    name: str
    codes: tuple[Code, ...]

    @cached_property
    def by_code(self) -> dict[str, Code]:
        """Code text to `Code`."""
        return {code.code: code for code in self.codes}

    @cached_property
    def is_hierarchical(self) -> bool:
        """Whether any code has a parent."""
        return any(code.parent_code for code in self.codes)

    def lineage(self, code: str) -> list[str]:
        """The code and its ancestors, nearest first."""
        found = [code]
        while parent := self.by_code[found[-1]].parent_code:
            found.append(parent)
        return found


@dataclass(frozen=True, slots=True)
class Reference:
    """A field that refers to another entity's key. `relationship` is `many_to_one` or `one_to_one`."""

    entity: str
    field: str
    relationship: str


@dataclass(frozen=True, slots=True)
class Field:
    """One row of the data dictionary. Texts are blank where the dictionary says nothing; a blank title is the field's name.

    `primary_key_type` is `global`, `local` or blank. `attributes` holds columns that the format does not know.
    `precision_of` names the date of which this field is to hold the precision; it is made, not read.
    """

    entity: str
    name: str
    type: str
    primary_key_type: str = ""
    coding_name: str = ""
    concept: str = ""
    description: str = ""
    folder_path: tuple[str, ...] = ()
    is_multi_select: bool = False
    is_sparse_coding: bool = False
    linkout: str = ""
    longitudinal_axis_type: str = ""
    reference: Reference | None = None
    title: str = ""
    units: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    line: int = field(default=0, compare=False)
    precision_of: str = field(default="", compare=False)


@dataclass(frozen=True)
class Entity:
    """An entity with its fields in dictionary order. A blank title means the entity's name."""

    name: str
    fields: tuple[Field, ...]
    title: str = ""
    description: str = ""
    label_plural: str = ""
    label_singular: str = ""

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Field name to `Field`."""
        return {each.name: each for each in self.fields}

    @property
    def primary_key(self) -> Field | None:
        """The key field, global or local, if the entity has one."""
        return next((each for each in self.fields if each.primary_key_type), None)


@dataclass(frozen=True)
class DataDictionary:
    """Entities and the codings that they use, both in file order. ICD codings that were supplied by name are among them."""

    entities: Mapping[str, Entity]
    codings: Mapping[str, Coding]

    @property
    def main_entity(self) -> Entity:
        """The entity that holds the global key."""
        return next(e for e in self.entities.values() if e.primary_key and e.primary_key.primary_key_type == "global")

    def coding_of(self, of: Field) -> Coding | None:
        """The coding that a field names, if any."""
        return self.codings[of.coding_name] if of.coding_name else None

    def is_hierarchical(self, of: Field) -> bool:
        """Whether a field's coding is a tree, so that a companion `<field>_hierarchy` is written."""
        coding = self.coding_of(of)
        return coding is not None and coding.is_hierarchical and not of.is_sparse_coding
