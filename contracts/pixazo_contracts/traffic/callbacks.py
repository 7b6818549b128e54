"""Forwards webhooks to the URLs that an app gave for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import h11

from pixazo_contracts.trace import split_url

from .judging import Say
from .tape import Tape
from .wire import Head, Peer, Trailers, connect, framed, refuse

MOST_CALLBACK: Final = 1024 * 1024
"""The most bytes of a callback."""


async def relay_callback(app: Peer, head: Head, token: str, tape: Tape, say: Say) -> None:
    """Forward a callback to the URL that the app gave for it, and return the app's response. Raises `h11.RemoteProtocolError`, `LostError`."""
    at, url = tape.now(), tape.hooks.get(token)
    body = bytearray()
    async for piece in app.body():
        body += piece if isinstance(piece, bytes) else b""
        if len(body) > MOST_CALLBACK:
            raise h11.RemoteProtocolError("the callback is too long", error_status_hint=413)
    if url is None:
        await refuse(app, 404, "no such callback URL")
        return
    parts = split_url(url)
    target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}".encode()
    headers = [(n, parts.netloc.rpartition("@")[2].encode() if n.lower() == b"host" else v) for n, v in head.headers]
    asked = replace(head, first=(head.first[0], target), headers=headers).passed_on()
    answer: Head | None = None
    pieces = list[bytes | Trailers]()
    try:
        peer = await connect(f"{parts.scheme}://{parts.netloc}")
        try:
            peer.expect(head.first[0])
            framing = (bytes(body), Trailers([])) if body else (Trailers([]),)
            await peer.write(asked.dump() + b"".join(framed(piece, chunked=asked.chunked) for piece in framing))
            answer = await peer.response()
            while answer.status < 200:
                answer = await peer.response()
            async for piece in peer.body():
                pieces.append(piece)
        finally:
            peer.close()
    except (OSError, h11.RemoteProtocolError) as error:
        say(f"the app's webhook URL cannot be reached ({error})", once="webhook")
        answer = None
    tape.called(head, bytes(body), answer.status if answer else 502, at)
    if answer is None:
        await refuse(app, 502, "the app's webhook URL cannot be reached")
    else:
        sent = b"".join(framed(piece, chunked=answer.chunked) for piece in pieces)
        await app.write(answer.passed_on().dump() + sent)
