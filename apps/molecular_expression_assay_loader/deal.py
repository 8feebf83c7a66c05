"""The first pass over the data: pieces of sources dealt out to buckets. A Spark task each; needs no Spark itself."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from apps.molecular_expression_assay_loader.annotation import read_places
from apps.molecular_expression_assay_loader.long_input import CellRouter, cells_schema
from apps.molecular_expression_assay_loader.matrix_input import ROWS, route_rows
from apps.molecular_expression_assay_loader.model import ExpressionPlan
from common.expression.feature_ids import KindsSeen
from common.faults import Faults
from common.scan.delimited import Piece
from common.scan.parquet import part_name
from common.scan.records import BlankRows
from common.tables.shuffle import ShuffleWriter
from common.tables.tasks import read_plan


@dataclass(frozen=True, slots=True)
class RouteTask:
    """Pieces for one task, each with the index of its source; of a matrix one piece."""

    number: int
    plan_path: str
    pieces: tuple[tuple[int, Piece], ...]


@dataclass
class RouteResult:
    """What a routing task says of its work: the file of the dealt rows, and how many cells each bucket has in it. `blank` counts,
    by file, rows without id and value, which are passed over."""

    path: str
    cells: np.ndarray
    kinds: KindsSeen = field(default_factory=KindsSeen)
    faults: Faults = field(default_factory=Faults)
    blank: BlankRows = field(default_factory=BlankRows)


def route_pieces(task: RouteTask) -> RouteResult:
    """Routes the pieces of a task. Faults are returned, not raised."""
    plan: ExpressionPlan = read_plan(task.plan_path)
    annotation = read_places(plan)
    name = part_name(task.number).replace(".parquet", ".arrow")
    is_matrix = plan.format == "matrix"
    schema: pa.Schema = ROWS if is_matrix else cells_schema(plan)
    with ShuffleWriter(f"{plan.scratch}/{name}", schema, plan.buckets) as out:
        result = RouteResult(out.path, out.rows)
        if is_matrix:
            for index, piece in task.pieces:
                source = plan.sources[index]
                route_rows(piece, source, plan, annotation, out, result.kinds, result.faults, result.blank)
            result.cells = out.rows * len(plan.sources[task.pieces[0][0]].samples)
            return result
        router = CellRouter(plan, annotation, out, result.faults)
        for index, piece in task.pieces:
            router.add_piece(index, piece)
        router.close()
        result.kinds, result.blank = router.kinds, router.blank
    return result
