"""The shape of an HTTP client, for type checkers: httpx2 and httpx both have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

__all__ = ["AsyncHTTPClient", "Builder", "HTTPClient", "HTTPResponse", "Timeout"]

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
