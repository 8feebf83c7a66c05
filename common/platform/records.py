"""A Dataset's record and its descriptor file, as every platform keeps them."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from common.dataset.database import Link, link
from common.dataset.descriptor import parse_descriptor
from common.dataset.model import Dataset
from common.errors import AppError, Rule
from common.json_text import JsonError, dump_json, parse_json, schema_faults
from common.platform import Platform, Record, RecordDraft

DESCRIPTOR_NAME = "descriptor.json.gz"
LARGEST_DESCRIPTOR = 512 << 20
"""Bytes, inflated. A field takes some 700, a code some 50."""

_REMEDY = (
    "Give a record that a loader made; if one did, restore its descriptor file from a copy, or load the Dataset again."
)


def parse_record(described: Mapping[str, Any]) -> Record:
    """The Dataset record that `describe` answered. Raises `AppError` 83 for any other record."""
    details = described["details"]
    if "Dataset" not in described["types"] or str(details.get("version")) != "3.0" or "descriptor" not in details:
        raise AppError(
            Rule.NOT_A_DATASET, f"record {described['name']} ({described['id']}) is not a Dataset of version 3.0"
        )
    return Record(described["id"], described["name"], details)


def choose_record(name: str, found: Sequence[dict[str, Any]], remedy: str = "") -> dict[str, Any]:
    """The one record of this name. Raises `AppError` 91 if there are several, or none, with this remedy."""
    if len(found) > 1:
        ids = ", ".join(each["id"] for each in found)
        raise AppError(Rule.NOT_FOUND, f"several records are named {name!r}: {ids}", "Give the id of the one you mean.")
    if not found:
        raise AppError(Rule.NOT_FOUND, f"there is no record {name[:200]!r} in this project", remedy)
    return found[0]


def build_details(draft: RecordDraft, descriptor_id: str) -> dict[str, Any]:
    """The details of a Dataset record v3.0."""
    databases: list[dict[str, Link]] = [{each.name: link(each.id)} for each in draft.databases]
    return {
        "name": draft.name, "description": draft.description or f"Dataset: {draft.name}", "schema": draft.schema, "version": "3.0",
        "databases": databases, "descriptor": link(descriptor_id),
    }  # fmt: skip


def unpack_descriptor(content: bytes, record: Record) -> dict[str, Any]:
    """The descriptor that a descriptor file holds, of the form of `resources/descriptor.schema.json`. Raises `AppError` 83."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            text = file.read(LARGEST_DESCRIPTOR + 1)
        if len(text) > LARGEST_DESCRIPTOR:
            raise JsonError(f"it is larger than {LARGEST_DESCRIPTOR >> 20} MiB")
        descriptor: dict[str, Any] = parse_json(text)
    except (OSError, EOFError, zlib.error, JsonError) as error:
        raise AppError(
            Rule.NOT_A_DATASET, f"the descriptor of record {record.name} cannot be read: {error}", _REMEDY
        ) from None
    if faults := schema_faults(descriptor, "descriptor", "the descriptor"):
        text_of = "\n    ".join([f"the descriptor of record {record.name} is of another form:", *faults])
        raise AppError(Rule.NOT_A_DATASET, text_of, _REMEDY)
    return descriptor


def pack_descriptor(descriptor: Mapping[str, Any]) -> bytes:
    """The content of a descriptor file: the same bytes for the same descriptor, at any time."""
    return gzip.compress(dump_json(descriptor).encode(), mtime=0)


def read_dataset(platform: Platform, record: Record) -> Dataset:
    """The Dataset of a record. Raises `AppError` 300 if the descriptor is not of version 3.0."""
    try:
        return parse_descriptor(platform.read_descriptor(record))
    except AppError as error:
        if error.code != Rule.NOT_A_DATASET:
            raise
        raise AppError(Rule.NOT_MERGEABLE, f"{record.name}: {error.text}") from None
