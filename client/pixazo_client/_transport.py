"""The two drivers of a conversation: the only file that sends and receives."""

from __future__ import annotations

import math
import sys
import time
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import anyio
import httpx2

from ._body import Body
from ._connections import AsyncLent, AsyncPool, Lent, Pool
from ._errors import PixazoError
from ._gateway import KEY_HEADER
from ._http import check_client, check_timeout
from ._steps import Lost, Pause, Reply, Send

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
    from pathlib import Path

    from ._http import AsyncHTTPClient, Builder, HTTPClient, HTTPResponse, Timeout
    from ._steps import Fetch, Flow, Step
    from ._transfer import Transfer


T = TypeVar("T")

CHUNK = 256 * 1024
MOST_REDIRECTS = 20
SLOWEST_UPLOAD = 16 * 1024
"""Bytes a second: a larger request may take longer in all, though no write longer than the time-out."""


class _NoAnswer(Exception):  # noqa: N818  # not an error: it becomes an answer, a Lost
    def __init__(self, lost: Lost) -> None:
        super().__init__(lost.reason)
        self.lost = lost


@dataclass(frozen=True, slots=True)
class Library:
    """The exceptions of the library that a client belongs to."""

    unsent: tuple[type[Exception], ...]
    late: tuple[type[Exception], ...]
    redirects: type[Exception]

    @classmethod
    def of(cls, client: object) -> Library:
        """httpx only if the client is one, found where the user's import left it; else httpx2."""
        roots = [kind.__module__.partition(".")[0] for kind in type(client).__mro__]
        library: Any = sys.modules["httpx"] if "httpx" in roots else httpx2
        return cls(
            unsent=(library.ConnectError, library.ConnectTimeout, library.PoolTimeout, library.InvalidURL),
            late=(library.TimeoutException, TimeoutError),
            redirects=library.TooManyRedirects,
        )

    def lost(self, error: Exception, *, built: bool = True) -> _NoAnswer:
        """The answer that never came because of this error, whatever it is; built tells whether there was a request."""
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        sent = built and not isinstance(error, self.unsent)
        return _NoAnswer(Lost(sent, isinstance(error, self.late), reason, error))


class _Wire:
    """What both drivers do alike: build requests, and judge what comes back."""

    def __init__(self, library: Library, timeout: Timeout | None) -> None:
        self._library = library
        # Without a word from us the client's own time-outs hold.
        self._options: dict[str, Any] = {} if timeout is None else {"timeout": timeout}

    def _request(self, client: Builder, send: Send) -> tuple[Any, float]:
        """The request, and how many seconds the exchange may take in all."""
        try:
            request = client.build_request(
                send.method, send.url, content=send.content, headers=send.headers, **self._options
            )
        except Exception as error:
            raise self._library.lost(error, built=False) from error
        limits = request.extensions.get("timeout", {})
        seconds = math.inf if None in limits.values() else sum(limits.values()) or math.inf
        if send.content:
            seconds += len(send.content) / SLOWEST_UPLOAD
        if send.within < seconds:
            seconds = send.within
            limits["read"] = min(limits.get("read") or math.inf, seconds)
        return request, seconds

    def _media_request(self, client: Builder, url: str) -> Any:
        try:
            request = client.build_request("GET", url, headers={"Accept-Encoding": "identity"}, **self._options)
        except Exception as error:
            raise self._library.lost(error, built=False) from error
        request.headers.pop(KEY_HEADER, None)  # a client of the user's may carry it by default
        return request

    def _too_late(self, seconds: float) -> _NoAnswer:
        return self._library.lost(TimeoutError(f"the answer was not whole after {seconds:.1f} s"))

    def _too_many(self, client: object) -> _NoAnswer:
        return self._library.lost(self._library.redirects(f"more than {_most_redirects(client)} redirects"))


def _reply(response: HTTPResponse, body: Body | None = None) -> Reply:
    content, problem = (b"", None) if body is None else (body.content, body.problem)
    return Reply(response.status_code, response.headers, content, time.time(), problem)


