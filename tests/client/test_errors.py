"""The tree of exceptions, and what their messages must not contain."""

from __future__ import annotations

import logging
import pickle

import pytest
from tests.client.scripted_gateway import ACCEPTED, BASE, ID, KEY, STATUS_URL, Failure, Reply, ScriptedGateway, envelope

import pixazo_client
from pixazo_client import Generation
from pixazo_client._exchange import Request
from pixazo_client._gateway import Gateway

DATA_URL = "data:image/png;base64," + "iVBORw0KGgo" * 1000


@pytest.mark.parametrize(
    "error",
    [
        pixazo_client.PixazoError("m"),
        pixazo_client.APITimeoutError("m", request_id="a", sent=False),
        pixazo_client.RateLimitError("m", status_code=429, body={"a": 1}, request_id="a", retry_after=7.0),
        pixazo_client.GenerationFailedError("m", Generation("a", "FAILED")),
        pixazo_client.WaitTimeoutError("a", Generation("a", "QUEUED"), 600.0),
        pixazo_client.DownloadError("m", url="https://a.test", status_code=404),
        pixazo_client.WebhookPayloadError("m"),
    ],
)
def test_an_exception_can_be_pickled(error: pixazo_client.PixazoError) -> None:
    """Its type, message and attributes."""
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


def test_the_key_and_images_are_redacted_in_errors(gateway: ScriptedGateway) -> None:
    """The gateway echoes both in text, in JSON, in a page, and in a URL."""
    echoes: list[object] = [
        {"error": f"key {KEY}", "message": f"image {DATA_URL} is too large"},
        f"<html>key {KEY} image {DATA_URL}</html>".encode(),
        f"plain {KEY} {DATA_URL}".encode(),
        {"statusCode": 401, "message": f"{KEY} {DATA_URL}"},
    ]
    client = gateway.client(max_retries=0)
    for body in echoes:
        for status in (200, 307, 400, 401, 403, 500):
            gateway.reply(Reply(status, body, {"Location": f"https://evil.test/{KEY}"}))
            for call in (lambda: client.generate("A bear"), lambda: client.retrieve(ID)):
                with pytest.raises(pixazo_client.APIError) as caught:
                    gateway.run(call())
                message = f"{caught.value} {caught.value!r} {vars(caught.value)}"
                assert KEY not in message
                assert "iVBORw0KGgoiVBORw0KGgo" not in message
                assert status in (307, 200) or "***" in message


@pytest.mark.parametrize(
    "echo",
    [
        b'{"message": "key a/b+\\"c=="}',
        b'{"message": "key a\\/b+\\u0022c\\u003d="}',
        b'{"message": "see /?key=a%2Fb%2B%22c%3D%3D"}',
        b'<p>key a/b+"c==</p>',
        b'{"request_id": "r", "key": "a\\/b+\\"c=="}',
    ],
)
def test_an_escaped_key_is_redacted(gateway: ScriptedGateway, echo: bytes) -> None:
    """Percent-encoded, in JSON with unnecessary escapes, in plain text."""
    client = gateway.client(api_key='a/b+"c==')
    for status in (200, 401):
        gateway.reply(Reply(status, echo))
        with pytest.raises(pixazo_client.APIError, match=r"\*\*\*") as caught:
            gateway.run(client.retrieve(ID))
        message = f"{caught.value} {vars(caught.value)}"
        assert "b+" not in message
        assert "%2B" not in message


def test_the_key_and_images_are_redacted_in_a_failed_generation(gateway: ScriptedGateway) -> None:
    """In the exception, in the repr of the generation, in its error."""
    handle = gateway.submit()
    gateway.reply(envelope("FAILED", error=f"bad {KEY} {DATA_URL}"))
    with pytest.raises(
        pixazo_client.GenerationFailedError, match=r"bad .*data:image/png;base64,<11000 characters>"
    ) as caught:
        gateway.run(handle.wait())
    assert KEY not in f"{caught.value} {caught.value!r} {caught.value.generation!r}"
    assert "iVBORw0KGgo" not in f"{caught.value} {caught.value!r} {caught.value.generation!r}"


def test_the_key_and_images_are_redacted_in_logs(gateway: ScriptedGateway, caplog: pytest.LogCaptureFixture) -> None:
    """At every level, with repetitions, failures and an image."""
    caplog.set_level(logging.DEBUG, "pixazo_client")
    leaking = {**ACCEPTED, "polling_url": f"https://gateway.test/v2/{KEY}/status"}
    gateway.reply(Reply(429, {"message": KEY}), Reply(202, leaking))
    handle = gateway.run(gateway.client().image_to_video("Walk", DATA_URL))
    gateway.reply(
        Failure("ReadError"), Reply(500, {"message": f"{KEY} {DATA_URL}"}), envelope("NEW"), envelope("COMPLETED")
    )
    gateway.run(handle.wait())
    gateway.reply(Reply(503, {}), envelope("QUEUED"))
    gateway.run(handle.status())
    records = [record for record in caplog.records if record.name == "pixazo_client"]
    message = " ".join(record.getMessage() for record in records)
    assert ("INFO", f"accepted {ID!r}") in [(record.levelname, record.getMessage()) for record in records]
    assert "repeated in 0.4 s" in message
    assert "reading again" in message
    assert "unknown status 'NEW'" in message
    assert KEY not in message
    assert "iVBORw0KGgo" not in message


def test_no_repr_has_the_key(gateway: ScriptedGateway) -> None:
    """Neither of the client, of the handle, nor of the values inside."""
    client = gateway.client()
    handle = client.get_handle(ID)
    inner = [vars(client), vars(handle), Request("GET", STATUS_URL, Gateway(BASE, KEY).headers())]
    assert repr(handle) in (f"RequestHandle({ID!r})", f"AsyncRequestHandle({ID!r})")
    assert repr(client) in (
        "PixazoClient(base_url='https://gateway.test')",
        "AsyncPixazoClient(base_url='https://gateway.test')",
    )
    assert KEY not in f"{client!r} {handle!r} {inner!r}"


def test_half_a_character_can_be_printed(gateway: ScriptedGateway, caplog: pytest.LogCaptureFixture) -> None:
    """A text that was cut in the middle of an emoji, legal in JSON, is an escape in each message and in the log."""
    caplog.set_level(logging.DEBUG, "pixazo_client")
    half, client = "\ud83d", gateway.client(max_retries=0)
    gateway.reply(Reply(202, {**ACCEPTED, "request_id": half}), Reply(400, {"error": "no", "message": half}))
    handle = gateway.run(client.generate("A bear"))
    errors = [pixazo_client.WaitTimeoutError(half, Generation(half, half), 1.0)]
    with pytest.raises(pixazo_client.BadRequestError) as refused:
        gateway.run(client.generate("A bear"))
    gateway.reply(envelope("FAILED", request_id=half, error=half))
    with pytest.raises(pixazo_client.GenerationFailedError) as failed:
        gateway.run(handle.wait())
    for error in (*errors, refused.value, failed.value):
        assert f"{error} {error!r}".encode().count(b"\\ud83d") >= 2
    for record in caplog.records:
        assert record.getMessage().encode()
