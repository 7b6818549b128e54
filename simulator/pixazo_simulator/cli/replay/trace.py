"""A trace of recorded traffic, and the rules under which a simulator responds as in it.

The file is NDJSON, one record per line, each wrapped in its kind. The rules have only what a simulator does not do by itself.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import groupby
from typing import Any, Final, cast
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import asdict, replace

from pixazo_simulator import spec
from pixazo_simulator.script import AnyFault, End, Fault, Reply, Rule, Step

WRONG_FILE = "pixazo-contracts run, proxy and har write traces"
WEBHOOK_HEADER = "x-webhook-url"
_SHOWN = ("content-type", "retry-after")
"""Headers of a response that an app acts upon."""
_CUT_IMAGE = re.compile(r'(?i)"data:image/[^"]*… \(\d+ characters\)"')
"""A data URL of which a recorder kept only the beginning."""
_PNG = (
    '"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAUAAAAFAAQAAAADl65gHAAAAI0lEQVR42u3BAQ0AAADCoPdPbQ8HFAAAAAAAAAAAAAAA'
    'APwaM0AAAWQoMfMAAAAASUVORK5CYII="'
)
"""A black image of 320 by 320 pixels."""

Fields = tuple[tuple[str, str], ...]

_REDACTOR: Final = spec.Redactor()
AT_ONCE = 1.0
"""Seconds within which a webhook counts as sent at the instant of its state."""
_FOREVER = 1e9
_NATURAL = Step()


def _hidden(text: str) -> str:
    """A text without the values of names that sound like secrets, such as the token in the URL of a webhook; JSON remains JSON."""
    if (shown := _REDACTOR.text(text)) != text:
        try:
            return json.dumps(_REDACTOR.json(json.loads(text)), ensure_ascii=False)
        except (ValueError, RecursionError):
            pass
    return shown


class _Header(msgspec.Struct):
    started_at: str
    profile: Mapping[str, Any] = {}


class MediaFacts(msgspec.Struct):
    """What was seen of a download."""

    cut: bool = False


class Message(msgspec.Struct, dict=True, kw_only=True):
    """A request, a response or a callback."""

    headers: Fields = ()
    body: str | None = None
    size: int = 0

    def __post_init__(self) -> None:
        """Keep no secret in any member: what is read here is written into scripts and tests."""
        for member in self.__struct_fields__:
            value = getattr(self, member)
            if isinstance(value, str):
                setattr(self, member, _hidden(value))
            elif isinstance(value, tuple):
                setattr(self, member, tuple((name, _hidden(text)) for name, text in cast("Fields", value)))

    @cached_property
    def members(self) -> Mapping[str, Any]:
        """The members of the body; empty when it is not a JSON object."""
        try:
            return msgspec.json.decode(self.body or "", type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            return {}

    def header(self, name: str) -> str | None:
        """The first header of a name, given in lower case."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    @property
    def shown(self) -> dict[str, str]:
        return {name: value for name in _SHOWN if (value := self.header(name)) is not None}


class Exchange(Message, kw_only=True):
    """One request and its response; `started` and `finished` are seconds of the trace. Without a response `error` says why."""

    operation: str
    method: str
    url: str
    started: float
    finished: float
    status: int | None
    error: str | None = None
    request_id: str | None = None
    request_headers: Fields = ()
    request_body: str | None = None
    media: MediaFacts | None = None

    @property
    def is_submit(self) -> bool:
        return self.operation in spec.SUBMITS and self.method == "POST"

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @cached_property
    def request(self) -> Message:
        return Message(headers=self.request_headers, body=self.request_body)

    @property
    def body_again(self) -> str:
        """The request's body as it can be sent again: with a small image for one that was cut; a plain one where a body was accepted but not kept."""
        if self.request_body is None and self.succeeded:
            image = f', "first_frame_image": {_PNG}' if self.operation == "imageToVideo" else ""
            return f'{{"prompt": "Not recorded"{image}}}'
        return _CUT_IMAGE.sub(_PNG, self.request_body or "")

    @property
    def path(self) -> str:
        """The path that was called, without the query, which may contain a key."""
        return urlsplit(self.url).path

    @property
    def word(self) -> str | None:
        """The state that was read, in the letters of the page where it is one of them."""
        word = next((value for name, value in self.members.items() if name.lower() == "status"), None)
        return (word.upper() if word.upper() in spec.Status.__members__ else word) if isinstance(word, str) else None

    @property
    def webhook_urls(self) -> tuple[str, ...]:
        given = (self.request.header(WEBHOOK_HEADER), self.request.members.get("callback_url"))
        return tuple(url for url in given if isinstance(url, str) and url.startswith("http"))


