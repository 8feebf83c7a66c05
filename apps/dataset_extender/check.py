"""The check: ids of the source are those of the target, and unique where a row is to be one of the target's rows."""

from __future__ import annotations

from apps.dataset_extender.load import Load
from apps.dataset_extender.plan import Plan
from common.faults import counted
from common.job import Run
from common.tables.key_checks import KeyCheck, KeySpace, check_keys


def check_link(run: Run, plan: Plan, load: Load) -> str:
    """The relationship of the new rows to the target's. Adds to the load's faults what contradicts it: repeated ids when
    extending (74), ids that the target lacks (75), repeated ids in a one-to-one relationship (76).
    """
    relationship = "one_to_one" if plan.extends else plan.relationship
    if load.link is None or load.counts is None:
        return relationship or ""
    relationship = relationship or load.counts.relationship
    is_kept = relationship != "one_to_one" or load.counts.is_source_unique
    if is_kept and load.counts.matched_ids == load.counts.source_ids and load.counts.is_target_unique:
        return relationship
    link = load.link
    references = ((link.source, "many_to_one" if plan.extends else relationship),)
    spaces = [KeySpace(link.target, references, link.kind, link.buckets)]
    if plan.extends:
        spaces.append(KeySpace(link.source, (), link.kind, link.buckets))
    tasks = [KeyCheck(space, bucket) for space in spaces for bucket in range(link.buckets)]
    with run.progress.stage("check") as stage:
        for result in run.cluster.map(check_keys, tasks, "check"):
            load.faults.merge(result.faults)
        stage.note(counted(load.faults.total, "fault"))
    return relationship
