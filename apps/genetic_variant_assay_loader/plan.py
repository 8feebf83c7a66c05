"""The plan: the files of the logical VCF, their headers, and how they share samples out, checked before Spark is
started."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from apps.genetic_variant_assay_loader.annotation import annotation_scheme
from common.dataset.database import Database
from common.dataset.names import dataset_stem
from common.errors import AppError, Rule
from common.faults import Faults, Place, counted
from common.genome import chromosome
from common.job import Run
from common.platform import InputFile
from common.platform.names import draft_database
from common.scan.files import compression_of, read_bytes, read_small
from common.tables.quarantine import parse_share
from common.vcf.container import VcfFile, read_vcf_file
from common.vcf.lines import Remark, Remarks, add_remarks
from resources import resource

_REMARKS_SHOWN = 5
_MANIFEST_BYTES = 16 << 20
_FREQUENCY_TYPES = ("Float", "Integer")
REFERENCES = ("GRCh38.92", "GRCh37.87")
"""The references that a VCF may be loaded with. `reference_genomes` has more, by which a wrong choice is noticed."""

_LIFT_OVER = "Lift the VCF over to GRCh38 or GRCh37 first; other references cannot be loaded."
_NAME_ANNOTATION = "Name the INFO field that VEP or SnpEff wrote in annotation_field, or leave it out."


@dataclass(frozen=True)
class SampleGroup:
    """Files that hold the same samples, so that they split the logical VCF by region. `samples` is in the first one's
    order."""

    samples: tuple[str, ...]
    files: tuple[VcfFile, ...]


@dataclass(frozen=True)
class Plan:
    """What will be loaded. Several `groups` mean a VCF that is split by sample: their sites must agree and their counts
    add up. `stored` says whether ref, half-ref and no-call genotypes are kept; `remarks` are on the headers."""

    name: str
    assay: str
    reference: str
    database: Database
    groups: tuple[SampleGroup, ...]
    stored: tuple[bool, bool, bool]
    gnomad_field: str | None
    quarantines: bool
    max_faulty_share: float
    annotation_field: str | None
    remarks: Remarks

    @property
    def samples(self) -> tuple[str, ...]:
        """All samples, group by group."""
        return tuple(sample for group in self.groups for sample in group.samples)


def make_plan(run: Run) -> Plan:
    """Reads manifest and headers. Raises one `FaultError` with all that is wrong in them."""
    inputs, faults = run.inputs, Faults()
    if not inputs.assay_name.strip():
        raise AppError(Rule.JOB_INPUT, "assay_name: the name is blank", "Give the assay a name.")
    share = parse_share(inputs.max_faulty_share)
    with run.progress.stage("plan") as stage:
        if inputs.reference_genome not in REFERENCES:
            faults.add(
                Rule.REFERENCE_GENOME,
                "not a known reference",
                Place(field="reference_genome"),
                value=inputs.reference_genome,
            )
        database = draft_database(inputs.database_name or f"{dataset_stem(inputs.output_dataset_name)}_db")
        given = _given_files(run, faults)
        remarks: Remarks = {}
        files = _read_headers(run, given, faults, remarks)
        for file in files:
            validate_reference(file.name, file.header.contigs, inputs.reference_genome, faults, remarks)
            _validate_frequency(file, inputs.gnomad_frequency_field, faults)
            _validate_annotation(file, inputs.annotation_field, faults)
        _show_remarks(run, remarks)
        groups = _group_by_samples(files, faults)
        faults.raise_if_any("The plan")
        samples = sum(len(group.samples) for group in groups)
        stage.note(f"{counted(len(files), 'file')}, {counted(samples, 'sample')}")
    stored = (not inputs.exclude_refdata, not inputs.exclude_halfref, not inputs.exclude_nocall)
    return Plan(
        inputs.output_dataset_name, inputs.assay_name, inputs.reference_genome, database, groups, stored,
        inputs.gnomad_frequency_field, inputs.run_mode == "permissive", share, inputs.annotation_field, remarks,
    )  # fmt: skip


@cache
def reference_genomes() -> Mapping[str, Mapping[str, int]]:
    """Known assemblies by name, with the lengths of their chromosomes."""
    found: dict[str, dict[str, int]] = json.loads(resource("reference_genomes.json").read_text(encoding="utf-8"))
    return found


def _given_files(run: Run, faults: Faults) -> list[InputFile]:
    files, manifest = run.inputs.vcf_files, run.inputs.vcf_manifest
    if bool(files) == bool(manifest):
        faults.add(
            Rule.VCF_MANIFEST,
            "give either vcf_files or vcf_manifest, not both and not neither",
            Place(field="vcf_manifest"),
        )
        return []
    if manifest:
        return _read_manifest(run, manifest, faults)
    for path, times in Counter(file.path for file in files).items():
        if times > 1:
            name = next(file.name for file in files if file.path == path)
            faults.add(Rule.PIECES_DISAGREE, f"the file is given {times:,} times", Place(name, field="vcf_files"))
    return list(files)


def _read_manifest(run: Run, manifest: InputFile, faults: Faults) -> list[InputFile]:
    """The files that a manifest lists by id, one a line."""
    found: list[InputFile] = []
    lines: list[int] = []
    if compression_of(manifest.path) != "plain" or read_bytes(manifest.path, 0, 2) == b"##":
        faults.add(Rule.VCF_MANIFEST, "this is not a list of ids; give a VCF itself in vcf_files", Place(manifest.name))
        return []
    text = read_small(manifest.path, _MANIFEST_BYTES).decode("utf-8-sig", "replace")
    for number, line in enumerate(text.splitlines(), start=1):
        value = line.strip()
        if not value:
            continue
        try:
            found.append(run.platform.open_file(value))
            lines.append(number)
        except AppError as error:
            faults.add(Rule.VCF_MANIFEST, error.text, Place(manifest.name, number), value=value)
    counts = Counter(file.name for file in found)
    for file, number in zip(found, lines, strict=True):
        place = Place(manifest.name, number)
        if counts[file.name] > 1:
            faults.add(Rule.VCF_MANIFEST, "several files of the manifest have this name", place, value=file.name)
        if not file.name.endswith(".vcf.gz"):
            faults.add(Rule.VCF_MANIFEST, "the file's name does not end in .vcf.gz", place, value=file.name)
    if not found and not faults:
        faults.add(Rule.VCF_MANIFEST, "the manifest lists no file", Place(manifest.name))
    return found


def _read_headers(run: Run, given: list[InputFile], faults: Faults, remarks: Remarks) -> list[VcfFile]:
    files: list[VcfFile] = []
    for each in sorted(given, key=lambda file: (file.name, file.path)):
        try:
            file, found = read_vcf_file(each.name, each.path, run.inputs.max_header_mb)
        except AppError as error:
            faults.add(error.code, error.text, Place(each.name), remedy=error.remedy)
            continue
        faults.merge(found.faults)
        add_remarks(remarks, found.remarks)
        if file is not None:
            files.append(file)
    return files


def _show_remarks(run: Run, remarks: Remarks) -> None:
    """The first remarks on headers, as many as a screen holds, and how many more the report has."""
    for remark in list(remarks.values())[:_REMARKS_SHOWN]:
        run.progress.warn(str(remark))
    if more := sum(remark.count for remark in list(remarks.values())[_REMARKS_SHOWN:]):
        run.progress.warn(f"header lines with other remarks, all in the report: {more:,}")


def validate_reference(
    name: str, contigs: Mapping[str, int | None], reference: str, faults: Faults, remarks: Remarks
) -> None:
    """Compares the lengths of `contigs` in the header of a file with the reference. A fault if a chromosome has its length in another
    assembly; a remark if it has its length in none."""
    known = reference_genomes()
    lengths = {chromosome(contig): length for contig, length in contigs.items() if length is not None}
    ours = known.get(reference, {})
    unlike = {contig: length for contig, length in lengths.items() if ours.get(contig, length) != length}
    for contig, length in unlike.items():
        for other, chromosomes in known.items():
            if chromosomes.get(contig) == length:
                text = f"contig {contig} has the length that it has in {other}"
                remedy = _LIFT_OVER if other not in REFERENCES else ""
                place = Place(name, field="reference_genome")
                faults.add(Rule.REFERENCE_GENOME, text, place, value=reference, remedy=remedy)
                return
    if unlike:
        text = f"contigs have other lengths than in {reference}; check that the VCF was called on it"
        add_remarks(remarks, {text: Remark(text, "contig", len(unlike), name)})


def _validate_frequency(file: VcfFile, field: str | None, faults: Faults) -> None:
    if field is None:
        return
    place, defined = Place(file.name, field=f"INFO/{field}"), file.header.info.get(field)
    if defined is None:
        faults.add(Rule.VCF_VALUE, "the header defines no such INFO field", place)
    elif defined.type not in _FREQUENCY_TYPES or defined.number not in ("A", "1", "."):
        text = "a frequency is a Float with a value per ALT allele"
        shown = f"Number={defined.number},Type={defined.type}"
        faults.add(Rule.VCF_VALUE, text, place, value=shown)


def _validate_annotation(file: VcfFile, field: str | None, faults: Faults) -> None:
    if field and annotation_scheme(file.header, field) is None:
        text = "its header line has no Format with known parts"
        if field not in file.header.info:
            text = "the header defines no such INFO field"
        faults.add(Rule.VCF_VALUE, text, Place(file.name, field=f"INFO/{field}"), remedy=_NAME_ANNOTATION)


def _group_by_samples(files: list[VcfFile], faults: Faults) -> tuple[SampleGroup, ...]:
    """Files by the set of their samples. Sets that overlap without being equal are a fault."""
    by_set: dict[frozenset[str], list[VcfFile]] = {}
    for file in files:
        by_set.setdefault(frozenset(file.header.samples), []).append(file)
    owner: dict[str, VcfFile] = {}
    for members in by_set.values():
        shared = [sample for sample in members[0].header.samples if sample in owner]
        if shared:
            other = owner[shared[0]].name
            text = f"shares {len(shared):,} samples with {other}, but not all; a VCF is split by region or by sample"
            faults.add(Rule.PIECES_DISAGREE, text, Place(members[0].name, None, "sample", "sample_id"), value=shared[0])
        owner.update(dict.fromkeys(members[0].header.samples, members[0]))
    return tuple(SampleGroup(members[0].header.samples, tuple(members)) for members in by_set.values())
