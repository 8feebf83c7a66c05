"""Data Model Loader: dictionaries and data CSVs to a new Dataset."""
