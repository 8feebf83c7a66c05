"""ICD codings that the suite supplies by name, and the script that makes them; `sources.json` says whence each
comes."""
