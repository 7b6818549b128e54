"""Submissions: what is sent, what is accepted, what is never repeated."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock, patch

import anyio
import httpx2
import pytest
from tests.client.scripted_gateway import ACCEPTED, ID, KEY, STATUS_URL, Failure, Reply, ScriptedGateway

import pixazo_client
from pixazo_client import APIConnectionError, APIResponseValidationError, APIStatusError, APITimeoutError


def test_text_to_video_is_posted_as_the_page_prints_it(gateway: ScriptedGateway) -> None:
    """The operation, the three headers and the members are those of the page's sample."""
    gateway.reply(Reply(202, ACCEPTED))
    gateway.run(
        gateway.client().generate(
            "A bear",
            duration=6,
            resolution="768P",
            prompt_optimizer=True,
            fast_pretreatment=False,
            aigc_watermark=False,
        )
    )
    (seen,) = gateway.requests
    assert (seen.method, seen.url) == ("POST", "https://gateway.test/minimax-hailuo-ai/v1/generate")
    assert seen.headers["ocp-apim-subscription-key"] == "canary-5f1d"
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["cache-control"] == "no-cache"
    assert "x-webhook-url" not in seen.headers
    assert json.loads(seen.body) == {
        "prompt": "A bear",
        "duration": 6,
        "resolution": "768P",
        "prompt_optimizer": True,
        "fast_pretreatment": False,
        "aigc_watermark": False,
    }


def test_image_to_video_is_posted_to_its_own_operation(gateway: ScriptedGateway) -> None:
    """The image is the member first_frame_image, and the operation is named in camelCase."""
    gateway.reply(Reply(202, ACCEPTED))
    gateway.run(gateway.client().image_to_video("Walk", "https://pub.test/man.jpg", callback_url="https://me.test/cb"))
    (seen,) = gateway.requests
    assert seen.url == "https://gateway.test/minimax-hailuo-ai/v1/imageToVideo"
    assert json.loads(seen.body) == {
        "prompt": "Walk",
        "first_frame_image": "https://pub.test/man.jpg",
        "callback_url": "https://me.test/cb",
    }


def test_an_image_file_is_embedded(gateway: ScriptedGateway, tmp_path: Path) -> None:
    """A path becomes a data URL."""
    picture = tmp_path / "first.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\nrest")
    gateway.reply(Reply(202, ACCEPTED))
    gateway.run(gateway.client().image_to_video("Walk", picture))
    assert json.loads(gateway.requests[0].body)["first_frame_image"] == "data:image/png;base64,iVBORw0KGgpyZXN0"


@pytest.mark.parametrize(
    ("prompt", "more", "body"),
    [
        ("A bear", {}, b'{"prompt":"A bear"}'),
        ("\ud800 –", {}, b'{"prompt":"\\ud800 \\u2013"}'),
        ("A bear", {"duration": 6, "extra_body": {"duration": None, "seed": 7}}, b'{"prompt":"A bear","duration":null,"seed":7}'),
    ],
    ids=["defaults", "surrogate", "extra"],
)  # fmt: skip
def test_a_body_is_what_was_given_as_ascii_json(
    gateway: ScriptedGateway, prompt: str, more: dict[str, Any], body: bytes
) -> None:
    """The gateway's defaults apply, any str is a prompt, and the caller's members override the named ones."""
    gateway.reply(Reply(202, ACCEPTED))
    gateway.run(gateway.client().generate(prompt, **more))
    assert gateway.requests[0].body == body


def test_webhook_url_is_a_header_and_callback_url_a_member(gateway: ScriptedGateway) -> None:
    """These are two channels of the page."""
    gateway.reply(Reply(202, ACCEPTED))
    gateway.run(
        gateway.client().generate("A bear", webhook_url="https://me.test/hook", callback_url="https://me.test/callback")
    )
    assert gateway.requests[0].headers["x-webhook-url"] == "https://me.test/hook"
    assert json.loads(gateway.requests[0].body) == {"prompt": "A bear", "callback_url": "https://me.test/callback"}


