"""Genes and transcripts read from GTF, GFF3 and tables."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from apps.molecular_expression_assay_loader.annotation import Annotation, read_annotation
from common.errors import AppError
from common.expression.feature_lines import BLOCK_BYTES
from common.faults import Faults

GENCODE = """##description: evidence-based annotation
chr21\tHAVANA\tgene\t34787801\t36004667\t.\t-\t.\tgene_id "ENSG00000159216.19"; gene_type "protein_coding"; gene_name "RUNX1";
chr21\tHAVANA\ttranscript\t34787801\t35049344\t.\t-\t.\tgene_id "ENSG00000159216.19"; transcript_id "ENST00000300305.7"; gene_name "RUNX1";
chr21\tHAVANA\texon\t35048842\t35049344\t.\t-\t.\tgene_id "ENSG00000159216.19"; transcript_id "ENST00000300305.7"; exon_number 1;
chrM\tENSEMBL\tgene\t577\t647\t.\t+\t.\tgene_id "ENSG00000210049.1"; gene_name "MT-TF";
"""
ENSEMBL_GTF = (
    '21\thavana\tgene\t34787801\t36004667\t.\t-\t.\tgene_id "ENSG00000159216"; gene_version "19"; gene_name "RUNX1";\n'
)
ENSEMBL_GFF3 = """##gff-version 3
9\t.\tbiological_region\t1\t9\t.\t+\t.\tlogic_name=eponine
9\tensembl\tgene\t130713016\t130887675\t.\t+\t.\tID=gene:ENSG00000097007;Name=ABL1;gene_id=ENSG00000097007;version=20
9\tensembl\tmRNA\t130713016\t130887675\t.\t+\t.\tID=transcript:ENST00000318560;Parent=gene:ENSG00000097007;Name=ABL1-201;transcript_id=ENST00000318560;version=6
9\tensembl\texon\t130713016\t130713100\t.\t+\t.\tParent=transcript:ENST00000318560;Name=ENSE1
###
9\tensembl\tncRNA_gene\t5\t20\t.\t+\t.\tID=gene:ENSG00000000001;Name=a%2Cb;gene_id=ENSG00000000001;version=3
##FASTA
>9
gene\tACGT
"""


def read(
    folder: Path, text: str | bytes, id_type: str = "auto", block_bytes: int = BLOCK_BYTES
) -> tuple[list[tuple[object, ...]], Faults]:
    path = folder / "annotation"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    found, faults = read_annotation(str(path), "genes", id_type, block_bytes)
    return [tuple(row.values()) for row in found.table.to_pylist()], faults


RUNX1 = ("ENSG00000159216", "RUNX1", "21", 34787801, 36004667, "-", "19", "21", 13)


def test_gencode_writes_versions_in_ids_and_prefixes_chromosomes(tmp_path: Path) -> None:
    rows, faults = read(tmp_path, GENCODE)
    assert rows == [
        RUNX1,
        ("ENST00000300305", "RUNX1", "21", 34787801, 35049344, "-", "7", "21", 13),
        ("ENSG00000210049", "MT-TF", "MT", 577, 647, "+", "1", "MT", 0),
    ]
    assert not faults


def test_ensembl_writes_versions_beside_ids(tmp_path: Path) -> None:
    assert read(tmp_path, gzip.compress(ENSEMBL_GTF.encode()))[0] == [RUNX1]


def test_in_gff3_a_transcript_has_the_name_of_its_gene(tmp_path: Path) -> None:
    rows, faults = read(tmp_path, ENSEMBL_GFF3)
    assert rows == [
        ("ENSG00000097007", "ABL1", "9", 130713016, 130887675, "+", "20", "9", 52),
        ("ENST00000318560", "ABL1", "9", 130713016, 130887675, "+", "6", "9", 52),
        ("ENSG00000000001", "a,b", "9", 5, 20, "+", "3", "9", 0),
    ]
    assert not faults


@pytest.mark.parametrize("block", [64, 200, len(ENSEMBL_GFF3.partition("##FASTA")[0]), 1 << 20])
@pytest.mark.parametrize("text", [GENCODE, ENSEMBL_GFF3])
def test_blocks_of_any_size_give_the_same(tmp_path: Path, text: str, block: int) -> None:
    assert read(tmp_path, text, block_bytes=block) == read(tmp_path, text)


def test_a_table_may_order_its_columns_and_leave_places_blank(tmp_path: Path) -> None:
    text = 'gene_name,feature_id,chr,start,end,strand,note\n"a, b",FBgn1,chr2L,5,10,+,x\n,FBgn2,,,,,\n'
    assert read(tmp_path, text)[0] == [
        ("FBgn1", "a, b", "2L", 5, 10, "+", None, "2L", 0),
        ("FBgn2", None, None, None, None, None, None, None, None),
    ]


def test_a_table_may_have_other_columns_of_any_name(tmp_path: Path) -> None:
    text = "line,feature_id,gene_name,CHROM,start,end,strand,note,note\n7,f1,a,1,5,10,+,x,y\n"
    assert read(tmp_path, text)[0] == [("f1", "a", "1", 5, 10, "+", None, "1", 0)]


def test_a_table_with_a_column_twice_is_refused(tmp_path: Path) -> None:
    rows, faults = read(tmp_path, "feature_id,gene_name,chr,start,end,strand,CHROM\nf1,a,1,5,10,+,1\n")
    assert (rows, [each.text for each in faults]) == ([], ["columns of the table repeat (chr is CHROM): CHROM"])


def test_all_faults_of_a_table_are_told_with_their_lines(tmp_path: Path) -> None:
    text = (
        "feature_id\tgene_name\tCHROM\tstart\tend\tstrand\n"
        "f1\ta\t1\tx\t5\t+\nf2\tb\t1\t9\t5\t+\nf2\tc\t1\t1\t5\t*\nf3\td\n\te\t1\t1\t2\t-\n"
    )  # fmt: skip
    _, faults = read(tmp_path, text)
    assert sorted((each.line, each.field, each.value) for each in faults) == [
        (2, "start", "x"), (3, "end", "5"), (4, "feature_id", "f2"), (4, "strand", "*"), (5, "", "f3\td"),
        (6, "feature_id", ""),
    ]  # fmt: skip
    assert faults.codes() == [109]


def test_lines_of_a_gtf_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    _, faults = read(tmp_path, GENCODE + "chr1\tgene\n" + ENSEMBL_GTF.replace("34787801", "-5"))
    assert sorted((each.line, each.field, each.value) for each in faults) == [
        (6, "", "chr1\tgene"), (7, "feature_id", "ENSG00000159216"), (7, "start", "-5"),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "hello\n", "a,b,c\n1,2,3\n", b"\x00\x01\x02"])
def test_what_is_neither_of_the_forms_is_refused(tmp_path: Path, text: str | bytes) -> None:
    rows, faults = read(tmp_path, text)
    assert (rows, faults.codes()) == ([], [109])


def test_lines_that_are_not_utf8_are_told(tmp_path: Path) -> None:
    for line in ('chr1\tx\tgene\t1\t2\t.\t+\t.\tgene_id "\xe9";\n', "\xe9\n"):
        _, faults = read(tmp_path, GENCODE.encode() + line.encode("latin-1"))
        assert (6, "bytes that are not UTF-8") in [(each.line, each.text) for each in faults]


def test_an_annotation_without_genes_is_refused(tmp_path: Path) -> None:
    text = ENSEMBL_GTF.replace("\tgene\t", "\tCDS\t")
    assert [each.text for each in read(tmp_path, text)[1]] == ["no gene or transcript in the file"]


def test_a_damaged_gzip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AppError) as refused:
        read(tmp_path, gzip.compress(ENSEMBL_GTF.encode() * 1000)[:-20])
    assert refused.value.code == 65


def test_a_line_without_end_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    with pytest.raises(AppError, match="a line of more than"):
        read(tmp_path, gzip.compress(bytes(100 << 20), 1))


def test_a_file_of_a_million_lines_that_are_no_rows_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(AppError, match="cannot be read near line 1"):
        read(tmp_path, ENSEMBL_GTF.encode() + b"0\n" * 1_100_000)


ATTRIBUTES = {
    'gene_id "AT1G70210"; gene_name "CYCD1;1"; gene_source "araport11";': ("AT1G70210", "CYCD1;1"),
    'gene_id "AT5G65420"; description "cyclin; gene_name like CYC"; gene_name "CYCD4;1";': ("AT5G65420", "CYCD4;1"),
    'gene_name "A" ; note "gene_id B"; gene_id  "C" ;': ("C", "A"),
    "gene_id bare; gene_name two words;": ("bare", "two words"),
    'xgene_id "B"; gene_id "A"; gene_id "C"': ("A", None),
    'gene_id "DDX11L1"; transcript_id ""; db_xref "GeneID:100287102"; gene "DDX11L1";': ("DDX11L1", "DDX11L1"),
}


@pytest.mark.parametrize("text", ATTRIBUTES)
def test_in_gtf_a_value_in_quotes_may_hold_a_semicolon_and_is_no_key(tmp_path: Path, text: str) -> None:
    rows, faults = read(tmp_path, f"1\tx\tgene\t5\t9\t.\t+\t.\t{text}\n")
    assert ([row[:2] for row in rows], faults.counts) == ([ATTRIBUTES[text]], {})


def test_a_gene_without_a_name_has_none(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, ENSEMBL_GTF + '1\tx\tgene\t5\t9\t.\t+\t.\tgene_id "ENSG00000000001";\n')
    assert [row[:2] for row in rows] == [("ENSG00000159216", "RUNX1"), ("ENSG00000000001", None)]


def test_a_quote_that_is_never_closed_is_told(tmp_path: Path) -> None:
    _, faults = read(tmp_path, ENSEMBL_GTF + '1\tx\tgene\t5\t9\t.\t+\t.\tgene_id "A"; gene_name "B;\n')
    assert [(each.line, each.text) for each in faults] == [(2, "a quote in column 9 is never closed")]


NCBI = """##gff-version 3
NC_000001.11\tX\tpseudogene\t11874\t14409\t.\t+\t.\tID=gene-DDX11L1;Dbxref=GeneID:100287102;Name=DDX11L1;gbkey=Gene;gene=DDX11L1
NC_000001.11\tX\ttranscript\t11874\t14409\t.\t+\t.\tID=rna-NR_046018.2;Parent=gene-DDX11L1;gene=DDX11L1;transcript_id=NR_046018.2
NC_000023.11\tX\tgene\t155881293\t155943769\t.\t+\t.\tID=gene-VAMP7;Name=VAMP7;gene=VAMP7
NC_000023.11\tX\tmRNA\t155881293\t155943769\t.\t+\t.\tID=rna-NM_005638.6;Parent=gene-VAMP7;gene=VAMP7;transcript_id=NM_005638.6
NC_000024.10\tX\tgene\t57067813\t57130289\t.\t+\t.\tID=gene-VAMP7-2;Name=VAMP7;gene=VAMP7
NC_000024.10\tX\tmRNA\t57067813\t57130289\t.\t+\t.\tID=rna-NM_005638.6-2;Parent=gene-VAMP7-2;gene=VAMP7;transcript_id=NM_005638.6
NC_000001.11\tX\tgene\t17369\t17436\t.\t-\t.\tID=gene-MIR6859-1;Name=MIR6859-1;gene=MIR6859-1
NC_000001.11\tX\tmiRNA\t17369\t17391\t.\t-\t.\tID=rna-MIR6859-1;Parent=gene-MIR6859-1;gene=MIR6859-1
"""


def test_ncbi_writes_prefixes_before_ids_and_repeats_transcript_ids_on_copies(tmp_path: Path) -> None:
    rows, faults = read(tmp_path, NCBI)
    assert [row[:2] for row in rows] == [
        ("DDX11L1", "DDX11L1"), ("NR_046018.2", "DDX11L1"), ("VAMP7", "VAMP7"), ("NM_005638.6", "VAMP7"), ("VAMP7-2", "VAMP7"),
        ("NM_005638.6-2", "VAMP7"), ("MIR6859-1", "MIR6859-1"), ("rna-MIR6859-1", "MIR6859-1"),
    ]  # fmt: skip
    assert not faults


def test_a_feature_is_found_that_still_has_the_prefix_of_gff3(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(NCBI, encoding="utf-8")
    annotation: Annotation = read_annotation(str(tmp_path / "a"), "a", "auto")[0]
    features = pa.array(["gene-DDX11L1", "DDX11L1", "rna-MIR6859-1", "nothing"])
    assert annotation.places(features).column("start").to_pylist() == [11874, 11874, 17369, None]
