"""The examples of docs/how-to/shared.md start the simulator with options that it has."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from pixazo_simulator.cli.group import pixazo_sim
from pixazo_simulator.control import ROUTES

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"


def documents(name: str) -> list[Any]:
    """The YAML documents of an example."""
    yaml: Any = pytest.importorskip("yaml")
    return list(yaml.safe_load_all((EXAMPLES / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", ["compose.yaml", "kubernetes.yaml"])
def test_serve_has_the_options(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command itself reads them, with the variables beside them."""
    serve = pixazo_sim.get_command(click.Context(pixazo_sim), "serve")
    assert serve
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    (arguments,) = re.findall(r"(?:command|args): \[(--state.*)\]", text)
    assert "PIXAZO_SIM_CONTROL_TOKEN" in text
    monkeypatch.setenv("PIXAZO_SIM_CONTROL_TOKEN", "a-token")
    with serve.make_context(
        "serve", shlex.split(arguments.replace(",", "")), auto_envvar_prefix="PIXAZO_SIM"
    ) as context:
        assert context.params["control_token"] == "a-token"
        assert str(context.params["state"]).startswith("redis://")


def test_the_probes_ask_routes_that_exist() -> None:
    """For readiness and for liveness; compose asks the health check of the image."""
    text = (EXAMPLES / "kubernetes.yaml").read_text(encoding="utf-8")
    probed = {f"/_sim/{each}" for each in re.findall(r"\[pixazo-sim, (\w+)\]", text)}
    assert probed == {"/_sim/ready", "/_sim/health"}
    assert probed <= {route.path for route in ROUTES}


def test_three_simulators_stand_behind_nginx() -> None:
    """In compose those that nginx.conf names, in Kubernetes three replicas."""
    (compose,) = documents("compose.yaml")
    named = re.findall(r"server (\S+):8900", (EXAMPLES / "nginx.conf").read_text(encoding="utf-8"))
    assert named == [each for each in compose["services"] if each.startswith("sim-")]
    (deployment,) = (each for each in documents("kubernetes.yaml") if each["kind"] == "Deployment")
    assert deployment["spec"]["replicas"] == len(named) == 3
