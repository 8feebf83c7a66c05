"""Dataset Extender: one delimited file without a dictionary to new fields, or a new entity, of a Dataset."""
