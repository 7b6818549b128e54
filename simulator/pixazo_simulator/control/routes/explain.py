"""The control route that explains what would happen to a request."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import UNSET

from pixazo_simulator.control.dry_run import dry_run
from pixazo_simulator.control.route import ControlRequest, Refused, route
from pixazo_simulator.control.schema import examples
from pixazo_simulator.control.schema import responses as shapes
from pixazo_simulator.control.schema.requests import Would
from pixazo_simulator.spec import CONTROL_PREFIX, HEAD_LIMIT, INVITATION_PATH, KEY_HEADER, Header, beginning


@route(
    "POST", "/_sim/explain", worldly=False, answer=examples.EXPLANATION,
    example={"method": "POST", "path": "/minimax-hailuo-ai/v1/generate", "body": {"prompt": "A bear"}},
)  # fmt: skip
async def explain(request: ControlRequest[Would]) -> shapes.Explanation:
    """Explain what would happen to a request of the gateway, and why; nothing is sent and nothing changes.

    The answer tells the exchange as the journal would, what each rule says to it, price, generation and callbacks. The key of
    the caller and the host that was called are taken where `headers` name none; JSON gets its Content-Type. Whatever a mutant
    would make of the answer is left out.
    """
    wish, path = request.wish, _path(request)
    if path.startswith((CONTROL_PREFIX, INVITATION_PATH)):
        raise Refused(
            400, f"path {beginning(path, 80)!r} is no route of the gateway, but one of ours: it is not explained"
        )
    if len(path) + sum(len(name) + len(value) for name, value in wish.headers.items()) > HEAD_LIMIT:
        raise Refused(
            400, f"path and headers are longer than {HEAD_LIMIT} bytes: the gateway answers 431 to such a request"
        )
    body, is_json = _body(wish)
    headers = [(name.lower(), value) for name, value in wish.headers.items()]
    known = dict(headers)
    headers += [each for each in _usual(request, body, is_json=is_json) if each[0] not in known]
    return dry_run(request.worlds, wish.method.upper(), path, [_header(*each) for each in headers], body)


def _path(request: ControlRequest[Would]) -> str:
    """Path and query, without the origin of this simulator. Raises Refused for a URL of any other."""
    asked, origin = request.wish.path, f"http://{request.host}"
    if asked.startswith(f"{origin}/"):
        return asked.removeprefix(origin)
    if not asked.startswith("/"):
        raise Refused(
            400,
            f"path {beginning(asked, 80)!r} is no URL of this simulator: give path and query, or begin with {origin}",
        )
    return asked


def _body(wish: Would) -> tuple[bytes, bool]:
    """The body to send, and whether it is JSON, which is sent as it was written."""
    if wish.body is UNSET:
        return b"", False
    given = bytes(wish.body)
    return (msgspec.json.decode(given, type=str).encode(), False) if given.startswith(b'"') else (given, True)


def _usual(request: ControlRequest[Would], body: bytes, *, is_json: bool) -> Iterator[tuple[str, str]]:
    """The headers that any caller sends."""
    yield "host", request.host
    yield "content-length", str(len(body))
    if request.key:
        yield KEY_HEADER.lower(), request.key
    if is_json:
        yield "content-type", "application/json"


def _header(name: str, value: str) -> Header:
    try:
        return name.encode("ascii"), value.encode("latin-1")
    except UnicodeEncodeError:
        raise Refused(
            400,
            f"header {beginning(name, 40)!r}: {beginning(value, 40)!r} cannot be sent: use ASCII names and Latin-1 values",
        ) from None
