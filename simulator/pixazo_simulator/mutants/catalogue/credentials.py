"""Wrong ways with keys: AUTH."""

from __future__ import annotations

from pixazo_simulator.mutants.context import Context
from pixazo_simulator.mutants.edits import accepted, answers, asks, has_status, heard_as, policy, refused_as, submits
from pixazo_simulator.mutants.members import computed
from pixazo_simulator.mutants.messages import Reply, Request
from pixazo_simulator.mutants.mutant import Edits, Mutant
from pixazo_simulator.spec import KEY_HEADER, QUERY_KEY, InvalidKey

STATUS_KEY_HEADER = "X-API-Key"


def _anonymous(request: Request) -> bool:
    """Whether a request brings no credential anywhere."""
    return not (request.query or any(request.header(name) is not None for name in (KEY_HEADER, "authorization")))


def _served(request: Request, context: Context) -> Request:
    """The same request by somebody who is known."""
    return request.with_header(KEY_HEADER, context.key)


def _any_key(request: Request, context: Context) -> Request:
    given = (request.header(KEY_HEADER) or "").strip()
    return _served(request, context) if given and not context.known else request


def _blank(request: Request) -> bool:
    given = request.header(KEY_HEADER)
    return given is not None and not given.strip()


def _exact_case(request: Request, _: Context) -> Request:
    misspelled = any(
        name.lower() == KEY_HEADER.lower().encode() and name != KEY_HEADER.encode() for name in request.spelling
    )
    return request.without_header(KEY_HEADER) if misspelled else request


def _bearer(request: Request, _: Context) -> Request:
    scheme, _space, token = (request.header("authorization") or "").partition(" ")
    if request.header(KEY_HEADER) is not None or scheme.lower() != "bearer":
        return request
    return request.with_header(KEY_HEADER, token.strip())


def _second_header(request: Request, _: Context) -> Request:
    given = request.header(STATUS_KEY_HEADER)
    return request.with_header(KEY_HEADER, given) if given else request.without_header(KEY_HEADER)


def _anybodys(request: Request, context: Context) -> Request:
    owner = context.owner(request.read_id or "") if context.known and not context.suspended else None
    return request.with_header(KEY_HEADER, owner) if owner else request


def _echoed(request: Request, reply: Reply, context: Context) -> Reply:
    said = reply.members() if reply.status == 400 and context.known and submits(request) else None
    if said is None or "message" not in said:
        return reply
    return reply.with_members({**said, "message": f"{said['message']} (subscription key {context.key})"})


CREDENTIALS = (
    Mutant("anonymous-submit", "AUTH-01", "A submit without a key is accepted",
           heard_as(lambda request: submits(request) and _anonymous(request), _served), ("BASE-0[123]", "AUTH-12")),
    Mutant("public-status", "AUTH-02", "A status can be read without a key",
           heard_as(lambda request: request.read_id is not None and _anonymous(request), _served), ("BASE-04", "AUTH-12")),
    Mutant("any-key-accepted", "AUTH-03", "Any key that is not empty is accepted", asks(_any_key), ("AUTH-08", "AUTH-12")),
    Mutant("empty-key-accepted", "AUTH-04", "An empty key stands for a default account", heard_as(_blank, _served)),
    Mutant("key-header-in-exact-case", "AUTH-05", "The key header is found only as it is printed, letter for letter",
           asks(_exact_case) | Edits(names="as spelled")),
    Mutant("key-in-query-accepted", "AUTH-06", "A key in the query parameter subscription-key is accepted",
           policy(query_key="accept")),
    Mutant("bearer-token-accepted", "AUTH-06", "A key sent as a Bearer token is accepted", asks(_bearer)),
    Mutant("second-key-header-on-status", "AUTH-07", f"The status route reads its key from {STATUS_KEY_HEADER}",
           heard_as(lambda request: request.read_id is not None, _second_header),
           ("BASE-0[45]", "AUTH-*", "HDR-05", "SUBMIT-1[1234]", "STATUS-*", "FLOW-*", "OUT-*", "TIME-*", "FAIL-*", "WAL-*",
            "ERR-*", "WEBHOOK-*")),
    Mutant("body-checked-before-key", "AUTH-08", "A body is validated before its sender is",
           policy(check_order="json,parameters,key,suspended,rate,model,funds"), ("ERR-PREC-01", "BASE-0[123]", "AUTH-0[134]")),
    Mutant("suspended-key-unknown", "AUTH-09", "A suspended key is answered 401",
           refused_as(has_status(403), lambda _: InvalidKey()), ("AUTH-10",)),
    Mutant("foreign-status-readable", "AUTH-10", "Any account can read any request",
           heard_as(lambda request: request.read_id is not None, _anybodys)),
    Mutant("key-in-polling-url", "AUTH-11", "The polling_url carries the key as a query parameter",
           accepted(computed("polling_url", lambda told, context: f"{told['polling_url']}?{QUERY_KEY}={context.key}")),
           ("SUBMIT-11",)),
    Mutant("key-in-validation-errors", "AUTH-11", "A validation error quotes the key", Edits(reply=_echoed), ("ERR-ENV-02",)),
    Mutant("empty-401", "AUTH-12", "A 401 has no body",
           answers(has_status(401), lambda reply, _: reply.with_body(b"")), ("HDR-04",)),
    Mutant("401-without-challenge", "AUTH-12", "A 401 comes without WWW-Authenticate",
           answers(has_status(401), lambda reply, _: reply.without_header("www-authenticate"))),
)  # fmt: skip
