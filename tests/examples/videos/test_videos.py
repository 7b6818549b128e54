"""The video service against its gateway: ends, failures, forgeries, restarts, and every order of events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.examples.videos.app import create_app

from pytest_pixazo import BeforeReply, Callback, Duplicate, Inbox, Pixazo, Scene, contains, explore

HOOK = "/hooks/pixazo"


@pytest.fixture
def service(pixazo_env: Pixazo, pixazo_webhooks: Inbox, tmp_path: Path) -> Iterator[TestClient]:
    """The running service; callbacks reach it through its own test client."""
    with TestClient(create_app(tmp_path / "videos.db", pixazo_webhooks.url)) as client:
        pixazo_webhooks.deliver_to(client, HOOK)
        yield client


def test_a_video_is_there_once_the_webhook_came(service: TestClient, pixazo: Pixazo) -> None:
    """Fifteen seconds later the media URL is available."""
    ordered = service.post("/videos", json={"prompt": "A bear leaps into a river"})
    assert (ordered.status_code, ordered.json()) == (202, {"number": 1, "status": "QUEUED", "media_url": None})
    pixazo.clock.advance(15)
    ended = service.get("/videos/1").json()
    assert ended["status"] == "COMPLETED"
    assert ended["media_url"].endswith("/output.mp4")


def test_a_failure_is_reported(service: TestClient, pixazo: Pixazo) -> None:
    """A generation that the model rejects is reported as failed."""
    pixazo.when("generate", prompt=contains("bear")).end("FAILED", error="content policy")
    service.post("/videos", json={"prompt": "A bear leaps into a river"})
    pixazo.clock.advance(15)
    assert service.get("/videos/1").json() == {"number": 1, "status": "FAILED", "media_url": None}


def test_a_forged_callback_changes_nothing(service: TestClient, pixazo: Pixazo) -> None:
    """The service does not trust a callback; it reads the status with its own key."""
    service.post("/videos", json={"prompt": "A bear"})
    (generation,) = pixazo.generations
    forged = {
        "request_id": generation.request_id,
        "status": "COMPLETED",
        "output": {"media_url": ["https://evil.test"]},
    }
    assert service.post(HOOK, json=forged).status_code == 204
    assert service.get("/videos/1").json()["status"] == "QUEUED"
    assert service.post(HOOK, json=forged | {"request_id": "somebody-elses"}).status_code == 404
    assert service.post(HOOK, content=b"nonsense").status_code == 404


@pytest.mark.pixazo(balance="0.10")
def test_an_empty_wallet_is_reported(service: TestClient) -> None:
    """The customer cannot fix that: 503, with the reason."""
    answer = service.post("/videos", json={"prompt": "A bear"})
    assert (answer.status_code, "balance" in answer.json()["detail"]) == (503, True)


def test_the_webhook_comes_before_the_202_and_twice(service: TestClient, pixazo: Pixazo) -> None:
    """None is lost, and the duplicate has no effect."""
    pixazo.when("webhook").fault(BeforeReply(), Duplicate())
    assert service.post("/videos", json={"prompt": "A bear"}).json()["status"] == "COMPLETED"


def test_a_video_that_ends_while_the_service_is_down_is_not_lost(
    service: TestClient, pixazo: Pixazo, pixazo_webhooks: Inbox
) -> None:
    """The gateway retries after five seconds."""
    pixazo_webhooks.reply(503)
    service.post("/videos", json={"prompt": "A bear"})
    pixazo.clock.advance(15)
    assert service.get("/videos/1").json()["status"] == "QUEUED"
    pixazo_webhooks.deliver_to(service, HOOK)
    pixazo.clock.advance(5)
    assert service.get("/videos/1").json()["status"] == "COMPLETED"


@pytest.mark.slow
def test_no_order_of_events_breaks_the_service(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The explorer takes the part of gateway and network."""

    class Service:
        def __init__(self, scene: Scene) -> None:
            monkeypatch.setenv("PIXAZO_BASE_URL", scene.url)
            monkeypatch.setenv("PIXAZO_API_KEY", scene.api_key)
            app = create_app(tmp_path_factory.mktemp("data") / "videos.db", scene.webhook_url)
            self.running = ExitStack()
            self.client = self.running.enter_context(TestClient(app))

        def submit(self) -> None:
            assert self.client.post("/videos", json={"prompt": "A bear"}).status_code == 202

        def receive(self, callback: Callback) -> int:
            return self.client.post(HOOK, content=callback.body).status_code

        def result(self) -> str:
            return str(self.client.get("/videos/1").json()["status"])

        def close(self) -> None:
            self.running.close()

    explore(Service, examples=5)
