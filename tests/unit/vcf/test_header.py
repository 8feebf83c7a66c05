"""The header as typed values, its faults with their lines, and what is only remarked on."""

from __future__ import annotations

import pytest

from common.vcf.header import Definition, parse_header

GOOD = """##fileformat=VCFv4.3
##contig=<ID=chr1,length=1000,assembly="GRCh38">
##contig=<ID=chrM>
##INFO=<ID=AF,Number=A,Type=Float,Description="Frequency, \\"raw\\"">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##reference=file:///ref.fa
#CHROM	POS	ID	REF	ALT	QUAL	FILTER	INFO	FORMAT	NA1	NA::2
"""
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def faults_of(text: str) -> list[tuple[int, int | None, str | None]]:
    return [(fault.code, fault.line, fault.value) for fault in parse_header(text.encode(), "a.vcf")[1].faults]


def warnings_of(meta: str) -> list[tuple[int | None, str]]:
    header, found = parse_header(f"##fileformat=VCFv4.2\n{meta}\n{COLUMNS}".encode(), "a.vcf")
    assert header is not None
    return [(each.line, each.text) for each in found.remarks.values()]


def test_definitions_contigs_and_samples_are_typed_values() -> None:
    header, found = parse_header(GOOD.encode(), "a.vcf")
    assert header is not None
    assert not found.faults
    assert not found.remarks
    assert header.version == "4.3"
    assert header.contigs == {"chr1": 1000, "chrM": None}
    assert header.info == {"AF": Definition("AF", "A", "Float", 'Frequency, "raw"')}
    assert header.samples == ("NA1", "NA::2")
    assert header.columns == 11


def test_only_lf_and_crlf_end_a_line() -> None:
    text = f"##fileformat=VCFv4.3\r\n##source=a\u2028b\x0cc\x85d\r\n{COLUMNS[:-1]}\tFORMAT\tNA1\r\n"
    header, found = parse_header(text.encode(), "a.vcf")
    assert header is not None
    assert (header.samples, found.faults.total, len(found.remarks)) == (("NA1",), 0, 0)
    assert faults_of(text.replace("\r\n", "\r")[:-1])[0][:2] == (200, 1)


def test_a_sample_whose_name_is_not_utf8_is_refused() -> None:
    _, found = parse_header(f"##fileformat=VCFv4.2\n{COLUMNS[:-1]}\tFORMAT\tAndr\xe9\n".encode("latin-1"), "a.vcf")
    assert [(fault.code, fault.line, fault.value) for fault in found.faults] == [(201, 2, "Andr\ufffd")]


@pytest.mark.parametrize("length", ["\u00b2", "9" * 5000, "1e6", "-3"])
def test_a_length_of_a_contig_that_is_none_is_as_none_stated(length: str) -> None:
    header, _ = parse_header(f"##fileformat=VCFv4.2\n##contig=<ID=1,length={length}>\n{COLUMNS}".encode(), "a.vcf")
    assert header is not None
    assert header.contigs == {"1": None}


@pytest.mark.parametrize("version", ["4.1", "4.2", "4.3", "4.4", "4.5"])
def test_versions_4_1_to_4_5_are_read(version: str) -> None:
    assert faults_of(f"##fileformat=VCFv{version}\n{COLUMNS}") == []


def test_version_4_0_is_read_with_a_remark() -> None:
    header, found = parse_header(f"##fileformat=VCFv4.0\n{COLUMNS}".encode(), "a.vcf")
    assert header is not None
    assert [*found.remarks] == ["version 4.0 is read by the rules of 4.1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [(200, 1, ""), (200, 1, None)]),
        ("##fileformat=\n" + COLUMNS, [(200, 1, "##fileformat=")]),
        ("##fileformat=VCF v4.2\n" + COLUMNS, [(200, 1, "##fileformat=VCF v4.2")]),
        ("##fileformat=VCFv3.2\n" + COLUMNS, [(200, 1, "##fileformat=VCFv3.2")]),
        ("##fileformat=VCFv4.2\n##x=1\n", [(200, 2, None)]),
        ("a,b\n1,2\n", [(200, 1, "a,b"), (200, 2, None), (201, 2, "1,2")]),
        ("##fileformat=VCFv4.2\nstray\n" + COLUMNS, [(201, 2, "stray")]),
        ("##fileformat=VCFv4.2\n#CHROM\tPOSITION\n", [(201, 2, "#CHROM\tPOSITION")]),
        ("##fileformat=VCFv4.2\n" + COLUMNS[:-1] + "\tFORMAT\ta\tb\ta\n", [(209, 2, "a")]),
    ],
)  # fmt: skip
def test_every_fault_is_told_with_its_line(text: str, expected: list[tuple[int, int, str | None]]) -> None:
    assert faults_of(text) == expected


