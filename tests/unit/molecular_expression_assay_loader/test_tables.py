"""What a load writes, form by form, and what it refuses."""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.molecular_expression_assay_loader.scratch import Sizes
from common.errors import AppError
from common.faults import Faults

MATRIX = "id,B,A\nENSG00000000003.15,1.5,0\nENSG00000000001.2,NA,4\nENSG00000000002_PAR_Y,2e2,\n"
GTF = (
    '1\tx\tgene\t2500000\t2500900\t.\t+\t.\tgene_id "ENSG00000000001"; gene_name "ONE";\n'
    'chrX\tx\tgene\t2499999\t2600000\t.\t-\t.\tgene_id "ENSG00000000003.15"; gene_name "THREE";\n'
)
EXPRESSION = [
    ("ENSG00000000001", "A", 4.0),
    ("ENSG00000000002_PAR_Y", "B", 200.0),
    ("ENSG00000000003", "A", 0.0),
    ("ENSG00000000003", "B", 1.5),
]


def places(faults: Faults) -> list[tuple[int, str, int | None, str, str | None]]:
    return [(each.code, each.file, each.line, each.field, each.value) for each in faults]


def test_a_matrix_becomes_a_row_per_value_that_is_not_missing(load: Any) -> None:
    loaded = load({"m.csv": MATRIX})
    assert loaded.rows("expression") == EXPRESSION
    assert loaded.rows("sample") == [("A",), ("B",)]
    assert not loaded.faults


def test_rows_stand_in_the_bin_of_their_start_and_unplaced_features_in_other(load: Any) -> None:
    loaded = load({"m.csv": MATRIX}, annotation=GTF)
    one = ("ONE", "1", 2500000, 2500900, "+", "1", 1)
    three = ("THREE", "X", 2499999, 2600000, "-", "X", 0)
    none = (None, None, None, None, None, "Other", -1)
    assert loaded.rows("expression_read_optimized") == [
        ("ENSG00000000001", "A", 4.0, *one),
        ("ENSG00000000002_PAR_Y", "B", 200.0, *none),
        ("ENSG00000000003", "A", 0.0, *three),
        ("ENSG00000000003", "B", 1.5, *three),
    ]
    assert loaded.unannotated == 1


def test_annotation_has_a_row_for_each_feature_with_its_version(load: Any) -> None:
    assert load({"m.csv": MATRIX}, annotation=GTF).rows("expr_annotation") == [
        ("ENSG00000000001", "ONE", "1", 2500000, 2500900, "+", "2"),
        ("ENSG00000000002_PAR_Y", None, None, None, None, None, None),
        ("ENSG00000000003", "THREE", "X", 2499999, 2600000, "-", "15"),
    ]


def test_zeros_make_no_row_if_dropped(load: Any) -> None:
    assert load({"m.csv": MATRIX}, drop_zeros=True).rows("expression") == [row for row in EXPRESSION if row[2]]


def test_other_texts_may_stand_for_missing_values(load: Any) -> None:
    matrix = {"m.csv": "g,s1,s2\nf1,-,1\nf2,NA,-9\n"}
    long = {"l.csv": "feature_id,sample_id,value\nf1,s1,-\nf1,s2,1\nf2,s1,NA\nf2,s2,-9\n"}
    for files in (matrix, long):
        assert load(files, missing=("-", "-9", "NA")).rows("expression") == [("f1", "s2", 1.0)]
        assert load(files, missing=("-", "-9")).faults.counts == {105: 1}


def test_counts_are_whole_numbers_however_they_are_written(load: Any) -> None:
    loaded = load({"m.tsv": "g\ts\nf1\t9007199254740993\nf2\t12.0\nf3\t1e3\n"}, counts=True)
    assert loaded.rows("expression") == [("f1", "s", 9007199254740993), ("f2", "s", 12), ("f3", "s", 1000)]
    assert (
        str(
            pq.ParquetFile(loaded.folder / "expression" / loaded.files["expression"][0])
            .schema_arrow.field("value")
            .type
        )
        == "int64"
    )


def test_quotes_line_ends_and_blank_lines_are_those_of_any_csv(load: Any) -> None:
    text = '\ufeff"","s,1","s""2"\r\n"f,1","1",2\r\n\r\n\r\n"f""2",3,"4"'
    assert load({"m.csv": text}).rows("expression") == [
        ('f"2', 's"2', 4.0), ('f"2', "s,1", 3.0), ("f,1", 's"2', 2.0), ("f,1", "s,1", 1.0),
    ]  # fmt: skip


