"""Runs an app: reads and checks its job input, calls its `main`, writes its output or error, and closes everything."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import signal
import sys
import traceback
import warnings
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from common.errors import AppError, Rule, disk_error
from common.faults import FaultError
from common.job import Main, Run
from common.job.folder import JobError, JobFolder
from common.job.inputs import resolve_inputs
from common.job.outputs import check_outputs
from common.job.progress import Progress, show
from common.job.report import write_report
from common.job.spec import Spec, read_spec
from common.job.stops import Stopped, ignore_stops, raise_stops, stop_with_parent
from common.platform import Platform, Staging
from common.spark.session import Cluster

_NO_MEMORY = re.compile(r"can't start new thread|failed to map segment|annot allocate memory")
"""What errors of threads and of shared libraries say where memory ran out."""
_RESERVED_MEMORY = 16 << 20
"""Bytes given back when a run ends, so that one that ran out of memory can still be closed. Nothing touches them."""
_SHUT_DOWN = "SparkContext was shut down"  # Java says so of its jobs when a signal ends it
_LOSS_REMEDY = "Most often memory ran out: give the run more, and start it again."


def execute(
    app_file: str | Path,
    main: Main | None = None,
    argv: Sequence[str] | None = None,
    given: Mapping[str, Any] | None = None,
) -> int:
    """Runs the app whose `app.py` is `app_file`, with its `dxapp.json` beside it. Returns the exit status. Signals are
    ignored from then on: the process is to end. Without `main` it imports that of `apps.<folder>.app`, so that a stop during
    the import is answered too.

    0: all is published and `job_output.json` is written; 1: `job_error.json` is; 130, 143 or 129: stopped by SIGINT, SIGTERM or
    SIGHUP, with `job_error.json`. A faulty command line ends with argparse's status 2. `given` becomes the job input.
    """
    spec = read_spec(Path(app_file).with_name("dxapp.json"))
    options = _option_parser(spec).parse_args(argv)
    folder = JobFolder(Path(options.job_dir))
    stagings: list[Staging] = []
    with quiet(options.verbose):
        try:
            raise_stops(lambda: any(each.has_published for each in stagings))
            if "PYSPARK_GATEWAY_PORT" in os.environ:
                stop_with_parent()
            folder.prepare(given)
            main = main or import_module(f"apps.{Path(app_file).absolute().parent.name}.app").main
            cluster = Cluster(spec.name, options.master)
            platform = _open_platform(options.project, cluster)
            run_job(spec, main, folder, platform, cluster, Progress(brief=options.brief), stagings)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the outermost layer: all that goes wrong becomes the job's error
            ignore_stops()
            _report(folder, error, options.verbose)
            return getattr(error, "status", 130) if isinstance(error, KeyboardInterrupt) else 1
        finally:
            ignore_stops()
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


def run_job(
    spec: Spec,
    main: Main,
    folder: JobFolder,
    platform: Platform,
    cluster: Cluster,
    progress: Progress,
    stagings: list[Staging],
) -> dict[str, Any]:
    """Runs an app between the job input and the job output of a prepared folder; returns the outputs. Adds to `stagings` what it
    stages. Stops Spark and removes what is staged, whatever happens."""
    input_ = folder.read_input()
    with _job_described(platform, spec.name, input_) as outputs, ExitStack() as closing:
        closing.callback(_close_all, stagings)
        closing.callback(_quietly, cluster.stop)  # before what it may still be writing is removed
        closing.callback(_quietly, platform.close)  # while Spark still runs
        closing.callback(ignore_stops)  # nothing of this takes long
        closing.callback(bytearray(_RESERVED_MEMORY).clear)
        inputs = resolve_inputs(input_, spec, platform)
        run = Run(spec.name, inputs, platform, cluster, folder.path, progress, stagings)
        try:
            outputs |= check_outputs(main(run), spec)
        except FaultError as error:
            if not folder.report_path.exists():  # an app that has more to say has written its own
                _quietly(partial(write_report, run, {"faults": error.faults.to_json()}))
            raise
        except Exception as error:
            raise _cause(error, cluster) from error
        _write_output(folder, outputs, stagings, progress)
    return outputs


def _write_output(folder: JobFolder, outputs: dict[str, Any], stagings: list[Staging], progress: Progress) -> None:
    """Writes the job output. If that fails after a publish, shows the output instead."""
    for doubt in filter(None, (each.doubt for each in stagings)):
        progress.warn(doubt)
    try:
        folder.write_output(outputs)
    except OSError as error:
        if not any(each.has_published for each in stagings):
            raise
        progress.warn(f"job_output.json was not written ({error.strerror}); it would be {json.dumps(outputs)}")


def _open_platform(project: str, cluster: Cluster) -> Platform:
    """The platform in a job of the platform's (its environment says so), else the local project."""
    if job_id := os.environ.get("DX_JOB_ID"):
        from common.platform.dx import DxPlatform

        return DxPlatform(job_id, cluster)
    from common.platform.local import LocalProject

    return LocalProject(project)


