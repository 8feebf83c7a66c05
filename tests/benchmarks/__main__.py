"""`python -m tests.benchmarks [NAME…]`: runs the benchmark modules of this folder, all or those named."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

names = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
wanted = [f"bench_{name.removeprefix('bench_')}" for name in sys.argv[1:]] or names
unknown = [name for name in wanted if name not in names]
if unknown:
    sys.exit(f"No benchmark {', '.join(unknown)}; there are {', '.join(names)}")
for name in wanted:
    import_module(f"tests.benchmarks.{name}").main()
