"""A trace: everything that one run observed, as NDJSON with a header and a footer, and questions about it and its clock.

A file has one record a line, each wrapped in its kind: `{"header": {...}}`, then `{"exchange": {...}}` and
`{"callback": {...}}` as they happened, then `{"footer": {...}}`. A file without a footer comes from a run that did not
end: it is read as far as it goes, but its result is never clean, since the missing part is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from pixazo_html import encode_json

from .exchange import Callback, Exchange, split_url
from .target import STATUS_BASE, UNWELL, Profile

__all__ = [
    "RANK", "STAMP", "STAMPS", "STATES", "TERMINAL", "WORST_MISFIT", "Footer", "GatewayClock", "Generation", "Header",
    "InvalidTraceError", "Record", "Trace", "created", "decode_tagged", "dump_record", "find_generations", "fit_clock",
    "http_date", "instant", "load_trace", "receiver_token", "webhook_urls", "whole_number",
]  # fmt: skip

T = TypeVar("T")

#: Response Fields: "QUEUED, PROCESSING, COMPLETED, FAILED, or ERROR"; and those of them that end a generation.
STATES: Final = ("QUEUED", "PROCESSING", "COMPLETED", "FAILED", "ERROR")
TERMINAL: Final = STATES[2:]

#: Position of each state along the page's Status Flow; the three ends share one.
RANK: Final = {"QUEUED": 0, "PROCESSING": 1, "COMPLETED": 2, "FAILED": 2, "ERROR": 2}

#: Paths of our receiver that are not callback URLs: images, and the target of a redirect.
OUR_OTHER_PATHS: Final = ("/image/", "/redirected/")

#: How the path of a URL that our receiver opened ends, in any run: it may begin with that of a public URL.
ANY_RUN: Final = re.compile(r"/hook/\w+-\d+-.+")

#: The three timestamps of the page's Response (Completed), and their printed form: "2026-03-31T10:00:00.000Z".
STAMPS: Final = ("created_at", "updated_at", "completed_at")
STAMP: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z")

#: Status codes that say nothing about a request: too fast, or no gateway behind the proxy, or none that is available for now.
UNSERVED: Final = frozenset({429, 502, 503, 504})
#: Nor does a time-out or a lost connection, if a poll had one within this many seconds.
OUTAGE: Final = 1.0

#: A clock is fitted only to at least this many submits, over at least this many seconds; each took at most this many seconds,
#: and lies at most this many seconds off the line.
FEWEST_POINTS: Final = 3
SHORTEST_SPAN: Final = 0.5
WORST_MISFIT: Final = 0.1


class InvalidTraceError(ValueError):
    """A trace file that cannot be judged: malformed, or not a trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Which suite observed which target, and with which settings; `clause_set` and `profile_hash` are equal in comparable results.

    `selected` are the ids of the clauses that the run was made for, none for all. `key_searched`: the key is unlike any word, so
    an echo is recognised. `again` are the shell words, without a key, that repeat the run for the clause whose id follows them.
    """

    suite: str
    clause_set: str
    profile_hash: str
    profile: Profile
    started_at: str
    seed: int = 0
    budget: int | None = None
    selected: tuple[str, ...] = ()
    receiver: str | None = None
    key_searched: bool = True
    again: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """How the run ended, and each probe: `done`, `skipped`, `unfunded`, `stopped` (all its submits failed) or `error: ...`.

    `generations_spent` were counted, `generations_released` reserved and given back.
    """

    exchanges: int
    callbacks: int
    seconds: float
    probes: dict[str, str] = field(default_factory=dict[str, str])
    unusable: str | None = None
    spend_stopped: str | None = None
    generations_spent: int = 0
    generations_released: int = 0


@dataclass(frozen=True)
class Generation:
    """One accepted submit, all reads of its status by its account in the order they began, and the callbacks to its URLs."""

    request_id: str
    submit: Exchange
    reads: tuple[Exchange, ...]
    callbacks: tuple[Callback, ...]
    downloads: tuple[Exchange, ...] = ()

    @cached_property
    def seen(self) -> tuple[Exchange, ...]:
        """The reads that showed one of the five states."""
        return tuple(read for read in self.reads if read.state in RANK)

    @property
    def ends(self) -> tuple[Exchange, ...]:
        return tuple(read for read in self.seen if read.state in TERMINAL)

    @property
    def outcome(self) -> str | None:
        """The first terminal state that was read, or None."""
        return self.ends[0].state if self.ends else None

    def ordered(self) -> Iterator[tuple[Exchange, Exchange]]:
        """Neighbouring reads of which the first ended before the second began: only those have an order."""
        return ((a, b) for a, b in pairwise(self.seen) if a.finished <= b.started)

    @property
    def webhook_urls(self) -> dict[str, str]:
        """The URLs that the submit gave, by channel: `header`, `member`."""
        return webhook_urls(self.submit)


def webhook_urls(submit: Exchange) -> dict[str, str]:
    """The callback URLs that a submit gave, by channel: `header`, `member`."""
    urls = {"header": submit.request_header("X-Webhook-URL"), "member": submit.sent.get("callback_url")}
    return {name: url for name, url in urls.items() if isinstance(url, str) and url.startswith(("http://", "https://"))}


def receiver_token(url: str) -> str:
    """The last segment of a receiver URL's path, which the receiver makes unique to one URL."""
    return split_url(url).path.rpartition("/")[2]


