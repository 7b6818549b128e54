"""BASE, AUTH, HDR: wrong addresses; keys that are wrongly accepted, refused or disclosed; headers read or written wrongly."""

from __future__ import annotations

from urllib.parse import parse_qsl

from pixazo_simulator.spec import KEY_HEADER, QUERY_KEY, SECOND, STATUS_PATH, SUBMIT_PATHS, InvalidKey

from .edits import *
from .mutant import *

BASE = "/minimax-hailuo-ai/v1/"


def moved(path: str, old: tuple[str, str], new: tuple[str, str]) -> str | None:
    """A path with another prefix and suffix around its id; None if it does not have the old one."""
    (before, after), (to, end) = old, new
    rest = path.removeprefix(before)
    if not path.startswith(before) or after not in rest:
        return None
    middle, _, extension = rest.rpartition(after) if after else (rest, "", "")
    return f"{to}{middle}{end}{extension}"


def nowhere(request: Request) -> Request:
    """The request to a path that has no route: no model is called `v0`."""
    return request.at(f"/v0{request.path}")


def relocated(old: tuple[str, str], new: tuple[str, str] | None, *, both: bool = False) -> Edits:
    """Serve what has one path, a prefix and a suffix, at another, or nowhere; `both`: at the old one, too."""

    def edited(request: Request, _: Context) -> Request:
        if new and (path := moved(request.path, new, old)):
            return request.at(path)
        return nowhere(request) if not both and moved(request.path, old, old) else request

    return Edits(request=edited)


def _get_submits(request: Request, _: Context) -> Request:
    if request.method != "GET" or request.path not in SUBMIT_PATHS or not request.query:
        return request
    posted = request.at(request.path, "POST").with_header("content-type", "application/json")
    return posted.with_members(dict(parse_qsl(request.query.decode("latin-1"))))


def _any_case(request: Request, _: Context) -> Request:
    for path in SUBMIT_PATHS:
        if path.lower() == request.path.lower():
            return request.at(path)
    is_read = request.path.lower().startswith(STATUS_PATH)
    return request.at(STATUS_PATH + request.path[len(STATUS_PATH) :]) if is_read else request


ADDRESSING = (
    Mutant("base-path-renamed", "BASE-01", "The model API is served below /hailuo/v1", relocated((BASE, ""), ("/hailuo/v1/", ""))),
    Mutant("generate-renamed", "BASE-02", "Text-to-video is served only at /textToVideo",
           relocated((f"{BASE}{GENERATE}", ""), (f"{BASE}textToVideo", ""))),
    Mutant("image-to-video-in-kebab-case", "BASE-03", "Image-to-video is served only at /image-to-video",
           relocated((f"{BASE}{IMAGE_TO_VIDEO}", ""), (f"{BASE}image-to-video", ""))),
    Mutant("status-below-the-model", "BASE-04", "A status is read only below the model's base path, as /result/{id}",
           relocated((STATUS_PATH, ""), (f"{BASE}result/", ""))),
    Mutant("status-of-text-only", "BASE-05", "The status route knows only ids issued by text-to-video",
           hide_accepted(lambda request: submits(request, IMAGE_TO_VIDEO))),
    Mutant("get-submits", "BASE-06", "GET on a submit path with query parameters queues a generation", Edits(request=_get_submits)),
    Mutant("put-submits", "BASE-06", "PUT on a submit path queues a generation",
           edit_requests(lambda request: request.method == "PUT", lambda request, _: request.at(request.path, "POST"))),
    Mutant("paths-in-any-case", "BASE-07", "Paths are matched without regard to letter case", Edits(request=_any_case)),
    Mutant("trailing-slash-accepted", "BASE-07", "A submit path may end in a slash",
           edit_requests(lambda request: request.path.rstrip("/") in SUBMIT_PATHS, lambda request, _: request.at(request.path.rstrip("/")))),
)  # fmt: skip


STATUS_KEY_HEADER = "X-API-Key"


def _is_anonymous(request: Request) -> bool:
    """Whether a request has no credential anywhere."""
    return not request.query and request.key is None and request.header("authorization") is None


def _with_known_key(request: Request, context: Context) -> Request:
    return request.with_header(KEY_HEADER, context.key)


def _any_key(request: Request, context: Context) -> Request:
    return request if context.caller else _with_known_key(request, context)


def _bearer(request: Request, _: Context) -> Request:
    scheme, _space, token = (request.header("authorization") or "").partition(" ")
    return request.with_header(KEY_HEADER, token.strip()) if scheme.lower() == "bearer" else request


def _second_header(request: Request, _: Context) -> Request:
    given = request.header(STATUS_KEY_HEADER)
    return request.with_header(KEY_HEADER, given) if given else request.without_header(KEY_HEADER)


