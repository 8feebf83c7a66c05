"""The plan: both Datasets, the fields that link them and the names of the whole, checked before Spark is started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from common.dataset.merge import Renaming, find_link_field, plan_names, validate_link
from common.dataset.model import Dataset
from common.dictionary import Field
from common.errors import AppError, Rule
from common.faults import Faults
from common.job import Run
from common.platform.names import parse_record_name
from common.platform.records import read_dataset
from common.tables.links import StoredField


@dataclass(frozen=True)
class Plan:
    """What will be merged. `referring` is a field of the source, `referred` one of the target. `relationship` is blank if the
    data decide it."""

    name: str
    source: Dataset
    target: Dataset
    referring: StoredField
    referred: StoredField
    relationship: str
    names: Renaming


def make_plan(run: Run) -> Plan:
    """Reads both descriptors. Raises one `FaultError` with all faults."""
    inputs, faults = run.inputs, Faults()
    with run.progress.stage("plan") as stage:
        name = parse_record_name(inputs.output_dataset_name or f"{inputs.target_dataset.name}_merged")
        prefix = _prefix(inputs.on_name_clash, inputs.prefix)
        source, target = (read_dataset(run.platform, each) for each in (inputs.source_dataset, inputs.target_dataset))
        referring = find_link_field(source, "source", inputs.source_entity_name, inputs.source_field_name, faults)
        referred = find_link_field(target, "target", inputs.target_entity_name, inputs.target_field_name, faults)
        if referring and referred:
            validate_link(referring, referred, faults)
        names = plan_names(source, target, prefix, faults)
        faults.raise_if_any("The plan")
        entities = len(source.dictionary.entities), len(target.dictionary.entities)
        stage.note(f"{entities[0]:,} entities of {source.name} to {entities[1]:,} of {target.name}")
    for assay in source.assays:
        run.progress.warn(f"assay {assay.name} of {source.name} is left out; the Assay Dataset Merger adds assays")
    linked = (_stored(source, cast(Field, referring)), _stored(target, cast(Field, referred)))
    return Plan(name, source, target, *linked, inputs.relationship or "", names)


def _stored(dataset: Dataset, field: Field) -> StoredField:
    return StoredField(field, dataset.mappings[field.entity, field.name])


def _prefix(on_name_clash: str, prefix: str | None) -> str | None:
    """The prefix for names that both sides have; None if these are refused."""
    if on_name_clash == "prefix" and not prefix:
        raise AppError(Rule.JOB_INPUT, "prefix is missing: on_name_clash is prefix", "Give a prefix such as lab_.")
    return prefix if on_name_clash == "prefix" else None
