"""One call of the API, and the platform's way of refusing one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from common.errors import AppError
from common.platform.local import LocalProject
from common.platform.local.store import Object, ProjectStore

T = TypeVar("T")
Answer = dict[str, Any]

_STATUS = {
    "MalformedJSON": 400, "InvalidAuthentication": 401, "PermissionDenied": 401, "ResourceNotFound": 404,
    "InvalidInput": 422, "InvalidState": 422, "InvalidType": 422, "InternalError": 500,
}  # fmt: skip
_TYPES = {91: "ResourceNotFound"}
"""The platform's word for an `AppError`; InvalidInput for all others."""


class ApiError(Exception):
    """A call that is refused: the platform's error type, which dxpy raises as a class of that name, and a message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = _STATUS[kind]

    @property
    def answer(self) -> Answer:
        """The body of the response."""
        return {"error": {"type": self.kind, "message": str(self)}}


def as_api_error(error: AppError) -> ApiError:
    """An `AppError` in the platform's form."""
    return ApiError(_TYPES.get(error.code, "InvalidInput"), error.text)


@dataclass(frozen=True)
class Call:
    """A call: the object or class that it goes to, its input, and the project as it stands now.

    `address` is this server's URL; `headers` must be sent to the URLs in an answer.
    """

    target: str
    input: Mapping[str, Any]
    project: LocalProject
    store: ProjectStore
    address: str
    headers: Mapping[str, str]
    region: str

    def object(self) -> Object:
        """The object that the call goes to. Refuses one that is not there."""
        return self.find(self.target)

    def find(self, object_id: str) -> Object:
        """An object by id. Refuses one that is not there."""
        found = self.store.read(object_id)
        if found is None:
            raise ApiError("ResourceNotFound", f'"{object_id}" could not be found')
        return found

    def check_project(self, project_id: str) -> None:
        """Refuses any project but the one that is served."""
        if project_id != self.store.id:
            raise ApiError("ResourceNotFound", f'"{project_id}" could not be found')

    def get(self, name: str, kind: type[T], default: T) -> T:
        """An input of this type, or the default where it is absent or null. Refuses one of another type."""
        value = self.input.get(name)
        if value is None:
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ApiError("InvalidInput", f'expected key "{name}" of input to be of type {kind.__name__}')
        return value

    def need(self, name: str, kind: type[T]) -> T:
        """An input that must be given."""
        if self.input.get(name) is None:
            raise ApiError("InvalidInput", f'expected key "{name}" to be present in the input')
        return self.get(name, kind, kind())