class Callback(Message, kw_only=True):
    """One request that reached the receiver, `at` seconds of the trace, and the status code of the response."""

    at: float
    target: str
    answered: int


class Trace(msgspec.Struct, frozen=True):
    """Recorded traffic in the order in which it began, and the instant (RFC 3339) at which the seconds begin.

    `hears` says whether webhooks reached the recorder: if not, the absence of one shows nothing.
    """

    started_at: str
    exchanges: tuple[Exchange, ...]
    callbacks: tuple[Callback, ...]
    hears: bool = True


def read_trace(data: bytes) -> Trace | None:
    """The records of a trace, None for a file of another kind. Raises ValueError with the line and the remedy."""
    lines = [(number, line) for number, line in enumerate(data.splitlines(), 1) if line.strip()]
    if not lines or not lines[0][1].lstrip().startswith((b'{"header":', b'{"exchange":', b'{"callback":')):
        return None
    header, exchanges, callbacks = None, list[Exchange](), list[Callback]()
    for number, line in lines:
        try:
            ((kind, raw),) = msgspec.json.decode(line, type=dict[str, msgspec.Raw]).items()
            if kind == "header":
                header = msgspec.json.decode(raw, type=_Header)
            elif kind == "exchange":
                exchanges.append(msgspec.json.decode(raw, type=Exchange))
            elif kind == "callback":
                callbacks.append(msgspec.json.decode(raw, type=Callback))
        except ValueError as error:
            if line is lines[-1][1] and exchanges:
                break  # a stopped recorder left half a line
            raise ValueError(f"line {number} is not a record of a trace ({error}): {WRONG_FILE}") from None
    if header is None or spec.read_instant(header.started_at) is None:
        raise ValueError(f"the trace has no header with the instant started_at: {WRONG_FILE}")
    if not any(each.is_submit for each in exchanges):
        raise ValueError(
            "the trace has no submission, so there is nothing to replay: record the traffic of an app that submits"
        )
    hears = "receiver" in header.profile.get("capabilities", ["receiver"])
    return Trace(header.started_at, tuple(sorted(exchanges, key=lambda each: each.started)), tuple(callbacks), hears)


# Rules


Natural = Callable[[Exchange], int]
"""The status code with which a simulator responds to a submission without any rule."""


class Generation(msgspec.Struct, frozen=True):
    """An accepted submission with all that belongs to it; the lengths of its states are in milliseconds, NEVER for one that was not seen to end."""

    number: int
    submit: Exchange
    request_id: str | None
    reads: tuple[Exchange, ...] = ()
    callbacks: tuple[Callback, ...] = ()
    downloads: tuple[Exchange, ...] = ()
    plan: spec.Plan = spec.Plan(0, spec.NEVER)

    @property
    def is_timed(self) -> bool:
        """Whether anything was seen of its states: if not, it is left to the times of the simulator."""
        return any(each.succeeded for each in self.reads) or any("status" in each.members for each in self.callbacks)

    def age(self, at: float) -> float:
        """Seconds from the submission to an instant of the trace."""
        return at - self.submit.started

    def natural(self, seconds: float, policy: spec.Policy) -> dict[str, Any]:
        """The members of a status response of a simulator at this age."""
        seen = spec.status_span(0, self.plan, round(seconds * spec.SECOND))
        identity = self.request_id or ""
        model = identity.rpartition("_")[0] or spec.MODEL_ID
        body = spec.status_body(identity, model, "mp4", 0, seen, self.plan.error, "", policy)
        return msgspec.json.decode(body, type=dict[str, Any])


class Retold(msgspec.Struct, frozen=True):
    """The rules, the policy values that they require, the generations, and a line for each thing that no rule expresses."""

    rules: tuple[Rule, ...]
    policy: dict[str, str]
    generations: tuple[Generation, ...]
    notes: tuple[str, ...]


def retold(trace: Trace, natural: Natural, policy: spec.Policy) -> Retold:
    """The rules under which a simulator with this policy responds as in the trace, call by call."""
    telling = _Telling(trace, natural, policy, _generations(trace, natural))
    rules = tuple(telling.rules())
    telling.note_the_rest()
    codes = {each.status for each in trace.exchanges if each.is_submit and each.succeeded}
    code = {"submit_code": "200"} if codes == {200} and policy.submit_code != "200" else {}
    if codes - {200, 202} or len(codes) > 1:
        shown = ", ".join(map(str, sorted(filter(None, codes))))
        telling.notes.append(f"submissions were accepted with {shown}: the replay has one status code")
    return Retold(rules, code, telling.generations, tuple(dict.fromkeys(telling.notes)))


