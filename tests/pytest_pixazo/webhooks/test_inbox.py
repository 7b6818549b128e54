"""The inbox: what arrives, how it is answered, and what the error of a wait says."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.patience import PATIENCE
from tests.pytest_pixazo.submitting import statuses, submit

from pixazo_simulator import ControlClient, Simulator
from pytest_pixazo.webhooks import Inbox, InboxError
from pytest_pixazo.webhooks.receivers import Callback, SignatureError

COMPLETED_AT = datetime(2026, 3, 31, 10, 0, 15, tzinfo=UTC)
"""A manual clock starts at 10:00:00, and a generation takes 15 s."""


def post(url: str, body: bytes = b"{}", method: str = "POST", **headers: str) -> tuple[int, bytes]:
    """Send something to an inbox by hand."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
    connection.request(method, parts._replace(scheme="", netloc="").geturl(), body, headers)
    response = connection.getresponse()
    reported = response.status, response.read()
    connection.close()
    return reported


def test_a_callback_is_kept_with_all_that_was_in_it(world: ControlClient, inbox: Inbox) -> None:
    """Headers, raw body, its JSON, the request id, the status, the time and the response's status code."""
    request_id = submit(world, inbox.url)
    world.advance(15)
    (callback,) = inbox.received
    assert callback.headers["content-type"] == "application/json"
    assert callback.body.startswith(b'{"request_id":"minimax-hailuo-ai_')
    assert callback.json is not None
    assert callback.json["output"]["media_type"] == "video/mp4"
    assert (callback.number, callback.request_id, callback.status) == (1, request_id, "COMPLETED")
    assert (callback.at, callback.response_status, callback.problem) == (COMPLETED_AT, 204, None)


def test_wait_returns_the_first_n(world: ControlClient, inbox: Inbox) -> None:
    """Of three callbacks, two are returned when two are waited for."""
    ids = [submit(world, inbox.url, prompt) for prompt in ("A bear", "A fox", "An owl")]
    world.advance(15)
    assert [callback.request_id for callback in inbox.wait(2)] == ids[:2]
    assert [callback.request_id for callback in inbox.received] == ids


def test_wait_on_a_running_clock_blocks_until_the_callback_is_there(simulator: Simulator) -> None:
    """On a running clock nothing has to be advanced."""
    world = simulator.control().create_world(clock="x1000")
    with Inbox(world) as inbox:
        request_id = submit(world, inbox.url)
        assert [callback.request_id for callback in inbox.wait(1, timeout=PATIENCE)] == [request_id]
    world.delete_world()


def test_the_error_of_a_wait_says_what_came_and_by_how_much_to_advance(world: ControlClient, inbox: Inbox) -> None:
    """The message names the callback that did arrive, its response, and the seconds until the retry."""
    inbox.reply(500)
    request_id = submit(world, inbox.url)
    world.advance(15)
    with pytest.raises(TimeoutError) as caught:
        inbox.wait(2, timeout=0)
    assert str(caught.value) == (
        f"within 0 s 1 of 2 callbacks arrived (COMPLETED of {request_id}, answered 500); the next callback is due in 5 s of the"
        " world's clock, which is manual: advance it, for example pixazo.clock.advance(5)"
    )


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        ("documented", "no callback is due in its world: was the url of this inbox given as X-Webhook-URL or callback_url?"),
        ("observed", "this world does not accept http URLs for callbacks (as profile observed): set policy http_webhook_url=accept"),
        (None, "on a manual clock callbacks arrive when it is advanced"),
    ],
)  # fmt: skip
def test_the_error_of_a_wait_when_no_callback_is_due(simulator: Simulator, profile: str | None, reason: str) -> None:
    """The URL was not given, or the world ignores it, as the real gateway may; an inbox without a world can only guess."""
    world = simulator.control().create_world(profile=profile, clock="manual") if profile else None
    with Inbox(world) as inbox, pytest.raises(TimeoutError) as caught:
        inbox.wait(timeout=0)
    assert str(caught.value) == f"within 0 s 0 of 1 callback arrived; {reason}"
    if world:
        world.delete_world()


def test_the_error_of_a_wait_on_a_running_clock_says_how_long(simulator: Simulator) -> None:
    """A running clock need not be advanced."""
    world = simulator.control().create_world(clock="real", policy={"job_times": "2000+2000"})
    with Inbox(world) as inbox:
        submit(world, inbox.url)
        with pytest.raises(TimeoutError, match=r"due in (4000|3999\.\d+) s of the world's clock, which is real$"):
            inbox.wait(timeout=0)
    world.delete_world()


