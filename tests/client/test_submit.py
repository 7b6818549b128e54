"""Submitting: what is sent, what is accepted, what is never repeated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from tests.client.scripted_gateway import ACCEPTED, ID, KEY, STATUS_URL, Answer, Break, ScriptedGateway

import pixazo_client
from pixazo_client import APIConnectionError, APIResponseValidationError, APIStatusError, APITimeoutError


def test_text_to_video_is_posted_as_the_page_prints_it(scripted: ScriptedGateway) -> None:
    """The operation, the three headers and the members are those of the page's sample."""
    scripted.will(Answer(202, ACCEPTED))
    scripted.do(
        scripted.client().generate(
            "A bear",
            duration=6,
            resolution="768P",
            prompt_optimizer=True,
            fast_pretreatment=False,
            aigc_watermark=False,
        )
    )
    (seen,) = scripted.seen
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


def test_image_to_video_is_posted_to_its_own_operation(scripted: ScriptedGateway) -> None:
    """The image goes into first_frame_image, the operation is the camelCase one."""
    scripted.will(Answer(202, ACCEPTED))
    scripted.do(scripted.client().image_to_video("Walk", "https://pub.test/man.jpg", callback_url="https://me.test/cb"))
    (seen,) = scripted.seen
    assert seen.url == "https://gateway.test/minimax-hailuo-ai/v1/imageToVideo"
    assert json.loads(seen.body) == {
        "prompt": "Walk",
        "first_frame_image": "https://pub.test/man.jpg",
        "callback_url": "https://me.test/cb",
    }


def test_a_picture_file_is_embedded(scripted: ScriptedGateway, tmp_path: Path) -> None:
    """A path becomes a data URL."""
    picture = tmp_path / "first.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\nrest")
    scripted.will(Answer(202, ACCEPTED))
    scripted.do(scripted.client().image_to_video("Walk", picture))
    assert json.loads(scripted.seen[0].body)["first_frame_image"] == "data:image/png;base64,iVBORw0KGgpyZXN0"


def test_what_is_not_given_is_not_sent(scripted: ScriptedGateway) -> None:
    """The gateway's defaults are the gateway's affair."""
    scripted.will(Answer(202, ACCEPTED))
    scripted.do(scripted.client().generate("A bear"))
    assert scripted.seen[0].body == b'{"prompt":"A bear"}'


def test_a_lone_surrogate_can_be_sent(scripted: ScriptedGateway) -> None:
    """Any str is a prompt: bodies are ASCII JSON."""
    scripted.will(Answer(202, ACCEPTED))
    scripted.do(scripted.client().generate("\ud800 –"))
    assert scripted.seen[0].body == b'{"prompt":"\\ud800 \\u2013"}'


def test_extra_body_wins(scripted: ScriptedGateway) -> None:
    """Members of the caller's are merged in, over the named ones, None included."""
    scripted.will(Answer(202, ACCEPTED))
    scripted.do(scripted.client().generate("A bear", duration=6, extra_body={"duration": None, "seed": 7}))
    assert json.loads(scripted.seen[0].body) == {"prompt": "A bear", "duration": None, "seed": 7}


def test_webhook_url_is_a_header_and_callback_url_a_member(scripted: ScriptedGateway) -> None:
    """The page's two channels stay apart."""
    scripted.will(Answer(202, ACCEPTED))
    scripted.do(
        scripted.client().generate(
            "A bear", webhook_url="https://me.test/hook", callback_url="https://me.test/callback"
        )
    )
    assert scripted.seen[0].headers["x-webhook-url"] == "https://me.test/hook"
    assert json.loads(scripted.seen[0].body) == {"prompt": "A bear", "callback_url": "https://me.test/callback"}


def test_a_webhook_url_that_no_header_can_carry_is_refused_unsent(scripted: ScriptedGateway) -> None:
    """Neither a line break nor a non-ASCII letter reaches the wire."""
    client = scripted.client()
    for url in ("https://me.test/\r\nX-Evil: 1", "https://mé.test/"):
        with pytest.raises(pixazo_client.PixazoError, match="header X-Webhook-URL cannot carry"):
            scripted.do(client.generate("A bear", webhook_url=url))
    assert scripted.seen == []


