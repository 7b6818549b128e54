"""How a request reaches the target: the interface of all layers, and the two lowest, which add the key and speak HTTP."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Final, Protocol
from urllib.parse import urlencode, urlsplit

import httpx2

from pixazo_contracts.probes import Send
from pixazo_contracts.trace import KEY_HEADER, ConfigurationError, JsonObject, Profile, Target

from .redactor import is_distinctive
from .run_clock import RUN_IT, RunClock, StandstillError, VirtualClock

#: A replacement for the network, such as an app in this process.
Network = httpx2.BaseTransport

#: The longest response that is read, in bytes: of a download, and of anything else.
MOST_MEDIA: Final = 64 * 1024 * 1024
MOST_BODY: Final = 8 * 1024 * 1024

#: A time-out, in seconds, is the profile's deadline within these bounds. It applies to each step, down to each byte; a whole
#: request may take this many times as long, a download this many times.
SHORTEST_TIMEOUT: Final = 10.0
LONGEST_TIMEOUT: Final = 120.0
PATIENCE: Final = 2
MEDIA_PATIENCE: Final = 10

#: Idle connections are dropped before servers drop them, in seconds: some do after one.
KEEPALIVE: Final = 0.5

#: The header of a key by its placement, and what the API-management product that uses this header calls it in a query; the
#: page does not offer that form.
KEY_HEADERS: Final = {
    "header": KEY_HEADER,
    "lower-case": KEY_HEADER.lower(),
    "upper-case": KEY_HEADER.upper(),
    "bearer": "Authorization",
}
QUERY_NAME: Final = "subscription-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The outcome of a request; without a response `status` is None and `error` is `connect`, `timeout` or `lost`.

    `whole`: the response says where it ends, and was read to that point. `spent`: the request counts as a generation.
    """

    status: int | None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    error: str | None = None
    whole: bool = True
    spent: bool = False


class Transport(Protocol):
    """One layer. A layer never raises for network errors: those are a `Reply`."""

    def send(self, request: Send) -> Reply:
        """Send one request and wait for its response; safe to call from several threads."""
        ...


class HttpTransport:
    """The network: one pool of connections, no redirects, no cookies, bounded responses."""

    def __init__(self, profile: Profile, network: Network | None = None) -> None:
        try:
            trusted = httpx2.create_ssl_context()
        except OSError as error:
            remedy = "look at SSL_CERT_FILE and SSL_CERT_DIR"
            raise ConfigurationError(f"certificates cannot be read: {error.strerror or error}: {remedy}") from None
        self._timeout = timeout = min(max(profile.deadline, SHORTEST_TIMEOUT), LONGEST_TIMEOUT)
        self._client = httpx2.Client(
            timeout=timeout,
            # Following a redirect would be a second request, which the spend guard does not see.
            follow_redirects=False,
            verify=trusted,
            # A proxy of the environment cannot reach this machine's loopback.
            trust_env=not profile.loopback,
            transport=network,
            limits=httpx2.Limits(max_connections=None, keepalive_expiry=KEEPALIVE),
            headers={"User-Agent": f"pixazo-contracts/{version('pixazo-testkit')}", "Accept-Encoding": "identity"},
        )

    def close(self) -> None:
        self._client.close()

    def send(self, request: Send) -> Reply:
        """Send a request and read its response, up to a bound; one that drips on, each byte in time, is left to its own thread."""
        reply: Future[Reply] = Future()
        threading.Thread(target=self._fulfil, args=(request, reply), name="wire", daemon=True).start()
        try:
            return reply.result(self._timeout * (MEDIA_PATIENCE if request.operation == "media" else PATIENCE))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):
            return Reply(status=None, error="connect")
        except (httpx2.TimeoutException, TimeoutError):
            return Reply(status=None, error="timeout")
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError):  # ValueError for what cannot be encoded
            return Reply(status=None, error="lost")

    def _fulfil(self, request: Send, reply: Future[Reply]) -> None:
        try:
            reply.set_result(self._exchange(request))
        except BaseException as error:  # noqa: BLE001 - it is raised where the response is waited for
            reply.set_exception(error)

    def _exchange(self, request: Send) -> Reply:
        most = MOST_MEDIA if request.operation == "media" else MOST_BODY
        # A server that sends a body for HEAD, or leaves one unread, spoils its connection for the next request.
        usual = request.method == "POST" or (request.method == "GET" and request.body is None)
        close = [] if usual else [("Connection", "close")]
        with self._client.stream(
            request.method, request.url, headers=[*request.headers, *close], content=request.body
        ) as response:
            self._client.cookies.clear()
            # A response that ends with its connection may have been cut anywhere.
            framed = not {"content-length", "transfer-encoding"}.isdisjoint(response.headers)
            body, whole = bytearray(), framed or response.http_version == "HTTP/2"
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > most:
                    whole = False
                    break
            headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)
            return Reply(status=response.status_code, headers=headers, body=bytes(body), whole=whole)


