"""The mistakes of an app that a test cannot see but the real gateway will, each recognised by one function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import cast

from pixazo_simulator.script import SUBMITS
from pixazo_simulator.spec import CALLBACK_MEMBER, KEY_HEADER, REDACTED, WEBHOOK_URL_HEADER
from pytest_pixazo.reports.calls import Call, Callback, Scene

SHORTEST_PAUSE = 5.0
"""Seconds between two polls of a generation at least (page, Typical Workflow)."""
ONE_LOOK = 0.25
"""Seconds within which reads count as one look, as when a wait is taken up again; also what a running clock may be out."""
SHORT_PAUSES = 2
"""So many pauses that are too short make a habit; a single one may be a last look at a deadline."""
LOOKS_AFTER_END = {"ERROR": 1}
LOOKS_AFTER_OTHERS = 2
"""Looks after the end that make a habit: after ERROR, the state that is overlooked most, one; else two, since people look twice."""
OK = 200
REFUSALS = (400, 402)
TWICE = 2
_REDACTED_ANYWAY = frozenset({"authorization", "proxy-authorization", "cookie"})
"""Headers of which nobody can tell whether they held the key."""

Remark = tuple[str | None, Sequence[Call], str]
"""What there is to say: the generation concerned, if it is one, the calls, and what happened."""


def polls_too_fast(scene: Scene) -> Iterator[Remark]:
    """More than one pause between two looks at a running generation is too short, and no callback explains it."""
    for request_id, reads in scene.reads().items():
        polls, heard = _split(reads)[0], scene.heard(request_id)
        looks = _looks(polls)
        pauses = [
            after[0].second - before[-1].second
            for before, after in pairwise(looks)
            if not _is_prompted(heard, before[-1], after[0])
        ]
        short = [pause for pause in pauses if pause < SHORTEST_PAUSE - ONE_LOOK]
        if len(short) + _crowd(looks) >= SHORT_PAUSES:
            yield request_id, polls, f"read {len(polls)} times within {polls[-1].second - polls[0].second:g} s"


def ignores_retry_after(scene: Scene) -> Iterator[Remark]:
    """A route that asked for patience is called again before that is over."""
    found: dict[tuple[str, str], list[Call]] = {}
    for index, answer in enumerate(scene.calls):
        early = _early(answer, scene.calls[index + 1 :]) if answer.retry_after else []
        if early:
            known = found.setdefault((answer.method, answer.path), [answer])
            known.extend(call for call in early if call not in known)
    for (method, path), concerned in found.items():
        asking, again = concerned[:2]
        pause = f"{again.second - asking.second:g} s after an answer that asked for {asking.retry_after:g} s"
        yield asking.request_id, concerned, f"{method} {path} was called {pause}"


def repeats_refusal(scene: Scene) -> Iterator[Remark]:
    """A request that was refused for what it is comes again unchanged."""
    seen: list[Call] = []
    for index, refused in enumerate(scene.calls):
        if refused.status not in REFUSALS or any(refused.is_like(each) for each in seen):
            continue
        seen.append(refused)
        # A script may refuse what is right. Otherwise another answer shows that something was mended in between.
        again = [
            call
            for call in scene.calls[index + 1 :]
            if call.is_like(refused) and (refused.rule is not None or call.status == refused.status)
        ]
        if again:
            yield None, [refused, *again], f"sent {len(again) + 1} times, though it was answered {refused.status}"


def is_charged_twice(scene: Scene) -> Iterator[Remark]:
    """A submit whose answer was lost is submitted again, and both are accepted."""
    submits, explained = scene.submits(), list[Call]()
    for index, lost in enumerate(submits):
        again = [each for each in submits[index + 1 :] if each.is_like(lost)] if lost.is_lost else []
        if again and not any(lost.is_like(each) for each in explained):
            explained.append(lost)
            told = f"accepted and charged {len(again) + 1} times"
            yield lost.request_id, [lost, *again], f"submitted again after the answer was lost: {told}"


def misses_end(scene: Scene) -> Iterator[Remark]:
    """A generation that the app followed has ended, and neither a read nor a callback ever told it."""
    reads, submits = scene.reads(), {submit.request_id: submit for submit in scene.submits()}
    for request_id in scene.ended:
        looked, submit = reads.get(request_id, []), submits.get(request_id)
        is_known = looked or not (submit and (submit.faults or submit.is_lost))
        is_told = any(read.has_ended for read in looked) or any(each.has_ended for each in scene.heard(request_id))
        if request_id in scene.followed and is_known and not is_told:
            last = looked[-1].word if looked else "QUEUED"
            yield request_id, [*([submit] if submit else []), *looked], f"it ended, the app last heard of {last}"


def polls_after_end(scene: Scene) -> Iterator[Remark]:
    """The app goes on looking at a generation whose end it was told."""
    for request_id, reads in scene.reads().items():
        heard, told = scene.heard(request_id), _split(reads)[1]
        after = [read for before, read in pairwise(told) if not _is_prompted(heard, before, read)]
        looks = _looks([*told[:1], *after])
        if told and len(looks) - 1 + _crowd(looks) >= LOOKS_AFTER_END.get(told[0].word or "", LOOKS_AFTER_OTHERS):
            yield request_id, [told[0], *after], f"read {_times(len(after))} more after it was told {told[0].word}"


def leaks_key(scene: Scene) -> Iterator[Remark]:
    """The key goes where it does not belong: to the media host, or to a webhook receiver."""
    told = [call for call in scene.calls if call.operation == "media" and _carries_key(call)]
    if told:
        yield told[0].request_id, told, f"the key went with {_times(len(told), 'download')}"
    for call in scene.calls:
        if call.operation in SUBMITS and any(REDACTED in url for url in _webhook_urls(call)):
            yield call.request_id, [call], "the key stands in a webhook URL"


def acts_twice(scene: Scene) -> Iterator[Remark]:
    """Several callbacks about one end have their consequence several times: a download, or a submit."""
    for request_id in scene.ended:
        heard = [callback for callback in scene.heard(request_id) if callback.has_ended]
        if len(heard) < TWICE:
            continue
        since = heard[0].second
        downloads = [each for each in scene.calls if _is_download(each, request_id) and each.second >= since]
        if len(downloads) >= TWICE:
            yield request_id, downloads, f"downloaded {len(downloads)} times after {len(heard)} callbacks"
        for first, second in _pairs([submit for submit in scene.submits() if submit.second >= since]):
            yield request_id, [first, second], f"the same submitted twice after {len(heard)} callbacks"


def _times(number: int, what: str = "time") -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _early(answer: Call, later: Sequence[Call]) -> list[Call]:
    """Calls to the route of an answer that come before its Retry-After is over."""
    until = answer.second + answer.retry_after - ONE_LOOK
    return [each for each in later if each.second < until and (each.method, each.path) == (answer.method, answer.path)]


def _looks(reads: Sequence[Call]) -> list[list[Call]]:
    """Reads gathered into looks: those that come within a moment of the first of them."""
    looks: list[list[Call]] = []
    for read in reads:
        if looks and read.second - looks[-1][0].second <= ONE_LOOK:
            looks[-1].append(read)
        else:
            looks.append([read])
    return looks


def _crowd(looks: Sequence[Sequence[Call]]) -> int:
    """How many reads are beyond two of one look: nobody asks three times in a moment but in a loop."""
    return sum(max(0, len(look) - 2) for look in looks)


def _is_prompted(heard: Sequence[Callback], before: Call, read: Call) -> bool:
    """Whether a callback came between two reads, so that the second confirms it rather than polls."""
    return any(before.second <= callback.second <= read.second for callback in heard)


def _split(reads: Sequence[Call]) -> tuple[list[Call], list[Call]]:
    """The reads up to the first that told the end, and those from it on."""
    end = next((index for index, read in enumerate(reads) if read.has_ended), len(reads))
    return list(reads[: end + 1]), list(reads[end:])


def _pairs(submits: Sequence[Call]) -> Iterator[tuple[Call, Call]]:
    """Accepted submits with the one like it before, where no lost reply explains the repetition."""
    for index, submit in enumerate(submits):
        before = [each for each in submits[:index] if each.is_like(submit)]
        if before and not before[-1].is_lost:
            yield before[-1], submit


def _carries_key(call: Call) -> bool:
    named = KEY_HEADER.lower()
    return REDACTED in call.target or any(
        name == named or (REDACTED in value and name not in _REDACTED_ANYWAY)
        for name, value in call.request.headers.items()
    )


def _webhook_urls(call: Call) -> Iterator[str]:
    yield call.request.headers.get(WEBHOOK_URL_HEADER.lower(), "")
    if isinstance(call.request.body, dict):
        yield str(cast("dict[str, object]", call.request.body).get(CALLBACK_MEMBER))


def _is_download(call: Call, request_id: str) -> bool:
    """Whether it is a whole video, fetched to its end: no part of one, and no repetition of what broke off."""
    whole = call.operation == "media" and call.method == "GET" and call.status == OK and not call.is_lost
    return whole and call.request_id == request_id
