"""`python -m tests.benchmarks [NAME…] [--full]`: runs the benchmark modules of this folder, all or those named.

Without `--full` each runs once at a small size, to see that it works; the figures that count are those of `--full`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

names = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
given = sys.argv[1:]
wanted = [each for each in given if not each.startswith("--")] or names
unknown = [name for name in wanted if name not in names]
if unknown or set(given) - set(wanted) - {"--full"}:
    sys.exit(f"usage: python -m tests.benchmarks [NAME…] [--full]; there are {', '.join(names)}")
for name in wanted:
    import_module(f"tests.benchmarks.bench_{name}").main(full="--full" in given)
