"""Genetic Variant Assay Loader: the pieces of one logical VCF to a Dataset with a germline variant assay.

`plan` reads headers, `load` cuts files into tasks, and `task` turns blocks of lines into the tables of `schema`: `allele_table`,
`genotype_table`, `annotation` (with `allele_names`), written by `parts`. `order` and `check` find lines out of order and alleles
that repeat; `combine` adds up the alleles of files that are split by sample. `assay` describes the result, `publish` publishes it.
"""
