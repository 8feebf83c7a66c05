"""`python -m tests.benchmarks [NAME] [options]`: runs one benchmark, or all at their small sizes."""

from __future__ import annotations

import runpy
import sys

BENCHMARKS = ("expression",)

if __name__ == "__main__":
    named = sys.argv[1:2] if sys.argv[1:] and not sys.argv[1].startswith("-") else []
    options = sys.argv[1 + len(named) :]
    for name in named or BENCHMARKS:
        sys.argv = [name, *options]
        runpy.run_module(f"{__package__}.{name}", run_name="__main__", alter_sys=True)
