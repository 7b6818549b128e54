"""A status is read once: what is repeated, what is accepted, what is an error."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from tests.client.scripted_gateway import (
    COMPLETED,
    ID,
    KEY,
    QUEUED,
    STATUS_URL,
    TRANSIENT,
    Failure,
    Reply,
    ScriptedGateway,
)

import pixazo_client
from pixazo_client import APIConnectionError, APIResponseValidationError, APIStatusError


def test_a_status_is_read_as_the_page_prints_it(gateway: ScriptedGateway) -> None:
    """GET at the documented URL, with the key."""
    gateway.reply(COMPLETED)
    generation = gateway.run(gateway.client().retrieve(ID))
    (seen,) = gateway.requests
    assert (seen.method, seen.url, seen.body) == ("GET", STATUS_URL, b"")
    assert seen.headers["ocp-apim-subscription-key"] == KEY
    assert (generation.request_id, generation.status) == (ID, "COMPLETED")


def test_the_url_of_several_reads_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """That takes the HTTP library a third of a call."""
    parsed: list[str] = []
    real = httpx2.URL

    def parse(url: str) -> httpx2.URL:
        parsed.append(url)
        return real(url)

    monkeypatch.setattr(httpx2, "URL", parse)
    gateway = ScriptedGateway("httpx2")
    gateway.reply(QUEUED, COMPLETED)
    client = gateway.client()
    for _ in range(2):
        gateway.run(client.retrieve(ID))
    assert parsed == [STATUS_URL]


@pytest.mark.parametrize(
    ("request_id", "path"),
    [
        ("a/b?c#d", "/v2/requests/status/a%2Fb%3Fc%23d"),
        ("../../evil", "/v2/requests/status/..%2F..%2Fevil"),
        ("é %", "/v2/requests/status/%C3%A9%20%25"),
        ("\ud800", "/v2/requests/status/%3F"),
    ],
)
def test_an_id_cannot_leave_its_place_in_the_path(request_id: str, path: str) -> None:
    """It is percent-encoded as one segment."""
    assert ScriptedGateway("httpx2").client().get_handle(request_id).polling_url == "https://gateway.test" + path


@pytest.mark.parametrize("request_id", ["", ".", "..", None])
def test_an_id_that_names_nothing_is_refused(gateway: ScriptedGateway, request_id: Any) -> None:
    """Dots would lead to another route; None is what a lost id often is."""
    with pytest.raises(pixazo_client.PixazoError, match="names no request"):
        gateway.client().get_handle(request_id)
    with pytest.raises(pixazo_client.PixazoError, match="names no request"):
        gateway.run(gateway.client().retrieve(request_id))


@pytest.mark.parametrize("trouble", TRANSIENT)
def test_a_read_is_repeated_after_a_transient_failure(gateway: ScriptedGateway, trouble: Reply | Failure) -> None:
    """Connection and read errors, 408, 429 and 5xx: twice by default, with growing pauses."""
    gateway.reply(trouble, trouble, QUEUED)
    assert gateway.run(gateway.client().retrieve(ID)).status == "QUEUED"
    assert gateway.pauses == [0.375, 0.75]


def test_a_read_is_repeated_at_most_max_retries_times(gateway: ScriptedGateway) -> None:
    """Then the last failure is raised."""
    gateway.reply(Reply(500, {}), Reply(500, {}), Reply(503, {"error": "Down"}), QUEUED)
    with pytest.raises(pixazo_client.InternalServerError, match="answered 503 Service Unavailable: Down") as caught:
        gateway.run(gateway.client().retrieve(ID))
    assert len(gateway.requests) == 3
    assert "charged" not in str(caught.value)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 410, 422])
def test_a_refused_read_is_not_repeated(gateway: ScriptedGateway, status: int) -> None:
    """The same read would be refused again."""
    gateway.reply(Reply(status, {}), QUEUED)
    with pytest.raises(APIStatusError):
        gateway.run(gateway.client().retrieve(ID))
    assert len(gateway.requests) == 1


@pytest.mark.parametrize(
    ("status", "title", "kind"),
    [
        (400, "Title", pixazo_client.BadRequestError),
        (400, "Model not found", pixazo_client.ModelNotFoundError),  # as the page prints it
        (401, "Title", pixazo_client.AuthenticationError),
        (402, "Title", pixazo_client.InsufficientBalanceError),
        (403, "Title", pixazo_client.PermissionDeniedError),
        (404, "Title", pixazo_client.NotFoundError),
        (418, "Title", pixazo_client.APIStatusError),
        (429, "Title", pixazo_client.RateLimitError),
        (500, "Title", pixazo_client.InternalServerError),
        (599, "Title", pixazo_client.InternalServerError),
    ],
)
def test_each_code_has_its_exception(gateway: ScriptedGateway, status: int, title: str, kind: object) -> None:
    """The exception has the status code, the body and the request id."""
    gateway.reply(Reply(status, {"error": title, "message": "A sentence."}))
    with pytest.raises(APIStatusError, match=f"{title}: A sentence") as caught:
        gateway.run(gateway.client(max_retries=0).retrieve(ID))
    assert type(caught.value) is kind
    assert caught.value.status_code == status
    assert caught.value.body == {"error": title, "message": "A sentence."}
    assert caught.value.request_id == ID


def test_a_message_has_the_call_the_response_and_the_remedy(gateway: ScriptedGateway) -> None:
    """In one line."""
    gateway.reply(Reply(401, {"statusCode": 401, "message": "Access denied due to invalid subscription key."}))
    with pytest.raises(pixazo_client.AuthenticationError) as caught:
        gateway.run(gateway.client().generate("A bear"))
    assert str(caught.value) == (
        "POST https://gateway.test/minimax-hailuo-ai/v1/generate answered 401 Unauthorized: "
        "Access denied due to invalid subscription key; check api_key= or PIXAZO_API_KEY"
    )


def test_a_403_page_is_an_error_with_its_text(gateway: ScriptedGateway) -> None:
    """A proxy may send HTML even for a valid key: no JSON error, no markup, not the whole page."""
    page = (
        b"<!DOCTYPE html><html><head><style>p { color: red }</style><script>track()</script></head>"
        b"<body><h1>Attention Required!</h1>\n<p>You have been blocked.</p>" + b"<p>more</p>" * 1000 + b"</body></html>"
    )
    for call in ("generate", "retrieve"):
        gateway.reply(Reply(403, page, {"Content-Type": "text/html"}))
        with pytest.raises(pixazo_client.PermissionDeniedError) as caught:
            gateway.run(getattr(gateway.client(), call)(ID))
        message = str(caught.value)
        assert "403 Forbidden: Attention Required! You have been blocked. more" in message
        assert "<" not in message
        assert "track" not in message
        assert "color" not in message
        assert len(message) < 600
        assert caught.value.body is None


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<html>Welcome</html>", "is not JSON: Welcome"),
        (b"", "is not JSON: an empty body"),
        (b'{"request_id": "mini', "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        ([1], "is not a JSON object"),
        ({"request_id": ID}, "has no 'status' text"),
        ({"request_id": ID, "status": None}, "has no 'status' text"),
        ({"request_id": ID, "status": ""}, "has no 'status' text"),
        ({"status": "QUEUED"}, "has no 'request_id' text"),
        ({"request_id": "minimax-hailuo-ai_other", "status": "COMPLETED"}, "is about another request"),
    ],
)
def test_a_200_that_is_no_status_is_a_validation_error(gateway: ScriptedGateway, body: object, problem: str) -> None:
    """The error has the request id and the reason."""
    gateway.reply(Reply(200, body))
    with pytest.raises(APIResponseValidationError, match=problem) as caught:
        gateway.run(gateway.client().retrieve(ID))
    assert caught.value.request_id == ID
    assert "charged" not in str(caught.value)
    assert len(str(caught.value)) < 800


def test_a_read_without_a_response_has_the_library_s_reason(gateway: ScriptedGateway) -> None:
    """With httpx2 and with httpx. No retries mean one read."""
    gateway.reply(Failure("ReadError"), QUEUED)
    with pytest.raises(APIConnectionError, match="got no response: ReadError: broken on purpose") as caught:
        gateway.run(gateway.client(max_retries=0).retrieve(ID))
    assert (len(gateway.requests), caught.value.request_id, caught.value.sent) == (1, ID, True)
    assert isinstance(caught.value.__cause__, gateway.library.ReadError)


def test_an_unregistered_status_code_is_shown_as_a_number(gateway: ScriptedGateway) -> None:
    """599 has no phrase."""
    gateway.reply(Reply(599, b""))
    with pytest.raises(pixazo_client.InternalServerError, match="answered 599: an empty body"):
        gateway.run(gateway.client(max_retries=0).retrieve(ID))
