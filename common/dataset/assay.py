"""An assay of a Dataset in descriptor form: what readers look it up by, its entities in the shape of the model's, its joins."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from common.dataset.descriptor import write_entities, write_join
from common.dataset.layout import build_dataset
from common.dictionary import DataDictionary
from common.platform import Database


def build_assay(
    entities: DataDictionary, database: Database, *, outside: Collection[str], max_columns: int = 400, **keys: Any
) -> dict[str, Any]:
    """The assay whose entities are stored in tables of their own names in `database`.

    `outside` names those that references lead to but that the assay does not hold, such as the main entity. `keys` are the
    assay's own: `name`, `uuid`, `generalized_assay_model` and what the model wants besides.
    """
    dataset = build_dataset("", "", "", entities, database, max_columns)
    written = {name: entity for name, entity in write_entities(dataset).items() if name not in outside}
    return {**keys, "entities": written, "join_info": [write_join(join) for join in dataset.joins]}
