"""The loopback server: whom it answers, and how it answers what dxpy does not ask for when all goes well."""

from __future__ import annotations

import hashlib
import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.dataset.database import link
from common.errors import AppError
from common.platform import RecordDraft
from common.platform.api import ApiServer
from common.platform.api.call import ApiError
from common.platform.api.files import parse_range
from common.platform.local import LocalProject
from common.platform.names import new_id
from tests.unit.platform.project_state import EMPTY_DESCRIPTOR, new_database, publish_tables

Answer = tuple[int, Any]


class Caller:
    """Calls of the server with any headers; the token and the right host unless told otherwise."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.project = LocalProject(server.store.root)

    def send(
        self, method: str, path: str, body: bytes = b"", **headers: str | None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=120)
        own = {"Host": f"127.0.0.1:{self.server.server_port}", "Authorization": f"Bearer {self.server.token}"}
        sent = {**own, "Content-Length": str(len(body)), **headers}
        connection.putrequest(method, path, skip_host=True)
        for name, value in sent.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        found = answer.status, dict(answer.getheaders()), answer.read()
        connection.close()
        return found

    def __call__(self, path: str, value: Any = None, **headers: str | None) -> Answer:
        status, _, body = self.send("POST", path, json.dumps({} if value is None else value).encode(), **headers)
        return status, json.loads(body)

    def refused(self, path: str, value: Any = None) -> tuple[int, str]:
        status, answer = self(path, value)
        return status, answer["error"]["type"]

    def add_file(self, name: str, content: bytes, **given: Any) -> str:
        """A closed file, by one part."""
        _, made = self("/file/new", {"project": self.project.id, "name": name, **given})
        _, place = self(f"/{made['id']}/upload", {"size": len(content), "md5": md5(content), "index": 1})
        assert self.send("PUT", place["url"].removeprefix(self.server.address), content)[0] == 200
        assert self(f"/{made['id']}/close")[0] == 200
        return str(made["id"])


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


@pytest.fixture
def call(tmp_path: Path) -> Iterator[Caller]:
    with ApiServer(tmp_path / "project") as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield Caller(server)
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("headers", "status", "kind"),
    [
        ({"Authorization": None}, 401, "InvalidAuthentication"),
        ({"Authorization": "Bearer wrong"}, 401, "InvalidAuthentication"),
        ({"Authorization": "Bearer ü"}, 401, "InvalidAuthentication"),
        ({"Host": "evil.example"}, 401, "PermissionDenied"),
        ({"Host": "127.0.0.1"}, 401, "PermissionDenied"),
        ({"Host": None}, 401, "PermissionDenied"),
        ({"Origin": "http://evil.example"}, 401, "PermissionDenied"),
        ({"Origin": "null"}, 401, "PermissionDenied"),
    ],
)
def test_others_are_refused(call: Caller, headers: dict[str, str | None], status: int, kind: str) -> None:
    found = call("/system/whoami", **headers)
    assert (found[0], found[1]["error"]["type"]) == (status, kind)
    assert call.send("GET", f"/download/{new_id('file')}/x", **headers)[0] == status


def test_the_holder_of_the_token_is_answered_by_either_name_of_this_machine(call: Caller) -> None:
    assert call("/system/whoami") == (200, {"id": "user-local"})
    port = call.server.server_port
    assert call("/system/whoami", Host=f"localhost:{port}", Origin=f"http://localhost:{port}")[0] == 200


def test_it_listens_on_loopback_only(call: Caller) -> None:
    assert call.server.server_address[0] == "127.0.0.1"


def test_a_port_that_is_taken_or_none_is_a_users_mistake(call: Caller, tmp_path: Path) -> None:
    with pytest.raises(AppError, match="cannot be used"):
        ApiServer(tmp_path / "other", call.server.server_port)
    with pytest.raises(AppError, match="cannot be used"):
        ApiServer(tmp_path / "other", 70_000)


def test_what_is_not_there_is_refused_in_the_platforms_form(call: Caller) -> None:
    absent = new_id("record")
    assert call(f"/{absent}/describe") == (
        404, {"error": {"type": "ResourceNotFound", "message": f'"{absent}" could not be found'}},
    )  # fmt: skip
    assert call.refused("/record-short/describe") == (404, "ResourceNotFound")
    assert call.refused("/system/format") == (404, "ResourceNotFound")
    assert call.refused(f"/{new_id('project')}/describe") == (404, "ResourceNotFound")
    assert call.refused(f"/{new_id('project')}/listFolder") == (404, "ResourceNotFound")


def test_faulty_input_is_refused(call: Caller) -> None:
    assert call.send("POST", "/system/whoami", b"{")[0] == 400
    for length in ("-1", "²", "9" * 5000):
        assert call.send("POST", "/system/whoami", **{"Content-Length": length})[0] == 422
    assert call.send("PUT", f"/upload/{new_id('file')}/{'9' * 5000}?size=0")[0] == 404
    assert call.refused("/system/whoami", [1]) == (422, "InvalidInput")
    assert call.refused("/file/new", {"name": "x"}) == (422, "InvalidInput")
    assert call.refused("/file/new", {"project": new_id("project"), "name": "x"}) == (404, "ResourceNotFound")
    assert call.refused("/system/findDataObjects", {"limit": True}) == (422, "InvalidInput")
    assert call.refused("/system/findDataObjects", {"shape": "round"}) == (422, "InvalidInput")
    assert call.refused("/system/findDataObjects", {"name": {"regexp": "("}}) == (422, "InvalidInput")


@pytest.mark.parametrize("name", ["../../up", "a/b", "..", "nul\0"])
def test_no_name_leads_out_of_the_project(call: Caller, name: str) -> None:
    assert call.refused("/file/new", {"project": call.project.id, "name": name}) == (422, "InvalidInput")


def test_a_file_goes_up_in_parts_of_any_order_and_comes_down_by_ranges(call: Caller) -> None:
    _, made = call("/file/new", {"project": call.project.id, "name": "a b.txt", "properties": {"k": "v"}})
    for index, part in ((2, b"world"), (1, b"hello ")):
        _, place = call(f"/{made['id']}/upload", {"size": len(part), "md5": md5(part), "index": index})
        assert call.send("PUT", place["url"].removeprefix(call.server.address), part)[0] == 200
    assert call.refused(f"/{made['id']}/download") == (422, "InvalidState")
    call(f"/{made['id']}/close")
    _, described = call(
        f"/{made['id']}/describe", {"fields": {"state": True, "size": True, "properties": True, "parts": True}}
    )
    assert described == {
        "id": made["id"], "state": "closed", "size": 11, "properties": {"k": "v"},
        "parts": {"1": {"state": "complete", "size": 11, "md5": md5(b"hello world")}},
    }  # fmt: skip
    _, place = call(f"/{made['id']}/download")
    path = place["url"].removeprefix(call.server.address)
    assert path.endswith("/a%20b.txt")
    assert call.send("GET", path)[2] == b"hello world"
    status, headers, body = call.send("GET", path, Range="bytes=6-8")
    assert (status, headers["Content-Range"], body) == (206, "bytes 6-8/11", b"wor")
    assert call.send("GET", path, Range="bytes=11-")[0] == 422


def test_a_part_that_is_not_what_was_promised_is_not_kept(call: Caller) -> None:
    _, made = call("/file/new", {"project": call.project.id, "name": "x"})
    _, place = call(f"/{made['id']}/upload", {"size": 3, "md5": md5(b"abc"), "index": 1})
    path = place["url"].removeprefix(call.server.address)
    assert call.send("PUT", path, b"abd")[0] == 422
    assert call.send("PUT", path, b"ab")[0] == 422
    call(f"/{made['id']}/close")
    assert call(f"/{made['id']}/describe", {"fields": {"size": True}})[1] == {"id": made["id"], "size": 0}
    assert call.refused(f"/{made['id']}/upload", {"size": 3, "md5": md5(b"abc")}) == (422, "InvalidState")


def test_a_call_repeated_with_its_nonce_makes_one_object(call: Caller) -> None:
    given = {"project": call.project.id, "name": "once", "nonce": "n1"}
    assert call("/record/new", given) == call("/record/new", given)
    assert len(call.project.find_objects("record", "once")) == 1


def test_a_record_is_open_until_it_is_closed(call: Caller) -> None:
    _, made = call("/record/new", {"project": call.project.id, "name": "notes"})
    states = []
    for method in ("describe", "close", "close", "describe"):
        status, answer = call(f"/{made['id']}/{method}", {"project": call.project.id})
        states.append((status, answer.get("state")))
    assert states == [(200, "open"), (200, None), (200, None), (200, "closed")]


def test_a_record_that_links_to_nothing_is_refused(call: Caller) -> None:
    given = {"project": call.project.id, "details": {"list": [{"file": link(new_id("file"))}]}}
    assert call.refused("/record/new", given) == (404, "ResourceNotFound")


def test_objects_are_found_by_what_they_are_in_pages(call: Caller) -> None:
    ids = [call.add_file(f"f{number}.csv", b"", folder="/data" if number else "/") for number in range(3)]

    def found(**given: Any) -> list[str]:
        return [each["id"] for each in call("/system/findDataObjects", given)[1]["results"]]

    oldest = {"field": "name", "ordering": "ascending"}
    assert found(name={"glob": "f*.csv"}, sortBy=oldest) == ids
    assert found(name="f1.csv") == ids[1:2]
    assert found(name={"regexp": "F[12]", "flags": "i"}, sortBy=oldest) == ids[1:]
    assert found(scope={"project": call.project.id, "folder": "/", "recurse": False}) == ids[:1]
    assert found(scope={"project": call.project.id, "folder": "/data"}, sortBy=oldest) == ids[1:]
    assert found(**{"class": "record"}) == []
    assert found(scope={"project": new_id("project")}) == []
    _, page = call("/system/findDataObjects", {"limit": 2, "sortBy": oldest})
    assert [each["id"] for each in page["results"]] == ids[:2]
    assert found(starting=page["next"], sortBy=oldest) == ids[2:]
    _, listed = call(f"/{call.project.id}/listFolder", {"folder": "/"})
    assert listed == {"objects": [{"id": ids[0]}], "folders": ["/data"]}
    assert call.refused(f"/{call.project.id}/listFolder", {"folder": "/nowhere"}) == (404, "ResourceNotFound")


def test_codings_come_in_pages_none_of_them_cut(call: Caller) -> None:
    codings = {name: {"codes_to_meanings": {str(n): "" for n in range(3)}, "display": []} for name in ("a", "b", "c")}
    descriptor = {**EMPTY_DESCRIPTOR, "model": {**EMPTY_DESCRIPTOR["model"], "codings": codings}}  # type: ignore[dict-item]
    staging = call.project.stage(None)
    record = staging.publish([], RecordDraft("d", descriptor, "s", []), {}).record
    staging.close()
    path = f"/viz-meta/3.0/{record}/codings"
    assert call(path) == (200, {"results": codings, "next": None})
    _, page = call(path, {"limit": 6})
    assert (list(page["results"]), page["next"]) == (["a", "b"], {"name": "b", "after_code": None})
    assert list(call(path, {"limit": 6, "starting": page["next"]})[1]["results"]) == ["c"]
    assert call.refused(f"/data/3.0/{record}/raw") == (422, "InvalidInput")


def test_a_record_of_another_type_is_not_visualized(call: Caller) -> None:
    _, made = call("/record/new", {"project": call.project.id, "close": True})
    assert call.refused(f"/{made['id']}/visualize") == (422, "InvalidInput")


def test_the_files_of_a_database_are_listed_and_given_out(call: Caller) -> None:
    publish_tables(call.project, new_database("study_db"), {("patient", "new"): {"part-00000.parquet": "PAR1"}})
    _, found = call("/system/findDataObjects", {"class": "database", "name": "study_db", "describe": True})
    (database,) = (each["describe"] for each in found["results"])
    assert database["uniqueDatabaseName"] == f"{database['id'].replace('-', '_')}__study_db"
    (call.server.store.databases / database["uniqueDatabaseName"] / "patient" / "_SUCCESS").touch()
    _, listed = call(f"/{database['id']}/listFolder", {"folder": "/", "recurse": True})
    assert [(each["path"], each["size"], each["isDirectory"]) for each in listed["results"]] == [
        (f"{database['id']}/patient", 0, True), (f"{database['id']}/patient/part-00000.parquet", 4, False),
    ]  # fmt: skip
    _, place = call(f"/{database['id']}/downloadFile", {"filename": "patient/part-00000.parquet"})
    assert call.send("GET", place["url"].removeprefix(call.server.address))[2] == b"PAR1"
    for name in ("../../project.json", "patient/../../x", ".history.json", "patient/_SUCCESS"):
        assert call.refused(f"/{database['id']}/downloadFile", {"filename": name}) == (404, "ResourceNotFound")


@given(size=st.integers(1, 50), start=st.integers(0, 60), length=st.integers(1, 60))
def test_a_range_is_what_slicing_gives(size: int, start: int, length: int) -> None:
    content = bytes(range(size))
    header = f"bytes={start}-{start + length - 1}"
    if start >= size:
        with pytest.raises(ApiError):
            parse_range(header, size)
    else:
        first, end = parse_range(header, size) or (0, 0)
        assert content[first:end] == content[start : start + length]


@pytest.mark.parametrize(
    "header",
    [
        "bytes=",
        "bytes=-",
        "bytes=3-2",
        "lines=1-2",
        "bytes=1-2,4-5",
        "bytes=-0",
        "bytes=a-b",
        "bytes=²-",
        f"bytes=0-{'9' * 5000}",
    ],
)
def test_what_is_no_range_is_refused(header: str) -> None:
    with pytest.raises(ApiError):
        parse_range(header, 10)
