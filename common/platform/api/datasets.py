"""What the platform's client asks of a Dataset besides its record: `visualize`, and its codings."""

from __future__ import annotations

from typing import Any

from common.errors import AppError
from common.platform.api.call import Answer, ApiError, Call, as_api_error
from common.platform.names import parse_reference

_CODES_LIMIT = 50_000


def visualize(call: Call) -> Answer:
    """`/record-x/visualize` of a Dataset or a cohort. Refuses any other record."""
    shown = call.object()
    details = shown["details"]
    is_cohort = "DatabaseQuery" in shown["types"]
    dataset = call.find(_linked_id(details.get("dataset"))) if is_cohort else shown
    if "Dataset" not in dataset["types"]:
        raise ApiError("InvalidInput", f"{shown['id']} is neither a Dataset nor a cohort")
    answer: Answer = {
        "id": shown["id"], "url": call.address, "recordName": shown["name"], "recordTypes": shown["types"],
        "recordProject": shown["project"], "dataset": dataset["id"], "datasetName": dataset["name"],
        "datasetVersion": str(dataset["details"].get("version", "")), "datasetRecordProject": dataset["project"],
        "schema": dataset["details"].get("schema"),
        "databases": [
            _linked_id(link) for each in dataset["details"].get("databases", []) if isinstance(each, dict)
            for link in each.values()
        ],
    }  # fmt: skip
    cohort = {key: details[key] for key in ("filters", "sql", "baseSql", "combined") if key in details}
    return answer | cohort if is_cohort else answer


def list_codings(call: Call) -> Answer:
    """`/viz-meta/3.0/<dataset>/codings`: the codings of the descriptor, whole, in pages of about `limit` codes."""
    try:
        descriptor = call.project.read_descriptor(call.project.find_record(call.target))
    except AppError as error:
        raise as_api_error(error) from None
    codings = list((descriptor["model"].get("codings") or {}).items())
    after = call.get("starting", dict, {}).get("name")
    names = [name for name, _ in codings]
    first = names.index(after) + 1 if after in names else 0
    page: dict[str, Any] = {}
    codes, limit = 0, call.get("limit", int, _CODES_LIMIT)
    for name, coding in codings[first:]:
        if page and codes + len(coding["codes_to_meanings"]) > limit:
            last = next(reversed(page))
            return {"results": page, "next": {"name": last, "after_code": None}}
        page[name] = coding
        codes += len(coding["codes_to_meanings"])
    return {"results": page, "next": None}


def refuse_query(_call: Call) -> Answer:
    """The routes that query data, which this server does not answer."""
    raise ApiError("InvalidInput", "this server answers no queries of data; use python -m apps sql on the project")


def _linked_id(link: Any) -> str:
    reference = parse_reference(link) if link else None
    return reference.id if reference else ""
