"""The folder of one job: `job_input.json` in, `job_output.json` or `job_error.json` out.

Format: the job files of dx-toolkit (`dxpy/utils/exec_utils.py`). A job that left `job_output.json` has succeeded, whatever
Spark's own exit status says.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict

from common.errors import AppError, Rule
from common.json_text import FEW_LEVELS, JsonError, parse_json


class JobError(TypedDict):
    """The error of a failed job: `AppError` for a mistake of the user's, `AppInternalError` for a bug of ours."""

    type: Literal["AppError", "AppInternalError"]
    message: str


_RESERVED_BYTES = 64 * 1024

LARGEST_INPUT = "LOADER_JOB_INPUT_MIB"
"""Environment variable: the most that a job input may have, in MiB; 32 if it is not set."""


@dataclass(frozen=True, slots=True)
class JobFolder:
    """The job files below `path`, a folder on the driver's own disk."""

    path: Path

    @property
    def trace_path(self) -> Path:
        """Where the trace of an internal error goes."""
        return self.path / "job_error.log"

    @property
    def report_path(self) -> Path:
        """Where the run's report goes."""
        return self.path / "report.json"

    @property
    def is_done(self) -> bool:
        """Whether the job has succeeded."""
        return self._output_path.exists()

    def prepare(self, given: Mapping[str, Any] | None = None) -> None:
        """Makes the folder, removes what an earlier run left, and reserves room for an error on a disk that fills up; writes the
        job input where one is given, as a runner does.

        Raises `AppError` 91 if the folder cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AppError(Rule.NOT_FOUND, f"the job folder {self.path} cannot be made: {error.strerror}") from error
        for stale in (self._output_path, self._error_path, self.trace_path, self.report_path):
            stale.unlink(missing_ok=True)
        self._reserve_path.write_bytes(b" " * _RESERVED_BYTES)
        if given is not None:
            _write_json(self.path / "job_input.json", given)

    def read_input(self) -> dict[str, Any]:
        """The job input. Raises `AppError` 91 if there is none, 90 if it is not a JSON object."""
        return read_json_object(self.path / "job_input.json")

    def read_output(self) -> dict[str, Any]:
        """The job output of a run that has succeeded."""
        return read_json_object(self._output_path)

    def write_output(self, value: dict[str, Any]) -> None:
        """Writes the job output: the sign of success."""
        self._reserve_path.unlink(missing_ok=True)
        _write_json(self._output_path, value)

    def write_error(self, error: JobError, trace: str = "") -> None:
        """Writes the job error, and the trace beside it if there is one."""
        self._reserve_path.unlink(missing_ok=True)
        _write_json(self._error_path, {"error": error})
        if trace:
            self.trace_path.write_text(trace, encoding="utf-8")

    @property
    def _output_path(self) -> Path:
        return self.path / "job_output.json"

    @property
    def _error_path(self) -> Path:
        return self.path / "job_error.json"

    @property
    def _reserve_path(self) -> Path:
        return self.path / "job_error_reserved_space"


def read_json_object(path: Path) -> dict[str, Any]:
    """A JSON object from a user's file. Raises `AppError` 91 if the file cannot be read, 90 if it holds something else."""
    most = _largest_input()
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise AppError(Rule.NOT_FOUND, f"{path}: {getattr(error, 'strerror', error)}") from error
    if len(content) > most:
        text = f"{path} is larger than {most >> 20} MiB, the most that a job input may have"
        raise AppError(Rule.JOB_INPUT, text, f"Give fewer inputs, or set {LARGEST_INPUT} to the MiB that it may have.")
    return parse_json_object(content, str(path))


def _largest_input() -> int:
    given = os.environ.get(LARGEST_INPUT, "32")
    if not re.fullmatch("[1-9][0-9]{0,5}", given):
        raise AppError(
            Rule.JOB_INPUT, f"{LARGEST_INPUT} is {given!r}, which is not a number of MiB", "Give a whole number from 1."
        )
    return int(given) << 20


def parse_json_object(text: bytes | str, source: str) -> dict[str, Any]:
    """A JSON object from a user's text; `source` names it in the `AppError` 90 that is raised otherwise."""
    try:
        value = parse_json(text, FEW_LEVELS)
    except JsonError as error:
        raise AppError(
            Rule.JOB_INPUT, f"{source}: {error}", "Correct it there; a JSON object holds each key once."
        ) from None
    if not isinstance(value, dict):
        raise AppError(Rule.JOB_INPUT, f"{source} does not hold a JSON object")
    return value


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes the file whole or not at all: a killed run leaves no half of it."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
