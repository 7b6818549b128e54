"""The tree of exceptions, and what must not be in its messages."""

from __future__ import annotations

import logging
import pickle

import pytest
from tests.client.scripted_gateway import ACCEPTED, BASE, ID, KEY, STATUS_URL, Answer, Break, ScriptedGateway, envelope

import pixazo_client
from pixazo_client import Generation
from pixazo_client._flow import read_request
from pixazo_client._gateway import Gateway

DATA_URL = "data:image/png;base64," + "iVBORw0KGgo" * 1000


def test_the_tree_is_the_documented_one() -> None:
    """Each exception's first base, as the docstring of _errors draws it."""
    bases = {
        name: kind.__bases__[0].__name__
        for name in pixazo_client.__all__
        if isinstance(kind := getattr(pixazo_client, name), type) and issubclass(kind, Exception)
    }
    assert bases == {
        "APIConnectionError": "APIError",
        "APIError": "PixazoError",
        "APIResponseValidationError": "APIError",
        "APIStatusError": "APIError",
        "APITimeoutError": "APIConnectionError",
        "AuthenticationError": "APIStatusError",
        "BadRequestError": "APIStatusError",
        "DownloadError": "PixazoError",
        "GenerationError": "PixazoError",
        "GenerationFailedError": "GenerationError",
        "GenerationSystemError": "GenerationError",
        "InsufficientBalanceError": "APIStatusError",
        "InternalServerError": "APIStatusError",
        "ModelNotFoundError": "BadRequestError",
        "NotFoundError": "APIStatusError",
        "PermissionDeniedError": "APIStatusError",
        "PixazoError": "Exception",
        "RateLimitError": "APIStatusError",
        "WaitTimeoutError": "PixazoError",
        "WebhookPayloadError": "PixazoError",
    }
    assert issubclass(pixazo_client.WaitTimeoutError, TimeoutError)
    assert issubclass(pixazo_client.WebhookPayloadError, ValueError)


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
def test_an_exception_survives_a_process_boundary(error: pixazo_client.PixazoError) -> None:
    """Kind, message and attributes."""
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is type(error)
    assert str(twin) == str(error)
    assert vars(twin) == vars(error)


def test_the_key_and_pictures_are_hidden_in_errors(scripted: ScriptedGateway) -> None:
    """Though the gateway echoes both: in the text, in a JSON body, in a page, in the id it invents."""
    echoes: list[object] = [
        {"error": f"key {KEY}", "message": f"image {DATA_URL} is too large"},
        f"<html>key {KEY} image {DATA_URL}</html>".encode(),
        f"plain {KEY} {DATA_URL}".encode(),
        {"statusCode": 401, "message": f"{KEY} {DATA_URL}"},
    ]
    client = scripted.client(max_retries=0)
    for body in echoes:
        for status in (200, 307, 400, 401, 403, 500):
            scripted.will(Answer(status, body, {"Location": f"https://evil.test/{KEY}"}))
            for call in (lambda: client.generate("A bear"), lambda: client.retrieve(ID)):
                with pytest.raises(pixazo_client.APIError) as caught:
                    scripted.do(call())
                told = f"{caught.value} {caught.value!r} {vars(caught.value)}"
                assert KEY not in told
                assert "iVBORw0KGgoiVBORw0KGgo" not in told
                assert status in (307, 200) or "***" in told


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
def test_no_escape_saves_the_key(scripted: ScriptedGateway, echo: bytes) -> None:
    """In a URL, in JSON with escapes that need not be, in plain text."""
    client = scripted.client(api_key='a/b+"c==')
    for status in (200, 401):
        scripted.will(Answer(status, echo))
        with pytest.raises(pixazo_client.APIError, match=r"\*\*\*") as caught:
            scripted.do(client.retrieve(ID))
        told = f"{caught.value} {vars(caught.value)}"
        assert "b+" not in told
        assert "%2B" not in told


def test_a_failed_generation_hides_them_too(scripted: ScriptedGateway) -> None:
    """In the exception, in the repr of the answer, in its error."""
    handle = scripted.submit()
    scripted.will(envelope("FAILED", error=f"bad {KEY} {DATA_URL}"))
    with pytest.raises(
        pixazo_client.GenerationFailedError, match=r"bad .*data:image/png;base64,<11000 characters>"
    ) as caught:
        scripted.do(handle.wait())
    assert KEY not in f"{caught.value} {caught.value!r} {caught.value.generation!r}"
    assert "iVBORw0KGgo" not in f"{caught.value} {caught.value!r} {caught.value.generation!r}"


def test_the_key_and_pictures_are_hidden_in_logs(scripted: ScriptedGateway, caplog: pytest.LogCaptureFixture) -> None:
    """At every level, in a talk with repetitions, failures and an image."""
    caplog.set_level(logging.DEBUG, "pixazo_client")
    leaking = {**ACCEPTED, "polling_url": f"https://gateway.test/v2/{KEY}/status"}
    scripted.will(Answer(429, {"message": KEY}), Answer(202, leaking))
    handle = scripted.do(scripted.client().image_to_video("Walk", DATA_URL))
    scripted.will(
        Break("ReadError"), Answer(500, {"message": f"{KEY} {DATA_URL}"}), envelope("NEW"), envelope("COMPLETED")
    )
    scripted.do(handle.wait())
    scripted.will(Answer(503, {}), envelope("QUEUED"))
    scripted.do(handle.status())
    records = [record for record in caplog.records if record.name == "pixazo_client"]
    told = " ".join(record.getMessage() for record in records)
    assert ("INFO", f"accepted {ID}") in [(record.levelname, record.getMessage()) for record in records]
    assert "repeated in 0.4 s" in told
    assert "reading again" in told
    assert "unknown status 'NEW'" in told
    assert KEY not in told
    assert "iVBORw0KGgo" not in told


def test_nothing_shows_the_key_in_its_repr(scripted: ScriptedGateway) -> None:
    """Client, handle, and the values inside."""
    client = scripted.client()
    handle = client.get_handle(ID)
    inner = [vars(client), vars(handle), read_request(Gateway(BASE, KEY), STATUS_URL)]
    assert repr(handle) in (f"RequestHandle({ID!r})", f"AsyncRequestHandle({ID!r})")
    assert repr(client) in (
        "PixazoClient(base_url='https://gateway.test')",
        "AsyncPixazoClient(base_url='https://gateway.test')",
    )
    assert KEY not in f"{client!r} {handle!r} {inner!r}"
