"""Spark's Python daemon, with what every task of ours uses imported before it forks a worker for each core.

Named by `spark.python.daemon.module` where Spark runs within the driver's process; elsewhere the suite is not on the daemon's path.
Each worker then starts warm.
"""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module

_USED = ("pyarrow.compute", "pyarrow.csv", "pyarrow.fs", "pyarrow.parquet", "pyspark.worker")


class _NoPandas:
    """A finder by which pandas is not to be found."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        """Raises for pandas, leaves all else to the finders behind."""
        if name == "pandas":
            raise ModuleNotFoundError(name)


def main() -> None:
    """Imports all that is used, then serves Spark."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's own threads would not survive the fork
    sys.path[:] = [entry for entry in sys.path if not _is_zip_of_installed(entry)]
    for name in _USED:
        import_module(name)
    _settle_pandas()
    gc.freeze()  # nothing of this is ever garbage: workers need not look at it, nor copy its pages to do so
    from pyspark import daemon

    daemon.manager()


def _is_zip_of_installed(entry: str) -> bool:
    """Whether a place to import from is a zip within the installed pyspark, as Spark puts before it.

    From a zip Python compiles each module at every start: 0.7 s of CPU for the daemon and two workers.
    """
    folder, inside, _ = entry.partition("/pyspark/python/lib/")
    return bool(inside) and folder in sys.path


def _settle_pandas() -> None:
    """Has pyarrow ask for pandas once, in vain. Otherwise each worker would import it where it is installed, for 0.25 s of CPU,
    only to learn that none of our values is of its types."""
    import numpy as np
    import pyarrow as pa

    sys.meta_path.insert(0, _NoPandas)
    np.asarray(pa.array([1]))
    sys.meta_path.remove(_NoPandas)


if __name__ == "__main__":
    main()
