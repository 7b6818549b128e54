"""The container image: what can be tried without a builder, and all of it where PIXAZO_CONTAINERS names one."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
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
        ({}, "8900 8901"),
        ({"PORT": "80"}, "80 80"),
        ({"PORT": "80", "PIXAZO_SIM_PORT": "81"}, "81 80"),
    ):
        with image.run(arguments, **variables) as process:
            assert process.communicate(timeout=PATIENCE)[0].decode() == f"{ports} {told}\n"


def test_no_privilege_and_no_shell_is_needed(image: Image) -> None:
    """The user is a number, which Kubernetes can judge; the entry point is no text for a shell; the port is that of serve."""
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", image.of("USER"))
    assert json.loads(image.of("ENTRYPOINT")) == ["entrypoint"]
    assert image.of("EXPOSE") == "8900"
    assert os.access(ROOT / "tools" / "entrypoint.sh", os.X_OK)


def test_the_wheel_can_be_built_of_what_is_copied(image: Image, tmp_path: Path) -> None:
    """Also of what .dockerignore leaves, and of nothing else."""
    kept = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    for name, text in image.instructions:
        *sources, target = text.split()
        if name == "COPY" and not text.startswith("--from"):
            sources = [each for each in sources if not each.startswith("--")]
            assert set(sources) <= set(kept)
            for source in sources:
                copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
                if not target.startswith("/"):
                    copy(ROOT / source, tmp_path / source)
    ran = run_process(sys.executable, "-m", "hatchling", "build", "-t", "wheel", cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


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
