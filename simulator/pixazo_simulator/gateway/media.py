"""The route by which the videos of completed generations are fetched."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from pixazo_simulator.script import Decision, canned_answer
from pixazo_simulator.spec import Answer, media_type
from pixazo_simulator.world import Generation, World, Worlds, at_download

from .download import serve
from .request import Incoming, incoming
from .responder import Replies
from .video import video

_PLAIN = ((b"content-type", b"text/plain; charset=utf-8"),)


class Library:
    """Media as an ASGI application; no key is needed, as on a CDN (OUT-08)."""

    def __init__(self, worlds: Worlds, replies: Replies) -> None:
        self._worlds = worlds
        self._replies = replies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a GET or HEAD; the path holds `request_id` and `extension`."""
        asked, request_id = incoming(scope, receive, send), scope["path_params"]["request_id"]
        owner = self._worlds.holder(request_id)
        if owner is None:
            nobody = "no generation has this request id: media are found under the URLs of a COMPLETED status answer"
            await self._replies.give(asked, None, _missing("no such media"), hint=nobody)
            return
        decision, canned = _scripted(asked, owner, request_id)
        answer = canned or _answer(asked, owner, request_id)
        await self._replies.give(asked, owner, answer, request_id=request_id, decision=decision)


def _scripted(asked: Incoming, owner: World, request_id: str) -> tuple[Decision | None, Answer | None]:
    """What a rule wants, and what it answers in the place of the video."""
    if not owner.script:
        return None, None
    scope = asked.scope
    decision = owner.script.decide(at_download(request_id, owner.known(request_id), scope["method"], scope["headers"]))
    realm = f"{asked.origin(owner.policy)}{scope['path']}"
    return decision, canned_answer(decision.step, "media", owner.policy, realm) if decision else None


def _answer(asked: Incoming, owner: World, request_id: str) -> Answer:
    placeholder = owner.policy.media == "placeholder"
    generation = owner.completed(request_id)
    if generation is None or asked.scope["path_params"]["extension"] != ("ext" if placeholder else "mp4"):
        return _missing("media not yet there, or no longer, or under another name")
    return _served(asked, owner, generation)


def _served(asked: Incoming, owner: World, generation: Generation) -> Answer:
    response = serve(Request(asked.scope), video(generation), generation.request_id, media_type(owner.policy))
    headers = tuple(header for header in response.raw_headers if header[0] != b"content-length")
    body = bytes(response.body)
    return Answer(response.status_code, body, headers, f"media, {len(body)} bytes", opaque=True)


def _missing(reason: str) -> Answer:
    return Answer(404, b"Object not found", _PLAIN, reason)
