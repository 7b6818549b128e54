"""What the instants of exchanges show: how long generations take, when reads find nothing, which calls are throttled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import ceil
from operator import itemgetter
from typing import Final, NamedTuple

from pixazo_contracts.trace import STAMP, TERMINAL, Callback, Exchange, Trace, instant, whole_number

from .messages import Finding, Sighting, grouped, has_known_key, is_medium_of, named
from .submits import first_frame

#: A read within this many seconds of the submit counts as immediate.
AT_ONCE: Final = 1.0

#: How many generations must have been read equally often, and how much longer one must have been queued than another, for reads to count.
FEWEST_POLLED: Final = 3
POLLED_SPREAD: Final = 2.0

#: How many windows of a rate limit must have been used up.
FEWEST_WINDOWS: Final = 2

#: Units of a retention, in seconds, from the largest on.
UNITS: Final = (86_400, 3600, 60, 1)


class _Span(NamedTuple):
    """Seconds that a state lasted, at least and at most, and a message that shows it."""

    least: float
    most: float
    message: Exchange | Callback


def _spans(trace: Trace) -> tuple[list[_Span], list[_Span]]:
    """How long generations were queued and, if they were COMPLETED, processing, by the gateway's own timestamps."""
    queued, processing = list[_Span](), list[_Span]()
    for generation in trace.generations:
        seen: list[Exchange | Callback] = [*generation.seen, *generation.callbacks]
        began = next((m for m in seen if m.members.get("status") == "PROCESSING" and m.members.get("updated_at")), None)
        ended = [m for m in seen if m.members.get("status") == "COMPLETED" and m.members.get("completed_at")]
        if began is not None:
            queued += _between(began, began.members.get("created_at"), began.members["updated_at"])
        if began is not None and ended:
            processing += _between(ended[0], began.members["updated_at"], ended[0].members["completed_at"])
    return queued, processing


def _between(message: Exchange | Callback, since: object, until: object) -> list[_Span]:
    """The time between two timestamps; none if they do not show it. A timestamp in whole seconds may be up to a second too early."""
    begin, end = instant(since), instant(until)
    if begin is None or end is None or end < begin:
        return []
    early, late = (0.0 if STAMP.fullmatch(str(stamp)) else 1.0 for stamp in (since, until))
    return [_Span(max(0.0, end - begin - early), end - begin + late, message)]


def _range(spans: Sequence[_Span]) -> str:
    bounds = min(span.least for span in spans), max(span.most for span in spans)
    return "-".join(dict.fromkeys(f"{bound:.3f}".rstrip("0").rstrip(".") for bound in bounds))


def _polled(trace: Trace) -> Finding | None:
    """In how many reads each state is shown, if that is constant although they come at very different times."""
    counts, queued, used = set[tuple[int, int]](), list[float](), list[Exchange]()
    for generation in trace.generations:
        if generation.outcome == "COMPLETED":
            states = [read.state for read in generation.seen]
            counts.add((states.count("QUEUED"), states.count("PROCESSING")))
            used.append(generation.ends[0])
            if "PROCESSING" in states:
                began = generation.seen[states.index("PROCESSING")]
                queued.append(began.started - generation.submit.finished)
    varies = len(queued) >= FEWEST_POLLED and max(queued) > POLLED_SPREAD * max(min(queued), 0.001)
    if len(counts) != 1 or not varies or not all(count := counts.pop()):
        return None
    value = f"polls:{'+'.join(map(str, dict.fromkeys(count)))}"
    return Finding(value, (f"each state is shown in the same number of reads, regardless of time: {named(used)}",))


def job_times(trace: Trace) -> Finding | None:
    """Seconds queued and processing, from the least to the most observed; or status reads."""
    if polled := _polled(trace):
        return polled
    queued, processing = _spans(trace)
    lines = [
        f"{name} {_range(spans)} s by {named(span.message for span in spans)}"
        for name, spans in (("queued", queued), ("processing", processing))
        if spans
    ]
    if not lines:
        return None
    coarse = any(span.most - span.least >= 1 for span in (*queued, *processing))
    lines.append(f"resolution: {'1 s' if coarse else '1 ms'}, by the gateway's timestamps")
    return Finding(f"{_range(queued)}+{_range(processing)}" if queued and processing else None, tuple(lines))


