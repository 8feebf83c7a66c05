"""The loopback server with what the platform's metastore does besides: databases that Spark makes become objects.

On the platform `CREATE DATABASE … LOCATION 'dnax://'` makes a database, and the metastore tells the platform of it. Here Spark
makes the folder `databases/.made/<name>` of the project. The next call of the API makes an object of it, with that folder as the
database's first version. `python -m tests.metastore PROJECT` serves a project and prints the environment for dx.
"""

from __future__ import annotations

import json
import shlex
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dxpy
import pytest

from common.dataset.database import unique_database_name
from common.platform.api import ApiServer
from common.platform.api.call import Call
from common.platform.api.server import LOOPBACK
from common.platform.local import disk
from common.platform.local.store import build_object
from common.platform.names import new_id


class MetastoreServer(ApiServer):
    """Looks at each call for databases that Spark made or dropped."""

    def __init__(self, root: str | Path) -> None:
        super().__init__(root)
        self._known: dict[str, str] = {}
        self._lock = threading.Lock()

    def call(self, target: str, given: dict[str, Any]) -> Call:
        with self._lock:
            made = {each.name: each for each in (self.store.databases / ".made").glob("[!.]*")}
            for name in self._known.keys() - made.keys():
                self._drop(name, self._known.pop(name))
            for name in made.keys() - self._known.keys():
                self._known[name] = self._take_up(made[name])
        return super().call(target, given)

    def _take_up(self, folder: Path) -> str:
        """Makes the folder a version of a database, and leaves a link to it where Spark looks for it."""
        database_id = new_id("database")
        unique_name = unique_database_name(database_id, folder.name)
        version = Path(".versions", unique_name, f"000001-{new_id('job')}")
        place = self.store.databases / version
        place.parent.mkdir(parents=True)
        folder.rename(place)
        folder.symlink_to(place)
        (place / ".history.json").write_text(json.dumps([version.name]), encoding="utf-8")
        (self.store.databases / unique_name).symlink_to(version)
        names = {"databaseName": folder.name, "uniqueDatabaseName": unique_name}
        self.store.write_at_once(build_object(database_id, folder.name, self.store.id, "", **names))
        return database_id

    def _drop(self, name: str, database_id: str) -> None:
        unique_name = unique_database_name(database_id, name)
        databases = self.store.databases
        for place in (
            self.store.objects / f"{database_id}.json",
            databases / unique_name,
            databases / ".versions" / unique_name,
        ):
            disk.remove(self.store.root, place)


@contextmanager
def connected(root: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Serves a project in a thread, and points dxpy of this process at it."""
    patch.setenv("NO_PROXY", LOOPBACK)
    with MetastoreServer(root) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        dxpy.set_api_server_info(LOOPBACK, server.server_port, "http")
        dxpy.set_security_context(json.loads(server.environment["DX_SECURITY_CONTEXT"]))
        patch.setattr(dxpy, "PROJECT_CONTEXT_ID", server.store.id)
        yield
        server.shutdown()
        thread.join()


if __name__ == "__main__":
    with MetastoreServer(sys.argv[1]) as server:
        for name, value in {**server.environment, "DX_USER_CONF_DIR": "-"}.items():
            print(f"export {name}={shlex.quote(value)}", flush=True)
        server.serve_forever()
