"""Molecular expression: matrices, long tables and per-sample files to the tables of an expression assay.

1. `sources.plan_sources` tells the formats from headers alone (driver, no Spark); `annotation` reads GTF, GFF3 or TSV.
2. `routing.route_pieces`: tasks read pieces and deal rows out to buckets in scratch files (`exchange`). A bucket holds whole
   features, and all features of a genomic bin, so no later step looks beyond its buckets. A gzip matrix is read by one task,
   which only finds its lines; they are parsed by all.
3. `loading.load_buckets`: tasks parse a group of buckets into blocks of numbers, features by samples (`rows`, `cells`), and
   write the `expression` table and the one by chromosome and bin from the same block (`melt`).
4. `loading.write_reference_tables`: one task writes the small `sample` and `expr_annotation` tables.

Matrix, long and manifest inputs meet in the block, so their tables are equal by construction.
"""
