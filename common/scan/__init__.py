"""Inputs wherever they live, and delimited text cut into record-aligned pieces that tasks read on their own.

- `files`: one way to open a local path or a `file://`, `s3://` or `hdfs://` URI; compression told by the bytes.
- `delimited`: pieces of delimited text that begin and end at records, with the true line number of each.
"""