def _most_redirects(client: object) -> int:
    return getattr(client, "max_redirects", MOST_REDIRECTS)


class Drive(_Wire):
    """Carries out conversations with a blocking client."""

    def __init__(
        self, client: HTTPClient | None, timeout: Timeout | None, sleep: Callable[[float], object] | None
    ) -> None:
        check_timeout(timeout)
        check_client(client, "Client")
        if hasattr(client, "aclose"):
            raise PixazoError("http_client is an asynchronous client: give it to AsyncPixazoClient")
        self._pool = Pool() if client is None else Lent(client)
        self._sleep = sleep
        super().__init__(Library.of(client), timeout)

    def run(self, flow: Flow[T]) -> T:
        """What the conversation comes to."""
        answer: object = None
        while True:
            try:
                step = flow.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            try:
                answer = self._perform(step)
            except BaseException as error:
                flow.throw(error)
                raise

    def close(self) -> None:
        """Close our own connections, not the user's."""
        self._pool.close()

    def _perform(self, step: Step) -> object:
        if isinstance(step, Pause):
            return (self._sleep or time.sleep)(step.seconds)
        client = self._pool.take()
        try:
            return self._exchange(client, step) if isinstance(step, Send) else self._fetch(client, step)
        except _NoAnswer as no_answer:
            return no_answer.lost

    def _exchange(self, client: HTTPClient, send: Send) -> Reply:
        request, seconds = self._request(client, send)
        end = time.monotonic() + seconds
        response = self._open(client, request)
        try:
            body = Body(response.headers, decoded=response.is_stream_consumed)
            for chunk in self._chunks(response):
                if not body.take(chunk):
                    break
                if time.monotonic() > end:
                    raise self._too_late(seconds)
            else:
                body.end()
        finally:
            self._release(response)
        return _reply(response, body)

    def _fetch(self, client: HTTPClient, fetch: Fetch) -> Path | Reply:
        transfer = fetch.transfer()
        transfer.place()
        # The library follows redirects too, but reads each body to its end, however long.
        request = self._media_request(client, fetch.url)
        for _ in range(_most_redirects(client) + 1):
            response = self._open(client, request, auth=None)
            try:
                request = response.next_request
                if request is None:
                    return self._save(response, transfer) if response.status_code == 200 else _reply(response)
            finally:
                self._release(response)
        raise self._too_many(client)

    def _save(self, response: HTTPResponse, transfer: Transfer) -> Path:
        transfer.begin(response.headers, decoded=response.is_stream_consumed)
        try:
            with transfer.writing(), transfer.create() as file:
                for chunk in self._chunks(response, CHUNK):
                    for piece in transfer.pieces(chunk):
                        file.write(piece)
            transfer.finish()
            return transfer.commit()
        finally:
            transfer.discard()

    def _open(self, client: HTTPClient, request: Any, **options: Any) -> HTTPResponse:
        try:
            return client.send(request, stream=True, follow_redirects=False, **options)
        except PixazoError:
            raise  # of a proxy that cannot be used: nothing was sent
        except Exception as error:
            raise self._library.lost(error) from error

    def _chunks(self, response: HTTPResponse, size: int | None = None) -> Generator[bytes]:
        try:
            yield from response.iter_bytes(size) if response.is_stream_consumed else response.iter_raw(size)
        except Exception as error:
            raise self._library.lost(error) from error

    def _release(self, response: HTTPResponse) -> None:
        with suppress(Exception):  # what was read holds, however the connection ends
            response.close()
            self._pool.settle(response)


