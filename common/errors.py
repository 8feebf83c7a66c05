"""The error catalogue: every way a run can be refused, by number, with its scenario and its remedy.

The catalogue is data, `resources/errors.json`: `{"<code>": {"title", "scenario", "remedy"}}`. `Rule` names its entries; a test
holds the two to the same numbers. Blocks: 1-19 dictionary, 2x names, 3x types, 4x keys,
5x codings, 6x files, 7x values, 8x data sets, 9x platform, 1xx expression, 2xx variants, 3xx mergers.
"""

from __future__ import annotations

import errno
import json
import os
from enum import IntEnum
from functools import cache

from resources import resource

_CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_ROOM_REMEDY = "Make room on this disk, or raise the limit on it, and start the run again."


class Rule(IntEnum):
    """A rule of the catalogue by name; its value is its number."""

    DICTIONARY_FAULTY = 1
    NO_DICTIONARY = 10
    NOT_A_DICTIONARY = 11
    DICTIONARY_UNREADABLE = 12
    DUPLICATE_ROW = 13
    DICTIONARY_EMPTY = 14
    MANDATORY_COLUMN = 15
    MAX_COLUMNS = 16
    ENTITY_DICTIONARY = 18
    ENTITY_NAME = 20
    CASE_CLASH = 21
    FIELD_NAME = 25
    TYPE_UNKNOWN = 30
    TYPE_AND_CODING = 31
    NOT_A_FLAG = 32
    GLOBAL_KEY = 40
    SEVERAL_KEYS = 41
    UNFIT_KEY = 42
    DANGLING_REFERENCE = 43
    RELATIONSHIP = 44
    UNFIT_REFERENCE = 45
    NO_SINGLE_PATH = 46
    WIDE_WITHOUT_KEY = 47
    CODING_UNDEFINED = 50
    CODINGS_COLUMN = 51
    DUPLICATE_CODE = 52
    PARENT_MISSING = 53
    CODE_TREE = 54
    CODE_TYPE = 55
    ICD_RELEASE = 57
    NO_ENTITY = 60
    DATA_FILE_MISSING = 61
    COLUMN_UNKNOWN = 62
    COLUMN_MISSING = 63
    DUPLICATE_COLUMN = 64
    UNREADABLE = 65
    ROW_WIDTH = 66
    VALUE_TYPE = 70
    NOT_IN_CODING = 71
    EMPTY_PART = 72
    KEY_EMPTY = 73
    KEY_REPEATED = 74
    UNRESOLVED = 75
    NOT_ONE_TO_ONE = 76
    TOO_MANY_FAULTY = 77
    DATABASE = 80
    TABLE_EXISTS = 81
    TABLE_DIFFERS = 82
    NOT_A_DATASET = 83
    OBJECT_NAME = 84
    JOB_INPUT = 90
    NOT_FOUND = 91
    SPARK_FAILED = 92
    EXPRESSION_FORMAT = 100
    FORMAT_DIFFERS = 101
    EXPRESSION_HEADER = 102
    DUPLICATE_FEATURE = 103
    DUPLICATE_PAIR = 104
    NOT_NUMERIC = 105
    IMPOSSIBLE_VALUE = 106
    FEATURE_ID_KIND = 107
    EXPRESSION_MANIFEST = 108
    ANNOTATION_FILE = 109
    NOT_A_VCF = 200
    VCF_HEADER = 201
    LOCUS = 202
    VCF_WIDTH = 203
    ALLELE = 204
    GENOTYPE = 205
    VCF_VALUE = 206
    UNSORTED = 207
    DUPLICATE_ALLELE = 208
    DUPLICATE_SAMPLE = 209
    PIECES_DISAGREE = 210
    VCF_MANIFEST = 211
    VARIANT_ANNOTATION = 212
    DAMAGED_VCF = 213
    REFERENCE_GENOME = 214
    NOT_MERGEABLE = 300
    UNKNOWN_FIELD = 301
    KEY_TYPES_DIFFER = 302
    TARGET_NOT_UNIQUE = 303
    NO_OVERLAP = 310
    RELATIONSHIP_BROKEN = 311
    ENTITY_TAKEN = 312
    CODING_TAKEN = 313
    NO_ASSAY = 320
    ASSAY_TAKEN = 321
    LINKING_FILE = 322

    @property
    def title(self) -> str:
        """The rule in a few words."""
        return _catalogue()[self]["title"]

    @property
    def remedy(self) -> str:
        """What the user can do."""
        return _catalogue()[self]["remedy"]


@cache
def _catalogue() -> dict[int, dict[str, str]]:
    entries = json.loads(resource("errors.json").read_text(encoding="utf-8"))
    return {int(code): entry for code, entry in entries.items()}


class AppError(Exception):
    """Something the user can mend. Shown as a number, a text and a remedy, never as a stack trace."""

    def __init__(self, code: Rule, text: str, remedy: str | None = None) -> None:
        self.code = code
        self.text = text
        self.remedy = code.remedy if remedy is None else remedy
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """`Error 61 (data file missing): …` and, on a line of its own, the remedy."""
        return f"Error {self.code} ({self.code.title}): {self.text}\n  Remedy: {self.remedy}"

    def __reduce__(self) -> tuple[type[AppError], tuple[Rule, str, str]]:
        # Crosses the boundary between a Spark task and the driver; Exception's own reduction would pass the message.
        return (type(self), (self.code, self.text, self.remedy))


def disk_error(error: BaseException) -> AppError | None:
    """The `AppError` 91 of a disk that is full or closed to us, which is the user's to mend; None for any other error."""
    if not isinstance(error, OSError) or error.errno not in _CLOSED | _NO_ROOM:
        return None
    text = ": ".join(str(part) for part in (error.filename, os.strerror(error.errno)) if part)
    return AppError(Rule.NOT_FOUND, text, _ROOM_REMEDY if error.errno in _NO_ROOM else None)
