"""AUTH: keys that are wrongly accepted, refused or disclosed."""

from __future__ import annotations

from pixazo_simulator.mutants.context import Context
from pixazo_simulator.mutants.edits import (
    edit_replies,
    edit_requests,
    has_status,
    in_accepted,
    is_refused,
    policy,
    reads,
    refuse,
    submits,
)
from pixazo_simulator.mutants.members import compute
from pixazo_simulator.mutants.messages import Reply, Request
from pixazo_simulator.mutants.mutant import Edits, Mutant
from pixazo_simulator.spec import KEY_HEADER, QUERY_KEY, InvalidKey

from .addressing import READS

STATUS_KEY_HEADER = "X-API-Key"


def _is_anonymous(request: Request) -> bool:
    """Whether a request has no credential anywhere."""
    return not (request.query or any(request.header(name) is not None for name in (KEY_HEADER, "authorization")))


def _has_empty_key(request: Request) -> bool:
    given = request.header(KEY_HEADER)
    return given is not None and not given.strip()


def _with_known_key(request: Request, context: Context) -> Request:
    return request.with_header(KEY_HEADER, context.key)


def _any_key(request: Request, context: Context) -> Request:
    given = (request.header(KEY_HEADER) or "").strip()
    return _with_known_key(request, context) if given and not context.known else request


def _exact_case(request: Request, _: Context) -> Request:
    printed = KEY_HEADER.encode()
    differs = any(name != printed and name.lower() == printed.lower() for name in request.spelling)
    return request.without_header(KEY_HEADER) if differs else request


def _bearer(request: Request, _: Context) -> Request:
    scheme, _space, token = (request.header("authorization") or "").partition(" ")
    if request.header(KEY_HEADER) is not None or scheme.lower() != "bearer":
        return request
    return request.with_header(KEY_HEADER, token.strip())


def _second_header(request: Request, _: Context) -> Request:
    given = request.header(STATUS_KEY_HEADER)
    return request.with_header(KEY_HEADER, given) if given else request.without_header(KEY_HEADER)


def _as_owner(request: Request, context: Context) -> Request:
    owner = context.owner(request.read_id or "") if context.known and not context.suspended else None
    return request.with_header(KEY_HEADER, owner) if owner else request


def _key_quoted(request: Request, reply: Reply, context: Context) -> Reply:
    members = reply.members() if is_refused(request, reply) and context.known else None
    if members is None or "message" not in members:
        return reply
    return reply.with_members({**members, "message": f"{members['message']} (subscription key {context.key})"})


CREDENTIALS = (
    Mutant("anonymous-submit", "AUTH-01", "A submit without a key is accepted",
           edit_requests(lambda request: submits(request) and _is_anonymous(request), _with_known_key), ("BASE-0[123]", "AUTH-12")),
    Mutant("public-status", "AUTH-02", "A status can be read without a key",
           edit_requests(lambda request: reads(request) and _is_anonymous(request), _with_known_key), ("BASE-04", "AUTH-12")),
    Mutant("any-key-accepted", "AUTH-03", "Any key that is not empty is accepted", Edits(request=_any_key), ("AUTH-08", "AUTH-12")),
    Mutant("empty-key-accepted", "AUTH-04", "An empty key is accepted for a default account", edit_requests(_has_empty_key, _with_known_key)),
    Mutant("key-header-in-exact-case", "AUTH-05", "The key header is found only in the letter case that the page prints",
           Edits(request=_exact_case, names="as spelled")),
    Mutant("key-in-query-accepted", "AUTH-06", "A key in the query parameter subscription-key is accepted",
           policy(query_key="accept")),
    Mutant("bearer-token-accepted", "AUTH-06", "A key sent as a Bearer token is accepted", Edits(request=_bearer)),
    Mutant("second-key-header-on-status", "AUTH-07", f"The status route reads its key from {STATUS_KEY_HEADER}",
           edit_requests(reads, _second_header), ("BASE-0[45]", *READS)),
    Mutant("body-checked-before-key", "AUTH-08", "A body is validated before the key is",
           policy(check_order="json,parameters,key,suspended,rate,model,funds"), ("ERR-PREC-01", "BASE-0[123]", "AUTH-0[134]")),
    Mutant("suspended-key-unknown", "AUTH-09", "A suspended key gets 401", refuse(has_status(403), InvalidKey()), ("AUTH-10",)),
    Mutant("foreign-status-readable", "AUTH-10", "Any account can read any request", edit_requests(reads, _as_owner)),
    Mutant("key-in-polling-url", "AUTH-11", "The polling_url contains the key as a query parameter",
           in_accepted(compute("polling_url", lambda members, context: f"{members['polling_url']}?{QUERY_KEY}={context.key}")),
           ("SUBMIT-11",)),
    Mutant("key-in-validation-errors", "AUTH-11", "A validation error quotes the key", Edits(reply=_key_quoted), ("ERR-ENV-02",)),
    Mutant("empty-401", "AUTH-12", "A 401 has no body",
           edit_replies(has_status(401), lambda reply, _: reply.with_body(b"")), ("HDR-04",)),
    Mutant("401-without-challenge", "AUTH-12", "A 401 has no WWW-Authenticate",
           edit_replies(has_status(401), lambda reply, _: reply.without_header("www-authenticate"))),
)  # fmt: skip
