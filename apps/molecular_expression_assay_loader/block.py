"""The block: values of some features for all samples. Every input form ends in it, every table is written from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from apps.molecular_expression_assay_loader.scratch import TaskPlan
from common.faults import Faults


@dataclass(frozen=True)
class ValueBlock:
    """`values` is features by samples, int64 for counts and float64 for all else, `ABSENT` where there is no value (which
    may be so only if `any_absent`). Features ascend; samples are those of the load, ascending."""

    features: pa.StringArray
    values: np.ndarray
    any_absent: bool


class Gathered(ABC):
    """What some buckets hold, in the order of features, ready to be read as blocks of bounded size.

    `features` are unique and ascending, `versions` theirs (null if none), `feature_of` the feature of each row by place; the first
    of them, `unnamed`, may be the blank id of faulty rows.
    """

    def __init__(self, plan: TaskPlan, samples: pa.StringArray) -> None:
        self.plan = plan
        self.samples = samples
        self.faults = Faults()
        self.dtype = np.dtype(np.int64 if plan.rules.is_count else np.float64)

    def set_features(self, ids: pa.StringArray, versions: pa.StringArray) -> None:
        """Takes the ids of the rows, ascending, and their versions; a feature has the first that a row of it gives."""
        encoded = ids.dictionary_encode()
        self.features: pa.StringArray = encoded.dictionary
        self.unnamed = int(len(self.features) > 0 and self.features[0].as_py() == "")
        self.feature_of: np.ndarray = encoded.indices.to_numpy()
        given = np.flatnonzero(np.asarray(versions.is_valid()))
        having, first = np.unique(self.feature_of[given], return_index=True)
        at = np.full(len(self.features), -1, dtype=np.int64)
        at[having] = given[first]
        self.versions: pa.StringArray = versions.take(pa.array(at, mask=at < 0))

    @abstractmethod
    def read_block(self, start: int, end: int) -> ValueBlock:
        """The values of features `start` to `end`; what is wrong with them is added to `faults`."""
