"""A webhook receiver for tests: what arrived, and how it is answered."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Self

from pixazo_simulator.control import ControlClient, ControlError
from pixazo_simulator.server import HttpRequest, HttpResponse, LoopbackServer

from .callback import Callback
from .event_loops import EventLoopError
from .receivers import LifespanError, Receiver, fixed_replies, receiver_of

log = logging.getLogger("pytest_pixazo")


class InboxError(Exception):
    """The inbox cannot do what it was asked for; the message names the remedy."""


class Inbox:
    """A receiver on a loopback port: `with Inbox() as inbox: ... inbox.url ... inbox.wait(1)`.

    Give `url` as `X-Webhook-URL` or `callback_url`. Every POST to it is kept in `received` and answered 204, unless
    `reply` or `deliver_to` chose another answer. With a `world` it knows that world's clock. It needs no event loop and
    works in synchronous tests and in tests on asyncio or trio. Leaving it raises InboxError when an app could not be reached.
    """

    def __init__(self, world: ControlClient | None = None, *, owner: str | None = None) -> None:
        self._world = world
        self._owner = owner
        self._path = f"/webhook/{secrets.token_hex(8)}"
        self._receiver = fixed_replies([204])
        self._changed = threading.Condition()
        self._received: list[Callback] = []
        self._arrived = 0
        self._under_way = 0
        self._misuse: str | None = None
        self._server = LoopbackServer(self._answer)
        self.url = self._server.origin + self._path

    @property
    def received(self) -> list[Callback]:
        """The deliveries so far, in the order in which they were answered."""
        with self._changed:
            return list(self._received)

    def wait(self, count: int = 1, timeout: float = 5.0) -> list[Callback]:
        """Wait until `count` deliveries were answered and return the first `count`; `timeout` is in real seconds.

        Raises TimeoutError that says what did arrive, and by how much a manual clock has to be advanced for the next
        delivery; InboxError when waiting would block the event loop on which the app has to answer.
        """
        with self._changed:
            loop = self._receiver.loop
            if len(self._received) < count and loop and loop.is_current():
                raise InboxError(
                    f"wait({count}) would block the event loop that the app needs to answer:"
                    f" `await anyio.to_thread.run_sync(inbox.wait, {count})`"
                )
            if self._changed.wait_for(lambda: len(self._received) >= count, timeout):
                return self._received[:count]
            arrived = self._arrived_so_far()
        raise TimeoutError(f"{arrived} of {count} within {timeout:g} s; {self._next_delivery()}")

    def reply(self, status: int | Sequence[int] = 204, delay: float = 0.0, body: bytes | str | None = None) -> None:
        """Reply with this status code from now on; of several, each is used once and the last one from then on.

        `delay` is in real seconds: on a manual clock a receiver has five of them. Raises ValueError for a status code outside
        200 to 599, and for a negative delay.
        """
        statuses = [status] if isinstance(status, int) else status
        self._replace(fixed_replies(statuses, delay, body.encode() if isinstance(body, str) else body))

    def deliver_to(self, target: object, path: str = "/", *, own_loop: bool = False) -> None:
        """Pass each delivery to an app as `POST path`, without a socket, and reply with the app's response.

        `target` is an ASGI app, a WSGI app, a synchronous test client (as of Starlette, httpx or Flask), or a function that takes
        a Callback and returns a status code. Called within a running event loop, an ASGI app runs on that loop; advance the
        clock in a thread then: `await anyio.to_thread.run_sync(pixazo.clock.advance, 15)`. Otherwise, or with `own_loop`,
        the app gets a loop of its own, and its lifespan is run. Raises TypeError for another target, InboxError when the app
        cannot start.
        """
        with _as_inbox_errors():
            self._replace(receiver_of(target, path, own_loop=own_loop))

    def clear(self) -> None:
        """Forget what was received."""
        with self._changed:
            self._received.clear()

    def close(self) -> None:
        """Close the port and release the app. Raises InboxError when the app could not be reached or stopped."""
        try:
            with _as_inbox_errors():
                self._receiver.close()
        finally:
            self._server.close()
        if self._misuse:
            raise InboxError(self._misuse)

    def _replace(self, receiver: Receiver) -> None:
        self._receiver, former = receiver, self._receiver
        with _as_inbox_errors():
            former.close()

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if request.target != self._path:
            return HttpResponse(404, b"no inbox of this test: was the callback meant for another one?")
        if request.method != "POST":
            return HttpResponse(405, b"callbacks are POSTed", {"allow": "POST"})
        with self._changed:
            self._arrived += 1
            self._under_way += 1
            number = self._arrived
        response, callback = self._deliver(Callback(number, request.headers, request.body, self._now()))
        with self._changed:
            self._under_way -= 1
            self._received.append(callback)
            self._changed.notify_all()
        return response

    def _deliver(self, callback: Callback) -> tuple[HttpResponse, Callback]:
        problem = None
        try:
            response = self._receiver.answer(callback)
            problem = self._missing_route(response)
        except EventLoopError as error:
            self._misuse = problem = str(error)
            response = HttpResponse(503, problem.encode())
        except Exception as error:
            log.exception("the app raised when it was given callback %d", callback.number)
            problem = f"the app raised {type(error).__name__}: {error}"
            response = HttpResponse(500)
        return response, replace(callback, response_status=response.status, problem=problem)

    def _missing_route(self, response: HttpResponse) -> str | None:
        """A warning when an app answers 404, most often because `deliver_to` was given a wrong path."""
        route = self._receiver.route
        if response.status != 404 or route is None:
            return None
        problem = f"the app answered 404 to {route}: give deliver_to the path of its route"
        log.warning("%s", problem)
        return problem

    def _now(self) -> datetime | None:
        if self._world is None:
            return None
        try:
            return self._world.clock().now
        except ControlError:  # the world was deleted in the meantime
            return None

    def _arrived_so_far(self) -> str:
        text = f"{len(self._received)} callbacks"
        if self._received:
            text += f" ({'; '.join(map(str, self._received))})"
        if self._under_way:
            text += f" and {self._under_way} that the app has not answered yet"
        return text

    def _next_delivery(self) -> str:
        """Why nothing more came, and what to do."""
        if self._world is None:
            return "on a manual clock callbacks come when it is advanced"
        clock = self._world.clock()
        due = clock.next_webhook_at
        if due is None and self._world.world().policy["http_webhook_url"] == "refuse":
            return (
                "this world takes no http URL for callbacks (as profile observed): set policy http_webhook_url=accept"
            )
        if due is None:
            return "no callback is due in its world: was the url of this inbox given as X-Webhook-URL or callback_url?"
        seconds = (due - clock.now).total_seconds()
        text = f"the next callback is due in {seconds:g} s of the world's clock, which is {clock.clock}"
        return f"{text}: advance it, as with pixazo.clock.advance({seconds:g})" if clock.clock == "manual" else text

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: object, __: object) -> None:
        try:
            self.close()
        except InboxError:
            if error is None:  # an error of the test comes first
                raise


@contextmanager
def _as_inbox_errors() -> Generator[None]:
    try:
        yield
    except (EventLoopError, LifespanError) as error:
        raise InboxError(str(error)) from None
