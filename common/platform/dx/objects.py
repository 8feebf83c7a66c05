"""Objects of the platform's project, through dxpy. A refusal of the platform's is an `AppError` 91."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dxpy
from dxpy.exceptions import DXError
from urllib3.exceptions import HTTPError

from common.dataset.database import Database, link
from common.errors import AppError, Rule
from common.platform import RecordDraft
from common.platform.names import ObjectReference, parse_file_name, parse_record_name
from common.platform.records import DESCRIPTOR_NAME, build_details, pack_descriptor

logging.getLogger("dxpy").setLevel(logging.ERROR)  # its errors arrive as exceptions


@contextmanager
def refusals(what: str) -> Iterator[None]:
    """Raises errors of dxpy as `AppError` 91; `what` says what could not be done."""
    try:
        yield
    except (DXError, HTTPError) as error:
        reason = getattr(error, "msg", None) or str(error)
        raise AppError(Rule.NOT_FOUND, f"{what}: {reason}") from None


_ENDED = ("done", "failed", "terminated")


class Objects:
    """The objects of the project that the job runs in. Raises `AppError` 91 if its environment names none."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        if not dxpy.PROJECT_CONTEXT_ID:
            raise AppError(
                Rule.NOT_FOUND, "the job's environment does not name a project", "Set DX_PROJECT_CONTEXT_ID."
            )
        self.project: str = dxpy.PROJECT_CONTEXT_ID

    def describe(self, reference: ObjectReference, kind: str) -> dict[str, Any]:
        """What the platform answers of an object of this class, with details and properties."""
        if not reference.id.startswith(f"{kind}-"):
            raise AppError(Rule.NOT_FOUND, f"{reference.id} is not a {kind}", f"Give the id or link of a {kind}.")
        with refusals(f"{reference.id} cannot be read"):
            wanted = {"project": reference.project or self.project, "properties": True, "details": True}
            described: dict[str, Any] = dxpy.DXHTTPRequest(f"/{reference.id}/describe", wanted, always_retry=True)
        return described

    def find(self, kind: str, name: str, type_: str | None = None) -> list[dict[str, Any]]:
        """Objects of the project by class and exact name, described; newest first."""
        with refusals(f"no {kind} could be looked for"):
            fields = {"fields": {"id": True, "name": True, "types": True, "details": True, "uniqueDatabaseName": True}}
            found = dxpy.find_data_objects(
                classname=kind, name=name, typename=type_, project=self.project, describe=fields
            )
            return [each["describe"] for each in found]

    def find_database(self, name: str) -> Database:
        """The one database of this name."""
        with refusals(f"the database {name} was not found in {self.project}"):
            found = dxpy.find_one_data_object(
                classname="database", name=name, project=self.project, describe=True, more_ok=False
            )
        return build_database(found["describe"])

    def has_tables(self, database: Database) -> bool:
        """Whether there is anything in a database."""
        with refusals(f"the tables of {database.name} could not be listed"):
            return bool(dxpy.api.database_list_folder(database.id, {"folder": "/"})["results"])

    def is_left_by(self, job_id: str) -> bool:
        """Whether a job has ended, or was an earlier try of our own, so that its marks are left over; False if that is
        unknown."""
        if job_id == self.job_id:
            return True
        try:
            with refusals(f"{job_id} cannot be read"):
                job = dxpy.DXHTTPRequest(f"/{job_id}/describe", {"fields": {"state": True}}, always_retry=True)
        except AppError:
            return False
        return job["state"] in _ENDED

    def read(self, file_id: str) -> bytes:
        """The content of a small file."""
        with refusals(f"{file_id} cannot be read"), dxpy.open_dxfile(file_id, project=self.project, mode="rb") as file:
            content: bytes = file.read()
        return content

    def download(self, reference: ObjectReference, target: Path) -> None:
        """Downloads a file to the driver's own disk; dxpy checks each part by its MD5."""
        with refusals(f"{reference.id} could not be downloaded"):
            dxpy.download_dxfile(reference.id, str(target), project=reference.project or self.project)

    def upload(self, path: Path) -> str:
        """Uploads a file of the driver's; returns the id of the closed file."""
        with refusals(f"{path.name} could not be uploaded"):
            name = parse_file_name(path.name)
            file = dxpy.upload_local_file(str(path), name=name, project=self.project, folder="/", wait_on_close=True)
            return str(file.get_id())

    def upload_descriptor(self, draft: RecordDraft) -> str:
        """Uploads the descriptor file of a Dataset; returns its id."""
        with refusals(f"the descriptor of {draft.name} could not be uploaded"):
            descriptor = dxpy.upload_string(
                pack_descriptor(draft.descriptor), name=DESCRIPTOR_NAME, project=self.project, folder="/",
                media_type="application/gzip", wait_on_close=True,
            )  # fmt: skip
            return str(descriptor.get_id())

    def make_record(self, draft: RecordDraft, descriptor: str) -> str:
        """Makes the record of a Dataset, closed; returns its id. This is the commit of a publish."""
        with refusals(f"the record {draft.name} could not be made"):
            record = dxpy.new_dxrecord(
                name=parse_record_name(draft.name), types=["Dataset"], details=build_details(draft, descriptor),
                project=self.project, folder="/", close=True,
            )  # fmt: skip
            return str(record.get_id())

    def has_record(self, draft: RecordDraft, descriptor: str) -> bool:
        """Whether there is a record with this descriptor."""
        found = self.find("record", draft.name, "Dataset")
        return any(each["details"].get("descriptor") == link(descriptor) for each in found)


def build_database(described: Mapping[str, Any]) -> Database:
    """A database as the platform describes it."""
    return Database(described["id"], described["name"].lower(), described["uniqueDatabaseName"])
