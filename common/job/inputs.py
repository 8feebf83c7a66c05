"""Job input: checks a JSON object against the app's input spec, and finds its files and records. All faults are raised at
once.

Paths are relative to the working directory, wherever the JSON object came from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from common.errors import AppError, Rule
from common.faults import EXAMPLES_PER_RULE, Faults, Place
from common.job.spec import InputSpec, Spec, is_job_reference, is_of_class
from common.nearest import nearest_remedy
from common.platform import Platform

_STAGE = "The job input check"
_LONGEST_SHOWN = 1000


def resolve_inputs(given: Mapping[str, Any], spec: Spec, platform: Platform) -> SimpleNamespace:
    """One attribute per input: the value, the default or None; files and records as the platform knows them.

    null counts as not given. Raises one `FaultError` with every fault: 90 for what the spec does not allow, and 91 or 83
    as the platform says for what cannot be resolved.
    """
    faults = validate_inputs(given, spec)
    values: dict[str, Any] = {}
    for each in spec.inputs:
        value = given.get(each.name)
        value = each.default if value is None else value
        if value is not None and is_of_class(value, each.cls):
            value = _resolve(value, each, platform, faults)
        values[each.name] = value
    faults.raise_if_any(_STAGE)
    return SimpleNamespace(**values)


def validate_inputs(given: Mapping[str, Any], spec: Spec) -> Faults:
    """Faults that need no object looked up: unknown names, missing inputs, classes and choices."""
    faults = Faults()
    unknown = [name for name in given if name not in spec.input_by_name]
    for name in unknown[:EXAMPLES_PER_RULE]:
        faults.add(Rule.JOB_INPUT, "there is no such input", Place(field=name[:_LONGEST_SHOWN]),
                   remedy=nearest_remedy(name[:_LONGEST_SHOWN], spec.input_by_name))  # fmt: skip
    faults.add_count(Rule.JOB_INPUT, len(unknown[EXAMPLES_PER_RULE:]))
    for each in spec.inputs:
        value = given.get(each.name)
        if value is None:
            if each.is_required:
                faults.add(Rule.JOB_INPUT, f"this input is required ({each.label or each.cls})", Place(field=each.name))
        elif not is_of_class(value, each.cls):
            faults.add(Rule.JOB_INPUT, _class_text(value, each), Place(field=each.name), value=_shown(value))
        elif each.choices:
            _validate_choices(value, each, faults)
    return faults


def _validate_choices(value: Any, spec: InputSpec, faults: Faults) -> None:
    for item in value if spec.is_array else [value]:
        if item not in spec.choices:
            choices = ", ".join(map(str, spec.choices))
            faults.add(Rule.JOB_INPUT, "this is not among the choices", Place(field=spec.name), value=_shown(item),
                       remedy=f"Give one of: {choices}.")  # fmt: skip


def _class_text(value: Any, spec: InputSpec) -> str:
    if is_job_reference(value):
        return "a reference to another job's output cannot be waited for here; give the object itself"
    if spec.is_array and not isinstance(value, list):
        return f"this is one value where a list is wanted ({spec.cls})"
    if isinstance(value, list) and not spec.is_array:
        return f"this is a list where one value is wanted ({spec.cls})"
    return f"this is not of class {spec.cls}"


def _resolve(value: Any, spec: InputSpec, platform: Platform, faults: Faults) -> Any:
    """The platform's object for each file or record; other classes as they are. A refusal becomes a fault."""
    look_up = {"file": platform.open_file, "record": platform.find_record}.get(spec.item)
    if look_up is None:
        return value
    found, refused = [], 0
    items = value if spec.is_array else [value]
    for item in items:
        try:
            found.append(look_up(item))
        except AppError as error:
            faults.add(error.code, error.text, Place(field=spec.name), value=_shown(item), remedy=error.remedy)
            refused += 1
        if refused == EXAMPLES_PER_RULE:  # each is sought among its neighbours, which takes time
            if left := len(items) - refused - len(found):
                text = f"{left:,} more values of this input were not looked up"
                faults.add(Rule.NOT_FOUND, text, Place(field=spec.name), remedy="Correct those named first.")
            break
    return found if spec.is_array else next(iter(found), None)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)[:_LONGEST_SHOWN]