def test_a_webhook_url_that_no_header_can_carry_is_refused_unsent(gateway: ScriptedGateway) -> None:
    """A line break or a non-ASCII letter is never sent."""
    with pytest.raises(pixazo_client.PixazoError, match="header X-Webhook-URL cannot carry"):
        gateway.run(gateway.client().generate("A bear", webhook_url="https://mé.test/"))
    assert gateway.requests == []


def test_any_operation_can_be_submitted(gateway: ScriptedGateway) -> None:
    """submit posts a body unchanged to a path below base_url."""
    gateway.reply(Reply(202, ACCEPTED))
    handle = gateway.run(
        gateway.client().submit(
            "other-model/v1/generate",
            {"text": None},
            extra_headers={"X-Trace": "t1", "cache-control": "max-age=0", "ocp-apim-subscription-key": "stolen"},
        )
    )
    (seen,) = gateway.requests
    assert handle.request_id == ID
    assert seen.url == "https://gateway.test/other-model/v1/generate"
    assert seen.body == b'{"text":null}'
    assert seen.headers["x-trace"] == "t1"
    assert seen.headers["cache-control"] == "max-age=0"
    assert seen.headers["ocp-apim-subscription-key"] == "canary-5f1d"


@pytest.mark.parametrize("path", ["https://evil.test/x", "//evil.test/x", "@evil.test/x"])
def test_no_path_leads_to_another_origin(gateway: ScriptedGateway, path: str) -> None:
    """Whatever the path is, the key goes to base_url's host."""
    gateway.reply(Reply(202, ACCEPTED))
    gateway.run(gateway.client().submit(path, {}))
    assert gateway.requests[0].url.startswith("https://gateway.test/")


@pytest.mark.parametrize(("path", "error"), [("/m\x00/v1/x", "InvalidURL"), ("/m\ud800/v1/x", "UnicodeEncodeError")])
def test_a_path_that_cannot_be_sent_is_known_to_be_unsent(gateway: ScriptedGateway, path: str, error: str) -> None:
    """The HTTP library refuses a control character or a lone surrogate, so nothing was charged."""
    with pytest.raises(APIConnectionError, match=f"got no response: {error}") as caught:
        gateway.run(gateway.client().submit(path, {}))
    assert (caught.value.sent, gateway.requests) == (False, [])
    assert "charged" not in str(caught.value)


@pytest.mark.parametrize("status", [200, 202])
def test_the_id_is_known_before_anything_is_read(gateway: ScriptedGateway, status: int) -> None:
    """CLIENT-02: one POST and nothing else, also where a gateway sends 200; a later process resumes from the id alone."""
    gateway.reply(Reply(status, ACCEPTED))
    saved = gateway.run(gateway.client().generate("A bear")).request_id
    assert [one.method for one in gateway.requests] == ["POST"]
    resumed = gateway.client().get_handle(saved)
    assert (resumed.request_id, resumed.polling_url) == (ID, STATUS_URL)
    assert len(gateway.requests) == 1


@pytest.mark.parametrize(
    "body", [{"status": "QUEUED"}, {"request_id": ""}, {"request_id": ".."}, {"request_id": 7}, [], b"<html>", b""]
)
def test_a_success_without_an_id_may_have_been_charged(gateway: ScriptedGateway, body: object) -> None:
    """A 2xx without a request id is a validation error that says so."""
    gateway.reply(Reply(202, body))
    with pytest.raises(APIResponseValidationError, match="the work may exist and be charged"):
        gateway.run(gateway.client().generate("A bear"))
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("error", ["ConnectError", "ConnectTimeout", "PoolTimeout"])
def test_a_submission_that_was_never_sent_is_repeated(gateway: ScriptedGateway, error: str) -> None:
    """Without a connection repeating is safe; each pause is longer."""
    gateway.reply(Failure(error), Failure(error), Reply(202, ACCEPTED))
    assert gateway.run(gateway.client().generate("A bear")).request_id == ID
    assert len(gateway.requests) == 3
    assert gateway.pauses == [0.375, 0.75]  # 0.5 and 1 s, a quarter off at the middle of the jitter


