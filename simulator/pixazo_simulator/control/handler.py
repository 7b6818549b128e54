"""Handles control requests, over HTTP or in process: who may call, how a request is read, routed, carried out and answered."""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec

from pixazo_simulator import spec
from pixazo_simulator.state import Scratch
from pixazo_simulator.webhooks import USER_AGENT, Dispatcher
from pixazo_simulator.world import Settings, StateUnavailableError, TakeNumber, World, Worlds

from .client import TOKEN_HEADER
from .metrics import CONTENT_TYPE, Traffic
from .route import ControlRequest, ControlRoute, Refused, TlsListeners, world_of
from .schema.responses import Refusal, encode

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

BODY_LIMIT = 4 * 1024 * 1024
"""Bytes of the longest control request: as many as a script may have."""
_WORLDS = "/_sim/worlds"
"""Where a saved world is sent, too: a document that was exported, in which the body of each submission is in Base64."""
LOG_LIMIT = 256 * 1024 * 1024
"""Bytes of the longest one: a log keeps 64 MiB of commands, and then its latest."""
MOST_MARKS = 15_000
"""Commas in a body, opening brackets, and opening braces, also those in strings: reading them takes 0.1 s, while no other thread runs."""
MOST_COMMANDS = 60_000
"""Commas in a saved world: a log keeps about 20,000 commands."""
_TOO_LARGE = ": send it in parts; a saved world of any size is read by pixazo-sim replay FILE"
_KEY = spec.KEY_HEADER.lower().encode()
_READ_AT_ONCE = 32 * 1024
"""Bytes of a body that are read, or searched for keys, without a thread: rules of this size take 15 ms, anything else less than 1 ms."""
_AT_A_TIME, _OVERLAP = 64 * 1024, 4096
"""Characters that are searched for keys (in 0.1 ms) before another thread may run, and how far a key may reach beyond them."""
_SHOWN_PATH, _SHOWN_HOST = 120, 80
"""Characters of what was sent that a message shows."""
_UNAVAILABLE = 503
_TURNS = 20
"""Iterations of the loop within which the server notices that a caller has left for whom it delays a response."""
Answer = tuple[int, bytes]


class _Text(bytes):
    """A body that is not JSON."""


log = logging.getLogger("pixazo_simulator")


