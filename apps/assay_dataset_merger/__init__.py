"""Assay Dataset Merger: an assay of one Dataset and the entities of another in a new one, linked by ids; no row is copied."""
