"""The new Dataset: the target's, untouched, with the fields or the entity that were loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from apps.dataset_extender.load import Load
from apps.dataset_extender.plan import Plan
from common.dataset.layout import sql_type
from common.dataset.model import ColumnMapping, Dataset, Join, map_column
from common.dictionary import Code, Coding, DataDictionary, Entity, Field, Reference


def build_codings(plan: Plan, load: Load) -> dict[str, Coding]:
    """A coding for each categorical field, by field: `<entity>_<field>`, codes sorted, each its own meaning."""
    codings: dict[str, Coding] = {}
    for name, evidence in load.evidence.items():
        if evidence.is_categorical:
            codes = enumerate(sorted(evidence.categories or ()), start=1)
            codes_in_order = tuple(Code(code, code, display_order=order) for order, code in codes)
            coding = _unused_name(f"{plan.entity}_{name}", plan.target.dictionary.codings)
            codings[name] = Coding(coding, codes_in_order)
    return codings


def _unused_name(name: str, taken: Mapping[str, Coding]) -> str:
    number, free = 2, name
    while free in taken:
        number, free = number + 1, f"{name}_{number}"
    return free


def build_extended(plan: Plan, load: Load, codings: dict[str, Coding], relationship: str) -> Dataset:
    """The Dataset with what was loaded, whose rows refer to those of the target entity."""
    target, dictionary = plan.target, plan.target.dictionary
    fields = tuple(_build_field(plan, load, name, codings) for name in load.evidence)
    if plan.extends:
        entity = replace(plan.target_entity, fields=plan.target_entity.fields + fields)
        mapped = fields
    else:
        entity = Entity(plan.entity, (_build_key(plan, relationship), *fields))
        mapped = entity.fields
    mappings = {(plan.entity, each.name): _map(plan, each.name, sql_type(each)) for each in mapped}
    join = Join(plan.key_mapping.path, _map(plan, plan.key_column, "").path, relationship)
    return Dataset(
        plan.name, f"Dataset: {plan.name}", target.schema,
        DataDictionary(
            {**dictionary.entities, plan.entity: entity},
            {**dictionary.codings, **{coding.name: coding for coding in codings.values()}}
        ),
        {**target.mappings, **mappings}, (*target.joins, join), target.assays,
    )  # fmt: skip


def _build_key(plan: Plan, relationship: str) -> Field:
    """The field by which a new entity refers to the target; its key too, if each target row has one row at most."""
    return Field(
        plan.entity, plan.key_column, plan.target_key.type, "local" if relationship == "one_to_one" else "",
        reference=Reference(plan.target_entity.name, plan.target_key.name, relationship),
    )  # fmt: skip


def _build_field(plan: Plan, load: Load, name: str, codings: dict[str, Coding]) -> Field:
    coding = codings[name].name if name in codings else ""
    return Field(plan.entity, name, load.evidence[name].type, coding_name=coding, folder_path=plan.folder_path)


def _map(plan: Plan, column: str, column_type: str) -> ColumnMapping:
    return map_column(plan.database, plan.table, column, column_type)
