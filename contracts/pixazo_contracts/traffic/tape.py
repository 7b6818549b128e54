"""The tape of a proxy: its traffic as records of a trace, keys redacted before anything is written; and what they show so far."""

from __future__ import annotations

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
from datetime import datetime
from gzip import GzipFile
from io import BytesIO
from pathlib import Path
from typing import Final, Literal, NamedTuple

from pixazo_contracts import runner
from pixazo_contracts.clauses import CATALOGUE
from pixazo_contracts.judge import Finding, Outcome, curl_line, judge
from pixazo_contracts.probes import Headers, media_urls
from pixazo_contracts.trace import (
    TERMINAL,
    Callback,
    Exchange,
    Footer,
    InvalidTraceError,
    JsonObject,
    Profile,
    Record,
    Trace,
    canonical_origin,
    dump_record,
    inspect_media,
    load_trace,
    receiver_token,
    split_url,
    webhook_urls,
)  # fmt: skip

from .classify import (
    KEPT_OF_REQUESTS,
    SECRET,
    SUBMIT_PATHS,
    Classified,
    classify,
    key_of,
    secrets_of,
    without_key,
)
from .wire import Head

#: Clauses that a single exchange cannot decide: they are judged at the end, with all exchanges.
AT_THE_END: Final = {
    *("BASE-01", "BASE-02", "BASE-03", "BASE-04", "BASE-05", "ERR-429-04", "FLOW-02", "FLOW-04"),
    *("I2V-IMG-03", "I2V-IMG-04", "STATUS-13", "SUBMIT-14", "WEBHOOK-08"),
}
JUDGED_AS_IT_PASSES: Final = tuple(clause for clause in CATALOGUE if clause.id not in AT_THE_END)

#: How much is kept for judging later exchanges: generations, exchanges of each, callbacks; and names of the proxy.
MOST_GENERATIONS: Final = 1000
MOST_READS: Final = 30
MOST_CALLBACKS: Final = 1000
MOST_NAMES: Final = 16

#: A trace of up to this many bytes is searched for each new secret; any, at the end.
MOST_SEARCHED: Final = 4 * 1024 * 1024

#: The longest body that is decoded, in bytes.
MOST_DECODED: Final = 64 * 1024 * 1024

#: Reads this many seconds after an end, or a submit, are late: the page does not say how long a request stays readable.
LATE: Final = 30.0
VERY_LATE: Final = 3600.0

STATE: Final = "proxy.json"
TRACE: Final = "trace.ndjson"


class TapeError(Exception):
    """The trace or a file next to it cannot be written; the message names it."""


class Failure(NamedTuple):
    """Why a response is incomplete: a word for programs, and what more is known, for people."""

    kind: Literal["budget", "connect", "lost", "abandoned"]
    why: str = ""


@dataclass(slots=True, kw_only=True)
class Message:
    """One request in progress, and its response so far; `size` and `answer_size` count all bytes, also those that are not kept."""

    head: Head
    started: float
    body: bytearray = field(default_factory=bytearray)
    size: int = 0
    answer: Head | None = None
    answered: bytearray = field(default_factory=bytearray)
    answer_size: int = 0
    failure: Failure | None = None
    spent: bool = False

    @property
    def error(self) -> str | None:
        """The word that says why the response is not whole."""
        return self.failure.kind if self.failure else None

    @property
    def method(self) -> str:
        return self.head.first[0].decode("latin-1")

    @property
    def target(self) -> str:
        return self.head.first[1].decode("latin-1")


