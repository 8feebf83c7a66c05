from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.commands.sql import parse_spark_message, print_csv, print_json, print_table, run_statement, split_statements
from common.spark.internals import session_state
from resources import resource

if TYPE_CHECKING:
    from collections.abc import Iterator
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


WRITING = [
    "INSERT INTO kept VALUES (2)", "INSERT OVERWRITE kept SELECT 2", "WITH two AS (SELECT 2) INSERT INTO kept SELECT * FROM two",
    "FROM kept INSERT INTO kept SELECT x INSERT INTO kept SELECT x", "INSERT OVERWRITE DIRECTORY '{}' USING csv SELECT 2",
    "TRUNCATE TABLE kept", "DROP TABLE kept", "ALTER TABLE kept RENAME TO gone", "CREATE TABLE more AS SELECT 2",
    "EXECUTE IMMEDIATE 'INSERT INTO kept VALUES (2)'", "DELETE FROM kept", "UPDATE kept SET x = 2", "EXPLAIN INSERT INTO kept VALUES (2)",
    "BEGIN INSERT INTO kept VALUES (2); END", "BEGIN SELECT 1; SELECT 2; END", "CREATE VIEW v AS SELECT 1", "ANALYZE TABLE kept COMPUTE STATISTICS",
    "MERGE INTO kept USING kept AS k ON kept.x = k.x WHEN MATCHED THEN DELETE",
]  # fmt: skip
RUNNING = [
    "SELECT TRANSFORM (x) USING 'touch {}' AS (y) FROM kept", "FROM kept MAP x USING 'touch {}' AS y", "FROM kept REDUCE x USING 'touch {}' AS y",
    "SELECT * FROM (SELECT TRANSFORM (x) USING 'touch {}' AS (y) FROM kept)", "WITH t AS (SELECT TRANSFORM (x) USING 'cat' FROM kept) SELECT 1",
    "SELECT reflect('java.lang.System', 'getenv', 'HOME')", "SELECT java_method('java.lang.System', 'getenv', 'HOME')",
    "SELECT try_reflect('java.lang.System', 'getenv', 'HOME')", "SELECT builtin.reflect('java.lang.System', 'exit', 1)",
    "SELECT `ReFlect`('java.lang.System', 'exit', 1)", "SELECT system.builtin.reflect('a', 'b')", "SELECT 1 WHERE reflect('a', 'b') = 1",
    "SELECT * FROM kept WHERE x IN (SELECT reflect('a', 'b'))", "SELECT (SELECT (SELECT reflect('a', 'b')))",
    "WITH t AS (SELECT reflect('a', 'b')) SELECT * FROM t", "SELECT sum(x) OVER w FROM kept WINDOW w AS (PARTITION BY reflect('a', 'b'))",
    "SELECT sum(x) OVER (ORDER BY reflect('a', 'b')) FROM kept", "SELECT count(*) FILTER (WHERE reflect('a', 'b') = 1) FROM kept",
    "SELECT transform(array(1), y -> reflect('a', y))", "SELECT * FROM kept LATERAL VIEW explode(array(reflect('a', 'b'))) e AS y",
    "SELECT * FROM explode(array(reflect('a', 'b')))", "SELECT * FROM kept, LATERAL (SELECT reflect('a', 'b'))", "VALUES (reflect('a', 'b'))",
    "SELECT CASE WHEN reflect('a', 'b') = 1 THEN 1 END", "SELECT x FROM kept GROUP BY x HAVING reflect('a', 'b') = 1",
    "SELECT * FROM kept PIVOT (sum(x) FOR x IN (reflect('a', 'b')))", "SELECT 1 LIMIT reflect('a', 'b')", "EXPLAIN SELECT reflect('a', 'b')",
    "CREATE TEMPORARY VIEW v AS SELECT reflect('a', 'b')", "CACHE TABLE c AS SELECT reflect('a', 'b')", "SELECT no_such_function(1)",
    "FROM kept |> SELECT reflect('a', 'b')", "SELECT * FROM kept ORDER BY reflect('a', 'b')", "SELECT listagg(x) WITHIN GROUP (ORDER BY reflect('a', 'b')) FROM kept",
    "SELECT 1 UNION SELECT reflect('a', 'b')", "SELECT IDENTIFIER('ref' || 'lect')('a', 'b')", "CREATE FUNCTION f AS 'x.Y'",
    "CREATE TEMPORARY FUNCTION f AS 'x.Y' USING JAR 'x.jar'", "ADD JAR '/tmp/x.jar'", "ADD FILE '/etc/passwd'", "LIST FILES", "RESET",
]  # fmt: skip
OTHER_FILES = [
    "SELECT * FROM text.`/etc/passwd`", "SELECT * FROM csv.`/etc/passwd`", "SELECT * FROM parquet.`{}`", "TABLE binaryFile.`/etc/passwd`",
    "SELECT (SELECT count(*) FROM text.`/etc/passwd`)", "WITH t AS (SELECT * FROM text.`/etc/passwd`) SELECT * FROM t", "CACHE TABLE t AS TABLE text.`/x`",
    "CREATE TEMPORARY VIEW v USING csv OPTIONS (path '/etc/passwd')", "SELECT * FROM kept WITH ('path' = '/etc')", "SELECT * FROM no_such.kept",
    "SELECT * FROM other.default.kept", "SELECT * FROM IDENTIFIER('text.`/etc/passwd`')", "SET spark.sql.runSQLOnFiles=true",
    "SET spark.sql.catalog.x=org.apache.spark.sql.execution.datasources.v2.jdbc.JDBCTableCatalog", "SET spark.sql.warehouse.dir=/tmp",
    "DECLARE v = 1", "SET VAR v = 1", "LOAD DATA INPATH '/etc/passwd' INTO TABLE kept", "SELECT from_protobuf(x, 'M', '/etc/passwd') FROM kept",
]  # fmt: skip


