"""`pixazo-sim serve --clock manual`: time passes only when it is advanced, and then everything that falls due happens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.caller import GENERATE, IMAGE_TO_VIDEO, Caller, over_http
from tests.command import Serving
from tests.receiver import Receiver

IMAGE_URL = "https://pub-582b7213209642b9b995c96c95a30381.r2.dev/manwithbear.jpg"


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    """The real command, found by its ready line."""
    serving = Serving("--port", "0", "--clock", "manual")
    yield serving
    assert serving.end() == 0


@pytest.fixture
def caller(server: Serving, request: pytest.FixtureRequest) -> Caller:
    """The holder of a fresh world of that server."""
    caller = Caller(over_http(server.url), f"key-of-{request.node.name}")
    assert caller.call("POST", "/_sim/worlds", {"key": caller.key}).status == 201
    return caller


def transition(at: str, request_id: str, status: str) -> dict[str, Any]:
    """A transition in the response of an advance, on the day at which a manual clock starts."""
    return {"kind": "transition", "at": f"2026-03-31T10:00:{at}Z", "request_id": request_id, "status": status}


def attempt(at: str, request_id: str, url: str, status: int | None, problem: str | None = None) -> dict[str, Any]:
    """An attempt at the first webhook in the response of an advance, in the hour at which a manual clock starts."""
    expected = {"kind": "webhook", "number": 1, "request_id": request_id, "url": url, "at": f"2026-03-31T10:{at}Z"}
    return expected | {"status": status, "problem": problem, "rule": None, "faults": []}


def test_the_key_of_the_ready_line_is_served(server: Serving) -> None:
    """One can submit with it at once; on a manual clock the generation is QUEUED at 10:00."""
    ready = Caller(over_http(server.url), server.key)
    body = ready.read(ready.accepted()).json()
    assert (server.key, body["status"], body["created_at"]) == ("sim-key", "QUEUED", "2026-03-31T10:00:00.000Z")


@pytest.mark.parametrize(
    ("path", "image"), [(GENERATE, {}), (IMAGE_TO_VIDEO, {"first_frame_image": IMAGE_URL})], ids=["text", "image"]
)
def test_advancing_shows_every_state(caller: Caller, path: str, image: dict[str, str]) -> None:
    """Advanced by 0 s, then to 2 s and to 15 s, a generation is QUEUED, PROCESSING, COMPLETED, and each advance reports it."""
    request_id = caller.call("POST", path, {"prompt": "A bear", **image}).json()["request_id"]
    assert caller.advance(0) == {"now": "2026-03-31T10:00:00.000Z", "events": []}
    assert caller.status(request_id) == "QUEUED"
    assert caller.advance(2)["events"] == [transition("02.000", request_id, "PROCESSING")]
    assert caller.status(request_id) == "PROCESSING"
    assert caller.advance(13) == {
        "now": "2026-03-31T10:00:15.000Z",
        "events": [transition("15.000", request_id, "COMPLETED")],
    }
    assert caller.status(request_id) == "COMPLETED"


@pytest.mark.parametrize(
    ("prompt", "status"),
    [("A bear", "COMPLETED"), ("A bear [[sim:failed too wild]]", "FAILED"), ("A bear [[sim:error]]", "ERROR")],
)
def test_the_webhook_is_the_status_response(caller: Caller, receiver: Receiver, prompt: str, status: str) -> None:
    """When the advance responds, the webhook has arrived, and equals byte for byte the response to a read at that instant."""
    request_id = caller.accepted(prompt, webhook=receiver.url)
    assert caller.advance(14.999)["events"] == [transition("02.000", request_id, "PROCESSING")]
    assert receiver.received == []
    assert caller.advance(0.001)["events"] == [
        transition("15.000", request_id, status),
        attempt("00:15.000", request_id, receiver.url, 204),
    ]
    (callback,) = receiver.received
    response = caller.read(request_id)
    assert response.json()["status"] == status
    assert callback.body == response.body
    assert callback.path == "/hook"
    assert callback.headers["content-type"] == response.headers["content-type"] == "application/json"
    assert callback.headers["host"] == receiver.url.split("/")[2]
    assert not any("key" in name for name in callback.headers)


def test_events_are_reported_in_the_order_of_their_instants(caller: Caller, receiver: Receiver) -> None:
    """Two generations, two seconds apart, and a webhook between their ends: one advance reports five events in order."""
    first = caller.accepted(webhook=receiver.url)
    caller.advance(1)
    second = caller.accepted()
    assert caller.advance(3600)["events"] == [
        transition("02.000", first, "PROCESSING"),
        transition("03.000", second, "PROCESSING"),
        transition("15.000", first, "COMPLETED"),
        attempt("00:15.000", first, receiver.url, 204),
        transition("16.000", second, "COMPLETED"),
    ]
