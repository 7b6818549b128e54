"""The spend guard: every request passes through this layer, and every possible generation is paid for here before it is sent.

A request is free if it can only read: a GET or HEAD of a status, of a medium, or of another origin. Any other might begin a generation on
a sufficiently faulty gateway, so it reserves one first. The response settles it: if the request was meant to be refused, a clear refusal
gives the reservation back; anything else spends it. Evidence that one should not have been given back (see `Releases`) ends the run.

A clear refusal is a response after which no work can have begun, as far as it can show. Not clear are: a status code after which
a gateway may have begun work (408, 409, 425, 429, any 5xx), a response that was not read completely and as intended, and one in
which anything looks like accepted work.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Final
from urllib.parse import unquote

from pixazo_contracts.probes import Send
from pixazo_contracts.trace import MODEL, STATUS_BASE, Ceilings, is_array, members_of, only_reads, split_url

from .ledger import CeilingReachedError, Ledger, LedgerError
from .transport import Reply, Transport

#: The longest id that is shown, in code points.
SHOWN: Final = 80

#: The status codes that refuse: a gateway may send any other after it has accepted the work.
REFUSING: Final = frozenset({400, 401, 402, 403, 404, 405, 413, 415, 422})

#: The longest refusal that is searched, in bytes.
LONGEST: Final = 256 * 1024

#: Names of members and headers that contain an id: `id`, `taskId`, `request_id`, `job-uuid`.
ID_NAME: Final = re.compile(r"(?:^|[_\-. ])(?:id|ids|uuid|guid)$|[a-z](?:Id|ID|Ids|IDs|Uuid|UUID)$")
WORK_NAME: Final = re.compile(
    r"task|job|generation|prediction|operation|ticket|poll|polling"
    r"|(?:request|task|job|generation|prediction|operation|video|run|order)(?:id|uuid)s?"
)
WORK_HEADER: Final = re.compile(
    r"location|polling|status|(?:^|-)(?:task|job|generation|prediction|operation|run|video)-id$"
)

#: Values that report progress, in any letter case; the two bad ends only as the page writes them.
PROGRESS: Final = re.compile(
    r"(?i)\s*(?:QUEUED|ENQUEUED|PENDING|PROCESSING|ACCEPTED|SUBMITTED|SCHEDULED|STARTED|RUNNING|IN.?PROGRESS"
    r"|COMPLETED|SUCCEEDED|SUCCESS|CREATED)\s*"
)
BAD_ENDS: Final = frozenset({"FAILED", "ERROR"})

#: What is found in running text: words of progress, a name with its id, ids by their shape, addresses.
WORDS: Final = re.compile(r"\b(?:QUEUED|PROCESSING|COMPLETED|IN_PROGRESS)\b|\b(?:[Ee]n)?queued\b")
NAMED: Final = re.compile(
    r"(?i)(?:\b|_)(?:id|uuid|guid|(?:request|task|job|generation)id)[\"']?\s{0,9}[:=]\s{0,9}[\"']?\w"
)
OURS: Final = re.compile(rf"{MODEL}_[\w-]+|{STATUS_BASE}[^\s\"'<>]*")
SHAPES: Final = re.compile(
    rf"{OURS.pattern}|(?i:[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}})"
    r"|\b[0-9]{15,}\b|\b(?=[A-Za-z]{0,40}[0-9])[0-9A-Za-z]{20,}\b"
)
ADDRESS: Final = re.compile(r"(?i)\b(?:https?|wss?)://[^\s\"'<>\\]+")

#: Parts of a host or path that mark an address as documentation.
DOCUMENTATION: Final = re.compile(
    "docs?|documentation|developers?|reference|help|support|errors|problems|probs|ietf|rfc-editor"
)


class BudgetExhaustedError(Exception):
    """A request was not sent because no generation is left to reserve for it."""


class SpendStoppedError(BudgetExhaustedError):
    """A request was not sent because the run has ended: a reservation was wrongly given back, or the ledger failed."""


def remaining(*limits: int | None) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)


class _Pairs(list[tuple[str, object]]):
    """The members of an object, including repeated ones: a decoder that keeps only the last hides the others."""


def is_clear_refusal(request: Send, reply: Reply) -> bool:
    """Whether a response shows, as far as a response can, that the request began no work."""
    if reply.status not in REFUSING or reply.error is not None or not reply.whole or len(reply.body) > LONGEST:
        return False
    try:
        text = value = reply.body.decode("utf-8-sig")
        if text.lstrip().startswith(("{", "[", '"')):
            value = json.loads(text, object_pairs_hook=_Pairs)  # ValueError also where it was cut
    except (ValueError, RecursionError):
        return False
    asked = request.text  # a refusal may repeat it
    in_headers = any(_header_shows_work(name, said, asked) for name, said in reply.headers)
    return not in_headers and not _shows_work(value, asked)


def _shows_work(value: object, asked: str, name: str = "") -> bool:
    """Whether a value, or anything in it, looks like accepted work."""
    if value is None or isinstance(value, bool) or value in ("", [], {}):
        return False
    if ID_NAME.search(name) or ID_NAME.search(name.lower()) or WORK_NAME.fullmatch(name.lower()):
        return True
    if isinstance(value, _Pairs):
        return any(_text_shows_work(member, asked) or _shows_work(item, asked, member) for member, item in value)
    if is_array(value):
        return any(_shows_work(item, asked, name) for item in value)
    if isinstance(value, str):
        bad_end = name.lower() in {"status", "state"} and value in BAD_ENDS
        return bad_end or bool(PROGRESS.fullmatch(value)) or _text_shows_work(value, asked)
    return False


def _text_shows_work(text: str, asked: str) -> bool:
    """Whether running text looks like accepted work; what the request itself contains does not count."""
    if WORDS.search(text) or NAMED.search(text):
        return True
    return any(found not in asked for found in _shapes(text))


def _shapes(text: str) -> Iterator[str]:
    for match in SHAPES.finditer(text):
        yield match[0]
    for match in ADDRESS.finditer(text):
        parts = split_url(match[0])
        labels = (parts.hostname or "").split(".") + parts.path.lower().split("/")
        if not any(map(DOCUMENTATION.fullmatch, labels)):
            yield match[0].rstrip(".,;:)")


def _header_shows_work(name: str, value: str, asked: str) -> bool:
    """Whether a header looks like accepted work. An id by which a host traces requests does not: every response has one."""
    lower = name.lower()
    if lower == "content-encoding":
        # We did not ask for an encoding, so the bytes may not be readable as they are.
        return value.strip().lower() not in {"", "identity"}
    if WORK_HEADER.search(lower) or PROGRESS.fullmatch(value):
        return True
    return any(match[0] not in asked for match in OURS.finditer(value))


def _request_id(body: bytes) -> str | None:
    found = members_of(body).get("request_id")
    return found if isinstance(found, str) and found else None


class Releases:
    """Reservations that were given back (`count`), and evidence that one of them should not have been. Its caller holds a lock.

    It follows requests, responses and callbacks, in whatever order they become known; `under_way` are requests that may begin
    work. `redact` removes keys from what is quoted. Two things show that a refused request began work after all: a callback to a
    URL that only refused requests gave, and more ids that are in no response to a counted request than there are counted requests
    whose id we do not know.
    """

    def __init__(self, run: str = "", redact: Callable[[str], str] = str) -> None:
        self._redact = redact
        # The receiver begins the token of each of its URLs with this: the run, and a number that is used once.
        self._token = re.compile(rf"{re.escape(run)}-\d+-")
        self.count = self.under_way = 0
        self._refused: dict[str, str] = {}
        self._counted: set[str] = set()
        self._nameless = 0
        self._responses: list[bytes] = []
        self._asked: set[str] = set()
        self._ids: dict[str, None] = {}
        self._called: dict[str, None] = {}

    def settled(self, request: Send, reply: Reply | None, *, released: bool) -> None:
        """Record that the request got a response or not, and whether its reservation was given back."""
        tokens = self._token.findall(request.text)
        self.under_way -= 1
        if released:
            self.count += 1
            self._refused.update(dict.fromkeys(tokens, request.case))
            return
        self._counted.update(tokens)
        headers, body = ((), b"") if reply is None else (reply.headers, reply.body)
        self._responses.append(b"\n".join([*(value.encode() for _, value in headers), body]))
        self._nameless += _request_id(body) is None

    def read(self, request: Send, reply: Reply) -> None:
        """Record a read. An id that we asked for ourselves proves nothing."""
        self._asked.add(unquote(request.url.rpartition("/")[2]))
        if request.operation == "status" and reply.status == 200:
            self._name(reply.body)

    def callback_received(self, method: str, target: str, body: bytes) -> None:
        """Record a request to our receiver. A read of the URL, or a challenge, may come before work begins."""
        token = self._token.search(split_url(target).path)
        if method == "POST" and token is not None and "challenge" not in members_of(body):
            self._called[token[0]] = None
            self._name(body)

    def _name(self, body: bytes) -> None:
        if (named := _request_id(body)) is not None:
            self._ids[named] = None

    def wrong(self) -> str | None:
        """Why a reservation should not have been given back; None if nothing shows that."""
        if not self.count:
            return None
        # A callback may overtake the response: while a request is under way, the URL may still belong to a counted one.
        for token in self._called if not self.under_way else ():
            if token in self._refused and token not in self._counted:
                case = self._refused[token]
                return f"a callback arrived at the URL of {case!r}, which was refused: its work was begun and may be charged"
        for name in list(self._ids):
            if name in self._asked or any(name.encode("utf-8", "replace") in said for said in self._responses):
                del self._ids[name]
        if len(self._ids) <= self._nameless + self.under_way:
            return None
        unexpected_id = self._redact(next(iter(self._ids)))[:SHOWN]
        return (
            f"the gateway names the request {unexpected_id!r}, which is in no response to a counted request: "
            f"one of the {self.count} that were refused was begun and may be charged"
        )


@dataclass(eq=False)
class Purse:
    """Reserves a generation for each request that might begin one, and settles. A `budget` of None counts but never refuses.

    `spent` counts reservations not given back, `stopped` says why nothing more is sent, `ceiling` is the ledger's that refused.
    """

    _budget: int | None
    _ledger: Ledger
    _ceilings: Ceilings = field(default_factory=Ceilings)
    _releases: Releases = field(default_factory=Releases)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _number: int = field(init=False, default=0)
    _unsent: int = field(init=False, default=0)
    spent: int = field(init=False, default=0)
    refused: int = field(init=False, default=0)
    ceiling: str | None = field(init=False, default=None)
    stopped: str | None = field(init=False, default=None)

    @property
    def released(self) -> int:
        """How many reservations were given back."""
        return self._releases.count

    def callback_received(self, method: str, target: str, body: bytes) -> None:
        """Record a request to our receiver: it may show that a reservation should not have been given back."""
        if self._budget is not None:
            with self._lock:
                self._releases.callback_received(method, target, body)
                self._watch()

    def reserve(self, request: Send) -> int:
        """The number of a new reservation. Raises `BudgetExhaustedError` if the budget is used up, `SpendStoppedError` after the end."""
        if self.stopped is not None:
            raise SpendStoppedError(self.stopped)
        with self._lock:
            if self._budget is not None:
                if self.spent >= self._budget:
                    self.refused += 1
                    raise BudgetExhaustedError(
                        f"{request.method} {request.case!r} was not sent: all {self._budget} generations of the budget are "
                        "spent or reserved; raise --max-generations"
                    )
                try:
                    self._ledger.reserve(self._number + 1, self._ceilings)
                except CeilingReachedError as error:
                    self.refused += 1
                    self.ceiling = str(error)
                    raise BudgetExhaustedError(f"{request.method} {request.case!r} was not sent: {error}") from None
                except LedgerError as error:
                    self.stopped = str(error)
                    raise SpendStoppedError(self.stopped) from None
                self._number += 1
                self._releases.under_way += 1
            self.spent += 1
            return self._number

    def settle(self, number: int, request: Send, reply: Reply | None) -> bool:
        """Give a reservation back if the reply clearly refuses a request that was meant to be refused; returns whether it does.

        A request that may be accepted counts as spent whatever the gateway says, and so does one without a reply, which may have
        reached it. Without a connection nothing was sent: an outage must not use up the budget.
        """
        unsent = reply is not None and reply.error == "connect"
        meant = self._budget is None or request.intent == "refuse"
        refused = meant and reply is not None and is_clear_refusal(request, reply)
        with self._lock:
            most = self._ceilings.refused
            released = unsent or (refused and (most is None or self.released - self._unsent < most))
            self._unsent += unsent
            self.spent -= released
            if self._budget is not None:
                self._releases.settled(request, reply, released=released)
                try:
                    self._ledger.settle(number, released=released)
                except LedgerError as error:
                    # The reservation stays in the ledger, where it counts as spent. The reply is kept, and nothing more is sent.
                    self.stopped = str(error)
                self._watch()
        return released

    def _watch(self) -> None:
        """End the run if a reservation should not have been given back, and count that generation after all."""
        wrong = self._releases.wrong()
        if wrong is None or self.stopped is not None:
            return
        self.stopped = wrong
        self.spent += 1
        self._number += 1
        try:
            self._ledger.reserve(self._number)
        except LedgerError as error:
            self.stopped = f"{wrong}; {error}"


@dataclass(eq=False)
class SpendGuard(Purse):
    """The layer that sends requests to `origin` that are free or paid for by the purse."""

    _: KW_ONLY
    inner: Transport
    origin: str

    def send(self, request: Send) -> Reply:
        """Send a request that is free or paid for; the reply to what counts as a generation says so.

        Raises `BudgetExhaustedError` instead of sending any other, `SpendStoppedError` once the run has ended.
        """
        if self.stopped is not None:
            raise SpendStoppedError(self.stopped)
        if only_reads(request.method, request.url, self.origin, media=request.operation == "media"):
            reply = self.inner.send(request)
            if self._budget is not None:
                with self._lock:
                    self._releases.read(request, reply)
                    self._watch()
            return reply
        number = self.reserve(request)
        try:
            reply = self.inner.send(request)
        except BaseException:
            self.settle(number, request, None)
            raise
        released = self.settle(number, request, reply)
        return reply if released or self._budget is None else replace(reply, spent=True)
