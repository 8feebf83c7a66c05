"""The VCF file format: containers, header, and a vectorised parser of data lines.

`container` tells plain text, bgzip and gzip apart by their bytes and yields the whole lines of a `VcfPiece`; `tabix` reads the
index beside a file; `header` holds the meta-information as typed values; `lines`, `sites` and `genotypes` turn a block of lines
into typed columns. Formats: VCF 4.1 to 4.5 and the BGZF section of the SAM specification (samtools/hts-specs).
"""