def test_any_operation_can_be_submitted(scripted: ScriptedGateway) -> None:
    """submit posts a body as it is, below base_url."""
    scripted.will(Answer(202, ACCEPTED))
    handle = scripted.do(
        scripted.client().submit(
            "other-model/v1/generate",
            {"text": None},
            webhook_url="https://me.test/hook",
            extra_headers={"X-Trace": "t1", "cache-control": "max-age=0", "ocp-apim-subscription-key": "stolen"},
        )
    )
    (seen,) = scripted.seen
    assert handle.request_id == ID
    assert seen.url == "https://gateway.test/other-model/v1/generate"
    assert seen.body == b'{"text":null}'
    assert seen.headers["x-trace"] == "t1"
    assert seen.headers["cache-control"] == "max-age=0"
    assert seen.headers["x-webhook-url"] == "https://me.test/hook"
    assert seen.headers["ocp-apim-subscription-key"] == "canary-5f1d"


@pytest.mark.parametrize("path", ["https://evil.test/x", "//evil.test/x", "@evil.test/x"])
def test_no_path_leads_to_another_origin(scripted: ScriptedGateway, path: str) -> None:
    """Whatever the path says, the key goes to base_url's host."""
    scripted.will(Answer(202, ACCEPTED))
    scripted.do(scripted.client().submit(path, {}))
    assert scripted.seen[0].url.startswith("https://gateway.test/")


def test_an_address_that_cannot_be_is_known_to_be_unsent(scripted: ScriptedGateway) -> None:
    """A control character in the path: the HTTP library refuses it, and nothing was charged."""
    with pytest.raises(APIConnectionError, match="got no answer: InvalidURL") as caught:
        scripted.do(scripted.client().submit("/m\x00/v1/generate", {}))
    assert (caught.value.sent, scripted.seen) == (False, [])
    assert "charged" not in str(caught.value)


def test_the_id_is_known_before_anything_is_read(scripted: ScriptedGateway) -> None:
    """CLIENT-02: one POST and nothing else; a later process resumes from the id alone."""
    scripted.will(Answer(202, ACCEPTED))
    saved = scripted.do(scripted.client().generate("A bear")).request_id
    assert [one.method for one in scripted.seen] == ["POST"]
    resumed = scripted.client().get_handle(saved)
    assert (resumed.request_id, resumed.polling_url) == (ID, STATUS_URL)
    assert len(scripted.seen) == 1


def test_200_is_accepted_as_well_as_202(scripted: ScriptedGateway) -> None:
    """Some gateways answer 200; what counts is the request_id."""
    scripted.will(Answer(200, ACCEPTED))
    assert scripted.do(scripted.client().generate("A bear")).request_id == ID


@pytest.mark.parametrize(
    "body", [{"status": "QUEUED"}, {"request_id": ""}, {"request_id": ".."}, {"request_id": 7}, [], b"<html>", b""]
)
def test_a_success_without_an_id_may_have_been_charged(scripted: ScriptedGateway, body: object) -> None:
    """A 2xx that names no request is a validation error that says so."""
    scripted.will(Answer(202, body))
    with pytest.raises(APIResponseValidationError, match="the work may exist and be charged"):
        scripted.do(scripted.client().generate("A bear"))
    assert len(scripted.seen) == 1


@pytest.mark.parametrize("error", ["ConnectError", "ConnectTimeout", "PoolTimeout"])
def test_a_submission_that_was_never_sent_is_repeated(scripted: ScriptedGateway, error: str) -> None:
    """No connection, no work: repeating is safe, and waits a little longer each time."""
    scripted.will(Break(error), Break(error), Answer(202, ACCEPTED))
    assert scripted.do(scripted.client().generate("A bear")).request_id == ID
    assert len(scripted.seen) == 3
    assert scripted.pauses == [0.375, 0.75]  # 0.5 and 1 s, a quarter off at the middle of the jitter


