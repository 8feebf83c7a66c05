"""The plan: both Datasets, the assay, the fields that link them and the linking file, checked before Spark is started."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from apps.assay_dataset_merger.assay import add_samples, follow_reference
from common.dataset.database import Database
from common.dataset.merge import find_link_field, validate_link, validate_linkable
from common.dataset.model import Assay, Dataset
from common.dataset.names import dataset_stem
from common.dictionary import Field
from common.errors import AppError, Rule
from common.faults import Faults, Place
from common.job import Run
from common.nearest import nearest_remedy
from common.platform import InputFile
from common.platform.names import draft_database, parse_record_name
from common.platform.records import read_dataset
from common.scan.delimited import TextFile
from common.scan.header import read_header
from common.tables.links import StoredField

_LINK_AS_TEXT = "Give a linking_file with a row for each pair of assay id and target id: it compares them as text."

DASHBOARD = "Global Defaults"
"""The template that means no template."""


@dataclass(frozen=True)
class LinkingFile:
    """A linking file and its header. `sample_column` and `pheno_column` are positions; `database` will be made."""

    file: TextFile
    header: tuple[str, ...]
    delimiter: str
    sample_column: int
    pheno_column: int
    database: Database


@dataclass(frozen=True)
class Plan:
    """What will be merged. `sample` is where the assay's ids are stored, and `pheno` the target's. With `is_one`, a target id
    has at most one assay id. `linking` is None if equal ids link."""

    name: str
    assay_name: str
    assay: Assay
    source: Dataset
    target: Dataset
    sample: StoredField
    pheno: StoredField
    is_one: bool
    linking: LinkingFile | None


def make_plan(run: Run) -> Plan:
    """Reads both descriptors and the linking file's header. Raises one `FaultError` with all faults."""
    inputs, faults = run.inputs, Faults()
    with run.progress.stage("plan") as stage:
        source, target = (read_dataset(run.platform, each) for each in (inputs.source_dataset, inputs.target_dataset))
        assay = _find_assay(source, inputs.assay_name, faults)
        pheno = find_link_field(target, "pheno", inputs.pheno_entity_name, inputs.pheno_sample_id_field_name, faults,
                                "pheno_sample_id_field_name")  # fmt: skip
        sample = assay and _find_samples(run, assay, source, faults)
        if assay:
            _validate_name(inputs.rename_assay, assay, target, faults)
        name = parse_record_name(inputs.output_dataset_name or f"{inputs.target_dataset.name}_merged")
        linking = None
        if sample and pheno:
            if inputs.linking_file:
                validate_linkable(sample.field, pheno, faults)
            else:
                validate_link(sample.field, pheno, faults, _LINK_AS_TEXT)
            linking = _read_linking_file(run, name, sample.field, pheno, faults)
        faults.raise_if_any("The plan")
        assay = cast(Assay, assay)
        stage.note(f"assay {assay.name} of {source.name} to {target.name}")
    _warn_of_unused(run)
    return Plan(
        name, inputs.rename_assay or assay.name, assay, source, target, cast(StoredField, sample),
        _stored(target, cast(Field, pheno)), inputs.assay_entries_per_pheno == "one", linking,
    )  # fmt: skip


def _warn_of_unused(run: Run) -> None:
    inputs = run.inputs
    if inputs.linking_database_name and not inputs.linking_file:
        run.progress.warn("linking_database_name is not used: without linking_file no linking table is written")
    if inputs.dashboard_template != DASHBOARD:
        run.progress.warn(f"dashboard_template {inputs.dashboard_template} is not used: no dashboard is built")


def _find_samples(run: Run, assay: Assay, source: Dataset, faults: Faults) -> StoredField | None:
    """The field of the assay's sample ids, or the key that it refers to. Adds fault 301."""
    with_samples, entity = add_samples(assay, source)
    entity, field = run.inputs.assay_sample_id_entity_name or entity, run.inputs.assay_sample_id_field_name
    found = find_link_field(with_samples, "assay_sample_id", entity, field, faults)
    return _stored(with_samples, follow_reference(with_samples, found)) if found else None


