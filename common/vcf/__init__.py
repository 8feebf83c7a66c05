"""One logical VCF, in any number of pieces: containers, header, vectorised parser, the tables of the variant assay.

`container` tells plain text, bgzip and gzip apart by their bytes and yields whole lines of a `Piece`; `header` holds
the meta-information as typed values; `lines`, `sites`, `genotypes`, `alleles`, `allele_names` and `annotation` turn a block of lines
into the Arrow tables of `schema`; `block` is the door that a task uses. Formats: the VCF specifications 4.1 to 4.5 and
the BGZF section of the SAM specification (samtools/hts-specs), SnpEff's ANN 1.0 standard and EFF, and VEP's CSQ.
"""
