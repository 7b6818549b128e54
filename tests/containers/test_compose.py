"""The compose files: their services run together as printed, with ports of this machine in place of the services' names."""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.command import environment, run_process, started
from tests.containers.image import ROOT, Image
from tests.patience import until
from tests.servers import free_port

APP = ROOT / "docs" / "examples" / "app"
PORTS = {"pixazo": "8900", "receiver": "8901", "app": "8000"}


@pytest.fixture
def services() -> dict[str, Any]:
    """The services of compose.yaml."""
    yaml: Any = pytest.importorskip("yaml")
    found: dict[str, Any] = yaml.safe_load((APP / "compose.yaml").read_text(encoding="utf-8"))["services"]
    return found


@pytest.mark.slow
def test_a_video_arrives_with_its_webhook(services: dict[str, Any], tmp_path: Path) -> None:
    """The service `test` exits with 0, and the receiver has shown the webhook."""
    image, ports = Image(tmp_path), {name: str(free_port()) for name in PORTS}

    def here(text: str) -> str:
        for name, port in PORTS.items():
            text = re.sub(rf"\b({name}|localhost):{port}\b", f"127.0.0.1:{ports[name]}", text)
        return re.sub("^/app/", f"{APP}/", re.sub("^python$", sys.executable, text))

    def command(service: dict[str, Any]) -> list[str]:
        return [here(word) for word in service.get("command", [])]

    def variables(name: str) -> dict[str, str]:
        given = services[name].get("environment", {})
        return {each: here(value) for each, value in given.items()} | {"PORT": ports[name]}

    with ExitStack() as running:
        pixazo = running.enter_context(image.run(command(services["pixazo"]), **variables("pixazo")))
        shown = running.enter_context(image.run(command(services["receiver"]), **variables("receiver"))).stdout
        assert pixazo.stdout
        assert shown
        assert pixazo.stdout.readline().startswith(b"ready ")
        assert shown.readline().startswith(b"ready ")
        running.enter_context(started(*command(services["app"]), env=environment(**variables("app"))))
        probe = [here(word) for word in services["app"]["healthcheck"]["test"][1:]]
        until(lambda: run_process(*probe).returncode == 0)
        test = run_process(*command(services["test"]), env=environment(APP_URL=here("http://app:8000")))
        assert (test.returncode, test.stderr) == (0, "")
        assert re.fullmatch(r"COMPLETED by webhook, a video of \d+ bytes\n", test.stdout)
        assert any(b"POST /  COMPLETED " in shown.readline() for _ in range(2))


def test_webhooks_may_go_where_the_app_lets_them_go(services: dict[str, Any]) -> None:
    """The allowed hosts are the services to which a webhook can be aimed, and the control API is called by its service's name."""
    simulator = services["pixazo"]["environment"]
    allowed = simulator["PIXAZO_SIM_WEBHOOK_ALLOW"].split()
    url: str = services["app"]["environment"]["WEBHOOK_URL"]
    assert urlsplit(url).hostname == allowed[0]
    assert set(allowed) == {"receiver", "app"}
    assert simulator["PIXAZO_SIM_CONTROL_HOST"] == "pixazo"


def test_a_service_waits_for_the_health_of_another_that_has_one(services: dict[str, Any]) -> None:
    """Compose would refuse to wait for the health of a service without a check; the image of the simulator has one."""
    waited = {
        name
        for service in services.values()
        for name, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_healthy"
    }
    assert waited == {"pixazo", "app"}
    assert all(services[name].get("healthcheck", {}).get("disable") is None for name in waited)
