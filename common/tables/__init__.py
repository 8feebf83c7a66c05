"""Typed, checked Parquet tables from delimited text.

- `tasks`: files cut into pieces, pieces gathered into tasks; `columns`: a field's cells to its column, checked against its coding.
- `shuffle`: rows dealt out to buckets; `key_checks`: unique keys, resolved references; `links`: what two key columns share.
- `quarantine`: rows that are set aside; `codings`: the table of all codes.
"""
