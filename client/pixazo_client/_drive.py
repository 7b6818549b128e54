"""The two drivers of a conversation: the only file that knows the HTTP library."""

from __future__ import annotations

import sys
import time
from contextlib import aclosing, closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import anyio
import httpx2

from ._errors import PixazoError
from ._gateway import KEY_HEADER
from ._steps import Lost, Pause, Reply, Send

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from pathlib import Path

    from ._http import AsyncHTTPClient, Builder, HTTPClient, HTTPResponse, Timeout
    from ._steps import Fetch, Flow, Step
    from ._transfer import Transfer

__all__ = ["AsyncDrive", "Drive"]

T = TypeVar("T")

CHUNK = 256 * 1024
DEFAULT_TIMEOUT = (5.0, 30.0, 30.0, 10.0)
"""Seconds to connect, between two reads, between two writes, and to get a free connection."""


@dataclass(frozen=True, slots=True)
class Library:
    """The exceptions of the library that a client belongs to."""

    errors: tuple[type[Exception], ...]
    unsent: tuple[type[Exception], ...]
    late: type[Exception]

    @classmethod
    def of(cls, client: object) -> Library:
        """httpx only if the client is one, found where the user's import left it; else httpx2."""
        roots = [kind.__module__.partition(".")[0] for kind in type(client).__mro__]
        library: Any = sys.modules["httpx"] if "httpx" in roots else httpx2
        return cls(
            errors=(library.HTTPError, library.InvalidURL),
            unsent=(library.ConnectError, library.ConnectTimeout, library.PoolTimeout, library.InvalidURL),
            late=library.TimeoutException,
        )

    def lost(self, error: Exception) -> Lost:
        """The answer that never came because of this error."""
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return Lost(not isinstance(error, self.unsent), isinstance(error, self.late), reason, error)


class _Wire:
    """What both drivers do alike: build requests, and read whole answers."""

    def __init__(self, client: Builder, timeout: Timeout | None) -> None:
        self._builder = client
        self._library = Library.of(client)
        # Without a word from us the client's own time-outs hold.
        self._options: dict[str, Any] = {} if timeout is None else {"timeout": timeout}

    def _request(self, send: Send) -> Any:
        return self._builder.build_request(
            send.method, send.url, content=send.content, headers=send.headers, **self._options
        )

    def _media_request(self, url: str) -> Any:
        request = self._builder.build_request("GET", url, headers={"Accept-Encoding": "identity"}, **self._options)
        request.headers.pop(KEY_HEADER, None)  # a client of the user's may carry it by default
        return request


def _reply(response: HTTPResponse) -> Reply:
    return Reply(response.status_code, response.headers, response.content, time.time())


class Drive(_Wire):
    """Carries out conversations with a blocking client."""

    def __init__(
        self, client: HTTPClient | None, timeout: Timeout | None, sleep: Callable[[float], object] | None
    ) -> None:
        if hasattr(client, "aclose"):
            raise PixazoError("http_client is an asynchronous client: give it to AsyncPixazoClient")
        self._owned = client is None
        self._client: HTTPClient = httpx2.Client(timeout=DEFAULT_TIMEOUT) if client is None else client
        self._sleep = sleep
        super().__init__(self._client, timeout)

    def run(self, flow: Flow[T]) -> T:
        """What the conversation comes to."""
        answer: object = None
        while True:
            try:
                step = flow.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            answer = self._perform(step)

    def close(self) -> None:
        """Close the client, unless it is the user's."""
        if self._owned:
            self._client.close()

    def _perform(self, step: Step) -> object:
        if isinstance(step, Send):
            return self._exchange(step)
        if isinstance(step, Pause):
            return (self._sleep or time.sleep)(step.seconds)
        return self._fetch(step)

    def _exchange(self, send: Send) -> Reply | Lost:
        try:
            return _reply(self._client.send(self._request(send), follow_redirects=False))
        except self._library.errors as error:
            return self._library.lost(error)

    def _fetch(self, fetch: Fetch) -> Path | Reply | Lost:
        try:
            request = self._media_request(fetch.url)
            with closing(self._client.send(request, stream=True, auth=None, follow_redirects=True)) as response:
                if response.status_code != 200:
                    return Reply(response.status_code, response.headers, b"", time.time())
                return self._save(response, fetch.transfer())
        except self._library.errors as error:
            return self._library.lost(error)

    def _save(self, response: HTTPResponse, transfer: Transfer) -> Path:
        transfer.begin(response.headers)
        target = transfer.target()
        part = target.with_name(target.name + ".part")
        try:
            with transfer.writing(part), part.open("wb") as file:
                for chunk in response.iter_bytes(CHUNK):
                    transfer.received(len(chunk))
                    file.write(chunk)
            transfer.finish()
            with transfer.writing(target):
                return part.replace(target)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)


class AsyncDrive(_Wire):
    """Carries out conversations with an asynchronous client, on asyncio or trio; files are touched in threads."""

    def __init__(
        self,
        client: AsyncHTTPClient | None,
        timeout: Timeout | None,
        sleep: Callable[[float], Awaitable[object]] | None,
    ) -> None:
        if client is not None and not hasattr(client, "aclose"):
            raise PixazoError("http_client is a blocking client: give it to PixazoClient")
        self._owned = client is None
        self._client: AsyncHTTPClient = httpx2.AsyncClient(timeout=DEFAULT_TIMEOUT) if client is None else client
        self._sleep = sleep
        super().__init__(self._client, timeout)

    async def run(self, flow: Flow[T]) -> T:
        """What the conversation comes to."""
        answer: object = None
        while True:
            try:
                step = flow.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            answer = await self._perform(step)

    async def aclose(self) -> None:
        """Close the client, unless it is the user's."""
        if self._owned:
            await self._client.aclose()

    async def _perform(self, step: Step) -> object:
        if isinstance(step, Send):
            return await self._exchange(step)
        if isinstance(step, Pause):
            return await (self._sleep or anyio.sleep)(step.seconds)
        return await self._fetch(step)

    async def _exchange(self, send: Send) -> Reply | Lost:
        try:
            return _reply(await self._client.send(self._request(send), follow_redirects=False))
        except self._library.errors as error:
            return self._library.lost(error)

    async def _fetch(self, fetch: Fetch) -> Path | Reply | Lost:
        try:
            request = self._media_request(fetch.url)
            response = await self._client.send(request, stream=True, auth=None, follow_redirects=True)
            async with aclosing(response):
                if response.status_code != 200:
                    return Reply(response.status_code, response.headers, b"", time.time())
                return await self._save(response, fetch.transfer())
        except self._library.errors as error:
            return self._library.lost(error)

    async def _save(self, response: HTTPResponse, transfer: Transfer) -> Path:
        from anyio.to_thread import run_sync

        transfer.begin(response.headers)
        target = await run_sync(transfer.target)
        part = target.with_name(target.name + ".part")
        try:
            with transfer.writing(part):
                # Both libraries return a generator here, and trio wants it closed.
                body = cast("AsyncGenerator[bytes]", response.aiter_bytes(CHUNK))
                async with await anyio.open_file(part, "wb") as file, aclosing(body) as chunks:
                    async for chunk in chunks:
                        transfer.received(len(chunk))
                        await file.write(chunk)
            transfer.finish()
            with transfer.writing(target):
                return await run_sync(part.replace, target)
        finally:
            with anyio.CancelScope(shield=True), suppress(OSError):
                await anyio.Path(part).unlink(missing_ok=True)
