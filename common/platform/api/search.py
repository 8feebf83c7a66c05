"""Objects found by what they are: `findDataObjects`, names resolved, folders listed."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from common.platform.api.call import Answer, ApiError, Call
from common.platform.api.objects import select
from common.platform.local.store import Object

DATA_CLASSES = ("applet", "database", "file", "record")
"""What is a data object: jobs and projects are not."""

_LIMIT = 1000
_PAGING = {"describe", "starting", "limit", "sortBy"}


def find_objects(call: Call) -> Answer:
    """`/system/findDataObjects`: newest first unless `sortBy` says otherwise, in pages of `limit`."""
    validate_search(call)
    found = [each for each in data_objects(call) if matches(each, call)]
    _sort(found, call.get("sortBy", dict, {}))
    starting = call.get("starting", dict, {}).get("id")
    if starting is not None:
        ids = [each["id"] for each in found]
        found = found[ids.index(starting) :] if starting in ids else []
    limit = call.get("limit", int, _LIMIT)
    if limit < 1:
        raise ApiError("InvalidInput", "expected limit to be at least 1")
    following = {"project": call.store.id, "id": found[limit]["id"]} if len(found) > limit else None
    return {"results": [result(each, call.input.get("describe")) for each in found[:limit]], "next": following}


def data_objects(call: Call) -> list[Object]:
    """All data objects of the project, oldest first."""
    return [each for each in call.store.read_all() if each["class"] in DATA_CLASSES]


def result(found: Object, wanted: Any) -> Answer:
    """One result of a search, described if `wanted` is anything but false."""
    answer: Answer = {"project": found["project"], "id": found["id"]}
    return {**answer, "describe": select(found, wanted)} if wanted or wanted == {} else answer


def validate_search(call: Call) -> None:
    """Refuses a key that this server does not know (to pass over it would answer with objects that were not asked for), and a
    faulty regular expression."""
    if unknown := call.input.keys() - _FILTERS.keys() - _PAGING:
        raise ApiError("InvalidInput", f"this server cannot search by {', '.join(sorted(unknown))}")
    name = call.input.get("name")
    if isinstance(name, dict) and "regexp" in name:
        try:
            re.compile(name["regexp"])
        except (re.error, TypeError) as error:
            raise ApiError("InvalidInput", f"{name['regexp']!r} is not a regular expression: {error}") from None


def matches(found: Object, call: Call) -> bool:
    """Whether an object is what a search asks for."""
    wanted = {"visibility": "visible", **call.input}
    return all(_FILTERS[key](found, value) for key, value in wanted.items() if key in _FILTERS and value is not None)


def _sort(found: list[Object], order: dict[str, Any]) -> None:
    field = order.get("field", "created")
    if field not in ("created", "modified", "name"):
        raise ApiError("InvalidInput", f"cannot sort by {field!r}")
    found.sort(key=lambda each: (each[field], each["id"]), reverse=order.get("ordering", "descending") == "descending")


def _has_name(found: Object, wanted: Any) -> bool:
    name = found["name"]
    if isinstance(wanted, str):
        return bool(name == wanted)
    if isinstance(wanted, dict) and isinstance(wanted.get("glob"), str):
        return fnmatchcase(name, wanted["glob"])
    if isinstance(wanted, dict) and isinstance(wanted.get("regexp"), str):
        return bool(re.search(wanted["regexp"], name, re.IGNORECASE if "i" in wanted.get("flags", "") else 0))
    raise ApiError("InvalidInput", "expected name to be a text, a glob or a regexp")


def _is_in_scope(found: Object, wanted: dict[str, Any]) -> bool:
    if wanted.get("project") not in {None, found["project"]}:
        return False
    folder = wanted.get("folder", "/").rstrip("/")
    if found["folder"] == (folder or "/"):
        return True
    return bool(wanted.get("recurse", True) and found["folder"].startswith(f"{folder}/"))


def _is_visible(found: Object, wanted: Any) -> bool:
    return bool(wanted == "either" or found["hidden"] == (wanted == "hidden"))


def _has_all(key: str, found: Object, wanted: Any) -> bool:
    """Whether a list of the object's holds a text, all of `$and` or any of `$or`."""
    if isinstance(wanted, dict):
        if "$or" in wanted:
            return any(_has_all(key, found, each) for each in wanted["$or"])
        return all(_has_all(key, found, each) for each in wanted.get("$and", []))
    return wanted in found[key]


def _has_properties(found: Object, wanted: dict[str, Any]) -> bool:
    held = found["properties"]
    return all(name in held and value in (True, held[name]) for name, value in wanted.items())


def _is_between(key: str, found: Object, wanted: dict[str, int]) -> bool:
    return bool(wanted.get("after", 0) <= found[key] <= wanted.get("before", found[key]))


def _is_listed(key: str, found: Object, wanted: Any) -> bool:
    return found[key] in (wanted if isinstance(wanted, list) else [wanted])


_FILTERS: dict[str, Callable[[Object, Any], bool]] = {
    "class": partial(_is_listed, "class"),
    "created": partial(_is_between, "created"),
    "id": partial(_is_listed, "id"),
    "level": lambda _found, _wanted: True,  # whoever has the token may do everything
    "modified": partial(_is_between, "modified"),
    "name": _has_name,
    "properties": _has_properties,
    "scope": _is_in_scope,
    "state": lambda found, wanted: wanted == "any" or found["state"] == wanted,
    "tags": partial(_has_all, "tags"),
    "type": partial(_has_all, "types"),
    "visibility": _is_visible,
}


def resolve_objects(call: Call) -> Answer:
    """`/system/resolveDataObjects`: for each name with its folder, the objects that have it."""
    results = []
    for wanted in call.need("objects", list):
        scope = {key: wanted[key] for key in ("project", "folder") if key in wanted}
        found = [
            each for each in data_objects(call)
            if each["name"] == wanted.get("name") and _is_in_scope(each, {**scope, "recurse": False})
        ]  # fmt: skip
        results.append([result(each, wanted.get("describe", call.input.get("describe"))) for each in found])
    return {"results": results}


def find_nothing(_call: Call) -> Answer:
    """Searches for what a project does not hold: apps and workflows of the whole platform."""
    return {"results": [], "next": None}


def list_folder(call: Call) -> Answer:
    """`/project-x/listFolder`: the objects and folders right below a folder. Refuses a folder that is not there."""
    call.check_project(call.target)
    folder = call.get("folder", str, "/").rstrip("/")
    objects = data_objects(call)
    folders = {part for each in objects for part in _with_parents(each["folder"])}
    if (folder or "/") not in folders | {"/"}:
        raise ApiError("ResourceNotFound", "The specified folder could not be found")
    below = sorted(each for each in folders if each.rpartition("/")[0] == folder and each != "/")
    shown = [
        each for each in objects
        if each["folder"] == (folder or "/") and (call.get("includeHidden", bool, False) or not each["hidden"])
    ]  # fmt: skip
    only, wanted = call.get("only", str, "all"), call.input.get("describe")
    answer: Answer = {}
    if only in ("all", "objects"):
        answer["objects"] = [
            {"id": each["id"], "describe": select(each, wanted)} if wanted or wanted == {} else {"id": each["id"]}
            for each in shown
        ]
    if only in ("all", "folders"):
        answer["folders"] = below
    return answer


def _with_parents(folder: str) -> list[str]:
    parts = folder.strip("/").split("/")
    return ["/" + "/".join(parts[: number + 1]) for number in range(len(parts))]
