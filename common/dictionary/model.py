"""A data dictionary with its codings and entity dictionary, as frozen values.

Format: the CSVs that `dx extract_dataset -ddd` writes. Entities, fields and codes are in the order of the files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from common.errors import AppError, Rule


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
    """A coding, its codes in display order. In a tree every parent comes before its children."""

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
    """A field: one row of the data dictionary. Empty cells are blank texts; a blank title means the field's name.

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
    """The entities, and the codings that they use, in file order. ICD codings that the suite supplies are among them."""

    entities: Mapping[str, Entity]
    codings: Mapping[str, Coding]

    @property
    def fields(self) -> Iterator[Field]:
        """All fields, entity by entity."""
        return (each for entity in self.entities.values() for each in entity.fields)

    @cached_property
    def global_key(self) -> Field | None:
        """The key of the main entity: the field that is marked as global. None if no field is."""
        return next((each for each in self.fields if each.primary_key_type == "global"), None)

    @property
    def main_entity(self) -> Entity:
        """The entity of the global key. Raises `AppError` 40 if there is none."""
        if self.global_key is None:
            raise AppError(Rule.GLOBAL_KEY, "no field has primary_key_type global")
        return self.entities[self.global_key.entity]

    def coding_of(self, of: Field) -> Coding | None:
        """The coding that a field names; None if it names none, or one that is not defined."""
        return self.codings.get(of.coding_name)

    def is_hierarchical(self, of: Field) -> bool:
        """Whether a field is coded by a tree: its table then has the companion column `<field>_hierarchy`."""
        coding = self.coding_of(of)
        return coding is not None and coding.is_hierarchical and not of.is_sparse_coding
