"""Typed, checked Parquet tables from delimited text.

- `cells`: text to typed values; `columns`: a field's cells to its column, checked against its coding.
- `records`: a buffer of text to cells, with the faults of its structure; `load`: the task that loads pieces of an entity.
- `keys`: unique keys, resolved references; `quarantine`: rows that are set aside.
- `figures`: what was observed of each field; `parquet`: how tables are written; `catalogue`: databases by name in a session.
"""
