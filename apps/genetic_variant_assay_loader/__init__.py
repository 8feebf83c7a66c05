"""Genetic Variant Assay Loader: the pieces of one logical VCF to a Dataset with a germline variant assay."""
