"""`run`: one run of an app in this process, as `dx run` would start it on the platform."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from apps.commands.installed import app_spec, find_app
from apps.commands.project import open_project
from common.job.folder import JobFolder, parse_json_object, read_json_object
from common.job.spec import Spec
from common.json_text import parse_json

_ARGUMENT = re.compile(r"([^=:]+)(?::([^=]+))?=(.*)", re.DOTALL)
_BOOLEANS = {"t": True, "true": True, "1": True, "f": False, "false": False, "0": False}


class Argument(NamedTuple):
    """One `-i name[:class]=value`; `cls` is blank where it is left to the app's input spec."""

    name: str
    cls: str
    text: str


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "run", help="run an app", description="Runs an app on this machine, or on the Spark cluster that --master names.",
        epilog="`python -m apps help APP` shows an app's inputs. Paths are relative to the working directory.",
    )  # fmt: skip
    parser.add_argument("app", metavar="APP", help="the app's name, as `list` shows it")
    parser.add_argument("-i", "--input", metavar="NAME[:CLASS]=VALUE", dest="arguments", action="append", default=[],
                        type=parse_argument, help="one input; repeat it for each value of an array")  # fmt: skip
    parser.add_argument("-j", "--input-json", metavar="JSON", default="{}",
                        help="inputs as a JSON object or the path of one; -i overrides it")  # fmt: skip
    parser.add_argument("--project", metavar="DIR", default="project", help="the project's folder (%(default)s)")
    parser.add_argument("--job-dir", metavar="DIR", help="where the job files go (<project>/jobs/<time>)")
    parser.add_argument("--master", metavar="URL", help="the Spark master; all cores of this machine if not given")
    parser.add_argument("--brief", action="store_true", help="print the new record's id, or nothing, and no progress")
    parser.add_argument(
        "--verbose", action="store_true", help="show libraries' warnings, and the trace of an internal error"
    )
    parser.set_defaults(command=run)


def run(args: Namespace) -> int:
    """Runs the app on a job input as spark-submit would, and prints what it made."""
    from common.job.run import execute

    spec = app_spec(args.app)
    given = read_given(args.input_json) | build_input(args.arguments, spec)
    folder = JobFolder(Path(args.job_dir) if args.job_dir else _default_job_dir(args.project))
    options = ["--project", args.project, "--job-dir", str(folder.path)]
    options += ["--master", args.master] if args.master else []
    options += [f"--{name}" for name in ("brief", "verbose") if getattr(args, name)]
    status = execute(find_app(spec.name) / "app.py", None, options, given)
    if status == 0 and folder.is_done:
        outputs = folder.read_output()
        lines = record_ids(outputs, spec) if args.brief else _output_lines(outputs, args.project, folder)
        print("\n".join(lines), end="\n" if lines else "")
    return status


def parse_argument(text: str) -> Argument:
    """`name=value` or `name:class=value`, as `dx run -i` takes them."""
    if not text.isascii() and any("\ud800" <= each <= "\udfff" for each in text):
        raise ArgumentTypeError(f"{text!r} is not UTF-8 text")
    match = _ARGUMENT.fullmatch(text)
    if match is None:
        raise ArgumentTypeError(f"{text!r} is not of the form name=value")
    return Argument(match[1], match[2] or "", match[3])


def read_given(text: str) -> dict[str, Any]:
    """Inputs from a JSON object or from the file whose path it is. Raises `AppError` 90 or 91."""
    if text.lstrip().startswith("{"):
        return parse_json_object(text, "--input-json")
    return read_json_object(Path(text))


def build_input(arguments: Iterable[Argument], spec: Spec) -> dict[str, Any]:
    """The job input that `-i` arguments make up. What does not fit the spec is left for the job input check to tell."""
    given: dict[str, list[Any]] = {}
    arrays = {each.name for each in spec.inputs if each.is_array}
    for name, cls, text in arguments:
        known = spec.input_by_name.get(name)
        item = (cls or (known.cls if known else "string")).removeprefix("array:")
        given.setdefault(name, []).append(parse_value(text, item))
    return {name: values if name in arrays or len(values) > 1 else values[0] for name, values in given.items()}


def parse_value(text: str, cls: str) -> Any:
    """The value of a class that a text means; the text itself if it is not of that class."""
    if cls == "boolean":
        return _BOOLEANS.get(text.lower(), text)
    if cls == "string" or (cls != "hash" and cls not in ("int", "float") and not text.startswith("{")):
        return text
    try:
        return {"int": int, "float": float}.get(cls, parse_json)(text)
    except (ValueError, RecursionError):
        return text


def record_ids(outputs: Mapping[str, Any], spec: Spec) -> list[str]:
    """The ids of the records among an app's outputs."""
    return [
        outputs[each.name]["$dnanexus_link"] for each in spec.outputs if each.cls == "record" and each.name in outputs
    ]


def _default_job_dir(project: str) -> Path:
    from common.platform.local.store import project_folder

    return project_folder(project) / "jobs" / datetime.now().strftime("%Y-%m-%d-%H%M%S-%f")


def _output_lines(outputs: Mapping[str, Any], project: str, folder: JobFolder) -> list[str]:
    """A line per output: objects by id, files by path too."""
    here = open_project(project)
    lines = []
    for name, value in outputs.items():
        for each in value if isinstance(value, list) else [value]:
            shown = each["$dnanexus_link"] if isinstance(each, dict) else str(each)
            path = here.file_path(shown) if shown.startswith("file-") else ""
            lines.append(f"{name:<10} {shown}  {path}".rstrip())
    return [*lines, f"{'job files':<10} {folder.path}"]