def test_repetitions_end(gateway: ScriptedGateway) -> None:
    """After max_retries the error is raised, and says that nothing was sent."""
    gateway.reply(Failure("ConnectError"))
    with pytest.raises(APIConnectionError, match="check base_url, the proxies and the network") as caught:
        gateway.run(gateway.client(max_retries=1).generate("A bear"))
    assert len(gateway.requests) == 2
    assert caught.value.sent is False
    assert "charged" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("ReadTimeout", APITimeoutError),
        ("WriteTimeout", APITimeoutError),
        ("ReadError", APIConnectionError),
        ("WriteError", APIConnectionError),
        ("RemoteProtocolError", APIConnectionError),
    ],
)
def test_a_submission_whose_response_is_lost_is_never_repeated(
    gateway: ScriptedGateway, error: str, kind: type[Exception]
) -> None:
    """CLIENT-05: one POST, and the message says that the work may exist and be charged."""
    gateway.reply(Failure(error), Reply(202, ACCEPTED))
    with pytest.raises(
        kind, match=f"got no response: {error}: broken on purpose; the work may exist and be charged"
    ) as e:
        gateway.run(gateway.client().generate("A bear"))
    assert len(gateway.requests) == 1
    assert type(e.value) is kind
    assert type(e.value.__cause__).__name__ == error


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 413, 415, 422])
def test_a_refused_submission_is_not_repeated(gateway: ScriptedGateway, status: int) -> None:
    """Only a 429 is repeated. An id in a clear refusal is not that of a generation."""
    gateway.reply(Reply(status, {**ACCEPTED, "error": "No"}), Reply(202, ACCEPTED))
    with pytest.raises(APIStatusError) as caught:
        gateway.run(gateway.client().generate("A bear"))
    assert len(gateway.requests) == 1
    assert ("charged" in str(caught.value), caught.value.request_id) == (False, None)


@pytest.mark.parametrize(
    "status", [300, 304, 307, 408, 409, 410, 418, 425, 451, 499, 500, 502, 503, 504, 599, 600, 999]
)
def test_a_response_that_is_no_clear_refusal_may_have_been_charged(gateway: ScriptedGateway, status: int) -> None:
    """CLIENT-05: the body was sent, and the status code, of which 5xx is an InternalServerError, does not say that no generation was created."""
    gateway.reply(Reply(status, {**ACCEPTED, "error": "No"}), Reply(202, ACCEPTED))
    with pytest.raises(
        APIStatusError, match=f"; it may be request '{ID}'; the work may exist and be charged"
    ) as caught:
        gateway.run(gateway.client().generate("A bear"))
    assert len(gateway.requests) == 1
    assert (caught.value.status_code, caught.value.request_id) == (status, ID)
    assert isinstance(caught.value, pixazo_client.InternalServerError) is (status in range(500, 600))


@pytest.mark.parametrize(("headers", "pause"), [({"Retry-After": "7"}, 7.0), ({}, 0.375)])
def test_a_throttled_submission_is_repeated(gateway: ScriptedGateway, headers: dict[str, str], pause: float) -> None:
    """CLIENT-06: Retry-After is honoured to the second; without it the pause is our own, and not zero."""
    gateway.reply(Reply(429, {"statusCode": 429}, headers), Reply(202, ACCEPTED))
    assert gateway.run(gateway.client().generate("A bear")).request_id == ID
    assert gateway.pauses == [pause]