def test_repetitions_end(scripted: ScriptedGateway) -> None:
    """After max_retries the error is raised, and knows that nothing was sent."""
    scripted.will(Break("ConnectError"))
    with pytest.raises(APIConnectionError, match="check base_url and the network") as caught:
        scripted.do(scripted.client(max_retries=1).generate("A bear"))
    assert len(scripted.seen) == 2
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
def test_a_submission_whose_answer_is_lost_is_never_repeated(
    scripted: ScriptedGateway, error: str, kind: type[Exception]
) -> None:
    """CLIENT-05: one POST, and the message says that the work may exist and be charged."""
    scripted.will(Break(error), Answer(202, ACCEPTED))
    with pytest.raises(
        kind, match=f"got no answer: {error}: broken on purpose; the work may exist and be charged"
    ) as e:
        scripted.do(scripted.client().generate("A bear"))
    assert len(scripted.seen) == 1
    assert type(e.value) is kind
    assert type(e.value.__cause__).__name__ == error


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_submission_answered_5xx_is_never_repeated(scripted: ScriptedGateway, status: int) -> None:
    """CLIENT-05: the gateway may have queued it before it failed."""
    scripted.will(Answer(status, {"error": "Failed to reach upstream API", "status": 502}), Answer(202, ACCEPTED))
    with pytest.raises(pixazo_client.InternalServerError, match="the work may exist and be charged") as caught:
        scripted.do(scripted.client().generate("A bear"))
    assert len(scripted.seen) == 1
    assert caught.value.status_code == status


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 413, 415, 422])
def test_a_refused_submission_is_not_repeated(scripted: ScriptedGateway, status: int) -> None:
    """Only a 429 is."""
    scripted.will(Answer(status, {"error": "No"}), Answer(202, ACCEPTED))
    with pytest.raises(APIStatusError) as caught:
        scripted.do(scripted.client().generate("A bear"))
    assert len(scripted.seen) == 1
    assert "charged" not in str(caught.value)


@pytest.mark.parametrize("status", [300, 304, 307, 408, 409, 410, 418, 425, 451, 499, 599, 999])
def test_an_answer_that_is_no_clear_refusal_may_have_been_charged(scripted: ScriptedGateway, status: int) -> None:
    """The body was sent, and the code does not say that nothing was made of it."""
    scripted.will(Answer(status, {"error": "No"}), Answer(202, ACCEPTED))
    with pytest.raises(APIStatusError, match="; the work may exist and be charged: look at the account") as caught:
        scripted.do(scripted.client().generate("A bear"))
    assert len(scripted.seen) == 1
    assert caught.value.status_code == status


def test_only_a_submission_may_have_been_charged(scripted: ScriptedGateway) -> None:
    """A read costs nothing, whatever it is answered."""
    scripted.will(Answer(409, {"error": "No"}))
    with pytest.raises(APIStatusError) as caught:
        scripted.do(scripted.client().retrieve(ID))
    assert "charged" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind"), [(599, pixazo_client.InternalServerError), (600, APIStatusError), (999, APIStatusError)]
)
def test_a_code_beyond_599_is_no_server_error(scripted: ScriptedGateway, status: int, kind: type[Exception]) -> None:
    """InternalServerError is 5xx."""
    scripted.will(Answer(status, {"error": "No"}))
    with pytest.raises(APIStatusError) as caught:
        scripted.do(scripted.client().generate("A bear"))
    assert type(caught.value) is kind


def test_a_throttled_submission_waits_as_long_as_it_is_told(scripted: ScriptedGateway) -> None:
    """CLIENT-06: Retry-After is honoured to the second."""
    scripted.will(Answer(429, {"statusCode": 429}, {"Retry-After": "7"}), Answer(202, ACCEPTED))
    assert scripted.do(scripted.client().generate("A bear")).request_id == ID
    assert scripted.pauses == [7.0]


def test_a_throttled_submission_backs_off_when_told_nothing(scripted: ScriptedGateway) -> None:
    """CLIENT-06: without Retry-After the pause is ours, and not zero."""
    scripted.will(Answer(429, {}), Answer(202, ACCEPTED))
    scripted.do(scripted.client().generate("A bear"))
    assert scripted.pauses == [0.375]


