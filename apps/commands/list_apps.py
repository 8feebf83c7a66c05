"""`list`: the apps with their summaries."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from apps.commands.installed import app_folders, app_spec
from common.job.progress import align


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser("list", help="list the apps", description="Lists the apps with their summaries.")
    parser.add_argument("--verbose", action="store_true", help="show the trace of an internal error")
    parser.set_defaults(command=list_apps)


def list_apps(_args: Namespace) -> int:
    """Prints a line per app."""
    specs = [app_spec(name) for name in app_folders()]
    print("\n".join(align(["app", "summary"], [[spec.name, spec.summary] for spec in specs])))
    return 0
