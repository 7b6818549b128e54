"""What all ways to call the gateway, over a socket or in process, have in common: the steps of an exchange."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from itertools import chain, pairwise
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from pixazo_simulator import spec
from pixazo_simulator.control import Traffic
from pixazo_simulator.gateway import Gateway, Request, Response, RoutedRequest, framed
from pixazo_simulator.script import Ending, Noise, Send, Wait, came
from pixazo_simulator.world import CutExchange, RecordExchange, StateUnavailableError, World, Worlds, real_clock

if TYPE_CHECKING:
    from pixazo_simulator.mutants import EditedGateway
    from pixazo_simulator.webhooks import Dispatcher

Step = Callable[[], Awaitable[object]] | float | Response | bytes | Noise | Ending
"""One step of the effects of a response: something to await, real seconds to wait, the response whose status line
and headers are sent, a piece of its body, what is sent before it, and how the connection ends.
"""
Steps = Generator[Step, "bool | None"]
_SHOWN = 120

log = logging.getLogger("pixazo_simulator")


class Responder:
    """A gateway over the worlds of a server, with its journal and log. Any thread may use it.

    Call `route` with the head of a request, let the route `take` its body, and call `respond`. Carry out the `steps` of a
    response unless it leaves at once. Call `sent` at the end.
    """

    def __init__(self, gateway: Gateway | EditedGateway, worlds: Worlds, dispatcher: Dispatcher) -> None:
        self.gateway = gateway
        self.worlds = worlds
        self._dispatcher = dispatcher
        self._lock = worlds.lock
        self._logs_each = worlds.settings.log_requests
        self.traffic = Traffic()
        self._delays: dict[object, World | None] = {}

    def route(self, request: Request) -> RoutedRequest:
        with self._lock:
            return self.gateway.route(request)

    def respond(self, request: Request, route: RoutedRequest, held: int | None = None) -> Response:
        """The response to a request, a refusal if too many bytes of bodies are `held`. It is entered in the journal, unless it is held back."""
        with self._lock:
            response = self._answered(request, route, held)
            if response.hold is None:
                self.traffic.count(route.endpoint.name, response.status, request.started)
                if response.wakes:
                    self._dispatcher.wake(response.world)
        if response.log:
            self.log(response)
        return response

    async def ask(self, request: Request, route: RoutedRequest, held: int | None = None) -> Response:
        """The same where a log may keep the commands, which wakes the dispatcher itself. Raises StateUnavailableError."""
        if self.worlds.log is None:
            return self.respond(request, route, held)
        response: Response = await self.worlds.log.answer(request, held)
        if response.hold is None:
            self.traffic.count(route.endpoint.name, response.status, request.started)
        if response.log:
            self.log(response)
        return response

    def carry_out(self, request: Request, held: int | None) -> Response:
        """Answer and journal a request of the log."""
        try:
            return self._answered(request, self.gateway.route(request), held)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a response
            return self._failure(request, error)  # which `ask` counts

    def _answered(self, request: Request, route: RoutedRequest, held: int | None) -> Response:
        """The response, which is journalled unless it is held back."""
        now = route.clock.now()
        if held is None:
            response = self.gateway.respond(request, now, route)
        else:
            response = self.gateway.refuse(request, route, spec.TooManyBodies(held), now)
        if response.hold is None:
            exchange = response.exchange(route.clock.elapsed())
            response.request.entry = self.worlds.record(response.world, exchange, request.header_bytes)
        return response

    def steps(self, response: Response, route: RoutedRequest) -> Steps:
        """The steps that carry out the effects of a response; one that is held back has a later Date, and is journalled then."""
        world, instant = response.world, response.hold
        if world and instant is not None:
            yield partial(self._reach, world, instant)
            response = response.dated(world.clock.now())
            yield partial(self._record, world, response, route)
        delay, sent = object(), None
        for step in chain([response.pause] if response.pause else [], transmitted(response)):
            if isinstance(step, (int, float)):
                self._delays[delay] = world
            try:
                has_left = yield step
            finally:  # also when the iterator is closed or dropped
                self._delays.pop(delay, None)
            if has_left:
                yield partial(self._cut, response, f"{came(sent, len(response.body))}, then the caller disconnected")
                return
            if isinstance(step, Response | bytes):
                sent = (sent or 0) + (len(step) if isinstance(step, bytes) else 0)

    def is_delaying(self, world: World | None = None) -> bool:
        """Whether a caller in this world, or in any, waits for a response that is still to come, after some real seconds."""
        return any(each is world or world is None for each in list(self._delays.values()))

    async def _reach(self, world: World, instant: int) -> None:
        with suppress(StateUnavailableError):  # the submission is accepted, whatever becomes of webhooks
            await self.worlds.in_steps(self._dispatcher.reach, world, instant)

    async def _record(self, world: World, response: Response, route: RoutedRequest) -> None:
        with self._lock:
            entry, size = response.exchange(route.clock.elapsed()), response.request.header_bytes
        with suppress(StateUnavailableError):  # it is done and gets its response, though not journalled
            command = RecordExchange(entry.at, entry, size)
            response.request.entry = await self.worlds.in_steps(self.worlds.apply, world, command)
        self.traffic.count(route.endpoint.name, response.status, response.request.started)

    async def _cut(self, response: Response, cut: str) -> None:
        """Enter in the journal what the caller did not get of a response."""
        with suppress(StateUnavailableError):
            if response.world:
                command = CutExchange(response.at, response.request.entry, response.at, cut)
                await self.worlds.in_steps(self.worlds.apply, response.world, command)

    def sent(self, response: Response) -> None:
        """Log a call that has no line of its own, if all calls are logged."""
        if self._logs_each and not response.log:
            self.log(response)

    def log(self, response: Response) -> None:
        """Log a call: with its own line, else with one that gives its response."""
        request, line, seconds = response.request, response.log, real_clock() - response.request.started
        redactor = request.redactor(self.worlds)
        method, path = redactor.text(request.method), redactor.text(spec.beginning(quote(request.path), _SHOWN))
        if line is None:
            parts = (response.reason, response.rule, *response.faults)
            why = redactor.text("; ".join(filter(None, parts)))
            line = f"{method} {path} answered {response.status} in {seconds * 1000:.1f} ms: {why}"
        fields = {
            "world": response.world.number if response.world else None,
            "request_id": response.request_id and redactor.text(response.request_id),
            "method": method, "path": path, "status": response.status, "duration": round(seconds, 6),
        }  # fmt: skip
        log.info("%s", line, extra=fields)

    def fail(self, request: Request, error: Exception) -> Response:
        """The response to a request that the simulator fails to answer, which is counted."""
        response = self._failure(request, error)
        with self._lock:
            self.traffic.count(request.endpoint.name, response.status, request.started)
        return response

    def _failure(self, request: Request, error: Exception) -> Response:
        """The response to a request that the simulator fails to answer: a logged error, or 503 when the store cannot be used."""
        now = self.worlds.clock.now()
        if isinstance(error, StateUnavailableError):
            status, message = HTTPStatus.SERVICE_UNAVAILABLE, f"The state of the simulator is not available: {error}."
            answer = spec.queue_error(status, status.phrase, message, (b"retry-after", b"1"))
            return Response(request, now, answer.status, framed(answer, now), answer.body, answer.reason)
        what = f"{spec.beginning(request.method, _SHOWN)!a} {spec.beginning(request.path, _SHOWN)!a}"
        log.error("%s failed with %s %s", what, type(error).__name__, spec.raised_at(error))
        answer = spec.refusal_answer(spec.Broken(), self.worlds.settings.policy, "")
        return Response(request, now, answer.status, framed(answer, now), answer.body, answer.reason)


async def leave(steps: Steps, step: Step) -> None:
    """End the steps for a caller that has disconnected during one of them, which waits: the journal gets what it did not get."""
    while callable(step):  # a response that is held back is journalled first
        step = next(steps)
        if callable(step):
            await step()
    await cast("Callable[[], Awaitable[object]]", steps.send(True))()  # noqa: FBT003 - takes no keyword


def transmitted(response: Response) -> Steps:
    """The steps by which a response is sent as its transmission says."""
    if not response.transmission:
        yield response
        yield response.body
    for effect in response.transmission:
        if isinstance(effect, Wait):
            yield effect.seconds
        elif isinstance(effect, Send):
            yield response
            parts = _pieces(response.body[: effect.length(len(response.body))], effect.pieces)
            for part in parts:
                if effect.seconds:
                    yield effect.seconds / len(parts)
                yield part
        else:
            yield effect


def _pieces(body: bytes, most: int) -> list[bytes]:
    count = max(1, min(most, len(body)))
    bounds = [len(body) * number // count for number in range(count + 1)]
    return [body[first:last] for first, last in pairwise(bounds)]
