"""`report.json`: what a run says of itself, around what its app has to say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.job import Run


def write_report(run: Run, content: Mapping[str, Any]) -> Path:
    """Writes the report in the job folder: app and job, the app's own keys, stages with their seconds, warnings."""
    report = {
        "app": run.app, "job": run.platform.job_id, **content,
        "stages": [{"name": each.name, "seconds": each.seconds, "note": each.text} for each in run.progress.stages],
        "warnings": run.progress.warnings,
    }  # fmt: skip
    path = run.job_dir / "report.json"
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
