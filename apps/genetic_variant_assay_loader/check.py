"""The check: order and uniqueness from piece to piece and from file to file, and agreement of files split by sample."""

from __future__ import annotations

from dataclasses import replace

from apps.genetic_variant_assay_loader.combine import find_missed, validate_agreement
from apps.genetic_variant_assay_loader.load import Loads, reload_without
from apps.genetic_variant_assay_loader.order import ContigRun
from apps.genetic_variant_assay_loader.plan import Plan, SampleGroup
from apps.genetic_variant_assay_loader.task import PieceResult
from common.errors import Rule
from common.faults import Faults, Place, counted
from common.job import Run
from common.tables.quarantine import validate_share
from common.vcf.container import VcfFile


def check_pieces(run: Run, plan: Plan, loads: Loads) -> None:
    """Raises the faults of the load with those that the pieces show together; in permissive mode the latter alone, as
    faulty lines have been set aside by then, which pieces that do not fit cannot be. A line that was set aside from the
    samples of one piece is so from all."""
    between = Faults()
    with run.progress.stage("check") as stage:
        by_file = loads.by_file()
        for group in plan.groups:
            _validate_files(group, by_file, loads, between)
        if len(plan.groups) > 1 and not between and (plan.quarantines or not loads.faults):
            if loads.faults and (missed := find_missed(run, plan, loads)):
                reload_without(run, plan, loads, missed)
            validate_agreement(run, plan, loads, between)
        stage.note(counted(len(list(loads.pieces())), "piece"))
    if plan.quarantines:
        validate_share(loads.records, loads.set_aside, plan.max_faulty_share, "variant", between)
    if not plan.quarantines or Rule.TOO_MANY_FAULTY in between.counts:
        between.merge(loads.faults)
    between.raise_if_any("The load")


def _validate_files(group: SampleGroup, by_file: dict[str, list[PieceResult]], loads: Loads, faults: Faults) -> None:
    """Each file in order, then each against all files of the group that reach as far as where it begins."""
    placed = [(file, run) for file in group.files for run in _runs_of(file, by_file[file.path], loads, faults)]
    placed.sort(key=lambda each: (each[1].chr, each[1].first, each[1].last))
    reaching: list[tuple[VcfFile, ContigRun]] = []
    for later, after in placed:
        reaching = [each for each in reaching if each[1].chr == after.chr and each[1].last >= after.first]
        place = Place(later.name, after.line, field="POS")
        for earlier, before in reaching:
            if after.first < before.last:
                text = f"{later.name} overlaps {earlier.name} on {after.chr}, which ends at {before.last:,}"
                faults.add(Rule.PIECES_DISAGREE, text, place, value=_shown(after))
            else:
                _validate_shared(before, after, f"is in {earlier.name} too", place, faults)
        reaching.append((later, after))


def _runs_of(file: VcfFile, pieces: list[PieceResult], loads: Loads, faults: Faults) -> list[ContigRun]:
    """The runs of a file, those that go on from piece to piece joined; `line` is of the file."""
    joined: list[ContigRun] = []
    for result in pieces:
        for run in result.runs:
            after = replace(run, line=run.line + loads.base(result.piece))
            place = Place(file.name, after.line, field="POS")
            if joined and joined[-1].chr == after.chr:
                joined[-1] = _join(joined[-1], after, place, faults)
            else:
                if any(before.chr == after.chr for before in joined):
                    faults.add(Rule.UNSORTED, "the contig comes back after another", place, value=_shown(after))
                joined.append(after)
    return joined


def _join(before: ContigRun, after: ContigRun, place: Place, faults: Faults) -> ContigRun:
    if after.first < before.last:
        faults.add(Rule.UNSORTED, "a position before that of an earlier line", place, value=_shown(after))
    elif after.first == before.last:
        _validate_shared(before, after, "the same contig, position, REF and ALT as in an earlier line", place, faults)
    at_first = before.first_alleles | (after.first_alleles if after.first == before.first else frozenset())
    at_last = after.last_alleles | (before.last_alleles if after.last == before.last else frozenset())
    return replace(before, last=max(before.last, after.last), first_alleles=at_first, last_alleles=at_last)


def _validate_shared(before: ContigRun, after: ContigRun, text: str, place: Place, faults: Faults) -> None:
    for allele in sorted(before.last_alleles & after.first_alleles):
        faults.add(Rule.DUPLICATE_ALLELE, text, replace(place, field="ALT"), value=allele)


def _shown(run: ContigRun) -> str:
    """Where the run begins."""
    return f"{run.chr}:{run.first}"
