"""Which texts of numbers and dates can be given back from what is stored, and which are taken but are not plain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from common.values.casts import INTEGER_TEXT, all_bytes, text_layout

FIRST_YEAR, LAST_YEAR = 1900, 2099
"""The years in which a partial date, or one without leading zeros, is taken for a date: others are more often codes."""

NOTES = {
    "form": "a plus or a bare point, which is not kept",
    "zeros": "zeros at the end, where others have fewer digits; they are not kept",
    "year": "a year alone; the first of January is stored",
    "month": "no day; the first of the month is stored",
    "padding": "a date without leading zeros",
    "time": "no time; 00:00:00 is stored",
    "offset": "an offset; the time in UTC is stored",
}
"""What is said of values that are taken but are not plain."""

Mask = npt.NDArray[np.bool_]

_ZERO, _NINE, _PLUS, _MINUS, _POINT = b"09+-."
_DIGITS_KEPT = 15
"""Significant digits that every double keeps."""

_LONGEST = 800
"""No double has more digits than this in full."""

_SMALLEST = 2.3e-308
"""Doubles below this keep fewer digits."""

_BARE_EXPONENT = r"^[+-]?[0-9]+[eE][0-9]+$"


@dataclass(frozen=True)
class MomentForms:
    """Which texts have which form; the length of a text settles it."""

    years: Mask
    months: Mask
    loose_months: Mask
    days: Mask
    loose_days: Mask
    moments: Mask


def moment_forms(texts: pa.Array) -> MomentForms:
    """The forms of texts that are all dates or times, or null. Loose ones lack a leading zero, as 2024-1 and 2024-1-31."""
    sizes = np.diff(text_layout(texts)[0])
    return MomentForms(
        sizes == 4, (sizes == 6) | (sizes == 7), sizes == 6, (sizes >= 8) & (sizes <= 10), (sizes == 8) | (sizes == 9), sizes > 10
    )  # fmt: skip


def unkept(texts: pa.Array, values: pa.Array, name: str) -> Mask:
    """Which texts of a type (null values aside) would not be given back from their values, or are more likely codes."""
    if name in ("date", "datetime"):
        forms = moment_forms(texts)
        is_loose = forms.years | forms.months | forms.loose_days
        if not is_loose.any():
            return is_loose
        years = np.asarray(pc.fill_null(pc.year(values), FIRST_YEAR))
        early_or_late: Mask = is_loose & ((years < FIRST_YEAR) | (years > LAST_YEAR))
        return early_or_late
    return _unkept_numbers(texts, values)


def _unkept_numbers(texts: pa.Array, values: pa.Array) -> Mask:
    """Leading zeros, whole numbers with a plus or beyond 64 bits, exponents without sign or point (1E5), lost digits."""
    offsets, data = text_layout(texts)
    starts, sizes, last = offsets[:-1], np.diff(offsets), len(data) - 1
    first = data[np.minimum(starts, last)]
    is_plus = (first == _PLUS) & (sizes > 0)
    signs = is_plus | (first == _MINUS)
    lead, second = data[np.minimum(starts + signs, last)], data[np.minimum(starts + signs + 1, last)]
    found: Mask = (lead == _ZERO) & (sizes > 1 + signs) & (second >= _ZERO) & (second <= _NINE)
    found |= (first == _MINUS) & (lead == _ZERO) & (sizes == 2)
    is_odd = is_plus
    if pa.types.is_floating(values.type):
        is_odd = is_odd | (sizes > _DIGITS_KEPT)
        if (all_bytes(texts) > _NINE).any():  # an exponent
            found |= _matches(texts, _BARE_EXPONENT)
            is_odd |= np.asarray(pc.fill_null(pc.less(pc.abs(values), _SMALLEST), False))
    at = np.flatnonzero(is_odd & ~found & np.asarray(values.is_valid()))
    if len(at):
        some, some_values = texts.take(pa.array(at)), values.take(pa.array(at))
        found[at] = is_plus[at] & _matches(some, INTEGER_TEXT)
        if pa.types.is_floating(values.type):
            found[at] |= _lost_digits(some, some_values)
    return found


def _lost_digits(texts: pa.Array, values: pa.Array) -> Mask:
    """Which numbers have digits that their double does not give back, or are whole numbers beyond 64 bits."""
    lost: Mask = _matches(texts, INTEGER_TEXT) & (np.abs(values.to_numpy()) >= 2.0**63)
    for at in np.flatnonzero(~np.asarray(pc.equal(pc.cast(values, pa.string()), texts)) & ~lost).tolist():
        lost[at] = not _gives_back(texts[at].as_py(), values[at].as_py())
    return lost


def _gives_back(text: str, value: float) -> bool:
    digits = text.lower().partition("e")[0].lstrip("+-").replace(".", "").lstrip("0")
    if len(digits) > _LONGEST:
        return False
    return not digits or f"{abs(value):.{len(digits) - 1}e}".partition("e")[0].replace(".", "") == digits


def note_masks(texts: pa.Array, kind: str) -> tuple[dict[str, Mask], set[int]]:
    """Which texts of a kind are taken but not plain, by the names of `NOTES`; of numbers also how many digits stand behind
    the point."""
    if texts.null_count == len(texts) or kind not in ("float", "month", "date", "datetime"):
        return {}, set()
    if kind == "float":
        return _number_notes(texts)
    forms = moment_forms(texts)
    notes = {"year": forms.years, "month": forms.months, "padding": forms.loose_days}
    if kind == "datetime":
        notes |= {"time": forms.days, "offset": _matches(texts, r"[ T].*[+-]")}
    return notes, set()


def _number_notes(texts: pa.Array) -> tuple[dict[str, Mask], set[int]]:
    offsets, data = text_layout(texts)
    sizes = np.diff(offsets)
    first, last = data[np.minimum(offsets[:-1], len(data) - 1)], data[offsets[1:] - 1]
    points = np.asarray(pc.fill_null(pc.find_substring(texts, "."), -1))
    decimals = np.where(points >= 0, sizes - points - 1, 0)
    is_form = (sizes > 0) & ((first == _PLUS) | (points == 0) | ((points == 1) & (first == _MINUS)) | (last == _POINT))
    is_plain = sizes > 0
    if (all_bytes(texts) > _NINE).any():
        is_plain &= ~_matches(texts, "[eE]")
    zeros = is_plain & (decimals > 1) & (last == _ZERO)
    return {"form": is_form, "zeros": zeros}, set(np.unique(decimals[is_plain]).tolist()[:2])


def _matches(texts: pa.Array, pattern: str) -> Mask:
    return np.asarray(pc.fill_null(pc.match_substring_regex(texts, pattern), False))