def test_a_retry_after_of_more_than_a_minute_is_raised(gateway: ScriptedGateway) -> None:
    """60 s are waited; 61 s are raised at once, with retry_after."""
    gateway.reply(Reply(429, {}, {"Retry-After": "60"}), Reply(429, {}, {"Retry-After": "61"}), Reply(202, ACCEPTED))
    with pytest.raises(pixazo_client.RateLimitError, match="call again in 61 s") as caught:
        gateway.run(gateway.client().generate("A bear"))
    assert caught.value.retry_after == 61.0
    assert gateway.pauses == [60.0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed_with_the_key(gateway: ScriptedGateway, status: int) -> None:
    """The error names the Location, to which nothing is sent."""
    gateway.reply(Reply(status, b"", {"Location": f"https://evil.test/?k={KEY}"}), Reply(202, ACCEPTED))
    client = gateway.client()
    with pytest.raises(
        APIStatusError, match=r"redirects to https://evil\.test/\?k=\*\*\*, where the key is not sent"
    ) as e:
        gateway.run(client.generate("A bear"))
    assert str(e.value).endswith(
        "correct base_url; the work may exist and be charged: look at the account before submitting again"
    )
    gateway.reply(Reply(status, b"", {"Location": "https://evil.test/"}))
    with pytest.raises(APIStatusError, match="redirects to"):
        gateway.run(client.retrieve(ID))
    assert [one.url.partition("/v")[0] for one in gateway.requests] == [
        "https://gateway.test/minimax-hailuo-ai",
        "https://gateway.test",
    ]


@pytest.mark.parametrize("body", [b"%b <!-- proxy -->", b"{'answer': %b, 'at': '\xff'}", b"[%b]", b'{"data": %b}'])
def test_an_id_in_an_odd_body_is_found(gateway: ScriptedGateway, body: bytes) -> None:
    """What was paid for can be read: the error has the id and the whole body."""
    odd = body % (json.dumps({"padding": "x" * 400}).encode()[:-1] + b', "request_id": "%b"}' % ID.encode())
    gateway.reply(Reply(202, odd))
    with pytest.raises(APIResponseValidationError, match=f"it may be request '{ID}'; the work may exist") as caught:
        gateway.run(gateway.client().generate("A bear"))
    assert caught.value.request_id == ID
    assert "x" * 400 in str(caught.value.body)


def test_polling_url_is_used_on_the_gateways_origin(gateway: ScriptedGateway) -> None:
    """The status is read where the gateway says."""
    own = "https://GATEWAY.test:443/elsewhere/42"
    gateway.reply(Reply(202, {**ACCEPTED, "polling_url": own}))
    handle = gateway.run(gateway.client().generate("A bear"))
    assert handle.polling_url == own
    gateway.reply({"request_id": ID, "status": "QUEUED"})
    gateway.run(handle.status())
    assert gateway.requests[-1].url == "https://gateway.test/elsewhere/42"


@pytest.mark.parametrize(
    "path",
    [
        "/v2/requests/status/x",
        "/tools/pixazo/../x",
        "/tools/pixazo/a/%2e%2E/.%2e/x",
        "/tools/pixazo/..%2Fx",
        "/tools/pixazo",
    ],
)
def test_a_polling_url_without_the_path_of_base_url_is_not_used(path: str) -> None:
    """A proxy in front of the gateway may have taken the path away, and who serves other paths must not get the key."""
    gateway = ScriptedGateway("httpx2")
    gateway.reply(Reply(202, {**ACCEPTED, "polling_url": f"https://gateway.test{path}"}))
    handle = gateway.client(base_url="https://gateway.test/tools/pixazo").generate("A bear")
    assert handle.polling_url == f"https://gateway.test/tools/pixazo/v2/requests/status/{ID}"


def test_the_base_url_of_the_page_is_taken() -> None:
    """The page prints it with the path of the model, below which there is no status."""
    gateway = ScriptedGateway("httpx2")
    gateway.reply(Reply(202, ACCEPTED))
    handle = gateway.client(base_url="https://gateway.test/minimax-hailuo-ai/v1").generate("A bear")
    assert gateway.requests[0].url == "https://gateway.test/minimax-hailuo-ai/v1/generate"
    assert handle.polling_url == STATUS_URL


@pytest.mark.parametrize(
    "foreign",
    [
        "https://evil.test/v2/requests/status/x",
        "http://gateway.test/v2/requests/status/x",
        "https://gateway.test:444/v2/requests/status/x",
        "https://gateway.test.evil.test/x",
        "https://gateway.test@evil.test/x",
        "https://evil.test\\@gateway.test/x",
        "https://user@gateway.test/x",
        "https://gateway.te\nst/x",
        "https://gateway.test:port/x",
        "//gateway.test/x",
        "/v2/requests/status/x",
        "",
        None,
        7,
    ],
)
def test_a_polling_url_elsewhere_is_not_used(foreign: object) -> None:
    """The documented URL is used instead, so that the key stays with the gateway."""
    gateway = ScriptedGateway("httpx2")
    gateway.reply(Reply(202, {**ACCEPTED, "polling_url": foreign}))
    handle = gateway.run(gateway.client().generate("A bear"))
    assert handle.polling_url == STATUS_URL
    gateway.reply({"request_id": ID, "status": "QUEUED"})
    gateway.run(handle.status())
    assert gateway.requests[-1].url == STATUS_URL


CIRCLE: dict[str, object] = {}
CIRCLE["again"] = CIRCLE


def _deep() -> object:
    deep: object = []
    for _ in range(100_000):
        deep = [deep]
    return deep


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (float("inf"), "Out of range float values are not JSON compliant"),
        (float("nan"), "Out of range float values are not JSON compliant"),
        (object(), "Object of type object is not JSON serializable"),
        (b"bytes", "Object of type bytes is not JSON serializable"),
        ({("a", "b"): 1}, "keys must be str, int, float, bool or None, not tuple"),
        (CIRCLE, "Circular reference detected"),
        (_deep(), "(maximum recursion depth exceeded|Stack overflow)"),
    ],
    ids=["inf", "nan", "object", "bytes", "tuple-key", "circle", "deep"],
)
def test_a_body_that_is_no_json_is_refused_unsent(gateway: ScriptedGateway, value: object, problem: str) -> None:
    """With an error of this package."""
    with pytest.raises(pixazo_client.PixazoError, match=f"^the body is not JSON, nothing was sent: {problem}"):
        gateway.run(gateway.client().generate("A bear", extra_body={"x": value}))
    assert gateway.requests == []


