"""gzip and bgzip files that are injured: read in pieces of any size, they give exactly the true text, or they are refused.

What nothing in the file can tell is held to what the file still says, and to refusal where an index beside it can tell:

- of bgzip: whole blocks left out, doubled or exchanged, with the end block still in its place;
- of plain gzip: whole members left out, doubled or exchanged, a file cut at a member's end, and last members that are all zeros,
  which are padding; nor bytes that are the header of a member, whose extra field may say that it holds all that follows.

A first byte that no longer says gzip makes the file plain text of another header, which the caller refuses by its columns, as it
does a file without text.
"""

from __future__ import annotations

import gzip
import random
import struct
import tempfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from common.errors import AppError
from common.scan.bgzip import END_BLOCK, stream_gzip
from common.scan.delimited import TextFile, first_record, read_buffers, whole_piece
from common.scan.files import compression_of, stamp_of
from common.vcf.container import cut_pieces, read_vcf_file, read_vcf_lines

SUITE_COUNT = 400

_META = b"##fileformat=VCFv4.2\n##contig=<ID=1>\n"
_HEADER = _META + b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
_Parts = Sequence[bytes]


def run(seed: int, count: int) -> list[str]:
    """Findings, each with the seed and number that make its file again."""
    found: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            found += [
                f"seed {seed} number {number}: {each}" for each in _try(random.Random(f"{seed}-{number}"), folder)
            ]
    return found


def _try(rng: random.Random, folder: str) -> list[str]:
    path, index = Path(folder, "a.gz"), Path(folder, "a.gz.gzi")
    is_bgzip = rng.random() < 0.7
    parts = [_member(each, is_bgzip, rng) for each in _cut(_text(rng), rng)] + ([END_BLOCK] if is_bgzip else [])
    injury = rng.choice(_INJURIES)
    injured, sound = injury(parts, is_bgzip, rng)
    index.unlink(missing_ok=True)
    has_index = is_bgzip and rng.random() < 0.3
    is_changed = injured != b"".join(parts)
    if has_index:
        index.write_bytes(_gzi(parts))
        sound = sound if len(injured) == len(b"".join(parts)) else None
    path.write_bytes(injured)
    what = f"{'bgzip' if is_bgzip else 'gzip'}{' with index' if has_index else ''} {injury.__name__}"
    whole = b"".join(map(_inflate, parts))
    return [f"{what}: {each}" for each in _judge(path, sound, whole, has_index and is_changed, rng)]


def _judge(path: Path, sound: bytes | None, whole: bytes, may_refuse: bool, rng: random.Random) -> list[str]:
    """What is wrong with what the readers make of the file. `sound` is the text of a file that shows no damage; of another the
    true text `whole` is right, and refusal."""
    found = []
    readers = {"text": _read_text, "records": _read_records, "VCF": _read_vcf}
    if sound is not None and not sound.startswith(_HEADER):
        del readers["VCF"]
    for name, read in readers.items():
        try:
            got = read(path, rng)
        except AppError:
            got = None
        if got == b"" or (got is not None and compression_of(str(path)) == "plain" and not got.startswith(_META)):
            got = None
        if got is None and sound and not may_refuse:
            found.append(f"{name}: refused, though nothing is wrong")
        elif got is not None and got != (whole if sound is None else sound):
            found.append(f"{name}: {len(got)} bytes of {len(whole)} are read as if they were all")
    return found


def _read_text(path: Path, rng: random.Random) -> bytes | None:
    if compression_of(str(path)) == "plain":
        return path.read_bytes()
    buffers = list(stream_gzip(str(path), size := rng.choice([1, 7, 100, 5000, 1 << 20])))
    assert all(len(each) == size for each in buffers[:-1])
    assert all(0 < len(each) <= size for each in buffers)
    return b"".join(buffers)


