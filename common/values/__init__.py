"""Values: the types of fields, casts from text to Arrow, hashes, and what is observed of a column."""
