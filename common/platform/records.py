"""A Dataset's record and its descriptor file, as every platform keeps them."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from typing import Any

from common.errors import AppError
from common.platform import Link, Record, RecordDraft
from common.platform.names import link

DESCRIPTOR_NAME = "descriptor.json.gz"


def parse_record(described: Mapping[str, Any]) -> Record:
    """The Dataset record that `describe` answered. Raises `AppError` 83 for any other record."""
    details = described["details"]
    if "Dataset" not in described["types"] or str(details.get("version")) != "3.0" or "descriptor" not in details:
        raise AppError(83, f"record {described['name']} ({described['id']}) is no Dataset of version 3.0")
    return Record(described["id"], described["name"], details)


def build_details(draft: RecordDraft, descriptor_id: str) -> dict[str, Any]:
    """The details of a Dataset record v3.0."""
    databases: list[dict[str, Link]] = [{each.name: link(each.id)} for each in draft.databases]
    return {
        "name": draft.name, "description": draft.description or f"Dataset: {draft.name}", "schema": draft.schema, "version": "3.0",
        "databases": databases, "descriptor": link(descriptor_id),
    }  # fmt: skip


def parse_descriptor(content: bytes, record: Record) -> dict[str, Any]:
    """The descriptor that a descriptor file holds. Raises `AppError` 83."""
    try:
        descriptor = json.loads(gzip.decompress(content))
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise AppError(83, f"the descriptor of record {record.name} cannot be read: {error}") from None
    if not isinstance(descriptor, dict):
        raise AppError(83, f"the descriptor of record {record.name} is no JSON object")
    return descriptor


def pack_descriptor(descriptor: Mapping[str, Any]) -> bytes:
    """The content of a descriptor file: the same bytes for the same descriptor, at any time."""
    text = json.dumps(descriptor, ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode(), mtime=0)
