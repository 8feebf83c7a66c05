"""The meta-information and the column line of a VCF as frozen values, with every fault of them and its true line.

What would make data lines unreadable is a fault; what breaks the specification without touching loaded data is a
warning.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from common.errors import Rule
from common.faults import Faults, Place
from common.vcf.lines import Remark, Remarks, add_remarks
from resources import resource

FIXED_COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")
VERSIONS = ("4.1", "4.2", "4.3", "4.4", "4.5")
_OLDER_VERSIONS = ("3.3", "4.0")
_UNSTATED = "4.2"

_FILEFORMAT = re.compile(r"##fileformat=VCFv(\d+\.\d+)")
_META = re.compile(r"##([^=<>\s]+)=(.+)")
_PAIR = re.compile(r"""([^=,<>"\s]+)=("(?:[^"\\]|\\.)*"|\[[^\]]*\]|[^,"<>]*)(,|$)""")
_NUMBER = re.compile(r"\d+|[ARG.]|P|L[ARG]|M")
_TYPES = ("Integer", "Float", "Flag", "Character", "String")
_CONTIG = re.compile(r"[0-9A-Za-z!#$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]*")
_LENGTH = re.compile(r"[0-9]{1,18}")
_ALT_ID = re.compile(r"(DEL|INS|DUP|INV|CNV|BND)(:[^\s,<>]+)?|NON_REF|\*|[A-Z]")
_PIPED_FORMAT = re.compile(r"""(?i)(?:Format\s*[:=]|annotations:)\s*['"]*([^'"]+)""")
_LONGEST_DEFINITION, _SHOWN, _MOST_REMARKS = 1 << 16, 200, 1_000


@dataclass(frozen=True, slots=True)
class Definition:
    """An INFO or FORMAT field. `number` is a count, or `A R G . P LA LR LG M` as the specification writes it."""

    id: str
    number: str
    type: str
    description: str


@dataclass(frozen=True, slots=True)
class VcfHeader:
    """The header of one file. `contigs` maps a name to its length, None where it is not stated."""

    version: str
    contigs: Mapping[str, int | None]
    info: Mapping[str, Definition]
    formats: Mapping[str, Definition]
    samples: tuple[str, ...]
    columns: int

    def annotation_columns(self, key: str) -> tuple[str, ...]:
        """The `|`-separated parts of INFO/CSQ or INFO/ANN, as its Description names them; empty if it names none."""
        found = _PIPED_FORMAT.search(self.info[key].description) if key in self.info else None
        return tuple(part.split()[0] if part.strip() else "" for part in found.group(1).split("|")) if found else ()


@dataclass
class HeaderFindings:
    """What was found beside the header itself: `faults` refuse the file, `remarks` go to the report."""

    file: str
    faults: Faults = field(default_factory=Faults)
    remarks: Remarks = field(default_factory=dict)

    def fault(self, code: Rule, text: str, at: Place, value: str | None = None, remedy: str = "") -> None:
        """Adds a fault of this file."""
        self.faults.add(code, text, replace(at, file=self.file), value=value and value[:_SHOWN], remedy=remedy)

    def remark(self, text: str, line: int, of: str = "") -> None:
        """Adds a remark on a line that defines `of`, if it defines anything."""
        said = f"{of[:_SHOWN]}: {text}" if of else text
        if len(self.remarks) >= _MOST_REMARKS and said not in self.remarks:
            said = "other remarks on the header"
        add_remarks(self.remarks, {said: Remark(said, "line", 1, self.file, line)})


@cache
def reserved_fields() -> Mapping[str, Mapping[str, tuple[list[str], list[str]]]]:
    """`INFO` and `FORMAT` to a field's allowed Types and Numbers, for fields that the specification reserves."""
    content = json.loads(resource("vcf_reserved.json").read_text(encoding="utf-8"))
    return {kind: {key: (value["type"], value["number"]) for key, value in content[kind].items()} for kind in content}


def parse_header(text: bytes, file: str) -> tuple[VcfHeader | None, HeaderFindings]:
    """The header, or None with the faults that say why not.

    `text` is everything up to and with the `#CHROM` line, or as much as there is when that line is missing.
    """
    found = HeaderFindings(file)
    # Not `splitlines`: UTF-8 has line ends that VCF has not, and a Description may hold one.
    lines = [line.removesuffix("\r") for line in text.decode("utf-8", errors="replace").removesuffix("\n").split("\n")]
    if lines[0].startswith("\ufeff"):
        lines[0] = lines[0][1:]
        found.remark("a byte-order mark before the first line was left out", 1)
    version = _parse_fileformat(lines, found)
    contigs: dict[str, int | None] = {}
    definitions: dict[str, dict[str, Definition]] = {"INFO": {}, "FORMAT": {}}
    columns: list[str] | None = None
    for number, line in enumerate(lines, start=1):
        if line.startswith("##"):
            if number > 1 or version:
                _parse_meta(line, number, contigs, definitions, found)
        elif line.startswith("#"):
            columns = _parse_columns(line, number, found)
            _validate_columns(columns, number, found)
            break
        elif number > 1 or version:
            found.fault(Rule.VCF_HEADER, "a line of the header does not begin with ##", Place(line=number), line)
    if columns is None:
        found.fault(Rule.NOT_A_VCF, "there is no #CHROM line", Place(line=len(lines)))
    if found.faults or columns is None or version is None:
        return None, found
    samples = tuple(columns[9:])
    return VcfHeader(version, contigs, definitions["INFO"], definitions["FORMAT"], samples, len(columns)), found


def _parse_fileformat(lines: list[str], found: HeaderFindings) -> str | None:
    at = next((at for at, line in enumerate(lines) if line.startswith("##fileformat")), 0)
    line = lines[at]
    match = _FILEFORMAT.fullmatch(line.rstrip())
    if match is None:
        if lines[0].startswith(("##", FIXED_COLUMNS[0])) and not line.startswith("##fileformat"):
            found.remark(f"there is no line ##fileformat=VCFv4.x; the file is read by the rules of {_UNSTATED}", 1)
            return _UNSTATED
        found.fault(Rule.NOT_A_VCF, "the first line is not ##fileformat=VCFv4.x", Place(line=at + 1), line)
        return None
    version = match.group(1)
    if at:
        found.remark("##fileformat is not the first line", at + 1)
    if version in _OLDER_VERSIONS:
        found.remark(f"version {version} is read by the rules of {VERSIONS[0]}", at + 1)
    elif version not in VERSIONS:
        found.fault(Rule.NOT_A_VCF, f"version {version} is not one of {', '.join(VERSIONS)}", Place(line=at + 1), line)
        return None
    return version


def _parse_columns(line: str, number: int, found: HeaderFindings) -> list[str]:
    """The names of the column line. Blanks around those that are fixed, and what is empty at the end, are left out."""
    columns = line.split("\t")
    names = [name.strip(" ") for name in columns[:9]] + columns[9:]
    if len(columns) == 1:
        names = line.split()
    while len(names) > 8 and not names[-1].strip(" "):
        names.pop()
    names[-1] = names[-1].rstrip(" ")
    if names != columns:
        found.remark("the column line has blanks, or a tab at its end; they were left out", number)
    return names


def _validate_columns(columns: list[str], line: int, found: HeaderFindings) -> None:
    if tuple(columns[:8]) != FIXED_COLUMNS or (len(columns) > 8 and columns[8] != "FORMAT"):
        expected = "\t".join((*FIXED_COLUMNS, "FORMAT"))
        found.fault(
            Rule.VCF_HEADER,
            f"the column line does not begin with {expected!r}",
            Place(line=line),
            "\t".join(columns[:9]),
        )
    if len(columns) == 9:
        found.remark("there is a FORMAT column, but no sample", line)
    seen: set[str] = set()
    for sample in columns[9:]:
        if "\ufffd" in sample:
            found.fault(Rule.VCF_HEADER, "the name of a sample is not UTF-8 text", Place(line=line), sample)
        if not sample:
            found.fault(Rule.VCF_HEADER, "a sample has no name", Place(line=line))
        elif sample in seen:
            found.fault(
                Rule.DUPLICATE_SAMPLE, "a sample is named twice", Place("", line, "sample", "sample_id"), sample
            )
        seen.add(sample)


def _parse_meta(
    line: str,
    number: int,
    contigs: dict[str, int | None],
    definitions: dict[str, dict[str, Definition]],
    found: HeaderFindings,
) -> None:
    match = _META.fullmatch(line)
    if match is None:
        found.remark("not of the form ##key=value", number)
        return
    key, value = match.groups()
    if key not in ("INFO", "FORMAT", "contig", "ALT", "FILTER"):
        return
    pairs = _parse_pairs(value)
    if pairs is None:
        found.remark(f"the parts of ##{key} cannot be told apart", number, key)
    elif "ID" not in pairs:
        found.remark(f"##{key} has no ID", number, key)
    elif key == "contig":
        _parse_contig(pairs, number, contigs, found)
    elif key in definitions:
        _parse_definition(key, pairs, value, number, definitions[key], found)
    elif key == "ALT" and not _ALT_ID.fullmatch(pairs["ID"]):
        found.remark("not an ALT id of the specification", number, "ALT")


def _parse_pairs(value: str) -> dict[str, str] | None:
    """`<ID=DP,Number=1,Description="a, b">` to its parts, quotes removed; None if it is not of that form, or longer than
    64 KiB: parsing longer text would take too much time and memory."""
    if len(value) > _LONGEST_DEFINITION or not (value.startswith("<") and value.endswith(">")):
        return None
    pairs: dict[str, str] = {}
    inner, at = value[1:-1], 0
    while at < len(inner):
        match = _PAIR.match(inner, at)
        if match is None:
            return None
        text = match.group(2)
        quoted = text.startswith('"')
        pairs[match.group(1)] = text[1:-1].replace('\\"', '"').replace("\\\\", "\\") if quoted else text
        at = match.end()
    return pairs


def _parse_contig(pairs: dict[str, str], line: int, contigs: dict[str, int | None], found: HeaderFindings) -> None:
    if not _CONTIG.fullmatch(pairs["ID"]):
        found.remark("not a contig name", line, "contig")
    length = pairs.get("length", "")
    contigs[pairs["ID"]] = int(length) if _LENGTH.fullmatch(length) else None


def _parse_definition(
    kind: str, pairs: dict[str, str], value: str, line: int, definitions: dict[str, Definition], found: HeaderFindings
) -> None:
    of = f"{kind}.{pairs['ID']}"
    number, type_ = pairs.get("Number", ""), pairs.get("Type", "")
    if not value.startswith("<ID="):
        found.remark("the definition does not begin with its ID", line, of)
    if not _NUMBER.fullmatch(number):
        found.remark("Number is neither a count nor one of A R G .", line, of)
    if type_ not in _TYPES:
        found.remark(f"Type is not one of {', '.join(_TYPES)}", line, of)
    if 'Description="' not in value:
        found.remark("the Description is not quoted", line, of)
    types, numbers = reserved_fields()[kind].get(pairs["ID"], ([type_], [number]))
    if type_ not in types:
        found.remark(f"the specification gives this field the Type {' or '.join(types)}", line, of)
    if number not in numbers:
        found.remark(f"the specification gives this field the Number {' or '.join(numbers)}", line, of)
    definitions[pairs["ID"]] = Definition(pairs["ID"], number, type_, pairs.get("Description", ""))
