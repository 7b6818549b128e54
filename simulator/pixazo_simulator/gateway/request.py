"""A request of the gateway, and what one pass over its headers finds."""

from __future__ import annotations

import re

import msgspec

from pixazo_simulator.spec import KEY_HEADER, WEBHOOK_MODE_HEADER, WEBHOOK_URL_HEADER, Header, Policy
from pixazo_simulator.world import World

_KEY = KEY_HEADER.lower().encode()
_WEBHOOK_URL = WEBHOOK_URL_HEADER.lower().encode()
_WEBHOOK_MODE = WEBHOOK_MODE_HEADER.lower().encode()
_AUTHORITY = re.compile(r"[A-Za-z0-9.\-_]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")


class Request(msgspec.Struct, gc=False):
    """A request: its request line and headers as ASGI has them, the headers of note, and its body once it was read.

    `path` is percent-decoded, `query` is not; names in `headers` are in lower case, `spelling` has them as the caller wrote them,
    where that is known. `server` is the address that was called. `listener` is the world of the TLS listener it came through, if
    any. `header_bytes` is the size of request line and headers, where it is known.

    `body` is None when it is longer than the policy allows. `received` is the length of the body in bytes, of which `body` may
    hold only the beginning.
    """

    method: str
    path: str
    query: bytes
    headers: list[Header]
    scheme: str = "http"
    server: tuple[str, int | None] = ("localhost", None)
    listener: World | None = None
    header_bytes: int | None = None
    spelling: tuple[bytes, ...] = ()
    body: bytes | None = b""
    received: int = 0
    key: str = ""
    host: str = ""
    content_type: str | None = None
    content_length: int = 0
    webhook_url: str | None = None
    webhook_mode: str | None = None
    forwarded_host: str = ""
    forwarded_proto: str = ""

    def __post_init__(self) -> None:
        """Read the headers: of several with one name the first key counts, else the last."""
        for name, value in self.headers:
            if name == _KEY:
                self.key = self.key or value.decode("latin-1").strip()
            elif name == b"host":
                self.host = value.decode("latin-1")
            elif name == b"content-type":
                self.content_type = value.decode("latin-1")
            elif name == b"content-length":
                # More than 18 digits are too many anyhow, and int() takes long for very many.
                self.content_length = int(value[:18]) if value.isdigit() else 0
            elif name == _WEBHOOK_URL:
                self.webhook_url = value.decode("latin-1").strip()
            elif name == _WEBHOOK_MODE:
                self.webhook_mode = value.decode("latin-1")
            elif name == b"x-forwarded-host":
                self.forwarded_host = value.decode("latin-1").partition(",")[0].strip()
            elif name == b"x-forwarded-proto":
                self.forwarded_proto = value.decode("latin-1").partition(",")[0].strip().lower()

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.query.decode('latin-1')}" if self.query else self.path

    def origin(self, policy: Policy) -> str:
        """The origin of `polling_url` and media URLs (policy `public_origin`)."""
        if policy.public_origin not in ("caller", "forwarded"):
            return policy.public_origin
        host, scheme = self.host, self.scheme
        if policy.public_origin == "forwarded":
            host = self.forwarded_host or host
            scheme = self.forwarded_proto if self.forwarded_proto in ("http", "https") else scheme
        if not _AUTHORITY.fullmatch(host):
            name, port = self.server
            host = f"{name}:{port}" if port else name
        return f"{scheme}://{host}"
