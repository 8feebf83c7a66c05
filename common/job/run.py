"""Runs an app: job input read and checked, the app's `main` called, its output or its error written, all closed again."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import threading
import traceback
import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, cast

from common.errors import AppError
from common.faults import FaultError
from common.job import Main, Run
from common.job.folder import JobError, JobFolder
from common.job.inputs import resolve_inputs
from common.job.outputs import check_outputs
from common.job.progress import ConsoleProgress
from common.job.report import write_report
from common.job.spec import Spec, read_spec
from common.platform import Database, Platform, Staging
from common.platform.names import new_id
from common.spark import Cluster

_ENVIRONMENT = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR}
"""System errors that are the user's disk's, never a bug of ours."""


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived. Libraries that leave Ctrl-C alone leave this alone too."""


def execute(app_file: str | Path, main: Main, argv: Sequence[str] | None = None) -> int:
    """Runs the app whose `app.py` is `app_file`, its `dxapp.json` beside it; returns the exit status.

    0: `job_output.json` is written; 1: `job_error.json` is; 130 or 143: stopped by SIGINT or SIGTERM, with
    `job_error.json`. A faulty command line ends with argparse's status 2.
    """
    spec = read_spec(Path(app_file).with_name("dxapp.json"))
    options = _option_parser(spec).parse_args(argv)
    folder = JobFolder(Path(options.job_dir))
    with quiet(options.verbose), _termination_raised():
        try:
            folder.prepare()
            _run_app(spec, main, folder, options)
        except KeyboardInterrupt as stop:
            if folder.is_done:  # it came while Spark was being stopped
                return 0
            _report(folder, stop, options.verbose)
            return 143 if isinstance(stop, Terminated) else 130
        except Exception as error:  # noqa: BLE001 - the outermost layer: whatever went wrong becomes the job's error
            _report(folder, error, options.verbose)
            return 1
    return 0


def _option_parser(spec: Spec) -> ArgumentParser:
    parser = ArgumentParser(
        prog=f"spark-submit apps/{spec.name}/app.py",
        description=f"{spec.summary}. Reads job_input.json in the job folder, writes job_output.json or job_error.json there.",
        epilog="Paths in job_input.json are relative to the working directory.",
    )
    parser.add_argument("--project", metavar="DIR", default="project", help="the project's folder (%(default)s)")
    parser.add_argument("--job-dir", metavar="DIR", default=".", help="the job folder (%(default)s)")
    parser.add_argument(
        "--master", metavar="URL", help="the Spark master, such as local[2]; spark-submit's own if not given"
    )
    parser.add_argument("--brief", action="store_true", help="show warnings and errors only")
    parser.add_argument(
        "--verbose", action="store_true", help="show libraries' warnings, and the trace of an internal error"
    )
    return parser


def _run_app(spec: Spec, main: Main, folder: JobFolder, options: Namespace) -> None:
    """One run between a prepared folder and its output. Spark is stopped and what is staged removed, come what may."""
    job_id = os.environ.get("DX_JOB_ID") or new_id("job")
    cluster = _open_cluster(spec.name, options.master)
    platform = _open_platform(options.project, job_id, cluster)
    given = folder.read_input()
    with _job_described(platform, spec.name, given) as outputs, ExitStack() as stagings, ExitStack() as tasks:
        tasks.callback(_quietly, cluster.stop)  # before what it may still be writing is removed
        tasks.callback(_quietly, platform.close)  # while Spark still runs
        closed = cast(Platform, _ClosingPlatform(platform, stagings))
        inputs = resolve_inputs(given, spec, closed)
        progress = ConsoleProgress(brief=options.brief)
        run = Run(spec.name, inputs, closed, cluster, job_id, folder.path, progress)
        try:
            outputs |= check_outputs(main(run), spec)
        except FaultError as error:
            if not folder.report_path.exists():  # an app that has more to say has written its own
                _quietly(partial(write_report, run, {"faults": error.faults.to_json()}))
            raise
        folder.write_output(outputs)


