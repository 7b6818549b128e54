"""Sends requests with an httpx2 or httpx client, blocking or asynchronous.

What is above this file is written once for both, as coroutines. An asynchronous client awaits them. A blocking one runs them
with `finish`: its `BlockingIO` does its work before it returns, so such a coroutine never suspends and needs no event loop.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import lru_cache, partial
from inspect import isawaitable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import anyio
import httpx2

from ._body import BodyError, Decoder, Download
from ._connections import AsyncHTTPClient, AsyncPool, HTTPClient, Lent, Pool, event_loop, process
from ._errors import PixazoError
from ._exchange import NoResponse, Outcome, Request, Response
from ._gateway import KEY_HEADER
from ._models import object_if_any

T = TypeVar("T")
Timeout: TypeAlias = "float | tuple[float | None, float | None, float | None, float | None]"

LONGEST_BODY = 4 * 1024 * 1024
"""Bytes of a decoded response; the longest that the page prints has less than one KiB."""

CHUNK = 256 * 1024
MOST_REDIRECTS = 20  # as many as the HTTP library follows by default
SLOWEST_UPLOAD = 16 * 1024
"""Bytes per second: a larger request may take longer as a whole, though no single write longer than the time-out."""

LONGEST_TIMEOUT = 2_000_000
"""Seconds: a socket counts milliseconds in a C int, which holds a little more."""

LEAST = 0.2
"""Seconds that a phase has at least, even when it begins late: what is under way by then counts."""

_PHASES = ("connect", "read", "write", "pool")

_RELIABLE = {"builtins", "httpcore", "httpcore2"}
"""Packages whose errors say when no connection was made; that of None is builtins."""

_NETWORK = {
    "aiohttp", "anyio", "curl_cffi", "h11", "h2", "http", "httpcore", "httpcore2", "httpx", "httpx2", "trio", "urllib3",
}  # fmt: skip
"""Packages whose errors are about a connection; a transport of the user's may raise those of any."""

_SYSTEM = (OSError, EOFError, RuntimeError, ValueError)
"""Built-in errors that a transport raises: RuntimeErrors are those of event loops, ValueErrors those of URLs."""

real_clock = partial(time.perf_counter)
"""Neither freezegun, which replaces functions in all modules but no partials, nor time-machine stops it."""