class Tape:
    """Writes the records into `out`/trace.ndjson, and continues an existing one."""

    def __init__(self, profile: Profile, out: Path, known_keys: Iterable[str] = ()) -> None:
        self.profile, self.out = profile, out
        self.hooks: dict[str, str] = {}
        self._salt = secrets.token_hex(16)
        self._accounts: dict[str, str] = {}
        #: Begins every token of `hook`, and the ledger's names of the runs of this tape; `purse` in the file.
        self.token_prefix = secrets.token_hex(4)
        #: Secrets, each with what replaces it.
        self._unsearched = [(key, runner.KEY) for key in known_keys]
        self._keys = set(self._unsearched)
        self._redactor = runner.Hiding.each(self._unsearched)
        self._exchanges = self._callbacks = 0
        self._issued: dict[str, float] = {}
        self._hook_count, self._unseen = 0, False
        self._generations: OrderedDict[str, list[Exchange]] = OrderedDict()
        self._bodies: OrderedDict[bytes, list[Exchange]] = OrderedDict()
        self._called: deque[Callback] = deque(maxlen=MOST_CALLBACKS)
        self._media: dict[str, str] = {}
        self._ends: dict[str, float] = {}
        self._said: set[tuple[str, ...]] = set()
        self.header = runner.make_header(self.profile)
        self.out.mkdir(parents=True, exist_ok=True)
        try:
            state = json.loads((self.out / STATE).read_bytes())
            self._salt, self._accounts, self.token_prefix = state["salt"], state["accounts"], state["purse"]
            self.hooks, self._hook_count = state["hooks"], state["hook_count"]
        except FileNotFoundError:
            self.save()
        self._path = self.out / TRACE
        self._continue()
        self._file = self._path.open("ab", buffering=0)
        self._strike()
        self._write(self.header)
        begun = datetime.fromisoformat(self.header.started_at).timestamp()
        self._zero = time.monotonic() - max(0.0, time.time() - begun)

    def now(self) -> float:
        return time.monotonic() - self._zero

    # -- what survives the process

    def save(self) -> None:
        """Keep what a restart must know, readable by the owner only; keys are kept as salted digests."""
        # A URL with a key is known to this process only.
        hooks = {token: url for token, url in self.hooks.items() if self._redactor.without_keys(url) == url}
        state: JsonObject = {"salt": self._salt, "accounts": self._accounts, "purse": self.token_prefix}
        state |= {"hook_count": self._hook_count, "hooks": hooks}
        temporary = self.out / f"{STATE}.new"
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(json.dumps(state).encode())
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.out / STATE)
        except OSError as error:
            raise TapeError(f"{self.out / STATE}: {error.strerror or error}") from None

    def _continue(self) -> None:
        data = self._path.read_bytes() if self._path.exists() else b""
        if data and not data.endswith(b"\n"):
            os.truncate(self._path, data.rfind(b"\n") + 1)
        if b"\n" not in data:
            return
        trace = load_trace(self._path)
        if trace.profile.origin != self.profile.origin:
            raise InvalidTraceError(
                f"{self.out} has a trace of {trace.profile.origin}, not of {self.profile.origin}: give another --out"
            )
        self.header = replace(self.header, started_at=trace.header.started_at)
        for exchange in trace.exchanges:
            self._index(exchange)
        self._called.extend(trace.callbacks)
        self._callbacks = len(trace.callbacks)
        awaited = [generation.callbacks for generation in trace.generations if generation.webhook_urls]
        if not all(any(each.member("status") in TERMINAL for each in callbacks) for callbacks in awaited):
            # Callbacks may have been lost while nothing listened: a missing one shows nothing from here on.
            rest = tuple(each for each in self.profile.capabilities if each != "receiver")
            self._set_profile(replace(self.profile, capabilities=rest))

    def _write(self, record: Record) -> None:
        line, written = dump_record(record), 0
        try:
            while written < len(line):
                written += self._file.write(line[written:])
        except OSError as error:
            raise TapeError(f"{self._path}: {error.strerror or error}") from None

    def note_host(self, host: str) -> None:
        """Note a host name that the app uses for the proxy: a gateway may derive URLs from it."""
        origin, known = f"http://{host}", self.profile.public_origins
        if origin in known or len(known) >= MOST_NAMES or self.text(origin) != origin:
            return
        with suppress(ValueError):  # it is not a host
            if canonical_origin(origin) != canonical_origin(self.profile.origin):
                self._set_profile(replace(self.profile, public_origins=(*known, origin)))
                self._write(self.header)

    def _set_profile(self, profile: Profile) -> None:
        self.profile = profile
        self.header = replace(self.header, profile=profile, profile_hash=profile.hash)

    def hook(self, url: str, public_url: str) -> str:
        """A URL below ours that receives callbacks for a URL of the app, also after a restart."""
        self._hook_count += 1
        token = f"{self.token_prefix}-{self._hook_count}-proxy"
        self.hooks[token] = url
        self.save()
        return f"{public_url.rstrip('/')}/hook/{token}"

    # -- keys

    def learn(self, target: str, headers: Headers) -> None:
        """Note the secrets of a request before anything from it is shown or kept."""
        found = secrets_of(target, tuple(each for each in headers if SECRET.match(each[0])), words=True)
        new = dict.fromkeys(each for each in found if each[0] and each not in self._keys)
        if new:
            self._keys.update(new)
            self._redactor.learn(new)
            self._unsearched += new
            if self._path.stat().st_size <= MOST_SEARCHED:
                written = self._path.read_bytes()
                if any(text.encode() in written for text, _ in new):
                    self._strike()
            if self.hooks:
                self.save()  # without the URLs that contain one
            key = key_of(target, headers)
            if key is not None and not runner.is_distinctive(key[0]) and self.header.key_searched:
                self.header = replace(self.header, key_searched=False)
                self._write(self.header)

    def _strike(self) -> None:
        """Write again, without the secrets that were not known then, what has been written."""
        redactor, self._unsearched = runner.Hiding.each(self._unsearched), []
        if not self._exchanges:
            return
        origins = tuple(each for each in self.profile.public_origins if redactor.text(each) == each)
        self._set_profile(replace(self.profile, public_origins=origins))
        trace, temporary = load_trace(self._path), self.out / f"{TRACE}.new"
        records: list[Exchange | Callback] = [runner.without_secrets(each, redactor) for each in trace.exchanges]
        records += [runner.without_secrets(each, redactor) for each in trace.callbacks]
        records.sort(key=lambda each: each.finished if isinstance(each, Exchange) else each.at)
        ends = () if trace.footer is None else (trace.footer,)
        try:
            temporary.write_bytes(b"".join(map(dump_record, (self.header, *records, *ends))))
            self._file.close()
            temporary.replace(self._path)
            self._file = self._path.open("ab", buffering=0)
        except OSError as error:
            raise TapeError(f"{self._path}: {error.strerror or error}") from None

    def text(self, text: str) -> str:
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

    def classify(self, method: str, target: str, headers: Headers, body: bytes) -> Classified:
        """What a request is, by all traffic before it; a late one counts for the clause about that."""
        issued = None if self._unseen else self._issued
        said = classify(method, target, headers, body, self.profile.origin, issued=issued, media=self._media)
        now, request_id = self.now(), str(said.request_id)
        late = now - self._ends.get(request_id, now) > LATE
        if said.operation == "media":
            return replace(said, aims=("OUT-13",)) if late else said
        if said.operation == "status" and request_id in self._issued:
            very = now - self._issued[request_id] > VERY_LATE
            return replace(said, aims=("STATUS-16",)) if late or very else said
        return said

    def record(self, message: Message) -> Exchange:
        method, target, headers = message.method, message.target, message.head.text()
        said = self.classify(method, target, headers, bytes(message.body))
        response = message.answer if message.failure is None else None
        status, answered = (response.status, response.text()) if response else (None, ())
        raw, size = (bytes(message.answered), message.answer_size) if response else (b"", 0)
        answer, readable = decoded(answered, raw)
        said, whole = said.settled(status, answer), size == len(raw)
        blind = response is not None and not readable and said.operation != "media"
        if blind or (message.failure and not (message.error == "lost" and self.profile.loopback)):
            # No response of the gateway was seen, so no id that it issued either.
            self._unseen = self._unseen or said.operation in SUBMIT_PATHS.values()
            said = replace(said, operation="elsewhere", aims=(), intent="any", request_id=None)
        redactor, key, bare = self._redactor, key_of(target, headers), without_key(target)
        is_media = said.operation == "media"
        exchange = runner.record_exchange(
            redactor, **said.fields, number=self._exchanges + 1, probe="proxy", method=method,
            account=self._account(said, key[0] if key else ""), url=f"{self.profile.origin}{bare if bare.startswith('/') else f'/{bare}'}",
            started=message.started, finished=self.now(), status=status, error=message.error, spent=message.spent,
            request_headers=(h for h in headers if h[0].lower() in KEPT_OF_REQUESTS),
            request_body=bytes(message.body) if 0 < message.size == len(message.body) else None, request_size=message.size,
            headers=answered, body=answer if whole else None, size=size,
            media=inspect_media(answer) if is_media and status == 200 and whole else None,
            leaks=() if status in {401, 403} else redactor.places(answered, answer[: 1 << 20], is_media=is_media),
        )  # fmt: skip
        self._index(exchange)
        self._write(exchange)
        return exchange

    def record_callback(self, head: Head, body: bytes, answered: int, at: float) -> None:
        method, target = (part.decode("latin-1") for part in head.first)
        number = self._callbacks = self._callbacks + 1
        callback = runner.record_callback(self._redactor, number, at, method, target, head.text(), body, answered)
        self._called.append(callback)
        self._write(callback)

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
            for path in (split_url(url).path for url in media_urls(exchange)):
                # A medium of any host passes here if that host is redirected to us: it is recognised by its path.
                if len(path) > 1:
                    self._media[self.profile.origin + path] = exchange.request_id

    # -- judgement

    def window(self, exchange: Exchange) -> Trace:
        """An exchange with the others of its generation: what can be judged immediately, at a constant cost."""
        of = self._generations.get(str(exchange.accepted_id or exchange.request_id), [])
        near = {e.number: e for e in (*of, exchange)}
        if exchange.is_submit:
            near |= {e.number: e for e in self._bodies.get(_body_of(exchange), [])}
        tokens = {receiver_token(url) for e in of[:1] for url in webhook_urls(e).values()}
        called = tuple(c for c in self._called if receiver_token(c.target) in tokens) if tokens else ()
        return Trace(self.header, tuple(near[number] for number in sorted(near)), called, None)

    def violations(self, trace: Trace) -> list[tuple[str, Outcome, Finding]]:
        """What a window shows to be wrong; each kind is returned once. Only one thread may call this."""
        near = {exchange.number: exchange for exchange in trace.exchanges}
        found = list[tuple[str, Outcome, Finding]]()
        for verdict in judge(trace, JUDGED_AS_IT_PASSES):
            for finding in verdict.findings if verdict.outcome in {Outcome.FAIL, Outcome.DRIFT} else ():
                said = (re.sub(r"[0-9a-f]*\d[0-9a-f.]*", "#", text) for text in (finding.where, finding.got))
                kind = (verdict.clause, *said)
                if kind not in self._said:
                    self._said.add(kind)
                    curl = curl_line(near[finding.exchange]) if finding.exchange in near else None
                    found.append((verdict.clause, verdict.outcome, replace(finding, curl=curl)))
        return found

    def end(self, spent: int, released: int, stopped: str | None) -> Trace:
        """Write the footer and return the whole trace."""
        if self._unsearched:
            self._strike()
        footer = Footer(
            exchanges=self._exchanges, callbacks=self._callbacks, seconds=self.now(), probes={"proxy": "done"},
            spend_stopped=stopped, generations_spent=spent, generations_released=released,
        )  # fmt: skip
        self._write(footer)
        self.close()
        return load_trace(self._path)

    def close(self) -> None:
        self._file.close()


