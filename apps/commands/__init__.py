"""The command line, `python -m apps`: one module per command, each with `add_to(commands)`.

Quick to start: what a command needs beyond the standard library it imports when it runs.
"""

from __future__ import annotations

import os
import sys
import traceback
from argparse import ArgumentParser
from collections.abc import Sequence

from apps.commands import build, describe, help_app, list_apps, new, run, serve, sql
from common.errors import AppError

_EPILOG = """\
examples:
  python -m apps list
  python -m apps help data_model_loader
  python -m apps run data_model_loader -i data_dictionary=dictionary.csv -i data_files=patient.csv \\
      -i output_dataset_name=study --project study
  python -m apps describe study --project study
  python -m apps sql --project study "SELECT count(*) FROM patient"
  python -m apps serve --project study
"""


def build_parser() -> ArgumentParser:
    """The parser of all commands; the parsed arguments carry the command's function as `command`."""
    from argparse import RawDescriptionHelpFormatter

    parser = ArgumentParser(
        prog="python -m apps",
        description="Runs the loaders on this machine or on a Spark cluster, and shows what they made.",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (run, list_apps, help_app, describe, sql, serve, build, new):
        module.add_to(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command. 0: done; 1: refused, in a readable block on stderr; 2: faulty usage; 130: Ctrl-C."""
    args = build_parser().parse_args(argv)
    try:
        status: int = args.command(args)
        sys.stdout.flush()
    except AppError as error:
        print(error.message, file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has seen enough (`| head`). Python would fail once more, on flushing at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the outermost layer: a bug of ours ends in one line too
        if args.verbose:
            traceback.print_exc()
        print(f"Internal error: {type(error).__name__}: {error} (--verbose shows the trace)", file=sys.stderr)
    else:
        return status
    return 1
