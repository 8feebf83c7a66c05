"""Long tables and the files of a manifest: one value a line, to shuffled cells, and shuffled cells to blocks.

Features and samples travel as codes of the shuffle task, whose texts stand in two small files beside the cells.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.molecular_expression_assay_loader.annotation import Annotation
from apps.molecular_expression_assay_loader.block import Gathered, ValueBlock
from apps.molecular_expression_assay_loader.numbers import ABSENT, may_hold_hex, parse_column
from apps.molecular_expression_assay_loader.scratch import TaskPlan, read_arrow, write_arrow
from apps.molecular_expression_assay_loader.sources import LONG_HEADER, SAMPLE_HEADER, Source
from common.errors import Rule
from common.expression.feature_ids import KindsSeen, parse_feature_ids
from common.faults import EXAMPLES_PER_RULE, Faults, Place
from common.scan.delimited import Piece
from common.scan.records import BlankRows, Records, TextFormat, read_records
from common.tables.shuffle import ShuffleWriter, read_buckets

PENDING_CELLS = 2 << 20
"""Cells that a shuffle task holds before it writes them out by bucket."""

_TEXTS = pa.dictionary(pa.int32(), pa.string())


def cells_schema(plan: TaskPlan) -> pa.Schema:
    """Columns of shuffled cells: codes of feature and sample, the value (`ABSENT` if missing), source and line."""
    return pa.schema(
        [("feature", pa.int32()), ("sample", pa.int32()), ("value", plan.rules.arrow_type), ("source", pa.int32()),
         ("line", pa.int64())]
    )  # fmt: skip


class CellShuffler:
    """Deals the cells of pieces out to buckets; `close` writes the texts of the codes."""

    def __init__(self, plan: TaskPlan, annotation: Annotation, out: ShuffleWriter, faults: Faults) -> None:
        self.plan, self.annotation, self.out, self.faults = plan, annotation, out, faults
        self.kinds = KindsSeen()
        self.blank = BlankRows()
        self.features: dict[str, int] = {}
        self.samples: dict[str, int] = {}
        self.ids: list[pa.StringArray] = []
        self.versions: list[pa.StringArray] = []
        self.bucket = np.empty(0, dtype=np.int64)
        self.pending: list[pa.RecordBatch] = []
        self.pending_cells = 0

    def add_piece(self, index: int, piece: Piece) -> None:
        """Deals out the cells of a piece of source `index`."""
        source = self.plan.sources[index]
        header = LONG_HEADER if source.format == "long" else SAMPLE_HEADER
        types = {name: pa.string() if name == "value" else _TEXTS for name in header}
        form = TextFormat(source.delimiter, ())
        for records in read_records(piece, types, form, self.faults, self.blank, self.plan.sizes.buffer_bytes):
            if records.cells.num_rows:
                self._add_records(index, source, records)
        if self.pending_cells >= PENDING_CELLS:
            self._flush()

    def close(self) -> None:
        """Writes what is pending, and the texts of features and samples."""
        self._flush()
        ids, versions = (
            pa.concat_arrays(parts) if parts else pa.array([], pa.string()) for parts in (self.ids, self.versions)
        )
        write_arrow(f"{self.out.path}.features", pa.table({"feature_id": ids, "version": versions}))
        write_arrow(f"{self.out.path}.samples", pa.table({"sample_id": pa.array(list(self.samples), pa.string())}))

    def _add_records(self, index: int, source: Source, records: Records) -> None:
        rows = records.cells.num_rows
        feature = self._feature_codes(records, source)
        if source.format == "long":
            sample = self._sample_codes(records, source)
        else:
            sample = np.full(rows, self.samples.setdefault(source.samples[0], len(self.samples)), dtype=np.int32)
        value = self._values(records, source)
        batch = pa.record_batch(
            [pa.array(feature), pa.array(sample), pa.array(value), pa.array(np.full(rows, index, dtype=np.int32)),
             pa.array(records.lines)],
            schema=cells_schema(self.plan),
        )  # fmt: skip
        self.pending.append(batch)
        self.pending_cells += rows
        if self.pending_cells >= PENDING_CELLS:
            self._flush()

    def _feature_codes(self, records: Records, source: Source) -> np.ndarray:
        column = records.cells.column("feature_id").combine_chunks()
        texts, codes = _trimmed(column), column.indices.to_numpy()
        self._add_blank(records, source, "feature_id", codes, texts, Rule.FEATURE_ID_KIND)
        new: dict[str, int] = {}
        for place, text in enumerate(texts):
            if text not in self.features:
                new.setdefault(text, place)
        if new:
            first = np.zeros(len(texts), dtype=np.int64)
            first[codes[::-1]] = np.arange(len(codes))[::-1]
            self._add_features(list(new), records.lines[first[list(new.values())]], source)
        return _spread([self.features[text] for text in texts], codes)

    def _add_features(self, names: list[str], lines: np.ndarray, source: Source) -> None:
        """Gives codes to features that the task meets for the first time, on these lines."""
        texts = pa.array(names, pa.string())
        parsed = parse_feature_ids(texts, self.plan.id_type)
        self.kinds.add(texts, parsed.kinds, source.file.name, lines, "feature_id")
        for name in names:
            self.features[name] = len(self.features)
        self.ids.append(parsed.ids)
        self.versions.append(parsed.versions)
        self.bucket = np.concatenate((self.bucket, self.annotation.buckets(parsed.ids, self.plan.buckets)))

    def _add_blank(
        self, records: Records, source: Source, name: str, codes: np.ndarray, texts: list[str], code: Rule
    ) -> None:
        """A fault for each row whose id, of the texts with these codes, is blank."""
        blank = np.flatnonzero(np.isin(codes, [at for at, text in enumerate(texts) if not text]))
        for row in blank[:EXAMPLES_PER_RULE].tolist():
            place = Place(source.file.name, int(records.lines[row]), field=name)
            self.faults.add(code, f"no {name.replace('_', ' ')}", place, value="")
        self.faults.add_count(code, max(0, len(blank) - EXAMPLES_PER_RULE))

    def _sample_codes(self, records: Records, source: Source) -> np.ndarray:
        column = records.cells.column("sample_id").combine_chunks()
        texts, codes = _trimmed(column), column.indices.to_numpy()
        self._add_blank(records, source, "sample_id", codes, texts, Rule.EXPRESSION_HEADER)
        for text in texts:
            self.samples.setdefault(text, len(self.samples))
        return _spread([self.samples[text] for text in texts], codes)

    def _values(self, records: Records, source: Source) -> np.ndarray:
        texts = records.cells.column("value").combine_chunks()
        rules = self.plan.rules
        missing = pc.is_in(texts, pa.array(rules.absent_texts, pa.string()))
        known = pc.if_else(missing, None, texts) if pc.any(missing).as_py() else texts
        parsed = parse_column(
            known.cast, lambda: texts, rules, may_be_hex=rules.is_count and may_hold_hex(records.text)
        )
        parsed.add_faults(self.faults, lambda row: Place(source.file.name, int(records.lines[row]), field="value"))
        dtype = np.int64 if rules.is_count else np.float64
        return np.zeros(len(texts), dtype=dtype) if parsed.bad else parsed.values

    def _flush(self) -> None:
        if not self.pending:
            return
        rows = pa.Table.from_batches(self.pending).combine_chunks()
        self.pending, self.pending_cells = [], 0
        bucket = self.bucket[rows.column("feature").to_numpy()].astype(
            np.int16
        )  # sorts several times faster than int64
        self.out.write(rows.to_batches()[0], bucket)


class GatheredCells(Gathered):
    """The shuffled cells of some buckets, by feature and sample of the load."""

    def __init__(self, plan: TaskPlan, files: Sequence[str], buckets: Sequence[int], samples: pa.StringArray) -> None:
        super().__init__(plan, samples)
        schema = cells_schema(plan)
        tables = [read_buckets([file], schema, plan.buckets, buckets) for file in files]
        ids, versions, codes = [], [], []
        for file, table in zip(files, tables, strict=True):
            features = read_arrow(f"{file}.features")
            used, code = np.unique(table.column("feature").to_numpy(), return_inverse=True)
            ids.append(features.column("feature_id").take(pa.array(used)))
            versions.append(features.column("version").take(pa.array(used)))
            codes.append(code)
        place = self._set_features(ids, versions)
        starts = np.cumsum([0, *(len(each) for each in ids)])
        feature = [place[start + code] for start, code in zip(starts, codes, strict=False)]
        sample = [
            pc.index_in(read_arrow(f"{file}.samples").column("sample_id"), value_set=samples).to_numpy()[
                table.column("sample").to_numpy()
            ]
            for file, table in zip(files, tables, strict=True)
        ]
        cells = pa.concat_tables(tables) if tables else schema.empty_table()
        self.key = _joined(feature) * len(samples) + _joined(sample)
        self.order = np.argsort(self.key, kind="stable")
        self.key = self.key[self.order]
        self.value, self.source, self.line = (
            cells.column(name).to_numpy()[self.order] for name in ("value", "source", "line")
        )
        self._validate_repeats()

    def _set_features(self, ids: list[pa.ChunkedArray], versions: list[pa.ChunkedArray]) -> np.ndarray:
        """Sets the features from those of each file, one file after the other; returns the place of each among them."""
        all_ids = pa.chunked_array([chunk for each in ids for chunk in each.chunks], pa.string()).combine_chunks()
        all_versions = pa.chunked_array(
            [chunk for each in versions for chunk in each.chunks], pa.string()
        ).combine_chunks()
        order = pc.sort_indices(all_ids)
        self.set_features(all_ids.take(order), all_versions.take(order))
        place = np.empty(len(all_ids), dtype=np.int64)
        place[order.to_numpy()] = self.feature_of
        return place

    def _validate_repeats(self) -> None:
        """104 for a pair of feature and sample that stands on more than one line."""
        again = np.flatnonzero((self.key[1:] == self.key[:-1]) & (self.key[1:] >= self.unnamed * len(self.samples))) + 1
        for row in again[:EXAMPLES_PER_RULE].tolist():
            feature, sample = divmod(int(self.key[row]), len(self.samples))
            file, before = (self.plan.sources[int(self.source[at])].file.name for at in (row, row - 1))
            text = f"the pair is also in {before} line {int(self.line[row - 1]):,}"
            value = f"{self.features[feature].as_py()}, {self.samples[sample].as_py()}"
            place = Place(file, int(self.line[row]), field="feature_id, sample_id")
            self.faults.add(Rule.DUPLICATE_PAIR, text, place, value=value)
        self.faults.add_count(Rule.DUPLICATE_PAIR, max(0, len(again) - EXAMPLES_PER_RULE))

    def read_block(self, start: int, end: int) -> ValueBlock:
        """The values of features `start` to `end`."""
        width = len(self.samples)
        values = np.full((end - start) * width, ABSENT, dtype=self.dtype)
        low, high = np.searchsorted(self.key, [start * width, end * width]).tolist()
        values[self.key[low:high] - start * width] = self.value[low:high]
        return ValueBlock(self.features.slice(start, end - start), values.reshape(-1, width), any_absent=True)


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts).astype(np.int64) if parts else np.empty(0, dtype=np.int64)


def _trimmed(column: pa.DictionaryArray) -> list[str]:
    names: list[str] = pc.utf8_trim_whitespace(column.dictionary).to_pylist()
    return names


def _spread(of_text: list[int], rows: np.ndarray) -> np.ndarray:
    """The code of each row, from those of the texts of a dictionary."""
    codes: np.ndarray = np.array(of_text, dtype=np.int32)[rows]
    return codes
