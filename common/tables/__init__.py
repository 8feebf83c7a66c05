"""Tables: typed columns from delimited text, staged Parquet, and databases by name in Spark's catalogue."""