@pytest.mark.parametrize(
    ("meta", "text"),
    [
        ("##plain text", "not of the form ##key=value"),
        ('##INFO=<ID=X,Number=1,Type=Float,Description="open>', "INFO: the parts of ##INFO cannot be told apart"),
        ("##contig=<length=3>", "contig: ##contig has no ID"),
        ("##contig=<ID=a b>", "contig: not a contig name"),
        ('##INFO=<ID=X,Number=N,Type=Float,Description="x">', "INFO.X: Number is neither a count nor one of A R G ."),
        (
            '##INFO=<ID=X,Number=1,Type=Int,Description="x">',
            "INFO.X: Type is not one of Integer, Float, Flag, Character, String",
        ),
        (
            '##FORMAT=<ID=DP,Number=1,Type=String,Description="x">',
            "FORMAT.DP: the specification gives this field the Type Integer",
        ),
        (
            '##INFO=<ID=AF,Number=1,Type=Float,Description="x">',
            "INFO.AF: the specification gives this field the Number A",
        ),
        ("##INFO=<ID=X,Number=1,Type=Float,Description=x>", "INFO.X: the Description is not quoted"),
        ('##INFO=<Number=1,ID=X,Type=Float,Description="x">', "INFO.X: the definition does not begin with its ID"),
    ],
)
def test_what_touches_no_loaded_data_is_a_remark(meta: str, text: str) -> None:
    assert warnings_of(meta) == [(2, text)]


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("Consequences by VEP. Format: Allele|Consequence|IMPACT", ("Allele", "Consequence", "IMPACT")),
        ("Format: 'Allele|Consequence|IMPACT'", ("Allele", "Consequence", "IMPACT")),
        (r"Format: \"Allele|Consequence\".", ("Allele", "Consequence")),
        ("format=Allele | Consequence", ("Allele", "Consequence")),
        ("Format: Allele|Consequence|IMPACT (VEP 110)", ("Allele", "Consequence", "IMPACT")),
        ("Format: Consequence", ("Consequence",)),
        ("Consequences", ()),
    ],
)
def test_parts_of_annotations_are_named_by_their_description(sentence: str, parts: tuple[str, ...]) -> None:
    csq = f'##INFO=<ID=CSQ,Number=.,Type=String,Description="{sentence}">'
    header, _ = parse_header(f"##fileformat=VCFv4.2\n{csq}\n{COLUMNS}".encode(), "a.vcf")
    assert header is not None
    assert header.annotation_columns("CSQ") == parts
    assert header.annotation_columns("ANN") == ()


def test_a_byte_order_mark_is_left_out_with_a_remark() -> None:
    header, found = parse_header(f"\ufeff##fileformat=VCFv4.2\n{COLUMNS}".encode(), "a.vcf")
    assert header is not None
    assert [*found.remarks] == ["a byte-order mark before the first line was left out"]


@pytest.mark.parametrize(
    ("text", "version", "remark"),
    [
        (
            f"##x=1\n{COLUMNS}",
            "4.2",
            (1, "there is no line ##fileformat=VCFv4.x; the file is read by the rules of 4.2"),
        ),
        (COLUMNS, "4.2", (1, "there is no line ##fileformat=VCFv4.x; the file is read by the rules of 4.2")),
        (f"##x=1\n##fileformat=VCFv4.4\n{COLUMNS}", "4.4", (2, "##fileformat is not the first line")),
        (f"##fileformat=VCFv3.3\n{COLUMNS}", "3.3", (1, "version 3.3 is read by the rules of 4.1")),
    ],
)
def test_a_version_that_does_not_stand_where_it_should_is_a_remark(
    text: str, version: str, remark: tuple[int, str]
) -> None:
    header, found = parse_header(text.encode(), "a.vcf")
    assert header is not None
    assert header.version == version
    assert [(each.line, each.text) for each in found.remarks.values()] == [remark]


@pytest.mark.parametrize(
    ("line", "samples"),
    [
        (COLUMNS[:-1] + "\t", ()),
        (COLUMNS[:-1] + "\tFORMAT\tS 1\t\t", ("S 1",)),
        (COLUMNS[:-1] + "\tFORMAT\tS1 ", ("S1",)),
        (COLUMNS[:-1].replace("\t", " \t") + "\tFORMAT\tS1\tS2", ("S1", "S2")),
        (COLUMNS[:-1].replace("\t", "  ") + " FORMAT S1 S2", ("S1", "S2")),
    ],
)
def test_blanks_and_tabs_too_many_in_the_column_line_are_a_remark(line: str, samples: tuple[str, ...]) -> None:
    header, found = parse_header(f"##fileformat=VCFv4.2\n{line}\n".encode(), "a.vcf")
    assert header is not None
    assert header.samples == samples
    assert header.columns == (9 + len(samples) if samples else 8)
    assert [(each.line, each.text) for each in found.remarks.values()] == [
        (2, "the column line has blanks, or a tab at its end; they were left out")
    ]
