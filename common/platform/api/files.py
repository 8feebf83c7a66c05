"""Files: made, taken in by parts, closed, and given out by ranges."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from io import BufferedIOBase
from pathlib import Path
from urllib.parse import quote, urlencode

from common.platform.api.call import Answer, ApiError, Call
from common.platform.api.objects import new_object, select
from common.platform.local import disk
from common.platform.local.store import Object, ProjectStore, now

_MOST_PARTS = 10_000
_BLOCK = 1 << 20
_PART = 32 << 20
_PART_NAME = re.compile("[0-9]{5}")
_RANGE = re.compile(r"\s*bytes\s*=\s*([0-9]{0,18})-([0-9]{0,18})\s*")

UPLOAD_PARAMETERS = {
    "minimumPartSize": 5 << 20, "maximumPartSize": 5 << 30, "maximumFileSize": 5 << 40, "maximumNumParts": _MOST_PARTS,
    "emptyLastPartAllowed": True,
}  # fmt: skip
"""What `/project-x/describe` tells an uploader of the parts it may cut, in bytes."""


def new_file(call: Call) -> Answer:
    """`/file/new`: an open file without content."""
    file = new_object(call, "file", "open", size=0, media=call.get("media", str, "application/octet-stream"))
    _parts_folder(call.store, file["id"]).mkdir(parents=True)
    call.store.write_at_once(file)
    return {"id": file["id"]}


def upload_part(call: Call) -> Answer:
    """`/file-x/upload`: where to PUT one part. A part that is put again replaces the former."""
    file = _open_file(call)
    index = call.get("index", int, 1)
    if not 1 <= index <= _MOST_PARTS:
        raise ApiError("InvalidInput", f"expected index to be from 1 to {_MOST_PARTS:,}")
    promised = urlencode({"size": call.need("size", int), "md5": call.need("md5", str)})
    url = f"{call.address}/upload/{file['id']}/{index}?{promised}"
    return {"url": url, "headers": dict(call.headers), "expires": now() + 24 * 3600 * 1000}


def take_part(store: ProjectStore, file_id: str, index: int, size: int, md5: str, body: BufferedIOBase) -> None:
    """Writes the body of a PUT as a part. Refuses one that is not what was promised."""
    file = store.read(file_id)
    if file is None or file["state"] != "open":
        raise ApiError("InvalidState", f"{file_id} is not an open file")
    target = _parts_folder(store, file_id) / f"{index:05d}"
    disk.check_own(store.root, target)
    draft, digest, left = target.with_name(f".{target.name}.{now()}"), hashlib.md5(usedforsecurity=False), size
    with disk.new_file(draft) as out:
        while left and (block := body.read(min(left, _BLOCK))):
            digest.update(block)
            out.write(block)
            left -= len(block)
    if left or digest.hexdigest() != md5:
        draft.unlink()
        raise ApiError("InvalidInput", "the part is not of the size and MD5 that were promised")
    draft.replace(target)


def close_file(call: Call) -> Answer:
    """`/file-x/close`: puts the parts together, in the order of their indexes."""
    file = call.object()
    if file["state"] != "closed":
        folder = _parts_folder(call.store, file["id"])
        target = folder.parent / file["name"]
        disk.check_own(call.store.root, folder)
        disk.remove(call.store.root, folder / ".whole")
        with disk.new_file(folder / ".whole") as whole:
            for part in sorted(each for each in folder.iterdir() if _PART_NAME.fullmatch(each.name)):
                with os.fdopen(disk.open_own(part, os.O_RDONLY), "rb") as source:
                    shutil.copyfileobj(source, whole, _BLOCK)
            whole.flush()
            os.fsync(whole.fileno())
        (folder / ".whole").replace(target)
        disk.remove(call.store.root, folder)
        disk.sync(target.parent)
        call.store.write_at_once({**file, "state": "closed", "size": target.stat().st_size, "modified": now()})
    return {"id": file["id"]}


def download_file(call: Call) -> Answer:
    """`/file-x/download`: where to GET the content, with ranges if wanted."""
    file = call.object()
    if file["state"] != "closed":
        raise ApiError("InvalidState", f"{file['id']} is not closed")
    name = call.get("filename", str, file["name"])
    url = f"{call.address}/download/{file['id']}/{quote(name, safe='')}"
    return {"url": url, "headers": dict(call.headers), "expires": now() + 24 * 3600 * 1000}


def describe_file(call: Call) -> Answer:
    """`/file-x/describe`. The parts, with which dxpy checks what it downloads, only if they are asked for."""
    file = call.object()
    if call.get("fields", dict, {}).get("parts"):
        is_open = file["state"] == "open"
        file["parts"] = _parts_taken(call, file) if is_open else _describe_parts(call.project.file_path(file["id"]))
    return select(file, call.input)


def _parts_taken(call: Call, file: Object) -> Answer:
    """Parts of an open file by number, as far as they have come in."""
    folder = _parts_folder(call.store, file["id"])
    disk.check_own(call.store.root, folder)
    taken = (each for each in folder.iterdir() if _PART_NAME.fullmatch(each.name))
    return {str(int(each.name)): {"state": "complete", "size": each.stat().st_size} for each in taken}


def _describe_parts(path: Path) -> Answer:
    """Parts by number from 1: where a file would be cut that was put here by parts of this size, with their MD5."""
    parts: Answer = {}
    with path.open("rb") as file:
        while (block := file.read(_PART)) or not parts:
            md5 = hashlib.md5(block, usedforsecurity=False).hexdigest()
            parts[str(len(parts) + 1)] = {"state": "complete", "size": len(block), "md5": md5}
    return parts


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and the byte after the last that a Range header asks for; None without one. Refuses one that is not a range of
    the file (RFC 9110, 14.1: one range only).

    >>> parse_range("bytes=2-4", 10), parse_range("bytes=8-99", 10), parse_range("bytes=-3", 10)
    ((2, 5), (8, 10), (7, 10))
    """
    if header is None:
        return None
    found = _RANGE.fullmatch(header)
    if found is None or not any(found.groups()):
        raise ApiError("InvalidInput", f"{header!r} is not a range of bytes")
    first, last = found.groups()
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last) + 1, size) if first and last else size
    if start >= end:
        raise ApiError("InvalidInput", f"{header!r} is not within a file of {size} bytes")
    return start, end


def _open_file(call: Call) -> Object:
    file = call.object()
    if file["state"] != "open":
        raise ApiError("InvalidState", f"{file['id']} is not open")
    return file


def _parts_folder(store: ProjectStore, file_id: str) -> Path:
    return store.files / file_id / ".parts"
