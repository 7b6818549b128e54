"""The contents of the wheel, inspected where tox has installed it, and that anybody gets the same one."""

from __future__ import annotations

import json
import os
import shutil
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path, PurePosixPath

import pytest

from tests.command import environment, run_process

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel() -> Distribution:
    """The installed distribution, if it came as a wheel."""
    installed = distribution("pixazo-testkit")
    origin = json.loads(installed.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        pytest.skip("this is an editable install, which has no files of its own: tox tests the wheel")
    return installed


def files(wheel: Distribution) -> set[PurePosixPath]:
    """What the wheel put into site-packages, without what Python compiled there."""
    recorded = {PurePosixPath(path.as_posix()) for path in wheel.files or ()}
    return {path for path in recorded if path.parts[0] != ".." and "__pycache__" not in path.parts}


def test_it_holds_the_packages_whole(wheel: Distribution) -> None:
    """Every file of the three source roots is in it, and nothing else but its metadata: no test, no tool, no document."""
    packaged = {path for path in files(wheel) if not path.parts[0].endswith(".dist-info")}
    sources = {
        PurePosixPath(file.relative_to(ROOT / root).as_posix())
        for root in ("client", "simulator", "contracts")
        for file in (ROOT / root).rglob("*")
        if file.is_file() and not any(part.startswith((".", "__pycache__")) for part in file.parts)
    }
    assert packaged == sources


def test_it_holds_the_data_that_is_needed(wheel: Distribution) -> None:
    """The rendered videos, the page's samples, the template and style of reports, and the marker of typed packages."""
    found = {str(path) for path in files(wheel)}
    assert {
        f"pixazo_simulator/server/videos/{name}.mp4" for name in ("768P-6", "768P-10", "1080P-6", "1080P-10")
    } <= found
    assert {
        f"pixazo_contracts/probes/samples/{name}.json" for name in ("text_to_video", "image_to_video", "completed")
    } <= found
    assert {"pixazo_contracts/report/page.html.jinja", "pixazo_html/components.jinja", "pixazo_html/style.css"} <= found
    assert {
        f"{package}/py.typed" for package in ("pixazo_client", "pixazo_contracts", "pixazo_html", "pixazo_simulator")
    } <= found


def test_its_metadata(wheel: Distribution) -> None:
    """The metadata require Python 3.11 and declare the commands; only the extras require what tests need."""
    assert wheel.metadata["Requires-Python"] == ">=3.11"
    assert {(entry.group, entry.name, entry.value) for entry in wheel.entry_points} == {
        ("console_scripts", "pixazo-contracts", "pixazo_contracts.cli:main"),
        ("console_scripts", "pixazo-sim", "pixazo_simulator.cli:main"),
        ("pytest11", "pixazo", "pytest_pixazo.plugin"),
    }
    always = [each for each in wheel.requires or () if "extra ==" not in each]
    assert {each.partition(">")[0] for each in always} == {
        "anyio", "click", "google-re2", "h11", "httptools", "httpx2", "imagesize", "jinja2", "msgspec", "pyyaml", "starlette", "trustme", "uvicorn", "uvloop",
    }  # fmt: skip
    assert any(path.name == "LICENSE" for path in files(wheel))


@pytest.mark.slow
def test_two_builds_are_the_same_to_the_byte(tmp_path: Path) -> None:
    """In other folders, of files of another age, with other rights, and at another hash seed: only the sources count."""
    built = [
        _built(tmp_path / name, age, umask)
        for name, age, umask in (("one", 10**9, 0o022), ("two/deeper", 15 * 10**8, 0o077))
    ]
    assert built[0] == built[1]


def _built(place: Path, changed: int, umask: int) -> tuple[str, bytes]:
    """The name and the bytes of a wheel of a copy of the sources, whose files were changed so many seconds after 1970."""
    place.mkdir(parents=True)
    for name in ("client", "simulator", "contracts"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, place)
    for file in place.rglob("*"):
        file.chmod(0o777 & ~umask)
        os.utime(file, (changed, changed))
    variables = environment(PYTHONHASHSEED=str(changed % 4_294_967_296))
    variables.pop("SOURCE_DATE_EPOCH", None)
    command = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place / "dist"))
    ran = run_process(*command, cwd=place, env=variables)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (wheel,) = (place / "dist").iterdir()
    return wheel.name, wheel.read_bytes()
