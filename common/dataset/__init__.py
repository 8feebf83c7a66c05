"""The Dataset: entities, fields, codings, relationships and assays mapped to tables, and its descriptor form."""