def test_responses_are_sent_in_turn_and_the_last_for_ever(world: ControlClient, inbox: Inbox) -> None:
    """500, 503, then 200: the dispatcher retries after 5 s and 5 min, and not after the 200."""
    inbox.reply([500, 503, 200])
    submit(world, inbox.url)
    assert statuses(world.advance(15)) == [500]
    assert statuses(world.advance(5)) == [503]
    assert statuses(world.advance(300)) == [200]
    assert statuses(world.advance(3600)) == []
    assert [callback.response_status for callback in inbox.received] == [500, 503, 200]


def test_a_challenge_is_echoed_unless_a_body_is_set(simulator: Simulator) -> None:
    """The handshake of policy callback_url=challenge succeeds by itself."""
    inbox = Inbox()
    assert post(inbox.url, b'{"challenge": "abc"}') == (200, b'{"challenge": "abc"}')
    inbox.reply(200, body="no")
    assert post(inbox.url, b'{"challenge": "abc"}') == (200, b"no")
    inbox.reply(500)
    assert post(inbox.url, b'{"challenge": "abc"}') == (500, b"")
    inbox.close()


def test_a_slow_response_is_ended_by_closing() -> None:
    """A delay of an hour ends when the inbox is closed."""
    inbox = Inbox()
    inbox.reply(204, delay=3600)
    with socket.create_connection(("127.0.0.1", urlsplit(inbox.url).port or 0)) as slow:
        slow.sendall(f"POST {urlsplit(inbox.url).path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        with pytest.raises(
            TimeoutError, match=r"^within \S+ s 0 of 1 callback arrived(; the app has not answered 1 yet)?;"
        ):
            inbox.wait(timeout=0.1)
        inbox.close()
        assert slow.recv(100).startswith(b"HTTP/1.1 204")


@pytest.mark.parametrize(("status", "delay"), [((), 0.0), (99, 0.0), ([200, 600], 0.0), ("500", 0.0), (200, -1.0)])
def test_a_response_that_means_nothing_is_refused(inbox: Inbox, status: Any, delay: float) -> None:
    """The inbox refuses a missing status, a number that is not a status code, and a negative delay."""
    with pytest.raises(ValueError, match=r"status codes from 200 to 599|is negative"):
        inbox.reply(status, delay)


def test_clear_forgets_what_arrived(inbox: Inbox) -> None:
    """After `clear` the next callback is the first of the list, and keeps its number."""
    post(inbox.url)
    inbox.clear()
    assert inbox.received == []
    post(inbox.url)
    assert [callback.number for callback in inbox.received] == [2]


def test_only_a_post_to_its_own_path_is_a_callback(inbox: Inbox, caplog: pytest.LogCaptureFixture) -> None:
    """Another path is 404, another method 405; the reason is in the response, in `refused`, in the log and in the error of a wait.

    No two inboxes share a path.
    """
    elsewhere = inbox.url.replace("/webhook/", "/hooks/")
    reasons = [
        f"its path does not begin with that of {inbox.url}: give the app the whole pixazo_webhooks.url (a path may follow it)"
    ] * 2 + ["its method is PUT, but callbacks use POST"]
    replies = [post(inbox.url + "x"), post(elsewhere), post(inbox.url + "/x", method="PUT")]
    assert replies == [(404, reasons[0].encode()), (404, reasons[0].encode()), (405, reasons[2].encode())]
    assert [(each.url, each.response_status, each.problem) for each in inbox.refused] == [
        (inbox.url + "x", 404, reasons[0]), (elsewhere, 404, reasons[1]), (inbox.url + "/x", 405, reasons[2])
    ]  # fmt: skip
    assert caplog.messages == [f"a request to {each.url} was refused: {each.problem}" for each in inbox.refused]
    assert inbox.problems == [f"POST {each.url}: {each.problem}" for each in inbox.refused]
    with pytest.raises(
        TimeoutError, match=r"0 of 1 callback arrived; 3 were refused .its method is PUT, but callbacks use POST."
    ):
        inbox.wait(timeout=0)
    assert inbox.received == []
    with Inbox() as other:
        assert urlsplit(other.url).path != urlsplit(inbox.url).path


@pytest.mark.parametrize(
    ("below", "path", "query"),
    [("", "", ""), ("?order=7", "", "order=7"), ("/orders/7?a=%20b&c", "/orders/7", "a=%20b&c"), ("//x/", "//x/", "")],
)
def test_whatever_follows_its_url_is_accepted_and_told(inbox: Inbox, below: str, path: str, query: str) -> None:
    """A query, a longer path, or both, as they were sent."""
    assert post(inbox.url + below)[0] == 204
    (callback,) = inbox.received
    assert (callback.url, callback.path, callback.query) == (inbox.url + below, path, query)


