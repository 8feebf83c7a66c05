"""The rooms of the suite import only what the layout lets them: no cycle, no app in another, one importer of dxpy."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "json_text": set(),
    "genome": set(),
    "values": {"errors"},
    "faults": {"errors"},
    "nearest": {"errors", "faults"},
    "scan": {"errors", "faults", "values"},
    "dictionary": {"errors", "faults", "nearest", "values", "scan"},
    "graph": {"dictionary", "errors", "faults"},
    "spark": {"errors"},
    "dataset": {"dictionary", "graph", "errors", "faults", "nearest", "values"},
    "platform": {"dataset", "errors", "nearest", "spark", "json_text"},
    "job": {"dataset", "platform", "spark", "errors", "faults", "nearest", "json_text"},
    "tables": {"spark", "scan", "dictionary", "dataset", "platform", "errors", "faults", "values"},
    "vcf": {"scan", "errors", "faults", "genome"},
    "expression": {"scan", "errors", "faults"},
}
"""Each room of `common` and the rooms that it may import."""


def modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "common").with_suffix("").parts[0]


@pytest.mark.parametrize("path", modules(ROOT / "common"), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_the_rooms_it_may(path: Path) -> None:
    room = room_of(path)
    found = {name.split(".")[1] for name in imports(path) if name.startswith("common.")}
    assert room == "__init__" or found - {room} <= ALLOWED[room]
    assert not any(name.split(".")[0] == "apps" for name in imports(path))


@pytest.mark.parametrize("path", modules(ROOT / "apps"), ids=lambda path: str(path.relative_to(ROOT)))
def test_an_app_imports_no_other_app(path: Path) -> None:
    parts = path.relative_to(ROOT / "apps").parts
    others = {name.split(".")[1] for name in imports(path) if name.startswith("apps.")} - {parts[0]}
    assert not others or parts[0] == "__main__.py"


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported_modules(path: Path, known: set[str]) -> set[str]:
    """The modules among `known` that a file imports, inside functions too: whole, or names of theirs."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            parts = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (parts & known) | ({node.module} if parts - known else set())
    return found & known


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_no_module_of_a_room_imports_itself_by_way_of_others(room: str) -> None:
    paths = {module_name(path): path for path in modules(ROOT / "common" / room)}
    rest = {name: imported_modules(path, set(paths)) for name, path in paths.items()}
    while leaves := [name for name, imported in rest.items() if not imported & rest.keys()]:
        for name in leaves:
            del rest[name]
    assert not rest, "a circle, or what leads to one"


def test_dxpy_has_one_importer() -> None:
    importers = [
        str(path.relative_to(ROOT))
        for path in [*modules(ROOT / "common"), *modules(ROOT / "apps")]
        if any(name.split(".")[0] == "dxpy" for name in imports(path))
    ]
    assert all(name.startswith("common/platform/dx") for name in importers), importers


def test_private_interfaces_of_spark_have_one_user() -> None:
    private = re.compile(
        r"\._(jvm|jsc|gateway|jsparkSession|jdf|accumulatorServer|ensure_initialized|active_spark_context)\b"
    )
    users = [
        str(path.relative_to(ROOT))
        for path in [*modules(ROOT / "common"), *modules(ROOT / "apps")]
        if private.search(path.read_text(encoding="utf-8"))
    ]
    assert users == ["common/spark/internals.py"]
