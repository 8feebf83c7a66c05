"""The Clinical Dataset Merger on two wide Datasets, its relationship given and inferred, beside an empty session."""

from __future__ import annotations

import csv
import os
import tempfile
from pathlib import Path

from tests.benchmarks.bench_clinical import empty_way
from tests.benchmarks.bench_extender import app_command
from tests.benchmarks.measure import Way, compare, measure, show_table


def main(full: bool = False) -> None:
    """Twice 200 entities with 10,000 fields, main entities of 1 M rows; or 5 entities of 50 fields, to see that it works."""
    entities, fields, rows, rounds = (200, 50, 1_000_000, 3) if full else (5, 10, 1000, 1)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        work = Path(folder)
        for name in ("left", "right"):
            load_dataset(work, name, entities, fields, rows)
        given = {"source_dataset": "left", "target_dataset": "right"}
        ways = {
            "relationship given": _way(work, {**given, "relationship": "one_to_one"}),
            "relationship inferred": _way(work, given),
            "empty session": empty_way(),
        }
        title = f"two Datasets of {entities} entities, {entities * fields:,} fields, {rows:,} ids"
        costs = compare(title, ways, rounds)
        empty = costs.pop("empty session")
        beyond = {name: cost.less(empty) for name, cost in costs.items()}
        shown = [[name, f"{cost.wall:.1f}", f"{cost.cpu:.1f}"] for name, cost in beyond.items()]
        show_table("beyond an empty session", ["", "wall s", "CPU s"], shown)


def _way(work: Path, given: dict[str, object]) -> Way:
    return Way(app_command("clinical_dataset_merger", given, work / "project", work))


def load_dataset(work: Path, name: str, entities: int, fields: int, rows: int) -> None:
    """A Dataset `name`: a main entity of so many rows, and others of one row each that refer to it."""
    folder = work / name
    folder.mkdir()
    with (folder / "data_dictionary.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["entity", "name", "type", "primary_key_type", "referenced_entity_field", "relationship"])
        for number in range(entities):
            entity, main = f"{name}_{number}", f"{name}_0:id"
            writer.writerow([entity, "id", "string", *(["", main, "many_to_one"] if number else ["global", "", ""])])
            writer.writerows([entity, f"field_{each}", "integer", "", "", ""] for each in range(1, fields))
    cells = "," * (fields - 1)
    header = ",".join(["id", *(f"field_{each}" for each in range(1, fields))])
    for number in range(entities):
        with (folder / f"{name}_{number}.csv").open("w", encoding="utf-8") as file:
            file.write(f"{header}\n")
            file.writelines(f"P{row:08d}{cells}\n" for row in range(1 if number else rows))
    given = {
        "data_dictionary": str(folder / "data_dictionary.csv"), "output_dataset_name": name,
        "data_files": [str(folder / f"{name}_{number}.csv") for number in range(entities)],
    }  # fmt: skip
    measure(Way(app_command("data_model_loader", given, work / "project", work)))
