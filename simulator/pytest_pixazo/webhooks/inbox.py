"""A webhook receiver for tests: what arrived, and how it is answered."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .callback import Callback
from .event_loops import HomeError
from .lifespan import LifespanError
from .receivers import Answers, Recipient, recipient_of
from .server import Listener, Request, Response

if TYPE_CHECKING:
    from pixazo_simulator.control import ControlClient


NOT_FOUND = 404

log = logging.getLogger("pytest_pixazo")


class InboxError(Exception):
    """The inbox cannot do what it was asked for; the message names the remedy."""


class Inbox:
    """A receiver on a loopback port: `with Inbox() as inbox: ... inbox.url ... inbox.wait(1)`.

    Give `url` as `X-Webhook-URL` or `callback_url`. Every POST to it is kept in `received` and answered 204, unless
    `respond` or `deliver_to` said otherwise. With a `world` it knows that world's clock. It needs no event loop and
    works in synchronous tests and in tests on asyncio or trio. Leaving it raises InboxError when an app could not be reached.
    """

    def __init__(self, world: ControlClient | None = None) -> None:
        self._world = world
        self._path = f"/webhook/{secrets.token_hex(8)}"
        self._recipient: Recipient = Answers([204])
        self._changed = threading.Condition()
        self._received: list[Callback] = []
        self._arrived = 0
        self._under_way = 0
        self._misuse: str | None = None
        self._listener = Listener(self._answer)
        self.url = self._listener.origin + self._path

    @property
    def received(self) -> list[Callback]:
        """The callbacks so far, in the order in which they were answered."""
        with self._changed:
            return list(self._received)

    def wait(self, count: int = 1, timeout: float = 5.0) -> list[Callback]:
        """The first `count` callbacks, once they have arrived and were answered; `timeout` is in real seconds.

        Raises TimeoutError that says what did arrive, and by how much a manual clock has to be advanced for the next
        callback; InboxError when waiting would block the event loop on which the app has to answer.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            if len(self._received) < count and self._recipient.is_here():
                raise InboxError(
                    f"wait({count}) would block the event loop that the app needs to answer:"
                    f" `await anyio.to_thread.run_sync(inbox.wait, {count})`"
                )
            while len(self._received) < count:
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            if len(self._received) >= count:
                return self._received[:count]
            told = self._told()
        raise TimeoutError(f"{told} of {count} within {timeout:g} s; {self._due()}")

    def respond(self, status: int | Sequence[int] = 204, delay: float = 0.0, body: bytes | str | None = None) -> None:
        """Answer so from now on; of several statuses each is used once, the last one for ever.

        `delay` is in real seconds: on a manual clock a receiver has five of them.
        """
        statuses = [status] if isinstance(status, int) else status
        self._replace(Answers(statuses, delay, body.encode() if isinstance(body, str) else body))

    def deliver_to(self, target: object, path: str = "/", *, apart: bool = False) -> None:
        """Hand each callback to an app as `POST path`, without a socket, and answer what the app answers.

        `target` is an ASGI app, a WSGI app, a synchronous test client (as of Starlette, httpx or Flask), or a function that takes
        a Callback and returns a status. An ASGI app runs on the loop of the test if called in one; then let time pass in a
        thread: `await anyio.to_thread.run_sync(pixazo.clock.advance, 15)`. Otherwise, or with `apart`, it gets a loop of
        its own, and its lifespan is run. Raises TypeError for another target, InboxError when the app cannot start.
        """
        with _plain_words():
            self._replace(recipient_of(target, path, apart=apart))

    def clear(self) -> None:
        """Forget what was received."""
        with self._changed:
            self._received.clear()

    def close(self) -> None:
        """Close the port and let the app go. Raises InboxError when the app could not be reached or stopped."""
        try:
            with _plain_words():
                self._recipient.close()
        finally:
            self._listener.close()
        if self._misuse:
            raise InboxError(self._misuse)

    def _replace(self, recipient: Recipient) -> None:
        self._recipient, former = recipient, self._recipient
        with _plain_words():
            former.close()

    def _answer(self, request: Request) -> Response:
        if request.target != self._path:
            return Response(404, b"no inbox of this test: was the callback meant for another one?")
        if request.method != "POST":
            return Response(405, b"callbacks are POSTed", {"allow": "POST"})
        with self._changed:
            self._arrived += 1
            self._under_way += 1
            number = self._arrived
        response, callback = self._handle(Callback(number, request.headers, request.body, self._now()))
        with self._changed:
            self._under_way -= 1
            self._received.append(callback)
            self._changed.notify_all()
        return response

    def _handle(self, callback: Callback) -> tuple[Response, Callback]:
        problem = None
        try:
            response = self._recipient.answer(callback)
            problem = self._missed(response)
        except HomeError as error:
            self._misuse = problem = str(error)
            response = Response(503, problem.encode())
        except Exception as error:
            log.exception("the app raised when callback %d was handed to it", callback.number)
            problem = f"the app raised {type(error).__name__}: {error}"
            response = Response(500)
        return response, replace(callback, answered=response.status, problem=problem)

    def _missed(self, response: Response) -> str | None:
        """What was called in vain, when an app does not know the path that was given."""
        route = self._recipient.route
        if response.status != NOT_FOUND or route is None:
            return None
        problem = f"the app answered 404 to {route}: give deliver_to the path of its route"
        log.warning("%s", problem)
        return problem

    def _now(self) -> int | None:
        if self._world is None:
            return None
        from pixazo_simulator import ControlError

        try:
            return _milliseconds(self._world.clock().now)
        except ControlError:  # the world was deleted in the meantime
            return None

    def _told(self) -> str:
        told = f"{len(self._received)} callbacks"
        if self._received:
            told += f" ({'; '.join(map(str, self._received))})"
        if self._under_way:
            told += f" and {self._under_way} that the app has not answered yet"
        return told

    def _due(self) -> str:
        """Why nothing more came, and what to do."""
        if self._world is None:
            return "on a manual clock callbacks come when it is advanced"
        clock = self._world.clock()
        due = clock.next_callback_at
        if due is None and self._world.world().policy["http_webhook_url"] == "refuse":
            return (
                "this world takes no http URL for callbacks (as profile observed): set policy http_webhook_url=accept"
            )
        if due is None:
            return "no callback is due in its world: was the url of this inbox given as X-Webhook-URL or callback_url?"
        seconds = (due - clock.now).total_seconds()
        told = f"the next callback is due in {seconds:g} s of the world's clock, which is {clock.clock}"
        return f"{told}: advance it, as with pixazo.clock.advance({seconds:g})" if clock.clock == "manual" else told

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        try:
            self.close()
        except InboxError:
            if error is None:
                raise


@contextmanager
def _plain_words() -> Generator[None]:
    try:
        yield
    except (HomeError, LifespanError) as error:
        raise InboxError(str(error)) from None


def _milliseconds(instant: datetime) -> int:
    """UTC milliseconds of an instant."""
    return round(instant.timestamp() * 1000)
