"""Which function answers which route: `/<class or id>/<method>`, and those of the data service that need no data."""

from __future__ import annotations

from collections.abc import Callable

from common.platform.api import databases, datasets, files, objects, projects, search
from common.platform.api.call import Answer, ApiError, Call
from common.platform.names import is_id

_SYSTEM: dict[tuple[str, str], Callable[[Call], Answer]] = {
    ("system", "findDataObjects"): search.find_objects,
    ("system", "resolveDataObjects"): search.resolve_objects,
    ("system", "describeDataObjects"): objects.describe_all,
    ("system", "findProjects"): projects.find_projects,
    ("system", "findApps"): search.find_nothing,
    ("system", "findGlobalWorkflows"): search.find_nothing,
    ("system", "whoami"): projects.whoami,
    ("record", "new"): objects.new_record,
    ("file", "new"): files.new_file,
    ("applet", "new"): objects.new_applet,
}
"""Routes of a class as a whole."""

_OBJECT: dict[tuple[str, str], Callable[[Call], Answer]] = {
    ("project", "describe"): projects.describe_project,
    ("project", "listFolder"): search.list_folder,
    ("record", "describe"): objects.describe,
    ("record", "close"): objects.close_record,
    ("record", "visualize"): datasets.visualize,
    ("file", "describe"): files.describe_file,
    ("file", "upload"): files.upload_part,
    ("file", "close"): files.close_file,
    ("file", "download"): files.download_file,
    ("database", "describe"): objects.describe,
    ("database", "listFolder"): databases.list_database_folder,
    ("database", "downloadFile"): databases.download_database_file,
    ("applet", "describe"): objects.describe,
    ("job", "describe"): objects.describe,
}
"""Routes of one object, by its class."""

_DATA: dict[tuple[str, str], Callable[[Call], Answer]] = {
    ("viz-meta", "codings"): datasets.list_codings,
    ("data", "raw"): datasets.refuse_query,
    ("viz-query", "raw-query"): datasets.refuse_query,
    ("viz-query", "raw-cohort-query"): datasets.refuse_query,
}
"""Routes of the data service, by service and method: `/<service>/3.0/<dataset>/<method>`."""


def find_route(path: str) -> tuple[str, Callable[[Call], Answer]]:
    """The object or class that a POST goes to, and what answers it. Refuses a path that is not a route."""
    parts = path.strip("/").split("/")
    if len(parts) == 2:
        target, method = parts
        kind = target.split("-")[0]
        found = _OBJECT.get((kind, method)) if is_id(target) else _SYSTEM.get((target, method))
        if found:
            return target, found
    elif len(parts) == 4 and parts[1] == "3.0" and (parts[0], parts[3]) in _DATA:
        return parts[2], _DATA[parts[0], parts[3]]
    raise ApiError("ResourceNotFound", f"there is no route {path} on this server")
