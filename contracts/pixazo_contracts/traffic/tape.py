"""The tape of a proxy: what passed, as the records of a trace, keys redacted before anything is written; and what they show so far."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import re
import secrets
import time
import zlib
from collections import OrderedDict, deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from io import FileIO
from pathlib import Path
from typing import Final

from pixazo_contracts.clauses import CATALOGUE, CLAUSE_SET
from pixazo_contracts.judge import Finding, Outcome, curl_line, judge
from pixazo_contracts.runner import KEPT_HEADERS as KEPT_OF_RESPONSES
from pixazo_contracts.runner import Redactor, is_distinctive, record_body, record_request_body
from pixazo_contracts.trace import (
    TERMINAL,
    Callback,
    Exchange,
    Footer,
    Header,
    InvalidTraceError,
    Profile,
    Record,
    Trace,
    canonical_origin,
    dump_record,
    inspect_media,
    is_array,
    is_object,
    load_trace,
    receiver_token,
    split_url,
    webhook_urls,
)  # fmt: skip

from .classify import SUBMITS, Classified, classify, is_origin_form, key_of

#: The headers of requests that are kept: any other may hold a secret of the app.
KEPT_HEADERS: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "cache-control",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "idempotency-key",
        "if-modified-since",
        "if-none-match",
        "range",
        "transfer-encoding",
        "user-agent",
        "x-webhook-url",
    }
)
#: Names of headers whose values are secrets.
SECRET: Final = re.compile(r"(?i)(?!idempotency-key$).*(key|auth|token|secret|cookie|session|signature|password)")
QUERY_KEY: Final = re.compile(r"(?i)([?&])subscription-key=[^&#]*&?")

#: What an exchange alone does not show: it is judged at the end, with all others.
AT_THE_END: Final = frozenset(
    {
        "BASE-01",
        "BASE-02",
        "BASE-03",
        "BASE-04",
        "BASE-05",
        "ERR-429-04",
        "FLOW-02",
        "FLOW-04",
        "I2V-IMG-03",
        "I2V-IMG-04",
        "STATUS-13",
        "SUBMIT-14",
        "WEBHOOK-08",
    }
)
JUDGED_AS_IT_PASSES: Final = tuple(clause for clause in CATALOGUE if clause.id not in AT_THE_END)

#: What is kept for the judgement of what follows: generations, exchanges of each, callbacks; and names of the proxy.
MOST_GENERATIONS: Final = 1000
MOST_READS: Final = 30
MOST_CALLBACKS: Final = 1000
MOST_NAMES: Final = 16

#: The longest body that is decoded, in bytes.
MOST_DECODED: Final = 64 * 1024 * 1024

#: Reads so many seconds after an end, or a submit, are late: how long a request stays readable is not said.
LATE: Final = 30.0
VERY_LATE: Final = 3600.0

STATE: Final = "proxy.json"
TRACE: Final = "trace.ndjson"


class TapeError(Exception):
    """The trace or what stands beside it cannot be written; the text names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One exchange as it passed: `answered` is None without a response, and `error` then says why."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    size: int
    started: float
    answered: int | None = None
    answer_headers: tuple[tuple[str, str], ...] = ()
    answer: bytes = b""
    answer_size: int = 0
    error: str | None = None
    spent: bool = False


