"""The rules under which a simulator answers as a trace says: natural behaviour where it gives the same, faults and replies elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

import msgspec

from pixazo_simulator import spec
from pixazo_simulator.script import AnyFault, End, Fault, Reply, Rule, Step

from .records import Callback, Exchange, Message, Trace, scalar

AT_ONCE = 1.0
"""Seconds within which a webhook counts as sent at the instant of its state."""
_FOREVER = 1e9
_NATURAL = Step()

Natural = Callable[[Exchange], int]
"""The status code with which a simulator answers a submission without any rule."""


class Generation(msgspec.Struct, frozen=True):
    """An accepted submission with all that belongs to it; lengths of its states are in milliseconds, NEVER for one that was not seen to end."""

    number: int
    submit: Exchange
    request_id: str | None
    reads: tuple[Exchange, ...] = ()
    callbacks: tuple[Callback, ...] = ()
    plan: spec.Plan = spec.Plan(0, spec.NEVER)

    def age(self, at: float) -> float:
        """Seconds from the submission to an instant of the trace."""
        return at - self.submit.started

    def natural(self, seconds: float, policy: spec.Policy) -> dict[str, Any]:
        """The members of a status response of a simulator at this age."""
        seen = spec.snapshot(0, self.plan, round(seconds * spec.SECOND))
        model = self.request_id.rpartition("_")[0] if self.request_id else ""
        body = spec.status_body(
            self.request_id or "", model or spec.MODEL_ID, "mp4", 0, seen, self.plan.error, "", policy
        )
        return msgspec.json.decode(body, type=dict[str, Any])


class Retold(msgspec.Struct, frozen=True):
    """The rules, what of the policy they presuppose, the generations, and a line for each thing that no rule expresses."""

    rules: tuple[Rule, ...]
    policy: dict[str, str]
    generations: tuple[Generation, ...]
    notes: tuple[str, ...]


def retold(trace: Trace, natural: Natural, policy: spec.Policy) -> Retold:
    """The rules under which a simulator with this policy answers as in the trace, call by call."""
    notes, rules = dict[str, None](), list[Rule]()
    submits = [each for each in trace.exchanges if each.is_submit]
    codes = {each.status for each in submits if each.succeeded}
    generations = _generations(trace, submits)
    by_submit = {id(each.submit): each for each in generations}
    for operation in dict.fromkeys(each.operation for each in submits):
        mine = [(number, each) for number, each in enumerate(submits, 1) if each.operation == operation]
        steps = [_submitted(number, each, by_submit.get(id(each)), natural, notes) for number, each in mine]
        after = (*steps[1:], None)
        # A refusal leaves a step that only plans unused; an app that is right meanwhile is not refused, and meets that step at once.
        steps = [
            each for each, then in zip(steps, after, strict=True) if each != _NATURAL or not (then and then.only_plans)
        ]
        rules += _rule(operation, {}, steps)
    for each in generations:
        match = {"generation": each.number}
        rules += _status_rules(each, policy, notes)
        rules += _rule("webhook", match, _webhooks(each, trace, policy, notes))
        rules += _rule("media", match, [_downloaded(media) for media in _downloads(each, trace)])
    _note_the_rest(trace, generations, notes)
    code = {"submit_code": "200"} if codes == {200} and policy.submit_code != "200" else {}
    if codes - {200, 202} or len(codes) > 1:
        notes[
            f"submissions were accepted with {', '.join(map(str, sorted(filter(None, codes))))}: the replay has one status code"
        ] = None
    return Retold(tuple(rules), code, generations, tuple(notes))


def _status_rules(one: Generation, policy: spec.Policy, notes: dict[str, None]) -> Iterator[Rule]:
    """A rule for each state in which a read deviates: an app that polls more often than before meets the same in it."""
    by_state: dict[str, list[Exchange]] = {}
    for read in one.reads:
        by_state.setdefault(one.natural(one.age(read.started), policy)["status"], []).append(read)
    for state, reads in by_state.items():
        steps = [_read(one, read, policy, notes) for read in reads]
        lasts = reads[-1].succeeded and steps[-1].faults != ()
        yield from _rule("status", {"generation": one.number, "status": state}, steps, lasts=lasts)


def _rule(when: str, match: dict[str, Any], steps: Sequence[Step], *, lasts: bool = False) -> Iterator[Rule]:
    """A rule with these steps in order, if any of them does anything; the last one `lasts` for ever, or is used once."""
    if not steps or all(each == _NATURAL for each in steps):
        return
    counted: list[tuple[Step, int]] = []
    for step in steps:
        if counted and counted[-1][0] == step:
            counted[-1] = step, counted[-1][1] + 1
        else:
            counted.append((step, 1))
    if counted[-1][0] == _NATURAL:  # as without a rule
        counted.pop()
    timed = [msgspec.structs.replace(step, times=times) for step, times in counted]
    if lasts:
        timed[-1] = msgspec.structs.replace(timed[-1], times=None)
    first, *then = timed
    yield Rule(
        when=when,
        match=match,
        reply=first.reply,
        end=first.end,
        faults=first.faults,
        times=first.times,
        then=tuple(then),
    )


def _generations(trace: Trace, submits: Iterable[Exchange]) -> tuple[Generation, ...]:
    """The submissions that a simulator accepts: those that were, and those whose response never came, which may have been."""
    found: list[Generation] = []
    for submit in submits:
        if (submit.succeeded and not submit.members) or not (
            submit.succeeded or (submit.status is None and submit.error != "connect")
        ):
            continue
        given = submit.members.get("request_id")
        known = given if isinstance(given, str) and given else None
        reads = tuple(
            each for each in trace.exchanges
            if known and each.operation == "status" and each.method == "GET" and each.path.endswith(f"/{known}")
        )  # fmt: skip
        called = tuple(each for each in trace.callbacks if known and each.members.get("request_id") == known)
        one = Generation(len(found) + 1, submit, known, reads, called)
        found.append(msgspec.structs.replace(one, plan=_plan(one)))
    return tuple(found)


def _plan(one: Generation) -> spec.Plan:
    """The plan with which every read shows the state that it showed, as far as one plan can."""
    seen = [
        (one.age(each.started), each) for each in one.reads if each.succeeded and each.word in spec.Status.__members__
    ]
    ends = [(age, each) for age, each in seen if each.word in spec.TERMINAL]
    called = [(one.age(each.at), each) for each in one.callbacks if each.members.get("status") in spec.TERMINAL]
    first = min((age for age, _ in (*ends, *called)), default=None)
    before = [
        (age, each.word) for age, each in seen if each.word not in spec.TERMINAL and (first is None or age < first)
    ]
    begun = next((age for age, word in before if word == spec.Status.PROCESSING), None)
    queued = max(
        (age for age, word in before if word == spec.Status.QUEUED and (begun is None or age < begun)), default=0.0
    )
    last = max((age for age, _ in before), default=0.0)
    if first is None:
        left = _between(queued, begun) if begun is not None else (_FOREVER if before else 0.0)
        return spec.Plan(round(left * spec.SECOND), spec.NEVER if before else 0)
    message: Message = min((*ends, *called), key=lambda each: each[0])[1]
    end = _between(last, first, _printed(message))
    left = _between(queued, begun) if begun is not None else min(end, _between(queued, end))
    outcome = spec.Status(str(ends[0][1].word) if ends else str(message.members["status"]))
    error = message.members.get("error")
    given = str(error) if error is not None and outcome != spec.Status.COMPLETED else None
    return spec.Plan(round(left * spec.SECOND), round(end * spec.SECOND) - round(left * spec.SECOND), outcome, given)


def _between(low: float, high: float, printed: float | None = None) -> float:
    """The instant that was printed, if it lies after `low` and not after `high`; else the middle."""
    return printed if printed is not None and low < printed <= high else (low + high) / 2


def _printed(message: Message) -> float | None:
    """Seconds from creation to completion, as the message has them."""
    found = [spec.read_instant(str(message.members.get(name))) for name in ("created_at", "completed_at")]
    return (found[1] - found[0]) / spec.SECOND if found[0] is not None and found[1] is not None else None


def _submitted(number: int, submit: Exchange, one: Generation | None, natural: Natural, notes: dict[str, None]) -> Step:
    if submit.request_body is None and submit.method == "POST":
        notes[f"submission {number}: the trace does not hold its body"] = None
    if submit.status is None:
        if submit.error == "connect":
            notes[f"submission {number} met no gateway: the replay resets its connection before anything is done"] = (
                None
            )
        else:
            notes[
                f"submission {number} got no response, and no trace shows whether it was accepted: the replay accepts and charges it"
            ] = None
        return Step(faults=_unanswered(submit))
    if one is None:
        if not submit.succeeded and natural(submit) == submit.status:
            return _NATURAL
        return Step(reply=_reply(submit))
    path = f"/v2/requests/status/{one.request_id}"
    expected = {"request_id": one.request_id or "", "status": "QUEUED", "polling_url": path}
    same = {"polling_url": path} if str(submit.members.get("polling_url")).endswith(path) else {}
    faults = _deviation(expected, {**submit.members, **same}, f"submission {number}", notes)
    seen = any(each.succeeded for each in one.reads) or any("status" in each.members for each in one.callbacks)
    if not seen:
        return Step(faults=faults)
    if one.plan.processing == spec.NEVER:
        queued = one.plan.queued / spec.SECOND
        stays = (("QUEUED", queued),) if queued == _FOREVER else (("QUEUED", queued), ("PROCESSING", _FOREVER))
        return Step(end=End(progress=stays), faults=faults)
    outcome = None if one.plan.outcome == spec.Status.COMPLETED else str(one.plan.outcome)
    queued, processing = one.plan.queued / spec.SECOND, one.plan.processing / spec.SECOND
    return Step(end=End(status=outcome, error=one.plan.error, queued=queued, processing=processing), faults=faults)


def _fault(kind: str, **members: Any) -> Fault:
    """A fault by its name in scripts."""
    return msgspec.convert({"fault": kind, **members}, AnyFault)


def _unanswered(exchange: Exchange) -> tuple[Fault, ...]:
    if exchange.error == "connect":
        return (_fault("connection_reset", committed=False),)
    return (_fault("hang" if exchange.error == "timeout" else "reply_lost"),)


def _reply(exchange: Exchange) -> Reply:
    """The response as it was; a simulator computes Content-Length and Date."""
    text = None if exchange.status in (204, 304) else exchange.body or ""
    return Reply(status=exchange.status or 0, text=text, headers=exchange.shown)


def _read(one: Generation, read: Exchange, policy: spec.Policy, notes: dict[str, None]) -> Step:
    if read.status is None:
        return Step(faults=_unanswered(read))
    if not read.succeeded or not read.members:
        return Step(reply=_reply(read))
    expected = one.natural(one.age(read.started), policy)
    return Step(faults=_deviation(expected, read.members, f"a status read of generation {one.number}", notes))


def _deviation(expected: dict[str, Any], members: Any, what: str, notes: dict[str, None]) -> tuple[Fault, ...]:
    """The fault that makes of the expected members those that were seen; values that are another for each run only have to be alike."""
    edit: dict[str, Any] = {"remove": [], "rename": {}, "null": [], "set": {}}
    _compare(expected, cast("dict[str, Any]", members), "", edit, what, notes)
    given = {name: value for name, value in edit.items() if value}
    return (_fault("changed_members", **given),) if given else ()


def _compare(
    expected: dict[str, Any],
    members: dict[str, Any],
    where: str,
    edit: dict[str, Any],
    what: str,
    notes: dict[str, None],
) -> None:
    extra = {_plain(name): name for name in members if name not in expected}
    for name, value in expected.items():
        seen: Any = members.get(name)
        if name not in members:
            if other := extra.pop(_plain(name), None):
                edit["rename"][where + name] = where + other
            else:
                edit["remove"].append(where + name)
        elif members[name] is None and value is not None:
            edit["null"].append(where + name)
        elif isinstance(value, dict) and isinstance(members[name], dict):
            _compare(
                cast("dict[str, Any]", value),
                cast("dict[str, Any]", members[name]),
                f"{where}{name}.",
                edit,
                what,
                notes,
            )
        elif not _alike(name, cast("object", value), seen):
            if not isinstance(seen, dict) and scalar(seen):
                edit["set"][where + name] = seen
            else:
                notes[f"{what}: member {where}{name} is of another form than a rule can give it"] = None
    for name in extra.values():
        if scalar(members[name]):
            edit["set"][where + name] = members[name]
        else:
            edit["null"].append(where + name)


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _alike(name: str, value: object, seen: object) -> bool:
    """Whether a simulator may show this value where that one was seen."""
    if name in ("status", "error", "request_id", "polling_url"):
        return value == seen
    if isinstance(value, list):
        return isinstance(seen, list) and len(cast("list[object]", value)) == len(cast("list[object]", seen))
    return type(value) is type(seen)


def _webhooks(one: Generation, trace: Trace, policy: spec.Policy, notes: dict[str, None]) -> list[Step]:
    """A step for each webhook that a simulator sends: one for each URL, at the end."""
    ends = one.plan.processing != spec.NEVER and one.request_id is not None
    if not (one.submit.webhook_urls and ends):
        return []
    end = spec.finish(0, one.plan) / spec.SECOND
    if any(each.answered // 100 != 2 for each in one.callbacks):
        notes[
            f"generation {one.number}: the receiver refused callbacks, which is the app's part: the replay retries as its policy says"
        ] = None
    steps: list[Step] = []
    for url in one.submit.webhook_urls:
        mine = [each for each in one.callbacks if url.endswith(each.target) or len(one.submit.webhook_urls) == 1]
        taken = mine[: next((at for at, each in enumerate(mine, 1) if each.answered // 100 != 2), len(mine))]
        if not taken:
            watched = max((each.finished for each in trace.exchanges), default=0.0)
            steps.append(Step(faults=(_fault("drop"),)) if one.age(watched) >= end else _NATURAL)
            continue
        faults: list[Fault] = []
        late = one.age(taken[0].at) - end
        if taken[0].at < one.submit.finished:
            faults.append(_fault("before_reply"))
        elif late > AT_ONCE:
            faults.append(_fault("delay", seconds=min(3600.0, round(late, 3))))
        if len(taken) > 1:
            faults.append(_fault("duplicate", copies=min(len(taken), 10)))
        faults += _deviation(
            one.natural(end, policy), taken[0].members, f"a callback of generation {one.number}", notes
        )
        steps.append(Step(faults=tuple(faults)))
    return steps


def _downloads(one: Generation, trace: Trace) -> list[Exchange]:
    media = [each for each in trace.exchanges if each.operation == "media"]
    return [
        each for each in media if one.request_id and (each.request_id == one.request_id or one.request_id in each.url)
    ]


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


def _note_the_rest(trace: Trace, generations: Sequence[Generation], notes: dict[str, None]) -> None:
    known = {each.request_id for each in generations}
    told = {id(read) for one in generations for read in (*one.reads, *_downloads(one, trace))}
    others = [each for each in trace.exchanges if not each.is_submit and id(each) not in told]
    if others:
        calls = ", ".join(dict.fromkeys(f"{each.method} {each.operation}" for each in others))
        notes[f"{len(others)} requests belong to no generation of the trace and are left to the simulator: {calls}"] = (
            None
        )
    strays = sum(each.members.get("request_id") not in known for each in trace.callbacks)
    if strays:
        notes[f"{strays} callbacks name no generation of the trace: no rule sends them"] = None