def _body_of(exchange: Exchange) -> bytes:
    """What two submits of the same request have in common."""
    text = f"{exchange.account} {exchange.operation} {exchange.request_body}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _shortened(exchanges: list[Exchange]) -> list[Exchange]:
    """The exchanges of a generation that decide: its submit, its first ends, and the last."""
    if len(exchanges) <= 2 * MOST_READS:
        return exchanges
    ends = [exchange for exchange in exchanges[1:-MOST_READS] if exchange.state in TERMINAL]
    return [exchanges[0], *ends[: MOST_READS // 2], *exchanges[-MOST_READS:]]


def decoded(headers: Iterable[tuple[str, str]], body: bytes) -> tuple[bytes, bool]:
    """A body without its content encoding, and whether that could be undone."""
    encoding = next((value.strip().lower() for name, value in headers if name.lower() == "content-encoding"), "")
    if encoding in {"", "identity"} or not body:
        return body, True
    try:
        if encoding in {"gzip", "x-gzip"}:
            plain = GzipFile(fileobj=BytesIO(body)).read(MOST_DECODED + 1)
        elif encoding == "deflate":
            # Some servers use deflate for the raw stream, without the zlib header.
            is_bare = body[0] & 15 != 8 or int.from_bytes(body[:2], "big") % 31
            undo = zlib.decompressobj(-zlib.MAX_WBITS if is_bare else zlib.MAX_WBITS)
            plain = undo.decompress(body, MOST_DECODED + 1)
            if not undo.eof:
                return b"", False
        else:
            return b"", False
    except (zlib.error, OSError, EOFError):
        return b"", False
    return (plain, True) if len(plain) <= MOST_DECODED else (b"", False)
