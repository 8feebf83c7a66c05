"""`python -m tests.walkthrough [--write]`: runs the page's commands in an empty project. With --write, updates the
page to what they print; without it, any other output is an error."""

from __future__ import annotations

import difflib
import shutil
import sys
import time

from tests.walkthrough.page import PAGE, PROJECT, ROOT, read_steps, run_steps, write_page

begun = time.monotonic()
text = PAGE.read_text(encoding="utf-8")
shutil.rmtree(ROOT / PROJECT, ignore_errors=True)
outcomes = []
for outcome in run_steps(read_steps(text)):
    print(f"$ {outcome.step.command}\n{outcome.printed}", flush=True)
    outcomes.append(outcome)
print(f"{len(outcomes)} steps in {time.monotonic() - begun:.0f} s")
if outcomes[-1].status:
    sys.exit("The last command failed.")
if "--write" in sys.argv[1:]:
    PAGE.write_text(write_page(text, outcomes), encoding="utf-8")
for outcome in outcomes if "--write" not in sys.argv[1:] else []:
    if not outcome.is_as_shown:
        shown, printed = outcome.step.shown.splitlines(), outcome.printed.splitlines()
        sys.exit(
            "\n".join(["WALKTHROUGH.md shows something else:", *difflib.unified_diff(shown, printed, lineterm="")])
        )
