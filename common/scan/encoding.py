"""Encodings of text files: which can be cut anywhere, which a byte-order mark tells, and how text of any becomes UTF-8."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

from common.errors import AppError, Rule

_MARKS = {
    codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16", b"\x84\x31\x95\x33": "gb18030",
}  # fmt: skip
"""Byte-order marks, the longer first where one begins another."""

_UTF_8 = ("utf-8", "utf-8-sig", "ascii")
_STRUCTURE = '"\r\n\t,;| '
_NOT_OF_FILES = ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined")


def validate_encoding(encoding: str) -> None:
    """Raises `AppError` 90 for an encoding that Python does not know, or that is none of text files, such as `hex`."""
    try:
        "a".encode(encoding)
        is_of_files = codecs.lookup(encoding).name.replace("-", "_") not in _NOT_OF_FILES
    except (LookupError, ValueError, TypeError):
        is_of_files = False
    if not is_of_files:
        text = f"encoding: {encoding!r} is not a known encoding of text files"
        raise AppError(Rule.JOB_INPUT, text, "Use utf-8, latin-1, cp1252, utf-16 …")


def is_ascii_superset(encoding: str) -> bool:
    """Whether quotes and line ends are single ASCII bytes that occur inside no other character."""
    name = codecs.lookup(encoding).name
    if name.startswith(("utf-7", "iso2022", "hz")):
        return False
    return _STRUCTURE.encode().decode(name, "replace") == _STRUCTURE


def refuse_other_encoding(text: bytes, encoding: str) -> None:
    """Raises `AppError` 65 where the text at its start says that the file is not of the encoding it is said to be."""
    marked = next((name for mark, name in _MARKS.items() if text.startswith(mark)), None)
    stated = codecs.lookup(encoding).name
    if marked and not stated.startswith(marked):
        raise _not_of(stated, f"{marked.upper()} text, as its byte-order mark says", marked)
    if not marked and b"\0" in text.partition(b"\n")[0] and is_ascii_superset(encoding):
        raise _not_of(stated, "binary, or UTF-16 text without a byte-order mark", "utf-16-le")
    if not marked and text and b"\0" not in text and stated.startswith(("utf-16", "utf-32")):
        raise _not_of(stated, f"not {stated.upper()} text: it has no zero bytes", "utf-8")


def _not_of(stated: str, found: str, encoding: str) -> AppError:
    remedy = f"Save the file as CSV UTF-8; or, where the app has the input encoding, give {encoding} there."
    return AppError(Rule.UNREADABLE, f"the file is {found}; it was read as {stated}", remedy)


def as_utf8(raw: Iterable[bytes], encoding: str) -> Iterable[bytes]:
    """Text of an encoding as UTF-8. What cannot be decoded becomes U+FFFD; text said to be UTF-8 stays as it is."""
    name = codecs.lookup(encoding).name
    return raw if name in _UTF_8 else _transcode(raw, name)


def _transcode(raw: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for text in raw:
        yield decoder.decode(text).encode("utf-8", "surrogatepass")  # UTF-7 may hold halves of characters
    yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")
