"""Requests that no client should send, reproducible from a seed."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from urllib.parse import quote

from PIL import Image

__all__ = ["HostileRequests", "Request"]

SUBMITS = ("/minimax-hailuo-ai/v1/generate", "/minimax-hailuo-ai/v1/imageToVideo", "/other-model/v1/generate")
CONTROLS = (
    ("GET", "/_sim/health"), ("POST", "/_sim/worlds"), ("GET", "/_sim/world"), ("PATCH", "/_sim/world"), ("GET", "/_sim/clock"),
    ("POST", "/_sim/clock/advance"), ("GET", "/_sim/ledger"), ("GET", "/_sim/generations"), ("GET", "/_sim/journal"),
    ("GET", "/_sim/deliveries"), ("GET", "/_sim/nothing"),
)  # fmt: skip
METHODS = ("GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get", "M-SEARCH")
MEMBERS = (
    "prompt", "first_frame_image", "duration", "resolution", "prompt_optimizer", "fast_pretreatment", "callback_url",
    "aigc_watermark", "key", "balance", "profile", "policy", "clock", "seed", "images", "seconds", "suspended", "model_enabled",
)  # fmt: skip
POLICY = (
    "request_id", "public_origin", "t2v_limits", "prompt_unit", "image_rules", "image_urls", "rate_limit", "unknown_id",
    "check_order", "content_type", "body_limit", "price", "job_times", "webhook_events", "webhook_retries", "webhook_redirects",
    "callback_url", "read_delay", "retention", "nothing",
)  # fmt: skip
TEXTS = (
    "", " ", "\0", "A bear", "\N{BEAR FACE}", "b" * 2001, "768P", "1080P", "6", "off", "open", "60/60", "0/1", "2+13", "0+0",
    "x999999", "manual", "real", "0.35", "1e9", "-1", "1e999999999999999999", "NaN", "%", "%00", "{}", "[[sim:stuck]]",
    "[[sim:after 0]]", "[[sim:after 999999999.999]]", "[[sim:failed \0]]", "[[sim:]]", "[[sim:error", "challenge", "accept",
    "table", "header", "fail", "utf16", "bytes", "thirteen", "status=0,media=0", "*=0.000001", "funds,json,key", "٣", "x²",
)  # fmt: skip
URLS = (
    "http://127.0.0.1:1/", "http://127.0.0.1:1/%zz?\x7f", "http://[::1]:1/", "http://[::1%25lo]:1/", "http://[", "http://a..b/",
    "http://" + "a" * 70 + "/", "http://0x7f.1:1/", "http://2130706433:1/", "http://user:pw@127.0.0.1:1/", "http://:80/",
    "http://192.0.2.1/", "http://localhost:1\\@192.0.2.1/", "https://127.0.0.1:1/", "HTTP://127.0.0.1:1", "http://127.0.0.1:0/",
    "http://127.0.0.1:99999/", "http://\u2460.example/", "file:///etc/passwd", "data:,", "http://127.0.0.1:1/#\xe9", "http://%31/",
)  # fmt: skip
PROMPTS = tuple(text for text in TEXTS if text.startswith(("A", "[[sim:")))
NUMBERS = (0, -1, 1, 6, 10, 6.0, 6.5, 2**31, 2**63, 2**64, 10**400, 1e15, 1e300, -0.0, 15, 1e10)
RAW = (
    b"", b" ", b"null", b"1e400", b"-1e400", b"NaN", b"Infinity", b'"\\ud800"', b"\xff\xfe", b"\xef\xbb\xbf{}", b"{", b"[]", b"[" * 10_000,
    b"[" * 10_000 + b"]" * 10_000, b'{"prompt":' * 10_000 + b"1" + b"}" * 10_000, b"9" * 10_000, b'{"prompt":"a\0b"}',
    b'{"prompt":"\\u0000"}', b'{"prompt":"\\ud800"}', b'{"prompt":"\xed\xa0\x80"}', b'{"prompt":"A bear","duration":1e400}',
    b'{"prompt":"A bear","duration":' + b"9" * 5000 + b"}", b'{"prompt":"A bear","prompt":5}', b'{"prompt":5,"prompt":"A bear"}',
    b'{"prompt":"A bear","x":' + b"[" * 10_000 + b"]" * 10_000 + b"}", b'{"seconds":1e400}', b'{"seconds":NaN}',
    b'{"prompt":"A bear"}\n{"prompt":"A bear"}', b'{"\\ud800":1,"prompt":"A bear"}', b'{"prompt":"A bear","duration":6e0}',
)  # fmt: skip
IDS = ("", "\0", "..", "a" * 5000, "minimax-hailuo-ai_019d4355-f500-74c5-a1d7-000000000000")
KEY_HEADER = "Ocp-Apim-Subscription-Key"
STRANGERS = ("", " ", "nobody", "\xe9", "sim-empty-wallet", "sim-suspended", "sim-throttled")
"""Other keys; not `sim-broken`, whose answer is a 500 by design."""
HEADERS = (
    "Content-Type", "X-Webhook-URL", "X-Webhook-Mode", "Host", "Range", "If-None-Match", "If-Range", "Forwarded", "X-Forwarded-Host",
    "X-Forwarded-Proto", "Origin", "Accept-Encoding", "Expect", "Cookie", "Idempotency-Key", "X-\x7f",
)  # fmt: skip
HEADER_VALUES = (
    "", "application/json", "application/json; charset=\xff", "text/plain", "sync", "bytes=0-", "bytes=-0", "bytes=9-1", "bytes=0-0,5-9",
    "bytes=99999999999999999999-", "bytes=\xb2-", "*", '"', "W/", "localhost", "localhost:99999", "evil.example", "[::1", "a" * 8000,
    "100-continue", "https", "\xe9\xff", "gzip, br;q=x",
)  # fmt: skip


FRAMINGS = (
    b"Content-Length: 3", b"Content-Length: 1", b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Content-Length: 2, 2",
    b"Content-Length: 2\r\nContent-Length: 3", b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 2",
    b"Transfer-Encoding: gzip", b"Upgrade: websocket\r\nConnection: Upgrade", b"Expect: 100-continue\r\nContent-Length: 2",
)  # fmt: skip


@dataclass(frozen=True)
class Request:
    """One request; its headers can be written in ISO 8859-1."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class HostileRequests:
    """Makes hostile requests, and bytes that are no request."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._pictures = [_picture(form) for form in ("PNG", "JPEG", "WEBP")]
        self.known_id = "minimax-hailuo-ai_019d4355-f500-74c5-a1d7-13bf3d5ee51a"

    def request(self, key: str) -> Request:
        """A request with this key or another one."""
        pick = self._random.choice
        headers = {pick(HEADERS): pick(HEADER_VALUES) for _ in range(self._random.randrange(4))}
        headers |= pick(({}, {"X-Webhook-URL": pick(URLS).encode("ascii", "replace").decode()}))
        headers |= pick(({}, *[{"Content-Type": "application/json", "Host": "127.0.0.1"}] * 4))
        headers |= pick(({}, {KEY_HEADER: pick(STRANGERS)}, *[{KEY_HEADER: key}] * 10))
        sort = self._random.random()
        if sort < 0.05:
            return Request("POST", "/_sim/clock/advance", headers, b'{"seconds":15}')
        if sort < 0.15:
            return Request("POST", SUBMITS[0], headers, _written({"prompt": pick(PROMPTS), "callback_url": pick(URLS)}))
        return Request(*self._route(), headers, self._body())

    def _route(self) -> tuple[str, str]:
        """A method and a target; every second one is a submit, so that its deeper checks are reached."""
        if self._chance(0.5):
            return "POST", self._random.choice(SUBMITS)
        identity = self._random.choice((self.known_id, self.known_id, *IDS))
        status, media = f"/v2/requests/status/{quote(identity)}", f"/v1/{quote(identity)}/output.mp4"
        anything = self._random.randbytes(self._random.randrange(30)).decode("latin-1")
        method, path = self._random.choice(
            (("GET", status), ("GET", media), *CONTROLS, ("GET", "/" + anything), ("OPTIONS", "*"))
        )
        method = self._random.choice((method, method, method, *METHODS))
        query = self._random.choice(("", "", "?", "?limit=", "?status=", "?subscription-key="))
        return method, _quoted(path + query + (self._text() if query else ""))

    def _body(self) -> bytes:
        pick = self._random.choice
        makers: tuple[Callable[[], bytes], ...] = (
            lambda: pick(RAW),
            lambda: self._random.randbytes(self._random.randrange(300)),
            lambda: self._mutated(_written({"prompt": "A bear", "duration": 6, "resolution": "768P"})),
            lambda: _written(self._value(0)),
            lambda: _written(self._members()),
            lambda: _written({"prompt": "A bear", **self._members()}),
            lambda: _written({"prompt": "A bear", "first_frame_image": self._data_url()}),
        )
        return pick(makers)()

    def _members(self) -> dict[str, object]:
        names = self._random.sample(MEMBERS, self._random.randrange(1, 5))
        return {name: self._policy() if name == "policy" else self._value(0) for name in names}

    def _policy(self) -> object:
        names = self._random.sample(POLICY, self._random.randrange(1, 3))
        return {name: self._value(1) for name in names}

    def _value(self, depth: int) -> object:
        """Any JSON value, a lone surrogate among the strings."""
        inner = depth + 1
        makers: tuple[Callable[[], object], ...] = (
            self._text,
            self._text,
            lambda: self._random.choice(NUMBERS),
            lambda: self._random.choice((None, True, False)),
            lambda: self._random.choice(URLS),
            lambda: [self._value(inner) for _ in range(self._random.randrange(4))],
            lambda: {self._text(): self._value(inner) for _ in range(self._random.randrange(4))},
        )
        return self._random.choice(makers[:5] if depth > 3 else makers)()

    def _text(self) -> str:
        strange = "".join(chr(self._random.choice((0, 9, 34, 92, 127, 233, 0xD800, 0xDFFF, 0x1F43B))) for _ in range(3))
        return self._random.choice((*TEXTS, strange))

    def _data_url(self) -> str:
        picture = self._random.choice(self._pictures)
        changed = self._random.choice(
            (picture, picture[: self._random.randrange(len(picture))], self._mutated(picture))
        )
        head = self._random.choice(
            ("data:image/png;base64,", "data:image/jpeg;base64,", "data:image/webp;a=b;base64,", "DATA:,")
        )
        return head + base64.b64encode(changed).decode() + self._random.choice(("", "", "=", "!", "\n"))

    def garbage(self) -> bytes:
        """Bytes that are no valid HTTP request."""
        whole = b"POST /minimax-hailuo-ai/v1/generate HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
        makers: tuple[Callable[[], bytes], ...] = (
            lambda: self._random.randbytes(self._random.randrange(1, 2000)),
            lambda: self._mutated(whole),
            lambda: self._mutated(whole * 3),
            lambda: whole[: self._random.randrange(1, len(whole))],
            lambda: whole.replace(b"Content-Length: 2", self._random.choice(FRAMINGS)),
            lambda: b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * self._random.randrange(20_000) + b"\r\n",
        )
        return self._random.choice(makers)()

    def _mutated(self, data: bytes) -> bytes:
        """The bytes with a few of them changed."""
        changed = bytearray(data)
        for _ in range(self._random.randrange(1, 6)):
            changed[self._random.randrange(len(changed))] = self._random.randrange(256)
        return bytes(changed)

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="/?&=%;:@+$,~.*!()'")


def _written(value: object) -> bytes:
    return json.dumps(value).encode()


def _picture(form: str) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (400, 320)).save(written, form)
    return written.getvalue()
