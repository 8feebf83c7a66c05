"""Descriptors that were changed in one to three places, read by every reader of them: refused with a reason, or worked on."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from apps.assay_dataset_merger.assay import add_samples, follow_reference, link_assay
from apps.commands.describe import describe_dataset
from common.dataset.descriptor import parse_descriptor, write_descriptor
from common.dataset.merge import find_link_field, merge_datasets, plan_names, validate_link
from common.dataset.model import Dataset
from common.dictionary import write_codings, write_data_dictionary, write_entity_dictionary
from common.errors import AppError
from common.faults import Faults
from common.platform import Platform, Record, records
from tests.fuzz.json_mutations import damage, mutate
from tests.unit.dataset.example_dataset import build_example

SUITE_COUNT = 800

_RECORD = Record("record-" + "r" * 24, "study", {"schema": "ds", "description": ""})


class _NoRows:
    """A platform whose tables have no rows."""

    def find_database(self, database_id: str) -> str:
        return database_id

    def table_files(self, _database: str, _table: str) -> list[str]:
        return []


def run(seed: int, count: int) -> list[str]:
    """Tries `count` descriptors; a finding names the seed, the number and what was raised."""
    whole, target = _with_assay(), build_example()
    found = []
    for number in range(count):
        rng = random.Random(f"{seed}/{number}")
        content = _changed(rng, whole)
        try:
            read_in_every_way(content, target)
        except AppError:
            pass
        except Exception as error:  # noqa: BLE001 - whatever else is raised is what is sought
            found.append(f"seed {seed}, number {number}: {type(error).__name__}: {error}")
    return found


def _changed(rng: random.Random, whole: Any) -> bytes:
    value = whole
    for _ in range(rng.randint(1, 3)):
        value = mutate(rng, value)
    text = json.dumps(value)
    return damage(rng, text) if rng.random() < 0.1 else text.encode()


def _with_assay() -> dict[str, Any]:
    """The example, and its hospital as an assay whose samples are the patients."""
    whole = json.loads(json.dumps(write_descriptor(build_example())))
    entities = whole["model"]["entities"]
    assay = {
        "name": "assay", "uuid": "u", "generalized_assay_model": "genetic_variant", "title": "assay", "reference_genome": {"name": "x.y"},
        "entities": {"sample": entities["patient"], "hospital": entities["hospital"]}, "join_info": whole["join_info"],
    }  # fmt: skip
    return {**whole, "assays": [json.loads(json.dumps(assay))]}


def read_in_every_way(content: bytes, target: Dataset) -> None:
    """What the loaders and commands do with the descriptor of a Dataset, but for its tables."""
    descriptor = records.unpack_descriptor(gzip.compress(content, 1), _RECORD)
    dataset = parse_descriptor(descriptor)
    list(describe_dataset(_RECORD, dataset, cast(Platform, _NoRows()), Path("project")))
    for written in (write_data_dictionary, write_codings, write_entity_dictionary):
        written(dataset.dictionary)
    again = parse_descriptor(json.loads(records.dump_json(write_descriptor(dataset))))
    assert again.dictionary.entities.keys() == dataset.dictionary.entities.keys()
    list(dataset.databases)
    for step in (_merge, _merge_assays):
        for _ in step(dataset, target):
            pass


def _merge(dataset: Dataset, target: Dataset) -> Iterator[None]:
    faults = Faults()
    for source, other in ((dataset, target), (target, dataset)):
        referring = find_link_field(source, "source", None, None, faults)
        referred = find_link_field(other, "target", None, None, faults)
        if referring and referred:
            validate_link(referring, referred, faults)
            names = plan_names(source, other, "new_", faults)
            records.dump_json(
                write_descriptor(merge_datasets("m", source, other, (referring, referred), "one_to_one", names))
            )
            yield
    faults.render()


def _merge_assays(dataset: Dataset, _target: Dataset) -> Iterator[None]:
    for assay in dataset.assays:
        with_samples, entity = add_samples(assay, dataset)
        faults = Faults()
        sample = find_link_field(with_samples, "assay_sample_id", entity, None, faults)
        if sample:
            followed = follow_reference(with_samples, sample)
            linked = link_assay(assay, dataset, followed, None, (), "another")
            records.dump_json(write_descriptor(replace(dataset, assays=(linked,))))
        yield
