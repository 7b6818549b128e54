"""What webhooks show: which URLs are called, when, with which body, and what follows an attempt that fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

from pixazo_contracts.trace import TERMINAL, Callback, Generation, Trace, instant, receiver_token, split_url

from .answers import is_status_envelope
from .evidence import Finding, Sighting, grouped, named

#: A webhook must arrive within this many seconds of the end, or of the redirect that it follows.
PATIENCE: Final = 10.0
REDIRECT: Final = 2.0

#: The least seconds after a failed attempt without another one, and the same as a multiple of the last pause.
SILENCE: Final = 600.0
SILENCE_FACTOR: Final = 10.0

#: With `X-Webhook-Mode: sync` a webhook is due every 15 seconds of processing.
SYNC_PAUSE: Final = 16.0


def _end_of(trace: Trace) -> float:
    times = [*(e.finished for e in trace.exchanges), *(c.at for c in trace.callbacks)]
    return max([trace.footer.seconds if trace.footer else 0.0, *times])


def _is_running(callback: Callback) -> bool:
    return callback.members.get("status") in {"PROCESSING", "QUEUED", "processing"}


def _at(generation: Generation, channel: str) -> list[Callback]:
    """The callbacks of a generation to the URL of one channel; none if both channels have the same URL."""
    tokens = {name: receiver_token(url) for name, url in generation.webhook_urls.items()}
    if len(set(tokens.values())) < len(tokens) or channel not in tokens:
        return []
    return [each for each in generation.callbacks if receiver_token(each.target) == tokens[channel]]


def _is_over(generation: Generation, end: float) -> bool:
    """Whether a generation was seen to end long enough ago for its first webhook."""
    return bool(generation.ends) and end - generation.ends[0].finished >= PATIENCE


def _processing(generation: Generation) -> float:
    """The least seconds that a generation was seen to be processed; none if it was not read meanwhile."""
    stamps = [
        (word, at)
        for each in (*generation.seen, *generation.callbacks)
        if (word := each.members.get("status")) and (at := instant(each.members.get("updated_at"))) is not None
    ]
    began = [at for word, at in stamps if word == "PROCESSING"]
    ended = [at for word, at in stamps if word in TERMINAL]
    return max(ended) - max(began) if began and ended else 0.0


def _of_header(generation: Generation, end: float) -> Iterator[Sighting]:
    called, url = _at(generation, "header"), generation.webhook_urls["header"]
    for callback in called:
        if url.startswith("http:"):
            yield Sighting("http_webhook_url", "accept", callback)
        if is_status_envelope(callback):
            names = {name.lower() for name in callback.header_names}
            yield Sighting("webhook_signature", "standard" if "webhook-signature" in names else "none", callback)
    if (generation.submit.request_header("X-Webhook-Mode") or "").strip().lower() == "sync":
        running = [*filter(_is_running, called)]
        if running:
            yield Sighting("webhook_events", "header", running[0])
        elif called and _is_over(generation, end) and _processing(generation) > SYNC_PAUSE:
            yield Sighting("webhook_events", "terminal", called[0])


def _of_member(generation: Generation, end: float, *, reachable: bool) -> Iterator[Sighting]:
    called = _at(generation, "member")
    for callback in called:
        if set(callback.members) == {"challenge"} or "task_id" in callback.members:
            yield Sighting("callback_url", "challenge", callback)
        elif is_status_envelope(callback):
            yield Sighting("callback_url", "post", callback)
    told = [each for each in called if set(each.members) != {"challenge"}]
    if running := [*filter(_is_running, told)]:
        yield Sighting("callback_events", "updates", running[0])
    elif told and any(read.state == "PROCESSING" for read in generation.seen):
        yield Sighting("callback_events", "end", told[0])
    if not called and reachable and _is_over(generation, end) and set(generation.webhook_urls) == {"member"}:
        yield Sighting("callback_url", "ignore", generation.submit)


def seen_in_webhooks(trace: Trace) -> Iterator[Sighting]:
    """What each generation that gave a URL shows. A missing callback counts only if another URL of its host was called."""
    end = _end_of(trace)
    reached = [generation for generation in trace.generations if _at(generation, "header")]
    hosts = {split_url(generation.webhook_urls["header"]).hostname for generation in reached}
    for generation in trace.generations:
        urls = generation.webhook_urls
        if "header" in urls:
            yield from _of_header(generation, end)
        if "member" in urls:
            reachable = split_url(urls["member"]).hostname in hosts
            yield from _of_member(generation, end, reachable=reachable)
        if len(urls) == 2 and _is_over(generation, end):
            header, member = _at(generation, "header"), _at(generation, "member")
            if called := member or header:
                word = "each" if header and member else "member" if member else "header"
                yield Sighting("both_channels", word, called[0])
    yield from _redirects(trace, end)


def _redirects(trace: Trace, end: float) -> Iterator[Sighting]:
    for callback in trace.callbacks:
        if 300 <= callback.answered < 400 and end - callback.at >= REDIRECT:
            path = split_url(callback.target).path
            soon = [e for e in trace.callbacks if 0 <= e.at - callback.at <= REDIRECT and e.number != callback.number]
            followed = any(split_url(each.target).path != path and each.body == callback.body for each in soon)
            yield Sighting("webhook_redirects", "follow" if followed else "refuse", callback)


def webhook_retries(trace: Trace) -> Finding | None:
    """The pauses between the attempts of a webhook: a value only if they ended although the last one failed too."""
    attempts, end = filter(is_status_envelope, trace.callbacks), _end_of(trace)
    chains = [
        chain
        for chain in grouped(attempts, lambda callback: (callback.target, callback.body)).values()
        if all(each.answered >= 300 for each in chain[:-1]) and (len(chain) > 1 or chain[0].answered >= 400)
    ]
    if not chains:
        return None
    pauses = [[round(later.at - earlier.at) for earlier, later in pairwise(chain)] for chain in chains]
    longest = max(pauses, key=len)
    used = named(each for chain in chains for each in chain)
    if odd := [each for each in pauses if not _agree(each, longest)]:
        both = (",".join(map(str, longest)), ",".join(map(str, odd[0])))
        return Finding(None, (f"{used}: pauses of {both[0]} s, and of {both[1]} s",), both)
    whole = [
        pause
        for pause, chain in zip(pauses, chains, strict=True)
        if chain[-1].answered >= 300 and end - chain[-1].at >= max(SILENCE, SILENCE_FACTOR * max(pause, default=0))
    ]
    shown = ",".join(map(str, longest)) or "none"
    if whole and len(whole[0]) == len(longest):
        return Finding(shown, (f"{shown} by {used}; then no more",))
    return Finding(None, (f"it begins {shown}, by {used}; the last attempt was answered 2xx, or was too recent",))


def _agree(shorter: list[int], longer: list[int]) -> bool:
    return all(abs(a - b) <= 1 + max(a, b) // 50 for a, b in zip(shorter, longer, strict=False))


def drop_dependent(sightings: Iterable[Sighting], found: dict[str, Finding]) -> list[Sighting]:
    """Without those that are meaningful only if another point is known to have a certain value."""
    values = {point: finding.value for point, finding in found.items()}
    called, dropped = values.get("callback_url"), set[tuple[str, str]]()
    if values.get("bad_webhook_url") != "refuse" or called in {None, "ignore"}:
        dropped.add(("empty_callback_url", "ignore"))
    if called not in {"post", "challenge"}:
        dropped.add(("both_channels", "header"))
    return [sighting for sighting in sightings if (sighting.point, sighting.values) not in dropped]