def _as_owner(request: Request, context: Context) -> Request:
    is_allowed = context.caller and not context.caller.account.suspended
    owner = context.owner(request.read_id or "") if is_allowed else None
    return request.with_header(KEY_HEADER, owner) if owner else request


def _key_quoted(members: Members, context: Context) -> Members:
    if not context.caller or "message" not in members:
        return members
    return {**members, "message": f"{members['message']} (subscription key {context.key})"}


CREDENTIALS = (
    Mutant("anonymous-submit", "AUTH-01", "A submit without a key is accepted",
           edit_requests(lambda request: submits(request) and _is_anonymous(request), _with_known_key)),
    Mutant("public-status", "AUTH-02", "A status can be read without a key",
           edit_requests(lambda request: reads(request) and _is_anonymous(request), _with_known_key)),
    Mutant("any-key-accepted", "AUTH-03", "Any key that is not empty is accepted", edit_requests(lambda request: bool(request.key), _any_key)),
    Mutant("empty-key-accepted", "AUTH-04", "An empty key is accepted for a default account",
           edit_requests(lambda request: request.key == "", _with_known_key)),
    Mutant("key-header-in-exact-case", "AUTH-05", "The key header is found only in the letter case that the page prints",
           Edits(names="case-sensitive")),
    Mutant("key-in-query-accepted", "AUTH-06", "A key in the query parameter subscription-key is accepted", policy(query_key="accept")),
    Mutant("bearer-token-accepted", "AUTH-06", "A key sent as a Bearer token is accepted",
           edit_requests(lambda request: request.key is None, _bearer)),
    Mutant("second-key-header-on-status", "AUTH-07", f"The status route reads its key from {STATUS_KEY_HEADER}",
           edit_requests(reads, _second_header)),
    Mutant("body-checked-before-key", "AUTH-08", "A body is validated before the key is",
           policy(check_order="json,parameters,key,suspended,rate,model,funds")),
    Mutant("suspended-key-unknown", "AUTH-09", "A suspended key gets 401", refuse(has_status(403), InvalidKey())),
    Mutant("foreign-status-readable", "AUTH-10", "Any account can read any request", edit_requests(reads, _as_owner)),
    Mutant("key-in-polling-url", "AUTH-11", "The polling_url contains the key as a query parameter",
           in_accepted(compute("polling_url", lambda members, context: f"{members['polling_url']}?{QUERY_KEY}={context.key}"))),
    Mutant("key-in-validation-errors", "AUTH-11", "A validation error quotes the key", edit_replies(is_refused, in_members(_key_quoted))),
    Mutant("empty-401", "AUTH-12", "A 401 has no body", edit_replies(has_status(401), lambda reply, _: reply.with_body(b""))),
    Mutant("401-without-challenge", "AUTH-12", "A 401 has no WWW-Authenticate",
           edit_replies(has_status(401), lambda reply, _: reply.without_header("www-authenticate"))),
)  # fmt: skip


CACHED = 30 * SECOND
PAGE = b"<!DOCTYPE html><html><head><title>Error</title></head><body><h1>The page could not be shown</h1></body></html>"


def _cached(reply: Reply, context: Context) -> Reply:
    stored, answer = context.memory.get("cached", reply.request.read_id) or (context.now, reply)
    if context.now - stored >= CACHED:
        stored, answer = context.now, reply
    context.memory.put((stored, answer), "cached", reply.request.read_id)
    cached: Reply = answer.with_header("cache-control", f"max-age={CACHED // SECOND}")
    return cached.with_header("age", str((context.now - stored) // SECOND))


HEADERS = (
    Mutant("json-type-compared-exactly", "HDR-01", "A charset after application/json is refused",
           edit_requests(lambda request: submits(request) and request.header("content-type") != "application/json",
                         lambda request, _: request.with_header("content-type", "text/plain"))),
    Mutant("content-type-ignored", "HDR-02", "A body is read as JSON whatever its declared type", policy(content_type="ignore")),
    Mutant("cache-control-required", "HDR-03", "A submit without Cache-Control is refused with 400",
           refuse_submits(lambda request: request.header("cache-control") is None, "The header Cache-Control: no-cache is required.")),
    Mutant("errors-in-html", "HDR-04", "A 401 and a 404 are HTML pages",
           edit_replies(has_status(401, 404), lambda reply, _: reply.with_body(PAGE).with_header("content-type", "text/html; charset=utf-8"))),
    Mutant("status-typed-as-text", "HDR-04", "A status response is declared as text/plain",
           edit_replies(is_read, with_header("content-type", "text/plain"))),
    Mutant("status-cached", "HDR-05", "A cache in front of the gateway serves a status response for 30 s", edit_replies(is_read, _cached)),
    Mutant("status-cacheable", "HDR-05", "The headers of a status response allow caching it for 30 s",
           edit_replies(is_read, with_header("cache-control", "max-age=30"))),
)  # fmt: skip
