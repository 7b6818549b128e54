"""The vendor's gateway as a function: a request and an instant in, a response and its effects out."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, quote

import msgspec
from msgspec.structs import replace

from pixazo_simulator import spec
from pixazo_simulator.world import (
    Admission,
    Generation,
    Outcome,
    ReadMedia,
    ReadStatus,
    Submission,
    SubmitGeneration,
    World,
    Worlds,
    refuse_key,
)

from .exchange import NO_OUTCOME, Request, Response, RoutedRequest, complete
from .media import no_media, serve_media

_NO_GENERATION = "no generation has this request id: take media URLs from the status response of a COMPLETED generation"
_ROUTES = (
    *(f"POST {path}" for path in spec.SUBMIT_PATHS),
    f"GET {spec.STATUS_PATH}{{request_id}}",
    "GET /v1/{request_id}/output.mp4",
)
_REQUEST_ID = spec.regex(r"(?<=/)[a-z0-9-]+_[0-9A-Fa-f-]{20,40}(?=/|$)")
_OTHER_KEY_HEADERS = ("authorization", "x-api-key", "api-key", "subscription-key", "x-subscription-key", "apikey")
_LONGEST = 120
_QUOTING = (spec.InvalidParameters, spec.InvalidBody, spec.UnsupportedMediaType)
"""Refusals that repeat a part of the request."""


class Gateway:
    """The gateway over the worlds of a server, which calls `route` with a request's head, and `respond` once it has the body."""

    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds
        self._submits = {each.path: spec.Submit(each) for each in worlds.settings.models}
        self._routes = (*_ROUTES, *(f"POST {path}" for path in self._submits))

    def route(self, request: Request) -> RoutedRequest:
        """Determine what a request is for and who sent it; a key may open its world at first use."""
        endpoint = request.endpoint
        if endpoint.name is None and (submit := self._submits.get(request.path)):
            # In the request, too, by whose endpoint its entry in the journal has the operation.
            request.endpoint = endpoint = submit if request.method == "POST" else spec.Unrouted("POST")
        if isinstance(endpoint, spec.MediaRead):  # needs no key, as on a CDN (OUT-08)
            world = self._worlds.holder(endpoint.request_id)
        else:
            world = self._caller(request)
        reached = world or request.listener  # a TLS listener reaches its world without a key, too
        policy = reached.policy if reached else self._worlds.settings.policy
        clock = reached.clock if reached else self._worlds.clock
        if request.method == "HEAD" and policy.status_head == "answer" and endpoint == spec.Unrouted("GET"):
            endpoint = spec.classify("GET", request.path)
        if isinstance(endpoint, (spec.StatusRead, spec.MediaRead)):
            return RoutedRequest(endpoint, world, policy, clock)
        # Only a known caller learns that the model is wrong; for any other caller it is an unknown route.
        if isinstance(endpoint, spec.UnknownModel) and world is None:
            endpoint = spec.Unrouted()
        order = policy.check_order
        # An unknown caller is refused whatever the body is, unless the policy checks the body first.
        is_submission = isinstance(endpoint, (spec.Submit, spec.UnknownModel))
        is_judged = is_submission and (world is not None or order.index("key") > order.index("json"))
        keep = None if is_judged else self._worlds.settings.bounds.journal.body
        return RoutedRequest(endpoint, world, policy, clock, policy.body_limit, keep)

    def respond(self, request: Request, now: int, route: RoutedRequest | None = None) -> Response:
        """The response to a request at an instant (UTC milliseconds) of the route's clock."""
        route = route or self.route(request)
        endpoint = route.endpoint
        if isinstance(endpoint, spec.StatusRead):  # not `match`, which takes as long as the rest of this method
            return self._read_status(request, route, endpoint.request_id, now)
        if isinstance(endpoint, spec.Submit):
            return self._submit(request, route, endpoint.operation, endpoint.operation.model_id, now)
        if isinstance(endpoint, spec.MediaRead):
            return self._read_media(request, route, endpoint, now)
        if isinstance(endpoint, spec.UnknownModel):
            return self._submit(request, route, endpoint.operation, endpoint.model_id, now)
        return self.refuse(request, route, spec.UnknownRoute(endpoint.allow), now)

    def refuse(
        self,
        request: Request,
        route: RoutedRequest,
        refusal: spec.Refusal,
        now: int,
        outcome: Outcome[Any] = NO_OUTCOME,
        request_id: str | None = None,
        former: str | None = None,
    ) -> Response:
        """The response to a request that is refused; what the caller probably meant goes to the journal and the log (see `complete`)."""
        if route.world is None:
            former = self._worlds.former(sent_key(request))
        answer = spec.refusal_answer(refusal, route.policy, self._url(request, route))
        path, redactor = quote(request.path), request.redactor(self._worlds)
        if isinstance(refusal, _QUOTING):  # a log of the caller may contain the response
            body = msgspec.json.encode(redactor.json(msgspec.json.decode(answer.body)))
            answer = replace(answer, body=body)
        no_route = isinstance(route.endpoint, spec.UnknownModel) and not route.endpoint.is_route
        mistake = spec.UnknownRoute() if no_route else refusal
        # The hint cuts the path, so it is redacted before.
        meant = hint(mistake, request, redactor.text(path), former, self._routes)
        instead = f"; {meant}" if meant else ""
        log = self._line(request, f"{path} answered {answer.status}: {answer.body.decode()}{instead}")
        return complete(request, route, answer, now, outcome, request_id=request_id, hint=meant, former=former, log=log)

    def _line(self, request: Request, text: str) -> str:
        """A line for the log, without the secrets that the request was sent with."""
        return f"{request.method} {request.redactor(self._worlds).text(text)}"

    def _read_status(self, request: Request, route: RoutedRequest, request_id: str, now: int) -> Response:
        world, policy = route.world, route.policy
        if world is None:
            return self.refuse(request, route, refuse_key(request.key), now)
        # What is still running from a deleted world gets the key of this one from its TLS listener.
        former = self._worlds.former(request_id) if request.listener else None
        if former and world.generation_of(request_id) is None:
            unknown = spec.UnknownRequest(request_id)
            return self.refuse(request, route, unknown, now, request_id=request_id, former=former)
        url, origin, before = self._rule_url(request, route), request.origin(policy), world.next_due()
        outcome = world.apply(ReadStatus(now, request.headers, url, request_id, origin))
        result = outcome.result
        if isinstance(result, spec.Answer):
            wakes = _wakes(world, before, now)  # a read may end a generation whose states last for a number of reads
            return complete(request, route, result, now, outcome, request_id=request_id, wakes=wakes)
        if isinstance(result, spec.UnknownRequest) and policy.unknown_id == "403_foreign":
            result = spec.UnknownRequest(request_id, foreign=self._worlds.reader_of(request_id) is not None)
        return self.refuse(request, route, result, now, outcome, request_id)

    def _submit(
        self, request: Request, route: RoutedRequest, operation: spec.Operation, model_id: str, now: int
    ) -> Response:
        world, policy = route.world, route.policy
        origin = request.origin(policy)
        submission = Submission(
            operation, request.key, request.body, request.content_type, origin, model_id, request.webhook_url, request.webhook_mode,
            request.outcome,
        )  # fmt: skip
        if world is None:
            # Where policy `check_order` checks the body before the key, a refusal of the body comes first.
            admission = Admission(submission, None, policy, now)
            refusal = admission.refusal() or spec.InvalidKey()
            return self.refuse(request, route, refusal, now, Outcome(refusal, decided_by=tuple(admission.decided_by)))
        before = world.next_due()
        outcome = world.apply(SubmitGeneration(now, request.headers, self._rule_url(request, route), submission))
        accepted = outcome.result
        if not isinstance(accepted, Generation):
            if isinstance(accepted, spec.Answer):
                return complete(request, route, accepted, now, outcome)
            return self.refuse(request, route, accepted, now, outcome)
        answer = self._accepted(accepted, operation, origin, policy)
        log = None
        if outcome.ignored:
            answer = replace(answer, reason="; ".join((answer.reason, *outcome.ignored)))
            log = self._line(request, f"{quote(request.path)} {answer.reason}")
        identity, wakes = accepted.request_id, _wakes(world, before, now)
        return complete(request, route, answer, now, outcome, request_id=identity, log=log, wakes=wakes)

    @staticmethod
    def _accepted(accepted: Generation, operation: spec.Operation, origin: str, policy: spec.Policy) -> spec.Answer:
        """The response to an accepted submission; an operation that is not queued has already made its media, or failed."""
        if operation.response is None:
            return spec.accepted_answer(accepted.request_id, origin, policy)
        if accepted.plan.outcome is not spec.Status.COMPLETED:
            return spec.queue_error(500, "Internal Server Error", accepted.plan.error or spec.NOT_PROCESSED)
        url = spec.media_url(accepted.request_id, operation.output, origin, policy)
        return spec.synchronous_answer(operation.response, accepted.request_id, url, accepted.accepted)

    def _read_media(self, request: Request, route: RoutedRequest, media: spec.MediaRead, now: int) -> Response:
        world, policy = route.world, route.policy
        if world is None:
            former = self._worlds.former(media.request_id)
            meant = _remainder(former) if former else _NO_GENERATION
            return complete(request, route, no_media("no such media"), now, hint=meant, former=former)
        url = self._rule_url(request, route)
        outcome = world.apply(ReadMedia(now, request.headers, url, media.request_id, request.method))
        result = outcome.result
        if isinstance(result, Generation) and request.path == spec.media_path(media.request_id, policy, result.output):
            result = serve_media(result, self._worlds.videos, request.method, request.headers, policy)
        if not isinstance(result, spec.Answer):
            result = no_media("the media is not there yet, is no longer there, or has another name")
        return complete(request, route, result, now, outcome, request_id=media.request_id)

    def _caller(self, request: Request) -> World | None:
        """The world of the caller, by the key header, or by the query where the policy allows that (AUTH-06)."""
        if request.key:
            return self._worlds.find(request.key)
        if not request.query:
            return None
        given = sent_key(request)
        world = self._worlds.find(given)
        if world is None or world.policy.query_key == "refuse":
            return None
        request.key = given
        return world

    def _url(self, request: Request, route: RoutedRequest) -> str:
        path = request.path  # the path of a poll is short, and a cache of long ones would have no bound in bytes
        return f"{request.origin(route.policy)}{_quoted(path) if len(path) <= _LONGEST else quote(path)}"

    def _rule_url(self, request: Request, route: RoutedRequest) -> str:
        """The URL that was called, for the response of a rule; made only where there are rules."""
        return self._url(request, route) if route.world and route.world.script else ""


