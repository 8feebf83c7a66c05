"""The plan of an expression load: what format the files have, told from their headers, and which sources they are.

Only headers and first rows are read, and the rows of a manifest, which is a list of files; so this costs the driver little
however wide or long the data are.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from apps.molecular_expression_assay_loader.known_files import known_file
from apps.molecular_expression_assay_loader.matrix_columns import plan_columns
from common.errors import AppError, Rule
from common.faults import Faults, Place
from common.nearest import nearest_name
from common.platform import InputFile
from common.scan.bgzip import stream_text
from common.scan.delimited import TextFile, first_record, first_records, read_buffers, whole_piece
from common.scan.files import compression_of, stamp_of
from common.scan.header import split_header

Format = Literal["matrix", "long", "manifest"]
LONG_HEADER = ("feature_id", "sample_id", "value")
MANIFEST_HEADER = ("file_id", "sample_id")
SAMPLE_HEADER = ("feature_id", "value")
_OPENING_BYTES, _ROWS_BYTES, _ROWS = 64 << 10, 256 << 10, 50
"""What is looked at of a file: bytes by which it is known, and of a matrix the first rows, as many as end in so many bytes."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of values. `samples` are the sample columns of a matrix, or the one sample of a manifest's file; a long table has
    its samples in rows. `left_out` are the other columns of a matrix, each with its place after the ids."""

    file: TextFile
    format: Format
    delimiter: str
    samples: tuple[str, ...] = field(default=(), repr=False)
    left_out: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Headed:
    """A given file with its header; `is_known` if it is a file of another tool, for which a fault was added."""

    given: InputFile
    file: TextFile
    delimiter: str
    header: tuple[str, ...]
    is_known: bool = False

    @property
    def format(self) -> Format | None:
        """The format by the header; None if it is the header of no format."""
        if self.header == MANIFEST_HEADER:
            return "manifest"
        if self.header == LONG_HEADER:
            return "long"
        return "matrix" if len(self.header) > 1 else None


def plan_sources(
    files: Sequence[InputFile], stated: str, annotation_columns: Collection[str] = ()
) -> tuple[Format, tuple[Source, ...]]:
    """The format of the files and the sources of values among them; `annotation_columns` of matrices are not samples.

    Raises `FaultError` with all faults 100-103 and 108.
    """
    faults = Faults()
    found = [headed for each in files if (headed := _read_header(each, faults)) is not None]
    told = [headed for headed in found if not headed.is_known]
    formats = {headed.format for headed in told}
    sources: tuple[Source, ...] = ()
    form: Format = "matrix"
    if "manifest" in formats:
        form = "manifest"
        sources = _plan_manifest(found, faults)
    elif told:
        form = told[0].format or form
        sources = _plan_tables(told, form, annotation_columns, faults)
    if told and stated not in ("auto", form):
        text = f"the header tells the format {form}, but {stated} is stated"
        faults.add(Rule.FORMAT_DIFFERS, text, Place(told[0].given.name, 1), value=_shown(told[0]))
    _validate_stated(annotation_columns, told, form, faults)
    faults.raise_if_any("Reading the headers of the expression data")
    return form, sources


def _validate_stated(columns: Collection[str], found: list[Headed], form: Format, faults: Faults) -> None:
    """A fault for each of `annotation_columns` that no matrix has."""
    heads = {name for each in found for name in each.header[1:]} if form == "matrix" else set()
    for name in columns:
        if name not in heads and found:
            near = nearest_name(name, heads)
            remedy = f"Did you mean {near!r}?" if near else "Name columns of the header after the first."
            text = "annotation_columns: no matrix has such a column"
            faults.add(Rule.EXPRESSION_HEADER, text, value=name, remedy=remedy)


def _read_header(given: InputFile, faults: Faults) -> Headed | None:
    try:
        stamp, is_gzip = stamp_of(given.path), compression_of(given.path) != "plain"
        opening = next(iter(stream_text(given.path, _OPENING_BYTES)), b"")
        if known := known_file(opening):
            shown = opening.partition(b"\n")[0][:80].decode("utf-8", "replace").strip()
            code = Rule.EXPRESSION_HEADER if known.is_text else Rule.EXPRESSION_FORMAT
            place, value = (Place(given.name, 1), shown) if known.is_text else (Place(given.name), None)
            faults.add(code, f"this is {known.what}", place, value=value, remedy=known.remedy)
            return Headed(
                given, TextFile(given.name, given.path, stamp.size, is_gzip, "utf-8", 0, 0), ",", (), is_known=True
            )
        text, header_bytes, lines = first_record(given.path, is_gzip, "utf-8-sig")
        delimiter = "\t" if "\t" in text else ","
        header = tuple(cell.strip() for cell in split_header(text, delimiter))
    except AppError as error:
        faults.add(error.code, error.text, Place(given.name), remedy=error.remedy)
        return None
    except UnicodeDecodeError:
        remedy = "Save the file as UTF-8."
        faults.add(Rule.EXPRESSION_FORMAT, "the header is not UTF-8 text", Place(given.name, 1), remedy=remedy)
        return None
    if len(header) < 2 or "\0" in text:
        problem = "no header of at least two columns, separated by comma or tab"
        parted = next((name for mark, name in _OTHER_DELIMITERS.items() if mark in text), "")
        remedy = f"Its cells seem to be separated by {parted}. Save the file with commas or tabs." if parted else ""
        faults.add(Rule.EXPRESSION_FORMAT, problem, Place(given.name, 1), value=text[:80], remedy=remedy)
        return None
    file = TextFile(given.name, given.path, stamp.size, is_gzip, "utf-8", header_bytes, lines, stamp)
    return Headed(given, file, delimiter, header)


_OTHER_DELIMITERS = {";": "semicolons", "|": "bars"}


def _plan_tables(
    found: list[Headed], form: Format, annotation_columns: Collection[str], faults: Faults
) -> tuple[Source, ...]:
    """Matrices or long tables."""
    sources = []
    for each in found:
        if each.format != form:
            text = f"the header tells the format {each.format}, but {found[0].given.name} has the format {form}"
            faults.add(Rule.FORMAT_DIFFERS, text, Place(each.given.name, 1), value=_shown(each))
        left_out: tuple[tuple[int, str], ...] = ()
        if each.format == "matrix":
            left_out = plan_columns(
                each.header, _first_rows(each), annotation_columns, each.given.name, _shown(each), faults
            )
        names = enumerate(each.header[1:] if each.format == "matrix" else ())
        samples = tuple(name for at, name in names if (at, name) not in left_out)
        sources.append(Source(each.file, form, each.delimiter, samples, left_out))
    return tuple(sources)


def _first_rows(headed: Headed) -> list[list[str]]:
    """The first rows of a matrix; fewer, or none, if they are long."""
    text = first_records(whole_piece(headed.file), _ROWS_BYTES).decode("utf-8", "replace")
    try:
        return list(
            itertools.islice(filter(None, csv.reader(io.StringIO(text, ""), delimiter=headed.delimiter)), _ROWS)
        )
    except csv.Error:
        return []


def _plan_manifest(found: list[Headed], faults: Faults) -> tuple[Source, ...]:
    """The sample files that manifests name, in the manifests' order."""
    given = [each for each in found if each.format != "manifest"]
    files = {name: each for each in given for name in (each.given.name, each.given.id) if name}
    sources, listed, samples = list[Source](), dict[str, str](), dict[str, str]()
    for manifest in (each for each in found if each.format == "manifest"):
        for line, cells in _manifest_rows(manifest, faults):
            place = Place(manifest.given.name, line)
            if len(cells) != 2 or not all(cells):
                shown = manifest.delimiter.join(cells)
                faults.add(Rule.EXPRESSION_MANIFEST, "a row has a file_id and a sample_id", place, value=shown)
                continue
            (file_id, sample), headed = cells, files.get(cells[0])
            of_file, of_sample = (replace(place, field=name) for name in MANIFEST_HEADER)
            if "\ufffd" in sample:
                faults.add(Rule.EXPRESSION_MANIFEST, "the sample id is not UTF-8 text", of_sample, value=sample)
            if sample in samples:
                text = f"the sample is also in {samples[sample]}"
                faults.add(Rule.DUPLICATE_FEATURE, text, of_sample, value=sample)
            at = f"{place.file} line {line:,}"
            samples.setdefault(sample, at)
            if headed is None:
                faults.add(Rule.EXPRESSION_MANIFEST, "no such file was given", of_file, value=file_id)
                continue
            if headed.given.path in listed:
                text = f"the file is also in {listed[headed.given.path]}"
                faults.add(Rule.EXPRESSION_MANIFEST, text, of_file, value=file_id)
            listed.setdefault(headed.given.path, at)
            sources.append(Source(headed.file, "manifest", headed.delimiter, (sample,)))
    _validate_sample_files(given, listed, faults)
    if not sources and not faults:
        faults.add(Rule.EXPRESSION_MANIFEST, "the manifest names no file", Place(found[0].given.name))
    return tuple(sources)


