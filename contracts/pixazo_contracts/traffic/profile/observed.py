"""A profile, as TOML, of what a trace shows: each value with the exchanges that show it, and what is left open."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from pixazo_contracts.trace import Trace, encode_json, visible

from .answers import seen_in_answers
from .evidence import Finding, Sighting, decide, grouped
from .order import check_order
from .points import POINTS
from .submits import seen_in_submits
from .times import aspects, concurrency, job_times, queued_to_end, rate_limit, read_delay, retention, user_agents
from .webhooks import drop_dependent, retries, seen_in_webhooks

#: What one message alone shows.
SINGLE: Final = (seen_in_answers, seen_in_submits, seen_in_webhooks, queued_to_end, aspects)

#: The points of which one message alone shows nothing.
WHOLE: Final[dict[str, Callable[[Trace], Finding | None]]] = {
    "job_times": job_times,
    "webhook_retries": retries,
    "read_delay": read_delay,
    "retention": retention,
    "rate_limit": rate_limit,
    "concurrency": concurrency,
    "check_order": check_order,
    "media_user_agents": user_agents,
}

#: The longest line of a comment, in characters.
LONGEST_LINE: Final = 500


def _decided(sightings: Iterable[Sighting]) -> dict[str, Finding]:
    return {point: decide(group) for point, group in grouped(sightings, lambda sighting: sighting.point).items()}


def _with_strangers(trace: Trace) -> Trace:
    """The trace, in which a key that was always answered 401 is an unknown one, whatever the recorder calls its account."""
    by_account = grouped((e for e in trace.exchanges if e.status is not None), lambda exchange: exchange.account)
    unknown = {name for name, calls in by_account.items() if name and all(call.status == 401 for call in calls)} - {
        "blank"
    }
    exchanges = (replace(e, account="unknown") if e.account in unknown else e for e in trace.exchanges)
    return replace(trace, exchanges=tuple(exchanges))


def find(trace: Trace) -> dict[str, Finding]:
    """What a trace shows of each point, in the order of the table."""
    trace = _with_strangers(trace)
    sightings = [sighting for seen in SINGLE for sighting in seen(trace)]
    found = _decided(drop_dependent(sightings, _decided(sightings)))
    found |= {point: finding for point, look in WHOLE.items() if (finding := look(trace)) is not None}
    return {name: found[name] for name in POINTS if name in found}


def _comment(lines: Iterable[str]) -> list[str]:
    return [f"# {visible(line)[:LONGEST_LINE]}" for line in lines]


def write_profile(trace: Trace) -> str:
    """The profile of a trace; every value in it was seen."""
    found = find(trace)
    lines = [
        f"# What {len(trace.exchanges)} exchanges and {len(trace.callbacks)} callbacks with {visible(trace.profile.origin)} show.",
        "# Serve it: pixazo-sim serve --profile FILE. What is not set has the value of profile documented.",
    ]
    for name, finding in found.items():
        if finding.value is not None:
            lines += ["", *_comment(finding.lines), f"{name} = {encode_json(finding.value).decode()}"]
        elif finding.contradicts:
            said = _comment(["the traffic contradicts itself", *finding.lines])
            lines += ["", *said, *(f"# {name} = {encode_json(value).decode()}" for value in finding.contradicts)]
    lines += ["", "# Not decided by this traffic, and what would decide it:"]
    for name, decided_by in POINTS.items():
        seen = found.get(name, Finding(None, ()))
        if seen.value is None and not seen.contradicts:
            shown = f" ({visible('; '.join(seen.lines))[:LONGEST_LINE]})" if seen.lines else ""
            lines.append(f"# {name}: {decided_by}{shown}")
    return "\n".join([*lines, ""])
