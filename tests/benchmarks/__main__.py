"""`python -m tests.benchmarks [NAME…] [--full | --huge]`: runs the benchmark modules of this folder, all or those named.

Without `--full` each runs once at a small size, to see that it works; the figures that count are those of `--full`. `--huge`
runs, instead, what those that have it measure on data larger than memory.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

names = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
given = sys.argv[1:]
wanted = [each for each in given if not each.startswith("--")] or names
unknown = [name for name in wanted if name not in names]
if unknown or set(given) - set(wanted) - {"--full", "--huge"}:
    sys.exit(f"usage: python -m tests.benchmarks [NAME…] [--full | --huge]; there are {', '.join(names)}")
for name in wanted:
    module = import_module(f"tests.benchmarks.bench_{name}")
    if "--huge" not in given:
        module.main(full="--full" in given)
    elif hasattr(module, "measure_huge"):
        module.measure_huge()