def read_delay(trace: Trace) -> Finding | None:
    """Milliseconds after a submit in which a read finds nothing: the first read that found something gives the upper bound."""
    missing, found = list[tuple[float, Exchange]](), list[tuple[float, Exchange]]()
    for generation in trace.generations:
        answered = next((read for read in generation.reads if read.succeeded), None)
        found += [(answered.started - generation.submit.finished, answered)] if answered else []
        early = [read for read in generation.reads if read.status == 404 and answered and read.number < answered.number]
        missing += [(read.finished - generation.submit.started, read) for read in early]
    if not found:
        return None
    soonest = min(found, key=lambda each: (each[0], each[1].number))
    if missing:
        latest, used = max(each[0] for each in missing), [*(each[1] for each in missing), soonest[1]]
        if latest > soonest[0] + 0.001:
            return Finding(None, (f"404 after {latest:.3f} s, found after {soonest[0]:.3f} s: {named(used)}",))
        return Finding(str(ceil(soonest[0] * 1000)), (f"more than {max(0.0, latest):.3f} s: {named(used)}",))
    line = f"none was observed; the earliest read came after {max(0.0, soonest[0]):.3f} s: {named([soonest[1]])}"
    return Finding("0" if soonest[0] <= AT_ONCE else None, (line,))


