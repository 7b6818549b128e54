"""WEBHOOK: callbacks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from urllib.parse import urlsplit

from pixazo_contracts.trace import (
    RANK,
    STAMPS,
    STATES,
    TERMINAL,
    Callback,
    Exchange,
    Generation,
    Trace,
    receiver_token,
    split_url,
)

from . import checks
from .clause import ACCOUNT_RECEIVER, DOCUMENTED, FREE_IF_REFUSED, IMPLIED, RECEIVER, SILENT, Group
from .remarks import Evidence, Observation, Remarks, Violation, check, check_member, member_names, plain, show
from .submit import I2V_CB, T2V_CB

#: The clauses that explain why a generation has no callbacks: its id, the header that asks for them, the URL that is called.
ROOTS = "SUBMIT-03 WEBHOOK-01 WEBHOOK-02"
WEBHOOK = Group(depends_on=ROOTS, needs="receiver")

#: The clauses that explain why reads show no state of a request.
SHOWN = "STATUS-01 STATUS-02"
INSTEAD_OF_POLLING = 'Webhook (Optional): "Add the X-Webhook-URL header to your generate request to receive a POST callback instead of polling."'
#: The members of an envelope, besides its id and its timestamps.
PARTS = ("status", "model_id", "error", "output")
#: A callback is late after this many times the profile's `settle`: a run that waits may see one only when its wait is over.
LATE = 2.0
#: Headers that say nothing about the webhook: those of any HTTP client.
PLAIN_HEADERS = frozenset({
    "accept", "accept-encoding", "accept-language", "cache-control", "connection", "content-length", "content-type", "host",
    "traceparent", "transfer-encoding", "user-agent",
})  # fmt: skip


def _seen_from_here(trace: Trace) -> tuple[Generation, ...]:
    """The generations whose callbacks are in the trace: those to an app's own receiver are not."""
    return tuple(g for g in trace.generations if not g.submit.from_app or trace.profile.has(frozenset({"receiver"})))


def _at(generation: Generation, url: str) -> list[Callback]:
    return [callback for callback in generation.callbacks if split_url(callback.target).path == urlsplit(url).path]


def _with(trace: Trace, channel: str) -> Iterator[tuple[Generation, str, list[Callback]]]:
    """Generations that were given a URL of ours through that channel, with this URL and the callbacks to it."""
    for generation in _seen_from_here(trace):
        url = generation.webhook_urls.get(channel)
        if url is not None:
            yield generation, url, _at(generation, url)


def _envelopes(trace: Trace) -> Iterator[tuple[Generation, Callback]]:
    for generation, _, callbacks in _with(trace, "header"):
        for callback in callbacks:
            if "challenge" not in callback.members or "status" in callback.members:
                yield generation, callback


def _claims(trace: Trace) -> Iterator[tuple[Generation, Callback]]:
    """Callbacks to a `callback_url`, whose shape the page does not show, that look like envelopes."""
    for generation, _, callbacks in _with(trace, "member"):
        yield from ((generation, callback) for callback in callbacks if "request_id" in callback.members)


@WEBHOOK.clause("WEBHOOK-01", DOCUMENTED, RECEIVER, depends_on="BASE-02 BASE-03 T2V-BODY-01 T2V-BODY-02 I2V-IMG-03 I2V-IMG-04", core=True,
    section=INSTEAD_OF_POLLING)  # fmt: skip
def webhook_01(trace: Trace) -> Remarks:
    """`X-Webhook-URL` on a submit is accepted (any header case) and leaves the 202 unchanged."""
    unhooked = [e for e in trace.acceptances if e.request_header("X-Webhook-URL") is None]
    for exchange in trace.aimed("WEBHOOK-01", unanswered=True):
        yield from checks.is_accepted(trace, exchange)
        if exchange.succeeded and unhooked:
            same = set(exchange.members) == set(unhooked[0].members)
            before = member_names(unhooked[0])
            yield check(same, exchange, "members of the 202", before, words=member_names(exchange))


@WEBHOOK.clause("WEBHOOK-02", DOCUMENTED, RECEIVER, depends_on="WEBHOOK-01 SUBMIT-10", core=True,
    section=INSTEAD_OF_POLLING)  # fmt: skip