@contextmanager
def _job_described(platform: Platform, app: str, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Keeps the job's own object in a local project: running, then done with its outputs, or failed with its error.

    On the platform the job's object exists already.
    """
    from common.platform.local import LocalProject

    outputs: dict[str, Any] = {}
    if not isinstance(platform, LocalProject):
        yield outputs
        return
    try:
        platform.write_job(app, "running", given)
        yield outputs
    except BaseException as error:
        ignore_stops()
        if platform.is_at_work:
            _quietly(partial(platform.write_job, app, "failed", given, error=describe_error(error)))
        raise
    _quietly(partial(platform.write_job, app, "done", given, outputs))


def _close_all(stagings: list[Staging]) -> None:
    for staging in stagings:
        _quietly(staging.close)


def _quietly(close: Callable[[], object]) -> None:
    # The outcome is settled by now, and a fault here must not replace it. The next run sweeps what is left.
    with suppress(Exception):
        close()


@contextmanager
def quiet(verbose: bool) -> Iterator[None]:
    """Hides warnings and logs of libraries unless verbose: py4j logs a trace for each call that Ctrl-C interrupts."""
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


def _cause(error: Exception, cluster: Cluster) -> BaseException:
    """The cause of the error if Spark's Java was stopped or died; else the error itself."""
    if _SHUT_DOWN in str(error):
        return Stopped(signal.SIGTERM)
    if isinstance(error, AppError) and error.code != Rule.SPARK_FAILED:
        return error
    loss = cluster.loss
    return AppError(Rule.SPARK_FAILED, loss, _LOSS_REMEDY) if loss else error


def as_app_error(error: BaseException) -> AppError | None:
    """The error as an `AppError`, if the user can mend it: a disk that is full or closed to us is not a bug."""
    is_memory = isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
    if is_memory or (isinstance(error, RuntimeError | ImportError) and _NO_MEMORY.search(str(error))):
        return AppError(Rule.SPARK_FAILED, f"no memory is left: {error}".removesuffix(": "))
    return error if isinstance(error, AppError) else disk_error(error)


def describe_error(error: BaseException) -> JobError:
    """What `job_error.json` says of an error."""
    if isinstance(error, KeyboardInterrupt):
        return {"type": "AppError", "message": "The run was stopped before it was done."}
    refusal = as_app_error(error)
    if refusal:
        return {"type": "AppError", "message": refusal.message}
    return {"type": "AppInternalError", "message": f"{type(error).__name__}: {error}"}


def _report(folder: JobFolder, error: BaseException, verbose: bool) -> None:
    """Writes the error and shows it: a user's mistake as its own message, a bug of ours as one line, with the trace in a
    file.

    If it cannot be written, it is only shown.
    """
    described = describe_error(error)
    is_bug = described["type"] == "AppInternalError"
    trace = "".join(traceback.format_exception(error)) if is_bug else ""
    try:
        folder.write_error(described, trace)
        place = f" (trace in {folder.trace_path})" if is_bug else ""
    except OSError as failure:
        place = f"\n  job_error.json was not written: {failure.filename}: {failure.strerror}"
    shown = f"Internal error: {described['message'].partition(chr(10))[0]}" if is_bug else described["message"]
    show(sys.stderr, f"{trace if verbose else ''}{shown}{place}\n")
