"""Sends one webhook over HTTP/1.1 and reports the outcome; says which https receivers are trusted."""

from __future__ import annotations

import asyncio
import os
import ssl
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

import httptools
import msgspec

from pixazo_simulator.spec import is_success, regex

from .egress import OTHER_LOOPBACK, Destination, LookUps, Outcome, destination, is_localhost

USER_AGENT = "pixazo-sim"
"""The User-Agent of every webhook. `/_sim` refuses it, so a receiver cannot redirect a webhook to our own routes."""
_HEADERS = {"accept": "*/*", "accept-encoding": "identity", "connection": "close", "user-agent": USER_AGENT}
MOST_REDIRECTS = 3
REDIRECTS = (301, 302, 303, 307, 308)
HEAD_LIMIT = 64 * 1024
"""Bytes that a receiver may send until the headers of its final response end."""
ECHO_LIMIT = 64 * 1024
"""Bytes of a response body that are read when an echo is expected; otherwise only the status code is."""
_PATH, _QUERY = "!$%&'()*+,-./:;=@[\\]^_|~", "!$%&'()*+,-./:;=?@[\\]^_`{|}~"
"""The punctuation that a path and a query contain unescaped."""
_CERTIFICATE = regex(r"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----")
# OpenSSL's X509_V_ERR_: CERT_NOT_YET_VALID, CERT_HAS_EXPIRED; HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH.
_OUT_OF_DATE, _OTHER_NAME = (9, 10), (62, 64)


class _Challenge(msgspec.Struct):
    challenge: str


class WebhookRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to send and where; `echo` requires a response with the challenge, `refused` sends nothing, as if the receiver were down.

    `timeout` is how many real seconds it has to accept the connection and complete the TLS handshake, and again to respond.
    """

    url: str
    body: bytes
    headers: dict[str, str]
    allowed: tuple[str, ...]
    follow: bool
    timeout: float
    echo: bool = False
    refused: bool = False


class Sender:
    """Sends with as much HTTP as a webhook needs: no proxy of the environment, no cookies, no log of URLs that may contain keys.

    Each webhook has a connection of its own: a kept-alive one would occupy a receiver that serves one at a time, or be closed
    just when it is used again. https receivers are trusted as by the system, or as SSL_CERT_FILE and SSL_CERT_DIR say; those of
    the authorities in the file `webhook_ca` are trusted, too. Raises ValueError with the remedy when that file cannot be used.
    """

    def __init__(self, webhook_ca: str | None = None) -> None:
        self._authorities = read_authorities(webhook_ca) if webhook_ca else ""
        self._look_ups = LookUps()
        self._trust: ssl.SSLContext | None = None
        self._creating = asyncio.Lock()

    async def send(self, webhook: WebhookRequest) -> Outcome:
        """Send a webhook. A failure is an outcome, not an exception. The connection is closed afterwards."""
        url = webhook.url
        try:
            for _ in range(1 + MOST_REDIRECTS):
                place = await destination(url, webhook.allowed, self._look_ups)  # again after each redirect
                if isinstance(place, Outcome):
                    return place
                if webhook.refused:
                    return Outcome(None, _unconnected(ConnectionRefusedError(), place))
                try:
                    context = await self._context() if place.secure else None
                except ValueError as error:
                    return Outcome(None, f"not sent: {error}")
                exchange = _Exchange(url, webhook)
                if problem := await exchange.run(place, context):
                    return Outcome(None, problem, late=exchange.late)
                if not (webhook.follow and exchange.status in REDIRECTS and exchange.location):
                    return _outcome(exchange, webhook)
                url = urljoin(url, exchange.location.decode(errors="replace"))
        except ValueError as error:  # the Location of a redirect may not be a URL
            return Outcome(None, f"redirected to an invalid URL: {error}")
        return Outcome(None, f"more than {MOST_REDIRECTS} redirects")

    async def _context(self) -> ssl.SSLContext:
        """The TLS context, created with the first https webhook, in a thread, since it takes as long as a hundred webhooks."""
        async with self._creating:
            if self._trust is None:
                self._trust = await asyncio.to_thread(trusting, self._authorities)
            return self._trust


class _Exchange:
    """One request, and as much of its response as is needed: the status code, the location, and the echo if one is expected."""

    def __init__(self, url: str, webhook: WebhookRequest) -> None:
        self.status = 0
        self.location = b""
        self.body = b""
        self.late = False
        self._request = _request(url, webhook)
        self._timeout, self._expects_echo = webhook.timeout, webhook.echo
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)  # as a shell script writes it
        self._has_length = self._is_over = False

    async def run(self, place: Destination, context: ssl.SSLContext | None) -> str | None:
        """Connect, send, and receive; return why there is no response. The connection is closed then."""
        try:
            async with asyncio.timeout(self._timeout):
                reader, writer = await self._connect(place, context)
        except TimeoutError:
            self.late = True
            return f"no connection within {self._timeout:g} s"
        except OSError as error:
            return _unconnected(error, place)
        try:
            async with asyncio.timeout(self._timeout):  # the receiver's time to respond begins
                writer.write(self._request)
                return await self._receive(reader)
        except TimeoutError:
            self.late = True
            return f"no response within {self._timeout:g} s"
        finally:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    async def _connect(
        self, place: Destination, context: ssl.SSLContext | None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect; the receiver of a name that is loopback may listen on either address, such as Node.js on ::1 only."""
        connect = partial(
            asyncio.open_connection, port=place.port, ssl=context,
            server_hostname=place.host if context else None, ssl_handshake_timeout=self._timeout if context else None,
        )  # fmt: skip
        try:
            return await connect(host=place.address)
        except ConnectionRefusedError as refused:
            if not is_localhost(place.host):
                raise
            try:
                return await connect(host=OTHER_LOOPBACK)
            except (ssl.SSLError, ConnectionResetError):  # somebody listens there
                raise
            except OSError:
                raise refused from None

    async def _receive(self, reader: asyncio.StreamReader) -> str | None:
        """Read the response; return why there is none."""
        head = 0  # bytes received until the headers of the final response ended
        while True:
            is_reset, data, problem = False, b"", None
            try:
                data = await reader.read(HEAD_LIMIT)
            except OSError:
                is_reset = True
            if not data:
                if self.status and not self._has_length and not is_reset:
                    return None  # the end of the connection ends a body without a length
                part = "in the middle of its response" if head else "without a response"
                return f"the receiver closed the connection {part}"
            if not self.status:
                head += len(data)
            try:
                self._parser.feed_data(data)
            except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
                problem = f"the response is not HTTP/1.1: {error}"
            if self._is_over:  # whatever follows the response
                return None
            if problem:
                return problem
            if not self.status and head > HEAD_LIMIT:
                return f"the response has more than {HEAD_LIMIT} bytes of headers"

    def on_message_begin(self) -> None:
        """Forget the headers of an interim response (1xx)."""
        self.location = b""

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"location":
            self.location = value
        elif name in (b"content-length", b"transfer-encoding"):
            self._has_length = True

    def on_headers_complete(self) -> None:
        """Only the status code counts, unless an echo is expected; an interim response is followed by another one."""
        status = self._parser.get_status_code()
        if not self._is_over and (status >= 200 or status == 101):
            self.status = status
            self._is_over = not self._expects_echo

    def on_body(self, data: bytes) -> None:
        """Keep a piece of an echo, only in an accepted coding: decompression has no bound."""
        self.body += data
        self._is_over = self._is_over or len(self.body) > ECHO_LIMIT

    def on_message_complete(self) -> None:
        self._is_over = bool(self.status)


