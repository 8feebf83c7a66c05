"""Job output: what an app returned, checked against its output spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.job.spec import OBJECTS, OutputSpec, Spec, is_link, is_of_class


class OutputError(Exception):
    """An app returned what its spec does not allow: a bug of the app's."""


def check_outputs(returned: Mapping[str, Any], spec: Spec) -> dict[str, Any]:
    """The outputs in the spec's order; None counts as absent. Raises `OutputError` with everything that is wrong."""
    outputs = {name: value for name, value in returned.items() if value is not None}
    faults = [f"{name} is not in the outputSpec" for name in outputs if name not in spec.output_by_name]
    for each in spec.outputs:
        if each.name in outputs:
            faults += [] if _is_output(outputs[each.name], each) else [f"{each.name} is not of class {each.cls}"]
        elif not each.optional:
            faults.append(f"{each.name} is missing")
    if faults:
        raise OutputError(f"the outputs of {spec.name} do not fit its outputSpec: {'; '.join(faults)}")
    return {each.name: outputs[each.name] for each in spec.outputs if each.name in outputs}


def _is_output(value: Any, spec: OutputSpec) -> bool:
    """As for inputs, but objects must be links: a path or a name means nothing elsewhere."""
    if not is_of_class(value, spec.cls):
        return False
    return spec.item not in OBJECTS or all(is_link(each) for each in (value if spec.is_array else [value]))
