"""`new`: a new loader to start from, made from the skeleton in `dxapp-templates/new_loader`: it runs, and its test passes."""

from __future__ import annotations

import re
import shutil
from argparse import Namespace
from pathlib import Path
from typing import Any

from apps.commands.build import ROOT
from apps.commands.installed import app_folders
from common.errors import AppError, Rule

SKELETON = ROOT / "dxapp-templates" / "new_loader"
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_TEXTS = (".py", ".json", ".md")


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "new",
        help="start a new loader",
        description="Makes apps/NAME, a loader that runs, and tests/apps/test_NAME.py.",
    )
    parser.add_argument("name", metavar="NAME", help="the app's name: lower case, words joined by _")
    parser.add_argument("--verbose", action="store_true", help="show the trace of an internal error")
    parser.set_defaults(command=new)


def new(args: Namespace) -> int:
    """Makes the app, and prints where each stage goes."""
    folder, test = make_app(args.name, ROOT)
    shown = [folder / name for name in ("dxapp.json", "plan.py", "load.py", "task.py", "check.py", "publish.py")] + [
        test
    ]
    print("\n".join(str(path.relative_to(ROOT)) for path in shown))
    return 0


def make_app(name: str, root: Path) -> tuple[Path, Path]:
    """The folder and the test of a new app in the checkout at `root`. Raises `AppError` 90 for a name that is unfit or taken."""
    if not _NAME.fullmatch(name) or name == "commands":
        raise AppError(
            Rule.JOB_INPUT,
            f"{name!r} cannot be the name of an app",
            "Use lower-case words joined by _, such as variant_loader.",
        )
    folder, test = root / "apps" / name, root / "tests" / "apps" / f"test_{name}.py"
    if name in app_folders() or folder.exists() or test.exists():
        raise AppError(Rule.JOB_INPUT, f"there is an app or a test named {name!r} already", "Choose another name.")
    shutil.copytree(SKELETON, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path in folder.rglob("*"):
        if path.suffix in _TEXTS:
            path.write_text(_renamed(path.read_text(encoding="utf-8"), name), encoding="utf-8")
    test.parent.mkdir(parents=True, exist_ok=True)
    (folder / f"test_{SKELETON.name}.py").rename(test)
    return folder, test


def _renamed(text: str, name: str) -> str:
    """The skeleton's text with the app's own name and title in the place of the skeleton's."""
    title = name.replace("_", " ").title()
    return text.replace(SKELETON.name, name).replace(SKELETON.name.replace("_", " ").title(), title)
