"""The applet folder of an app: dx build accepts it, and it has all that the app needs to run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.commands.build import install_dependencies, read_clusters, render_spec, write_applet
from apps.commands.installed import app_folders
from common.dataset.database import link
from common.errors import AppError
from common.job.spec import read_spec
from common.platform.local import LocalProject
from common.platform.names import new_id
from common.spark.launch import environment as launch_environment
from common.spark.launch import spark_home
from tests.apps.dx_server import ROOT, Client, serving

pytestmark = pytest.mark.processes

TRIAL = ROOT / "tests" / "data" / "trial"
APPS = list(app_folders())
OWN = {"name": "loader", "runSpec": {"interpreter": "python3", "file": "app.py", "timeoutPolicy": {"*": {"hours": 1}}}}

DX_SPARK_SUBMIT = """#!/bin/bash
# The platform's own is not public: this drops the two options that are its own, and calls what it calls.
[ "$1 $2 $3" = "--log-level WARN --collect-logs" ] || exit 64
shift 3
exec "$SPARK_SUBMIT" --master 'local[2]' "$@"
"""
HADOOP = '#!/bin/bash\n[ "$1 $2" = "classpath --glob" ] && echo "$HADOOP_HOME/none.jar"\n'


@pytest.fixture(scope="module")
def applets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of all apps, as `make dxapps` makes them, without the wheels, which need a network."""
    output = tmp_path_factory.mktemp("dxapps")
    command = [sys.executable, "-m", "apps", "build", "--no-dependencies", "--size", "medium", "--output", str(output)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return output


@pytest.fixture(scope="module")
def dx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("build")
    LocalProject(folder / "project")
    with serving(folder / "project", folder, has_metastore=True) as client:
        yield client


@pytest.mark.parametrize("app", APPS)
def test_dx_build_finds_nothing_wrong_and_makes_the_applet(dx: Client, applets: Path, app: str) -> None:
    dry = dx.run("build", "--dry-run", str(applets / app))
    assert dry.returncode == 0, dry.stderr
    complaints = [
        line for line in dry.stderr.splitlines() if line.startswith(("WARNING", "ERROR")) or "warn" in line.lower()
    ]
    assert complaints == []
    built = dx.run("build", "--brief", str(applets / app))
    assert built.returncode == 0, built.stderr
    applet = json.loads(dx("describe", json.loads(built.stdout)["id"], "--json"))
    spec = read_spec(ROOT / "apps" / app / "dxapp.json")
    assert [each["name"] for each in applet["inputSpec"]] == [each.name for each in spec.inputs]
    assert applet["runSpec"]["code"] == (applets / app / "launch.sh").read_text(encoding="utf-8")
    cluster = applet["runSpec"]["systemRequirements"]["main"]["clusterSpec"]
    assert (cluster["type"], cluster["initialInstanceCount"]) == ("dxspark", 3)
    assert cluster["bootstrapScript"] == (applets / app / "bootstrap.sh").read_text(encoding="utf-8")
    assert [each["name"] for each in applet["runSpec"]["bundledDepends"]] == ["resources.tar.gz"]


def run_applet(applet: Path, home: Path, dx: Client, **given: Any) -> subprocess.CompletedProcess[str]:
    """Runs an applet's `main` as the platform's bash interpreter does, with only the applet's own files to import."""
    commands = home.parent / "bin"
    for folder in (home, commands):
        folder.mkdir(parents=True)
    for name, text in (("dx-spark-submit", DX_SPARK_SUBMIT), ("hadoop", HADOOP)):
        (commands / name).write_text(text, encoding="utf-8")
        (commands / name).chmod(0o755)
    (home / "job_input.json").write_text(json.dumps(given), encoding="utf-8")
    names = {**launch_environment("local[2]"), **dx.environment}
    names |= {
        "HOME": str(home), "PATH": f"{commands}:{os.environ['PATH']}", "DX_JOB_ID": new_id("job"), "HADOOP_HOME": str(home),
        "SPARK_SUBMIT": str(spark_home() / "bin" / "spark-submit"), "LOADER_STAGING": str(home.parent / "staging"),
        "LOADER_ROOT": str(applet / "resources" / "opt" / "spark_loaders"),
        "LOADER_DATABASE_LOCATION": (dx.folder / "project" / "databases" / ".made" / "applet_db").as_uri(),
    }  # fmt: skip
    names.pop("PYTHONPATH", None)
    command = ["bash", "-e", "-c", f'. "{applet}/launch.sh"; main']
    return subprocess.run(command, cwd=home, env=names, text=True, capture_output=True, timeout=300)


def test_the_folder_alone_runs_the_app(dx: Client, applets: Path, tmp_path: Path) -> None:
    def upload(name: str) -> dict[str, str]:
        return link(dx("upload", str(TRIAL / name), "--brief").strip())

    home = tmp_path / "home"
    done = run_applet(
        applets / "data_model_loader", home, dx, data_dictionary=upload("data_dictionary.csv"), codings=upload("codings.csv"),
        data_files=[upload("patient.csv"), upload("visit.csv")], output_dataset_name="by_applet", database_name="applet_db",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    output = json.loads((home / "job_output.json").read_text(encoding="utf-8"))
    assert (
        dx("extract_dataset", output["dataset"]["$dnanexus_link"], "--list-entities")
        == "patient\tpatient\nvisit\tvisit\n"
    )


def test_a_refused_run_ends_with_an_error(dx: Client, applets: Path, tmp_path: Path) -> None:
    done = run_applet(applets / "data_model_loader", tmp_path / "home", dx, output_dataset_name="no_dictionary")
    assert done.returncode == 1
    error = json.loads((tmp_path / "home" / "job_error.json").read_text(encoding="utf-8"))["error"]
    assert error["type"] == "AppError"
    assert error["message"].startswith("Error 90")


def write_wheel(folder: Path, name: str, version: str) -> None:
    """An empty wheel with this name."""
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


def test_the_applet_carries_what_the_platform_lacks_in_the_pinned_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = re.findall(r"(?m)^([a-z][\w-]*)==(\S+)", (ROOT / "constraints.txt").read_text(encoding="utf-8"))
    pinned = {name.replace("-", "_"): version for name, version in lines}
    lacking = ["isal", "jsonschema_rs", "numpy", "psutil", "pyarrow"]
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for name in lacking:
        write_wheel(wheels, name, pinned[name])
        write_wheel(wheels, name, "9999.0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    library = install_dependencies(tmp_path / "lib", read_clusters()["python"])
    spec = render_spec(OWN, read_clusters(), "small", ["aws:us-east-1"])
    applet = write_applet(ROOT / "apps" / "data_model_loader", spec, tmp_path / "applet", library)
    carried = (applet / "resources" / "opt" / "spark_loaders" / "lib").glob("*.dist-info")
    assert sorted(each.stem for each in carried) == [f"{name}-{pinned[name]}" for name in lacking]
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "applet"))
    with pytest.raises(AppError, match="pip could not get the dependencies"):
        install_dependencies(tmp_path / "lib", read_clusters()["python"])


def test_the_template_says_how_an_app_starts_and_the_app_how_long_it_may_run() -> None:
    run = render_spec(OWN, read_clusters(), "small", ["aws:us-east-1"])["runSpec"]
    assert (run["interpreter"], run["file"], run["timeoutPolicy"]) == ("bash", "launch.sh", {"*": {"hours": 1}})


def test_every_region_has_a_cluster_of_the_size_that_was_asked_for() -> None:
    clusters = read_clusters()
    options = render_spec(OWN, clusters, "large", ["aws:eu-west-2", "azure:westus"])["regionalOptions"]
    wanted = clusters["sizes"]["large"]
    assert {region: each["systemRequirements"]["main"]["instanceType"] for region, each in options.items()} == {
        "aws:eu-west-2": wanted["instanceType"]["aws"], "azure:westus": wanted["instanceType"]["azure"],
    }  # fmt: skip
    assert {each["systemRequirements"]["main"]["clusterSpec"]["initialInstanceCount"] for each in options.values()} == {
        wanted["initialInstanceCount"]
    }


@pytest.mark.parametrize(("size", "region"), [("huge", "aws:us-east-1"), ("small", "moon:base-1")])
def test_an_unknown_size_or_provider_is_refused(size: str, region: str) -> None:
    with pytest.raises(AppError) as caught:
        render_spec(OWN, read_clusters(), size, [region])
    assert caught.value.code == 90
