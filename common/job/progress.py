"""Progress of a run on stderr: a line per stage, warnings, the summary table; kept for the report."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TextIO

_NAME_WIDTH = 12
_NOTE_WIDTH = 60
_CLEAR_LINE = "\r\x1b[K"


@dataclass
class Stage:
    """One stage of a run. `seconds` is wall time, set when the stage ends."""

    name: str
    show: Callable[[Stage], None] = field(repr=False, compare=False)
    text: str = ""
    seconds: float = 0.0

    def note(self, text: str) -> None:
        """Replaces what the stage's line says, and shows it."""
        self.text = text
        self.show(self)


@dataclass
class Progress:
    """Progress on a stream. A terminal sees a stage's line from its start; a file gets each line once, when it is final.

    `brief` leaves warnings only. `stages` and `warnings` hold what has ended and what was warned of, for `report.json`.
    """

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    brief: bool = False
    stages: list[Stage] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._is_live = self.stream.isatty() and not self.brief and os.environ.get("TERM") != "dumb"
        self._has_colour = self.stream.isatty() and not os.environ.get("NO_COLOR")

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """A stage: its line, with the last note and the time it took, is final when the block ends."""
        stage = Stage(name, self.show_running)
        start = time.monotonic()
        self.show_running(stage)
        try:
            yield stage
        except BaseException:
            stage.text = "failed"
            raise
        finally:
            stage.seconds = round(time.monotonic() - start, 3)
            self.stages.append(stage)
            if not self.brief:
                self._write(f"{name:<{_NAME_WIDTH}} {stage.text:<{_NOTE_WIDTH}} {stage.seconds:8.1f} s")

    def show_running(self, stage: Stage) -> None:
        """The line of a stage that still runs, on a terminal."""
        if self._is_live:
            show(self.stream, f"{_CLEAR_LINE}{stage.name:<{_NAME_WIDTH}} {stage.text[:_NOTE_WIDTH]} …")

    def warn(self, text: str) -> None:
        """A warning: shown at once, in brief runs too, and kept."""
        self.warnings.append(text)
        self._write(f"{self._paint('33', 'Warning:')} {text}")

    def table(self, title: str, header: list[str], rows: list[list[str]]) -> None:
        """The summary at the end of a run. Columns of figures are aligned to the right."""
        if not self.brief:
            self._write("\n".join(["", self._paint("1", title), *align(header, rows), ""]))

    def _write(self, line: str) -> None:
        show(self.stream, f"{_CLEAR_LINE if self._is_live else ''}{line}\n")

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._has_colour else text


def show(stream: TextIO, text: str) -> None:
    """Writes to a stream. A closed terminal or a full disk does not stop the run."""
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        with suppress(OSError, ValueError):  # Python would fail once more, on flushing at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def align(header: list[str], rows: list[list[str]]) -> list[str]:
    """The lines of a text table: header, rule, rows. A column is aligned to the right if all its cells are figures.

    >>> align(["entity", "rows"], [["patient", "1,204"], ["visit", "87"]])
    ['entity    rows', '-------  -----', 'patient  1,204', 'visit       87']
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    to_right = [
        bool(cells) and all(map(_is_figure, cells))
        for cells in (zip(*rows, strict=True) if rows else [()] * len(header))
    ]

    def line(cells: list[str]) -> str:
        padded = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, to_right, strict=True)
        ]
        return "  ".join(padded).rstrip()

    return [line(header), line(["-" * width for width in widths]), *map(line, rows)]


def _is_figure(cell: str) -> bool:
    return cell.replace(",", "").replace(".", "", 1).lstrip("-").isdigit()


def shown_size(size: int) -> str:
    """A size in bytes as people read it.

    >>> shown_size(1536)
    '1.5 KiB'
    """
    amount, units = float(size), ["B", "KiB", "MiB", "GiB", "TiB"]
    while amount >= 1024 and len(units) > 1:
        amount, units = amount / 1024, units[1:]
    return f"{amount:.0f} {units[0]}" if units[0] == "B" else f"{amount:.1f} {units[0]}"
