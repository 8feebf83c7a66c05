"""The plan: what will be loaded, by headers and inputs, checked before Spark is started."""

from __future__ import annotations

from dataclasses import dataclass

from apps.molecular_expression_assay_loader.numbers import ValueRules
from apps.molecular_expression_assay_loader.sources import Format, Source, plan_sources
from common.dataset.database import Database
from common.dataset.names import dataset_stem
from common.errors import AppError, Rule
from common.faults import counted
from common.job import Run
from common.platform import InputFile
from common.platform.names import draft_database


@dataclass(frozen=True)
class Plan:
    """What will be loaded, and what the assay is to be called."""

    name: str
    assay_name: str
    reference_genome: str
    value_type: str
    database: Database
    format: Format
    sources: tuple[Source, ...]
    annotation: InputFile | None
    rules: ValueRules
    id_type: str


def make_plan(run: Run) -> Plan:
    """Reads the headers of the expression data. Raises one `FaultError` with all that is wrong in them."""
    inputs = run.inputs
    with run.progress.stage("plan") as stage:
        if not inputs.source_expression_data:
            raise AppError(Rule.JOB_INPUT, "source_expression_data: the list names no file", "Give at least one file.")
        if not inputs.assay_name.strip():
            raise AppError(Rule.JOB_INPUT, "assay_name: the name is blank", "Give the assay a name.")
        name = inputs.output_dataset_name
        database = draft_database(inputs.database_name or f"{dataset_stem(name)}_db")
        form, sources = plan_sources(
            inputs.source_expression_data, inputs.source_expression_data_format, inputs.annotation_columns or ()
        )
        if "NA" not in inputs.missing_values:
            run.progress.warn("missing_values replaces the default, NA; the empty cell is missing in any case")
        for source in sources:
            if source.left_out:
                run.progress.warn(_left_out(source))
        rules = ValueRules(inputs.feature_value_type == "count", tuple(inputs.missing_values), inputs.drop_zeros)
        stage.note(f"{form}, {counted(len(sources), 'file')} of values")
    return Plan(
        name, inputs.assay_name, inputs.reference_genome, inputs.feature_value_type, database, form, sources,
        inputs.feature_annotation, rules, inputs.feature_id_type,
    )  # fmt: skip


def _left_out(source: Source) -> str:
    names = ", ".join(name for _, name in source.left_out)
    count = f"{len(source.left_out):,} columns are" if len(source.left_out) > 1 else "1 column is"
    return f"{source.file.name}: {count} annotation and not loaded: {names}"