class _Telling(msgspec.Struct):
    """A trace, what a simulator would do by itself, and notes of what no rule expresses."""

    trace: Trace
    natural: Natural
    policy: spec.Policy
    generations: tuple[Generation, ...]
    notes: list[str] = []

    def rules(self) -> Iterator[Rule]:
        submits = [*enumerate((each for each in self.trace.exchanges if each.is_submit), 1)]
        by_submit = {id(each.submit): each for each in self.generations}
        for operation in dict.fromkeys(each.operation for _, each in submits):
            mine = [(number, each, by_submit.get(id(each))) for number, each in submits if each.operation == operation]
            steps = [self._submitted(*each) for each in mine]
            after = (*steps[1:], None)
            # A refusal leaves a step that only plans unused; an app that has since been fixed is not refused, and meets that step immediately.
            steps = [
                step for (*_, one), step, then in zip(mine, steps, after, strict=True)
                if one or step != _NATURAL or not (then and then.only_plans)
            ]  # fmt: skip
            yield from _rule(operation, {}, steps)
        for one in self.generations:
            match = {"generation": one.number}
            yield from self._status_rules(one)
            yield from _rule("webhook", match, self._webhooks(one))
            yield from _rule("media", match, [*map(_downloaded, one.downloads)])

    def _submitted(self, number: int, submit: Exchange, one: Generation | None) -> Step:
        if submit.request_body is None and submit.method == "POST":
            sent = "a plain one" if submit.succeeded else "none"
            self.notes.append(f"submission {number}: the trace lacks its body, so the test sends {sent}")
        if submit.status is None:
            if submit.error == "connect":
                self.notes.append(
                    f"submission {number} reached no gateway: the replay resets its connection before anything is done"
                )
            elif one:
                self.notes.append(
                    f"submission {number} got no response, and the trace does not show whether it was accepted: the replay accepts and charges it"
                )
            return Step(faults=_unanswered(submit))
        if one is None:
            usual = self.natural(submit)
            if submit.succeeded and submit.members:
                self.notes.append(
                    f"submission {number} was accepted with {submit.status}, and the simulator refuses it with {usual}: give a --profile that accepts it"
                )
                return _NATURAL
            return _NATURAL if usual == submit.status else Step(reply=_reply(submit))
        path = f"/v2/requests/status/{one.request_id}"
        expected = {"request_id": one.request_id or "", "status": "QUEUED", "polling_url": path}
        same = {"polling_url": path} if str(submit.members.get("polling_url")).endswith(path) else {}
        faults = _deviation(expected, {**submit.members, **same})
        if not one.is_timed:
            return Step(faults=faults)
        queued, processing = one.plan.queued / spec.SECOND, one.plan.processing / spec.SECOND
        if one.plan.processing == spec.NEVER:
            stays = (("QUEUED", queued),) if queued == _FOREVER else (("QUEUED", queued), ("PROCESSING", _FOREVER))
            return Step(end=End(progress=stays), faults=faults)
        outcome = None if one.plan.outcome == spec.Status.COMPLETED else str(one.plan.outcome)
        return Step(end=End(status=outcome, error=one.plan.error, queued=queued, processing=processing), faults=faults)

    def _status_rules(self, one: Generation) -> Iterator[Rule]:
        """A rule for each state in which a read deviates: an app that polls more often than before meets the same in that state."""
        by_state: dict[str | None, list[Exchange]] = {}
        for read in one.reads:
            state = one.natural(one.age(read.started), self.policy)["status"] if one.is_timed else None
            by_state.setdefault(state, []).append(read)
        for state, reads in by_state.items():
            steps = [self._read(one, read) for read in reads]
            lasts = reads[-1].succeeded and steps[-1].faults != ()
            match = {"generation": one.number} | ({"status": state} if state else {})
            yield from _rule("status", match, steps, lasts=lasts)

    def _read(self, one: Generation, read: Exchange) -> Step:
        if read.status is None:
            return Step(faults=_unanswered(read))
        if not read.succeeded or not read.members:
            return Step(reply=_reply(read))
        expected = one.natural(one.age(read.started), self.policy)
        return Step(faults=_deviation(expected, read.members))

    def _webhooks(self, one: Generation) -> list[Step]:
        """A step for each webhook that a simulator sends: one for each URL, at the end."""
        urls = one.submit.webhook_urls
        if urls and not self.trace.hears:
            self.notes.append(
                "webhooks are not in the trace (a proxy sees them with --public-url): the simulator sends its own"
            )
        if not urls or one.plan.processing == spec.NEVER or one.request_id is None:
            return []
        end = spec.finish(0, one.plan) / spec.SECOND
        if any(each.answered // 100 != 2 for each in one.callbacks):
            self.notes.append(
                f"generation {one.number}: the receiver refused callbacks, which is up to the app: the replay retries as its policy says"
            )
        steps: list[Step] = []
        for url in urls:
            mine = [each for each in one.callbacks if url.endswith(each.target) or len(urls) == 1]
            taken = mine[: next((at for at, each in enumerate(mine, 1) if each.answered // 100 != 2), len(mine))]
            if not taken:
                watched = max((each.finished for each in self.trace.exchanges), default=0.0)
                missing = self.trace.hears and one.age(watched) >= end
                steps.append(Step(faults=(_fault("drop"),)) if missing else _NATURAL)
                continue
            faults: list[Fault] = []
            late = one.age(taken[0].at) - end
            if taken[0].at < one.submit.finished:
                faults.append(_fault("before_reply"))
            elif late > AT_ONCE:
                faults.append(_fault("delay", seconds=min(3600.0, round(late, 3))))
            if len(taken) > 1:
                faults.append(_fault("duplicate", copies=min(len(taken), 10)))
            expected = one.natural(end, self.policy)
            faults += _deviation(expected, taken[0].members)
            steps.append(Step(faults=tuple(faults)))
        return steps

    def note_the_rest(self) -> None:
        told = {id(each) for one in self.generations for each in (*one.reads, *one.downloads)}
        others = [each for each in self.trace.exchanges if not each.is_submit and id(each) not in told]
        if others:
            calls = ", ".join(dict.fromkeys(f"{each.method} {each.operation}" for each in others))
            self.notes.append(
                f"{len(others)} requests belong to no generation of the trace and are left to the simulator: {calls}"
            )
        known = {each.request_id for each in self.generations}
        if strays := sum(each.members.get("request_id") not in known for each in self.trace.callbacks):
            self.notes.append(f"{strays} callbacks name no generation of the trace: no rule sends them")


def _rule(when: str, match: dict[str, Any], steps: Sequence[Step], *, lasts: bool = False) -> Iterator[Rule]:
    """A rule with these steps in order, if any of them does anything; the last one `lasts` forever, or is used once."""
    if all(each == _NATURAL for each in steps):
        return
    counted = [replace(step, times=len([*same])) for step, same in groupby(steps)]
    if steps[-1] == _NATURAL:  # as without a rule
        counted.pop()
    if lasts:
        counted[-1] = replace(counted[-1], times=None)
    first, *then = counted
    yield Rule(when=when, match=match, then=tuple(then), **asdict(first))


def _generations(trace: Trace, natural: Natural) -> tuple[Generation, ...]:
    """The submissions that were accepted or had no response, except those that a simulator refuses by itself."""
    found: list[Generation] = []
    for submit in trace.exchanges:
        is_lost = submit.status is None and submit.error != "connect"
        if not submit.is_submit or not ((submit.succeeded and submit.members) or is_lost):
            continue
        if submit.request_body is not None and natural(submit) >= 400:
            continue
        given = submit.members.get("request_id")
        known = given if isinstance(given, str) and given else None
        one = Generation(len(found) + 1, submit, known)
        if known:
            reads = (each for each in trace.exchanges if each.operation == "status" and each.method == "GET")
            media = (each for each in trace.exchanges if each.operation == "media")
            one = replace(
                one,
                reads=tuple(each for each in reads if each.path.endswith(f"/{known}")),
                callbacks=tuple(each for each in trace.callbacks if each.members.get("request_id") == known),
                downloads=tuple(each for each in media if each.request_id == known or known in each.url),
            )
        found.append(replace(one, plan=_plan(one)))
    return tuple(found)


def _plan(one: Generation) -> spec.Plan:
    """The plan with which every read shows the state that it showed, as far as one plan can."""
    found = (each for each in one.reads if each.succeeded and each.word in spec.Status.__members__)
    seen = [(one.age(each.started), each) for each in found]
    ends = [(age, each) for age, each in seen if each.word in spec.TERMINAL]
    called = [(one.age(each.at), each) for each in one.callbacks if each.members.get("status") in spec.TERMINAL]
    first = min((age for age, _ in (*ends, *called)), default=math.inf)
    before = [(age, each.word) for age, each in seen if each.word not in spec.TERMINAL and age < first]
    begun = next((age for age, word in before if word == spec.Status.PROCESSING), first)
    queued = max((age for age, word in before if word == spec.Status.QUEUED and age < begun), default=0.0)
    if first == math.inf:
        left = _between(queued, begun) if begun < math.inf else (_FOREVER if before else 0.0)
        return spec.Plan(round(left * spec.SECOND), spec.NEVER if before else 0)
    message: Message = min((*ends, *called), key=lambda each: each[0])[1]
    end = _between(max((age for age, _ in before), default=0.0), first, _printed(message))
    left = _between(queued, min(begun, end))
    outcome = spec.Status(str(ends[0][1].word) if ends else str(message.members["status"]))
    error = message.members.get("error")
    given = str(error) if error is not None and outcome != spec.Status.COMPLETED else None
    return spec.Plan(round(left * spec.SECOND), round(end * spec.SECOND) - round(left * spec.SECOND), outcome, given)


def _between(low: float, high: float, printed: float | None = None) -> float:
    """The instant that was printed, if it is after `low` and not after `high`; else the middle."""
    return printed if printed is not None and low < printed <= high else (low + high) / 2


def _printed(message: Message) -> float | None:
    """The seconds from creation to completion, as the message has them; None if it lacks one of the two instants."""
    found = [spec.read_instant(str(message.members.get(name))) for name in ("created_at", "completed_at")]
    return (found[1] - found[0]) / spec.SECOND if found[0] is not None and found[1] is not None else None


def _deviation(expected: dict[str, Any], seen: Mapping[str, Any]) -> tuple[Fault, ...]:
    """The fault that turns the expected members into those that were seen; values that differ between runs need only be alike."""
    edit: dict[str, Any] = {"remove": [], "rename": {}, "set": {}}
    _compare(expected, seen, "", edit)
    given = {name: value for name, value in edit.items() if value}
    return (_fault("changed_members", **given),) if given else ()


def _compare(expected: dict[str, Any], seen: Mapping[str, Any], where: str, edit: dict[str, Any]) -> None:
    extra = {_plain(name): name for name in seen if name not in expected}
    for name, value in expected.items():
        if name in seen:
            found: Any = seen[name]
            if isinstance(value, dict) and isinstance(found, dict):
                _compare(cast("dict[str, Any]", value), cast("dict[str, Any]", found), f"{where}{name}.", edit)
            elif not _alike(name, cast("object", value), cast("object", found)):
                edit["set"][where + name] = found
        elif other := extra.pop(_plain(name), None):
            edit["rename"][where + name] = where + other
        else:
            edit["remove"].append(where + name)
    for name in extra.values():
        edit["set"][where + name] = seen[name]


def _fault(kind: str, **members: Any) -> Fault:
    return msgspec.convert({"fault": kind, **members}, AnyFault)


def _unanswered(exchange: Exchange) -> tuple[Fault, ...]:
    if exchange.error == "connect":
        return (_fault("connection_reset", committed=False),)
    return (_fault("hang" if exchange.error == "timeout" else "reply_lost"),)


def _reply(exchange: Exchange) -> Reply:
    """The response as it was; a simulator computes Content-Length and Date."""
    text = None if exchange.status in spec.BODILESS else exchange.body or ""
    return Reply(status=exchange.status or 0, text=text, headers=exchange.shown)


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _alike(name: str, value: object, seen: object) -> bool:
    """Whether a simulator may show this value where that one was seen."""
    if name in ("status", "error", "request_id", "polling_url"):
        return value == seen
    if isinstance(value, list):
        return isinstance(seen, list) and len(cast("list[object]", value)) == len(cast("list[object]", seen))
    return type(value) is type(seen)


def _downloaded(media: Exchange) -> Step:
    if media.status is None:
        return Step(faults=_unanswered(media))
    if media.status >= 400:
        return Step(reply=_reply(media))
    faults: list[Fault] = []
    kind, declared = media.header("content-type") or "", media.header("content-length") or ""
    if media.succeeded and not kind.startswith(("video/", "application/octet-stream")):
        faults.append(_fault("wrong_content_type", content_type=kind or "text/plain"))
    is_short = declared.isdecimal() and media.method == "GET" and media.size < int(declared)
    if media.succeeded and (is_short or (media.media and media.media.cut)):
        faults.append(
            _fault("truncated_body", keep=min(0.99, round(media.size / int(declared), 2)) if is_short else 0.5)
        )
    return Step(faults=tuple(faults))
