"""The check: keys are unique, references resolve and one-to-one holds, over all pieces and the rows already there."""

from __future__ import annotations

from collections.abc import Iterator

from apps.data_model_loader.load import Loads, key_buckets, run_loads, with_rejects
from apps.data_model_loader.plan import Plan
from apps.data_model_loader.report import build_report
from common.errors import Rule
from common.faults import FaultError, Faults, counted
from common.job import Run
from common.job.report import write_report
from common.tables.key_checks import KeyCheck, KeyColumn, KeySpace, TableKeys, check_keys, extract_keys
from common.tables.quarantine import validate_share
from common.values.types import ARROW_TYPES

VALUE_RULES = range(Rule.VALUE_TYPE, Rule.TOO_MANY_FAULTY)
"""Faults of values: what `on_fault: quarantine` sets aside. All others fail the load."""

_STRUCTURE_RULES = (Rule.FIELD_NAME, Rule.UNREADABLE, Rule.ROW_WIDTH)


def check_references(run: Run, plan: Plan, loads: Loads) -> None:
    """Adds what the keys show to the faults of the load; with quarantine, sets the faulty rows aside.

    Where rows could not be read, keys are not checked: the missing rows would make false faults of good references.
    """
    if not any(code in loads.faults.counts for code in _STRUCTURE_RULES):
        with run.progress.stage("check") as stage:
            spaces = _build_spaces(run, plan, loads)
            if plan.quarantines:
                _set_aside(run, loads, spaces)
                for name, load in loads.entities.items():
                    validate_share(load.rows, load.quarantined, plan.max_faulty_share, name, loads.faults)
            else:
                for result in run.cluster.map(check_keys, _tasks(spaces), "check"):
                    loads.faults.merge(result.faults)
            references = sum(len(space.references) for space in spaces)
            stage.note(f"{counted(len(spaces), 'key')}, {counted(references, 'reference')}")


def refuse_faults(run: Run, plan: Plan, loads: Loads) -> None:
    """Raises all faults, with a report, unless rows are set aside and no fault is of another kind."""
    if loads.faults and (not plan.quarantines or any(code not in VALUE_RULES for code in loads.faults.codes())):
        write_report(run, build_report(plan, loads))
        loads.faults.raise_if_any("The load")


def _tasks(
    spaces: list[KeySpace], rejects: dict[str, tuple[str, ...]] | None = None, folder: str | None = None
) -> list[KeyCheck]:
    return [KeyCheck(space, bucket, rejects or {}, folder) for space in spaces for bucket in range(space.buckets)]


def _build_spaces(run: Run, plan: Plan, loads: Loads) -> list[KeySpace]:
    """A key space for each key, with the references to it; key values of rows already there are taken from their tables."""
    buckets = key_buckets(plan)
    old = _extract_existing(run, plan, loads, buckets)
    spaces = []
    for entity in plan.dictionary.entities.values():
        key = entity.primary_key
        if key is None:
            continue
        references = tuple(
            (_key_column(loads, edge.child, edge.child_field, old), edge.relationship)
            for edge in plan.graph.edges
            if edge.parent == entity.name
        )
        column = _key_column(loads, entity.name, key.name, old)
        spaces.append(KeySpace(column, references, ARROW_TYPES[key.type], buckets))
    return spaces


def _key_column(loads: Loads, entity: str, field: str, old: dict[tuple[str, str], list[str]]) -> KeyColumn:
    load = loads.entities.get(entity)
    new = [f"{load.plan.key_folder}/{result.keys[field]}" for result in load.results] if load else []
    names = tuple(file.name for file in load.plan.files) if load else ()
    return KeyColumn(entity, field, tuple(new + old.get((entity, field), [])), names)


def _extract_existing(run: Run, plan: Plan, loads: Loads, buckets: int) -> dict[tuple[str, str], list[str]]:
    """Key files of rows that stay in the database, by entity and field."""
    made: dict[tuple[str, str], list[str]] = {}
    tasks: list[TableKeys] = []
    for entity, field, table in _old_columns(plan):
        folder = loads.staging.scratch_folder("old_keys")
        for path in plan.existing[table]:
            target = f"{folder}/{len(tasks):05d}.arrow"
            made.setdefault((entity, field), []).append(target)
            tasks.append(TableKeys(path, {field: (target, buckets)}))
    if tasks:
        run.cluster.map(extract_keys, tasks, "keys of existing tables")
    return made


def _old_columns(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Key and reference columns of entities whose rows stay, with the table that holds each; none if nothing is loaded."""
    if not plan.files:
        return
    for entity in plan.dictionary.entities.values():
        if plan.keeps_rows(entity.name):
            for field in entity.fields:
                if field.primary_key_type or field.reference:
                    holds = (t.table for t in plan.tables[entity.name] if field.name in {c.name for c in t.columns})
                    yield entity.name, field.name, next(holds)


def _set_aside(run: Run, loads: Loads, spaces: list[KeySpace]) -> None:
    """Rejects faulty rows, then rows that refer to them, until none is left; loads the touched files again without them."""
    rejects: dict[str, tuple[str, ...]] = {}
    for round_ in range(len(spaces) + 1):
        folder = loads.staging.scratch_folder(f"rejects_{round_}")
        results = run.cluster.map(check_keys, _tasks(spaces, rejects, folder), "check")
        found = Faults()
        for result in results:
            found.merge(result.faults)
            for name, path in result.rejected.items():
                entity = name.split("/", 1)[0]
                rejects[entity] = (*rejects.get(entity, ()), path)
        loads.faults.merge(found)
        if any(result.old for result in results):
            raise FaultError("The check of rows that stand in the database already", found)
        if not any(result.rejected for result in results):
            break
    again = [
        (entity, with_rejects(task, paths))
        for entity, paths in rejects.items()
        for task in loads.entities[entity].tasks
    ]
    if again:
        run_loads(run, loads, again)
