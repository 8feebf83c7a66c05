"""New Loader: delimited files of texts to a new Dataset of one entity."""