def _validate_sample_files(given: list[Headed], listed: Collection[str], faults: Faults) -> None:
    """Faults of files with another header, and of those that no manifest has listed, by path."""
    for headed in given:
        if not headed.is_known and headed.header != SAMPLE_HEADER:
            text = "not the header of a sample's file: feature_id,value"
            faults.add(Rule.EXPRESSION_HEADER, text, Place(headed.given.name, 1), value=_shown(headed))
        if headed.given.path not in listed:
            text = "the file was given, but no manifest names it"
            faults.add(Rule.EXPRESSION_MANIFEST, text, Place(headed.given.name))


def _manifest_rows(manifest: Headed, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    """The rows of a manifest with their lines, without blank lines."""
    for text, first_line in read_buffers(whole_piece(manifest.file)):
        reader = csv.reader(io.StringIO(text.decode("utf-8", "replace")), delimiter=manifest.delimiter)
        try:
            for cells in filter(None, reader):
                yield first_line + reader.line_num - 1, [cell.strip() for cell in cells]
        except csv.Error as error:
            place = Place(manifest.given.name, first_line + reader.line_num - 1)
            faults.add(Rule.EXPRESSION_MANIFEST, f"the row is not delimited text: {error}", place)


def _shown(headed: Headed) -> str:
    return headed.delimiter.join(headed.header)[:80]