def finish(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine over `BlockingIO`, which ends without suspending."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise RuntimeError("a blocking call waited for an event loop")


class BlockingIO:
    """The I/O of a blocking client."""

    def __init__(self, client: HTTPClient | None, sleep: Callable[[float], object] | None) -> None:
        _check_client(client, "Client", is_async=False)
        self.pool = Pool() if client is None else Lent(client, process)
        self._sleep = sleep

    async def pause(self, seconds: float) -> None:
        (self._sleep or time.sleep)(seconds)

    async def notify(self, callback: Callable[..., object], *values: object) -> None:
        callback(*values)

    async def run(self, function: Callable[..., T], *values: object) -> T:
        """Call a function that reads or writes files."""
        return function(*values)

    async def clean_up(self, function: Callable[[], None]) -> None:
        """Call such a function even if the call was cancelled."""
        function()

    async def send(self, client: Any, request: Any, **options: Any) -> httpx2.Response:
        """Send a request, and return the response when its head has arrived."""
        response: httpx2.Response = client.send(request, stream=True, follow_redirects=False, **options)
        return response

    def chunks(self, response: httpx2.Response, size: int | None) -> Any:
        """The body in chunks, for `next`; as it is on the wire, unless a hook of the client has decoded it already."""
        return response.iter_bytes(size) if response.is_stream_consumed else response.iter_raw(size)

    async def next(self, chunks: Any) -> bytes | None:
        """The next chunk; None at the end."""
        return next(chunks, None)

    async def close(self, response: httpx2.Response, _chunks: Any) -> None:
        """Close a response whose chunks may not have been read to the end."""
        response.close()

    def limit(self, end: float, request: Request, built: Any) -> AbstractContextManager[object]:
        """Cancel a block at this time. Blocking I/O cannot be cancelled: the clock is read between chunks, sent and received."""
        if len(request.content or b"") > SLOWEST_UPLOAD:
            built.stream = _timed(built.stream, end)
        return nullcontext()


class AsyncIO:
    """The I/O of an asynchronous client, on asyncio or trio; files are accessed in threads."""

    def __init__(self, client: AsyncHTTPClient | None, sleep: Callable[[float], Awaitable[object]] | None) -> None:
        _check_client(client, "AsyncClient", is_async=True)
        self.pool = AsyncPool() if client is None else Lent(client, event_loop)
        self._sleep = sleep

    async def pause(self, seconds: float) -> None:
        """See BlockingIO, as for the methods below."""
        await (self._sleep or anyio.sleep)(seconds)

    async def notify(self, callback: Callable[..., Any], *values: object) -> None:
        if isawaitable(pending := callback(*values)):
            await pending

    async def run(self, function: Callable[..., T], *values: object) -> T:
        from anyio.to_thread import run_sync

        return await run_sync(function, *values)

    async def clean_up(self, function: Callable[[], None]) -> None:
        with anyio.CancelScope(shield=True):
            await self.run(function)

    async def send(self, client: Any, request: Any, **options: Any) -> httpx2.Response:
        response: httpx2.Response = await client.send(request, stream=True, follow_redirects=False, **options)
        return response

    def chunks(self, response: httpx2.Response, size: int | None) -> Any:
        return response.aiter_bytes(size) if response.is_stream_consumed else response.aiter_raw(size)

    async def next(self, chunks: Any) -> bytes | None:
        return cast("bytes | None", await anext(chunks, None))

    async def close(self, response: httpx2.Response, chunks: Any) -> None:
        try:
            await chunks.aclose()  # trio warns of an asynchronous generator that nobody closes
        finally:
            await response.aclose()

    def limit(self, end: float, _request: Request, _built: Any) -> AbstractContextManager[object]:
        return anyio.move_on_after(end - real_clock())


class _NoAnswer(Exception):  # noqa: N818  # not an error: it becomes an outcome
    def __init__(self, outcome: NoResponse) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class Transport:
    """Sends requests of the gateway, and downloads files.

    Whatever goes wrong once a submission may have been sent becomes a NoResponse: the caller must learn that it may have been
    charged, whichever exception a transport or a hook of the user's own client raises.
    """

    def __init__(self, io: BlockingIO | AsyncIO, client: object, timeout: Timeout | None) -> None:
        _check_timeout(timeout)
        self.io = io
        # None leaves the client's own time-outs in force.
        self._options: dict[str, Any] = {} if timeout is None else {"timeout": timeout}
        # httpx is an optional package of the user's: it is found where their import left it, never imported here.
        roots = _roots(type(client))
        library: Any = sys.modules["httpx"] if "httpx" in roots else httpx2
        self._library = library
        # To parse a URL takes the HTTP library a third of a call, and a poll repeats the same one.
        self._url: Callable[[str], Any] = (
            lru_cache(128)(library.URL) if client is None or library.__name__ in roots else str
        )
        self._unsent = (library.ConnectError, library.ConnectTimeout, library.PoolTimeout, library.ProxyError)
        self._late = (library.TimeoutException, TimeoutError)

    async def send(self, request: Request) -> Outcome:
        """Send a request and follow no redirect: the key must not go elsewhere. Of a read, it raises what `_let_through` does.

        Raises PixazoError when the connection pool or a proxy refuses before anything was sent.
        """
        request.arrived.clear()
        client = await self.io.pool.take()
        response: httpx2.Response | None = None
        try:
            built = self._built(client, request.method, request.url, content=request.content, headers=request.headers)
            seconds = _within(built, request)
            end = real_clock() + seconds
            with suppress(TimeoutError), self.io.limit(end, request, built):
                response = await self._open(client, built)
                chunks = self.io.chunks(response, None)
                try:
                    problem = await self._read(response, chunks, end, request.arrived)
                finally:
                    await self._close(response, chunks)
                return _response(response, request, problem)
            raise self._no_answer(TimeoutError(f"the response was not complete after {seconds:.1f} s"))
        except _NoAnswer as no_answer:
            outcome = no_answer.outcome
        if request.method != "POST":
            _let_through(outcome)
        # A body that breaks off counts if it has said enough: a whole JSON object, or with a refusal anything.
        if response is None or (response.is_success and object_if_any(bytes(request.arrived)) is None):
            return outcome
        return _response(response, request, f"broke off ({outcome.reason})")

    async def fetch(self, url: str, download: Download) -> Path | Outcome:
        """Download a file, without the key; a response other than 200 is returned as it is.

        Raises DownloadError when the file is not what was announced or cannot be written, PixazoError as `send`.
        """
        client = await self.io.pool.take()
        try:
            await self.io.run(download.place)
            # The HTTP library would follow redirects too, but it reads the body of each to its end, however long.
            request = self._built(client, "GET", url, headers={"Accept-Encoding": "identity"})
            request.headers.pop(KEY_HEADER, None)  # the user's own client may send it by default
            most = getattr(client, "max_redirects", MOST_REDIRECTS)
            for _ in range(most + 1):
                response = await self._open(client, request, auth=None)
                chunks = self.io.chunks(response, CHUNK)
                try:
                    request = response.next_request
                    if request is None and response.status_code != 200:
                        return Response(response.status_code, response.headers, b"", time.time())
                    if request is None:
                        return await self._save(response, chunks, download)
                finally:
                    await self._close(response, chunks)
            raise self._no_answer(self._library.TooManyRedirects(f"more than {most} redirects"))
        except _NoAnswer as no_answer:
            outcome = no_answer.outcome
        _let_through(outcome)
        return outcome

    async def _read(self, response: httpx2.Response, chunks: Any, end: float, body: bytearray) -> str | None:
        """Read the body, decoded, at most LONGEST_BODY bytes of it; why it is not complete. Raises TimeoutError after the end."""
        chunk: bytes | None = None
        is_late = False
        try:
            decoder = Decoder(response.headers, decoded=response.is_stream_consumed)
            while (chunk := await self._next(chunks)) is not None:
                if is_late:
                    raise TimeoutError
                for piece in decoder.decode(chunk):
                    body += piece
                    if len(body) > LONGEST_BODY:
                        del body[LONGEST_BODY:]
                        return f"has more than {LONGEST_BODY} bytes"
                is_late = real_clock() > end  # this chunk may have been the last one, and a late response is one, too
            decoder.finish()
        except BodyError as error:
            if not body:  # the encoding may be wrong, and not the body
                body += (chunk or b"")[:LONGEST_BODY]
            return str(error)
        return None

    async def _save(self, response: httpx2.Response, chunks: Any, download: Download) -> Path:
        download.begin(response.headers, decoded=response.is_stream_consumed)
        try:
            await self.io.run(download.create)
            while (chunk := await self._next(chunks)) is not None:
                for piece in download.pieces(chunk):
                    await self.io.run(download.write, piece)
                    if download.on_progress is not None:
                        await self.io.notify(download.on_progress, download.done, download.expected)
            return await self.io.run(download.finish)
        finally:
            await self.io.clean_up(download.discard)

    def _built(self, client: Any, method: str, url: str, **content: Any) -> Any:
        try:
            return client.build_request(method, self._url(url), **content, **self._options)
        except Exception as error:
            raise self._no_answer(error, sent=False) from error

    async def _open(self, client: Any, request: Any, **options: Any) -> httpx2.Response:
        try:
            return await self.io.send(client, request, **options)
        except Exception as error:
            if type(error) is PixazoError:  # of a proxy that cannot be used; a hook may raise our other errors
                raise
            if isinstance(error, self._library.HTTPStatusError) and getattr(error, "request", None) is request:
                refusal: httpx2.Response = cast("Any", error).response  # a hook of the client raises for status codes
                return refusal
            raise self._no_answer(error, sent=not self._is_unsent(error, request)) from error

    def _is_unsent(self, error: Exception, request: Any) -> bool:
        """Whether no connection was made for a request.

        The class does not tell: a hook may have called elsewhere later, a library may raise it for any lost connection.
        """
        return (
            isinstance(error, self._unsent)
            and getattr(error, "_request", None) is request
            and type(error.__cause__).__module__.partition(".")[0] in _RELIABLE
        )

    async def _next(self, chunks: Any) -> bytes | None:
        try:
            return await self.io.next(chunks)
        except Exception as error:
            raise self._no_answer(error) from error

    async def _close(self, response: httpx2.Response, chunks: Any) -> None:
        with suppress(Exception):  # what was read is valid, however the connection ends
            await self.io.close(response, chunks)
            if isinstance(self.io.pool, Lent):
                self.io.pool.settle(response)

    def _no_answer(self, error: Exception, *, sent: bool = True) -> _NoAnswer:
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return _NoAnswer(NoResponse(sent, isinstance(error, self._late), reason, error))


def _roots(kind: type) -> set[str]:
    return {each.__module__.partition(".")[0] for each in kind.__mro__}


def _let_through(outcome: NoResponse) -> None:
    """Raise the cause if it is the program's, such as Celery's time limit or a mock's assertion: to repeat the call would swallow it."""
    is_lost = isinstance(outcome.cause, _SYSTEM) or not _NETWORK.isdisjoint(_roots(type(outcome.cause)))
    if outcome.sent and not is_lost:
        raise outcome.cause


def _response(response: httpx2.Response, request: Request, problem: str | None) -> Response:
    return Response(response.status_code, response.headers, bytes(request.arrived), time.time(), problem)


class _Limits(dict[str, "float | None"]):
    """The limits of the phases, of which none is longer than what is left of the whole exchange when it begins."""

    def __init__(self, limits: Mapping[str, float | None], end: float) -> None:
        super().__init__({**dict.fromkeys(_PHASES), **limits})
        self._end = end

    def __getitem__(self, phase: str) -> float | None:
        limit, left = super().__getitem__(phase), max(self._end - real_clock(), LEAST)
        return limit if left == math.inf else min(left if limit is None else limit, left)

    def get(self, phase: str, default: Any = None) -> Any:
        return self[phase] if phase in self else default  # noqa: SIM401 - it would call itself


def _within(built: Any, request: Request) -> float:
    """Seconds for the whole exchange: the sum of the phases' limits, for a slow server can meet each of them for ever."""
    limits = built.extensions.get("timeout", {})
    seconds = math.inf if None in limits.values() else sum(filter(None, limits.values())) or math.inf
    if request.content:
        seconds += len(request.content) / SLOWEST_UPLOAD
    seconds = min(seconds, request.within)
    built.extensions["timeout"] = _Limits(limits, real_clock() + seconds)
    return seconds


def _timed(stream: Any, end: float) -> Any:
    """The body of a request, of which no piece is sent after the end."""

    class Timed(type(stream)):  # type: ignore[misc]  # clients look at the type
        def __init__(self) -> None: ...

        def __iter__(self) -> Iterator[bytes]:
            for chunk in stream:
                for start in range(0, len(chunk), SLOWEST_UPLOAD):
                    if real_clock() > end:
                        raise TimeoutError("the request was not sent in time")
                    yield chunk[start : start + SLOWEST_UPLOAD]

    return Timed()


def _check_timeout(timeout: Any) -> None:
    """Raise ValueError unless the time-out can be used: a socket would refuse it only when a submission is under way."""
    limits = cast("tuple[object, ...]", timeout if isinstance(timeout, tuple) else (timeout,) * 4)
    good = (one is None or (isinstance(one, int | float) and 0 < one <= LONGEST_TIMEOUT) for one in limits)
    if len(limits) != 4 or not all(good):
        raise ValueError(
            f"timeout is {timeout!r}: give seconds above 0 and at most {LONGEST_TIMEOUT}, or four such in a tuple, "
            "where None means no limit"
        )


def _check_client(client: object, kind: str, *, is_async: bool) -> None:
    """Raise PixazoError for an http_client of the other kind, or of another library, such as a requests.Session."""
    if client is not None and not (hasattr(client, "build_request") and hasattr(client, "aclose") == is_async):
        raise PixazoError(f"http_client is of type {type(client).__name__}: give an httpx2.{kind} or httpx.{kind}")