def webhook_02(trace: Trace) -> Remarks:
    """The gateway sends an HTTP POST to exactly that URL, path and query kept, and to no other."""
    for generation in trace.generations:
        given = map(urlsplit, generation.webhook_urls.values())
        targets = {f"{url.path}?{url.query}" if url.query else url.path for url in given}
        expected = " or ".join(map(show, sorted(targets)))
        for callback in generation.callbacks:
            # WEBHOOK-17 observes whether the gateway follows a redirect.
            if not callback.target.startswith("/redirected/"):
                yield check(callback.method == "POST", callback, "method", "POST", callback.method)
                yield check(callback.target in targets, callback, "target", expected, callback.target)
    for stray in trace.strays:
        yield Violation(stray, "target", "a URL that was given", show(stray.target))


def _unasked(trace: Trace, generation: Generation, first: Callback) -> bool:
    """Whether a callback that was due long before the first read of its request arrived only after it."""
    read, submit = generation.reads[0], generation.submit
    # How long it takes to end is known of those that were read before: what is read late seems to end late.
    polled = [g for g in trace.generations if g.ends and g.ends[0] is not g.reads[0] and g is not generation]
    took = [g.ends[0].finished - g.submit.finished for g in polled]
    due = max(took, default=math.inf) + trace.profile.settle
    return read.state in TERMINAL and read.started - submit.finished >= due and first.at > read.started


def _called(trace: Trace, generation: Generation, url: str, arrived: list[Callback]) -> Remarks:
    """A generation that ended is called back about that in time, unless there was no time for it yet."""
    end, bound = generation.ends[0], trace.profile.settle
    if arrived and _unasked(trace, generation, arrived[0]):
        got = f"one {arrived[0].at - end.started:.1f} s after its end was first read"
        yield Violation(generation.submit, "callback", f"one to {url} without polling", got, (end, arrived[0]))
    elif arrived and arrived[0].at - end.finished <= LATE * bound:
        yield Evidence(arrived[0])
    elif arrived or trace.waited_since(end.finished):
        got = f"the first {arrived[0].at - end.finished:.1f} s after it" if arrived else f"none after {end.state}"
        related: tuple[Exchange | Callback, ...] = (end, *arrived[:1])
        # The page says that it comes when the video is ready, not how soon.
        expected = f"one to {url} within {bound:g} s of the end"
        yield Violation(generation.submit, "callback", expected, got, related, drifts=bool(arrived))


def _called_back(trace: Trace, *outcomes: str) -> Remarks:
    """Generations with a URL in the header and one of these outcomes are called back about that."""
    for generation, url, _ in _with(trace, "header"):
        if generation.outcome in outcomes:
            arrived = [c for c in generation.callbacks if c.member("status") not in checks.RUNNING]
            yield from _called(trace, generation, url, arrived)


WEBHOOK.row("WEBHOOK-03", DOCUMENTED, RECEIVER, lambda trace, _: _called_back(trace, "COMPLETED"),
    depends_on=f"{ROOTS} {SHOWN}", core=True, section=INSTEAD_OF_POLLING,
    demands="The callback comes on COMPLETED, so that polling is unnecessary.")  # fmt: skip


@WEBHOOK.clause("WEBHOOK-04", DOCUMENTED, RECEIVER, core=True, section="Error via Status/Webhook",
    depends_on=f"{ROOTS} {SHOWN} STATUS-04 STATUS-05 TIME-01 TIME-03 TIME-05 FAIL-01 FAIL-02 OUT-01 OUT-02 OUT-03"
               " OUT-04 OUT-05 OUT-06 OUT-12 STATUS-14 OUT-07 TIME-02 TIME-04 TIME-06 WEBHOOK-09 WEBHOOK-16")  # fmt: skip
