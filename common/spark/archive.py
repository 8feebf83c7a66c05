"""The class-data archive: Spark's classes as Java holds them in memory, made once at set-up, mapped at every start.

It halves the CPU time of a session's start (`make bench`). Java binds an archive to its own build and to the exact jars, and
passes over one that does not fit; so it can be stale, but never wrong.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from common.spark.java import Java, find_java
from common.spark.session import Cluster

_WRITING = 120.0  # s, in which Java ends by itself and writes the archive as it does


def make_archive(java: Java) -> Path:
    """Runs a small session that uses what loaders use, and has Java write the archive as it ends (about 20 s).

    Raises `OSError` or `subprocess.SubprocessError` if Java cannot.
    """
    if not any(java.home.glob("lib/**/classes.jsa")):
        # Ours is a layer over Java's own, which the Java from PyPI comes without.
        subprocess.run([java.executable, "-Xshare:dump"], check=True, capture_output=True)
    path = java.archive
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    _run_session(["-XX:ArchiveClassesAtExit=" + str(draft), "-Xlog:disable"])
    return draft.replace(path)


def _run_session(java_options: list[str]) -> None:
    cluster = Cluster("class-data archive", "local[2]", {"spark.driver.extraJavaOptions": " ".join(java_options)})
    cluster.map(abs, [-1, -2], "python task")
    session = cluster.session
    with tempfile.TemporaryDirectory() as folder:
        rows = session.range(1000).selectExpr(
            "id", "id % 7 AS k", "cast(id AS string) AS s", "timestamp_seconds(id) AS t"
        )
        rows.write.partitionBy("k").parquet(f"{folder}/rows")
        written = session.read.parquet(f"{folder}/rows")
        written.createOrReplaceTempView("rows")
        session.sql(
            "SELECT a.k, count(*), count(DISTINCT a.s), max(a.t) FROM rows a LEFT JOIN rows b ON a.id = b.id "
            "WHERE a.s IS NOT NULL GROUP BY a.k HAVING count(*) > 1 ORDER BY a.k"
        ).collect()
        session.sql("SELECT s FROM rows WHERE id NOT IN (SELECT k FROM rows) ORDER BY t LIMIT 3").collect()
    cluster.stop(grace=_WRITING)


def main() -> int:
    """Makes the archive if it is missing. Set-up goes on without one: it saves time, nothing else."""
    java = find_java()
    if sys.prefix == sys.base_prefix or java.archive.exists():
        return 0
    try:
        make_archive(java)
    except (OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"No class-data archive, Spark will start slower: {error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
