"""Objects of every class: described, and made as records and applets."""

from __future__ import annotations

from typing import Any

from common.platform.api.call import Answer, ApiError, Call
from common.platform.local.store import Object, build_object, now, object_faults
from common.platform.names import is_id, new_id, parse_file_name, parse_reference

_ON_REQUEST = ("details", "properties")
"""What `describe` answers only if it is asked for."""

USER = "user-local"
"""The one user, who has the token."""


def describe(call: Call) -> Answer:
    """`/class-x/describe`."""
    return select(call.object(), call.input)


def select(found: Object, wanted: Any) -> Answer:
    """The parts of an object that a `describe` input asks for; `True` asks for the default ones."""
    wanted = wanted if isinstance(wanted, dict) else {}
    whole: Answer = {"links": sorted(_linked(found["details"])), "sponsored": False, **found}
    whole["createdBy"] = {"user": USER, **found.get("createdBy", {})}
    fields = wanted.get("fields")
    names = {name for name, is_wanted in (fields or {}).items() if is_wanted}
    names |= {name for name in _ON_REQUEST if wanted.get(name)}
    if fields is None or wanted.get("defaultFields"):
        names |= whole.keys() - set(_ON_REQUEST)
    return {name: value for name, value in whole.items() if name in names or name == "id"}


def describe_all(call: Call) -> Answer:
    """`/system/describeDataObjects`: each object, or why there is none."""
    wanted = call.get("classDescribeOptions", dict, {}).get("*", True)
    results: list[Answer] = []
    for given in call.need("objects", list):
        object_id = given.get("id") if isinstance(given, dict) else given
        found = call.store.read(object_id) if isinstance(object_id, str) and is_id(object_id) else None
        refusal = ApiError("ResourceNotFound", f'"{object_id}" could not be found')
        results.append({"describe": select(found, wanted)} if found else refusal.answer)
    return {"results": results}


def new_object(call: Call, kind: str, state: str, **rest: Any) -> Object:
    """A new object of this class, as the input of `/class/new` says. Refuses another project, and an unfit
    name or folder."""
    call.check_project(call.need("project", str))
    object_id = new_id(kind)
    name = call.get("name", str, object_id)
    if parse_file_name(name) != name:
        raise ApiError("InvalidInput", f"{name!r} cannot be the name of an object here: no slash, no control character")
    folder = call.get("folder", str, "/")
    if not folder.startswith("/") or ".." in folder.split("/"):
        raise ApiError("InvalidInput", f"{folder!r} is not a folder")
    given = {
        "state": state, "folder": folder.rstrip("/") or "/", "types": call.get("types", list, []),
        "tags": call.get("tags", list, []), "hidden": call.get("hidden", bool, False),
        "properties": call.get("properties", dict, {}), "details": call.input.get("details") or {},
    }  # fmt: skip
    made = {**build_object(object_id, name, call.store.id, "", **rest), **given, "createdBy": {}}
    if faults := object_faults(made, object_id):
        raise ApiError("InvalidInput", "; ".join(faults))
    return made


def new_record(call: Call) -> Answer:
    """`/record/new`. What its details link to must be there: a reader could not follow it otherwise."""
    record = new_object(call, "record", "closed" if call.get("close", bool, False) else "open")
    for object_id in sorted(_linked(record["details"])):
        call.find(object_id)
    call.store.write_at_once(record)
    return {"id": record["id"]}


def close_record(call: Call) -> Answer:
    """`/record-x/close`."""
    record = call.object()
    if record["state"] == "open":
        call.store.write_at_once({**record, "state": "closed", "modified": now()})
    return {"id": record["id"]}


def _linked(value: Any) -> set[str]:
    """Ids that a JSON value links to, however deep."""
    if isinstance(value, list):
        return set().union(*map(_linked, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    if list(value) == ["$dnanexus_link"]:
        reference = parse_reference(value)
        return {reference.id} if reference else set()
    return set().union(*map(_linked, value.values())) if value else set()


def new_applet(call: Call) -> Answer:
    """`/applet/new`: an applet as `dx build` makes it; it can be described, not run."""
    run = call.need("runSpec", dict)
    if not isinstance(run.get("code"), str) or run.get("interpreter") not in ("python3", "bash"):
        raise ApiError("InvalidInput", "expected runSpec to have code, and python3 or bash as its interpreter")
    for point, wants in run.get("systemRequirements", {}).items():
        cluster = wants.get("clusterSpec")
        if cluster is not None and not {"type", "version", "initialInstanceCount"} <= cluster.keys():
            raise ApiError("InvalidInput", f"the clusterSpec of {point} lacks type, version or initialInstanceCount")
    for each in run.get("bundledDepends", []):
        reference = parse_reference(each["id"])
        call.find(reference.id if reference else "")
    kept = ("title", "summary", "description", "dxapi", "inputSpec", "outputSpec", "runSpec", "access")
    applet = new_object(call, "applet", "closed", **{key: call.input[key] for key in kept if key in call.input})
    call.store.write_at_once(applet)
    return {"id": applet["id"]}