def test_matrices_of_other_samples_and_of_other_features_add_up(load: Any) -> None:
    files = {"a.csv": "g,s1,s2\nf1,1,2\n", "b.csv.gz": "g,s3\nf1,3\nf2,4\n", "c.tsv": "g\ts2\ts1\nf3\t5\t6\n"}
    loaded = load(files)
    assert loaded.rows("expression") == [
        ("f1", "s1", 1.0), ("f1", "s2", 2.0), ("f1", "s3", 3.0), ("f2", "s3", 4.0), ("f3", "s1", 6.0), ("f3", "s2", 5.0),
    ]  # fmt: skip
    assert not loaded.faults


def test_a_file_is_ordered_by_feature_and_sample_and_a_feature_is_whole_in_it(load: Any) -> None:
    text = "g,c,a,b\n" + "".join(f"f{n},{n},{n + 1},{n + 2}\n" for n in range(50))
    loaded = load({"m.csv": text}, buckets=7, sizes=Sizes(block_cells=12, least_cells=8, parse_cells=4))
    assert len(loaded.files["expression"]) > 3
    seen: list[str] = []
    for name in loaded.files["expression"]:
        table = pq.ParquetFile(loaded.folder / "expression" / name).read()
        keys = list(zip(table["feature_id"].to_pylist(), table["sample_id"].to_pylist(), strict=True))
        assert keys == sorted(keys)
        seen += dict.fromkeys(feature for feature, _ in keys)
    assert sorted(seen) == sorted(f"f{n}" for n in range(50))
    assert len(loaded.rows("expression")) == 150


PLACED = "g,t,s\n" + "".join(f"f{n:02},{n},{n + 1}\n" for n in range(90))
PLACES = "feature_id\tgene_name\tCHROM\tstart\tend\tstrand\n" + "".join(
    f"f{n:02}\tg{n}\t{n % 3}\t{1 + n % 5 * 2500000}\t{n % 5 * 2500000 + 9}\t+\n" for n in range(89)
)


def test_the_table_by_place_is_a_file_for_each_task_in_the_order_of_chromosome_and_bin(load: Any) -> None:
    sizes = Sizes(least_cells=40, group_rows=(4, 8), group_features=2)
    loaded = load({"m.csv": PLACED}, annotation=PLACES, buckets=9, sizes=sizes)
    names = loaded.files["expression_read_optimized"]
    assert len(names) == len(loaded.files["expression"]) > 1
    seen: list[tuple[str, int]] = []
    for name in names:
        file = pq.ParquetFile(loaded.folder / "expression_read_optimized" / name)
        assert file.schema_arrow.names[-2:] == ["chr", "bin"]
        table = file.read()
        keys = [tuple(row.values()) for row in table.select(["chr", "bin", "feature_id", "sample_id"]).to_pylist()]
        assert keys == sorted(keys)
        seen += dict.fromkeys(key[:2] for key in keys)
        groups = [file.metadata.row_group(at) for at in range(file.num_row_groups)]
        assert max(group.num_rows for group in groups) <= 8
        starts = [group.column(8).statistics.min for group in groups]
        assert starts == sorted(starts)
    assert sorted(seen) == sorted([(str(chrom), bin_) for chrom in range(3) for bin_ in range(5)] + [("Other", -1)])


def test_a_large_table_by_place_has_a_folder_and_a_file_for_each_bin(load: Any) -> None:
    few = load({"m.csv": PLACED}, annotation=PLACES, buckets=9, sizes=Sizes(least_cells=8))
    sizes = Sizes(least_cells=8, partitioned_cells=180)
    large = load({"m.csv": PLACED}, annotation=PLACES, buckets=9, sizes=sizes)
    folders = [name.rpartition("/")[0] for name in large.files["expression_read_optimized"]]
    bins = [f"chr={chrom}/bin={place}" for chrom in range(3) for place in range(5)]
    assert sorted(folders) == sorted([*bins, "chr=Other/bin=-1"])
    assert large.rows("expression_read_optimized") == few.rows("expression_read_optimized")
    assert len(large.rows("expression_read_optimized")) == 180


@st.composite
def _values(draw: Any) -> tuple[list[str], list[str], np.ndarray, np.ndarray]:
    """Features, samples, counts in thousandths as texts, and which of them are missing."""
    ids = st.from_regex(r"ENSG[0-9]{11}", fullmatch=True)
    features = draw(st.lists(ids, min_size=1, max_size=12, unique=True))
    samples = draw(
        st.lists(
            st.from_regex(r"[A-Za-z][A-Za-z0-9 ._-]{0,6}[A-Za-z0-9]", fullmatch=True),
            min_size=1,
            max_size=6,
            unique=True,
        )
    )
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    size = (len(features), len(samples))
    return features, samples, random.integers(0, 5000, size), random.random(size) < draw(st.sampled_from([0, 0.3]))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(_values(), st.booleans(), st.integers(1, 5))
