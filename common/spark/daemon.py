"""Spark's Python daemon, with what every task of ours uses imported before it forks a worker for each core.

Named by `spark.python.daemon.module` where Spark runs within the driver's process; elsewhere the suite is not on the daemon's path.
Each worker then starts warm.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's own threads would not survive the fork

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.fs
import pyarrow.parquet
from pyspark import daemon


class _NoPandas:
    """A finder by which pandas is not to be found."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        """Raises for pandas, leaves all else to the finders behind."""
        if name == "pandas":
            raise ModuleNotFoundError(name)


def settle_pandas() -> None:
    """Has pyarrow ask for pandas once, in vain. Otherwise each worker would import it where it is installed, for 0.35 s of CPU,
    only to learn that none of our values is of its types."""
    sys.meta_path.insert(0, _NoPandas)
    pa.array(np.zeros(1))
    sys.meta_path.remove(_NoPandas)


if __name__ == "__main__":
    settle_pandas()
    daemon.manager()
