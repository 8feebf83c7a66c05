"""Molecular Expression Assay Loader: expression matrices, long tables or per-sample files to a Dataset with an assay.

1. `plan`: `sources` tells the formats from headers (`known_files`, `matrix_columns`). Driver only, no Spark.
2. `load` runs the tasks of `task`. First `annotation` is read. Then rows are dealt out to buckets in scratch files (`shuffle`,
   `scratch`). A bucket holds whole features, and all features of a genomic bin. A gzip matrix is read by one task, which only finds
   its lines; all tasks parse them.
3. Tasks parse the rows of some buckets (`matrix_input`, `long_input`, `numbers`) into a `block` of values, features by samples, and
   write both expression tables from it (`long_tables`). One task writes the `sample` and `expr_annotation` tables.
4. `publish`, with `assay`, which describes the result.

Matrix, long and manifest inputs meet in the block, so their tables are equal by construction.
"""