def _open_platform(project: str, job_id: str, cluster: Cluster) -> Platform:
    """The platform proper in a job of the platform's (its environment says so), else the local project."""
    if "DX_JOB_ID" in os.environ:
        from common.platform.dx import DxPlatform

        return DxPlatform(job_id, cluster)
    from common.platform.local import LocalProject

    return LocalProject(project, job_id)


def _open_cluster(app: str, master: str | None) -> Cluster:
    from common.spark.session import SparkCluster

    return SparkCluster(app, master)


@contextmanager
def _job_described(platform: Platform, app: str, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Keeps the job's own object in a local project: running, then done with its outputs, or failed with its error.

    On the platform proper the job is known before we are.
    """
    from common.platform.local import LocalProject

    outputs: dict[str, Any] = {}
    if not isinstance(platform, LocalProject):
        yield outputs
        return
    platform.write_job(app, "running", given)
    try:
        yield outputs
    except BaseException as error:
        _quietly(partial(platform.write_job, app, "failed", given, error=describe_error(error)))
        raise
    _quietly(partial(platform.write_job, app, "done", given, outputs))


class _ClosingPlatform:
    """A platform whose stagings are closed with the run, so that no app can leave one open."""

    def __init__(self, platform: Platform, closing: ExitStack) -> None:
        self._platform = platform
        self._closing = closing

    def stage(self, database: Database | None) -> Staging:
        staging = self._platform.stage(database)
        self._closing.callback(_quietly, staging.close)
        return staging

    def __getattr__(self, name: str) -> Any:
        return getattr(self._platform, name)


def _quietly(close: Callable[[], object]) -> None:
    # The outcome is settled by now, and a fault here must not replace it. The next run sweeps what is left.
    with suppress(Exception):
        close()


@contextmanager
def quiet(verbose: bool) -> Iterator[None]:
    """Keeps what libraries warn of and log off stderr, unless verbose: py4j logs the trace of every call that Ctrl-C cuts."""
    if verbose:
        yield
        return
    level = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable()
        try:
            yield
        finally:
            logging.disable(level)


@contextmanager
def _termination_raised() -> Iterator[None]:
    """Turns the first SIGTERM into `Terminated`, so that what is open is closed; a second one changes nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signal: int, _frame: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def as_app_error(error: BaseException) -> AppError | None:
    """The error as one that the user can mend, if it is: a disk that is full or closed to us is no bug."""
    if isinstance(error, OSError) and error.errno in _ENVIRONMENT:
        return AppError(91, ": ".join(str(part) for part in (error.filename, error.strerror) if part))
    return error if isinstance(error, AppError) else None


def describe_error(error: BaseException) -> JobError:
    """What `job_error.json` says of an error."""
    if isinstance(error, KeyboardInterrupt):
        return {"type": "AppError", "message": "The run was stopped before it was done."}
    refusal = as_app_error(error)
    if refusal:
        return {"type": "AppError", "message": refusal.message}
    return {"type": "AppInternalError", "message": f"{type(error).__name__}: {error}"}


def _report(folder: JobFolder, error: BaseException, verbose: bool) -> None:
    """Writes the error and shows it: what the user can mend as its own message, a bug of ours as one line, its trace kept.

    Where it cannot be written, showing it is what is left.
    """
    described = describe_error(error)
    is_bug = described["type"] == "AppInternalError"
    trace = "".join(traceback.format_exception(error)) if is_bug else ""
    try:
        folder.write_error(described, trace)
        place = f" (trace in {folder.trace_path})" if is_bug else ""
    except OSError as failure:
        place = f"\n  job_error.json was not written: {failure.filename}: {failure.strerror}"
    if is_bug and verbose:
        print(trace, file=sys.stderr)
    shown = f"Internal error: {described['message'].partition(chr(10))[0]}" if is_bug else described["message"]
    print(f"{shown}{place}", file=sys.stderr)