def _limit(found: float, gone: float) -> int | None:
    """The roundest number of seconds between two; None if several are equally round."""
    for unit in UNITS:
        multiples = range(ceil(found / unit), int(gone // unit) + 1)
        if multiples:
            return multiples[0] * unit if len(multiples) == 1 else None
    return None


def retention(trace: Trace) -> Finding | None:
    """How long after the end the status and the media were still found, and when they no longer were."""
    limits, lines = list[str](), list[str]()
    for kind in ("status", "media"):
        there, gone = list[tuple[float, Exchange]](), list[tuple[float, Exchange]]()
        for generation in trace.generations:
            if generation.outcome is None:
                continue
            end = generation.ends[0]
            downloads = (each for each in generation.downloads if is_medium_of(each.url, end))
            asked = generation.reads if kind == "status" else downloads
            for each in (each for each in asked if each.started >= end.started):
                there += [(each.started - end.finished, each)] if each.succeeded else []
                gone += [(each.finished - end.started, each)] if each.status in {404, 410} else []
        if not gone:
            continue
        last, first = max(there, default=(0.0, gone[0][1]), key=itemgetter(0)), min(gone, key=itemgetter(0))
        lines.append(
            f"{kind} found after {max(0.0, last[0]):.0f} s, gone after {first[0]:.0f} s: {named([last[1], first[1]])}"
        )
        limit = _limit(max(0.0, last[0]), first[0]) if last[0] < first[0] else None
        limits += [f"{kind}={limit}"] if limit is not None else []
    whole = lines and len(limits) == len(lines)
    return Finding(",".join(limits) if whole else None, tuple(lines)) if lines else None


def queued_to_end(trace: Trace) -> Iterator[Sighting]:
    """For each FAILED or ERROR: `no` if PROCESSING was read before; `yes` if the read before came too late for PROCESSING to fit in between."""
    _, spans = _spans(trace)
    for generation in trace.generations:
        if generation.outcome not in {"FAILED", "ERROR"}:
            continue
        end, before = generation.ends[0], [read for read in generation.seen if read.state not in TERMINAL]
        if any(read.state == "PROCESSING" for read in before):
            yield Sighting("queued_to_end", "no", end)
        elif before and spans and end.finished - before[-1].started < min(span.least for span in spans):
            yield Sighting("queued_to_end", "yes", end)


def _is_counted(exchange: Exchange) -> bool:
    """Whether a call reached an operation of the gateway with a known key, as a POST to an unknown model also does."""
    is_read = exchange.operation == "status" and exchange.method == "GET"
    is_model = exchange.members.get("error") == "Model not found"
    known = has_known_key(exchange) or exchange.placement == "query"
    return (exchange.is_submit or is_read or is_model) and known and exchange.status not in {None, 401, 403}


def _by_account(trace: Trace) -> dict[str, list[Exchange]]:
    calls = sorted(filter(_is_counted, trace.exchanges), key=lambda each: (each.started, each.number))
    return grouped(calls, lambda call: call.account)


def _limit_of(calls: Sequence[Exchange]) -> tuple[str, list[Exchange]] | None:
    """`CALLS/SECONDS`, and the first 429 of each window, if all windows with a 429 have equally many other calls, and none has more.

    A window begins with a call, and is as long as the first 429 says. None if no such rule is seen.
    """
    throttled = next((call for call in calls if call.status == 429), calls[0])
    wait = whole_number(throttled.header("retry-after"))
    if throttled is calls[0] or not wait:
        return None
    seconds = round(throttled.started - calls[0].started + wait)
    windows = list[list[Exchange]]()
    for call in calls:
        if not windows or call.started >= windows[-1][0].started + seconds:
            windows.append([])
        windows[-1].append(call)
    most = max(sum(call.status != 429 for call in window) for window in windows)
    full = [window for window in windows if any(call.status == 429 for call in window)]
    in_full = {sum(call.status != 429 for call in window) for window in full}
    if len(full) < FEWEST_WINDOWS or not most or in_full != {most}:
        return None
    return f"{most}/{seconds}", [next(call for call in window if call.status == 429) for window in full]


def _is_just_after(call: Exchange, throttled: Exchange) -> bool:
    """Whether a call of the same account was served although another was throttled and its wait was not over."""
    wait = whole_number(throttled.header("retry-after")) or 0
    is_same = call.account == throttled.account and call.number > throttled.number
    return is_same and call.status != 429 and throttled.finished <= call.started < throttled.started + wait - 1


def rate_limit(trace: Trace) -> Finding | None:
    """Calls per window, if at least two windows of one rule explain which calls were throttled."""
    throttled = [e for e in trace.exchanges if e.status == 429 and has_known_key(e)]
    if not throttled:
        return None
    only = all(each.is_submit for each in throttled)
    by_account = _by_account(trace).values()
    for submits_only in (True, False) if only else (False,):
        counted = [[call for call in calls if call.is_submit or not submits_only] for calls in by_account]
        limits = [limit for calls in counted if calls and (limit := _limit_of(calls))]
        full = [each for _, windows in limits for each in windows]
        reads = (call for calls in by_account for call in calls if not call.is_submit)
        is_read_apart = any(_is_just_after(read, each) for read in reads for each in full)
        if len({value for value, _ in limits}) == 1 and submits_only == is_read_apart:
            value = f"{limits[0][0]}{' submits' if submits_only else ''}"
            return Finding(value, (f"{len(full)} windows were used up, by {named(full)}",))
    return Finding(None, (f"429, but no rule explains all of them: {named(throttled)}",))


def concurrency(trace: Trace) -> Finding | None:
    """Generations of an account that were unfinished whenever it was throttled, and never when it was not."""
    limits, used, most = set[int](), list[Exchange](), 0
    for account, calls in _by_account(trace).items():
        if any(call.status == 429 and not call.is_submit for call in calls):
            return None
        own = [g for g in trace.generations if g.submit.account == account]
        for call in calls:
            if not call.is_submit or (call.status != 429 and not call.succeeded):
                continue
            begun = [g for g in own if g.submit.finished <= call.started and g.submit.number != call.number]
            unfinished = sum(not g.ends or g.ends[0].finished > call.started for g in begun)
            if call.status == 429:
                limits.add(unfinished)
                used.append(call)
            else:
                most = max(most, unfinished + 1)
    if len(used) < 2 or len(limits) != 1 or (limit := limits.pop()) < 1 or most > limit:
        return None
    return Finding(str(limit), (f"{limit} were unfinished at {named(used)}",))


def media_user_agents(trace: Trace) -> Finding | None:
    """The user agents whose downloads were answered 403 while others were served."""
    refused, served = dict[str, Exchange](), dict[str, Exchange]()
    for exchange in trace.operation("media"):
        agent = re.split(r"[/\s,]", exchange.request_header("User-Agent") or "")[0]
        if agent and agent.isascii() and agent.isprintable():
            if exchange.status == 403:
                refused.setdefault(agent, exchange)
            elif exchange.succeeded:
                served.setdefault(agent, exchange)
    if not refused:
        return None
    lines = [f"{agent} is refused by {named([refused[agent]])}" for agent in sorted(refused)]
    if both := sorted(refused.keys() & served.keys()):
        lines += [f"{agent} is served by {named([served[agent]])}" for agent in both]
        return Finding(None, tuple(lines), tuple(both))
    return Finding(",".join(sorted(refused)), tuple(lines)) if len(refused) <= 20 else Finding(None, tuple(lines))


def aspects(trace: Trace) -> Iterator[Sighting]:
    """The aspect of downloads of videos from images whose own aspect is known."""
    for generation in trace.generations:
        frame = first_frame(generation.submit.sent.get("first_frame_image"))
        if generation.submit.operation != "imageToVideo" or frame is None or frame.width <= 0:
            continue
        wanted = frame.width / frame.height
        for download in generation.downloads:
            media = download.media
            if media is None or not media.width or not media.height or abs(wanted - 16 / 9) < 0.1:
                continue
            ratio = media.width / media.height
            for value, aspect in (("fixed", 16 / 9), ("first_frame", wanted)):
                if abs(ratio - aspect) <= 0.02 * aspect:
                    yield Sighting("video_aspect", value, download)
