"""The loopback server as a process of its own, and the platform's unmodified client pointed at it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Client:
    """`client("ls", "-l")` runs `dx ls -l` in `folder`, against the server, with settings of its own."""

    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("dx")), *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, text=True, capture_output=True, timeout=120
        )

    def __call__(self, *arguments: str) -> str:
        """What the command prints, once it has ended well and complained of nothing."""
        done = self.run(*arguments)
        assert (done.returncode, done.stderr) == (0, ""), f"dx {shlex.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@contextmanager
def serving(project: Path, folder: Path, has_metastore: bool = False) -> Iterator[Client]:
    """Serves a project with `python -m apps serve`, as a user would, for as long as the block runs; `has_metastore` for jobs of the
    platform's, whose databases Spark makes."""
    command = ["tests.metastore", str(project)] if has_metastore else ["apps", "serve", "--project", str(project)]
    command = [sys.executable, "-m", *command]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            yield Client(folder, read_environment(server, folder))
        finally:
            server.terminate()


def read_environment(server: subprocess.Popen[str], folder: Path) -> dict[str, str]:
    """This process's environment, without what would lead dx elsewhere, and with what the server told to export."""
    assert server.stdout is not None
    names = {
        name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy") and name[:3] != "DX_"
    }
    for line in server.stdout:
        name, _, value = line.removeprefix("export ").partition("=")
        if name == "DX_USER_CONF_DIR":
            settings = folder / ".dx"
            settings.mkdir(parents=True)
            return names | {
                name: str(settings),
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "TZ": "UTC",
            }
        names[name] = "".join(shlex.split(value))
    raise AssertionError("the server ended before it told its address")
