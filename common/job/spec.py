"""An app's I/O spec: what `dxapp.json` says of its inputs and outputs, as frozen values.

Format: documentation.dnanexus.com, "I/O and Run Specifications"; keys that only a user interface reads are not kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

SCALARS = ("int", "float", "string", "boolean", "hash", "file", "record", "applet")
CLASSES = (*SCALARS, *(f"array:{each}" for each in SCALARS if each != "hash"))
"""The classes of inputs and outputs. A hash has no array form."""

OBJECTS = ("file", "record", "applet")
"""The classes whose values are links to objects."""

_NAME = re.compile(r"[a-zA-Z_][0-9a-zA-Z_]*")


class SpecError(ValueError):
    """A `dxapp.json` is faulty. A mistake of ours, not of the user: all faults, one a line."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """What inputs and outputs share. `item` is the class of one value, without `array:`."""

    name: str
    cls: str
    label: str = ""
    help: str = ""
    optional: bool = False
    patterns: tuple[str, ...] = ()

    @property
    def is_array(self) -> bool:
        """Whether the value is a list."""
        return self.cls.startswith("array:")

    @property
    def item(self) -> str:
        """The class of the value, or of one value of the list."""
        return self.cls.removeprefix("array:")


@dataclass(frozen=True, slots=True)
class InputSpec(Parameter):
    """One input. An input with a default is never missing; `default` is None where there is none."""

    default: Any = None
    choices: tuple[Any, ...] = ()
    group: str = ""

    @property
    def is_required(self) -> bool:
        """Whether a run without this input is refused."""
        return not self.optional and self.default is None


@dataclass(frozen=True, slots=True)
class OutputSpec(Parameter):
    """One output. An optional one may be absent from what the app returns."""


@dataclass(frozen=True)
class Spec:
    """An app by its `dxapp.json`; inputs and outputs in the file's order, which is the order they are shown in."""

    name: str
    title: str
    summary: str
    version: str
    inputs: tuple[InputSpec, ...]
    outputs: tuple[OutputSpec, ...]

    @cached_property
    def input_by_name(self) -> Mapping[str, InputSpec]:
        """Input name to `InputSpec`."""
        return {each.name: each for each in self.inputs}

    @cached_property
    def output_by_name(self) -> Mapping[str, OutputSpec]:
        """Output name to `OutputSpec`."""
        return {each.name: each for each in self.outputs}


def read_spec(path: Path) -> Spec:
    """The spec in a `dxapp.json`. Raises `SpecError`, which names the file."""
    try:
        return parse_spec(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise SpecError(f"{path}: {error}") from error


def parse_spec(app: Mapping[str, Any]) -> Spec:
    """The spec that a `dxapp.json` object holds. Raises `SpecError` with every fault."""
    inputs, outputs = app.get("inputSpec", []), app.get("outputSpec", [])
    faults = [f"{key} is missing" for key in ("name", "title", "summary", "version") if not app.get(key)]
    for key, parameters in (("inputSpec", inputs), ("outputSpec", outputs)):
        names = [each.get("name") for each in parameters]
        faults += [f"{key}: {name} occurs twice" for name in dict.fromkeys(names) if names.count(name) > 1]
        faults += [f"{key}: {fault}" for each in parameters for fault in validate_parameter(each)]
    if faults:
        raise SpecError("\n".join(faults))
    return Spec(
        app["name"], app["title"], app["summary"], app["version"],
        tuple(InputSpec(**_shared(each), default=each.get("default"), choices=tuple(each.get("choices", ())),
                        group=each.get("group", "")) for each in inputs),
        tuple(OutputSpec(**_shared(each)) for each in outputs),
    )  # fmt: skip


def validate_parameter(parameter: Mapping[str, Any]) -> list[str]:
    """What is wrong with one item of an inputSpec or outputSpec."""
    name, cls = parameter.get("name", ""), parameter.get("class")
    faults = [] if _NAME.fullmatch(name) else [f"{name!r} is not a name"]
    if cls not in CLASSES:
        return [*faults, f"{name}: {cls!r} is not a class"]
    item = cls.removeprefix("array:")
    default = parameter.get("default")
    choices = parameter.get("choices", [])
    if default is not None and not is_of_class(default, cls):
        faults.append(f"{name}: the default {default!r} is not of class {cls}")
    faults += [f"{name}: the choice {each!r} is not of class {item}" for each in choices if not is_of_class(each, item)]
    if choices and default is not None:
        given = default if isinstance(default, list) else [default]
        faults += [f"{name}: the default {each!r} is not among the choices" for each in given if each not in choices]
    return faults


def is_of_class(value: Any, cls: str) -> bool:
    """Whether a JSON value is of an input class. Objects are links or text: an id, a path, a URI or a name."""
    if cls.startswith("array:"):
        return isinstance(value, list) and all(is_of_class(each, cls.removeprefix("array:")) for each in value)
    if cls in ("int", "float"):
        return isinstance(value, int if cls == "int" else (int, float)) and not isinstance(value, bool)
    if cls in OBJECTS:
        return is_link(value) or (isinstance(value, str) and value != "")
    return isinstance(value, {"string": str, "boolean": bool, "hash": dict}[cls])


def is_link(value: Any) -> bool:
    """Whether this is `{"$dnanexus_link": "<id>"}` or `{"$dnanexus_link": {"project": "<id>", "id": "<id>"}}`."""
    if not isinstance(value, dict) or list(value) != ["$dnanexus_link"]:
        return False
    target = value["$dnanexus_link"]
    return isinstance(target, str) or (isinstance(target, dict) and isinstance(target.get("id"), str))


def is_job_reference(value: Any) -> bool:
    """Whether this is `{"job": "<id>", "field": "<output>"}`, bare or as a link: what another job is to return."""
    target = value.get("$dnanexus_link", value) if isinstance(value, dict) else None
    return isinstance(target, dict) and {"job", "field"} <= target.keys()


def _shared(parameter: Mapping[str, Any]) -> dict[str, Any]:
    patterns = parameter.get("patterns", ())
    return {
        "name": parameter["name"], "cls": parameter["class"], "label": parameter.get("label", ""),
        "help": parameter.get("help", ""), "optional": parameter.get("optional", False),
        "patterns": tuple(patterns.get("name", ()) if isinstance(patterns, dict) else patterns),
    }  # fmt: skip
