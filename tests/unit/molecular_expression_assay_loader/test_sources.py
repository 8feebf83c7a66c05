"""Formats told from headers, and all that is wrong with headers and manifests."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from apps.molecular_expression_assay_loader.sources import plan_sources
from common.faults import FaultError
from common.platform import InputFile


def plan(
    folder: Path, files: dict[str, str | bytes], stated: str = "auto", ids: dict[str, str] | None = None
) -> list[tuple[str, ...]]:
    """Format, file and samples of each source."""
    given = []
    for name, text in files.items():
        (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
        given.append(InputFile(name, str(folder / name), (ids or {}).get(name)))
    form, sources = plan_sources(given, stated)
    return [(form, source.file.name, source.delimiter, *source.samples) for source in sources]


def refused(
    folder: Path, files: dict[str, str | bytes], stated: str = "auto"
) -> list[tuple[int, str, int | None, str | None]]:
    with pytest.raises(FaultError) as error:
        plan(folder, files, stated)
    return [(each.code, each.file, each.line, each.value) for each in error.value.faults]


def test_a_matrix_is_told_by_having_samples_for_columns(tmp_path: Path) -> None:
    files = {"a.tsv": "\tS1\tS2\n", "b.csv": '"gene","S,3"\r\n', "c.txt": gzip.compress(b"g,s\nf,1\n")}
    assert plan(tmp_path, files) == [
        ("matrix", "a.tsv", "\t", "S1", "S2"),
        ("matrix", "b.csv", ",", "S,3"),
        ("matrix", "c.txt", ",", "s"),
    ]


def test_a_long_table_is_told_by_its_header(tmp_path: Path) -> None:
    assert plan(tmp_path, {"a.csv": "\ufefffeature_id,sample_id,value\n"}, "long") == [("long", "a.csv", ",")]


def test_a_manifest_names_its_files_by_name_or_id(tmp_path: Path) -> None:
    files = {
        "b.tsv": "feature_id\tvalue\n",
        "list.csv": "file_id,sample_id\nfile-B,S1\n\nc.csv,S2\n",
        "c.csv": "feature_id,value\n",
    }
    assert plan(tmp_path, files, ids={"b.tsv": "file-B"}) == [
        ("manifest", "b.tsv", "\t", "S1"),
        ("manifest", "c.csv", ",", "S2"),
    ]


def test_what_is_no_table_has_no_known_format(tmp_path: Path) -> None:
    files = {
        "a.csv": "", "b.csv": "only one column\n", "c.csv": "g\ts\n".encode("utf-16"), "d.xlsx": b"PK\x03\x04", "e.csv": "g;s1;s2\nf;1;2\n",
        "f.txt": '"s1" "s2"\n"f" 1 2\n', "g.csv": b"g,s\x00\n",
    }  # fmt: skip
    with pytest.raises(FaultError) as error:
        plan(tmp_path, {**files})
    none = "no header of at least two columns, separated by comma or tab"
    assert [(each.code, each.file, each.text) for each in error.value.faults] == [
        (65, "c.csv", "the file is UTF-16 text, as its byte-order mark says; it was read as utf-8-sig"),
        (65, "g.csv", "the file is binary, or UTF-16 text without a byte-order mark; it was read as utf-8-sig"),
        (100, "a.csv", none),
        (100, "b.csv", none),
        (100, "d.xlsx", "this is a zip archive or a spreadsheet"),
        (100, "e.csv", none),
        (102, "f.txt", "this is a table whose cells are separated by blanks"),
    ]
    parted = next(each for each in error.value.faults if each.file == "e.csv")
    assert parted.remedy == "Its cells seem to be separated by semicolons. Save the file with commas or tabs."


def test_a_header_that_is_no_text_we_read_says_why(tmp_path: Path) -> None:
    files = {"a.csv": "feature_id,s1\rf1,1\r", "b.csv": "g,Andr\xe9\n".encode("latin-1")}
    for name, text in files.items():
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FaultError) as error:
        plan_sources([InputFile(name, str(tmp_path / name)) for name in files], "auto")
    assert [(each.code, each.text) for each in error.value.faults] == [
        (65, "its lines end with a carriage return alone"),
        (100, "the header is not UTF-8 text"),
    ]


def test_a_manifest_must_be_text(tmp_path: Path) -> None:
    rows = "file_id,sample_id\na.csv,Andr\xe9\nb.csv,S\r2\n".encode("latin-1")
    files = {"list.csv": rows, "a.csv": "feature_id,value\n"}
    assert refused(tmp_path, files) == [(108, "list.csv", 2, "Andr\ufffd"), (108, "list.csv", 3, None)]


def test_a_stated_format_unlike_the_header_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, {"a.csv": "g,s1\n"}, "long") == [(101, "a.csv", 1, "g,s1")]


def test_files_of_two_formats_are_refused(tmp_path: Path) -> None:
    files = {"a.csv": "g,s1\n", "b.csv": "feature_id,sample_id,value\n"}
    assert refused(tmp_path, files) == [(101, "b.csv", 1, "feature_id,sample_id,value")]


def test_all_faults_of_matrix_headers_are_told_at_once(tmp_path: Path) -> None:
    files = {"a.csv": "g,s1,,s1\n", "b.csv": "feature_id,value,sample_id\n"}
    assert refused(tmp_path, files) == [
        (102, "a.csv", 1, ""),
        (102, "b.csv", 1, "feature_id,value,sample_id"),
        (103, "a.csv", 1, "s1"),
    ]


def test_a_file_without_header_and_a_turned_one_are_told_by_ids_in_the_first_line(tmp_path: Path) -> None:
    files = {
        "a.tsv": "ENSG00000000003.15\t723\nENSG00000000005\t0\n",
        "b.csv": "sample,ENST00000381578.6_PAR_Y,ENSG00000000005\ns1,1,2\n",
    }
    assert refused(tmp_path, files) == [
        (102, "a.tsv", 1, "ENSG00000000003.15\t723"),
        (102, "b.csv", 1, "sample,ENST00000381578.6_PAR_Y,ENSG00000000005"),
    ]


QUANTIFIED = {
    "quant.sf": "Name\tLength\tEffectiveLength\tTPM\tNumReads\nENST00000456328\t1657\t1441\t0.5\t3\n",
    "abundance.tsv": "target_id\tlength\teff_length\test_counts\ttpm\nENST00000456328\t1657\t1441\t3\t0.5\n",
}


@pytest.mark.parametrize("manifest", [{}, {"list.csv": "file_id,sample_id\nquant.sf,S1\nabundance.tsv,S2\n"}])
def test_a_quantifiers_own_file_is_no_matrix_and_says_how_to_give_it(tmp_path: Path, manifest: dict[str, str]) -> None:
    files = QUANTIFIED | manifest
    assert refused(tmp_path, {**files}) == [
        (102, "quant.sf", 1, "Name\tLength\tEffectiveLength\tTPM\tNumReads"),
        (102, "abundance.tsv", 1, "target_id\tlength\teff_length\test_counts\ttpm"),
    ]
    with pytest.raises(FaultError) as error:
        plan(tmp_path, {**files})
    told = next(iter(error.value.faults))
    assert told.text == "this is salmon's quant.sf, a file of one sample, whose columns are not samples"
    assert "feature_id,value" in told.remedy
    assert "manifest, file_id,sample_id" in told.remedy


def test_all_faults_of_a_manifest_are_told_at_once(tmp_path: Path) -> None:
    rows = "file_id,sample_id\na.csv,S1\na.csv,S2\nmissing.csv,S3\nb.csv,S1\nc.csv\n"
    files = {"list.csv": rows, "a.csv": "feature_id,value\n", "b.csv": "gene,tpm\n", "d.csv": "feature_id,value\n"}
    assert sorted(refused(tmp_path, files), key=lambda told: (told[0], told[1], told[2] or 0)) == [
        (102, "b.csv", 1, "gene,tpm"),
        (103, "list.csv", 5, "S1"),
        (108, "d.csv", None, None),
        (108, "list.csv", 3, "a.csv"),
        (108, "list.csv", 4, "missing.csv"),
        (108, "list.csv", 6, "c.csv"),
    ]


OF_ONE = ", a file of one sample, whose columns are not samples"
KNOWN = {
    '# Program:featureCounts v2.0.1; Command:"featureCounts" "-a" "g.gtf"\nGeneid\tChr\n': (
        "featureCounts' table with its comment",
        "Remove its first line",
    ),
    "Status\tA.bam\nAssigned\t5\n": ("featureCounts' summary, which counts reads, not features", "Leave this file out"),
    "#1.2\n2\t2\nName\tDescription\tG1\tG2\n": ("a GCT file", "Remove its first two lines."),
    "#1.3\r\n2\t2\t1\t1\r\n": ("a GCT file of version 1.3", "Remove its first two lines and the rows"),
    "%%MatrixMarket matrix coordinate integer general\n3 3 1\n": (
        "an MTX file (Matrix Market), a matrix without names",
        "Write it as a long table",
    ),
    "N_unmapped\t1\t1\t1\nN_multimapping\t2\t2\t2\n": (
        f"STAR's ReadsPerGene.out.tab{OF_ONE}",
        "Leave out its four lines",
    ),
    "# gene-model: GENCODE v36\ngene_id\tgene_name\n": (
        f"a file of STAR's counts as the GDC gives it{OF_ONE}",
        "Leave out its four lines",
    ),
    "gene_id\ttranscript_id(s)\tlength\teffective_length\texpected_count\tTPM\tFPKM\n": (
        f"RSEM's results{OF_ONE}",
        "Write its ids",
    ),
    "transcript_id\tgene_id\tlength\teffective_length\texpected_count\tTPM\tFPKM\tIsoPct\n": (
        f"RSEM's results{OF_ONE}",
        "Write its ids",
    ),
    "Gene ID\tGene Name\tReference\tStrand\tStart\tEnd\tCoverage\tFPKM\tTPM\n": (
        f"StringTie's gene_abund{OF_ONE}",
        "Write its ids",
    ),
    "tracking_id\tclass_code\tgene_id\tlocus\tlength\tcoverage\tFPKM\n": (
        f"Cufflinks' fpkm_tracking{OF_ONE}",
        "Write its ids",
    ),
    ",baseMean,log2FoldChange,lfcSE,stat,pvalue,padj\n": (
        "a table of differential expression by DESeq2",
        "Give the values",
    ),
    "##fileformat=VCFv4.2\n#CHROM\tPOS\n": ("a VCF", "Load it with the genetic_variant_assay_loader."),
    '##x\nchr1\tHAVANA\tgene\t1\t2\t.\t+\t.\tgene_id "A";\n': ("a GTF or GFF3", "Give it as feature_annotation"),
    "# counts, by me\ngene\tS1\tS2\n": ("a file that begins with a comment", "Remove the lines above the header."),
}


@pytest.mark.parametrize("text", KNOWN)
def test_a_file_of_another_tool_is_told_with_what_to_do(tmp_path: Path, text: str) -> None:
    with pytest.raises(FaultError) as error:
        plan(tmp_path, {"a.txt": gzip.compress(text.encode())})
    (fault,) = error.value.faults
    what, remedy = KNOWN[text]
    assert (fault.code, fault.line, fault.text) == (102, 1, f"this is {what}")
    assert fault.remedy.startswith(remedy)


LEFT_OUT = {
    "Hugo_Symbol\tEntrez_Gene_Id\tT-1\tT-2\nTP53\t7157\t1\t2\n": [["T-1", "T-2"], "Entrez_Gene_Id"],
    "Name\tDescription\tG1\nf1\tDDX11L1\t0\n": [["G1"], "Description"],
    "gene,Length,S1,gene.name\nf1,300,1,x\n": [["S1"], "Length", "gene.name"],
    "gene,Start,End,S1\nf1,5,9,1\n": [["S1"], "Start", "End"],
    "gene,level,S1\nf1,high,1\nf2,low,1\n": [["S1"], "level"],
    "sample\tT-1\tT-2\nTP53\t1\t2\n": [["T-1", "T-2"]],
    "Entrez_Gene_Id,S1\n1,5\n2,6\n": [["S1"]],
    "gene,101,102\nf1,5,6\n": [["101", "102"]],
    "#gene\tS1\nf1\t5\n": [["S1"]],
    'gene,S1\nf1,"1,5"\nf2,"2,5"\n': [["S1"]],
    "gene,S1,S2\nf1,1,N/A\nf2,1,n.d.\n": [["S1", "S2"]],
}


@pytest.mark.parametrize("text", LEFT_OUT)
def test_known_annotation_is_left_out_and_samples_stay(tmp_path: Path, text: str) -> None:
    (tmp_path / "m").write_text(text, encoding="utf-8")
    (source,) = plan_sources([InputFile("m", str(tmp_path / "m"))], "auto")[1]
    assert [list(source.samples), *(name for _, name in source.left_out)] == LEFT_OUT[text]


DOUBTFUL = {
    "gene,Start,S1\nf1,5,1\n": "column 2 is named like annotation or like a figure, so it may not be a sample",
    "gene,S1,mean\nf1,5,1\n": "column 3 is named like annotation or like a figure, so it may not be a sample",
    "gene,tpm\nf1,5\n": "column 2 is named like annotation or like a figure, so it may not be a sample",
    "gene,S1,S2,kind\nf1,5,1,a\nf2,5,1,b\n": "column 4 holds texts, such as 'a', so it is not a sample",
    "gene,Length\nf1,5\n": "no column is a sample: all are annotation",
    ",V1,S1,S2\n1,ENSG1,5,6\n2,ENSG2,7,8\n": "column 1 has no name and holds row numbers; the feature ids are in column 2, V1",
    ",gene_id,S1\n0,ENSG1,5\n1,ENSG2,7\n": "column 1 has no name and holds row numbers; the feature ids are in column 2, gene_id",
    "gene,sample,tpm\nf1,S1,1\n": "this is a long table with another header",
    "sample_id\tgene\tgene_name\tcount\n1\tf1\tx\t1\n": "this is a long table with another header",
    "gene,donor_x,level_x\nf1,S1,1\n": "column 2 holds texts, such as 'S1', so it is not a sample",
    "file,sample_x\na.txt,S1\nb.txt,S2\n": "column 2 holds texts, such as 'S1', so it is not a sample",
    "A1BG\t5\nA2M\t6\n__no_feature\t3\n": "the first line begins with a feature id, so the file has no header, as HTSeq writes it",
    "A1BG\t5\t5\nA2M\t6\t7\n": "the first line begins with a feature id, so the file has no header",
    "g,s1,\nf1,1,\n": "column 3 has no sample name",
}


@pytest.mark.parametrize("text", DOUBTFUL)
def test_what_may_be_no_sample_is_refused_once(tmp_path: Path, text: str) -> None:
    with pytest.raises(FaultError) as error:
        plan(tmp_path, {"m.txt": text})
    (fault,) = error.value.faults
    assert (fault.code, fault.line, fault.text) == (102, 1, DOUBTFUL[text])
    assert fault.remedy


def test_the_remedy_of_a_doubtful_column_works(tmp_path: Path) -> None:
    (tmp_path / "m").write_text("gene,Start,kind,S1\nf1,5,a,1\nf2,6,b,1\n", encoding="utf-8")
    (source,) = plan_sources([InputFile("m", str(tmp_path / "m"))], "auto", ["Start", "kind"])[1]
    assert (source.samples, source.left_out) == (("S1",), ((0, "Start"), (1, "kind")))
    with pytest.raises(FaultError) as error:
        plan_sources([InputFile("m", str(tmp_path / "m"))], "auto", ["Start", "kind", "kinds"])
    assert [(each.text, each.value, each.remedy) for each in error.value.faults] == [
        ("annotation_columns: no matrix has such a column", "kinds", "Did you mean 'kind'?")
    ]
