"""Clinical Dataset Merger: the entities of two Datasets in a new one, linked by a key; no row is copied."""
