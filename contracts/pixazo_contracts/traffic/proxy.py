"""The proxy: passes bytes between an app and a gateway, pays before it sends, records the traffic on the tape, and has it judged."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

import h11

from pixazo_contracts.judge import Outcome
from pixazo_contracts.probes import Send
from pixazo_contracts.runner import BudgetExhaustedError, Purse, Reply
from pixazo_contracts.trace import STATUS_BASE, Exchange, Profile, canonical_origin, members_of, only_reads, split_url

from .classify import SUBMIT_PATHS
from .tape import Failure, Message, Tape, TapeError, decoded
from .wire import Head, LostError, Peer, Piece, RawHeaders, connect, framed, refuse

#: The longest request and response that are kept, and the longest response of the API that is held until it is recorded, in bytes.
MOST_KEPT: Final = 64 * 1024 * 1024
MOST_HELD: Final = 256 * 1024

#: The longest callback, in bytes, and how many exchanges may wait to be judged.
MOST_CALLBACK: Final = 1024 * 1024
MOST_UNJUDGED: Final = 1000

#: The most simultaneous connections; how long an idle connection is kept, and a shutdown waits for work under way, in seconds.
MOST_CONNECTIONS: Final = 500
IDLE: Final = 300.0
DRAINING: Final = 10.0

HOOK: Final = re.compile(r"/hook/([0-9a-f]+-\d+-proxy)(?:\?.*)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyOptions:
    """How the proxy behaves: `keep_host` passes the app's Host on, `public_url` is where the gateway reaches the proxy."""

    host: str = "127.0.0.1"
    port: int = 0
    keep_host: bool = True
    complain: bool = False
    public_url: str | None = None


@dataclass(slots=True, kw_only=True)
class _Passing(Message):
    """One exchange under way: its response has `ended`, the gateway has `reset` the connection, the app has closed its side (`app_left`)."""

    app: Peer
    operation: str
    gateway: Peer | None
    sent: bytes | None = None
    pieces: list[Piece] = field(default_factory=list[Piece])
    ended: bool = False
    reset: bool = False
    app_left: bool = False
    noted: bool = False
    pump: asyncio.Task[None] | None = None

    def keep(self, piece: Piece) -> None:
        """Take in a piece of the response."""
        if isinstance(piece, bytes):
            self.answer_size += len(piece)
            if len(self.answered) + len(piece) <= MOST_KEPT:
                self.answered += piece
        else:
            self.ended = True


def _lost(passing: _Passing) -> Failure:
    """The gateway's connection was lost: where the app had closed its side, it is the app that gave up."""
    return Failure("abandoned" if passing.app_left else "lost")


