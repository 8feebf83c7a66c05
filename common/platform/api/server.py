"""The HTTP server. It listens on loopback only, wants its token with each request, and refuses web pages."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import sys
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

from common.errors import AppError, Rule
from common.json_text import FEW_LEVELS, JsonError, parse_json
from common.platform.api.call import Answer, ApiError, Call, as_api_error
from common.platform.api.databases import find_database_file
from common.platform.api.files import parse_range, take_part
from common.platform.api.routes import find_route
from common.platform.local import LocalProject
from common.platform.local.store import ProjectStore
from common.platform.names import is_id

LOOPBACK = "127.0.0.1"
_LARGEST_INPUT = 64 << 20
_BLOCK = 1 << 20
_NUMBER = re.compile("[0-9]{1,18}")


class ApiServer(ThreadingHTTPServer):
    """Serves one project at `address`; `environment` is what dxpy needs to be pointed at it. Port 0 takes a free one.

    Raises `AppError` 91 if the port is taken or the folder cannot be a project.
    """

    daemon_threads = True

    def __init__(self, root: str | Path, port: int = 0, region: str = "aws:us-east-1", verbose: bool = False) -> None:
        self.store = ProjectStore(Path(root))
        self.region = region
        self.verbose = verbose
        self.token = secrets.token_urlsafe(32)
        self.made: dict[str, Answer] = {}
        try:
            super().__init__((LOOPBACK, port), _Exchange)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise AppError(
                Rule.NOT_FOUND, f"port {port} of {LOOPBACK} cannot be used: {reason}", "Give another port."
            ) from None

    @property
    def address(self) -> str:
        """The server's URL."""
        return f"http://{LOOPBACK}:{self.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What dxpy reads to find this server and the project, with the token. A proxy must not stand between."""
        security = json.dumps({"auth_token_type": "Bearer", "auth_token": self.token})
        return {
            "DX_APISERVER_PROTOCOL": "http", "DX_APISERVER_HOST": LOOPBACK, "DX_APISERVER_PORT": str(self.server_port),
            "DX_SECURITY_CONTEXT": security, "DX_PROJECT_CONTEXT_ID": self.store.id, "DX_WORKSPACE_ID": self.store.id,
            "DX_CLI_WD": "/", "NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK,
        }  # fmt: skip

    def call(self, target: str, given: dict[str, Any]) -> Call:
        """A call, with the project opened again, as it is now."""
        store = ProjectStore(self.store.root)
        headers = {"Authorization": f"Bearer {self.token}"}
        return Call(target, given, LocalProject(store.root), store, self.address, headers, self.region)


class _Exchange(BaseHTTPRequestHandler):
    """One connection: requests checked, routed, answered."""

    protocol_version = "HTTP/1.1"
    timeout = 120  # s, so that a connection left open does not keep its thread for ever

    @property
    def api(self) -> ApiServer:
        """The server, by its own type."""
        return cast(ApiServer, self.server)

    def do_POST(self) -> None:
        self._answer(self._post)

    def do_PUT(self) -> None:
        self._answer(self._put)

    def do_GET(self) -> None:
        self._answer(self._get)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the standard library's name
        if self.api.verbose:
            super().log_message(format, *args)

    def _answer(self, respond: Callable[[], None]) -> None:
        try:
            self._check_caller()
            respond()
        except AppError as error:
            self._refuse(as_api_error(error))
        except ApiError as refusal:
            self._refuse(refusal)
        except ConnectionError:
            self.close_connection = True
        except Exception as error:  # noqa: BLE001 - the outermost layer: the client gets an answer whatever went wrong
            traceback.print_exc(file=sys.stderr)
            self._refuse(ApiError("InternalError", f"{type(error).__name__}: {error}"))

    def _check_caller(self) -> None:
        """Refuses requests of web pages, and requests without the token. A page may reach loopback under a name of its own
        that points here, so the host must be ours."""
        ours = {f"{host}:{self.api.server_port}" for host in (LOOPBACK, "localhost")}
        if self.headers.get("Host") not in ours:
            raise ApiError("PermissionDenied", "this server answers to its own address only")
        if self.headers.get("Origin", "http://" + self.headers["Host"]) not in {f"http://{each}" for each in ours}:
            raise ApiError("PermissionDenied", "this server answers no page of another origin")
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or not secrets.compare_digest(token.encode(), self.api.token.encode()):
            raise ApiError("InvalidAuthentication", "the token is missing or not this server's")

    def _post(self) -> None:
        body = self.rfile.read(self._length(_LARGEST_INPUT))
        try:
            given = parse_json(body or b"{}", FEW_LEVELS)
        except JsonError as error:
            raise ApiError("MalformedJSON", f"the body is not JSON: {error}") from None
        if not isinstance(given, dict):
            raise ApiError("InvalidInput", "expected the input to be an object")
        target, function = find_route(urlsplit(self.path).path)
        nonce = given.pop("nonce", None)
        if (
            isinstance(nonce, str) and nonce in self.api.made
        ):  # dxpy asks again after a lost answer, and must not make a second object
            answer = self.api.made[nonce]
        else:
            answer = function(self.api.call(target, given))
            if isinstance(nonce, str):
                self.api.made[nonce] = answer
        self._send_json(200, answer)

    def _put(self) -> None:
        url = urlsplit(self.path)
        parts, promised = url.path.strip("/").split("/"), parse_qs(url.query)
        if len(parts) != 3 or parts[0] != "upload" or not is_id(parts[1], "file") or not _NUMBER.fullmatch(parts[2]):
            raise ApiError("ResourceNotFound", f"there is no route {url.path} on this server")
        size = self._length()
        if promised.get("size") != [str(size)]:
            raise ApiError("InvalidInput", "the part is not of the size that was promised")
        take_part(self.api.store, parts[1], int(parts[2]), size, promised.get("md5", [""])[0], self.rfile)
        self._send(200, {"Content-Length": "0"})

    def _get(self) -> None:
        kind, _, rest = unquote(urlsplit(self.path).path).strip("/").partition("/")
        object_id, _, name = rest.partition("/")
        call = self.api.call(object_id, {})
        if kind == "download" and is_id(object_id, "file"):
            path = call.project.file_path(object_id)
        elif kind == "database" and is_id(object_id, "database"):
            path = find_database_file(call.store, object_id, name)
        else:
            raise ApiError("ResourceNotFound", "there is no such route on this server")
        self._send_file(path)

    def _send_file(self, path: Path) -> None:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            wanted = parse_range(self.headers.get("Range"), size)
            start, end = wanted or (0, size)
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(end - start)}
            headers |= {"Content-Range": f"bytes {start}-{end - 1}/{size}"} if wanted else {}
            self._send(206 if wanted else 200, {**headers, "Accept-Ranges": "bytes"})
            file.seek(start)
            if wanted is None:
                shutil.copyfileobj(file, self.wfile, _BLOCK)
            while wanted and start < end:
                start += self.wfile.write(file.read(min(_BLOCK, end - start)))

    def _length(self, most: int | None = None) -> int:
        text = self.headers.get("Content-Length", "")
        if not _NUMBER.fullmatch(text) or (most is not None and int(text) > most):
            self.close_connection = True
            raise ApiError("InvalidInput", "the body's length is missing or too large")
        return int(text)

    def _refuse(self, refusal: ApiError) -> None:
        self.close_connection = True  # the body may not have been read
        self._send_json(refusal.status, refusal.answer)

    def _send_json(self, status: int, answer: Answer) -> None:
        body = json.dumps(answer).encode()
        self._send(status, {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(body))})
        self.wfile.write(body)

    def _send(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
