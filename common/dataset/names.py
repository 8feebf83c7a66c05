"""Names that follow from the name of a Dataset."""

from __future__ import annotations

import re


def dataset_stem(name: str) -> str:
    """The stem of default names: the Dataset's name less a trailing `.dataset`, lower case, non-word characters as `_`.

    >>> dataset_stem("My Cohort.dataset")
    'my_cohort'
    """
    return re.sub(r"\W", "_", name.lower().removesuffix(".dataset"), flags=re.ASCII)
