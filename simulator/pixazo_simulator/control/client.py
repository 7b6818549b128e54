"""A client of our own routes: one method per operation of `/_sim`, over HTTP or in process."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode, urlsplit

if TYPE_CHECKING:
    from pixazo_simulator.script import Rule


KEY_HEADER = "Ocp-Apim-Subscription-Key"
TOKEN_HEADER = "X-Pixazo-Control-Token"  # noqa: S105 - its name
FIRST_ERROR = 400
LONGEST_ADVANCE = 600.0
"""Real seconds until an answer is given up: an advance ends only when every callback that fell due was attempted."""
LONGEST_IDLE = 30.0
"""Real seconds after which a kept connection is not used again: the server closes an idle one after 75."""

Channel = Callable[[str, str, "str | None", bytes], tuple[int, bytes]]
"""Carries method, target, API key and body to a simulator; gives back status and body. Any thread may call it."""


class ControlError(Exception):
    """A control request that was not carried out.

    `status` is the HTTP status, or None when no simulator answered; `told` is the whole answer: after a `wait_for` that
    ran out of time it says what did arrive, after an `advance` that stopped before its end how far the clock came.
    """

    def __init__(self, status: int | None, message: str, told: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.told: Mapping[str, Any] = told or {}


class ControlClient:
    """The control plane of one simulator, and of the world that `api_key` opens, as plain JSON values.

    `control_token` is that of a server which was started with `--control-token`. `channel` replaces HTTP, as `Simulator.control()` does
    for a simulator of this process. Blocking, needs no event loop,
    and may be used from any thread, inside a running loop too. Every method raises ControlError with the reason and the
    remedy when its wish is refused, and ValueError for a URL that is not http.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        control_token: str | None = None,
        channel: Channel | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.api_key = api_key
        self._channel = channel or HttpChannel(self.url, control_token)

    def health(self) -> dict[str, Any]:
        """Whether the simulator answers, and how many worlds it holds."""
        return self._ask("GET", "/_sim/health")

    def openapi(self) -> dict[str, Any]:
        """The description of these operations, as OpenAPI 3.1."""
        return self._ask("GET", "/_sim/openapi.json")

    def create_world(
        self,
        *,
        key: str | None = None,
        balance: str | None = None,
        profile: str | None = None,
        policy: Mapping[str, Any] | None = None,
        clock: str | None = None,
        seed: int | None = None,
        images: Mapping[str, Any] | None = None,
        script: Sequence[Rule | Mapping[str, Any]] | None = None,
    ) -> ControlClient:
        """Open a world and return its own client; what is left out comes from the server's settings, a key is made up.

        `balance` is in US dollars (`"0.50"`), `clock` one of `real`, `manual`, `xN`, `policy` maps fields to their values.
        """
        rules = None if script is None else [_told(rule) for rule in script]
        wishes = {
            "key": key, "balance": balance, "profile": profile, "policy": policy, "clock": clock, "seed": seed,
            "images": images, "script": rules,
        }  # fmt: skip
        told = self._ask("POST", "/_sim/worlds", _given(wishes))
        return ControlClient(self.url, told["key"], channel=self._channel)

    def world(self) -> dict[str, Any]:
        """The world at a glance: balance, clock, seed, switches, policy."""
        return self._ask("GET", "/_sim/world")

    def change_world(
        self,
        *,
        balance: str | None = None,
        policy: Mapping[str, Any] | None = None,
        suspended: bool | None = None,
        model_enabled: bool | None = None,
        images: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Change what is given and leave the rest; nothing changes when one of the wishes is wrong."""
        wishes = {
            "balance": balance, "policy": policy, "suspended": suspended, "model_enabled": model_enabled, "images": images,
        }  # fmt: skip
        return self._ask("PATCH", "/_sim/world", _given(wishes))

    def delete_world(self) -> None:
        """Forget the world; its key is unknown from now on."""
        self._ask("DELETE", "/_sim/world")

    def clock(self) -> dict[str, Any]:
        """What time it is in the world, and how its clock runs."""
        return self._ask("GET", "/_sim/clock")

    def advance(self, seconds: float) -> list[dict[str, Any]]:
        """Let seconds of the world's clock pass and return what fell due, in order: transitions and callbacks attempted.

        Raises ControlError with status 409 when more callbacks are due than one advance attempts (10,000), or when they take
        longer than 300 real seconds: the clock has stopped before the end, `told["now"]` says where and `told["events"]` what
        fell due until then. Advance again to go on.
        """
        events: list[dict[str, Any]] = self._ask("POST", "/_sim/clock/advance", {"seconds": seconds})["events"]
        return events

    def ledger(self, *, limit: int | None = None) -> dict[str, Any]:
        """The balance, and the latest entries that it folds from."""
        return self._list("ledger", limit=limit)

    def generations(self, *, limit: int | None = None) -> dict[str, Any]:
        """The latest generations: status, plan, what was asked for."""
        return self._list("generations", limit=limit)

    def journal(
        self,
        *,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
        after: int | None = None,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """The latest exchanges of the world; with `after` the first ones beyond that number, so that one can page.

        `path` is any part of the target.
        """
        return self._list("journal", method=method, path=path, status=status, after=after, limit=limit)

    def lobby(
        self,
        *,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
        after: int | None = None,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """The calls to this server that reached no world, such as those with an unknown key; filters as of the journal."""
        return self._list("lobby", method=method, path=path, status=status, after=after, limit=limit)

    def script(self) -> dict[str, Any]:
        """The rules in order, with how often each of their steps was used."""
        return self._ask("GET", "/_sim/script")

    def set_script(self, rules: Sequence[Rule | Mapping[str, Any]]) -> dict[str, Any]:
        """Put these rules in the place of all that there are; none is changed when one of them is wrong."""
        return self._ask("PUT", "/_sim/script", {"rules": [_told(rule) for rule in rules]})

    def clear_script(self) -> None:
        """Forget every rule."""
        self._ask("DELETE", "/_sim/script")

    def add_rule(self, rule: Rule | Mapping[str, Any]) -> int:
        """Append a rule and return its number."""
        number: int = self._ask("POST", "/_sim/script/rules", _told(rule))["number"]
        return number

    def replace_rule(self, number: int, rule: Rule | Mapping[str, Any]) -> None:
        """Put another rule in the place of one; it starts unused."""
        self._ask("PUT", f"/_sim/script/rules/{number}", _told(rule))

    def remove_rule(self, number: int) -> None:
        """Forget one rule."""
        self._ask("DELETE", f"/_sim/script/rules/{number}")

    def explain(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: object = None
    ) -> dict[str, Any]:
        """What would happen to this request, and why; nothing is sent and nothing changes.

        A `body` that is no text is taken as JSON. The key of this world is sent when `headers` hold none.
        """
        asked = {"method": method, "path": path, "headers": headers, "body": body}
        return self._ask("POST", "/_sim/explain", _given(asked))

    def wait_for(self, condition: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        """Block until the condition holds and return what fulfils it; `timeout` is in real seconds.

        Raises ControlError with status 408 when time runs out; its `told` says what did arrive, and what came nearest.
        """
        return self._ask("POST", "/_sim/wait", {**condition, "timeout": timeout})

    def deliveries(self, *, limit: int | None = None) -> dict[str, Any]:
        """The latest callbacks, delivered or pending, with every attempt."""
        return self._list("deliveries", limit=limit)

    def resend(self, number: int) -> dict[str, Any]:
        """Post a callback once more, now, and return that attempt."""
        return self._ask("POST", f"/_sim/deliveries/{number}/resend")

    def open_tls_listener(self, hosts: Sequence[str]) -> dict[str, Any]:
        """Open a TLS port that leads into this world, whatever key is sent there: `number`, `port`, `ca_pem`."""
        return self._ask("POST", "/_sim/tls-listeners", {"hosts": list(hosts)})

    def close_tls_listener(self, number: int) -> None:
        """Close a TLS listener and reset its connections."""
        self._ask("DELETE", f"/_sim/tls-listeners/{number}")

    def _list(self, what: str, /, **filters: object) -> dict[str, Any]:
        query = urlencode(_given(filters), quote_via=quote)
        return self._ask("GET", f"/_sim/{what}?{query}" if query else f"/_sim/{what}")

    def _ask(self, method: str, target: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        content = b"" if body is None else json.dumps(body, allow_nan=False).encode()
        status, answer = self._channel(method, target, self.api_key, content)
        told = _read(status, answer, self.api_key)
        if status >= FIRST_ERROR:
            raise ControlError(status, told["message"], told)
        return told


class HttpChannel:
    """Reaches a simulator over HTTP, each thread on a connection of its own that is kept alive."""

    def __init__(self, url: str, control_token: str | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"url {_redacted(url)!r} is not the origin of a simulator, such as http://127.0.0.1:8900")
        self._url = url
        self._host, self._port = _UNSPECIFIED.get(parts.hostname, parts.hostname), parts.port
        self._token = control_token
        self._of_thread = threading.local()

    def __call__(self, method: str, target: str, key: str | None, body: bytes) -> tuple[int, bytes]:
        """Send one request. Raises ControlError when no simulator answers."""
        from http.client import HTTPException

        headers = {"Content-Type": "application/json"} if body else {}
        if key is not None:
            headers[KEY_HEADER] = key
        if self._token is not None:
            headers[TOKEN_HEADER] = self._token
        try:
            return self._kept().ask(method, target, body, headers)
        except (OSError, HTTPException) as error:
            problem = f"{type(error).__name__}: {error}"
            told = f"{method} {target} got no answer from {self._url} ({problem}): is `pixazo-sim serve` running there?"
            raise ControlError(None, _redacted(told, key)) from error

    def _kept(self) -> _Kept:
        kept: _Kept | None = getattr(self._of_thread, "kept", None)
        if kept is None:
            kept = self._of_thread.kept = _Kept(self._host, self._port)
        return kept


_UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing listens here
"""Addresses on which a server listens everywhere, and by which nobody can call it."""


def _redacted(text: str, *keys: str | None) -> str:
    """A text without these keys, and without other secrets."""
    from pixazo_simulator.spec import Redactor

    return Redactor(key for key in keys if key).text(text)


class _Kept:
    """A connection that is used again and again, by one thread, and closed with it."""

    def __init__(self, host: str, port: int | None) -> None:
        from http.client import HTTPConnection

        self._connection = HTTPConnection(host, port, timeout=LONGEST_ADVANCE)
        self._until = 0.0

    def ask(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Send one request and read its answer, on a new connection if the old one has been idle for long."""
        if time.monotonic() >= self._until:
            self._connection.close()  # it opens again by itself
        self._until = 0.0
        self._connection.request(method, target, body or None, headers)
        answer = self._connection.getresponse()
        told = answer.status, answer.read()
        self._until = time.monotonic() + LONGEST_IDLE
        return told

    def __del__(self) -> None:
        """Close it, since a socket that is left to the garbage collector complains."""
        self._connection.close()


def _given(wishes: Mapping[str, object]) -> dict[str, Any]:
    return {name: wish for name, wish in wishes.items() if wish is not None}


def _told(rule: Rule | Mapping[str, Any]) -> Mapping[str, Any]:
    return rule if isinstance(rule, Mapping) else rule.told()


def _read(status: int, answer: bytes, key: str | None) -> dict[str, Any]:
    try:
        told: Any = json.loads(answer)
    except ValueError:
        told = None
    if not isinstance(told, dict) or (status >= FIRST_ERROR and "message" not in told):
        shown = _redacted(answer.decode(errors="replace"), key)[:80]
        raise ControlError(status, f"the answer {shown!r} is none of a simulator: does another program listen there?")
    return cast("dict[str, Any]", told)
