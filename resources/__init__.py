"""Data that ships with the suite, readable from a folder and from a zipped bundle alike."""

from __future__ import annotations

from importlib import resources as _resources
from importlib.resources.abc import Traversable


def resource(name: str) -> Traversable:
    """The shipped file `name`, such as `errors.json` or `icd/icd10cm_2024.csv.gz`."""
    return _resources.files(__name__).joinpath(*name.split("/"))
