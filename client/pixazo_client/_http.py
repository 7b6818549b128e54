"""The shape of an HTTP client: httpx2 and httpx both have it. And what is checked of it and its time-outs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from ._errors import PixazoError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping


Timeout: TypeAlias = "float | tuple[float | None, float | None, float | None, float | None]"


class HTTPResponse(Protocol):
    """What is needed of any answer."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def extensions(self) -> Mapping[str, Any]: ...
    @property
    def is_stream_consumed(self) -> bool: ...
    @property
    def next_request(self) -> Any: ...
    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]: ...
    def iter_raw(self, chunk_size: int | None = None) -> Iterator[bytes]: ...
    def aiter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]: ...
    def aiter_raw(self, chunk_size: int | None = None) -> AsyncIterator[bytes]: ...
    def close(self) -> None: ...
    async def aclose(self) -> None: ...


# A request is built and sent by the same object, so its type is that object's affair: hence Any.
class Builder(Protocol):
    """What is needed of any client."""

    def build_request(
        self,
        method: str,
        url: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: Any = None,
    ) -> Any: ...


class HTTPClient(Builder, Protocol):
    """What is needed of an `httpx2.Client` or `httpx.Client`."""

    def send(
        self, request: Any, *, stream: bool = False, auth: Any = None, follow_redirects: Any = False
    ) -> HTTPResponse: ...
    def close(self) -> None: ...


class AsyncHTTPClient(Builder, Protocol):
    """What is needed of an `httpx2.AsyncClient` or `httpx.AsyncClient`."""

    async def send(
        self, request: Any, *, stream: bool = False, auth: Any = None, follow_redirects: Any = False
    ) -> HTTPResponse: ...
    async def aclose(self) -> None: ...


LONGEST_TIMEOUT = 2_000_000
"""Seconds: a little less than the milliseconds that an int of C holds, which is what sockets count with."""


def check_timeout(timeout: Any) -> None:
    """Raise ValueError unless the time-out is None or can be used; a socket would refuse it in the middle of a call."""
    limits = cast("tuple[object, ...]", timeout if isinstance(timeout, tuple) else (timeout,) * 4)
    good = (one is None or (isinstance(one, int | float) and 0 < one <= LONGEST_TIMEOUT) for one in limits)
    if len(limits) != 4 or not all(good):
        raise ValueError(
            f"timeout is {timeout!r}: give seconds above 0 and at most {LONGEST_TIMEOUT}, or four such in a tuple, "
            "where None means no limit"
        )


def check_client(client: object, kind: str) -> None:
    """Raise PixazoError unless the http_client is None or looks like one of these libraries' clients, of whichever kind."""
    if client is not None and (isinstance(client, type) or not hasattr(client, "build_request")):
        raise PixazoError(f"http_client is of type {type(client).__name__}: give an httpx2.{kind} or httpx.{kind}")