def _request(url: str, webhook: WebhookRequest) -> bytes:
    headers = "".join(f"{name}: {value}\r\n" for name, value in (_HEADERS | webhook.headers).items())
    head = f"POST {_target(url)}\r\n{headers}content-length: {len(webhook.body)}\r\n\r\n"
    return head.encode("ascii") + webhook.body


@lru_cache(maxsize=1024)
def _target(url: str) -> str:
    parts = urlsplit(url)
    query = f"?{quote(parts.query, safe=_QUERY)}" if parts.query else ""
    return f"{quote(parts.path, safe=_PATH) or '/'}{query} HTTP/1.1\r\nhost: {parts.netloc.rpartition('@')[2]}"


def _unconnected(error: OSError, place: Destination) -> str:
    address = f"{f'[{place.address}]' if ':' in place.address else place.address}:{place.port}"
    if isinstance(error, ConnectionRefusedError):
        return f"connection refused by {address}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return _distrust(error, place.host)
    if isinstance(error, ssl.SSLError):
        return f"no TLS handshake with {address}: {error.reason or error}"
    if not error.errno:  # of no system call
        return f"no TLS handshake with {address}: the receiver closed the connection"
    return f"no connection to {address}: {os.strerror(error.errno)}"


def _outcome(exchange: _Exchange, webhook: WebhookRequest) -> Outcome:
    status = exchange.status
    if not is_success(status):
        return Outcome(status, f"answered {status}")
    if webhook.echo and not _echoes(exchange.body, webhook.body):
        return Outcome(None, f"answered {status} without the challenge", final=True)
    return Outcome(status)


def _echoes(answer: bytes, body: bytes) -> bool:
    try:
        return msgspec.json.decode(answer, type=_Challenge) == msgspec.json.decode(body, type=_Challenge)
    except msgspec.DecodeError:
        return False


def read_authorities(path: str) -> str:
    """The certificates in a PEM file. Raises ValueError that names the file and the remedy."""
    try:
        text = Path(path).read_text(encoding="latin-1")
    except OSError as error:
        raise ValueError(f"webhook CA file {path} cannot be read: {error.strerror}") from None
    certificates = "\n".join(_CERTIFICATE.findall(text))
    if not certificates:
        raise ValueError(
            f"webhook CA file {path} has no certificate in PEM format: give that of the authority, such as rootCA.pem"
        )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=certificates)
    except ssl.SSLError as error:
        raise ValueError(
            f"webhook CA file {path} has a damaged certificate ({error.reason}): export it again"
        ) from None
    return certificates


def trusting(authorities: str) -> ssl.SSLContext:
    """A context that trusts the system's authorities, or those that the environment names, and these (PEM).

    Raises ValueError when the environment names what cannot be used.
    """
    import httpx2  # finds the authorities of every platform, and honours SSL_CERT_FILE and SSL_CERT_DIR

    try:
        context = httpx2.create_ssl_context()
    except OSError as error:
        raise ValueError(f"the authorities that SSL_CERT_FILE and SSL_CERT_DIR name cannot be used: {error}") from None
    context.set_alpn_protocols(["http/1.1"])
    if authorities:
        context.load_verify_locations(cadata=authorities)
    # A receiver's own certificate may be given, too, such as that of `dotnet dev-certs`; it need not have everything that an authority's has.
    context.verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST | ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _distrust(error: ssl.SSLCertVerificationError, host: str) -> str:
    """Why the certificate of `host` was not accepted, and the remedy."""
    reason = error.verify_message.rstrip(".")
    if error.verify_code in _OTHER_NAME:
        return f"the certificate is not for {host} ({reason}): use a name in the URL that it contains, or make one for {host}"
    if error.verify_code in _OUT_OF_DATE:
        return f"the certificate of {host} is not valid now ({reason}): renew it"
    return (
        f"the certificate of {host} is not trusted ({reason}): name its authority with --webhook-ca FILE, "
        "Settings(webhook_ca=...) or SSL_CERT_FILE, in pytest set pixazo_webhook_ca"
    )
