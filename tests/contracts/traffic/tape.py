"""An app's calls of a simulator in this process, kept as a trace on the clock of the simulator's world."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Self, cast
from urllib.parse import urlsplit

from tests.caller import GENERATE, IMAGE_TO_VIDEO, KEY_HEADER, Caller, Reply
from tests.inprocess import ADDRESS, InProcess
from tests.receiver import Behaviour, Receiver

from pixazo_contracts.runner import record_request_body
from pixazo_contracts.trace import Callback, Exchange, Footer, Header, Profile, Trace, inspect_media
from pixazo_simulator import PROFILES, Settings

ORIGIN = f"http://{ADDRESS}"
START = datetime(2026, 3, 31, 10, tzinfo=UTC)
STATUS = "/v2/requests/status/"
KEYS = {"default": "sim-key", "unknown": "who", "other": "sim-another-account", "empty": "sim-empty-wallet", "suspended": "sim-suspended", "throttled": "sim-throttled", "": ""}  # fmt: skip


class Tape:
    """`with Tape({"media": "mp4"}) as tape: tape.generate(); tape.advance(15)`; `tape.trace` is what was said until then."""

    def __init__(self, policy: Mapping[str, str], profile: str = "documented") -> None:
        self._send = InProcess(Settings(policy=PROFILES[profile].changed(policy)))
        self.now = 0.0
        self.exchanges: list[Exchange] = []
        self.callbacks: list[Callback] = []
        self._receivers: list[tuple[Receiver, int]] = []
        self._media: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for receiver, _answers in self._receivers:
            receiver.__exit__(None, None, None)
        self._send.__exit__(None, None, None)

    def receiver(self, *responses: bytes | Behaviour, answers: int = 200) -> str:
        """A URL at a receiver of its own that answers so; `answers` is what a trace says of it."""
        opened = Receiver(*responses)
        opened.__enter__()
        self._receivers.append((opened, answers))
        return f"{opened.url}/{len(self._receivers)}"

    def call(
        self, method: str, target: str, body: object = None, headers: Mapping[str, str] | None = None, *,
        account: str = "default", operation: str = "other", placement: str = "header",
    ) -> Reply:  # fmt: skip
        """Send one request and keep it."""
        given = {KEY_HEADER: KEYS[account]} if KEYS[account] and placement == "header" else {}
        sent = {**({} if body is None else {"Content-Type": "application/json"}), **(headers or {})}
        content = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        )
        reply = self._send(method, target, {**given, **sent}, content)
        path = urlsplit(target).path
        is_media = operation == "media"
        self.exchanges.append(
            Exchange(
                number=len(self.exchanges) + 1, probe="", case="", operation=operation, method=method,
                url=f"{ORIGIN}{target}", account="" if is_media else account, started=self.now, finished=self.now, status=reply.status,
                request_id=path.removeprefix(STATUS) if path.startswith(STATUS) else self._media.get(path),
                request_headers=tuple(sent.items()), request_body=record_request_body(content),
                request_size=len(content), headers=tuple(reply.headers.items()), placement=placement,
                body=None if is_media else reply.body.decode(), size=len(reply.body),
                media=inspect_media(reply.body) if is_media and reply.status == 200 else None,
            )
        )  # fmt: skip
        return reply

    def submit(
        self,
        members: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        account: str = "default",
        image: str | None = None,
    ) -> Reply:
        """Submit text to video, or with an image the other operation."""
        is_object = members is None or isinstance(members, dict)
        given = cast("dict[str, Any]", members or {}) if is_object else None
        body: Any = cast("Any", members) if given is None else {"prompt": "A bear", **given}
        if image is not None and given is not None:
            body["first_frame_image"] = image
        operation = "generate" if image is None else "imageToVideo"
        path = GENERATE if image is None else IMAGE_TO_VIDEO
        return self.call("POST", path, body, headers, account=account, operation=operation)

    def read(self, reply: Reply, *, account: str = "default", method: str = "GET") -> Any:
        """Read the status of an accepted submit; returns what it says, None for a refused one."""
        if reply.status not in {200, 202}:
            return None
        operation = "status" if method == "GET" else "other"
        found = self.call(method, STATUS + reply.json()["request_id"], account=account, operation=operation)
        return found.json() if found.status == 200 and method == "GET" else None

    def download(self, envelope: Any, headers: Mapping[str, str] | None = None) -> None:
        """Fetch the video of an envelope, from this server whatever its URL says, and keep that URL."""
        if envelope and envelope["output"]:
            url: str = envelope["output"]["media_url"][0]
            path = str(urlsplit(str(url)).path)
            self._media[path] = envelope["request_id"]
            self.call("GET", path, headers=headers, operation="media")
            self.exchanges[-1] = replace(self.exchanges[-1], url=url)

    def advance(self, seconds: float) -> None:
        """Let time pass; each callback arrives at the instant of its attempt."""
        caller, before = Caller(self._send, KEYS["default"]), [len(r.received) for r, _ in self._receivers]
        events, start = caller.advance(seconds)["events"], self.now
        self.now += seconds
        due = [self._since(event["at"]) for event in events if event["kind"] == "webhook"]
        for (receiver, answered), seen in zip(self._receivers, before, strict=True):
            new = receiver.received[seen:]
            times = due if len(due) == len(new) else [start + seconds] * len(new)
            for at, each in zip(times, new, strict=True):
                self.callbacks.append(
                    Callback(
                        number=len(self.callbacks) + 1, at=at, method="POST", target=each.path, answered=answered,
                        header_names=tuple(each.headers), body=each.body.decode(), size=len(each.body),
                    )
                )  # fmt: skip

    def _since(self, stamp: str) -> float:
        return (datetime.fromisoformat(stamp) - START).total_seconds()

    @property
    def trace(self) -> Trace:
        """What was said so far."""
        header = Header(
            suite="",
            clause_set="",
            profile_hash="",
            profile=Profile(origin=ORIGIN),
            started_at="2026-03-31T10:00:00+00:00",
        )
        footer = Footer(exchanges=len(self.exchanges), callbacks=len(self.callbacks), seconds=self.now)
        return Trace(header, tuple(self.exchanges), tuple(self.callbacks), footer)