def webhook_04(trace: Trace) -> Remarks:
    """The callback body is the status envelope of that state: `status`, and at the end `model_id`, `error`, `output` and the stamps."""
    for generation, callback in _envelopes(trace):
        state = callback.member("status")
        yield check(state in STATES, callback, "status", f"one of {', '.join(STATES)}", state)
        reads = [read for read in generation.ends if read.state == state]
        # A null member may be left out while the request is running.
        stamps = [name for name in STAMPS if state == "COMPLETED" and reads and name in reads[0].members]
        for name in ("error", "output", "completed_at") if state in checks.RUNNING else ():
            yield check(callback.members.get(name) is None, callback, name, "null", callback.member(name))
        for name in () if state in checks.RUNNING else (*PARTS[1:], *stamps):
            present, drifts = name in callback.members, name == "updated_at"
            yield check(present, callback, name, "present, as in a status response", drifts=drifts)
        yield from _like_status(generation, callback)
    for generation, callback in _claims(trace):
        state = callback.member("status")
        if {"model_id", "output"} <= callback.members.keys():
            yield check(state in STATES, callback, "status", f"one of {', '.join(STATES)}", state, drifts=True)
        yield from _like_status(generation, callback)


def _like_status(generation: Generation, callback: Callback) -> Remarks:
    """A callback that reports an end says what reads of it show."""
    state = callback.member("status")
    reads = tuple(read for read in generation.ends if read.state == state)
    for end in generation.ends[:1] if state in TERMINAL and not reads else ():
        expected = f"{end.state} as in exchange {end.number}"
        yield Violation(callback, "status", expected, show(state), generation.ends)
    for read in reads[:1]:
        for name in (*PARTS, *STAMPS):
            if name in callback.members and name in read.members:
                mine, seen, drifts = callback.members[name], read.members[name], name == "updated_at"
                holds = mine == seen or checks.unsigned(mine) == checks.unsigned(seen)
                expected = f"{show(seen)} as in exchange {read.number}"
                yield check(holds, callback, name, expected, mine, related=reads, drifts=drifts)


@WEBHOOK.clause("WEBHOOK-05", IMPLIED, RECEIVER, depends_on=f"{ROOTS} WEBHOOK-04", core=True,
    section="Error via Status/Webhook")  # fmt: skip
def webhook_05(trace: Trace) -> Remarks:
    """Its `request_id` is the one from the 202; to a `callback_url`, whose shape is not shown, it may have none."""
    for generation, callback in (*_envelopes(trace), *_claims(trace)):
        asked = generation.request_id
        yield check_member(callback, "request_id", checks.equals(asked), show(asked))


@WEBHOOK.clause("WEBHOOK-06", IMPLIED, RECEIVER, section=INSTEAD_OF_POLLING,
    depends_on=f"{ROOTS} {SHOWN} WEBHOOK-04 WEBHOOK-05 HDR-05 FLOW-01 FLOW-03 FLOW-05")  # fmt: skip
def webhook_06(trace: Trace) -> Remarks:
    """It is not early: a read started on receipt already shows that state."""
    for generation, callback in (*_envelopes(trace), *_claims(trace)):
        reported = str(callback.member("status"))
        # FLOW-05 judges a request that does not end, by its last read.
        last = () if generation.ends else generation.reads[-1:]
        for read in generation.seen:
            if reported in RANK and read.started >= callback.at:
                holds, expected = RANK[str(read.state)] >= RANK[reported], f"{reported}, as called back before"
                yield check(holds, read, "status", expected, read.state, related=(callback, *last))


WEBHOOK.row("WEBHOOK-07", DOCUMENTED, ACCOUNT_RECEIVER, lambda trace, _: _called_back(trace, "FAILED", "ERROR"),
    depends_on=f"{ROOTS} {SHOWN} WEBHOOK-03", core=True, section="Error via Status/Webhook",
    demands="FAILED and ERROR are called back too.")  # fmt: skip


@WEBHOOK.clause("WEBHOOK-08", IMPLIED, RECEIVER, depends_on="SUBMIT-03 WEBHOOK-01 BASE-04 AUTH-07 BASE-05", core=True,
    section=INSTEAD_OF_POLLING)  # fmt: skip
def webhook_08(trace: Trace) -> Remarks:
    """Polling keeps working for a request that has a callback."""
    plain = [g for g in trace.generations if not g.webhook_urls and g.reads]
    readable = any(read.succeeded for generation in plain for read in generation.reads)
    for generation, _, _ in _with(trace, "header"):
        reads = [read for read in generation.reads if read.status not in {None, 429}]
        if readable or not plain:
            yield from checks.one_of(reads, [read for read in reads if read.succeeded], "status code", "200")