@pytest.fixture
def kept(spark: SparkSession, tmp_path: Path) -> Iterator[Path]:
    """The folder of a table of one row, and nothing else."""
    spark.range(1).toDF("x").write.parquet(str(tmp_path / "kept"))
    spark.sql(f"CREATE TABLE kept USING parquet LOCATION '{tmp_path}/kept'")
    yield tmp_path
    spark.sql("DROP TABLE IF EXISTS kept")


def test_statements_that_do_more_than_read_tables_are_refused(
    spark: SparkSession, kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for statement in [*WRITING, *RUNNING, *OTHER_FILES]:
        assert not run_statement(spark, statement.replace("{}", str(kept / "out")), "csv"), statement
        said = capsys.readouterr().err
        assert (
            "not allowed here" in said
            or "only" in said
            or "is not a table of the project" in said
            or "is not changed" in said
        ), said
    assert [path.name for path in kept.iterdir()] == ["kept"]
    assert run_statement(spark, "SELECT x FROM kept", "csv")
    assert capsys.readouterr().out == "x\n0\n"


READING = [
    "SHOW TABLES", "SHOW DATABASES", "USE default", "SET spark.sql.ansi.enabled", "VALUES (1)", "DESCRIBE FUNCTION abs", "SHOW COLUMNS IN kept",
    "EXPLAIN SELECT 1", "CREATE OR REPLACE TEMPORARY VIEW one AS SELECT 1", "WITH one AS (SELECT 1) SELECT * FROM one", "DESCRIBE kept",
    "SELECT * FROM default.kept", "SELECT * FROM spark_catalog.default.kept k JOIN kept USING (x)", "TABLE kept", "SHOW CREATE TABLE kept",
    "SELECT x, count(*) FROM kept GROUP BY ROLLUP (x) HAVING count(*) > 0 ORDER BY x DESC NULLS LAST LIMIT 3 OFFSET 1",
    "SELECT CASE WHEN x IN (1, 2) AND x LIKE '%a' THEN CAST(x AS INT) ELSE x END FROM kept WHERE EXISTS (SELECT 1 FROM kept)",
    "SELECT sum(x) OVER (PARTITION BY x ORDER BY x ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM kept",
    "SELECT sum(x) OVER w, rank() OVER w FROM kept WINDOW w AS (ORDER BY x)", "SELECT * EXCEPT (x) FROM (SELECT x, 1 AS y FROM kept)",
    "SELECT transform(array(1, 2), (y, i) -> y + i), map(1, 2)[1], named_struct('a', 1).a, array_contains(array('a'), 'a')",
    "SELECT explode(array(1, 2)), x FROM kept LATERAL VIEW posexplode(array(3)) e AS p, v", "SELECT * FROM range(3)",
    "SELECT DATE '2020-01-01' + INTERVAL 3 DAYS, TIMESTAMP '2020-01-01 00:00:00', extract(YEAR FROM current_date), x'00', 1.5BD, NULL",
    "SELECT * FROM kept PIVOT (count(x) FOR x IN (0, 1))", "SELECT * FROM kept UNPIVOT (v FOR n IN (x))", "SELECT /*+ broadcast(kept) */ x FROM kept",
    "SELECT x FROM kept UNION ALL SELECT 1 INTERSECT SELECT 0 EXCEPT SELECT 2", "FROM kept |> WHERE x > 0 |> SELECT x", "SHOW FUNCTIONS LIKE 'abs'",
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x), approx_count_distinct(x) FILTER (WHERE x > 0), max_by(x, x) FROM kept",
    "SELECT * FROM kept TABLESAMPLE (50 PERCENT)", "SELECT * FROM kept a, LATERAL (SELECT a.x + 1)", "SET spark.sql.shuffle.partitions=2",
    "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM r", "SELECT DISTINCT x FROM kept CLUSTER BY x",
    "CACHE TABLE kept", "UNCACHE TABLE kept", "REFRESH TABLE kept", "SELECT date_trunc('month', TIMESTAMP '2020-01-01 00:00:00'), trim(BOTH 'x' FROM 'xax')",
]  # fmt: skip


def test_statements_that_read_are_run(spark: SparkSession, kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for statement in READING:
        assert run_statement(spark, statement, "csv"), (statement, capsys.readouterr().err)


def test_every_function_of_spark_is_allowed_or_left_out_on_purpose(spark: SparkSession) -> None:
    listed = json.loads(resource("sql_functions.json").read_text(encoding="utf-8"))
    state = session_state(spark)
    known: set[str] = set()
    for registry in (state.functionRegistry(), state.tableFunctionRegistry()):
        found = registry.listFunction()
        known |= {found.apply(i).unquotedString().rpartition(".")[2] for i in range(found.size())}
    assert known == {*listed["functions"], *listed["left_out"]}


def test_statements_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    from argparse import Namespace

    from apps.commands.sql import read_text

    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 1"))
    assert read_text(Namespace(statements=None, file=None)) == "SELECT 1"