@dataclass(eq=False)
class Tape:
    """Writes the records into `out`/trace.ndjson and goes on with one that is there; without a directory it keeps them in memory."""

    profile: Profile
    out: Path | None
    known_keys: Iterable[str] = ()
    hooks: dict[str, str] = field(init=False, default_factory=dict[str, str])

    def __post_init__(self) -> None:
        self._salt, self._accounts, self.purse = secrets.token_hex(16), dict[str, str](), secrets.token_hex(4)
        self._keys = dict.fromkeys(self.known_keys)
        self._redactor = Redactor(self._keys)
        self._kept_exchanges, self._kept_callbacks = list[Exchange](), list[Callback]()  # without a directory only
        self._exchanges = self._callbacks = 0
        self._issued: dict[str, float] = {}
        self._hook_count, self._unseen = 0, False
        self._generations: OrderedDict[str, list[Exchange]] = OrderedDict()
        self._bodies: OrderedDict[bytes, list[Exchange]] = OrderedDict()
        self._called: deque[Callback] = deque(maxlen=MOST_CALLBACKS)
        self._media: dict[str, str] = {}
        self._ends: dict[str, float] = {}
        self._said: set[tuple[str, ...]] = set()
        self._file: FileIO | None = None
        self.header = Header(
            suite=version("pixazo-testkit"), clause_set=CLAUSE_SET, profile_hash=self.profile.hash, profile=self.profile,
            started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )  # fmt: skip
        if self.out is not None:
            self.out.mkdir(parents=True, exist_ok=True)
            self._read_state()
            self._continue(self.out / TRACE)
        begun = datetime.fromisoformat(self.header.started_at).timestamp()
        self._zero = time.monotonic() - max(0.0, time.time() - begun)

    def now(self) -> float:
        """Seconds since the trace began."""
        return time.monotonic() - self._zero

    # -- what outlives the process

    def _read_state(self) -> None:
        try:
            state = json.loads((self._folder / STATE).read_bytes())
            self._salt, self._accounts, self.purse = state["salt"], state["accounts"], state["purse"]
            self.hooks, self._hook_count = state["hooks"], state["hook_count"]
        except FileNotFoundError:
            self.save()

    @property
    def _folder(self) -> Path:
        return self.out or Path()

    def save(self) -> None:
        """Keep what a restart must know, readable by the owner only; keys are kept as salted digests."""
        if self.out is None:
            return
        state = {"salt": self._salt, "accounts": self._accounts, "purse": self.purse, "hook_count": self._hook_count}
        # One that holds a key is known to this process only.
        state["hooks"] = {token: url for token, url in self.hooks.items() if self.text(url) == url}
        beside = self.out / f"{STATE}.new"
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(json.dumps(state).encode())
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.out / STATE)
        except OSError as error:
            raise TapeError(f"{self.out / STATE}: {error.strerror or error}") from None

    def _continue(self, path: Path) -> None:
        if path.exists() and path.stat().st_size:
            data = path.read_bytes()
            if not data.endswith(b"\n"):  # the last line was torn
                with path.open("r+b") as file:
                    file.truncate(data.rfind(b"\n") + 1)
            if b"\n" in data:
                self._take(load_trace(path))
        self._file = path.open("ab", buffering=0)
        self._write(self.header)

    def _take(self, trace: Trace) -> None:
        if trace.profile.origin != self.profile.origin:
            raise InvalidTraceError(
                f"{self._folder} has a trace of {trace.profile.origin}, not of {self.profile.origin}: give another --out"
            )
        self.header = replace(self.header, started_at=trace.header.started_at)
        for exchange in trace.exchanges:
            self._index(exchange)
        self._called.extend(trace.callbacks)
        self._callbacks = len(trace.callbacks)
        if any(
            generation.webhook_urls
            and not any(callback.member("status") in TERMINAL for callback in generation.callbacks)
            for generation in trace.generations
        ):
            # Callbacks may have come while nothing listened: that one is missing shows nothing from here on.
            rest = tuple(each for each in self.profile.capabilities if each != "receiver")
            self._describe(replace(self.profile, capabilities=rest))

    def _write(self, record: Record) -> None:
        if self._file is None:
            return
        line, written = dump_record(record), 0
        try:
            while written < len(line):
                written += self._file.write(line[written:])
        except OSError as error:
            raise TapeError(f"{self._folder / TRACE}: {error.strerror or error}") from None

    def named(self, host: str) -> None:
        """Take in a name by which the app calls the proxy: a gateway may derive URLs from it."""
        origin, known = f"http://{host}", self.profile.public_origins
        if origin in known or len(known) >= MOST_NAMES or self.text(origin) != origin:
            return
        with suppress(ValueError):  # it is no host
            if canonical_origin(origin) != canonical_origin(self.profile.origin):
                self._describe(replace(self.profile, public_origins=(*known, origin)))
                self._write(self.header)

    def _describe(self, profile: Profile) -> None:
        self.profile = profile
        self.header = replace(self.header, profile=profile, profile_hash=profile.hash)

    def hook(self, url: str, public_url: str) -> str:
        """A URL below ours at which callbacks for a URL of the app arrive, also after a restart."""
        self._hook_count += 1
        token = f"{self.purse}-{self._hook_count}-proxy"
        self.hooks[token] = url
        self.save()
        return f"{public_url.rstrip('/')}/hook/{token}"

    # -- keys

    def learn(self, target: str, headers: Iterable[tuple[str, str]]) -> None:
        """Take in the secrets of a request, before anything of it is shown or kept."""
        found = list[str]()
        for name, value in headers:
            if SECRET.match(name):
                found += [value.strip(), value.strip().rpartition(" ")[2], *_password(value)]
            if name.lower() == "cookie":
                found += [pair.partition("=")[2].strip() for pair in value.split(";")]
        if (key := key_of(target, headers)) is not None:
            found.append(key[0])
        new = [value for value in found if value and value not in self._keys]
        if new:
            self._keys |= dict.fromkeys(new)
            self._redactor = Redactor(self._keys)
            if key is not None and not is_distinctive(key[0]) and self.header.key_searched:
                self.header = replace(self.header, key_searched=False)
                self._write(self.header)

    def text(self, text: str) -> str:
        """A text without any key that is known."""
        return self._redactor.text(text)

    def _account(self, said: Classified, key: str) -> str:
        if said.operation == "elsewhere" and not said.keyed:
            return "elsewhere"
        if not said.keyed:
            return "blank" if said.blank else ""
        digest = hashlib.blake2b(key.encode(), key=self._salt.encode(), digest_size=16).hexdigest()
        if digest not in self._accounts:
            self._accounts[digest] = f"key-{len(self._accounts) + 1}" if self._accounts else "default"
            self.save()
        return self._accounts[digest]

    # -- records

    def classify(self, method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes) -> Classified:
        """What a request is, by all that has passed before it."""
        said = classify(
            method, target, headers, body, self.profile.origin, issued=None if self._unseen else self._issued, media=self._media
        )  # fmt: skip
        return self._dated(said, self.now())

    def _dated(self, said: Classified, now: float) -> Classified:
        """The same with the clause that a late request is for."""
        request_id, end = said.request_id, self._ends.get(str(said.request_id))
        late = end is not None and now - end > LATE
        if said.operation == "media":
            return replace(said, aims=("OUT-13",)) if late else said
        if said.operation != "status" or request_id not in self._issued:
            return said
        very = now - self._issued[request_id] > VERY_LATE
        return replace(said, aims=("STATUS-16",)) if late or very else said

    def record(self, message: Message, said: Classified) -> Exchange:
        """Write down what passed; returns the record."""
        answer, readable = decoded(message.answer_headers, message.answer)
        said = said.settled(message.answered, answer)
        blind = message.answered is not None and not readable and said.operation != "media"
        lost = message.error is not None and not (message.error == "lost" and self.profile.loopback)
        if blind or (lost and message.answered is None):
            # Nothing that the gateway answered was seen, an id that it issued neither.
            self._unseen = self._unseen or said.operation in SUBMITS.values()
            said = replace(said, operation="elsewhere", aims=(), intent="any", request_id=None)
        redactor, key = self._redactor, key_of(message.target, message.headers)
        refused_key = message.answered in {401, 403}
        kept = (header for header in message.answer_headers if header[0].lower() in KEPT_OF_RESPONSES)
        target = QUERY_KEY.sub(r"\1", message.target).rstrip("?&")
        exchange = Exchange(
            number=self._exchanges + 1, probe="proxy", case=said.case, operation=said.operation, method=message.method,
            url=redactor.text(f"{self.profile.origin}{target if is_origin_form(target) else f'/{target}'}"),
            account=self._account(said, key[0] if key else ""), placement=said.placement, aims=said.aims, intent=said.intent,
            request_id=None if said.request_id is None else redactor.text(said.request_id),
            started=message.started, finished=self.now(), status=message.answered, error=message.error, spent=message.spent,
            request_headers=redactor.headers(h for h in message.headers if h[0].lower() in KEPT_HEADERS),
            request_body=self._kept(record_request_body(message.body)) if message.body and message.size == len(message.body) else None,
            request_size=message.size,
            headers=redactor.headers(kept),
            body=self._kept(record_body(answer)) if message.answer_size == len(message.answer) else None,
            size=message.answer_size,
            media=inspect_media(answer) if self._is_whole_medium(message, said) else None,
            leaks=() if refused_key else redactor.places(message.answer_headers, answer[: 1 << 20], 1 if said.operation == "media" else 5),
        )  # fmt: skip
        self._index(exchange)
        if self.out is None:
            self._kept_exchanges.append(exchange)
        self._write(exchange)
        return exchange

    @staticmethod
    def _is_whole_medium(message: Message, said: Classified) -> bool:
        return said.operation == "media" and message.answered == 200 and message.answer_size == len(message.answer)

    def _kept(self, text: str | None) -> str | None:
        return None if text is None else self._redactor.text(text)

    def called(
        self, method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes, answered: int, at: float
    ) -> Callback:
        """Write down a callback that was relayed."""
        callback = Callback(
            number=self._callbacks + 1, at=at, method=method, target=self.text(target), answered=answered,
            headers=self._redactor.headers(h for h in headers if h[0].lower() in KEPT_OF_RESPONSES),
            header_names=tuple(self.text(name) for name, _ in headers),
            body=self._kept(record_body(body)), size=len(body), leaks=self._redactor.places(headers, target.encode() + b"\n" + body),
        )  # fmt: skip
        self._callbacks += 1
        self._called.append(callback)
        if self.out is None:
            self._kept_callbacks.append(callback)
        self._write(callback)
        return callback

    def _index(self, exchange: Exchange) -> None:
        self._exchanges += 1
        if exchange.accepted_id is not None:
            self._issued.setdefault(exchange.accepted_id, exchange.finished)
        of = str(exchange.accepted_id or exchange.request_id)
        if exchange.accepted_id is not None or of in self._generations:
            self._generations[of] = _shortened([*self._generations.pop(of, []), exchange])
        if exchange.is_submit and exchange.succeeded:
            self._bodies.setdefault(_body_of(exchange), []).append(exchange)
            del self._bodies[_body_of(exchange)][2:]
        for kept in (self._generations, self._bodies):
            if len(kept) > MOST_GENERATIONS:
                kept.popitem(last=False)
        if exchange.state in TERMINAL and exchange.request_id is not None:
            self._ends.setdefault(exchange.request_id, exchange.finished)
            output = exchange.member("output")
            urls: object = output.get("media_url") if is_object(output) else None
            for url in urls if is_array(urls) else [urls]:
                if isinstance(url, str):
                    self._note_media(url, exchange.request_id)

    def _note_media(self, url: str, request_id: str) -> None:
        """A medium passes here if its host is redirected to us, whichever it is: it is known by its path."""
        if len(path := split_url(url).path) > 1:
            self._media[self.profile.origin + path] = request_id

    # -- judgement

    def window(self, exchange: Exchange) -> Trace:
        """An exchange with the others of its generation: what can be judged as it passes, at a constant cost."""
        of = self._generations.get(str(exchange.accepted_id or exchange.request_id), [])
        near = {e.number: e for e in (*of, exchange)}
        if exchange.is_submit:
            near |= {e.number: e for e in self._bodies.get(_body_of(exchange), [])}
        tokens = {receiver_token(url) for e in of[:1] for url in webhook_urls(e).values()}
        called = tuple(c for c in self._called if receiver_token(c.target) in tokens) if tokens else ()
        return Trace(self.header, tuple(near[number] for number in sorted(near)), called, None)

    def violations(self, trace: Trace) -> list[tuple[str, Outcome, Finding]]:
        """What a window shows to be wrong; each kind is returned once. Only one thread may call it."""
        near = {exchange.number: exchange for exchange in trace.exchanges}
        found = list[tuple[str, Outcome, Finding]]()
        for verdict in judge(trace, JUDGED_AS_IT_PASSES):
            for finding in verdict.findings if verdict.outcome in {Outcome.FAIL, Outcome.DRIFT} else ():
                kind = (
                    verdict.clause,
                    *(re.sub(r"[0-9a-f]*\d[0-9a-f.]*", "#", t) for t in (finding.where, finding.got)),
                )
                if kind not in self._said:
                    self._said.add(kind)
                    curl = curl_line(near[finding.exchange]) if finding.exchange in near else None
                    found.append((verdict.clause, verdict.outcome, replace(finding, curl=curl)))
        return found

    def end(self, spent: int, released: int, stopped: str | None) -> Trace:
        """Write the footer and give the whole trace."""
        footer = Footer(
            exchanges=self._exchanges, callbacks=self._callbacks, seconds=self.now(), probes={"proxy": "done"},
            spend_stopped=stopped, generations_spent=spent, generations_released=released,
        )  # fmt: skip
        self._write(footer)
        if self._file is not None:
            self._file.close()
            return load_trace(self._folder / TRACE)
        return Trace(self.header, tuple(self._kept_exchanges), tuple(self._kept_callbacks), footer)


