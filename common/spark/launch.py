"""What a Spark process of ours starts with: its environment, its Java options, the suite's defaults; and `spark-submit`.

    python -m common.spark.launch [--master URL] PROGRAM ARGUMENT…

runs a program through Spark's own `spark-submit`, with this interpreter, the Java that set-up chose and a quiet log.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from common.spark.bundle import ROOT, write_bundle
from common.spark.java import find_java, java_home
from resources import resource

BUNDLE = ROOT / "build" / "suite.zip"
LOOPBACK = "127.0.0.1"
SQL_OPTIONS = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=4",
    "spark.sql.runSQLOnFiles": "false",
    "spark.sql.variable.substitute": "false",
}
"""Settings for a session whose work is Spark SQL: both compilers; statements reach no other file, and no environment variable."""

_QUIET_ARCHIVE = ["-Xlog:disable", "-Xlog:all=error:stderr", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
"""Java reports on stdout whatever it finds odd about an archive; of the rest, only errors, and on stderr."""


def spark_home() -> Path:
    """The folder of the installed pyspark, found without importing it."""
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("pyspark is not installed: run make setup")
    return Path(spec.origin).parent


def read_defaults() -> dict[str, str]:
    """The suite's Spark settings, `resources/spark-defaults.conf`."""
    lines = resource("spark-defaults.conf").read_text(encoding="utf-8").splitlines()
    settings = (line.split(None, 1) for line in lines if line.strip() and not line.startswith("#"))
    return {name: value.strip() for name, value in settings}


def is_local(master: str) -> bool:
    """True if Spark runs within the driver's process."""
    return master.startswith("local")


def is_here(master: str) -> bool:
    """True if all of Spark runs on this machine: locally, or on a standalone cluster on loopback."""
    return is_local(master) or any(f"://{host}:" in master for host in (LOOPBACK, "localhost"))


def archive_options() -> list[str]:
    """Java options that use the class-data archive; none if there is none for this Java and Spark."""
    path = find_java().archive
    return ["-Xshare:auto", f"-XX:SharedArchiveFile={path}", *_QUIET_ARCHIVE] if path.exists() else []


def java_options() -> list[str]:
    """Options of a driver's Java that cannot be given once it runs: class-data archive, log and compiler.

    A loader's work is in its tasks, which are Python. Its Java only plans, and is gone before the code that the second compiler
    makes has paid for itself: measured on a load of 1 M rows, 2.5 s of CPU in Java instead of 5.4. `SQL_OPTIONS` turns it on again.
    """
    log = resource("log4j2.properties")
    quiet = [f"-Dlog4j2.configurationFile={log.as_uri()}"] if isinstance(log, Path) else []
    return [*archive_options(), *quiet, "-XX:TieredStopAtLevel=1"]


def environment(master: str) -> dict[str, str]:
    """The environment to start Spark in: this interpreter, the installed pyspark, the chosen Java, whatever stood there before."""
    names = {**os.environ, "JAVA_HOME": str(java_home()), "SPARK_HOME": str(spark_home())}
    # Spark's interpreters import pyspark.testing on their way, which warns of pandas 3; no loader passes data to pandas.
    names["PYTHONWARNINGS"] = "ignore:PySpark does not yet fully support pandas:FutureWarning"
    if is_here(master):
        names |= {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable, "SPARK_LOCAL_IP": LOOPBACK}
        names.pop("SPARK_CONF_DIR", None)
    return names


def spark_submit_command(
    program: Path, arguments: Sequence[str] = (), master: str = "local[*]", conf: Mapping[str, str] | None = None
) -> list[str]:
    """`spark-submit` of one program with the suite as `--py-files`; to be run in `environment(master)`.

    Only what Java must know before it starts is given here; the rest of the suite's settings come with the session.
    """
    settings = {"spark.driver.memory": read_defaults()["spark.driver.memory"], **(conf or {})}
    options = [f"--conf={name}={value}" for name, value in settings.items()]
    return [
        str(spark_home() / "bin" / "spark-submit"), f"--master={master}", f"--driver-java-options={shlex.join(java_options())}",
        f"--py-files={write_bundle(BUNDLE)}", *options, str(program), *arguments,
    ]  # fmt: skip


def main() -> None:
    """Becomes `spark-submit`, so that signals and the exit status are its own."""
    parser = argparse.ArgumentParser(prog="python -m common.spark.launch")
    parser.add_argument("--master", default="local[*]")
    parser.add_argument("program", type=Path)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    command = spark_submit_command(given.program, given.arguments, given.master)
    os.execve(command[0], command, environment(given.master))  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main()