def _stored(dataset: Dataset | Assay, field: Field) -> StoredField:
    """Where a field is stored. An entity without a key holds measurements: an id may have many rows there."""
    is_measured = dataset.dictionary.entities[field.entity].primary_key is None
    return StoredField(field, dataset.mappings[field.entity, field.name], distinct=is_measured)


def _find_assay(source: Dataset, name: str | None, faults: Faults) -> Assay | None:
    """The assay of that name, or the only one. Adds fault 320."""
    names = [each.name for each in source.assays]
    found = [each for each in source.assays if name is None or each.name == name]
    if len(found) == 1:
        return found[0]
    if not names:
        faults.add(Rule.NO_ASSAY, f"Dataset {source.name} has no assay", Place(field="source_dataset"))
    elif name is None:
        remedy = f"Name one of {', '.join(names)} in assay_name."
        faults.add(
            Rule.NO_ASSAY, f"Dataset {source.name} has {len(names)} assays", Place(field="assay_name"), remedy=remedy
        )
    else:
        text = f"Dataset {source.name} has {'no' if not found else 'more than one'} assay {name}"
        remedy = nearest_remedy(None if found else name, names, f"Its assays are {', '.join(names)}.")
        faults.add(Rule.NO_ASSAY, text, Place(field="assay_name"), value=name, remedy=remedy)
    return None


def _validate_name(new_name: str | None, assay: Assay, target: Dataset, faults: Faults) -> None:
    """Adds fault 321 for a name that the target has, 84 for a new one that cannot be a name."""
    name = assay.name if new_name is None else new_name
    taken = [each.name for each in target.assays]
    place = Place(field="assay_name" if new_name is None else "rename_assay")
    try:
        parse_record_name(name)
    except AppError as error:
        faults.add(error.code, f"{name!r} cannot be the name of an assay", place, value=name, remedy=error.remedy)
    if name in taken:
        text = f"Dataset {target.name} has an assay of this name; its assays are {', '.join(taken)}"
        faults.add(Rule.ASSAY_TAKEN, text, place, value=name)


def _read_linking_file(run: Run, name: str, sample: Field, pheno: Field, faults: Faults) -> LinkingFile | None:
    """The linking file, if one is given. Adds faults 322 for what is wrong with its header."""
    given: InputFile | None = run.inputs.linking_file
    if given is None:
        return None
    found_faults = Faults()
    found = read_header(given.name, given.path, None, "utf-8", found_faults)
    faults.merge(as_linking_faults(found_faults))
    if found is None:
        return None
    header = found.names
    if len(header) < 2:
        shown = f"the header has one column: {header[0] if header else ''!r}"
        remedy = (
            "Give a CSV of two columns or more: the assay's sample id, and the id of the target that it belongs to."
        )
        faults.add(Rule.LINKING_FILE, shown, Place(given.name, 1), remedy=remedy)
        return None
    database = draft_database(run.inputs.linking_database_name or f"{dataset_stem(name)}_links_db")
    return LinkingFile(found.file, header, found.delimiter, *find_columns(header, sample.name, pheno.name), database)


def find_columns(header: tuple[str, ...], sample: str, pheno: str) -> tuple[int, int]:
    """Positions of the assay's ids and of the target's: columns with the names of the fields, else the first and second.

    >>> find_columns(("participant", "sample_id"), "sample_id", "participant_id")
    (1, 0)
    """
    folded = [name.strip().casefold() for name in header]
    at = [folded.index(each.casefold()) if each.casefold() in folded else None for each in (sample, pheno)]
    if at[0] == at[1]:
        return 0, 1
    if at[0] is None:
        return (1 if at[1] == 0 else 0), cast(int, at[1])
    return at[0], at[1] if at[1] is not None else (1 if at[0] == 0 else 0)


def as_linking_faults(faults: Faults) -> Faults:
    """The same faults under the rule for linking files."""
    mended = Faults()
    for code, count in faults.counts.items():
        examples = faults.examples.get(code, [])
        for each in examples:
            mended.add_fault(replace(each, code=Rule.LINKING_FILE, entity=""))
        mended.add_count(Rule.LINKING_FILE, count - len(examples))
    return mended