def _body_of(exchange: Exchange) -> bytes:
    """What two submits of the same have in common."""
    text = f"{exchange.account} {exchange.operation} {exchange.request_body}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _shortened(exchanges: list[Exchange]) -> list[Exchange]:
    """The exchanges of a generation that decide: its submit, its first ends, and the last."""
    if len(exchanges) <= 2 * MOST_READS:
        return exchanges
    ends = [exchange for exchange in exchanges[1:-MOST_READS] if exchange.state in TERMINAL]
    return [exchanges[0], *ends[: MOST_READS // 2], *exchanges[-MOST_READS:]]


def _password(value: str) -> list[str]:
    """User name and password of Basic authentication."""
    scheme, _, coded = value.strip().partition(" ")
    try:
        plain = base64.b64decode(coded, validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, ValueError):
        return []
    return [part for part in (plain, plain.partition(":")[2]) if part]


def decoded(headers: Iterable[tuple[str, str]], body: bytes) -> tuple[bytes, bool]:
    """A body without its content encoding, and whether that could be undone."""
    encoding = next((value.strip().lower() for name, value in headers if name.lower() == "content-encoding"), "")
    if encoding in {"", "identity"} or not body:
        return body, True
    # Some servers mean by deflate the bare stream, without the header of zlib.
    bare = encoding == "deflate" and (body[0] & 15 != 8 or int.from_bytes(body[:2], "big") % 31)
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        return b"", False
    undo = zlib.decompressobj(-zlib.MAX_WBITS if bare else 32 + zlib.MAX_WBITS)
    try:
        plain = undo.decompress(body, MOST_DECODED)
    except zlib.error:
        return b"", False
    return (plain, True) if undo.eof else (b"", False)
