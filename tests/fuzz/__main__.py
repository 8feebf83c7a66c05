"""Searches with the fuzzers for a time, from a new seed; the status is 1 if one of them found something."""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.fuzz import fuzzers

STEP_SECONDS = 5.0


def search(name: str, seed: int, seconds: float) -> tuple[str, int, list[str]]:
    """Runs one fuzzer with one seed after another for a time; its name, inputs tried and findings."""
    fuzzer = fuzzers()[name]
    end, count, tried = time.monotonic() + seconds, fuzzer.SUITE_COUNT, 0
    found: list[str] = []
    while not found and time.monotonic() < end:
        begun = time.monotonic()
        found += fuzzer.run(seed, count)
        tried, seed = tried + count, seed + 1
        if time.monotonic() - begun < STEP_SECONDS:
            count *= 2
    return name, tried, found


def main() -> int:
    """Searches with all fuzzers, or those named, side by side on the machine's cores."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Runs the fuzzers.")
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"one of {', '.join(fuzzers())}; all if none is given")
    parser.add_argument("--seconds", type=float, default=120.0, help="for all fuzzers together (%(default)s)")
    parser.add_argument("--seed", type=int, help="the first seed; drawn if not given")
    options = parser.parse_args()
    names = options.names or list(fuzzers())
    unknown = sorted(set(names) - set(fuzzers()))
    if unknown:
        parser.error(f"no fuzzer {', '.join(unknown)}; there are {', '.join(fuzzers())}")
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    status = 0
    workers = min(len(names), os.cpu_count() or 1)
    each = options.seconds * workers / len(names)
    with ProcessPoolExecutor(workers) as pool:
        for name, tried, found in pool.map(search, names, [seed] * len(names), [each] * len(names)):
            print(f"{name:<12} {tried:>10,} inputs, {len(found)} findings", flush=True)
            for finding in found:
                status = 1
                print(f"  {finding}")
    return status


if __name__ == "__main__":
    sys.exit(main())