@WEBHOOK.clause("WEBHOOK-09", IMPLIED, RECEIVER, section=INSTEAD_OF_POLLING)
def webhook_09(trace: Trace) -> Remarks:
    """Nothing is called back for a request that was refused, nor about one that gave no URL."""
    for generation in _seen_from_here(trace):
        if generation.ends and not generation.webhook_urls and trace.waited_since(generation.ends[0].finished):
            yield Evidence(generation.submit)
    for callback in trace.callbacks:
        about = trace.generation(named) if isinstance(named := callback.member("request_id"), str) else None
        if about is not None and not about.webhook_urls:
            yield Violation(callback, "callback", f"none about {plain(about.request_id)}", show(callback.target))
    for token, submits in trace.given.items():
        # After a refusal for the rate, the same request may have been accepted.
        if all(submit.status in checks.REFUSALS for submit in submits):
            called = [callback for callback in trace.callbacks if receiver_token(callback.target) == token]
            for callback in called:
                got = f"{callback.method} {show(callback.target)}"
                yield Violation(callback, "callback", f"none for a {submits[-1].status}", got, submits)
            known = not submits[-1].from_app or trace.profile.has(frozenset({"receiver"}))
            if known and not called and trace.waited_since(submits[-1].finished):
                yield Evidence(submits[-1])


@WEBHOOK.clause("WEBHOOK-10", IMPLIED, RECEIVER, section=INSTEAD_OF_POLLING)
def webhook_10(trace: Trace) -> Remarks:
    """The callback is a UTF-8 JSON object, typed as JSON, each member once."""
    for _, callback in _envelopes(trace):
        yield from checks.is_json(callback)


@WEBHOOK.clause("WEBHOOK-11", SILENT, RECEIVER, depends_on="WEBHOOK-01", section="silence")
def webhook_11(trace: Trace) -> Remarks:
    """Retries after a non-2xx or a time-out: count, spacing, giving up."""
    for generation, _, attempts in _with(trace, "header"):
        first = next((n for n, attempt in enumerate(attempts, 1) if attempt.answered >= 500), None)
        if "WEBHOOK-11" in generation.submit.aims and first is not None:
            again = "tried again" if len(attempts) > first else "not tried again"
            yield Observation(f"{again} after a 500", generation.submit)


@WEBHOOK.clause("WEBHOOK-12", SILENT, RECEIVER, depends_on="WEBHOOK-03 WEBHOOK-04", section="silence")
def webhook_12(trace: Trace) -> Remarks:
    """Duplicates and order are not promised."""
    for generation, _, callbacks in _with(trace, "header"):
        ends = [c for c in callbacks if c.member("status") in TERMINAL]
        if ends and all(200 <= callback.answered < 300 for callback in ends):
            yield Observation("delivered once" if len(ends) == 1 else "delivered again after a 2xx", generation.submit)


@WEBHOOK.clause("WEBHOOK-13", SILENT, RECEIVER, depends_on="", section="silence")
def webhook_13(trace: Trace) -> Remarks:
    """No signature or secret is documented: record the headers that arrive."""
    callbacks = [callback for _, callback in _envelopes(trace)]
    names = {name.lower() for callback in callbacks for name in callback.header_names} - PLAIN_HEADERS
    if callbacks:
        yield Observation(f"beside those of HTTP: {', '.join(map(plain, sorted(names))) or 'none'}")


WEBHOOK.row("WEBHOOK-14", IMPLIED, RECEIVER, lambda trace, _: (checks.no_key(trace, callback, callback.leaks) for callback in trace.callbacks),
    depends_on="", core=True, section="security expectation",
    demands="The API key is not sent to the receiver.")  # fmt: skip


@WEBHOOK.clause("WEBHOOK-15", IMPLIED, FREE_IF_REFUSED, depends_on="BASE-02 WEBHOOK-01 T2V-PROMPT-01", needs="",
    section="unacceptable to any caller: their own URL breaks the gateway")  # fmt: skip
def webhook_15(trace: Trace) -> Remarks:
    """An unusable `X-Webhook-URL` (not a URL, other scheme) gets no 5xx; whether it is refused or ignored is observed."""
    for exchange in trace.aimed("WEBHOOK-15"):
        holds, where = (exchange.status or 0) < 500, f"status code ({exchange.case})"
        yield check(holds, exchange, where, "no 5xx", exchange.status)
    yield from checks.observed(trace, "WEBHOOK-15")