def _read_records(path: Path, rng: random.Random) -> bytes | None:
    stamp, is_gzip = stamp_of(str(path)), compression_of(str(path)) != "plain"
    try:
        _, size, lines = first_record(str(path), is_gzip, "utf-8")
    except UnicodeDecodeError:
        return None
    file = TextFile("a.csv", str(path), stamp.size, is_gzip, "utf-8", size, lines, stamp)
    rest = b"".join(text for text, _ in read_buffers(whole_piece(file), rng.choice([50, 1000, 1 << 20])))
    return _header_of(path, size) + rest


def _header_of(path: Path, size: int) -> bytes:
    return next(stream_gzip(str(path), size), b"") if size and compression_of(str(path)) != "plain" else b""


def _read_vcf(path: Path, rng: random.Random) -> bytes | None:
    file, _ = read_vcf_file("a.vcf.gz", str(path))
    if file is None:
        return None
    pieces = cut_pieces(file, rng.randint(1, max(1, 2 * file.size)))
    block = rng.choice([1, 100, 5000])
    return _HEADER + b"".join(text for piece in pieces for text in read_vcf_lines(piece, block))


def _text(rng: random.Random) -> bytes:
    lines = [b"1\t%d\t.\tA\tC\t.\t.\tX=%s\n" % (number + 1, rng.randbytes(rng.randrange(9)).hex().encode())
             for number in range(rng.choice([0, 1, 5, 40, 200]))]  # fmt: skip
    return _HEADER + b"".join(lines) + (b"1\t9\n" * 50 if rng.random() < 0.2 else b"")


