"""The control route that explains what would happen to a request."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from pixazo_simulator.control.dry_run import dry_run
from pixazo_simulator.control.route import ControlRequest, Refused, route
from pixazo_simulator.control.schema import examples
from pixazo_simulator.control.schema.requests import DryRun
from pixazo_simulator.control.schema.responses import Explanation
from pixazo_simulator.spec import CONTROL_PREFIX, DISCOVERY_PATH, HEAD_LIMIT, KEY_HEADER, Header, beginning


@route(
    "POST", "/_sim/explain", needs_world=False, response_example=examples.EXPLANATION,
    request_example={"method": "POST", "path": "/minimax-hailuo-ai/v1/generate", "body": {"prompt": "A bear"}},
)  # fmt: skip
async def explain(request: ControlRequest[DryRun]) -> Explanation:
    """Explain what would happen to a request of the gateway, and why; nothing is sent and nothing changes.

    The response shows the exchange as the journal would, whether each rule decides, price, generation and webhooks. If `headers`
    have none, the key of the caller and the host that was called are added; JSON gets its Content-Type. The edits of a mutant
    are left out.
    """
    asked, path = request.body, _path(request)
    if path.startswith((CONTROL_PREFIX, DISCOVERY_PATH)):
        raise Refused(
            400,
            f"path {beginning(path, 80)!r} is no route of the gateway, but one of the simulator: it is not explained",
        )
    if len(path) + sum(len(name) + len(value) for name, value in asked.headers.items()) > HEAD_LIMIT:
        raise Refused(
            400, f"path and headers are longer than {HEAD_LIMIT} bytes: the gateway answers 431 to such a request"
        )
    body, is_json = _body(asked)
    usual = {"host": request.host, "content-length": str(len(body))}  # what every client sends
    if request.key:
        usual[KEY_HEADER.lower()] = request.key
    if is_json:
        usual["content-type"] = "application/json"
    given = [(name.lower(), value) for name, value in asked.headers.items()]
    missing = usual.keys() - dict(given).keys()
    headers = given + [(name, value) for name, value in usual.items() if name in missing]
    return dry_run(request.worlds, asked.method.upper(), path, [_header(*each) for each in headers], body)


def _path(request: ControlRequest[DryRun]) -> str:
    """Path and query, without the origin of this simulator. Raises Refused for a URL of any other."""
    asked, origin = request.body.path, f"http://{request.host}"
    if asked.startswith(f"{origin}/"):
        return asked.removeprefix(origin)
    if not asked.startswith("/"):
        raise Refused(
            400,
            f"path {beginning(asked, 80)!r} is no URL of this simulator: give path and query, or begin with {origin}",
        )
    return asked


def _body(asked: DryRun) -> tuple[bytes, bool]:
    """The body to send, and whether it is JSON, which is sent as it was written."""
    if asked.body is UNSET:
        return b"", False
    given = bytes(asked.body)
    return (msgspec.json.decode(given, type=str).encode(), False) if given.startswith(b'"') else (given, True)


def _header(name: str, value: str) -> Header:
    try:
        return name.encode("ascii"), value.encode("latin-1")
    except UnicodeEncodeError:
        raise Refused(
            400,
            f"header {beginning(name, 40)!r}: {beginning(value, 40)!r} cannot be sent: use ASCII names and Latin-1 values",
        ) from None