class AsyncDrive(_Wire):
    """Carries out conversations with an asynchronous client, on asyncio or trio; files are touched in threads."""

    def __init__(
        self,
        client: AsyncHTTPClient | None,
        timeout: Timeout | None,
        sleep: Callable[[float], Awaitable[object]] | None,
    ) -> None:
        check_timeout(timeout)
        check_client(client, "AsyncClient")
        if client is not None and not hasattr(client, "aclose"):
            raise PixazoError("http_client is a blocking client: give it to PixazoClient")
        self._pool = AsyncPool() if client is None else AsyncLent(client)
        self._sleep = sleep
        super().__init__(Library.of(client), timeout)

    async def run(self, flow: Flow[T]) -> T:
        """What the conversation comes to."""
        answer: object = None
        while True:
            try:
                step = flow.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            try:
                answer = await self._perform(step)
            except BaseException as error:
                flow.throw(error)
                raise

    async def aclose(self) -> None:
        """Close our own connections, not the user's."""
        await self._pool.aclose()

    async def _perform(self, step: Step) -> object:
        if isinstance(step, Pause):
            return await (self._sleep or anyio.sleep)(step.seconds)
        client = await self._pool.take()
        try:
            return await (self._exchange(client, step) if isinstance(step, Send) else self._fetch(client, step))
        except _NoAnswer as no_answer:
            return no_answer.lost

    async def _exchange(self, client: AsyncHTTPClient, send: Send) -> Reply:
        request, seconds = self._request(client, send)
        with anyio.move_on_after(seconds):
            response = await self._open(client, request)
            try:
                body = Body(response.headers, decoded=response.is_stream_consumed)
                async with aclosing(_chunks(response)) as chunks:
                    async for chunk in chunks:
                        if not body.take(chunk):
                            break
                    else:
                        body.end()
            except Exception as error:
                raise self._library.lost(error) from error
            finally:
                await self._release(response)
            return _reply(response, body)
        raise self._too_late(seconds)

    async def _fetch(self, client: AsyncHTTPClient, fetch: Fetch) -> Path | Reply:
        from anyio.to_thread import run_sync

        transfer = fetch.transfer()
        await run_sync(transfer.place)
        request = self._media_request(client, fetch.url)
        for _ in range(_most_redirects(client) + 1):
            response = await self._open(client, request, auth=None)
            try:
                request = response.next_request
                if request is None:
                    if response.status_code == 200:
                        return await self._save(response, transfer)
                    return _reply(response)
            finally:
                await self._release(response)
        raise self._too_many(client)

    async def _save(self, response: HTTPResponse, transfer: Transfer) -> Path:
        from anyio.to_thread import run_sync

        transfer.begin(response.headers, decoded=response.is_stream_consumed)
        try:
            with transfer.writing():
                async with (
                    anyio.wrap_file(await run_sync(transfer.create)) as file,
                    aclosing(self._arriving(response)) as chunks,
                ):
                    async for chunk in chunks:
                        for piece in transfer.pieces(chunk):
                            await file.write(piece)
            transfer.finish()
            return await run_sync(transfer.commit)
        finally:
            with anyio.CancelScope(shield=True):
                await run_sync(transfer.discard)

    async def _open(self, client: AsyncHTTPClient, request: Any, **options: Any) -> HTTPResponse:
        try:
            return await client.send(request, stream=True, follow_redirects=False, **options)
        except PixazoError:
            raise  # of a proxy that cannot be used: nothing was sent
        except Exception as error:
            raise self._library.lost(error) from error

    async def _arriving(self, response: HTTPResponse) -> AsyncGenerator[bytes]:
        # Tells a body that breaks off from a file that cannot be written, or a callback that fails.
        try:
            async with aclosing(_chunks(response, CHUNK)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except Exception as error:
            raise self._library.lost(error) from error

    async def _release(self, response: HTTPResponse) -> None:
        with suppress(Exception):  # what was read holds, however the connection ends
            await response.aclose()
            self._pool.settle(response)


def _chunks(response: HTTPResponse, size: int | None = None) -> AsyncGenerator[bytes]:
    body = response.aiter_bytes(size) if response.is_stream_consumed else response.aiter_raw(size)
    return cast("AsyncGenerator[bytes]", body)  # in both libraries it is a generator, and trio wants those closed