def _cut(text: bytes, rng: random.Random) -> _Parts:
    """The text in pieces, at lines or anywhere, some of them alike or empty."""
    if rng.random() < 0.3:
        lines = text[len(_HEADER) :].splitlines(keepends=True)
        return [_HEADER, *lines]
    cuts = sorted(rng.randrange(len(text) + 1) for _ in range(rng.randrange(12)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def _member(text: bytes, is_bgzip: bool, rng: random.Random) -> bytes:
    if not is_bgzip:
        return gzip.compress(text, rng.choice([0, 1, 6]), mtime=0)
    deflate = zlib.compressobj(rng.choice([0, 1, 6]), zlib.DEFLATED, -15)
    body = deflate.compress(text) + deflate.flush()
    extra = b"XY\1\0!" if rng.random() < 0.05 else b""
    fields = b"BC\2\0" + struct.pack("<H", len(body) + len(extra) + 25) + extra
    head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff" + struct.pack("<H", len(fields)) + fields
    return head + body + struct.pack("<II", zlib.crc32(text), len(text))


def _inflate(member: bytes) -> bytes:
    return zlib.decompress(member, 31)


def _gzi(parts: _Parts) -> bytes:
    stored = text = 0
    entries = []
    for part in parts[:-1]:
        entries.append((stored, text))
        stored, text = stored + len(part), text + len(_inflate(part))
    return struct.pack("<Q", len(entries) - 1) + b"".join(struct.pack("<QQ", *each) for each in entries[1:])


_Injured = tuple[bytes, bytes | None]
"""The file, and its text if nothing in it can tell that it was injured."""


def _sound(parts: _Parts, is_bgzip: bool) -> _Injured:
    is_sound = bool(parts) and (not is_bgzip or parts[-1] == END_BLOCK)
    return b"".join(parts), b"".join(map(_inflate, parts)) if is_sound else None


def none(parts: _Parts, is_bgzip: bool, rng: random.Random) -> _Injured:
    return _sound(parts, is_bgzip)


def cut_anywhere(parts: _Parts, is_bgzip: bool, rng: random.Random) -> _Injured:
    whole = b"".join(parts)
    end = rng.randrange(1, len(whole))
    kept = []
    for part in parts:
        if len(b"".join(kept)) + len(part) <= end:
            kept.append(part)
    return _sound(kept, is_bgzip) if b"".join(kept) == whole[:end] else (whole[:end], None)


def cut_at_border(parts: _Parts, is_bgzip: bool, rng: random.Random) -> _Injured:
    return _sound(parts[: rng.randint(1, len(parts))], is_bgzip)


def left_out(parts: _Parts, is_bgzip: bool, rng: random.Random) -> _Injured:
    at = rng.randrange(len(parts))
    kept = [*parts[:at], *parts[at + rng.randint(1, 3) :]]
    return _sound(kept, is_bgzip)


def doubled(parts: _Parts, is_bgzip: bool, rng: random.Random) -> _Injured:
    at = rng.randrange(len(parts))
    return _sound([*parts[: at + 1], *parts[at:]], is_bgzip)


def exchanged(parts: _Parts, is_bgzip: bool, rng: random.Random) -> _Injured:
    other, (one, two) = list(parts), (rng.randrange(len(parts)), rng.randrange(len(parts)))
    other[one], other[two] = other[two], other[one]
    return _sound(other, is_bgzip)


def zeroed(parts: _Parts, is_bgzip: bool, rng: random.Random) -> _Injured:
    first = rng.randrange(len(parts))
    last = rng.randrange(first, len(parts)) + 1
    stored = b"".join([*parts[:first], bytes(len(b"".join(parts[first:last]))), *parts[last:]])
    is_padding = not is_bgzip and first > 0 and last == len(parts)
    return stored, b"".join(map(_inflate, parts[:first])) if is_padding else None


def zeroed_anywhere(parts: _Parts, is_bgzip: bool, rng: random.Random) -> _Injured:
    stored = bytearray(b"".join(parts))
    at = rng.randrange(len(stored))
    end = min(len(stored), at + rng.choice([1, 20, 512]))
    stored[at:end] = bytes(end - at)
    for number in range(1, len(parts)):  # members may end with zeros themselves
        kept = b"".join(parts[:number])
        if not is_bgzip and stored == kept + bytes(len(stored) - len(kept)):
            return bytes(stored), b"".join(map(_inflate, parts[:number]))
    return bytes(stored), None


def bit_flipped(parts: _Parts, is_bgzip: bool, rng: random.Random) -> _Injured:
    stored = bytearray(b"".join(parts))
    stored[rng.randrange(len(stored))] ^= 1 << rng.randrange(8)
    return bytes(stored), None


def size_field(parts: _Parts, is_bgzip: bool, rng: random.Random) -> _Injured:
    """Another size in the field of a block: any, one bit from the true one, or that of the block with those that follow."""
    if not is_bgzip:
        return bit_flipped(parts, is_bgzip, rng)
    at = rng.randrange(len(parts))
    follow = rng.randint(1, 3)
    joined = len(b"".join(parts[at : at + follow])) - 1
    size = rng.choice([rng.randrange(1 << 16), (len(parts[at]) - 1) ^ (1 << rng.randrange(16)), joined & 0xFFFF])
    block = parts[at][:16] + struct.pack("<H", size) + parts[at][18:]
    return b"".join([*parts[:at], block, *parts[at + 1 :]]), None


def bytes_put_in(parts: _Parts, is_bgzip: bool, rng: random.Random) -> _Injured:
    at = rng.randint(0, len(parts))
    garbage = rng.choice([b"\x1f", b"\x1f\x8b", END_BLOCK[3:], b"1\t5\n", rng.randbytes(rng.choice([1, 18, 100]))])
    return b"".join([*parts[:at], garbage.replace(b"\0", b"\1"), *parts[at:]]), None


def zeros_put_in(parts: _Parts, is_bgzip: bool, rng: random.Random) -> _Injured:
    at = rng.randint(1, len(parts))
    is_padding = not is_bgzip and at == len(parts)
    stored = b"".join([*parts[:at], bytes(rng.choice([1, 512, 70_000])), *parts[at:]])
    return stored, b"".join(map(_inflate, parts)) if is_padding else None


_INJURIES: list[Callable[[_Parts, bool, random.Random], _Injured]] = [
    none, cut_anywhere, cut_at_border, left_out, doubled, exchanged, zeroed, zeroed_anywhere, bit_flipped, bit_flipped,
    size_field, bytes_put_in, zeros_put_in,
]  # fmt: skip
