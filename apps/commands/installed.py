"""The apps of this suite: the folders beside this one that hold a `dxapp.json`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from common.errors import AppError
from common.job import Main
from common.job.inputs import nearest_remedy
from common.job.spec import Spec, read_spec

_APPS = Path(__file__).resolve().parent.parent


def app_names() -> list[str]:
    """The names of all apps, sorted."""
    return sorted(each.parent.name for each in _APPS.glob("*/dxapp.json"))


def find_app(name: str) -> Path:
    """An app's folder. Raises `AppError` 91 with the nearest name if there is no such app."""
    if name not in app_names():
        raise AppError(91, f"there is no app named {name!r}", nearest_remedy(name, app_names()))
    return _APPS / name


def app_spec(name: str) -> Spec:
    """What an app's `dxapp.json` says. Raises `AppError` 91."""
    return read_spec(find_app(name) / "dxapp.json")


def app_main(name: str) -> Main:
    """An app's entry function."""
    main: Main = import_module(f"apps.{name}.app").main
    return main
