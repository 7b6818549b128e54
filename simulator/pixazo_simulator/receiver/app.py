"""The receiver as an ASGI application: any POST or PUT is a webhook, `/_sim` lists those that were received."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from pixazo_simulator.control import Refused, check_access, read_body, responses
from pixazo_simulator.spec import CONSOLE_PATH, CONTROL_PREFIX, Header, beginning

from .callback import Answer, Callback
from .kept import Kept, KeptCallback
from .shown import CallbackPage, shown, to_json
from .signature import judge

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from pixazo_simulator.world import Settings

    from .forwarder import Forwarder

BODY_LIMIT = 16 * 1024 * 1024
"""Bytes of the longest webhook; a longer one is answered 413."""
LISTED = 4096
"""Characters of each body in the list."""
_SHOWN = 120
"""Characters of a request line that a message shows."""
_ROUTES = f"GET {CONSOLE_PATH}, GET {CONTROL_PREFIX}/callbacks, POST {CONTROL_PREFIX}/callbacks/{{number}}/resend"
_RESEND = re.compile(rf"{CONTROL_PREFIX}/callbacks/([0-9]{{1,9}})/resend")
_NO_BODY = (204, 304)  # RFC 9110, 6.4.1
_JSON: tuple[Header, ...] = ((b"content-type", b"application/json"),)

_Answered = tuple[int, Sequence[Header], bytes]
"""Status code, headers, body."""


class Receiver:
    """Keeps each webhook, and answers with the response of the app if there is a `forwarder`, else with `respond`; `now` is the real clock in milliseconds."""

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], int],
        *,
        secrets: Sequence[bytes] = (),
        forwarder: Forwarder | None = None,
        respond: int = 204,
    ) -> None:
        self.kept = Kept()
        self._settings = settings
        self._now = now
        self._secrets = secrets
        self._forwarder = forwarder
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, unless the caller goes away before its end."""
        path: str = scope["path"]
        try:
            if not f"{path}/".startswith(f"{CONTROL_PREFIX}/"):
                answered = await self._received(scope, receive)
            else:
                check_access(scope, self._settings)
                if f"{path}/".startswith(f"{CONSOLE_PATH}/"):
                    await self._page(scope, receive, send)
                    return
                answered = await self._own(scope["method"], path, dict(scope["headers"]))
        except Refused as refused:
            answered = refused.status, _JSON, to_json(responses.Refusal(refused.error, str(refused))).encode()
        if answered is None:
            return
        status, headers, body = answered
        has_body = status not in _NO_BODY
        framing = [(b"content-length", b"%d" % len(body))] if has_body else []
        await send({"type": "http.response.start", "status": status, "headers": [*headers, *framing]})
        await send({"type": "http.response.body", "body": body if has_body else b""})

    @cached_property
    def _page(self) -> ASGIApp:
        from .page import Page  # on first use: importing Jinja2 takes as long as a hundred webhooks

        answered_by = self._forwarder.shown_url if self._forwarder else f"this receiver, with {self._respond}"
        return Page(self.kept, self._resend, answered_by, forwards=self._forwarder is not None).router

    async def _received(self, scope: Scope, receive: Receive) -> _Answered | None:
        """The answer to a webhook, which is kept; None for a caller that goes away."""
        if scope["method"] not in ("POST", "PUT"):
            raise Refused(405, "this receives webhooks, by POST or PUT", "Method not allowed")
        length = dict(scope["headers"]).get(b"content-length", b"")
        body = await read_body(receive, BODY_LIMIT, int(length) if length.isdigit() else 0)
        if body is None:
            return None
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        callback = Callback(
            at=self._now(), method=scope["method"], target=target.decode("latin-1"), headers=tuple(map(tuple, scope["headers"])), body=body,
        )  # fmt: skip
        entry = self.kept.add(callback, judge(callback, self._secrets, callback.at))
        if self._forwarder is None:
            answer = Answer(at=self._now(), status=self._respond)
        else:
            answer = await self._forwarder.forward(callback)
        self.kept.answered(entry, answer)
        return answer.status, answer.headers, answer.body

    async def _own(self, method: str, path: str, headers: dict[bytes, bytes]) -> _Answered:
        if method in ("GET", "HEAD") and path == f"{CONTROL_PREFIX}/callbacks":
            page = CallbackPage(self.kept.total, [shown(each, LISTED) for each in self.kept])
            return 200, _JSON, to_json(page).encode()
        if method == "POST" and (found := _RESEND.fullmatch(path)):
            kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
            # A page of another site could send any other request without a CORS preflight (a simple request).
            if kind != b"application/json" and b"hx-request" not in headers:
                raise Refused(
                    415,
                    "a request that changes something needs Content-Type: application/json",
                    "Unsupported media type",
                )
            return 200, _JSON, to_json(shown(await self._resend(int(found[1])))).encode()
        asked = beginning(f"{method} {path}", _SHOWN)
        raise Refused(404, f"{asked} is not a route of this receiver: known are {_ROUTES}", "Not found")

    async def _resend(self, number: int) -> KeptCallback:
        """Post a webhook to the app once more. Raises Refused."""
        entry = self.kept.get(number)
        if entry is None:
            raise Refused(404, f"there is no webhook {number}: it has not come, or is not kept any more", "Not found")
        if self._forwarder is None:
            raise Refused(409, "there is no app to send it to: start with --forward-to URL", "Not forwarding")
        return self.kept.answered(entry, await self._forwarder.forward(entry.callback))