def find_generations(exchanges: Sequence[Exchange], callbacks: Sequence[Callback]) -> tuple[Generation, ...]:
    """All generations of a run, found by the responses to their submits, in the order of acceptance."""
    submits: dict[str, Exchange] = {}
    reads: dict[tuple[str, str], list[Exchange]] = {}
    downloads: dict[str, list[Exchange]] = {}
    for exchange in sorted(exchanges, key=lambda exchange: (exchange.started, exchange.number)):
        if (accepted := exchange.accepted_id) is not None:
            submits.setdefault(accepted, exchange)
        if exchange.request_id is None or exchange.method != "GET":
            continue
        # A `polling_url` that is fetched as given may name another id.
        names_it = split_url(exchange.url).path.endswith(f"{STATUS_BASE}{exchange.request_id}")
        if exchange.operation == "status" and names_it:
            reads.setdefault((exchange.request_id, exchange.account), []).append(exchange)
        if exchange.operation == "media":
            downloads.setdefault(exchange.request_id, []).append(exchange)
    callbacks_by_id = _callbacks_by_id(submits, callbacks)
    return tuple(
        Generation(
            request_id,
            submit,
            tuple(reads.get((request_id, submit.account), ())),
            tuple(callbacks_by_id.get(request_id, ())),
            tuple(downloads.get(request_id, ())),
        )
        for request_id, submit in submits.items()
    )


def _callbacks_by_id(submits: Mapping[str, Exchange], callbacks: Sequence[Callback]) -> dict[str, list[Callback]]:
    """The callbacks by generation: by the URL that was called; generations with the same URL are told apart by the body."""
    owners: dict[str, list[str]] = {}
    for request_id, submit in submits.items():
        for token in dict.fromkeys(map(receiver_token, webhook_urls(submit).values())):
            owners.setdefault(token, []).append(request_id)
    called: dict[str, list[Callback]] = {}
    for callback in callbacks:
        possible = owners.get(receiver_token(callback.target), [])
        named = callback.members.get("request_id")
        for request_id in [each for each in possible if each == named] or possible[:1]:
            called.setdefault(request_id, []).append(callback)
    return called