def near_keys(target: Target) -> dict[str, str]:
    """Invalid keys that are spelled almost like the default account's, by account name: `near.case` and so on."""
    known = {key for keys in target.keys.values() for key in keys}
    key = next(iter(target.keys.get("default", ("",))))
    # What a gateway quotes of the short one is redacted like a key, so it must not be a common word.
    short = key[:-1] if is_distinctive(key[:-1]) else ""
    end = key[:-1] + ("1" if key.endswith("0") else "0")
    near = {"case": key.swapcase(), "short": short, "end": end, "long": f"{key}0", "quoted": f'"{key}"'}
    return {f"near.{name}": text for name, text in near.items() if text and text not in known}


class KeyInjector:
    """Adds the key of a request's account where its placement says, so no layer above this one ever has a key."""

    def __init__(self, inner: Transport, target: Target, run: str) -> None:
        self._inner = inner
        self._target = target
        # The unknown key looks like a real one but belongs to no account; so does the key in place of a missing spelling.
        self._unknown = hashlib.sha256(f"nobody {run}".encode()).hexdigest()[:32]
        self._made_up = {"blank": "", "unknown": self._unknown, **near_keys(target)}

    def send(self, request: Send) -> Reply:
        """Send with the key in its place. Raises PermissionError for a request with a key to another origin."""
        if request.account == "":
            return self._inner.send(request)
        origin = self._target.profile.origin
        if urlsplit(request.url)[:2] != urlsplit(origin)[:2]:
            raise PermissionError(f"{request.url} is not at {origin}: the key is not sent there")
        otherwise = self._unknown if request.account.startswith("near.") else None
        made_up = self._made_up.get(request.account, otherwise)
        key = self._target.account(request.account) if made_up is None else made_up
        if request.placement == "query":
            joint = "&" if "?" in request.url else "?"
            return self._inner.send(replace(request, url=f"{request.url}{joint}{urlencode({QUERY_NAME: key})}"))
        header = (KEY_HEADERS[request.placement], f"Bearer {key}" if request.placement == "bearer" else key)
        return self._inner.send(replace(request, headers=(*request.headers, header)))


@contextmanager
def advancing_clock(target: Target, path: str, body: JsonObject) -> Generator[RunClock]:
    """A virtual clock that moves the target's by a POST with this body and `seconds`; StandstillError if that gets no 2xx."""
    with closing(HttpTransport(target.profile)) as wire:
        keyed, url = KeyInjector(wire, target, ""), target.profile.origin.rstrip("/") + path

        def advance(seconds: float) -> None:
            content, typed = json.dumps({**body, "seconds": seconds}).encode(), ("Content-Type", "application/json")
            post = Send(operation="other", method="POST", url=url, case="advance", headers=(typed,), body=content)
            reply = keyed.send(post)
            if reply.status is None or not 200 <= reply.status < 300:
                got = reply.status or reply.error
                raise StandstillError(f"the target's clock could not be advanced (POST {path}: {got}): {RUN_IT}")

        yield VirtualClock(advance)


def fetch(profile: Profile, path: str) -> bytes | None:
    """GET a path at the target without any key, outside the trace: the body of a 200, else None."""
    with closing(HttpTransport(profile)) as wire:
        url = profile.origin.rstrip("/") + path
        reply = wire.send(Send(operation="other", url=url, case="discovery", account=""))
    return reply.body if reply.status == 200 else None
