"""The apps of this suite: the folders of the package `apps` that hold a `dxapp.json`."""

from __future__ import annotations

from pathlib import Path

import apps
from common.errors import AppError, Rule
from common.job.spec import Spec, read_spec
from common.nearest import nearest_remedy


def app_folders() -> dict[str, Path]:
    """The folders of all apps by name, sorted by it."""
    found = [spec.parent for place in apps.__path__ for spec in Path(place).glob("*/dxapp.json")]
    return {folder.name: folder for folder in sorted(found, key=lambda folder: folder.name)}


def find_app(name: str) -> Path:
    """An app's folder. Raises `AppError` 91 with the nearest name if there is no such app."""
    folders = app_folders()
    if name not in folders:
        raise AppError(Rule.NOT_FOUND, f"there is no app named {name!r}", nearest_remedy(name, folders))
    return folders[name]


def app_spec(name: str) -> Spec:
    """What an app's `dxapp.json` says. Raises `AppError` 91."""
    return read_spec(find_app(name) / "dxapp.json")
