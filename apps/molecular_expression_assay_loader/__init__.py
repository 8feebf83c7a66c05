"""Molecular Expression Assay Loader: expression matrices, long tables or per-sample files to a Dataset with an assay."""
