from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.commands.sql import parse_spark_message, print_csv, print_json, print_table, run_statement, split_statements

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

ROWS = """
SELECT * FROM VALUES
  (1, 'a, "b"', array('x', 'y'), TIMESTAMP '1999-12-31 23:59:59', true),
  (22, NULL, NULL, NULL, false)
AS t (id, id2, signs, seen, ok)
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1; SELECT 2;\n", ["SELECT 1", "SELECT 2"]),
        (" ;; ", []),
        ("-- only; a comment", []),
        (
            "SELECT ';' AS `a;b`, \"c;d\" -- e;f\n; SELECT 2 /* ; */",
            ["SELECT ';' AS `a;b`, \"c;d\" -- e;f", "SELECT 2 /* ; */"],
        ),
        (r"SELECT 'it\'s; one'; SELECT 'it''s; two'", [r"SELECT 'it\'s; one'", "SELECT 'it''s; two'"]),
        ("SELECT 4 / 2 - 1; SELECT 'open;", ["SELECT 4 / 2 - 1", "SELECT 'open;"]),
        ("SELECT 1 /* open; comment", ["SELECT 1 /* open; comment"]),
    ],
)
def test_statements_are_parted_at_semicolons_outside_quotes_and_comments(text: str, expected: list[str]) -> None:
    assert split_statements(text) == expected


@given(st.lists(st.sampled_from(["SELECT 1", "';'", '";"', "`;`", "/* ; */ 1", "a-b", "c/d", "-1"]), min_size=1))
def test_statements_put_together_come_apart_again(statements: list[str]) -> None:
    assert split_statements(";\n".join(statements)) == statements


@given(st.text(alphabet=";'\"`-/* \nab\\"))
def test_no_text_is_lost_but_semicolons_and_comments(text: str) -> None:
    left = "".join(split_statements(text))
    assert left.count("a") <= text.count("a")
    if not set(text) & set("'\"`-/*;"):
        assert left == text.strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "\n[PARSE_SYNTAX_ERROR] Syntax error at or near 'x'. SQLSTATE: 42601 (line 1, pos 13)\n\n== SQL ==\nselect * frm x\n",
            "[PARSE_SYNTAX_ERROR] Syntax error at or near 'x'.",
        ),
        ("[A] The table\nis gone. SQLSTATE: 42P01; line 1 pos 14;\n'Project [*]", "[A] The table is gone."),
        (
            "[DIVIDE_BY_ZERO] Division by zero.\n== SQL (line 1, position 8) ==\nselect 1/0",
            "[DIVIDE_BY_ZERO] Division by zero.",
        ),
        (
            "An error occurred while calling o37.sql.\n: java.io.IOException: Illegal file\n\tat org.x.Y(Y.java:1)",
            "java.io.IOException: Illegal file",
        ),
        ("Job aborted\n\tat org.apache.spark.X(X.scala:1)", "Job aborted"),
    ],
)
def test_a_spark_error_is_its_sentence(text: str, expected: str) -> None:
    assert parse_spark_message(text) == expected


def test_a_table_is_aligned_and_null_is_named(spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    print_table(spark.sql(ROWS))
    assert capsys.readouterr().out.splitlines() == [
        "id  id2     signs      seen                 ok",
        "--  ------  ---------  -------------------  -----",
        ' 1  a, "b"  ["x","y"]  1999-12-31 23:59:59  true',
        "22  NULL    NULL       NULL                 false",
        "",
    ]


def test_a_long_table_is_cut_and_says_so(spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    print_table(spark.range(1001))
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 2 + 1000 + 1
    assert shown.err == "The first 1,000 rows of more; --format csv or json prints all.\n"


def test_csv_quotes_what_it_must_and_null_is_empty(spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    print_csv(spark.sql(ROWS))
    assert capsys.readouterr().out == (
        "id,id2,signs,seen,ok\n"
        '1,"a, ""b""","[""x"",""y""]",1999-12-31 23:59:59,true\n'
        "22,,,,false\n"
    )  # fmt: skip


def test_json_is_one_object_a_line(spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    print_json(spark.sql(ROWS))
    assert capsys.readouterr().out.splitlines() == [
        '{"id":1,"id2":"a, \\"b\\"","signs":["x","y"],"seen":"1999-12-31T23:59:59.000Z","ok":true}',
        '{"id":22,"id2":null,"signs":null,"seen":null,"ok":false}',
    ]


def test_a_result_may_have_two_columns_of_one_name(spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_statement(spark, "SELECT 1 AS id, 2 AS id", "csv")
    assert capsys.readouterr().out == "id,id\n1,2\n"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("SELECT * FORM x", "SQL error: [PARSE_SYNTAX_ERROR] Syntax error at or near 'x': extra input 'x'.\n"),
        ("SELECT raise_error('no')", "SQL error: [USER_RAISED_EXCEPTION] no\n"),
    ],
)
def test_what_spark_refuses_is_one_line(
    spark: SparkSession, statement: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not run_statement(spark, statement, "table")
    assert capsys.readouterr().out == ""
    assert not run_statement(spark, statement, "table")
    assert capsys.readouterr().err.endswith(said)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO kept VALUES (2)", "INSERT OVERWRITE kept SELECT 2", "WITH two AS (SELECT 2) INSERT INTO kept SELECT * FROM two",
        "FROM kept INSERT INTO kept SELECT x INSERT INTO kept SELECT x", "INSERT OVERWRITE DIRECTORY '{}' USING csv SELECT 2",
        "TRUNCATE TABLE kept", "DROP TABLE kept", "ALTER TABLE kept RENAME TO gone", "CREATE TABLE more AS SELECT 2",
        "EXECUTE IMMEDIATE 'INSERT INTO kept VALUES (2)'", "DELETE FROM kept", "UPDATE kept SET x = 2",
    ],
)  # fmt: skip
def test_statements_that_write_are_refused(
    spark: SparkSession, tmp_path: Path, statement: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spark.range(1).toDF("x").write.parquet(str(tmp_path / "kept"))
    spark.sql(f"CREATE TABLE kept USING parquet LOCATION '{tmp_path}/kept'")
    try:
        assert not run_statement(spark, statement.format(tmp_path / "out"), "csv")
        assert capsys.readouterr().err.endswith(
            "SQL error: published tables are only read here; the loaders write them\n"
        )
        assert [path.name for path in tmp_path.iterdir()] == ["kept"]
        assert run_statement(spark, "SELECT x FROM kept", "csv")
        assert capsys.readouterr().out == "x\n0\n"
    finally:
        spark.sql("DROP TABLE IF EXISTS kept")


@pytest.mark.parametrize(
    "statement",
    [
        "SHOW TABLES", "SHOW DATABASES", "USE default", "SET spark.sql.ansi.enabled", "VALUES (1)", "DESCRIBE FUNCTION abs",
        "EXPLAIN SELECT 1", "CREATE OR REPLACE TEMPORARY VIEW one AS SELECT 1", "WITH one AS (SELECT 1) SELECT * FROM one",
    ],
)  # fmt: skip
def test_statements_that_read_are_run(spark: SparkSession, statement: str) -> None:
    assert run_statement(spark, statement, "csv")


def test_statements_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    from argparse import Namespace

    from apps.commands.sql import read_text

    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 1"))
    assert read_text(Namespace(statements=None, file=None)) == "SELECT 1"