def test_a_retry_after_of_more_than_a_minute_is_the_callers_to_wait(scripted: ScriptedGateway) -> None:
    """60 s are waited; 61 s are raised at once with retry_after."""
    scripted.will(Answer(429, {}, {"Retry-After": "60"}), Answer(429, {}, {"Retry-After": "61"}), Answer(202, ACCEPTED))
    with pytest.raises(pixazo_client.RateLimitError, match="call again in 61 s") as caught:
        scripted.do(scripted.client().generate("A bear"))
    assert caught.value.retry_after == 61.0
    assert scripted.pauses == [60.0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed_with_the_key(scripted: ScriptedGateway, status: int) -> None:
    """The error names the Location; nothing is sent there."""
    scripted.will(Answer(status, b"", {"Location": f"https://evil.test/?k={KEY}"}), Answer(202, ACCEPTED))
    client = scripted.client()
    with pytest.raises(
        APIStatusError, match=r"redirects to https://evil\.test/\?k=\*\*\*, where the key is not sent"
    ) as e:
        scripted.do(client.generate("A bear"))
    assert str(e.value).endswith(
        "correct base_url; the work may exist and be charged: look at the account before submitting again"
    )
    scripted.will(Answer(status, b"", {"Location": "https://evil.test/"}))
    with pytest.raises(APIStatusError, match="redirects to"):
        scripted.do(client.retrieve(ID))
    assert [one.url.partition("/v")[0] for one in scripted.seen] == [
        "https://gateway.test/minimax-hailuo-ai",
        "https://gateway.test",
    ]


def test_polling_url_is_used_on_the_gateways_origin(scripted: ScriptedGateway) -> None:
    """Where the gateway says the status is, it is read."""
    own = "https://GATEWAY.test:443/elsewhere/42"
    scripted.will(Answer(202, {**ACCEPTED, "polling_url": own}))
    handle = scripted.do(scripted.client().generate("A bear"))
    assert handle.polling_url == own
    scripted.will({"request_id": ID, "status": "QUEUED"})
    scripted.do(handle.status())
    assert scripted.seen[-1].url == "https://gateway.test/elsewhere/42"


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
    """The documented address is used instead, and the key stays with the gateway."""
    scripted = ScriptedGateway("httpx2")
    scripted.will(Answer(202, {**ACCEPTED, "polling_url": foreign}))
    handle = scripted.do(scripted.client().generate("A bear"))
    assert handle.polling_url == STATUS_URL
    scripted.will({"request_id": ID, "status": "QUEUED"})
    scripted.do(handle.status())
    assert scripted.seen[-1].url == STATUS_URL


def _circle() -> dict[str, object]:
    circle: dict[str, object] = {}
    circle["again"] = circle
    return circle


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
        (_circle(), "Circular reference detected"),
        (_deep(), "maximum recursion depth exceeded"),
    ],
    ids=["inf", "nan", "object", "bytes", "tuple-key", "circle", "deep"],
)
def test_a_body_that_is_no_json_is_refused_unsent(scripted: ScriptedGateway, value: object, problem: str) -> None:
    """As any other error of this client."""
    with pytest.raises(pixazo_client.PixazoError, match=f"^the body is not JSON, nothing was sent: {problem}"):
        scripted.do(scripted.client().generate("A bear", extra_body={"x": value}))
    assert scripted.seen == []


@pytest.mark.parametrize("value", [[1], "seed", 7, []])
def test_extra_members_that_are_no_mapping_are_refused_unsent(scripted: ScriptedGateway, value: Any) -> None:
    """As the body that they would be part of, and as headers."""
    client = scripted.client()
    kind = type(value).__name__
    told = f"^extra_body is of type {kind}, nothing was sent: give a dict$"
    with pytest.raises(pixazo_client.PixazoError, match=told):
        scripted.do(client.generate("A bear", extra_body=value))
    with pytest.raises(pixazo_client.PixazoError, match=told):
        scripted.do(client.image_to_video("A bear", "https://example.com/man.jpg", extra_body=value))
    with pytest.raises(pixazo_client.PixazoError, match=told.replace("body", "headers")):
        scripted.do(client.submit("/m/v1/generate", {}, extra_headers=value))
    assert scripted.seen == []


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ({"X Trace": "1"}, r"'X Trace' cannot be sent as a header"),
        ({"X-Trace:": "1"}, r"'X-Trace:' cannot be sent as a header"),
        ({"": "1"}, r"'' cannot be sent as a header"),
        ({7: "1"}, r"7 cannot be sent as a header"),
        ({"content-length": "1"}, r"'content-length' cannot be sent as a header"),
        ({"Transfer-Encoding": "chunked"}, r"'Transfer-Encoding' cannot be sent as a header"),
        ({"X-Trace": 7}, r"header X-Trace cannot carry 7"),
        ({"X-Trace": "a\nb"}, r"header X-Trace cannot carry 'a\\nb'"),
    ],
)
def test_a_header_that_cannot_be_is_refused_unsent(scripted: ScriptedGateway, headers: Any, problem: str) -> None:
    """Whatever would end the exchange half-way, or change where the body ends."""
    with pytest.raises(pixazo_client.PixazoError, match=f"^{problem}, nothing was sent: "):
        scripted.do(scripted.client().submit("/m/v1/generate", {}, extra_headers=headers))
    assert scripted.seen == []


