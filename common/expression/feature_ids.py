"""Feature ids: Ensembl genes and transcripts told from others, and their versions set apart.

Form of Ensembl's stable ids: https://www.ensembl.org/info/genome/stable_ids/index.html. The copy of a gene on the Y chromosome is
marked by GENCODE with `_PAR_Y`, up to release 24 with an R (ENSGR0000002586), and either stays in the id. Releases lifted to
GRCh37 have a second number in the version (ENSG00000223972.5_2).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.errors import Rule
from common.faults import EXAMPLES_PER_RULE, Fault, Faults

IdKind = Literal["ENSG", "ENST", "other", "date", "summary"]
KINDS: tuple[IdKind, ...] = ("ENSG", "ENST", "other", "date", "summary")
"""Besides Ensembl's: `date` is another id, perhaps a gene symbol that a spreadsheet made a date of; `summary` is not a feature
but a row that a counter adds below its counts."""

_ENSEMBL = r"^(?P<stem>ENS[A-Z]{0,6}(?P<kind>[GT])(?:\d{11}|R\d{10}))(?:\.(?P<version>\d+(?:_\d+)?))?(?P<copy>_PAR_Y)?$"
_OTHER, _DATE, _SUMMARY = (np.int8(KINDS.index(kind)) for kind in ("other", "date", "summary"))
_SUMMARY_ROW = (
    r"(?i)^(__[a-z]\w*|N_(unmapped|multimapping|noFeature|ambiguous)|(Un)?assigned|Unassigned_\w+|no_feature|ambiguous|too_low_aQual|"
    r"not_aligned|alignment_not_unique|unmapped|unaligned|(grand )?totals?|\*)$"
)
"""Of HTSeq, STAR, featureCounts, samtools idxstats and spreadsheets."""

_MONTH = "(?:Jan|Feb|Mar|Mrz|Apr|May|Mai|Jun|Jul|Aug|Sept?|Oct|Okt|Nov|Dec|Dez|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)"
_SPREADSHEET_DATE = (
    rf"^(\d\d?[-./ ]{{1,2}}{_MONTH}([-./ ]\d{{2,4}})?|{_MONTH}-(\d\d|\d{{4}})|\d{{4}}[-/]\d\d?[-/]\d\d?( 0?0:00(:00)?)?|"
    r"\d\d?([-/]\d\d?[-/]|\.\d\d?\.\d\d)\d\d(\d\d)?)$"
)


@dataclass(frozen=True)
class FeatureIds:
    """Ids without versions, their versions (null if none), and their kinds as places in `KINDS`."""

    ids: pa.StringArray
    versions: pa.StringArray
    kinds: np.ndarray

    def take(self, order: np.ndarray) -> FeatureIds:
        """The same at other places."""
        return FeatureIds(self.ids.take(pa.array(order)), self.versions.take(pa.array(order)), self.kinds[order])


def parse_feature_ids(texts: pa.StringArray, id_type: str) -> FeatureIds:
    """Ids as a file gives them to ids without versions. Under `other`, ids are taken as they stand.

    >>> found = parse_feature_ids(pa.array(["ENSG00000000003.15", "ENST00000381578.6_PAR_Y", "FBgn0000008"]), "auto")
    >>> found.ids.to_pylist()
    ['ENSG00000000003', 'ENST00000381578_PAR_Y', 'FBgn0000008']
    >>> found.versions.to_pylist(), [KINDS[kind] for kind in found.kinds]
    (['15', '6', None], ['ENSG', 'ENST', 'other'])
    """
    if id_type == "other":
        return FeatureIds(texts, pa.nulls(len(texts), pa.string()), _kinds_of_others(texts))
    parts = pc.extract_regex(texts, _ENSEMBL)
    stem, kind, version, copy = (pc.struct_field(parts, name) for name in ("stem", "kind", "version", "copy"))
    ids = pc.coalesce(pc.binary_join_element_wise(stem, copy, ""), texts)
    versions = pc.if_else(pc.equal(version, ""), None, version)
    kinds = pc.case_when(pc.make_struct(pc.equal(kind, "G"), pc.equal(kind, "T")), np.int8(0), np.int8(1), _OTHER)
    kinds = kinds.to_numpy(zero_copy_only=False).astype(np.int8)
    others = np.flatnonzero(kinds == _OTHER)
    if len(others):
        kinds[others] = _kinds_of_others(texts.take(pa.array(others)))
    return FeatureIds(ids, versions, kinds)


def _kinds_of_others(texts: pa.StringArray) -> np.ndarray:
    is_summary, is_date = (
        np.asarray(pc.match_substring_regex(texts, form)) for form in (_SUMMARY_ROW, _SPREADSHEET_DATE)
    )
    kinds: np.ndarray = np.where(is_summary, _SUMMARY, np.where(is_date, _DATE, _OTHER))
    return kinds


def is_ensembl_id(text: str) -> bool:
    """Whether this is the id of an Ensembl gene or transcript, with a version or without."""
    kinds = parse_feature_ids(pa.array([text], pa.string()), "auto").kinds
    return bool(kinds[0] < _OTHER)


@dataclass
class KindsSeen:
    """How many ids of each kind a task met, and where the first of them stand."""

    counts: dict[IdKind, int] = field(default_factory=dict)
    examples: dict[IdKind, list[Fault]] = field(default_factory=dict)

    def add(self, texts: pa.StringArray, kinds: np.ndarray, file: str, lines: np.ndarray, column: str) -> None:
        """Takes in the ids of one block of a file; blank ones are another fault and not counted."""
        given = np.asarray(pc.not_equal(texts, ""))
        for place in np.unique(kinds[given]).tolist():
            kind, at = KINDS[place], np.flatnonzero((kinds == place) & given)
            self.counts[kind] = self.counts.get(kind, 0) + len(at)
            kept = self.examples.setdefault(kind, [])
            for row in at[: EXAMPLES_PER_RULE - len(kept)].tolist():
                kept.append(
                    Fault(Rule.FEATURE_ID_KIND, "", file, int(lines[row]), field=column, value=texts[row].as_py())
                )


def validate_kinds(seen: Iterable[KindsSeen], id_type: str) -> Faults:
    """A fault (107) for each id that is not of the stated kind or, under `auto`, of the kind that most ids have; and for each
    summary row, whatever kind is stated."""
    parts = list(seen)
    counts = {kind: sum(part.counts.get(kind, 0) for part in parts) for kind in KINDS}
    counts["other"] += counts["date"]
    expected = max(KINDS[:3], key=lambda kind: counts[kind]) if id_type == "auto" else id_type
    told = f"{counts['ENSG']:,} Ensembl genes, {counts['ENST']:,} Ensembl transcripts, {counts['other']:,} others"
    why = f"not of kind {expected}{', as most ids are' if id_type == 'auto' else ''} ({told})"
    faults = Faults()
    for part in parts:
        for kind in part.counts:
            if kind == expected or (kind == "date" and expected == "other"):
                continue
            text, remedy = (
                (_SUMMARY_TEXT, _SUMMARY_REMEDY) if kind == "summary" else (why, _kind_remedy(kind, expected))
            )
            found = Faults({Rule.FEATURE_ID_KIND: part.counts[kind]})
            found.examples[Rule.FEATURE_ID_KIND] = [
                replace(each, text=text, remedy=remedy) for each in part.examples[kind]
            ]
            faults.merge(found)
    return faults


_SUMMARY_TEXT = "a summary row of a counter, not a feature"
_SUMMARY_REMEDY = "Remove the summary rows from the file."


def _kind_remedy(kind: str, expected: str) -> str:
    if kind in ("ENSG", "ENST") and expected in ("ENSG", "ENST"):
        return "Load genes and transcripts in separate runs."
    if expected == "other":
        return "Set feature_id_type to other to take all ids as they are."
    return (
        "Remove these rows, or give them in a run of their own; or set feature_id_type to other, which takes all ids as they "
        "stand, with their versions."
    )


def count_dates(seen: Iterable[KindsSeen]) -> tuple[int, Fault | None]:
    """How many ids are dates as a spreadsheet writes them, and the first of them by file and line."""
    parts = [part for part in seen if part.counts.get("date")]
    first = min(
        (part.examples["date"][0] for part in parts), key=lambda each: (each.file, each.line or 0), default=None
    )
    return sum(part.counts["date"] for part in parts), first
