"""The file formats of feature annotation: `feature_lines` reads GTF, GFF3 and tables, `attributes` parses column 9 of the former,
`feature_ids` parses Ensembl ids and their versions.
"""
