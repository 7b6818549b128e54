"""The files and pages that start the image name what there is: options of serve, inputs of the action."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click
import pytest

from pixazo_simulator.cli.options import LISTEN_OPTIONS, OPTIONS
from pixazo_simulator.server.simulator import Simulator
from tests.containers.image import ROOT
from tests.documentation import blocks
from tests.tools import package

DOCS = ROOT / "docs"
YAML = sorted([*DOCS.rglob("*.yaml"), *DOCS.rglob("*.yml")])
IMAGE = "ghcr.io/pixazo-testkit/pixazo-testkit"


@pytest.mark.parametrize("name", ["Dockerfile", "tools/entrypoint.sh", *(str(each.relative_to(ROOT)) for each in YAML)])
def test_the_variables_are_those_of_options(name: str) -> None:
    """A variable that no option reads would change nothing, and nobody would be told."""
    named = set(re.findall(r"\bPIXAZO_SIM_\w+\b", (ROOT / name).read_text(encoding="utf-8")))
    options = [each for each in (*OPTIONS, *LISTEN_OPTIONS) if isinstance(each.envvar, str)]
    assert named <= {str(each.envvar) for each in options}


def test_the_workflow_uses_the_action_with_inputs_that_it_has() -> None:
    """And with options that serve has."""
    yaml: Any = pytest.importorskip("yaml")
    inputs = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]
    workflow = yaml.safe_load((DOCS / "examples" / "github-service.yml").read_text(encoding="utf-8"))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    (used,) = [step for step in steps if step.get("uses", "").startswith("pixazo-testkit/")]
    assert set(used["with"]) <= set(inputs)
    command = click.Command("serve", params=[*OPTIONS])
    assert command.make_context("serve", used["with"]["args"].split()).params["clock"]


@pytest.fixture
def container() -> Iterator[Any]:
    """The module of Testcontainers, for this test only: freezegun reads every attribute of every module, and one of theirs then asks Docker."""
    package("testcontainers")
    yield pytest.importorskip("testcontainers.core.container")
    for name in [each for each in sys.modules if each.partition(".")[0] == "testcontainers"]:
        del sys.modules[name]


def test_a_container_of_testcontainers_becomes_the_base_url(
    container: Any, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snippet of the page, whose container is a simulator of this process: its image, ports and variables are what is asked of Docker."""
    started: list[Any] = []

    def answer(of: Any) -> Callable[..., Any]:
        return lambda *_arguments: of

    def start(self: Any) -> Any:
        started.append(self)
        return self

    monkeypatch.setattr(container, "DockerClient", answer(None))
    members = {"get_container_host_ip": answer("127.0.0.1"), "get_exposed_port": answer(simulator.port)}
    for name, member in {**members, "start": start, "stop": answer(None)}.items():
        monkeypatch.setattr(container.DockerContainer, name, member)
    (code,) = [each.code for each in blocks() if each.language == "py"]
    names: dict[str, Any] = {}
    exec(code.replace('@pytest.fixture(scope="session")', ""), names)
    assert list(names["pixazo_url"]()) == [simulator.url]
    (asked,) = started
    assert asked.image.startswith(f"{IMAGE}:")
    assert list(asked.ports) == ["8900"]
    assert set(asked.env) <= {str(each.envvar) for each in OPTIONS}
