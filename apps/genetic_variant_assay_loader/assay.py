"""The Dataset that the loader makes: main entity `sample`, and one `genetic_variant` assay over the other tables."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from apps.genetic_variant_assay_loader.entities import column_path, write_assay_entity, write_joins
from apps.genetic_variant_assay_loader.load import ALLELES, ANNOTATIONS, GENOTYPES
from apps.genetic_variant_assay_loader.plan import Plan
from common.dataset.layout import build_dataset
from common.dataset.model import Dataset, Join
from common.dictionary import DataDictionary, Entity, Field
from common.vcf import schema

SAMPLE = "sample"
DATASET_SCHEMA = "ds-genetic_variant"
_MODEL, _MODEL_VERSION = "genetic_variant", "1.0.1"
_MAX_COLUMNS = 400


def build_variant_dataset(plan: Plan) -> Dataset:
    """The Dataset with its assay; the assay's uuid is new."""
    key = Field(SAMPLE, "sample_id", "string", primary_key_type="global", title="Sample ID")
    sample = Entity(SAMPLE, (key,), title="Sample", label_singular="Sample", label_plural="Samples")
    description = f"Dataset: {plan.name}"
    dictionary = DataDictionary({SAMPLE: sample}, {})
    dataset = build_dataset(plan.name, description, DATASET_SCHEMA, dictionary, plan.database, _MAX_COLUMNS)
    return replace(dataset, assays=(_write_assay(plan),))


def _write_assay(plan: Plan) -> dict[str, Any]:
    """Keys: dxpy's `dx_extract_utils`. It reads the reference's name from its first dot on, and the flags since model
    1.0.1."""
    ref, halfref, nocall = plan.stored
    database = plan.database
    entities = {
        "genotype": write_assay_entity("genotype", "Genotype", GENOTYPES, schema.GENOTYPE, None, database),
        "allele": write_assay_entity("allele", "Allele", ALLELES, schema.ALLELE, "a_id", database),
        "annotation": write_assay_entity("annotation", "Annotation", ANNOTATIONS, schema.ANNOTATION, None, database),
        SAMPLE: write_assay_entity(SAMPLE, "Sample", SAMPLE, schema.SAMPLE, "sample_id", database),
    }
    joins = [
        Join(column_path(database, SAMPLE, "sample_id"), column_path(database, GENOTYPES, "sample_id"), "many_to_one"),
        Join(column_path(database, ALLELES, "a_id"), column_path(database, GENOTYPES, "a_id"), "many_to_one"),
        Join(column_path(database, ALLELES, "a_id"), column_path(database, ANNOTATIONS, "a_id"), "many_to_one"),
    ]
    return {
        "name": plan.assay,
        "title": plan.assay,
        "uuid": str(uuid.uuid4()),
        "generalized_assay_model": _MODEL,
        "generalized_assay_model_version": _MODEL_VERSION,
        "reference_genome": {"name": f"Homo_sapiens.{plan.reference}"},
        "exclude_refdata": not ref,
        "exclude_halfref": not halfref,
        "exclude_nocall": not nocall,
        "entities": entities,
        "join_info": write_joins(joins),
    }
