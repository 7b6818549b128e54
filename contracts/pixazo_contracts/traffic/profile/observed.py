"""A profile, as TOML, of what a trace shows: each value with the exchanges that show it, and what is left open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from pixazo_contracts.trace import Trace, encode_json, visible

from .messages import Finding, Sighting, grouped, named, seen_in_answers, seen_in_webhooks, webhook_retries
from .submits import check_order, seen_in_submits
from .times import aspects, concurrency, job_times, media_user_agents, queued_to_end, rate_limit, read_delay, retention

#: The points of the simulator's policy that traffic can decide, in the order of its table (`pixazo-sim policy`), and which traffic
#: decides each. The contracts do not import that table: a test compares the two.
POINTS: Final = {
    "request_id": "an accepted submit",
    "media": "a read of a COMPLETED generation",
    "public_origin": "an accepted submit with its polling_url",
    "t2v_limits": "a generate with a duration, resolution or length that image-to-video forbids, and nothing else unusual",
    "combo_1080p_10s": "an imageToVideo of 1080P and 10 s, read until it ends",
    "prompt_unit": "an imageToVideo whose prompt has at most 2000 characters and more bytes or UTF-16 units",
    "blank_prompt": "a submit whose prompt is empty or white space",
    "unknown_members": "a submit with a member that the page does not list",
    "validation_body": "a submit refused for its body",
    "image_rules": "an image as data URL that is too small, too long or of a wrong format",
    "image_urls": "an image at a plain http URL, or at a host that cannot exist, read until it ends",
    "missing_key": "a call without a key",
    "unknown_key": "a call with an unknown key",
    "query_key": "a call with the key in the query only",
    "forbidden": "a submit, and a read, that are answered 403",
    "throttled": "a call that is answered 429",
    "rate_limit": "two windows in which the same number of calls was answered before a 429",
    "unknown_route": "a wrong method on a known path",
    "unknown_id": "a read with another account's key",
    "insufficient_balance": "a submit that is answered 402",
    "check_order": "a submit with two faults, refused for the one that is usually checked later",
    "content_type": "a valid submit that is not declared as application/json",
    "body_limit": "traffic does not show it: measure it",
    "price": "traffic does not show it: see the wallet",
    "refunds": "traffic does not show it: see the wallet",
    "status_members": "a read of a FAILED or ERROR generation",
    "timestamps": "a read that shows updated_at",
    "job_times": "generations read until they are COMPLETED, at least once while PROCESSING",
    "webhook_events": "a submit with X-Webhook-Mode: sync that is processed for more than 16 s",
    "webhook_retries": "a webhook that the receiver refuses each time, and no further one for ten times the last pause (at least 600 s)",
    "webhook_signature": "a webhook",
    "webhook_redirects": "a webhook that the receiver answers with a redirect",
    "callback_url": "a generation with callback_url, read until it ends",
    "both_channels": "a generation with X-Webhook-URL and another callback_url, read until it ends",
    "bad_webhook_url": "a submit whose X-Webhook-URL is not an http or https URL",
    "http_webhook_url": "a submit whose X-Webhook-URL is http, and which is refused or called back",
    "webhook_allow": "nothing: it is a safety rule of the simulator",
    "read_delay": "a read at most a second after the submit, or reads that are answered 404 before others that are not",
    "moderation": "a prompt that moderation rejects",
    "retention": "a read or download that succeeded, and later is answered 404",
    "queued_to_end": "a FAILED or ERROR generation that was read often",
    "cors": "a preflight of a browser",
    "submit_code": "an accepted submit",
    "null_members": "a submit with an optional member that is null",
    "empty_callback_url": "a submit with an empty callback_url, where bad webhook URLs are known to be refused",
    "image_megabyte": "an image as data URL with 20,000,000 to 20,971,519 bytes",
    "image_type": "an image as data URL whose media type is not that of its content",
    "media_origin": "a read of a COMPLETED generation, whose polling_url is known",
    "callback_events": "a callback_url that is called for a generation that was read while PROCESSING",
    "media_user_agents": "a download that is answered 403, with its User-Agent",
    "video_aspect": "a download of an imageToVideo whose image is a data URL with an aspect other than 16:9",
    "status_head": "a HEAD on the status of one's own generation",
    "cache_control": "a download and any other response",
    "webhook_timeout": "traffic does not show it: use a receiver that is slow on purpose",
    "concurrency": "two submits that are answered 429 while the same number of generations is unfinished",
}

#: The longest line of a comment, in characters.
LONGEST_LINE: Final = 500


def _decide(sightings: Iterable[Sighting]) -> Finding:
    """The one value that all sightings of a point leave; several values, or values that exclude each other, are reported."""
    groups = grouped(sightings, lambda sighting: sighting.values)
    possible = sorted(frozenset[str].intersection(*(frozenset(values.split("|")) for values in groups)))
    shown = tuple(
        f"{values.replace('|', ' or ')} by {named(sighting.message for sighting in groups[values])}"
        for values in sorted(groups)
    )
    if len(possible) > 1:
        return Finding(None, (f"{' or '.join(possible)} so far: {'; '.join(shown)}",))
    return Finding(possible[0], shown) if possible else Finding(None, shown, tuple(sorted(groups)))


def _drop_dependent(sightings: Iterable[Sighting], found: dict[str, Finding]) -> list[Sighting]:
    """Without those that are meaningful only if another point is known to have a certain value."""
    values = {point: finding.value for point, finding in found.items()}
    called, dropped = values.get("callback_url"), set[tuple[str, str]]()
    if values.get("bad_webhook_url") != "refuse" or called in {None, "ignore"}:
        dropped.add(("empty_callback_url", "ignore"))
    if called not in {"post", "challenge"}:
        dropped.add(("both_channels", "header"))
    return [sighting for sighting in sightings if (sighting.point, sighting.values) not in dropped]


def _decided(sightings: Iterable[Sighting]) -> dict[str, Finding]:
    return {point: _decide(group) for point, group in grouped(sightings, lambda sighting: sighting.point).items()}


def find(trace: Trace) -> dict[str, Finding]:
    """What a trace shows of each point, in the order of the table."""
    # A key that was always answered 401 is unknown, whatever the recorder calls its account.
    by_account = grouped((e for e in trace.exchanges if e.status is not None), lambda exchange: exchange.account)
    unknown = {name for name, calls in by_account.items() if all(call.status == 401 for call in calls)} - {"", "blank"}
    exchanges = (replace(e, account="unknown") if e.account in unknown else e for e in trace.exchanges)
    trace = replace(trace, exchanges=tuple(exchanges))
    single = (seen_in_answers, seen_in_submits, seen_in_webhooks, queued_to_end, aspects)
    sightings = [sighting for seen in single for sighting in seen(trace)]
    found = _decided(_drop_dependent(sightings, _decided(sightings)))
    # Each is named after the point about which the whole trace shows something.
    whole = job_times, webhook_retries, read_delay, retention, rate_limit, concurrency, check_order, media_user_agents
    found |= {look.__name__: finding for look in whole if (finding := look(trace)) is not None}
    return {name: found[name] for name in POINTS if name in found}


def _comment(lines: Iterable[str]) -> list[str]:
    return [f"# {visible(line)[:LONGEST_LINE]}" for line in lines]


def write_profile(trace: Trace) -> str:
    """The profile of a trace; every value in it was seen."""
    found = find(trace)
    lines = [
        f"# What {len(trace.exchanges)} exchanges and {len(trace.callbacks)} callbacks with {visible(trace.profile.origin)} show.",
        "# Serve it: pixazo-sim serve --profile FILE. Fields that are not set have the value of profile documented.",
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
