"""Builds what a release publishes, and checks it: `python tools/package.py` writes sdist, wheel and parts list (SBOM) to dist/.

The wheel of the sdist is that of the checkout, to the byte; the sdist holds the files that git knows, but no hidden ones; the long
description renders; the wheel runs where nothing else is installed. The parts are those of the wheel with every extra, as CycloneDX.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
EXTRAS = ("contracts", "redis", "respx")


def run(*command: str | Path) -> str:
    """What a command prints; the first one that fails ends this one."""
    print("+", *command, flush=True)
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    shutil.rmtree(DIST, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        run(sys.executable, "-m", "build", "--outdir", DIST)
        run(sys.executable, "-m", "build", "--wheel", "--outdir", place)
        (wheel,), (sdist,), (direct,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz"), place.glob("*.whl")
        if wheel.read_bytes() != direct.read_bytes():
            sys.exit(
                f"{wheel.name} of the sdist is not that of the checkout: compare the two, a file may be missing in the sdist"
            )
        run(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist)
        if problem := surplus(sdist):
            sys.exit(problem)
        version = wheel.name.split("-")[1]
        parts = DIST / f"pixazo_testkit-{version}.cdx.json"
        list_parts(install(wheel, version, place / "installed"), version, parts)
        for file in (sdist, wheel, parts):
            print(f"{file.relative_to(ROOT)}: {file.stat().st_size:,} bytes")


def surplus(sdist: Path) -> str | None:
    """What is wrong with the files of the sdist, None where they are those of git."""
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()} - {"PKG-INFO", ".gitignore"}
    known = {name for name in run("git", "ls-files").splitlines() if "/." not in f"/{name}"}
    found = [f"lacks {name}" for name in sorted(known - packed)] + [f"holds {name}" for name in sorted(packed - known)]
    return (
        f"{sdist.name} {', '.join(found)}: commit or delete the file, or see targets.sdist in pyproject.toml"
        if found
        else None
    )


def install(wheel: Path, version: str, place: Path) -> Path:
    """The Python of an environment that has the wheel with its extras and nothing else, in which the demo runs."""
    run(sys.executable, "-m", "venv", "--without-pip", place)
    python = next(place.glob("[bS][ic][nr]*/python*"))
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", f"{wheel}[{','.join(EXTRAS)}]")
    if (said := run(python, "-m", "pixazo_simulator", "--version")) != f"pixazo-sim {version}\n":
        sys.exit(f"{wheel.name} says that it is {said}")
    run(python, "-m", "pixazo_contracts", "--help")
    run(python, "-m", "pixazo_simulator", "demo")
    return python


def list_parts(python: Path, version: str, file: Path) -> None:
    """Write the packages of an environment, their versions and licences, as CycloneDX; the same environment gives the same bytes."""
    run(
        sys.executable, "-m", "cyclonedx_py", "environment", "--pyproject", "pyproject.toml", "--mc-type", "library",
        "--output-reproducible", "--of", "JSON", "-o", file, python,
    )  # fmt: skip
    parts = json.loads(file.read_bytes())
    # What the parts are of; pyproject.toml has no version.
    parts["metadata"]["component"] |= {"version": version, "purl": f"pkg:pypi/pixazo-testkit@{version}"}
    file.write_text(f"{json.dumps(parts, indent=2)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