@pytest.mark.parametrize("value", [[1], "seed", 7, []])
def test_extra_members_that_are_no_mapping_are_refused_unsent(gateway: ScriptedGateway, value: Any) -> None:
    """Both as members of the body and as headers."""
    client = gateway.client()
    kind = type(value).__name__
    message = f"^extra_body is of type {kind}, nothing was sent: give a dict$"
    with pytest.raises(pixazo_client.PixazoError, match=message):
        gateway.run(client.generate("A bear", extra_body=value))
    with pytest.raises(pixazo_client.PixazoError, match=message):
        gateway.run(client.image_to_video("A bear", "https://example.com/man.jpg", extra_body=value))
    with pytest.raises(pixazo_client.PixazoError, match=message.replace("body", "headers")):
        gateway.run(client.submit("/m/v1/generate", {}, extra_headers=value))
    assert gateway.requests == []


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ({"X Trace": "1"}, r"'X Trace' cannot be sent as a header"),
        ({"X-Trace:": "1"}, r"'X-Trace:' cannot be sent as a header"),
        ({"Authorization: Bearer s3cret": "1"}, r"'Authorization:' cannot be sent as a header"),
        ({"": "1"}, r"'' cannot be sent as a header"),
        ({7: "1"}, r"7 cannot be sent as a header"),
        ({"content-length": "1"}, r"'content-length' cannot be sent as a header"),
        ({"Transfer-Encoding": "chunked"}, r"'Transfer-Encoding' cannot be sent as a header"),
        ({"X-Trace": 7}, r"header X-Trace cannot carry a value of type int"),
        ({"X-Trace": "s3cret\n"}, r"header X-Trace cannot carry a line break or another character that [a-zA-Z ]*"),
    ],
)
def test_an_invalid_header_is_refused_unsent(gateway: ScriptedGateway, headers: Any, problem: str) -> None:
    """It would end the exchange half-way, or change where the body ends."""
    with pytest.raises(pixazo_client.PixazoError, match=f"^{problem}, nothing was sent: "):
        gateway.run(gateway.client().submit("/m/v1/generate", {}, extra_headers=headers))
    assert gateway.requests == []


