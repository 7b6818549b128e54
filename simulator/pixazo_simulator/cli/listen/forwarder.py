"""Posts webhooks to the app: the same bytes and headers, to exactly one URL."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import aclosing

import httpx2

from pixazo_simulator.spec import Header, Redactor, url_problem
from pixazo_simulator.webhooks import trusting

from .callback import Answer, Callback

FORWARD_TIMEOUT = 30.0
"""Seconds within which the app must respond, from the connection to the last byte: enough for a short stop in a debugger."""
ANSWER_LIMIT = 1024 * 1024
"""Bytes of the longest response that is passed on."""
BAD_GATEWAY, GATEWAY_TIMEOUT = 502, 504
_TEXT: tuple[Header, ...] = ((b"content-type", b"text/plain; charset=utf-8"),)
_LEAST, _MOST = 200, 599  # final status codes: 1xx responses are interim (RFC 9110, 15.2)
_NOT_FORWARDED = frozenset(
    {
        b"connection", b"content-length", b"expect", b"host", b"keep-alive", b"proxy-authenticate", b"proxy-authorization",
        b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
    }
)  # fmt: skip
"""Hop-by-hop headers (RFC 9110, 7.6.1), and those that the new request sets itself."""
_PASSED_ON = frozenset({b"content-type", b"content-encoding", b"location", b"retry-after"})
"""Headers of a response that the gateway gets, too."""


class _NoAnswerError(Exception):
    """The app gave no response that can be passed on; the message says why."""


def read_target(url: str) -> str:
    """The URL of an app, unchanged. Raises ValueError that says what is wrong with it."""
    if problem := url_problem(url):
        raise ValueError(f"--forward-to is not a URL of an app, such as http://127.0.0.1:3000/hooks: {problem}")
    return url


class Forwarder:
    """Forwards webhooks to one URL: it follows no redirect, uses no proxy, keeps no cookies, and opens a connection for each.

    Certificates are verified by authorities of the system, SSL_CERT_FILE or SSL_CERT_DIR. Raises ValueError for unusable ones.
    """

    def __init__(self, url: str, now: Callable[[], int], timeout: float = FORWARD_TIMEOUT) -> None:
        self.shown_url = Redactor().text(url)
        self._url = url
        self._now = now
        self._timeout = timeout
        verify = trusting("") if url.lower().startswith("https:") else False
        limits = httpx2.Limits(max_connections=None)  # no webhook waits for another
        # Created at the start: the imports of the first client would count as response time of the app.
        self._client = httpx2.AsyncClient(verify=verify, trust_env=False, timeout=None, limits=limits)

    async def forward(self, callback: Callback) -> Answer:
        """Post a webhook, and return the response of the app, or a 502 or 504 of our own where it fails; nothing is raised."""
        loop = asyncio.get_running_loop()
        begun, status, problem = loop.time(), BAD_GATEWAY, None
        headers, body = _TEXT, b""
        try:
            async with asyncio.timeout(self._timeout):
                status, headers, body = await self._sent(callback)
        except TimeoutError:
            status = GATEWAY_TIMEOUT
            problem = f"the app has not responded within {self._timeout:g} s: respond first, and do the work afterwards"
        except (_NoAnswerError, httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            problem = Redactor().text(_described(error))
        if problem:
            body = f"{problem}\n".encode()
        milliseconds = round((loop.time() - begun) * 1000)
        return Answer(
            at=self._now(), status=status, milliseconds=milliseconds, headers=headers, body=body, problem=problem
        )

    async def _sent(self, callback: Callback) -> tuple[int, tuple[Header, ...], bytes]:
        named = (callback.header(b"connection") or "").lower().split(",")
        kept_back = _NOT_FORWARDED.union(each.strip().encode("latin-1") for each in named)
        headers = [*(each for each in callback.headers if each[0] not in kept_back), (b"connection", b"close")]
        request = httpx2.Request(callback.method, self._url, headers=headers, content=callback.body)
        response = await self._client.send(request, stream=True)
        body = bytearray()
        async with aclosing(response):
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > ANSWER_LIMIT:
                    raise _NoAnswerError(f"the response of the app is longer than {ANSWER_LIMIT} bytes: send less")
        if not _LEAST <= response.status_code <= _MOST:
            raise _NoAnswerError(f"the app answered {response.status_code}, which is not a final status code")
        passed = ((name.lower(), value) for name, value in response.headers.raw)
        return response.status_code, tuple(each for each in passed if each[0] in _PASSED_ON), bytes(body)


def _described(error: Exception) -> str:
    if isinstance(error, _NoAnswerError):
        return str(error)
    causes = list(_causes(error))
    if untrusted := next((each for each in causes if isinstance(each, ssl.SSLCertVerificationError)), None):
        reason = untrusted.verify_message.rstrip(".")
        return f"the certificate of the app is not trusted ({reason}): name its authority in SSL_CERT_FILE"
    said = next((each.strerror for each in causes if isinstance(each, OSError) and each.errno), None) or str(error)
    if isinstance(error, httpx2.ConnectError):
        reason = "connection refused" if any(isinstance(each, ConnectionRefusedError) for each in causes) else said
        return f"the app cannot be reached ({reason}): start it, or correct --forward-to"
    return f"the app gave no HTTP/1.1 response ({said or type(error).__name__}): see its log"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__