class ControlHandler:
    """The control routes over the worlds of one server: an ASGI application, and `answer` for callers of this process.

    Every response is searched again for known keys, in case a route has not redacted it. A long body is processed in a `slot`.
    """

    def __init__(
        self,
        worlds: Worlds,
        dispatcher: Dispatcher,
        tls_listeners: TlsListeners,
        slot: Callable[[int], AbstractAsyncContextManager[None]],
        scratch: Scratch,
        traffic: Traffic,
        is_delaying: Callable[[], bool],
    ) -> None:
        self._worlds = worlds
        self._slot, self._is_delaying = slot, is_delaying
        self._saved_world = asyncio.Lock()
        of_server = worlds, dispatcher, tls_listeners, scratch, traffic, asyncio.Lock(), dict[tuple[int, int], World]()
        self._call: Callable[[str, str, int, Any], ControlRequest[Any]] = partial(ControlRequest, *of_server)

    async def answer(self, method: str, path: str, query: str, body: bytes, *, host: str, key: str) -> Answer:
        """Carry out one request and return status code and JSON. It never raises, whatever is sent."""
        redactor = self._worlds.redactor.with_keys(key)
        for _ in range(_TURNS if self._is_delaying() else 0):
            await asyncio.sleep(0)
        try:
            route, number = _find(method, path)
            if route.needs_world:
                await self._worlds.in_steps(self._worlds.opened, key)
                with self._worlds.lock:
                    world_of(key, self._worlds)  # an unknown caller is refused before the body is looked at
            if self._worlds.log and not route.local:
                await self._worlds.log.catch_up()
            async with self._slot(len(body)):
                if len(body) <= _READ_AT_ONCE:
                    decoded = _decoded(route, query, body)
                else:  # in a thread: the event loop serves other requests meanwhile
                    decoded = await asyncio.to_thread(_decoded, route, query, body)
            response = await self._worlds.in_steps(route.carry_out, self._call(host, key, number, decoded))
        except (Refused, StateUnavailableError) as error:
            return await _refusal(error, redactor)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a response
            asked = f"{spec.beginning(method, _SHOWN_PATH)!a} {spec.beginning(path, _SHOWN_PATH)!a}"
            failed = redactor.text(f"{asked} failed with {type(error).__name__}")
            log.error("%s %s", failed, spec.raised_at(error))  # noqa: TRY400 - a traceback may contain keys
            reason = f"{failed}: this is a fault of the simulator, please report it"
            return await _refusal(Refused(500, reason, "Internal error"), redactor)
        return route.status, await _encoded(response, route.reveals, redactor)

    def answer_at_once(self, method: str, path: str, query: str, body: bytes, *, host: str, key: str) -> Answer | None:
        """The same in the thread of the caller; returns None and does nothing for a request that needs the event loop."""
        try:
            if (
                self._worlds.log
                or self._is_delaying()
                or not _find(method, path)[0].at_once
                or len(body) > _READ_AT_ONCE
            ):
                return None
        except Refused:
            return None
        answering = self.answer(method, path, query, body, host=host, key=key)
        while True:
            try:
                answering.send(None)  # it only yields to other callers, who are served in their own threads
            except StopIteration as end:
                answer: Answer = end.value
                return answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a control request, or one for a document of the simulator, unless the caller disconnects before its end.

        Saved worlds of more than BODY_LIMIT bytes, or of unknown length, are read one at a time.
        """
        length = dict(scope["headers"]).get(b"content-length", b"").decode("latin-1")
        is_long = not length.isdecimal() or int(length[:20]) > BODY_LIMIT
        may_be_long = is_long and (scope["method"], scope["path"]) == ("POST", _WORLDS)
        async with self._saved_world if may_be_long else nullcontext():
            await self._exchange(scope, receive, send, length, LOG_LIMIT if may_be_long else BODY_LIMIT)

    async def _exchange(self, scope: Scope, receive: Receive, send: Send, length: str, limit: int) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        key, host = (headers.get(name, b"").decode("latin-1") for name in (_KEY, b"host"))
        key = key.strip()
        try:
            check_access(scope, self._worlds.settings)
            size = f" (it has {length})" if length else ""
            body = await read_body(receive, limit, remedy=f"{size}{_TOO_LARGE}")
            if body is None:
                return
            if scope["path"] == spec.DISCOVERY_PATH:
                # Its keys are shown: they do not open a world yet, so nothing is disclosed.
                magic = self._worlds.settings.magic
                number = await self._worlds.in_steps(self._worlds.perform, TakeNumber()) if magic else None
                status, content = 200, encode(discovery_document(number, self._worlds.clock.rate))
            elif scope["path"] == spec.OPENAPI_PATH:
                from importlib.metadata import version  # with the first request for it

                from pixazo_simulator.gateway import gateway_document

                served = self._worlds.operations.values()
                document = gateway_document(served, version("pixazo-testkit"), f"{scope['scheme']}://{host}")
                status, content = 200, encode(document)
            else:
                query = scope["query_string"].decode("latin-1")
                method = "GET" if scope["method"] == "HEAD" else scope["method"]
                status, content = await self.answer(method, scope["path"], query, body, host=host, key=key)
        except (Refused, StateUnavailableError) as error:
            status, content = await _refusal(error, self._worlds.redactor.with_keys(key))
        kind = CONTENT_TYPE if isinstance(content, _Text) else b"application/json"
        framing = [(b"content-length", b"%d" % len(content)), (b"content-type", kind)]
        if status == _UNAVAILABLE:
            framing.append((b"retry-after", b"1"))
        await send({"type": "http.response.start", "status": status, "headers": framing})
        await send({"type": "http.response.body", "body": content})


def _find(method: str, path: str) -> tuple[ControlRoute, int]:
    """The route of a request, and the number in its path, 0 if it has none. Raises Refused."""
    from .routes import ROUTES  # with the first request: `pixazo-sim listen` takes from this module only who may call

    for route in ROUTES:
        if route.method == method and (found := route.pattern.fullmatch(path)):
            return route, int(found[1]) if found.groups() else 0
    asked = spec.beginning(f"{method} {path}", _SHOWN_PATH)
    known = tuple(f"{each.method} {each.path}" for each in ROUTES)
    raise Refused(404, f"{asked} is not a control route{spec.nearest(asked, known)}: known are {', '.join(known)}")


def _decoded(route: ControlRoute, query: str, body: bytes) -> Any:
    """The body, or the query, as the type that the route takes. Raises Refused."""
    if route.reads_query:
        try:
            return spec.fit(dict(parse_qsl(query, keep_blank_values=True)), route.request_type, strict=False)
        except spec.InvalidDataError as misfit:
            raise Refused(400, f"the query does not fit: {misfit}") from None
    commas = MOST_COMMANDS if route.path == _WORLDS else MOST_MARKS
    if spec.has_too_many_values(body, commas, MOST_MARKS):
        most = f"{commas} commas or {MOST_MARKS} opening brackets or braces"
        raise Refused(400, f"the body has more than {most}{_TOO_LARGE}")
    try:
        return spec.read(body, route.request_type)
    except spec.InvalidDataError as misfit:
        raise Refused(400, f"the body does not fit: {misfit}") from None


async def read_body(receive: Receive, limit: int, announced: int = 0, remedy: str = "") -> bytes | None:
    """The whole body; None when the caller disconnected before its end.

    Raises Refused with the remedy as soon as it, or its `announced` length, is longer than `limit` bytes.
    """
    taken, more = bytearray(), announced <= limit
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        taken += message.get("body", b"")
        more = message.get("more_body", False) and len(taken) <= limit
    if max(announced, len(taken)) > limit:
        raise Refused(413, f"the body is larger than {limit} bytes{remedy}")
    return bytes(taken)


async def _refusal(error: Refused | StateUnavailableError, redactor: spec.Redactor) -> Answer:
    from .schema import rendering

    refused = error if isinstance(error, Refused) else Refused(_UNAVAILABLE, str(error), "Service unavailable")
    reason = refused.reason
    body = reason if isinstance(reason, Refusal) else rendering.refusal(redactor, reason, refused.error)
    return refused.status, await _encoded(body, (), redactor)


async def _encoded(response: object, reveals: tuple[str, ...], redactor: spec.Redactor) -> bytes:
    """A response as JSON without known keys, except the members that are revealed; a string is sent as it is; others are served meanwhile."""
    if isinstance(response, str):
        return _Text(redactor.text(response).encode())
    encoded = encode(response)
    if len(encoded) <= _READ_AT_ONCE:
        return _without_keys(encoded, reveals, redactor)
    return await asyncio.to_thread(_without_keys, encoded, reveals, redactor)


def _without_keys(encoded: bytes, reveals: tuple[str, ...], redactor: spec.Redactor) -> bytes:
    from .schema import rendering

    revealed, searched = dict[str, object](), encoded
    if reveals:
        members: dict[str, object] = msgspec.json.decode(encoded)
        revealed = {name: members.pop(name) for name in reveals if name in members}
        searched = encode(members)
    text = searched.decode()
    pieces = (text[start : start + _AT_A_TIME + _OVERLAP] for start in range(0, len(text), _AT_A_TIME))
    if not any(map(redactor.holds_key, pieces)):
        return encoded
    return encode(rendering.without_keys(msgspec.json.decode(searched), redactor) | revealed)


_ACCOUNTS = {
    "other": ("sim-another-account",),
    "empty": ("sim-empty-wallet",),
    "one": ("sim-one-video",) * 5,
    "two": ("sim-two-videos",) * 2,
    "suspended": ("sim-suspended",),
    "throttled": ("sim-throttled",),
    "recovering": ("sim-throttled-briefly",),
    "broken": ("sim-broken",),
    "disabled": ("sim-disabled-model",),
}
"""The magic keys of each role in the discovery document."""


def discovery_document(number: int | None, rate: float = 0.0) -> dict[str, Any]:
    """The document for a clock of this rate; each `number` has other accounts, None has none, as without magic keys.

    It has the `accounts` by role, unused so far, the `prompts` by the status they end in, and the `clock`. For a manual clock,
    `advance` is the POST that advances it, with `seconds` added.
    """
    advance = {"path": "/_sim/clock/advance", "body": {"every_world": True}}
    clock = {"kind": "running", "rate": rate} if rate else {"kind": "manual", "advance": advance}
    if number is None:
        return {"clock": clock}
    accounts = {
        role: [f"{key}-{number}-{index}" for index, key in enumerate(keys, 1)] for role, keys in _ACCOUNTS.items()
    }
    prompts = {kind: spec.PROMPTS[kind][0].replace("TEXT", "as the test asked for") for kind in ("failed", "error")}
    return {"accounts": accounts, "prompts": prompts, "capabilities": [], "clock": clock}


_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9_.-]{1,253}))(?::([0-9]{1,5}))?")
_ORIGIN = re.compile(r"https?://(.+)", re.IGNORECASE)


def check_access(scope: Scope, settings: Settings) -> None:
    """Raise Refused unless the caller may use `/_sim`.

    With a control token every caller must send it. Without one only peers on loopback are answered, unless the settings open `/_sim` to
    everyone. Headers that a proxy adds are ignored: anyone can send them. `Host` must be a loopback name or one of the settings, so no web
    page can reach the simulator by DNS rebinding; an IP address, which cannot be rebound, is enough if the peer alone does not decide.
    An `Origin` must be of such a host, too. Webhooks, which come from loopback, are known by their User-Agent and refused.
    """
    if any(name == b"user-agent" and value == USER_AGENT.encode() for name, value in scope["headers"]):
        raise Refused(403, f"webhooks may not call /_sim: use a User-Agent other than {USER_AGENT}")
    host, origin, token = (_only(scope, name) for name in ("host", "origin", TOKEN_HEADER.lower()))
    if settings.control_token is not None:
        if token is None or not hmac.compare_digest(token.strip().encode(), settings.control_token.encode()):
            problem = "is missing" if token is None else "is wrong"
            raise Refused(
                403, f"the control token {problem}: send the value of --control-token in the header {TOKEN_HEADER}"
            )
    elif not settings.control_open and not _is_local(scope):
        peer = scope["client"][0] if scope.get("client") else "unknown"
        raise Refused(
            403,
            f"/_sim answers only callers on this machine, and this one is {peer}: start with --control-token TOKEN and send it in "
            f"the header {TOKEN_HEADER}, or with --control-open",
        )
    _check_host(host or "", settings)
    if origin is not None:
        _check_origin(origin, host or "", settings)


def _only(scope: Scope, name: str) -> str | None:
    """The value of a header. Raises Refused when there are several."""
    values: Sequence[bytes] = [value for each, value in scope["headers"] if each == name.encode()]
    if len(values) > 1:
        raise Refused(400, f"there are {len(values)} headers {name}: send one")
    return values[0].decode("latin-1") if values else None


def _check_host(host: str, settings: Settings) -> None:
    name = _host_of(host)
    trusted = settings.control_token is not None or settings.control_open
    # The addresses 0.0.0.0 and :: are refused even then: for browsers they are this machine.
    is_specific = name is not None and not isinstance(name, str) and not name.is_unspecified
    if name is None or not (_is_own(name, settings) or (trusted and is_specific)):
        named = name if isinstance(name, str) or is_specific else None  # --control-host refuses the others
        remedy = f"or start with --control-host {named or 'NAME'}"
        problem = f"is not a loopback name: call /_sim as localhost or 127.0.0.1, {remedy}"
        raise Refused(403, f"Host {spec.beginning(host, _SHOWN_HOST)!r} {problem}")


def _check_origin(origin: str, host: str, settings: Settings) -> None:
    found = _ORIGIN.fullmatch(origin)
    authority = found[1] if found else ""
    name = _host_of(authority)
    if name is None or not (authority.lower() == host.lower() or _is_own(name, settings)):
        remedy = f"call /_sim from a page of this machine, or start with --control-host {name or 'NAME'}"
        raise Refused(403, f"Origin {spec.beginning(origin, _SHOWN_HOST)!r} is not a loopback name: {remedy}")


def _host_of(authority: str) -> spec.IpAddress | str | None:
    """The host of `HOST[:PORT]`, a name in lower case; None for anything else."""
    found = _AUTHORITY.fullmatch(authority)
    if not found or int(found[3] or 0) > spec.LAST_PORT:
        return None
    if found[1]:
        return spec.plain_ip(found[1]) if ":" in found[1] else None
    return spec.plain_ip(found[2]) or found[2].lower()


def _is_own(host: spec.IpAddress | str, settings: Settings) -> bool:
    if isinstance(host, str):
        return host in ("localhost", *map(str.lower, settings.control_hosts))
    return host.is_loopback or host in map(spec.plain_ip, settings.control_hosts)


def _is_local(scope: Scope) -> bool:
    """Whether the peer is on this machine: its address says so, or there is none, as on a Unix socket."""
    if not scope.get("client"):
        server = scope.get("server")  # a TCP connection that was reset has no peer either
        return not server or server[1] is None
    return spec.is_loopback_ip(str(scope["client"][0]))