class _Judging:
    """Exchanges to judge; `say` gets what is wrong with them. It is made where the event loop runs. There is a `task` while some are waiting."""

    def __init__(self, tape: Tape, say: Callable[..., None]) -> None:
        self._tape, self._say = tape, say
        self._waiting: dict[str, Exchange] = {}
        self._thread = ThreadPoolExecutor(1, "judge")
        self.task: asyncio.Task[None] | None = None

    async def stop(self) -> None:
        """Judge nothing more."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        self._thread.shutdown(cancel_futures=True)

    def later(self, exchange: Exchange) -> None:
        """Judge an exchange after those before it; a later one of its generation may replace it."""
        if len(self._waiting) >= MOST_UNJUDGED:
            self._say("requests arrive faster than they are judged: the rest is judged at the end", once="unjudged")
            return
        self._waiting[exchange.accepted_id or exchange.request_id or str(exchange.number)] = exchange
        if self.task is None:
            self.task = asyncio.create_task(self._all())

    async def _all(self) -> None:
        try:
            while self._waiting:
                await self.now(self._waiting.pop(next(iter(self._waiting))))
        finally:
            self.task = None

    async def now(self, exchange: Exchange) -> list[str]:
        window, loop = self._tape.window(exchange), asyncio.get_running_loop()
        found = await loop.run_in_executor(self._thread, self._tape.violations, window)
        for clause, outcome, finding in found:
            number = finding.exchange or exchange.number
            where = f"{finding.where}: " if finding.where else ""
            said = f"{where}{finding.got}, expected {finding.expected}"
            self._say(f"{outcome.value} {clause} in exchange {number}: {said}  {finding.curl or ''}".rstrip())
        return list(dict.fromkeys(clause for clause, outcome, _ in found if outcome is Outcome.FAIL))


class Proxy:
    """A server on one port. `say` gets each line about it; `guard` pays for what may cost."""

    def __init__(self, profile: Profile, options: ProxyOptions, tape: Tape, say: Callable[[str], None]) -> None:
        self._profile, self._options, self._tape, self._say_raw = profile, options, tape, say
        self.guard: Purse | None = None
        self._thread = ThreadPoolExecutor(1, "paid")
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy: set[Peer] = set()
        self._once: set[str] = set()
        self._judging = _Judging(tape, self._say)
        self._server: asyncio.Server | None = None
        self.stopping, self.hurrying = asyncio.Event(), asyncio.Event()

    def _say(self, line: str, *, once: str = "") -> None:
        if once not in self._once or not once:
            self._once.add(once)
            self._say_raw(self._tape.text(line))

    async def start(self) -> int:
        """Begin to listen; return the port. Raises OSError."""
        self._server = await asyncio.start_server(self._connected, self._options.host, self._options.port, backlog=128)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Accept nothing more, and wait a while for exchanges under way."""
        if self._server is not None:
            self._server.close()
        for _ in range(int(DRAINING / 0.05)):
            if self.hurrying.is_set() or not (self._busy or self._judging.task):
                break
            await asyncio.sleep(0.05)
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._thread.shutdown)  # a ledger that another process has locked may take a while
        await self._judging.stop()

    def interrupt(self) -> None:
        """Stop; called again, stop without waiting for exchanges under way."""
        (self.hurrying if self.stopping.is_set() else self.stopping).set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        app, task = Peer(reader, writer), asyncio.current_task()
        if len(self._tasks) >= MOST_CONNECTIONS or task is None:
            self._say(f"more than {MOST_CONNECTIONS} connections: additional ones are closed", once="connections")
            writer.close()
            return
        self._tasks.add(task)
        try:
            await self._serve(app)
        except (LostError, asyncio.CancelledError):  # cancelled at the end only
            app.close(reset=True)
        except h11.RemoteProtocolError as error:
            with suppress(LostError):
                await refuse(app, error.error_status_hint, f"the request cannot be passed on: {error}")
        except TapeError as error:
            self._say(f"the trace cannot be written ({error}): the proxy stops")
            app.close(reset=True)
            self.stopping.set()
        except Exception as error:  # noqa: BLE001 - it must cost only one connection, and be visible
            self._say(f"the proxy failed on one connection, {error!r}: report it")
            app.close(reset=True)
        finally:
            self._tasks.discard(task)
            self._busy.discard(app)
            app.close()

    async def _serve(self, app: Peer) -> None:
        gateway: Peer | None = None
        try:
            while not self.stopping.is_set():
                try:
                    head = await asyncio.wait_for(app.request(), IDLE)
                except TimeoutError:
                    return
                if head is None:
                    return
                self._busy.add(app)
                gateway = await self._exchange(app, gateway, head)
                self._busy.discard(app)
                if gateway is None:
                    return
        finally:
            if gateway is not None:
                gateway.close()

    async def _exchange(self, app: Peer, gateway: Peer | None, head: Head) -> Peer | None:
        """Pass one request on; return the connection to the gateway, None if that of the app must be closed."""
        method, target = (part.decode("latin-1") for part in head.first)
        if re.match("(?i)https?://", target):  # a client that uses us as a forward proxy
            target = re.sub(r"^[^:]*://[^/?#]*", "", target)
            target = target if target.startswith("/") else f"/{target}"
            head = replace(head, first=(head.first[0], target.encode("latin-1")))
        hook = HOOK.search(target) if self._options.public_url else None
        if hook:
            await self._relay_callback(app, head, hook[1])
            return None
        if method == "CONNECT":
            why = f"this is not a forward proxy: use its URL in place of the gateway's, {self._profile.origin}"
            await refuse(app, 501, why)
            return None
        headers = head.text()
        self._tape.learn(target, headers)
        operation = self._tape.classify(method, target, headers, b"").operation
        passing = _Passing(head=head, app=app, operation=operation, started=self._tape.now(), gateway=gateway)
        try:
            await self._pass(passing)
        except asyncio.CancelledError:  # it may have begun something
            passing.failure = Failure("abandoned")
            self._note(passing)
            raise
        return await self._finish(passing)

    # -- towards the gateway

    async def _pass(self, passing: _Passing) -> None:
        origin, purse, is_media = self._profile.origin, self.guard, passing.operation == "media"
        if only_reads(passing.method, f"{origin}{passing.target}", origin, media=is_media):
            purse = None
        hooked = self._options.public_url is not None and passing.target.partition("?")[0] in SUBMIT_PATHS
        if purse is not None or hooked:
            await self._read_body(passing)
        if hooked and passing.method == "POST":
            passing.head, passing.sent = self._with_our_hooks(passing.head, bytes(passing.body))
            passing.body, passing.size = bytearray(passing.sent), len(passing.sent)
        if purse is None:
            await self._ask(passing)
            return
        send = Send(
            operation=passing.operation, method=passing.method, url=f"{origin}{passing.target}", case="an app's request",
            intent="refuse", headers=passing.head.text(), body=bytes(passing.body),
        )  # fmt: skip
        in_thread = asyncio.get_running_loop().run_in_executor
        passing.spent = True  # unless it is given back
        try:
            number = await in_thread(self._thread, purse.reserve, send)
        except BudgetExhaustedError as error:
            passing.spent, passing.failure = False, Failure("budget", str(error))
            return
        try:
            await self._ask(passing)
            reply = self._reply(passing)
        except BaseException:  # such as a cancellation: it may have begun something
            self._thread.submit(purse.settle, number, send, None)
            raise
        passing.spent = not await asyncio.shield(in_thread(self._thread, purse.settle, number, send, reply))

    @staticmethod
    def _reply(passing: _Passing) -> Reply:
        if passing.answer is None:
            return Reply(status=None, error=passing.error or "lost")
        fields, body = passing.answer.text(), bytes(passing.answered)
        body, readable = decoded(fields, body)
        headers = tuple(field for field in fields if not readable or field[0].lower() != "content-encoding")
        whole = passing.ended and passing.failure is None and passing.answer_size == len(passing.answered)
        return Reply(status=passing.answer.status, headers=headers, body=body, whole=whole, error=passing.error)

    async def _read_body(self, passing: _Passing) -> None:
        if (passing.head.get(b"expect") or b"").lower() == b"100-continue":
            await passing.app.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            kept = [pair for pair in passing.head.headers if pair[0].lower() != b"expect"]
            passing.head = replace(passing.head, headers=kept)
        wire = bytearray()
        async for piece in passing.app.body():
            wire += framed(piece, chunked=passing.head.chunked)
            if isinstance(piece, bytes):
                passing.body += piece
                passing.size += len(piece)
            if passing.size > MOST_KEPT:
                raise h11.RemoteProtocolError("the body is too long to be paid for", error_status_hint=413)
        passing.sent = bytes(wire)

    def _with_our_hooks(self, head: Head, body: bytes) -> tuple[Head, bytes]:
        """The request with our URLs in place of the app's callback URLs, and its body in one piece."""
        public, headers, members = str(self._options.public_url), RawHeaders(), members_of(body)
        url = members.get("callback_url")
        if isinstance(url, str) and url.startswith(("http://", "https://")):
            ours = self._tape.hook(url, public)
            body = json.dumps({**members, "callback_url": ours}, ensure_ascii=False).encode()
        for name, value in head.headers:
            match name.lower():
                case b"x-webhook-url":
                    headers.append((name, self._tape.hook(value.decode("latin-1"), public).encode()))
                case b"content-length" | b"transfer-encoding":
                    headers.append((b"Content-Length", b"%d" % len(body)))
                case b"trailer":
                    pass
                case _:
                    headers.append((name, value))
        return replace(head, headers=headers), body

    async def _ask(self, passing: _Passing) -> None:
        """Send a request and read the beginning of its response; errors are noted, not raised."""
        reused = passing.gateway is not None
        try:
            await self._ask_once(passing)
        except OSError as error:
            passing.reset = isinstance(error, LostError) and error.reset
            is_lost = passing.gateway is not None
            passing.failure = passing.failure or (_lost(passing) if is_lost else Failure("connect", str(error)))
            self._drop(passing)
            if reused and passing.answer is None and passing.method in {"GET", "HEAD"}:  # the connection was stale
                passing.failure = None
                await self._ask(passing)
        except h11.RemoteProtocolError:
            passing.failure = Failure("lost")
            self._drop(passing)
        except asyncio.CancelledError:
            self._drop(passing)
            raise

    @staticmethod
    def _drop(passing: _Passing) -> None:
        if passing.pump is not None:
            passing.pump.cancel()
        if passing.gateway is not None:
            passing.gateway.close(reset=passing.reset)
            passing.gateway = None

    async def _ask_once(self, passing: _Passing) -> None:
        if passing.gateway is None or passing.gateway.gone:
            passing.gateway = None  # until there is one, nothing was sent
            passing.gateway = await connect(self._profile.origin)
        gateway = passing.gateway
        gateway.expect(passing.head.first[0])
        head = passing.head.passed_on()
        if not self._options.keep_host:
            host = urlsplit(self._profile.origin).netloc.encode()
            head = replace(head, headers=[(n, host) if n.lower() == b"host" else (n, v) for n, v in head.headers])
        await gateway.write(head.dump() + (passing.sent or b""))
        passing.pump = asyncio.create_task(self._pump(passing, gateway))
        answer = await gateway.response()
        while answer.status < 200:
            await passing.app.write(answer.passed_on().dump())
            answer = await gateway.response()
        passing.answer = answer
        if passing.operation in {"media", "elsewhere"}:
            return
        async for piece in gateway.body():
            passing.keep(piece)
            passing.pieces.append(piece)
            if passing.answer_size > MOST_HELD:
                return

    async def _pump(self, passing: _Passing, gateway: Peer) -> None:
        """Pass the body of the request on as it arrives, then wait for the app to go away."""
        try:
            if passing.sent is None:
                async for piece in passing.app.body():
                    if isinstance(piece, bytes):
                        passing.size += len(piece)
                        if len(passing.body) + len(piece) <= MOST_KEPT:
                            passing.body += piece
                    await gateway.write(framed(piece, chunked=passing.head.chunked))
                passing.sent = b""
            await passing.app.wait_closed()
            if gateway.write_eof():  # the app may still read, so it sees how the gateway reacts
                passing.app_left = True
                return
        except LostError:
            if gateway.gone:
                return
        passing.failure = Failure("abandoned")
        gateway.close(reset=True)

    # -- towards the app

    async def _finish(self, passing: _Passing) -> Peer | None:
        """Record the response and pass it on; return the connection to the gateway if both can be used again."""
        failure = passing.failure
        if failure and failure.kind == "budget":
            text = f"not sent, since it may cost a generation: {failure.why}"
            self._say(text, once="budget")
            await refuse(passing.app, 402, self._tape.text(text), "Not sent by pixazo-contracts proxy")
            return None
        found = list[str]()
        if passing.ended or failure:
            exchange = self._note(passing)
            if self._options.complain and passing.answer is not None:
                found = await self._judging.now(exchange)
            else:
                self._judging.later(exchange)
        if passing.answer is not None:
            await self._relay(passing, passing.answer, found)
            return passing.gateway
        if failure and failure.kind == "connect":
            await refuse(passing.app, 502, f"{self._profile.origin} cannot be reached ({failure.why})")
        else:
            passing.app.close(reset=passing.reset)
        return None

    async def _relay(self, passing: _Passing, answer: Head, found: list[str]) -> None:
        """Pass the response on, piece by piece; an exchange is recorded before the end of its response is sent."""
        gateway = passing.gateway
        bodiless = passing.method == "HEAD" or answer.status in {204, 304}
        by_closing = not bodiless and not answer.chunked and answer.get(b"content-length") is None
        closes = passing.head.closes or answer.closes or by_closing or passing.sent is None
        shown = answer.passed_on()
        if found:
            shown = replace(shown, headers=[*shown.headers, (b"Pixazo-Contracts", " ".join(found).encode())])
        held = b"".join(framed(piece, chunked=answer.chunked) for piece in passing.pieces)
        try:
            await passing.app.write(shown.dump() + held)
            if passing.failure is None and not passing.ended and gateway is not None:
                await self._stream(passing, gateway, answer)
        except LostError:
            if not passing.noted:
                passing.failure = passing.failure or Failure("abandoned")
                self._judging.later(self._note(passing))
            self._drop(passing)
            raise
        if passing.pump is not None:
            passing.pump.cancel()
            with suppress(asyncio.CancelledError):
                await passing.pump
        if passing.failure is not None:
            self._drop(passing)
            passing.app.close(reset=passing.reset)
        elif closes and gateway is not None:
            gateway.close()
            passing.gateway = None

    async def _stream(self, passing: _Passing, gateway: Peer, answer: Head) -> None:
        """Pass on the rest of the response, one piece behind: the last piece is sent when the exchange is recorded."""
        last: Piece = b""
        try:
            async for piece in gateway.body():
                await passing.app.write(framed(last, chunked=answer.chunked))
                passing.keep(piece)
                last = piece
                if isinstance(piece, bytes) and passing.answer_size <= MOST_HELD:
                    await passing.app.write(framed(piece, chunked=answer.chunked))
                    last = b""
        except LostError as lost:
            if passing.app.gone:
                raise
            passing.failure = passing.failure or _lost(passing)
            passing.reset = lost.reset
        self._judging.later(self._note(passing))
        await passing.app.write(framed(last, chunked=answer.chunked))

    def _note(self, passing: _Passing) -> Exchange:
        """Record an exchange, and say once if the app may bypass the proxy."""
        if self._options.keep_host and (host := passing.head.get(b"host")):
            self._tape.note_host(host.decode("latin-1"))
        exchange, passing.noted = self._tape.record(passing), True
        url = exchange.members.get("polling_url") if exchange.is_submit else None
        if isinstance(url, str) and STATUS_BASE in url:
            with suppress(ValueError):
                if canonical_origin(url) == canonical_origin(self._profile.origin):
                    here = f"http://{self._options.host}:{self._options.port}"
                    self._say(
                        f"polling_url names {self._profile.origin}, so the app may bypass the proxy: route hard-coded "
                        f"hosts through it with `pixazo-sim exec --upstream {here} -- CMD`",
                        once="past",
                    )
        return exchange

    # -- webhooks

    async def _relay_callback(self, app: Peer, head: Head, token: str) -> None:
        """Forward a callback to the app's URL, and return the app's response. Raises `h11.RemoteProtocolError`, `LostError`."""
        at, url = self._tape.now(), self._tape.hooks.get(token)
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
        host = parts.netloc.rpartition("@")[2].encode()
        headers = [(name, host if name.lower() == b"host" else value) for name, value in head.headers]
        asked = replace(head, first=(head.first[0], target), headers=headers).passed_on()
        framing = (bytes(body), RawHeaders()) if body else (RawHeaders(),)
        pieces = list[Piece]()
        answer: Head | None = None
        try:
            with closing(await connect(f"{parts.scheme}://{parts.netloc}")) as peer:
                peer.expect(head.first[0])
                await peer.write(asked.dump() + b"".join(framed(piece, chunked=asked.chunked) for piece in framing))
                answer = await peer.response()
                while answer.status < 200:
                    answer = await peer.response()
                async for piece in peer.body():
                    pieces.append(piece)
        except (OSError, h11.RemoteProtocolError) as error:
            self._say(f"the app's webhook URL cannot be reached ({error})", once="webhook")
            answer = None
        self._tape.record_callback(head, bytes(body), answer.status if answer else 502, at)
        if answer is None:
            await refuse(app, 502, "the app's webhook URL cannot be reached")
        else:
            sent = b"".join(framed(piece, chunked=answer.chunked) for piece in pieces)
            await app.write(answer.passed_on().dump() + sent)