def test_a_body_in_chunks_is_put_together(inbox: Inbox) -> None:
    """Senders that do not know the length are understood, too."""
    parts = urlsplit(inbox.url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
    connection.request("POST", parts.path, iter([b'{"status":', b'"FAILED"}']), encode_chunked=True)
    assert connection.getresponse().status == 204
    connection.close()
    assert [callback.status for callback in inbox.received] == ["FAILED"]


@pytest.mark.parametrize("body", [b"", b"[1]", b"\xff{", b'{"status": 7, "request_id": null}'])
def test_a_garbled_body_is_kept(inbox: Inbox, body: bytes) -> None:
    """A body that is not a status envelope has neither status nor request id, but its bytes are kept."""
    post(inbox.url, body)
    (callback,) = inbox.received
    assert (callback.body, callback.status, callback.request_id) == (body, None, None)


def test_a_closed_inbox_is_a_refused_connection(world: ControlClient) -> None:
    """The dispatcher finds its port closed."""
    with Inbox(world) as inbox:
        submit(world, inbox.url)
    assert statuses(world.advance(15)) == [None]


def test_a_deleted_world_does_not_disturb_the_inbox(simulator: Simulator) -> None:
    """The callback is kept, without a time."""
    world = simulator.control().create_world()
    with Inbox(world) as inbox:
        world.delete_world()
        post(inbox.url, b'{"status": "ERROR"}')
        assert [(callback.status, callback.at) for callback in inbox.received] == [("ERROR", None)]


def test_signed_callbacks_can_be_verified(simulator: Simulator) -> None:
    """With policy webhook_signature=standard the world's secret verifies them, and no other."""
    world = simulator.control().create_world(policy={"webhook_signature": "standard"})
    with Inbox(world) as inbox:
        submit(world, inbox.url)
        world.advance(15)
        (callback,) = inbox.received
    secret = str(world.world().webhook_secret)
    world.delete_world()
    callback.verify(secret)
    with pytest.raises(SignatureError, match="callback 1 is not signed with this secret"):
        callback.verify("whsec_AAAA")
    with pytest.raises(SignatureError, match="not signed with this secret, or was modified in transit"):
        Callback(1, callback.headers, callback.body + b" ").verify(secret)
    with pytest.raises(SignatureError, match="not signed with this secret"):
        Callback(1, {**callback.headers, "webhook-signature": "v1,\xff"}, callback.body).verify(secret)
    with pytest.raises(ValueError, match="the secret is not whsec_ and Base64"):
        callback.verify("whsec_!")


def test_an_unsigned_callback_says_which_policy_signs(world: ControlClient, inbox: Inbox) -> None:
    """By default nothing is signed."""
    submit(world, inbox.url)
    world.advance(15)
    with pytest.raises(SignatureError, match="has no webhook-id: set policy webhook_signature=standard"):
        inbox.received[0].verify("whsec_AAAA")


def test_a_function_can_be_the_receiver(world: ControlClient, inbox: Inbox) -> None:
    """It gets the callback and returns the status code of the response; None is 204, anything else a mistake."""
    seen: list[str | None] = []
    answers: list[object] = [503, "ok", None]

    def take(callback: Callback) -> object:
        seen.append(callback.status)
        return answers.pop(0)

    inbox.deliver_to(take)
    submit(world, inbox.url)
    assert statuses(world.advance(320)) == [503, 500, 204]
    assert seen == ["COMPLETED"] * 3
    says = "the app raised TypeError: it returned 'ok': return a status code from 200 to 599, or None for 204"
    assert [callback.problem for callback in inbox.received] == [None, says, None]


async def _asynchronous(_: Callback) -> int:
    return 204


class _AsyncClient:
    async def request(self) -> None: ...


@pytest.mark.parametrize("target", ["/hooks", 7, lambda: 204, _asynchronous, _AsyncClient()])
def test_what_is_not_a_receiver_is_refused(inbox: Inbox, target: object) -> None:
    """A path, a number, a function of nothing, a coroutine function, an asynchronous client."""
    with pytest.raises(TypeError, match="is not an ASGI or WSGI app, a synchronous test client"):
        inbox.deliver_to(target)


def test_a_path_without_a_slash_is_refused(inbox: Inbox) -> None:
    """The remedy shows an example."""
    wsgi: Callable[[Any, Any], Any] = lambda environ, start: []  # noqa: E731
    with pytest.raises(ValueError, match="give the app's route, such as '/hooks/pixazo'"):
        inbox.deliver_to(wsgi, "hooks/pixazo")


def test_an_error_of_the_test_is_not_hidden_by_one_of_the_inbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the test takes precedence over InboxError."""

    def misuse(inbox: Inbox) -> None:
        monkeypatch.setattr(inbox, "_misuse", "the loop is blocked")

    with pytest.raises(KeyError), Inbox() as inbox:  # noqa: PT012
        misuse(inbox)
        raise KeyError
    with pytest.raises(InboxError, match="the loop is blocked"), Inbox() as inbox:
        misuse(inbox)