@dataclass(frozen=True)
class Trace:
    """One run, ready to be judged; `footer` is None while it has not ended, `cut` says what its trace file lacks."""

    header: Header
    exchanges: tuple[Exchange, ...]
    callbacks: tuple[Callback, ...]
    footer: Footer | None
    cut: str | None = None

    @property
    def profile(self) -> Profile:
        """The target as the run saw it."""
        return self.header.profile

    @cached_property
    def generations(self) -> tuple[Generation, ...]:
        """Every accepted submit with its reads, callbacks and downloads, in the order of acceptance."""
        return find_generations(self.exchanges, self.callbacks)

    @cached_property
    def submits(self) -> tuple[Exchange, ...]:
        return tuple(exchange for exchange in self.exchanges if exchange.is_submit)

    @cached_property
    def acceptances(self) -> tuple[Exchange, ...]:
        """Every submit answered with a 2xx, whether or not its body is valid."""
        return tuple(exchange for exchange in self.submits if exchange.succeeded)

    @cached_property
    def envelopes(self) -> tuple[Exchange, ...]:
        """Every status read of a known generation that was answered 2xx, whether or not its body is an envelope."""
        return tuple(read for generation in self.generations for read in generation.reads if read.succeeded)

    @cached_property
    def given(self) -> dict[str, tuple[Exchange, ...]]:
        """The submits that gave a callback URL, whatever their outcome, by the token of that URL."""
        by_token: dict[str, tuple[Exchange, ...]] = {}
        for submit in self.submits:
            for url in webhook_urls(submit).values():
                token = receiver_token(url)
                by_token[token] = (*by_token.get(token, ()), submit)
        return by_token

    @cached_property
    def strays(self) -> tuple[Callback, ...]:
        """The requests that reached our receiver at a URL that no submit of this run gave."""
        return tuple(callback for callback in self.callbacks if self._is_stray(callback))

    def _is_stray(self, callback: Callback) -> bool:
        path, token = split_url(callback.target).path, receiver_token(callback.target)
        if token in self.given or not self.given or path.startswith(OUR_OTHER_PATHS):
            return False
        runs = {given.partition("-")[0] for given in self.given}
        named = callback.member("request_id")
        if any(run in callback.target for run in runs) or (isinstance(named, str) and named in self._by_id):
            return True
        # A gateway may still retry callbacks of an earlier run, and anyone may call a receiver that is reachable from the Internet.
        return self.profile.loopback and not ANY_RUN.search(path)

    @cached_property
    def _by_aim(self) -> dict[str, list[Exchange]]:
        aimed: dict[str, list[Exchange]] = {}
        for exchange in self.exchanges:
            unserved = self.is_unserved(exchange) and exchange.account not in UNWELL
            for aim in () if unserved else exchange.aims:
                aimed.setdefault(aim, []).append(exchange)
        return aimed

    @cached_property
    def _lost_polls(self) -> list[float]:
        polls = (read for generation in self.generations for read in generation.reads if not read.aims)
        return [poll.finished for poll in polls if poll.error in {"lost", "timeout"}]

    def is_unserved(self, exchange: Exchange) -> bool:
        """Whether the outcome says nothing about the request: it was sent too fast, or no gateway was there for it."""
        if exchange.error in {"lost", "timeout"}:
            return any(abs(at - exchange.finished) <= OUTAGE for at in self._lost_polls)
        return exchange.error == "connect" or exchange.status in UNSERVED

    def aimed(self, clause_id: str, *, unanswered: bool = False) -> tuple[Exchange, ...]:
        """The exchanges that a probe sent for that clause and that say something about it, in order.

        With `unanswered` also those without a response.
        """
        return tuple(e for e in self._by_aim.get(clause_id, ()) if unanswered or e.status is not None)

    @cached_property
    def _by_id(self) -> dict[str, Generation]:
        return {generation.request_id: generation for generation in self.generations}

    def generation(self, request_id: str | None) -> Generation | None:
        return self._by_id.get(request_id) if request_id is not None else None

    def waited_since(self, instant: float) -> bool:
        """Whether the run went on long enough after `instant`, in seconds of the run, for anything that was due to arrive."""
        return self.footer is not None and self.footer.seconds - instant >= 0.8 * self.profile.settle

    def operation(self, *operations: str) -> Iterator[Exchange]:
        return (exchange for exchange in self.exchanges if exchange.operation in operations)