def test_an_address_with_half_a_character_is_known_to_be_unsent(scripted: ScriptedGateway) -> None:
    """A lone surrogate in the path is the HTTP library's UnicodeEncodeError."""
    with pytest.raises(APIConnectionError) as caught:
        scripted.do(scripted.client().submit("/m\ud800/v1/generate", {}))
    assert (caught.value.sent, scripted.seen) == (False, [])


def test_a_picture_whose_name_no_file_can_have_is_refused_unsent(scripted: ScriptedGateway) -> None:
    """A NUL in a path is Python's ValueError."""
    with pytest.raises(pixazo_client.PixazoError, match="names no file, nothing was sent"):
        scripted.do(scripted.client().image_to_video("Walk", Path("a\0b.png")))
    assert scripted.seen == []


@pytest.mark.parametrize(
    "error", [RuntimeError("Event loop is closed"), KeyError("x"), OSError(5, "Input/output error")]
)
def test_no_other_error_leaves_once_something_was_sent(scripted: ScriptedGateway, error: Exception) -> None:
    """Whatever a transport or a hook raises: the work may exist, so the caller must be told, once, with the cause."""
    sent: list[object] = []

    def fail(request: object) -> object:
        sent.append(request)
        raise error

    async def fail_too(request: object) -> object:
        return fail(request)

    kind = scripted.library.AsyncClient if scripted.backend else scripted.library.Client
    http = kind(transport=scripted.library.MockTransport(fail_too if scripted.backend else fail))
    with pytest.raises(
        APIConnectionError, match=f"{type(error).__name__}.*the work may exist and be charged"
    ) as caught:
        scripted.do(scripted.client(http_client=http).generate("A bear"))
    assert (caught.value.sent, caught.value.__cause__) == (True, error)
    assert len(sent) == 1


def test_a_hook_that_fails_is_a_lost_answer(scripted: ScriptedGateway) -> None:
    """A hook of the user's own client runs when the gateway has already accepted."""

    def fail(_response: object) -> None:
        raise ValueError("hook")

    async def fail_too(response: object) -> None:
        fail(response)

    kind = scripted.library.AsyncClient if scripted.backend else scripted.library.Client
    hooks = {"response": [fail_too if scripted.backend else fail]}
    http = kind(transport=scripted.library.MockTransport(scripted.handle), event_hooks=hooks)
    scripted.will(Answer(202, ACCEPTED))
    with pytest.raises(APIConnectionError, match="ValueError: hook; the work may exist and be charged"):
        scripted.do(scripted.client(http_client=http).generate("A bear"))
    assert len(scripted.seen) == 1


def test_an_interrupted_submission_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Ctrl-C passes through; the log says what it may have cost."""
    scripted = ScriptedGateway("httpx2")

    def interrupt(_request: object) -> httpx2.Response:
        raise KeyboardInterrupt

    client = scripted.client(http_client=httpx2.Client(transport=httpx2.MockTransport(interrupt)))
    with pytest.raises(KeyboardInterrupt):
        client.generate("A bear")
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.message == (
        "POST https://gateway.test/minimax-hailuo-ai/v1/generate: ended before its answer came; "
        "the work may exist and be charged: look at the account before submitting again"
    )


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_submission_is_logged(caplog: pytest.LogCaptureFixture, backend: str) -> None:
    """On both event loops, as a cancellation, not as an error."""
    scripted = ScriptedGateway(f"httpx2-{backend}")

    async def main() -> bool:
        with anyio.CancelScope() as scope:

            async def never(_request: object) -> httpx2.Response:
                scope.cancel()
                await anyio.sleep_forever()
                raise AssertionError

            http = httpx2.AsyncClient(transport=httpx2.MockTransport(never))
            client: Any = scripted.client(http_client=http)
            await client.generate("A bear")
        return scope.cancelled_caught

    assert anyio.run(main, backend=backend)
    assert [one.levelname for one in caplog.records if "the work may exist" in one.message] == ["WARNING"]
