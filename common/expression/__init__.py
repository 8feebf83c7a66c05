"""Molecular expression: matrices, long tables and per-sample files to the tables of an expression assay, in four steps.

1. `headers.plan_sources` tells the formats from headers alone and cuts the files into pieces (driver, no Spark).
2. `routing`: tasks read pieces and deal their rows out to buckets in scratch files. A bucket holds whole features, and every
   feature of a genomic bin, so nothing later needs to look beyond its bucket.
3. `loading`: tasks parse a group of buckets into blocks of numbers, features by samples, and write the `expression` table and
   the one that is partitioned by chromosome and bin from the same block.
4. `loading.write_reference_tables`: one task writes the `sample` and `expr_annotation` tables.

Matrix, long and manifest inputs meet in the block (`block.Block`), so their tables are equal by construction.
"""