def instant(value: object) -> float | None:
    """A timestamp in seconds since 1970, or None; one without a zone is read as UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def http_date(value: str | None) -> float | None:
    """A Date header in seconds since 1970, or None."""
    try:
        return parsedate_to_datetime(value).timestamp() if value else None
    except (ValueError, OverflowError):
        return None


def whole_number(value: str | None) -> int | None:
    """A number as `Retry-After` and `Content-Length` write it, or None; more than nine digits are taken for a mistake."""
    return int(value) if value and re.fullmatch(r"[0-9]{1,9}", value) else None


def created(generation: Generation) -> float | None:
    stamps = (instant(read.members.get("created_at")) for read in generation.reads)
    return next((stamp for stamp in stamps if stamp is not None), None)


@dataclass(frozen=True, slots=True)
class GatewayClock:
    """The gateway's clock as a straight line over ours: `rate` of its seconds in one of ours."""

    rate: float
    at_zero: float

    def ours(self, stamp: float) -> float:
        """When, on the run's clock, the gateway's clock showed `stamp`."""
        return (stamp - self.at_zero) / self.rate


def _middle(exchange: Exchange) -> float:
    return (exchange.started + exchange.finished) / 2


def fit_clock(generations: Sequence[Generation]) -> GatewayClock | None:
    """The gateway's clock, from when submits were sent and their `created_at`; None unless all lie on one line."""
    stamped = ((g.submit, created(g)) for g in generations if g.submit.latency <= WORST_MISFIT)
    points = [(submit, stamp) for submit, stamp in stamped if stamp is not None]
    # Whole seconds lie on many lines, if the submits come in bursts.
    if len(points) < FEWEST_POINTS or not any(stamp % 1 for _, stamp in points):
        return None
    (first, zero), (last, end) = points[0], points[-1]
    span = _middle(last) - _middle(first)
    if span < SHORTEST_SPAN or end <= zero:
        return None
    rate = (end - zero) / span
    clock = GatewayClock(rate, zero - rate * _middle(first))
    off = max(abs(clock.ours(stamp) - _middle(submit)) for submit, stamp in points)
    return clock if off <= WORST_MISFIT else None


Record = Header | Exchange | Callback | Footer
_KINDS: dict[str, type[Record]] = {"header": Header, "exchange": Exchange, "callback": Callback, "footer": Footer}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def dump_record(record: Record) -> bytes:
    """One line of a trace file, newline included."""
    return encode_json({_NAMES[type(record)]: record}) + b"\n"


def decode_tagged(line: bytes, kinds: Mapping[str, type[T]]) -> T:
    """The contents of a line, wrapped in the name of its kind. Raises what msgspec does, ValueError or KeyError for any other line."""
    ((name, raw),) = msgspec.json.decode(line, type=dict[str, msgspec.Raw]).items()
    return msgspec.json.decode(raw, type=kinds[name])


def load_trace(path: Path) -> Trace:
    """Read a trace file; a file without its end gives a trace without a footer, which says so in `cut`.

    Raises `InvalidTraceError` when it is malformed before its last line, OSError when it cannot be read.
    """
    lines = [(number, line) for number, line in enumerate(path.read_bytes().splitlines(), 1) if line.strip()]
    records, torn = list[Record](), None
    for number, line in lines:
        try:
            records.append(decode_tagged(line, _KINDS))
        except (msgspec.DecodeError, ValueError, KeyError, RecursionError) as error:
            if (number, line) != lines[-1] or not records:
                problem = f"line {number} is not a trace record ({error}): record the run again"
                raise InvalidTraceError(problem) from None
            torn = number
    exchanges = tuple(record for record in records if isinstance(record, Exchange))
    callbacks = tuple(record for record in records if isinstance(record, Callback))
    header = next((record for record in reversed(records) if isinstance(record, Header)), None)
    footer = next((record for record in reversed(records) if isinstance(record, Footer)), None)
    if header is None:
        raise InvalidTraceError("the trace has no header: it is not a trace of this suite")
    held, cut = f"{len(exchanges)} exchanges and {len(callbacks)} callbacks", None
    if footer is None or torn:
        where = f"its line {torn} is cut" if torn else "it has no footer"
        cut = f"the trace is incomplete, {where}: judged by the {held} before that"
    elif (footer.exchanges, footer.callbacks) != (len(exchanges), len(callbacks)):
        counted = f"{footer.exchanges} exchanges and {footer.callbacks} callbacks"
        cut = f"the trace is incomplete, its footer counts {counted}: judged by the {held} in it"
    return Trace(header, exchanges, callbacks, footer if cut is None else None, cut)
