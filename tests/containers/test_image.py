"""The container image: what can be tried without a builder, and all of it where PIXAZO_CONTAINERS names one."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path

import pytest

from tests.command import run_process
from tests.containers.image import ROOT, Image
from tests.patience import PATIENCE, until
from tests.servers import free_port


@pytest.fixture
def image(tmp_path: Path) -> Image:
    """The image, as far as its Dockerfile says what it is."""
    return Image(tmp_path)


@pytest.mark.slow
def test_it_serves_on_the_port_of_its_platform_until_sigterm(image: Image) -> None:
    """It writes no file, is healthy while it serves, and ends by itself at SIGTERM, which its first process gets."""
    port = str(free_port())
    assert not image.is_healthy(PORT=port)
    with image.run(["--clock", "x20"], PORT=port, PIXAZO_SIM_CONTROL_TOKEN="a-token") as process:
        assert process.stdout
        assert process.stdout.readline().startswith(f"ready http://127.0.0.1:{port} key ".encode())
        assert image.is_healthy(PORT=port, PIXAZO_SIM_CONTROL_TOKEN="a-token")
        process.terminate()
        assert process.wait(PATIENCE) == 0
        assert process.stderr
        assert b"listening on 0.0.0.0" in process.stderr.read()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "serve"),
        (("--clock", "x20"), "serve --clock x20"),
        (("demo", "--out", "/tmp/a b"), "demo --out /tmp/a b"),
        (("--version",), "--version"),
    ],
)
def test_arguments_are_those_of_serve_or_another_command(
    image: Image, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    """The command itself is replaced by one that says what it is told."""
    fake = tmp_path / "pixazo-sim"
    fake.write_text('#!/bin/sh\necho "$PIXAZO_SIM_PORT $PIXAZO_SIM_LISTEN_PORT" "$@"')
    fake.chmod(0o755)
    for variables, ports in (
        (dict[str, str](), "8900 8901"),
        ({"PORT": "80"}, "80 80"),
        ({"PORT": "80", "PIXAZO_SIM_PORT": "81"}, "81 80"),
        ({"PIXAZO_SIM_PORT": "tcp://10.0.0.1:8900"}, "8900 8901"),
    ):
        with image.run(arguments, **variables) as process:
            assert process.communicate(timeout=PATIENCE)[0].decode() == f"{ports} {told}\n"


def test_no_privilege_and_no_shell_is_needed(image: Image) -> None:
    """The user is a number, which Kubernetes can judge; the entry point is no text for a shell; the port is that of serve."""
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", image.of("USER"))
    assert json.loads(image.of("ENTRYPOINT")) == ["entrypoint"]
    assert image.of("EXPOSE") == "8900"
    assert os.access(ROOT / "tools" / "entrypoint.sh", os.X_OK)


def test_what_the_wheel_is_built_of_is_copied(image: Image) -> None:
    """The files that pyproject.toml names, and no others: .dockerignore leaves out all that no instruction copies."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    readme = [each["path"] for each in project["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["fragments"]]
    named = {each.partition("/")[0] for each in packages} | {"pyproject.toml", *readme}
    named |= {*project["project"]["license-files"], "tools/entrypoint.sh"}
    words = [text.split()[:-1] for name, text in image.instructions if name == "COPY" and "--from" not in text]
    assert {word for each in words for word in each if not word.startswith("--")} == named
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    assert set(re.findall(r"^!(.+)$", ignored, re.MULTILINE)) == named


@pytest.mark.exhaustive
def test_it_can_be_built_and_run(image: Image) -> None:
    """With docker or podman, which PIXAZO_CONTAINERS names, since a build gets base and packages from the network."""
    program = os.environ.get("PIXAZO_CONTAINERS") or pytest.skip(
        "PIXAZO_CONTAINERS names no program that builds images"
    )
    name, port = f"pixazo-test-{os.getpid()}", str(free_port())

    def do(*arguments: str) -> str:
        ran = run_process(program, *arguments, patience=10 * PATIENCE)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout.strip()

    do("build", "--tag", name, str(ROOT))
    try:
        hardened = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
        do("run", "--detach", "--name", name, "--network", "host", *hardened, "--env", f"PORT={port}", name)
        until(lambda: f"ready http://127.0.0.1:{port}" in do("logs", name))
        assert do("exec", name, "sh", "-c", f"id -u; {image.of('HEALTHCHECK').partition('CMD ')[2]}").startswith(
            "65532"
        )
        do("stop", name)
        assert do("inspect", "--format", "{{.State.ExitCode}}", name) == "0"
    finally:
        run_process(program, "rm", "--force", name)
        run_process(program, "rmi", "--force", name)
