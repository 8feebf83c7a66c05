"""`build`: the applet folder of an app, complete for `dx build`.

    <output>/<app>/dxapp.json                   the app's own, with what all have in common and a cluster for every region
    <output>/<app>/launch.sh, bootstrap.sh      what the driver runs, what every node runs first
    <output>/<app>/Readme.md                    the app's own
    <output>/<app>/resources/opt/spark_loaders  the app, the shared library, its data and, in lib/, pinned dependencies

What all applets have in common, and the values of clusters, regions and Python, are in `dxapp-templates/applet`.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from apps.commands.installed import app_folders, find_app
from common.errors import AppError, Rule

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "dxapp-templates" / "applet"
_INSTALLED = Path("resources", "opt", "spark_loaders")
_SHARED = ("common", "resources")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "examples", "*.pyc")
_STARTED_BY = ("interpreter", "file", "distribution", "release", "version")
"""Keys of runSpec in which the template outranks the app: on the platform an app is started by `launch.sh`."""


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "build", help="make an app's applet folder for dx build",
        description="Makes the folder of a DNAnexus applet from an app: dx build DIR/<app> then puts it into a project.",
    )  # fmt: skip
    parser.add_argument("app", metavar="APP", nargs="*", help="the apps' names; all if none is given")
    parser.add_argument("--output", metavar="DIR", default="dist/dxapps", help="where the folders go (%(default)s)")
    parser.add_argument("--size", default="small", help="the cluster: small, medium, large (%(default)s)")
    parser.add_argument(
        "--region", metavar="REGION", action="append", help="a region to run in; all of the template if none"
    )
    parser.add_argument(
        "--no-dependencies", action="store_true", help="leave the pinned dependencies out; it will not run so"
    )
    parser.add_argument("--verbose", action="store_true", help="show the trace of an internal error")
    parser.set_defaults(command=build)


def build(args: Namespace) -> int:
    """Makes the folders, and prints the path of each."""
    output = Path(args.output)
    folders = [find_app(name) for name in args.app or app_folders()]
    clusters = read_clusters()
    library = None if args.no_dependencies else install_dependencies(output / ".lib", clusters["python"])
    for folder in folders:
        spec = render_spec(_read_json(folder / "dxapp.json"), clusters, args.size, args.region or clusters["regions"])
        print(write_applet(folder, spec, output / spec["name"], library))
    return 0


def read_clusters() -> dict[str, Any]:
    """Cluster sizes, regions and the Python of the platform's nodes: the values of the template."""
    return _read_json(TEMPLATES / "clusters.json")


def render_spec(
    own: Mapping[str, Any], clusters: Mapping[str, Any], size: str, regions: Sequence[str]
) -> dict[str, Any]:
    """The `dxapp.json` of an applet. Raises `AppError` 90 for an unknown size, or a region of an unknown provider."""
    if size not in clusters["sizes"]:
        raise AppError(
            Rule.JOB_INPUT, f"{size!r} is not a size of a cluster", f"Sizes: {', '.join(clusters['sizes'])}."
        )
    template = _read_json(TEMPLATES / "dxapp.json")
    run = {**template["runSpec"], **own.get("runSpec", {})}
    run |= {key: template["runSpec"][key] for key in _STARTED_BY}
    options = {region: {"systemRequirements": {"main": _requirements(clusters, size, region)}} for region in regions}
    return {**template, **own, "runSpec": run, "regionalOptions": options}


def _requirements(clusters: Mapping[str, Any], size: str, region: str) -> dict[str, Any]:
    wanted = clusters["sizes"][size]
    instance = wanted["instanceType"].get(region.partition(":")[0])
    if instance is None:
        known = ", ".join(wanted["instanceType"])
        raise AppError(
            Rule.JOB_INPUT,
            f"{region!r} is not a region of a provider that the template has machines of",
            f"Providers: {known}.",
        )
    count = wanted["initialInstanceCount"]
    return {"instanceType": instance, "clusterSpec": {**clusters["clusterSpec"], "initialInstanceCount": count}}


def write_applet(app: Path, spec: Mapping[str, Any], target: Path, library: Path | None) -> Path:
    """Writes the applet folder in place of an earlier one, and returns it."""
    shutil.rmtree(target, ignore_errors=True)
    installed = target / _INSTALLED
    for name in _SHARED:
        shutil.copytree(ROOT / name, installed / name, ignore=_LEFT_OUT)
    shutil.copytree(app, installed / "apps" / app.name, ignore=_LEFT_OUT)
    shutil.copy(ROOT / "apps" / "__init__.py", installed / "apps")
    if library:
        shutil.copytree(library, installed / "lib")
    (target / "dxapp.json").write_text(json.dumps(spec, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for name in ("launch.sh", "bootstrap.sh"):
        text = (TEMPLATES / name).read_text(encoding="utf-8")
        (target / name).write_text(text.replace("@APP@", app.name), encoding="utf-8")
    for readme in app.glob("Readme*.md"):
        shutil.copy(readme, target)
    return target


def install_dependencies(folder: Path, python: Mapping[str, Any]) -> Path:
    """What an app needs at run time and no node of the platform has, in the exact versions of `constraints.txt`, as wheels for
    the platform's Python. Raises `AppError` 91 if pip cannot get them."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    wanted = [each for each in groups["runtime"] if _package(each) not in python["provided"]]
    platforms = [f"--platform={each}" for each in python["platforms"]]
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", "--target", str(folder),
        "--constraint", str(ROOT / "constraints.txt"), "--only-binary", ":all:", "--no-compile",
        "--python-version", python["version"], *platforms, *wanted,
    ]  # fmt: skip
    shutil.rmtree(folder, ignore_errors=True)
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    if done.returncode:
        raise AppError(
            Rule.NOT_FOUND,
            f"pip could not get the dependencies: {done.stderr.strip()}",
            "See to the network, or --no-dependencies.",
        )
    return folder


def _package(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return found[0].lower() if found else ""


def _read_json(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read
