"""ICD codings that the suite supplies by name: `icd10cm:2024`, a tree, or `icd10cm:2024:exclude_hierarchy`, flat.

Codes have their dot (`A00.1`, `250.01`): data without dots need a coding of their own. Chapters and blocks (`1`,
`A00-A09`) are codes of the tree. `resources/icd/sources.json` lists releases, sources and licences.
"""

from __future__ import annotations

import gzip
import json
import re
from functools import cache

from resources import resource

EXCLUDE_HIERARCHY = ":exclude_hierarchy"
_ICD_NAME = re.compile(r"icd(9|10)(cm|pcs)(:.*)?")


def is_icd_name(name: str) -> bool:
    """Whether the name is reserved for ICD codings. The suite need not supply it.

    >>> [is_icd_name(name) for name in ("icd10cm:2024", "icd9cm", "icd10", "sex")]
    [True, True, False, False]
    """
    return _ICD_NAME.fullmatch(name) is not None


@cache
def _sources() -> dict[str, dict[str, object]]:
    sources: dict[str, dict[str, object]] = json.loads(resource("icd/sources.json").read_text(encoding="utf-8"))
    return sources


def supplied_names() -> list[str]:
    """The names of the supplied codings, without suffix."""
    return list(_sources())


def read_supplied_rows(name: str) -> bytes:
    """The CSV text of a supplied coding, in the columns of a codings file. Raises KeyError for a name not supplied."""
    return gzip.decompress(resource(f"icd/{_sources()[name]['file']}").read_bytes())