@WEBHOOK.clause("WEBHOOK-16", IMPLIED, RECEIVER, depends_on=f"{ROOTS} {SHOWN}", section=INSTEAD_OF_POLLING)
def webhook_16(trace: Trace) -> Remarks:
    """A failing or slow receiver does not change the fate of the job: it ends COMPLETED."""
    for generation in trace.generations:
        if "WEBHOOK-16" in generation.submit.aims and generation.callbacks:
            # What the first callback reports was decided before the receiver was called.
            expected = ("COMPLETED", generation.callbacks[0].member("status"))
            for read in generation.ends:
                yield check(read.state in expected, read, "status", "COMPLETED", read.state)


@WEBHOOK.clause("WEBHOOK-17", SILENT, RECEIVER, depends_on="", section="silence")
def webhook_17(trace: Trace) -> Remarks:
    """Redirects answered by the receiver are followed or not."""
    for generation in trace.generations:
        if "WEBHOOK-17" in generation.submit.aims and generation.callbacks:
            followed = any(callback.target.startswith("/redirected/") for callback in generation.callbacks)
            yield Observation(f"a redirect is {'followed' if followed else 'not followed'}", generation.submit)


@WEBHOOK.clause("WEBHOOK-18", SILENT, RECEIVER, section=f"{I2V_CB}; {T2V_CB}; {INSTEAD_OF_POLLING}",
    depends_on="WEBHOOK-01 WEBHOOK-02 WEBHOOK-04 WEBHOOK-19 WEBHOOK-21 STATUS-02")  # fmt: skip
def webhook_18(trace: Trace) -> Remarks:
    """Progress events: one table says status updates, the other says when ready, the header text says instead of polling."""
    for channel in ("header", "member"):
        states = [callback.member("status") for _, _, callbacks in _with(trace, channel) for callback in callbacks]
        if any(state in STATES for state in states):
            progress = any(state in checks.RUNNING for state in states)
            yield Observation(f"{channel}: {'progress too' if progress else 'ends only'}")


@WEBHOOK.clause("WEBHOOK-19", DOCUMENTED, RECEIVER, depends_on=f"SUBMIT-03 {SHOWN}", section=f"{I2V_CB}; {T2V_CB}")
def webhook_19(trace: Trace) -> Remarks:
    """`callback_url` in the body also produces callbacks; their shape is not shown."""
    for generation, url, callbacks in _with(trace, "member"):
        if generation.ends and "header" not in generation.webhook_urls:
            yield from _called(trace, generation, url, callbacks)


@WEBHOOK.clause("WEBHOOK-20", SILENT, RECEIVER, depends_on="WEBHOOK-03 WEBHOOK-19", section="silence")
def webhook_20(trace: Trace) -> Remarks:
    """Both given, different URLs: one or both called?"""
    for generation in _seen_from_here(trace):
        urls = generation.webhook_urls
        if len(urls) > 1 and generation.ends and trace.waited_since(generation.ends[0].finished):
            called = [channel for channel, url in urls.items() if _at(generation, url)]
            yield Observation(f"both given, called: {', '.join(called) or 'neither'}", generation.submit)


@WEBHOOK.clause("WEBHOOK-21", SILENT, RECEIVER, depends_on="", section="silence")
def webhook_21(trace: Trace) -> Remarks:
    """The upstream provider verifies its own `callback_url` by POSTing a `challenge` to be echoed within 3 s; whether the gateway passes that through is not said."""
    for generation, _, callbacks in _with(trace, "member"):
        if generation.ends:
            challenged = any("challenge" in callback.members for callback in callbacks)
            yield Observation("a challenge is sent" if challenged else "no challenge is sent", generation.submit)


WEBHOOK.row("WEBHOOK-22", DOCUMENTED, RECEIVER,
    checks.each(lambda trace: (c for _, c in (*_envelopes(trace), *_claims(trace))), "polling_url", checks.is_absent, "absent"),
    section='Response Fields: "polling_url | string | Status URL (initial response only)"',
    demands="`polling_url` is not in callbacks.")  # fmt: skip
