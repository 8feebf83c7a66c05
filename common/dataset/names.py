"""Names that follow from the name of a Dataset."""

from __future__ import annotations

import re


def dataset_stem(name: str) -> str:
    """The stem of default names: the Dataset's name in lower case, without `.dataset`, and with `_` for other characters.

    >>> dataset_stem("My Cohort.dataset")
    'my_cohort'
    """
    return re.sub(r"\W", "_", name.lower().removesuffix(".dataset"), flags=re.ASCII)
