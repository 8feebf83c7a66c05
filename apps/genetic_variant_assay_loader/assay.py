"""The Dataset that the loader makes: main entity `sample`, and one `genetic_variant` assay over the other tables."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pyarrow as pa

from apps.genetic_variant_assay_loader import schema
from apps.genetic_variant_assay_loader.load import ALLELES, ANNOTATIONS, GENOTYPES
from apps.genetic_variant_assay_loader.plan import Plan
from common.dataset.layout import build_dataset
from common.dataset.model import Assay, ColumnMapping, Dataset, Join, map_column
from common.dictionary import DataDictionary, Entity, Field

SAMPLE = "sample"
DATASET_SCHEMA = "ds-genetic_variant"
_MODEL, _MODEL_VERSION = "genetic_variant", "1.0.1"
_MAX_COLUMNS = 400
_TABLES = {
    "genotype": (GENOTYPES, schema.GENOTYPE), "allele": (ALLELES, schema.ALLELE),
    "annotation": (ANNOTATIONS, schema.ANNOTATION), SAMPLE: (SAMPLE, schema.SAMPLE),
}  # fmt: skip
_KEYS = {"allele": "a_id", SAMPLE: "sample_id"}
_TYPES: dict[pa.DataType, tuple[str, str]] = {
    pa.string(): ("string", "string"), pa.int64(): ("integer", "bigint"), pa.int32(): ("integer", "int"),
    pa.float64(): ("float", "double"), pa.bool_(): ("boolean", "boolean"),
}  # fmt: skip
"""A column's type as a field's, and in Spark SQL."""


def build_variant_dataset(plan: Plan) -> Dataset:
    """The Dataset with its assay; the assay's uuid is new."""
    key = Field(SAMPLE, "sample_id", "string", primary_key_type="global", title="Sample ID")
    sample = Entity(SAMPLE, (key,), title="Sample", label_singular="Sample", label_plural="Samples")
    description = f"Dataset: {plan.name}"
    dictionary = DataDictionary({SAMPLE: sample}, {})
    dataset = build_dataset(plan.name, description, DATASET_SCHEMA, dictionary, plan.database, _MAX_COLUMNS)
    return replace(dataset, assays=(_build_assay(plan),))


def _build_assay(plan: Plan) -> Assay:
    """The keys are those of dxpy's `dx_extract_utils`, which reads the reference's name after its first dot."""
    ref, halfref, nocall = plan.stored
    entities, mappings = dict[str, Entity](), dict[tuple[str, str], ColumnMapping]()
    for name, (table, columns) in _TABLES.items():
        entities[name] = Entity(name, tuple(_field(name, column) for column in columns), title=name.capitalize())
        mappings |= {(name, column.name): _mapping(plan, table, column) for column in columns}
    joins = tuple(
        Join(mappings[parent, field].path, mappings[child, field].path, "many_to_one")
        for parent, child, field in (
            (SAMPLE, "genotype", "sample_id"), ("allele", "genotype", "a_id"), ("allele", "annotation", "a_id"),
        )
    )  # fmt: skip
    keys = {
        "name": plan.assay,
        "title": plan.assay,
        "uuid": str(uuid.uuid4()),
        "generalized_assay_model": _MODEL,
        "generalized_assay_model_version": _MODEL_VERSION,
        "reference_genome": {"name": f"Homo_sapiens.{plan.reference}"},
        "exclude_refdata": not ref,
        "exclude_halfref": not halfref,
        "exclude_nocall": not nocall,
    }
    return Assay(keys, DataDictionary(entities, {}), mappings, joins)


def _field(entity: str, column: pa.Field) -> Field:
    key_type = "local" if _KEYS.get(entity) == column.name else ""
    return Field(
        entity, column.name, _TYPES[_value_type(column)][0], key_type, is_multi_select=pa.types.is_list(column.type)
    )


def _mapping(plan: Plan, table: str, column: pa.Field) -> ColumnMapping:
    sql_type = _TYPES[_value_type(column)][1]
    stored_as = f"array<{sql_type}>" if pa.types.is_list(column.type) else sql_type
    return map_column(plan.database, table, column.name, stored_as)


def _value_type(column: pa.Field) -> pa.DataType:
    return column.type.value_type if pa.types.is_list(column.type) else column.type
