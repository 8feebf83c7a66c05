"""`serve`: the platform's API over a project, so that the platform's own client `dx` can read it."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from typing import Any

from apps.commands.project import open_project


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "serve", help="answer the dx client from a project",
        description="Serves a project on this machine's loopback address, in the form in which the platform's own client, dx, asks "
        "for it. Prints the environment for dx, with the token that every request must carry. Ctrl-C ends it.",
    )  # fmt: skip
    parser.add_argument("--project", metavar="DIR", default="project", help="the project's folder (%(default)s)")
    parser.add_argument("--port", metavar="N", type=int, default=0, help="the port; a free one if not given")
    parser.add_argument(
        "--region", default="aws:us-east-1", help="the region that the project says it is in (%(default)s)"
    )
    parser.add_argument("--verbose", action="store_true", help="show each request, and the trace of an internal error")
    parser.set_defaults(command=serve)


def serve(args: Namespace) -> int:
    """Serves until it is stopped."""
    from common.platform.api import ApiServer

    open_project(args.project)
    with ApiServer(args.project, args.port, args.region, args.verbose) as server:
        print(f"Serving {args.project} at {server.address}. In the shell that runs dx:", file=sys.stderr)
        for name, value in server.environment.items():
            print(f"export {name}={shlex.quote(value)}")
        print('export DX_USER_CONF_DIR="$(mktemp -d)"  # apart from your own settings of dx')
        sys.stdout.flush()
        server.serve_forever()
    return 0
