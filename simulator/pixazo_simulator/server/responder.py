"""What is common to all ways to call the gateway, over a socket or in process: the steps of an exchange that wait for nothing."""

from __future__ import annotations

import logging
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from pixazo_simulator import spec
from pixazo_simulator.gateway import TIMED, Gateway, Request, Response, RoutedRequest, Traffic, framed
from pixazo_simulator.world import RecordExchange, RecordUnmatched, StateUnavailableError, Worlds, real_clock

if TYPE_CHECKING:
    from pixazo_simulator.mutants import EditedGateway

_SHOWN = 120

log = logging.getLogger("pixazo_simulator")


class Responder:
    """A gateway over the worlds of a server, with its journal and log. Any thread may use it.

    Call `route` with the head of a request, read its body as the route says, and call `respond`. Then carry out `hold`, `wakes` and
    `pause` of the response, if it has any, call `record`, and send it.
    """

    def __init__(self, gateway: Gateway | EditedGateway, worlds: Worlds) -> None:
        self.gateway = gateway
        self.worlds = worlds
        self._lock = worlds.lock
        self._logs_each = worlds.settings.log_requests
        self.traffic = Traffic()
        self._counts = self.traffic.counts

    def route(self, request: Request) -> RoutedRequest:
        """Find out what a request is for and who sent it."""
        with self._lock:
            return self.gateway.route(request)

    def respond(self, request: Request, route: RoutedRequest, refusal: spec.Refusal | None = None) -> Response:
        """The response to a request, or to one that is refused before the gateway decides.

        It is in the journal already unless something has to be waited for before.
        """
        with self._lock:
            if refusal:
                response = self.gateway.refuse(request, route, refusal, route.clock.now())
            else:
                response = self.gateway.respond(request, route.clock.now(), route)
            if response.hold is None and not response.pause:
                self.worlds.record(response.world, response.exchange(route.clock.elapsed()), request.header_bytes)
                counts = self._counts[route.endpoint.name]  # not `Traffic.count`: a call would take half as long again
                counts[response.status] = count = counts[response.status] + 1
                if count % TIMED == 1:
                    self.traffic.time(route.endpoint.name, request.started)
        if response.log:
            self.log(response)
        return response

    async def ask(self, request: Request, route: RoutedRequest, refusal: spec.TooManyBodies | None = None) -> Response:
        """The same where a log may keep the commands. Raises StateUnavailableError."""
        if self.worlds.log is None:
            return self.respond(request, route, refusal)
        response: Response = await self.worlds.log.answer(request, refusal.limit if refusal else None)
        if not is_late(response):
            self.traffic.count(route.endpoint.name, response.status, request.started)
        if response.log:
            self.log(response)
        return response

    def carry_out(self, request: Request, held: int | None) -> Response:
        """Answer and journal a request of the log, or refuse it because of so many bytes of bodies that are `held`."""
        try:
            route = self.gateway.route(request)
            now = route.clock.now()
            if held is None:
                response = self.gateway.respond(request, now, route)
            else:
                response = self.gateway.refuse(request, route, spec.TooManyBodies(held), now)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a response
            return self.fail(request, error)
        if not is_late(response):
            self.worlds.record(response.world, response.exchange(route.clock.elapsed()), request.header_bytes)
        return response

    async def record(self, response: Response, route: RoutedRequest) -> None:
        """Journal a response that had to wait; nothing happens for any other."""
        if not is_late(response):
            return
        with self._lock:
            entry, size = response.exchange(route.clock.elapsed()), response.request.header_bytes
        with suppress(
            StateUnavailableError
        ):  # what was asked for is done, and is answered, though nobody can enter it now
            if response.world:
                await self.worlds.in_steps(self.worlds.apply, response.world, RecordExchange(entry.at, entry, size))
            else:
                await self.worlds.in_steps(self.worlds.perform, RecordUnmatched(exchange=entry, header_bytes=size))
        self.traffic.count(route.endpoint.name, response.status, response.request.started)

    def sent(self, response: Response) -> None:
        """Log a call that has no line of its own, if all calls are to be logged."""
        if self._logs_each and not response.log:
            self.log(response)

    def log(self, response: Response) -> None:
        """Log a call: with its own line, else with one that says how it was answered."""
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
        """The response to a request that the simulator fails to answer, which is logged."""
        what = f"{spec.beginning(request.method, _SHOWN)!a} {spec.beginning(request.path, _SHOWN)!a}"
        with self._lock:
            self.traffic.count(request.endpoint.name, 500, request.started)
        log.error("%s failed with %s %s", what, type(error).__name__, spec.raised_at(error))
        answer, now = spec.refusal_answer(spec.Broken(), self.worlds.settings.policy, ""), self.worlds.clock.now()
        return Response(request, now, answer.status, framed(answer, now), answer.body, answer.reason)


def unavailable(request: Request, error: StateUnavailableError, now: int) -> Response:
    """The response while the store cannot be used; nothing has happened, and it is in no journal."""
    message = f"The state of the simulator is not available: {error}."
    answer = spec.queue_error(HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.SERVICE_UNAVAILABLE.phrase, message)
    headers = (*framed(answer, now), (b"retry-after", b"1"))
    return Response(request, now, answer.status, headers, answer.body, answer.reason)


def is_late(response: Response) -> bool:
    """Whether something has to be waited for before a response is sent, other than by its transmission."""
    return response.hold is not None or bool(response.pause)
