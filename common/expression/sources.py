"""The plan of an expression load: what format the files have, told from their headers, and which sources they are.

Only headers are read, and the rows of a manifest, which is a list of files; so this costs the driver little however wide or
long the data are.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from common.errors import AppError
from common.expression.feature_ids import is_ensembl_id
from common.expression.model import Format, Source
from common.faults import Faults
from common.platform import InputFile
from common.scan.delimited import TextFile, first_record, read_buffers, whole_piece
from common.scan.files import compression_of, stamp_of
from common.tables.header import split_header

LONG_HEADER = ("feature_id", "sample_id", "value")
MANIFEST_HEADER = ("file_id", "sample_id")
SAMPLE_HEADER = ("feature_id", "value")
QUANTIFIERS: dict[tuple[str, ...], str] = {
    ("Name", "Length", "EffectiveLength", "TPM", "NumReads"): "salmon's quant.sf",
    ("target_id", "length", "eff_length", "est_counts", "tpm"): "kallisto's abundance.tsv",
}
"""Headers of files that hold one sample each; read as matrices they would have lengths for samples."""

_AS_MANIFEST = (
    "Write its ids and the values wanted, TPM or counts, to a file with the header feature_id,value, one for each sample; give "
    "these files with a manifest, file_id,sample_id, that names them."
)

UNKNOWN_FORMAT, FORMAT_DIFFERS, BAD_HEADER, DUPLICATE, BAD_MANIFEST = 100, 101, 102, 103, 108


@dataclass(frozen=True)
class Headed:
    """A given file with its header."""

    given: InputFile
    file: TextFile
    delimiter: str
    header: tuple[str, ...]

    @property
    def format(self) -> Format | None:
        """The format that the header tells; None if it is no header of any."""
        if self.header == MANIFEST_HEADER:
            return "manifest"
        if self.header == LONG_HEADER:
            return "long"
        return "matrix" if len(self.header) > 1 else None


def plan_sources(files: Sequence[InputFile], stated: str) -> tuple[Format, tuple[Source, ...]]:
    """The format of the files and the sources of values among them. Raises `FaultError` with all faults 100-103 and 108."""
    faults = Faults()
    found = [headed for each in files if (headed := _read_header(each, faults)) is not None]
    formats = {headed.format for headed in found}
    sources: tuple[Source, ...] = ()
    form: Format = "matrix"
    if "manifest" in formats:
        form = "manifest"
        sources = _plan_manifest(found, faults)
    elif found:
        form = found[0].format or form
        sources = _plan_tables(found, form, faults)
    if found and stated not in ("auto", form):
        text = f"the header tells the format {form}, but {stated} is stated"
        faults.add(FORMAT_DIFFERS, text, file=found[0].given.name, line=1, value=_shown(found[0]))
    faults.raise_if_any("Reading the headers of the expression data")
    return form, sources


def _read_header(given: InputFile, faults: Faults) -> Headed | None:
    try:
        stamp, is_gzip = stamp_of(given.path), compression_of(given.path) != "plain"
        text, header_bytes, lines = first_record(given.path, is_gzip, "utf-8-sig")
        delimiter = "\t" if "\t" in text else ","
        header = tuple(cell.strip() for cell in split_header(text, delimiter))
    except AppError as error:
        faults.add(error.code, error.text, file=given.name, remedy=error.remedy)
        return None
    except UnicodeDecodeError:
        faults.add(UNKNOWN_FORMAT, "the header is not UTF-8 text", file=given.name, line=1)
        return None
    if len(header) < 2 or "\0" in text:
        faults.add(UNKNOWN_FORMAT, "no header of at least two columns, parted by comma or tab", file=given.name, line=1,
                   value=text[:80])  # fmt: skip
        return None
    file = TextFile(given.name, given.path, stamp.size, is_gzip, "utf-8", header_bytes, lines, stamp)
    return Headed(given, file, delimiter, header)


def _plan_tables(found: list[Headed], form: Format, faults: Faults) -> tuple[Source, ...]:
    """Matrices or long tables."""
    sources = []
    for each in found:
        if each.format != form:
            text = f"the header tells the format {each.format}, but {found[0].given.name} has the format {form}"
            faults.add(FORMAT_DIFFERS, text, file=each.given.name, line=1, value=_shown(each))
        samples = each.header[1:] if each.format == "matrix" else ()
        if each.format == "matrix":
            _validate_matrix_header(each, faults)
        sources.append(Source(each.file, form, each.delimiter, samples))
    return tuple(sources)


def _validate_matrix_header(headed: Headed, faults: Faults) -> None:
    if _refuse_quantifiers(headed, faults):
        return
    samples = headed.header[1:]
    if is_ensembl_id(headed.header[0]):
        text = "the first line begins with a feature id, so the file has no header"
        faults.add(BAD_HEADER, text, file=headed.given.name, line=1, value=_shown(headed))
    elif is_ensembl_id(samples[0]):
        text = "features head the columns; turn the table, so that they are its rows and samples its columns"
        faults.add(BAD_HEADER, text, file=headed.given.name, line=1, value=_shown(headed))
    if {"feature_id", "sample_id"} <= set(headed.header) or {"file_id", "sample_id"} <= set(headed.header):
        text = "not the columns of a long table (feature_id,sample_id,value) or a manifest (file_id,sample_id), in this order"
        faults.add(BAD_HEADER, text, file=headed.given.name, line=1, value=_shown(headed))
    for place, sample in enumerate(samples, start=2):
        if not sample:
            faults.add(BAD_HEADER, f"column {place:,} has no sample name", file=headed.given.name, line=1, value="")
    for sample, count in Counter(samples).items():
        if count > 1 and sample:
            faults.add(DUPLICATE, f"the sample heads {count:,} columns", file=headed.given.name, line=1, field=sample,
                       value=sample)  # fmt: skip


def _refuse_quantifiers(headed: Headed, faults: Faults) -> bool:
    """Whether the file is as a quantifier writes it, with a fault that says how to give it."""
    name = QUANTIFIERS.get(headed.header)
    if name:
        text = f"this is {name}, a file of one sample, whose columns are no samples"
        faults.add(BAD_HEADER, text, file=headed.given.name, line=1, value=_shown(headed), remedy=_AS_MANIFEST)
    return name is not None


def _plan_manifest(found: list[Headed], faults: Faults) -> tuple[Source, ...]:
    """The sample files that manifests name, in the manifests' order."""
    files = {
        name: each for each in found if each.format != "manifest" for name in (each.given.name, each.given.id) if name
    }
    sources: list[Source] = []
    listed: dict[str, str] = {}
    samples: dict[str, str] = {}
    for manifest in (each for each in found if each.format == "manifest"):
        for line, cells in _manifest_rows(manifest, faults):
            place = {"file": manifest.given.name, "line": line}
            at = f"{manifest.given.name} line {line:,}"
            if len(cells) != 2 or not all(cells):
                faults.add(
                    BAD_MANIFEST, "a row has a file_id and a sample_id", **place, value=manifest.delimiter.join(cells)
                )
                continue
            file_id, sample = cells
            if "\ufffd" in sample:
                faults.add(BAD_MANIFEST, "the sample id is not UTF-8 text", **place, field="sample_id", value=sample)
            if sample in samples:
                faults.add(
                    DUPLICATE, f"the sample is also in {samples[sample]}", **place, field="sample_id", value=sample
                )
            samples.setdefault(sample, at)
            if file_id not in files:
                faults.add(BAD_MANIFEST, "no such file was given", **place, field="file_id", value=file_id)
                continue
            headed = files[file_id]
            if headed.given.path in listed:
                text = f"the file is also in {listed[headed.given.path]}"
                faults.add(BAD_MANIFEST, text, **place, field="file_id", value=file_id)
            listed.setdefault(headed.given.path, at)
            sources.append(Source(headed.file, "manifest", headed.delimiter, (sample,)))
    for headed in {id(each): each for each in files.values()}.values():
        if not _refuse_quantifiers(headed, faults) and headed.header != SAMPLE_HEADER:
            text = "not the header of a sample's file: feature_id,value"
            faults.add(BAD_HEADER, text, file=headed.given.name, line=1, value=_shown(headed))
        if headed.given.path not in listed:
            faults.add(BAD_MANIFEST, "the file was given, but no manifest names it", file=headed.given.name)
    if not sources and not faults:
        faults.add(BAD_MANIFEST, "the manifest names no file", file=found[0].given.name)
    return tuple(sources)


def _manifest_rows(manifest: Headed, faults: Faults) -> list[tuple[int, list[str]]]:
    """The rows of a manifest with their lines; blank lines are passed over."""
    rows: list[tuple[int, list[str]]] = []
    for text, first_line in read_buffers(whole_piece(manifest.file)):
        reader = csv.reader(io.StringIO(text.decode("utf-8", "replace")), delimiter=manifest.delimiter)
        try:
            rows.extend(
                (first_line + reader.line_num - 1, [cell.strip() for cell in cells]) for cells in reader if cells
            )
        except csv.Error as error:
            line = first_line + reader.line_num - 1
            faults.add(BAD_MANIFEST, f"the row is not delimited text: {error}", file=manifest.given.name, line=line)
    return rows


def _shown(headed: Headed) -> str:
    return headed.delimiter.join(headed.header)[:80]