def test_matrix_long_and_manifest_forms_of_the_same_data_give_equal_tables(
    load: Any, data: tuple[list[str], list[str], np.ndarray, np.ndarray], drop_zeros: bool, buckets: int
) -> None:
    features, samples, thousandths, missing = data
    cells = np.where(missing, "NA", np.char.mod("%.3f", thousandths / 1000))
    matrix = (
        "id\t"
        + "\t".join(samples)
        + "\n"
        + "".join(f"{f}.7\t" + "\t".join(row) + "\n" for f, row in zip(features, cells, strict=True))
    )
    pairs = [(f, s, cells[i, j]) for j, s in enumerate(samples) for i, f in enumerate(features)]
    long = "feature_id,sample_id,value\n" + "".join(f"{f}.7,{s},{v}\n" for f, s, v in pairs)
    manifest = {"list.csv": "file_id,sample_id\n" + "".join(
        f"{j}.tsv{'' if j % 2 else '.gz'},{s}\n" for j, s in enumerate(samples)
    )}  # fmt: skip
    for j in range(len(samples)):
        text = "feature_id\tvalue\n" + "".join(f"{f}.7\t{v}\n" for f, v in zip(features, cells[:, j], strict=True))
        manifest[f"{j}.tsv" if j % 2 else f"{j}.tsv.gz"] = text
    options = {"drop_zeros": drop_zeros, "buckets": buckets, "annotation": _annotation(features[: len(features) // 2])}
    forms = [
        load({"m.tsv.gz": matrix}, **options),
        load({"l.csv": long}, **options, piece_bytes=40),
        load(manifest, **options),
    ]
    expected = sorted((f, s, float(v)) for f, s, v in pairs if v != "NA" and not (drop_zeros and float(v) == 0))
    assert not any(form.faults for form in forms)
    assert [form.rows("expression") for form in forms] == [expected] * 3
    for table in ("sample", "expr_annotation", "expression_read_optimized"):
        first, second, third = (form.rows(table) for form in forms)
        assert first == second == third


def _annotation(features: list[str]) -> str:
    rows = [f"{f}\tg\tchr{n}\t{n * 2_500_000 + 1}\t{n * 2_500_000 + 9}\t-\n" for n, f in enumerate(features, start=1)]
    header = "feature_id\tgene_name\tCHROM\tstart\tend\tstrand\n"
    return header + ("".join(rows) or "ENSG99999999999\tg\t1\t1\t2\t+\n")


def test_pieces_of_a_plain_matrix_give_the_rows_and_lines_of_the_whole(load: Any) -> None:
    text = "g,s1,s2\n" + "".join(f"f{n:03d},{n},{n * 2}\n" for n in range(100)) + "bad,1,x\n"
    whole, pieces = load({"m.csv": text}), load({"m.csv": text}, piece_bytes=64)
    assert places(pieces.faults) == places(whole.faults) == [(105, "m.csv", 102, "s2", "x")]
    good = {"m.csv": text.replace("x", "7")}
    assert load(good).rows("expression") == load(good, piece_bytes=64).rows("expression")


def test_bad_values_are_all_reported_with_line_column_and_value(load: Any) -> None:
    loaded = load({"m.csv": "g,s1,s2\nf1,-1,abc\nf2,1,NaN\nf3,inf,0x1A\n"})
    assert sorted(places(loaded.faults)) == [
        (105, "m.csv", 2, "s2", "abc"), (105, "m.csv", 4, "s2", "0x1A"),
        (106, "m.csv", 2, "s1", "-1"), (106, "m.csv", 3, "s2", "NaN"), (106, "m.csv", 4, "s1", "inf"),
    ]  # fmt: skip
    assert loaded.faults.counts == {105: 2, 106: 3}


def test_a_fraction_is_no_count(load: Any) -> None:
    assert places(load({"m.csv": "g,s1\nf1,1.5\nf2,2\n"}, counts=True).faults) == [(106, "m.csv", 2, "s1", "1.5")]


def test_more_bad_values_than_are_shown_are_counted(load: Any) -> None:
    loaded = load({"m.csv": "g,s\n" + "".join(f"f{n},x\n" for n in range(300))})
    assert loaded.faults.counts == {105: 300}
    assert len(list(loaded.faults)) == 20


def test_ragged_rows_and_rows_without_id_are_faults(load: Any) -> None:
    loaded = load({"m.csv": "g,s1,s2\nf1,1\nf2,1,2,3\n,1,2\nf4\nf5,1,2\n"})
    assert places(loaded.faults) == [
        (66, "m.csv", 2, "", "f1,1"), (66, "m.csv", 3, "", "f2,1,2,3"), (66, "m.csv", 5, "", "f4"),
        (107, "m.csv", 4, "feature_id", ""),
    ]  # fmt: skip


def test_a_feature_that_repeats_once_its_version_is_cut_is_a_duplicate(load: Any) -> None:
    loaded = load({"m.csv": "g,s\nENSG00000000001.1,1\nENSG00000000002,1\nENSG00000000001.2,1\n"})
    assert places(loaded.faults) == [(103, "m.csv", 4, "feature_id", "ENSG00000000001")]
    assert next(iter(loaded.faults)).text == "the feature is also in line 2"


def test_a_pair_in_two_matrices_is_a_duplicate_and_counted_for_each_sample(load: Any) -> None:
    files = {"a.csv": "g,s1,s2\nf1,1,2\n", "b.csv": "g,s3\nf1,3\n", "c.csv": "g,s2,s1\nf1,5,6\nf2,1,1\n"}
    loaded = load(files)
    assert loaded.faults.counts == {104: 2}
    assert places(loaded.faults) == [(104, "c.csv", 2, "s1", "f1")]


def test_a_pair_on_two_lines_of_long_tables_is_a_duplicate(load: Any) -> None:
    head = "feature_id,sample_id,value\n"
    loaded = load({"a.csv": head + "f1,s1,1\nf2,s1,1\nf1,s1,NA\n", "b.csv": head + "f2,s1,3\n"})
    assert sorted(places(loaded.faults)) == [
        (104, "a.csv", 4, "feature_id, sample_id", "f1, s1"), (104, "b.csv", 2, "feature_id, sample_id", "f2, s1"),
    ]  # fmt: skip


def test_long_tables_report_blank_ids_bad_values_and_ragged_rows(load: Any) -> None:
    text = "feature_id,sample_id,value\nf1,,1\n,s1,1\nf2,s1,x\nf3,s1\nf4,s1,-3\nf5,s1,1\n"
    assert sorted(places(load({"l.csv": text}).faults)) == [
        (66, "l.csv", 5, "", "f3,s1"), (102, "l.csv", 2, "sample_id", ""), (105, "l.csv", 4, "value", "x"),
        (106, "l.csv", 6, "value", "-3"), (107, "l.csv", 3, "feature_id", ""),
    ]  # fmt: skip


def test_blanks_around_ids_and_samples_are_no_part_of_them_in_any_form(load: Any) -> None:
    matrix = load({"m.csv": "g, s1 ,s2\n f1 ,1, 2 \n"})
    long = load({"l.csv": "feature_id,sample_id,value\nf1, s1,1\n f1 ,s2, 2 \n"})
    assert matrix.rows("expression") == long.rows("expression") == [("f1", "s1", 1.0), ("f1", "s2", 2.0)]


def test_ids_of_mixed_kinds_are_faults_unless_taken_as_they_stand(load: Any) -> None:
    text = "g,s\nENSG00000000001.1,1\nENSG00000000002.3,2\nERCC-00002,7\n"
    assert places(load({"m.csv": text}).faults) == [(107, "m.csv", 4, "feature_id", "ERCC-00002")]
    assert places(load({"m.csv": text}, id_type="ENST").faults)[0] == (
        107,
        "m.csv",
        2,
        "feature_id",
        "ENSG00000000001.1",
    )
    assert load({"m.csv": text}, id_type="other").rows("expression") == [
        ("ENSG00000000001.1", "s", 1.0), ("ENSG00000000002.3", "s", 2.0), ("ERCC-00002", "s", 7.0),
    ]  # fmt: skip


def test_summary_rows_of_counters_are_refused_even_where_ids_are_taken_as_they_stand(load: Any) -> None:
    text = "g,s\nTP53,1\nN_unmapped,2\n__no_feature,7\n"
    for id_type in ("auto", "other"):
        faults = load({"m.csv": text}, id_type=id_type).faults
        assert places(faults) == [
            (107, "m.csv", 3, "feature_id", "N_unmapped"), (107, "m.csv", 4, "feature_id", "__no_feature"),
        ]  # fmt: skip
        assert {each.remedy for each in faults} == {"Remove the summary rows from the file."}


FEATURE_COUNTS = (
    "Geneid\tChr\tStart\tEnd\tStrand\tLength\tA.bam\tB.bam\n"
    "ENSG00000223972.5\tchr1;chr1\t11869;12613\t12227;12721\t+;+\t468\t0\t3\n"
    "ENSG00000227232.5\tchr1\t14404\t14501\t-\t98\t5\t6\n"
)


def test_columns_of_annotation_are_no_samples(load: Any) -> None:
    loaded = load({"counts.txt": FEATURE_COUNTS}, counts=True, annotation_columns=("B.bam",))
    assert loaded.rows("expression") == [("ENSG00000223972", "A.bam", 0), ("ENSG00000227232", "A.bam", 5)]
    text = 'gene,S1,description,S2,Length\nf1,1,"kinase, ""A""\nx",2,300\n"f,2",3,,"4",\n'
    for piece_bytes in (None, 1, 30):
        loaded = load({"m.csv": text}, piece_bytes=piece_bytes)
        assert loaded.rows("expression") == [
            ("f,2", "S1", 3.0),
            ("f,2", "S2", 4.0),
            ("f1", "S1", 1.0),
            ("f1", "S2", 2.0),
        ]
        assert not loaded.faults


def test_an_empty_cell_is_missing_whatever_else_is(load: Any) -> None:
    matrix = {"m.csv": "g,s1,s2\nf1,NaN,2\nf2,,  \n"}
    long = {"l.csv": "feature_id,sample_id,value\nf1,s1,NaN\nf1,s2,2\nf2,s1,\n"}
    for files in (matrix, long):
        loaded = load(files, missing=("NaN",))
        assert (loaded.rows("expression"), loaded.faults.counts) == ([("f1", "s2", 2.0)], {})


def test_rows_without_id_and_value_are_passed_over_and_counted(load: Any) -> None:
    loaded = load({"m.csv": 'g,s1,s2\nf1,1,2\n,,\n"", ,""\n,\n\n'})
    assert (loaded.rows("expression"), loaded.blank.files, loaded.faults.counts) == (
        [("f1", "s1", 1.0), ("f1", "s2", 2.0)], {"m.csv": (3, 3)}, {},
    )  # fmt: skip
    loaded = load({"l.csv": "feature_id,sample_id,value\nf1,s1,1\n,,\n"})
    assert (loaded.rows("expression"), loaded.blank.files, loaded.faults.counts) == (
        [("f1", "s1", 1.0)],
        {"l.csv": (1, 3)},
        {},
    )


def test_a_row_without_id_is_one_fault_wherever_it_stands(load: Any) -> None:
    matrix = "g,s\nENSG00000000001,1\n,2\n,3\n"
    assert places(load({"m.csv": matrix}).faults) == [
        (107, "m.csv", 3, "feature_id", ""), (107, "m.csv", 4, "feature_id", ""),
    ]  # fmt: skip
    long = "feature_id,sample_id,value\nENSG00000000001,s,1\n,s,2\n,s,3\n"
    assert places(load({"l.csv": long}).faults) == [
        (107, "l.csv", 3, "feature_id", ""), (107, "l.csv", 4, "feature_id", ""),
    ]  # fmt: skip


def test_a_stray_quote_in_a_matrix_is_refused_as_in_any_csv(load: Any) -> None:
    for text in ('g,s\nf1,1\nf"2,2\n', 'g,s\nf1,1\n"f2,2\n', 'g,s\nf1,1\n"f2"x,2\n'):
        assert [(each.code, each.line) for each in load({"m.csv": text}).faults] == [(65, 3)]


def test_what_stands_in_quotes_parts_no_cells_of_a_matrix(load: Any) -> None:
    text = 'g,s1,s2\n"f\n1","1,5",2\nf2,"1\n2",x\n'
    assert sorted(places(load({"m.csv": text}).faults)) == [
        (105, "m.csv", 2, "s1", "1,5"), (105, "m.csv", 4, "s1", "1\n2"), (105, "m.csv", 4, "s2", "x"),
    ]  # fmt: skip


def test_a_row_with_one_cell_more_says_which_mistake_it_is(load: Any) -> None:
    faults = load({"m.csv": "g,s\nf1,1,\nf2,1,2\n"}).faults
    assert [each.remedy for each in faults] == [
        "Remove the delimiter that ends the line.", "Give the header a name for the column of feature ids.",
    ]  # fmt: skip


def test_a_truncated_gzip_is_refused_by_number(load: Any) -> None:
    random = np.random.default_rng(1)
    text = "g,s\n" + "".join(f"f{n},{value}\n" for n, value in enumerate(random.random(20000)))
    with pytest.raises(AppError) as refused:
        load({"m.csv.gz": gzip.compress(text.encode())[:-2000]})
    assert refused.value.code == 65