def _wakes(world: World, before: int | None, now: int) -> bool:
    """Whether a webhook comes before the one that was next `before`, and falls due without an advance, which attempts it itself."""
    due = world.next_due()
    return due != before and due is not None and (due <= now or world.clock.rate > 0)


_quoted = lru_cache(maxsize=1024)(quote)


def sent_key(request: Request) -> str:
    """The key in the header, else that in the query, which opens a world only where the policy allows it."""
    if request.key or not request.query:
        return request.key
    return parse_qs(request.query.decode("latin-1"), max_num_fields=None).get(spec.QUERY_KEY, [""])[0]


def hint(refusal: spec.Refusal, request: Request, path: str, former: str | None, routes: tuple[str, ...]) -> str | None:
    """What to do instead, None for a normal refusal; `path` is as it may be shown, `former` the deleted world of the key."""
    if isinstance(refusal, spec.UnknownRoute):
        near = spec.nearest(f"{request.method} {_REQUEST_ID.sub('{request_id}', path)}", routes)
        return f"no route is {request.method} {path[:_LONGEST]}{near}: known are {', '.join(routes)}"
    if former:
        return _remainder(former)
    if isinstance(refusal, spec.InvalidKey):
        return (
            "no world has the key that was sent: in a pytest test use pixazo.api_key or pixazo_env, else start with "
            "--api-key or --open-keys, or create one with POST /_sim/worlds"
        )
    if isinstance(refusal, spec.MissingKey):
        sent = {name.decode("latin-1") for name, _ in request.headers}
        instead = next((f", not in {name}" for name in _OTHER_KEY_HEADERS if name in sent), "")
        if not instead and sent_key(request):
            instead = f", not in the query parameter {spec.QUERY_KEY} (policy query_key=refuse)"
        return f"the key is missing: send it in the header {spec.KEY_HEADER}{instead}"
    return None


def _remainder(former: str) -> str:
    return f"the world of {former} was deleted, but something that it left running still calls: stop it first"
