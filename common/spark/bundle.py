"""The suite's code and data as one zip, for `--py-files`: how it reaches the workers of a cluster."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("apps", "common", "resources")
_LEFT_OUT = {"__pycache__", "examples"}
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest date a zip can hold: same files, same bytes


def write_bundle(path: Path) -> Path:
    """Writes the zip, and returns its path. Equal files give equal bytes; whoever reads the former zip reads on in that."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as bundle:
        for file in _files():
            entry = zipfile.ZipInfo(file.relative_to(ROOT).as_posix(), _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            bundle.writestr(entry, file.read_bytes())
    return draft.replace(path)


def _files() -> Iterator[Path]:
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*")):
            if file.is_file() and not _LEFT_OUT.intersection(file.relative_to(ROOT).parts):
                yield file


if __name__ == "__main__":
    sys.stdout.write(f"{write_bundle(Path(sys.argv[1]))}\n")
