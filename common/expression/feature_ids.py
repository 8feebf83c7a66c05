"""Feature ids: Ensembl genes and transcripts told from others, and their versions set apart.

Form of Ensembl's stable ids: https://www.ensembl.org/info/genome/stable_ids/index.html; `_PAR_Y` is GENCODE's mark of the copy
of a gene on the Y chromosome, and stays in the id.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.faults import EXAMPLES_PER_RULE, Fault, Faults

IdKind = Literal["ENSG", "ENST", "other"]
KINDS: tuple[IdKind, ...] = ("ENSG", "ENST", "other")
_ENSEMBL = r"^(?P<stem>ENS[A-Z]{0,6}(?P<kind>[GT])(?:\d{11}|R\d{10}))(?:\.(?P<version>\d+(?:_\d+)?))?(?P<copy>_PAR_Y)?$"


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
        return FeatureIds(texts, pa.nulls(len(texts), pa.string()), np.full(len(texts), KINDS.index("other"), np.int8))
    parts = pc.extract_regex(texts, _ENSEMBL)
    stem, kind, version, copy = (pc.struct_field(parts, name) for name in ("stem", "kind", "version", "copy"))
    ids = pc.coalesce(pc.binary_join_element_wise(stem, copy, ""), texts)
    versions = pc.if_else(pc.equal(version, ""), None, version)
    kinds = pc.case_when(pc.make_struct(pc.equal(kind, "G"), pc.equal(kind, "T")), np.int8(0), np.int8(1), np.int8(2))
    return FeatureIds(ids, versions, kinds.to_numpy(zero_copy_only=False).astype(np.int8))


def is_ensembl_id(text: str) -> bool:
    """Whether this is the id of an Ensembl gene or transcript, with a version or without."""
    kinds = parse_feature_ids(pa.array([text], pa.string()), "auto").kinds
    return KINDS[int(kinds[0])] != "other"


@dataclass
class KindsSeen:
    """How many ids of each kind a task met, and where the first of them stand."""

    counts: dict[IdKind, int] = field(default_factory=dict)
    examples: dict[IdKind, list[Fault]] = field(default_factory=dict)

    def add(self, texts: pa.StringArray, kinds: np.ndarray, file: str, lines: np.ndarray, column: str) -> None:
        """Takes in the ids of one block of a file."""
        for place in np.unique(kinds).tolist():
            kind, at = KINDS[place], np.flatnonzero(kinds == place)
            self.counts[kind] = self.counts.get(kind, 0) + len(at)
            kept = self.examples.setdefault(kind, [])
            for row in at[: EXAMPLES_PER_RULE - len(kept)].tolist():
                kept.append(Fault(107, "", file, int(lines[row]), field=column, value=texts[row].as_py()))


def validate_kinds(seen: Iterable[KindsSeen], id_type: str) -> Faults:
    """A fault (107) for each id that is not of the stated kind or, under `auto`, of the kind that most ids have."""
    counts = dict.fromkeys(KINDS, 0)
    parts = list(seen)
    for part in parts:
        for kind, count in part.counts.items():
            counts[kind] += count
    expected = max(KINDS, key=lambda kind: counts[kind]) if id_type == "auto" else id_type
    told = f"{counts['ENSG']:,} Ensembl genes, {counts['ENST']:,} Ensembl transcripts, {counts['other']:,} others"
    text = (
        f"not of kind {expected}, as most ids are ({told})" if id_type == "auto" else f"not of kind {expected} ({told})"
    )
    faults = Faults()
    for part in parts:
        for kind in KINDS:
            if kind != expected and part.counts.get(kind):
                found = Faults({107: part.counts[kind]})
                found.examples[107] = [
                    Fault(107, text, each.file, each.line, field=each.field, value=each.value)
                    for each in part.examples[kind]
                ]
                faults.merge(found)
    return faults
