"""The one project that is served, and the one user who has its token."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from common.platform.api.call import Answer, Call
from common.platform.api.files import UPLOAD_PARAMETERS
from common.platform.api.objects import USER


def describe_project(call: Call) -> Answer:
    """`/project-x/describe`."""
    call.check_project(call.target)
    fields = call.get("fields", dict, {})
    whole = _project(call)
    if not fields or call.input.get("defaultFields"):
        return whole
    return {name: value for name, value in whole.items() if fields.get(name) or name == "id"}


def find_projects(call: Call) -> Answer:
    """`/system/findProjects`, by name or glob."""
    name = call.input.get("name")
    pattern = name.get("glob") if isinstance(name, dict) else None
    whole = _project(call)
    fits = name is None or name == whole["name"] or (isinstance(pattern, str) and fnmatchcase(whole["name"], pattern))
    found: Answer = {"id": whole["id"], "level": whole["level"], "permissionSources": [USER], "public": False}
    if call.input.get("describe"):
        found["describe"] = whole
    return {"results": [found] if fits else [], "next": None}


def whoami(_call: Call) -> Answer:
    """`/system/whoami`."""
    return {"id": USER}


def _project(call: Call) -> dict[str, Any]:
    stored = call.store.describe()
    return {
        "id": stored["id"], "class": "project", "name": stored["name"], "region": call.region, "level": "ADMINISTER",
        "permissions": {USER: "ADMINISTER"}, "created": stored["created"], "modified": stored["created"], "version": 1,
        "billTo": USER, "summary": "", "description": "", "tags": [], "properties": {}, "protected": False,
        "restricted": False, "downloadRestricted": False, "containsPHI": False, "databaseUIViewOnly": False,
        "externalUploadRestricted": False, "createdBy": {"user": USER}, "dataUsage": 0.0, "folders": ["/"],
        "defaultInstanceType": "mem1_ssd1_v2_x2", "appCaches": {}, "provenance": None, "pendingTransfer": None,
        "fileUploadParameters": UPLOAD_PARAMETERS,
    }  # fmt: skip
