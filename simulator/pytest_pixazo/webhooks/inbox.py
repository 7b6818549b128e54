"""A webhook receiver for tests: what arrived, and what it responds."""

from __future__ import annotations

import logging
import secrets
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Self

from pixazo_simulator.control import ControlClient, ControlError
from pixazo_simulator.server import HttpRequest, HttpResponse, LoopbackServer

from .event_loops import EventLoopError, InboxError
from .receivers import Callback, Receiver, fixed_replies, receiver_of

log = logging.getLogger("pytest_pixazo")


HINT_AFTER = 4.0
"""Real seconds after which an app that has not responded is reported as late: the gateway gives up after five on a manual clock."""
MOST_REFUSED = 1000
"""How many refused requests are kept."""


class Inbox:
    """A receiver on a loopback port: `with Inbox() as inbox: ... inbox.url ... inbox.wait(1)`.

    Give `url` as `X-Webhook-URL` or `callback_url`, alone or with a longer path and a query. Every POST there is kept in
    `received` and answered 204, unless `reply` or `deliver_to` chose another response; anything else is refused, and kept in
    `refused`. With a `world` it knows that world's clock. It needs no event loop and works in synchronous tests and in tests on
    asyncio or trio. Closing it raises InboxError when an app could not be reached.
    """

    def __init__(self, world: ControlClient | None = None) -> None:
        self._world = world
        self._path = f"/webhook/{secrets.token_hex(8)}"
        self._receiver = fixed_replies([204])
        self._changed = threading.Condition()
        self._received: list[Callback] = []
        self._arrived = 0
        self._under_way = 0
        self._refused: deque[Callback] = deque(maxlen=MOST_REFUSED)
        self._late: dict[int, tuple[Receiver, str]] = {}
        self._misuse: str | None = None
        self._server = LoopbackServer(self._answer)
        self.url = self._server.origin + self._path

    @property
    def received(self) -> list[Callback]:
        """The callbacks so far, in the order in which they were answered."""
        with self._changed:
            return list(self._received)

    @property
    def refused(self) -> list[Callback]:
        """Requests to the port of the inbox that are not callbacks for it, the latest 1,000; `problem` says why."""
        with self._changed:
            return list(self._refused)

    @property
    def problems(self) -> list[str]:
        """A line for each callback that was refused, or that its app did not answer in time or could not answer."""
        with self._changed:
            found = [f"POST {each.url}: {each.problem}" for each in (*self._refused, *self._received) if each.problem]
            return [*found, *(text for _, text in self._late.values())]

    def wait(self, count: int = 1, timeout: float = 5.0) -> list[Callback]:
        """Wait until `count` callbacks were answered, and return the first `count`; `timeout` is in real seconds.

        Raises TimeoutError that says what arrived, and by how much a manual clock must be advanced for the next callback;
        InboxError when waiting would block the event loop on which the app must respond.
        """
        with self._changed:
            if len(self._received) < count and self._receiver.thread == threading.get_ident():
                raise InboxError(
                    f"wait({count}) would block the event loop that the app needs to respond:"
                    f" `await anyio.to_thread.run_sync(inbox.wait, {count})`"
                )
            if self._changed.wait_for(lambda: len(self._received) >= count, timeout):
                return self._received[:count]
            arrived = self._arrived_so_far(count)
        raise TimeoutError(f"within {timeout:g} s {arrived}; {self._next_callback()}")

    def reply(self, status: int | Sequence[int] = 204, delay: float = 0.0, body: bytes | str | None = None) -> None:
        """Reply with this status code from now on; several are used once each, the last one from then on.

        `delay` is in real seconds: on a manual clock a receiver has five. Raises ValueError for a status outside 200 to 599, and
        for a negative delay.
        """
        statuses = [status] if isinstance(status, int) else status
        self._replace(fixed_replies(statuses, delay, body.encode() if isinstance(body, str) else body))

    def deliver_to(self, target: object, path: str = "/", *, own_loop: bool = False) -> None:
        """Pass each callback to an app as `POST path`, without a socket, and reply with the app's response.

        What follows the URL of the inbox (a longer path or a query) is appended to `path`. `target` is an ASGI app, a WSGI app, a synchronous
        test client (as of Starlette, httpx or Flask), or a function that takes a Callback and returns a status code. Called within a running
        event loop, an ASGI app runs on that loop; advance the clock in a thread then: `await anyio.to_thread.run_sync(pixazo.clock.advance, 15)`.
        Otherwise, or with `own_loop`, the app gets a loop of its own, and its lifespan is run. Raises TypeError for another target, ValueError
        for a path without a leading slash, InboxError when the app cannot start.
        """
        self._replace(receiver_of(target, path, own_loop=own_loop))

    def clear(self) -> None:
        """Forget what was received."""
        with self._changed:
            self._received.clear()

    def close(self) -> None:
        """Close the port and release the app. Raises InboxError when the app could not be reached or stopped."""
        try:
            self._receiver.close()
        finally:
            self._server.close()
        late = (text for receiver, text in self._late.values() if receiver.path)  # a function may block on purpose
        if problem := self._misuse or next(late, None):
            raise InboxError(problem)

    def _replace(self, receiver: Receiver) -> None:
        self._receiver, former = receiver, self._receiver
        former.close()

    def _answer(self, request: HttpRequest) -> HttpResponse:
        path, _, query = request.target.partition("?")
        below, url = path.removeprefix(self._path), f"{self._server.origin}{request.target}"
        with self._changed:
            self._arrived += 1
            number = self._arrived
        asked = Callback(number, request.headers, request.body, self._now(), url=url, path=below, query=query)
        if below == path or (below and not below.startswith("/")):
            whole = "give the app the whole pixazo_webhooks.url (a path may follow it)"
            problem = f"its path does not begin with that of {self.url}: {whole}"
            return self._refuse(asked, HttpResponse(404), problem)
        if request.method != "POST":
            problem = f"its method is {request.method}, but callbacks use POST"
            return self._refuse(asked, HttpResponse(405, headers={"allow": "POST"}), problem)
        with self._changed:
            self._under_way += 1
        response, trouble = self._deliver(asked)
        with self._changed:
            self._under_way -= 1
            self._received.append(replace(asked, response_status=response.status, problem=trouble))
            self._changed.notify_all()
        return response

    def _refuse(self, callback: Callback, response: HttpResponse, problem: str) -> HttpResponse:
        log.warning("a request to %s was refused: %s", callback.url, problem)
        with self._changed:
            self._refused.append(replace(callback, path="", response_status=response.status, problem=problem))
        return replace(response, body=problem.encode())

    def _deliver(self, callback: Callback) -> tuple[HttpResponse, str | None]:
        """Have a callback answered; returns the response, and what went wrong, if anything."""
        receiver, number = self._receiver, callback.number
        target = receiver.target_of(callback)
        called = f"POST {target} of {receiver.app!r}" if receiver.path else repr(receiver.app)

        def tell() -> None:
            # The gateway gives up silently, and a deadlock is the most likely reason.
            late = (
                f"{called} has not responded within {HINT_AFTER:g} s, and the gateway gives up after 5 s on a manual clock: if the receiver moves that clock,"
                " or waits for what the test does after the advance, or for another callback, respond first and do the work afterwards"
            )
            with self._changed:
                if timer.finished.is_set():  # it was answered just now
                    return
                self._late[number] = receiver, late
            log.warning("%s", late)

        timer = threading.Timer(HINT_AFTER, tell)
        timer.name, timer.daemon = f"pixazo-sim:{called}", True  # known as ours to `pixazo_sleep`
        if receiver.app is not None:
            timer.start()
        problem: str | None = None
        try:
            response = receiver.answer(target, callback)
            if response.status == 404 and receiver.app is not None and receiver.path:
                problem = f"the app answered 404 to {called}: give deliver_to the path of its route; if this is its route, it does not know the request"
                log.warning("%s", problem)
        except EventLoopError as error:
            self._misuse = problem = str(error)
            response = HttpResponse(503, str(error).encode())
        except Exception as error:
            log.exception("the app raised when it was given callback %d", number)
            problem = f"the app raised {type(error).__name__}: {error}"
            response = HttpResponse(500)
        finally:
            timer.cancel()
        with self._changed:
            return response, self._late.pop(number, (receiver, problem))[1]

    def _now(self) -> datetime | None:
        with suppress(ControlError):  # the world was deleted in the meantime
            return self._world.clock().now if self._world else None
        return None

    def _arrived_so_far(self, count: int) -> str:
        text = f"{len(self._received)} of {count} callback{'s' * (count != 1)} arrived"
        if self._received:
            text += f" ({'; '.join(map(str, self._received))})"
        if self._under_way:
            late = "".join(f" ({text})" for _, text in self._late.values())
            text += f"; the app has not answered {self._under_way} yet{late}"
        if self._refused:
            refused = len(self._refused)
            text += f"; {refused} {'was' if refused == 1 else 'were'} refused ({self._refused[-1].problem})"
        return text

    def _next_callback(self) -> str:
        if self._world is None:
            return "on a manual clock callbacks arrive when it is advanced"
        clock = self._world.clock()
        due = clock.next_webhook_at
        if due is None and self._world.world().policy["http_webhook_url"] == "refuse":
            return "this world does not accept http URLs for callbacks (as profile observed): set policy http_webhook_url=accept"
        if due is None:
            return "no callback is due in its world: was the url of this inbox given as X-Webhook-URL or callback_url?"
        seconds = (due - clock.now).total_seconds()
        text = f"the next callback is due in {seconds:g} s of the world's clock, which is {clock.clock}"
        return f"{text}: advance it, for example pixazo.clock.advance({seconds:g})" if clock.clock == "manual" else text

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: object, __: object) -> None:
        try:
            self.close()
        except InboxError:
            if error is None:  # an error of the test comes first
                raise
