"""What the Dataset says of an expression assay: the main entity `sample`, and the assay's own entities.

Model 1.1 of molecular expression, as `dx extract_assay expression` reads it (dxpy/bindings/apollo/schemas).
"""

from __future__ import annotations

import uuid
from dataclasses import replace

from apps.molecular_expression_assay_loader.plan import Plan
from common.dataset.layout import build_dataset
from common.dataset.model import Assay, Dataset
from common.dictionary import DataDictionary, Entity, Field, Reference

MODEL, MODEL_VERSION = "molecular_expression", "1.1"
SCHEMA = "ds-molecular_expression_quantification"

_PLACE = (
    ("gene_name", "string", "Gene name"), ("CHROM", "string", "Chromosome"), ("start", "integer", "Start"),
    ("end", "integer", "End"), ("strand", "string", "Strand"),
)  # fmt: skip


def build_assay_dataset(plan: Plan) -> Dataset:
    """The Dataset: samples as its main entity, and the assay."""
    samples = DataDictionary({"sample": _sample_entity()}, {})
    dataset = build_dataset(plan.name, f"Dataset: {plan.name}", SCHEMA, samples, plan.database, max_columns=400)
    return replace(dataset, assays=(_build_assay(plan),))


def _build_assay(plan: Plan) -> Assay:
    value = Field("expression", "value", "integer" if plan.rules.is_count else "float", title="Expression value",
                  units=plan.value_type)  # fmt: skip
    entities = {each.name: each for each in _entities(value)}
    stored = build_dataset("", "", "", DataDictionary(entities, {}), plan.database, max_columns=400)
    own = {name: each for name, each in entities.items() if name != "sample"}
    keys = {
        "name": plan.assay_name, "uuid": str(uuid.uuid4()), "title": plan.assay_name, "generalized_assay_model": MODEL,
        "generalized_assay_model_version": MODEL_VERSION, "reference": {"name": plan.reference_genome},
    }  # fmt: skip
    return Assay(keys, DataDictionary(own, {}), stored.mappings, stored.joins)


def _entities(value: Field) -> tuple[Entity, ...]:
    """The assay's entities with their references, and `sample`, which they refer to."""
    expression = Entity(
        "expression",
        (
            Field("expression", "feature_id", "string", title="Feature ID",
                  reference=Reference("expr_annotation", "feature_id", "many_to_one")),
            Field("expression", "sample_id", "string", title="Sample ID",
                  reference=Reference("sample", "sample_id", "many_to_one")),
            value,
        ),
        title="Expression",
    )  # fmt: skip
    annotation = Entity(
        "expr_annotation",
        (
            Field("expr_annotation", "feature_id", "string", primary_key_type="local", title="Feature ID"),
            *(Field("expr_annotation", name, kind, title=title) for name, kind, title in _PLACE),
            Field("expr_annotation", "feature_version", "string", title="Feature version"),
        ),
        title="Expression annotation",
    )
    optimized = "expression_read_optimized"
    read_optimized = Entity(
        optimized,
        (
            Field(optimized, "feature_id", "string", title="Feature ID"),
            Field(optimized, "sample_id", "string", title="Sample ID"),
            Field(optimized, "value", value.type, title=value.title, units=value.units),
            *(Field(optimized, name, kind, title=title) for name, kind, title in _PLACE),
        ),
        title="Expression by place",
    )
    return expression, annotation, read_optimized, _sample_entity()


def _sample_entity() -> Entity:
    key = Field("sample", "sample_id", "string", primary_key_type="global", title="Sample ID")
    return Entity("sample", (key,), title="Samples", label_singular="Sample", label_plural="Samples")
