"""Column 9 of GTF and GFF3, a block of lines at once: the first value of each attribute that tells a feature's id or name.

GTF 2.2 writes `key "value"; …`, where a semicolon inside quotes is text; GFF3 writes `key=value;…`, where quotes are text.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

KEYS = (
    "gene_id", "transcript_id", "gene_name", "gene_version", "transcript_version", "version", "ID", "Name", "gene", "Parent",
)  # fmt: skip
_GTF = r'^ *(?P<key>[^ "]+) +(?:"(?P<quoted>[^"]*)"?|(?P<bare>[^";]+))'
_GFF3 = r"^ *(?P<key>[^ =]+) *=(?P<bare>[^;]*)"


def parse_attributes(texts: pa.StringArray, is_gff3: bool) -> tuple[dict[str, pa.StringArray], np.ndarray]:
    """The value of each of `KEYS` in each text, null where it is missing or blank; and which texts leave a quote open.

    >>> found, is_open = parse_attributes(pa.array(['gene_id "A;1"; note "x; gene_name y"; gene_name b']), False)
    >>> found["gene_id"].to_pylist(), found["gene_name"].to_pylist(), is_open.tolist()
    (['A;1'], ['b'], [False])
    """
    _, offsets, text = texts.buffers()
    bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(text or b"", np.uint8)[: bounds[-1]]
    ends = np.flatnonzero(data == ord(";"))
    is_open = np.zeros(len(texts), dtype=bool)
    if not is_gff3:
        inside = np.append(0, np.cumsum(data == ord('"'), dtype=np.uint8) & 1)  # before each byte, over all texts
        ends = ends[inside[ends] == inside[bounds[_text_of(bounds, ends)]]]
        is_open = inside[bounds[1:]] != inside[bounds[:-1]]
    ends = ends[ends >= bounds[0]]
    begins = np.sort(np.concatenate((bounds[:-1], ends + 1)), kind="stable")  # two ascending runs, which costs one pass
    cuts = pa.py_buffer(np.append(begins, bounds[-1]).astype(np.int32))
    fields = pa.StringArray.from_buffers(len(begins), cuts, text)
    wanted = np.flatnonzero(pc.match_substring_regex(fields, f"^ *(?:{'|'.join(KEYS)})[ =]"))
    parts = pc.extract_regex(fields.take(pa.array(wanted)), _GFF3 if is_gff3 else _GTF)
    key, value = pc.struct_field(parts, "key"), pc.struct_field(parts, "bare")
    if not is_gff3:
        value = pc.binary_join_element_wise(pc.struct_field(parts, "quoted"), value, "")  # one of them is blank
    value = pc.utf8_trim(value, " ")
    row = _text_of(bounds, begins[wanted])
    return {name: _first_values(key, value, row, name, len(texts)) for name in KEYS}, is_open


def _text_of(bounds: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The index of the text that each byte is of."""
    found: np.ndarray = np.searchsorted(bounds, places, side="right") - 1
    return found


def _first_values(key: pa.Array, value: pa.Array, row: np.ndarray, name: str, count: int) -> pa.StringArray:
    of_key = np.flatnonzero(pc.fill_null(pc.and_(pc.equal(key, name), pc.not_equal(value, "")), False))
    at = np.full(count, -1, dtype=np.int64)
    at[row[of_key][::-1]] = of_key[::-1]  # of several the first stays
    return value.take(pa.array(at, mask=at < 0))
