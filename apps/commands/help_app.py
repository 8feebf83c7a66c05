"""`help`: an app's inputs and outputs, as its `dxapp.json` has them."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from itertools import groupby
from textwrap import wrap
from typing import Any

from apps.commands.installed import app_spec, find_app
from common.job.spec import InputSpec, OutputSpec, Spec

_WIDTH = 100
_INDENT = "      "


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "help", help="show an app's inputs and outputs", description="Shows an app's inputs and outputs."
    )
    parser.add_argument("app", metavar="APP", help="the app's name, as `list` shows it")
    parser.add_argument("--verbose", action="store_true", help="show the trace of an internal error")
    parser.set_defaults(command=help_app)


def help_app(args: Namespace) -> int:
    """Prints the app's inputs by group, its outputs and an example."""
    spec = app_spec(args.app)
    print("\n".join(describe_app(spec, find_app(args.app).joinpath("examples").glob("*.json"))))
    return 0


def describe_app(spec: Spec, examples: Any = ()) -> Iterator[str]:
    """The lines of an app's help; `examples` are job inputs that ship with it."""
    yield f"{spec.name} {spec.version}: {spec.summary}"
    for group, inputs in groupby(spec.inputs, key=lambda each: each.group):
        yield from ("", f"Inputs: {group}" if group else "Inputs")
        for each in inputs:
            yield from _describe_input(each)
    yield from ("", "Outputs")
    for output in spec.outputs:
        yield from _describe_output(output)
    yield from ("", "Example")
    required = " ".join(f"-i {each.name}={_placeholder(each)}" for each in spec.inputs if each.is_required)
    yield f"  python -m apps run {spec.name} {required}"
    for path in sorted(examples):
        yield f"  python -m apps run {spec.name} -j apps/{spec.name}/examples/{path.name}"


def _describe_input(spec: InputSpec) -> Iterator[str]:
    terms = ["required" if spec.is_required else "optional"]
    if spec.default is not None:
        terms = [f"default {json.dumps(spec.default, ensure_ascii=False)}"]
    if spec.choices:
        terms.append(f"one of {', '.join(map(str, spec.choices))}")
    yield f"  {spec.name} ({spec.cls}; {'; '.join(terms)})"
    yield from _help_lines(spec.help)


def _describe_output(spec: OutputSpec) -> Iterator[str]:
    yield f"  {spec.name} ({spec.cls}{'; optional' if spec.optional else ''})"
    yield from _help_lines(spec.help)


def _help_lines(text: str) -> list[str]:
    return wrap(text, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)


def _placeholder(spec: InputSpec) -> str:
    return {"file": f"{spec.name}.csv", "record": "record-…"}.get(spec.item, spec.item.upper())