@pytest.mark.parametrize(
    "error",
    [RuntimeError("Event loop is closed"), KeyError("x"), OSError(5, "I/O error"), pixazo_client.DownloadError("hook")],
)
def test_every_error_after_a_request_was_sent_is_a_pixazo_error(gateway: ScriptedGateway, error: Exception) -> None:
    """Whatever a transport or a hook raises, the caller learns once, with the cause, that the work may exist."""
    sent: list[object] = []

    def fail(request: object) -> object:
        sent.append(request)
        raise error

    client = gateway.client(http_client=gateway.http(fail))
    with pytest.raises(
        APIConnectionError, match=f"{type(error).__name__}.*the work may exist and be charged"
    ) as caught:
        gateway.run(client.generate("A bear"))
    assert (caught.value.sent, caught.value.__cause__) == (True, error)
    assert len(sent) == 1


def test_a_filter_that_fails_does_not_lose_the_id(
    gateway: ScriptedGateway, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A filter, unlike a handler, raises where the record is logged."""
    caplog.set_level(logging.INFO, "pixazo_client")
    monkeypatch.setattr(logging.getLogger("pixazo_client"), "filter", dict[object, bool]().__getitem__)
    gateway.reply(Reply(202, ACCEPTED))
    assert gateway.run(gateway.client().generate("A bear")).request_id == ID


def test_an_interrupt_after_the_response_is_logged_with_its_id(caplog: pytest.LogCaptureFixture) -> None:
    """The caller does not have the id yet."""
    gateway = ScriptedGateway("httpx2")
    gateway.reply(Reply(202, ACCEPTED))
    logger = logging.getLogger("pixazo_client")
    with patch.object(logger, "info", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        gateway.client().generate("A bear")
    assert f"it may be request '{ID}'; the work may exist" in caplog.text


def test_an_interrupted_submission_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Ctrl-C passes through; the log says that the work may be charged."""
    gateway = ScriptedGateway("httpx2")

    def interrupt(_request: object) -> httpx2.Response:
        raise KeyboardInterrupt

    client = gateway.client(http_client=httpx2.Client(transport=httpx2.MockTransport(interrupt)))
    with pytest.raises(KeyboardInterrupt):
        client.generate("A bear")
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.message == (
        "POST https://gateway.test/minimax-hailuo-ai/v1/generate: ended before its id was returned; "
        "the work may exist and be charged: look at the account before submitting again"
    )


def test_an_interrupted_pause_after_a_429_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing was accepted: nothing is charged."""
    gateway = ScriptedGateway("httpx2")
    gateway.reply(Reply(429, {**ACCEPTED, "error": "Too Many Requests"}))
    with pytest.raises(KeyboardInterrupt):
        gateway.client(sleep=Mock(side_effect=KeyboardInterrupt)).generate("A bear")
    assert "charged" not in caplog.text


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("missing", [0, 1, None])
def test_a_cancelled_submission_is_logged(caplog: pytest.LogCaptureFixture, backend: str, missing: int | None) -> None:
    """As a cancellation and not as an error, with the id if that has arrived: some bytes were missing, or the whole response."""
    gateway = ScriptedGateway(f"httpx2-{backend}")

    async def main() -> bool:
        with anyio.CancelScope() as scope:

            async def body() -> AsyncIterator[bytes]:
                yield json.dumps(ACCEPTED).encode()[: -(missing or 0) or None]
                scope.cancel()
                await anyio.sleep_forever()

            async def answer(_request: object) -> httpx2.Response:
                if missing is None:
                    scope.cancel()
                    await anyio.sleep_forever()
                return httpx2.Response(202, content=body())

            http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
            await cast("Any", gateway.client(http_client=http)).generate("A bear")
        return scope.cancelled_caught

    assert anyio.run(main, backend=backend)
    (record,) = [one for one in caplog.records if one.levelname == "WARNING"]
    known = "" if missing is None else f"it may be request '{ID}'; "
    assert f"; {known}the work may exist" in record.getMessage()
