"""OUT, TIME, FAIL: what an envelope says: the result and its media, timestamps, bad ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

from pixazo_contracts.trace import (
    MISSING,
    STAMP,
    STAMPS,
    TERMINAL,
    WORST_MISFIT,
    Exchange,
    JsonObject,
    Trace,
    created,
    fit_clock,
    host_is_loopback,
    http_date,
    instant,
    is_array,
    is_object,
    join_url,
    may_fetch,
    split_url,
    whole_number,
)

from . import checks
from .clause import ACCOUNT, DOCUMENTED, EXAMPLE, FREE, IMPLIED, SHARED, SILENT, Group
from .remarks import Evidence, Observation, Remarks, Unseen, Violation, check, check_member, plain, show

COMPLETED, FAILED, ERROR = checks.envelopes("COMPLETED"), checks.envelopes("FAILED"), checks.envelopes("ERROR")
OUT = Group()

DURATION = 'Request Parameters - Generate Video Request: "duration | No | number | Duration of the video in seconds."'
DOWNLOAD = 'Typical Workflow: "When status is "COMPLETED", download from output.media_url"'
MEDIA_URL = 'Response Fields: "output.media_url | array | URLs to generated media (R2 CDN)"'
MEDIA_TYPE = 'Response Fields: "output.media_type | string | MIME type of the output"'
#: The fraction of a second, and what ends a timestamp.
DIGITS = re.compile(r"\.\d+Z$")
#: The members of `output`.
OUTPUT = frozenset({"media_url", "media_type"})

MIME = re.compile(r"[A-Za-z0-9][\w!#$&^.+-]*/[A-Za-z0-9][\w!#$&^.+-]*(\s*;.*)?")
#: The clauses about the form of `output` and of `media_url`, and about the bytes of a download.
FORMS = "OUT-01 OUT-02"
BYTES = "OUT-08 OUT-09"


OUT.row("OUT-01", DOCUMENTED, SHARED,
    checks.each(COMPLETED, "output", lambda output: is_object(output) and output.keys() >= OUTPUT, "an object with media_url and media_type"),
    depends_on="SUBMIT-03 STATUS-01 STATUS-02", core=True,
    section='Status Values: "COMPLETED | Done — output contains the result"; Response (Completed)',
    demands="COMPLETED comes with an `output` object holding `media_url` and `media_type`.")  # fmt: skip


def _outputs(trace: Trace) -> Iterator[tuple[Exchange, JsonObject]]:
    for read in COMPLETED(trace):
        output = read.member("output")
        if is_object(output):
            yield read, output


def _each_output(trace: Trace, name: str) -> Iterator[tuple[Exchange, object]]:
    return ((read, output[name]) for read, output in _outputs(trace) if name in output)


@OUT.clause("OUT-02", DOCUMENTED, SHARED, depends_on="OUT-01", core=True, section=MEDIA_URL)
def out_02(trace: Trace) -> Remarks:
    """`media_url` is a non-empty array of strings."""
    for read, urls in _each_output(trace, "media_url"):
        holds = is_array(urls) and bool(urls) and all(map(checks.is_string, urls))
        yield check(holds, read, "output.media_url", "a non-empty array of strings", urls)


def _urls(trace: Trace) -> Iterator[tuple[Exchange, str]]:
    """Every media URL that was read; a plain string counts, so that one wrong type does not hide the rest."""
    for read, output in _outputs(trace):
        entries: object = output.get("media_url")
        for entry in entries if is_array(entries) else [entries]:
            if isinstance(entry, str):
                yield read, entry


@OUT.clause("OUT-03", EXAMPLE, SHARED, depends_on=FORMS, core=True, drift_fails=True, section="Response (Completed)")
def out_03(trace: Trace) -> Remarks:
    """Each entry is an absolute https URL."""
    for read, url in _urls(trace):
        yield check(checks.is_absolute_url(url, trace.profile), read, "output.media_url", "an absolute https URL", url)


@OUT.clause("OUT-04", EXAMPLE, SHARED, depends_on=f"{FORMS} OUT-03", section=MEDIA_URL)
def out_04(trace: Trace) -> Remarks:
    """The host is the documented R2 CDN. A different host is drift."""
    profile = trace.profile
    for read, url in _urls(trace):
        host = split_url(url).hostname
        if host is None:
            continue
        holds, word = host.endswith(".r2.dev"), plain(host)
        if host == urlsplit(profile.origin).hostname or (profile.loopback and host_is_loopback(host)):
            # A gateway on this machine has no CDN, so it may serve its media itself.
            holds, word = profile.loopback, "the target's own"
        elif host in profile.media_hosts:
            holds, word = True, "a host of the profile"
        elif holds:
            word = "*.r2.dev"
        yield check(holds, read, "output.media_url", "a host under .r2.dev", host)
        yield Observation(word, read)


@OUT.clause("OUT-05", EXAMPLE, SHARED, depends_on=f"{FORMS} OUT-03 STATUS-14",
    section='Response (Completed): "minimax-hailuo-ai_019dxxxx-xxxx/output.ext"')  # fmt: skip
def out_05(trace: Trace) -> Remarks:
    """The URL path carries the request id (the sample's id is cut short and its file name is a placeholder)."""
    ids = {generation.request_id.rpartition("_")[2] for generation in trace.generations}
    for read, url in _urls(trace):
        # The sample keeps the model id and the first two groups of the UUID, which are its time: others may share them.
        own, path = str(read.request_id).rpartition("_")[2], split_url(url).path
        kept = own in path or ("-".join(own.split("-")[:2]) in path and ids.isdisjoint(re.split(r"[/_.]", path)))
        yield check(kept, read, "output.media_url", f"a path with {plain(str(read.request_id))}", url)


@OUT.clause("OUT-06", DOCUMENTED, SHARED, depends_on="OUT-01", section=MEDIA_TYPE)
def out_06(trace: Trace) -> Remarks:
    """`media_type` is syntactically a MIME type, and none of an image, of sound or of text."""
    where = "output.media_type"
    for read, kind in _each_output(trace, "media_type"):
        holds = isinstance(kind, str) and MIME.fullmatch(kind) is not None
        yield check(holds, read, where, "type/subtype", kind)
        other = re.match(r"(?i)(image|audio|text|font)/", str(kind))
        yield check(other is None, read, where, "a type that a video may have", kind, drifts=True)


@OUT.clause("OUT-07", SILENT, SHARED, depends_on=f"{FORMS} OUT-06 OUT-08 OUT-09",
    section=f'{MEDIA_TYPE}; Response (Completed): "application/octet-stream"')  # fmt: skip
def out_07(trace: Trace) -> Remarks:
    """`media_type` agrees with the download's Content-Type and with the bytes. The example says octet-stream for a video, so record."""
    declared = {read.request_id: output.get("media_type", MISSING) for read, output in _outputs(trace)}
    for download in _downloads(trace):
        if download.succeeded and download.request_id in declared:
            served = show((download.header("content-type") or "").partition(";")[0] or MISSING)
            container = (download.media.container if download.media else None) or "unknown"
            text = f"declared {show(declared[download.request_id])}, served as {served}, bytes {container}"
            yield Observation(text, download)
    yield from _unfetched(trace)


def _downloads(trace: Trace) -> Iterator[Exchange]:
    """The downloads, without those that a late probe repeats to see how long a link lasts."""
    return (e for e in trace.operation("media") if e.method == "GET" and "OUT-13" not in e.aims)


def _unfetched(trace: Trace) -> Iterator[Unseen]:
    """Media whose host must not be called: a target on this machine cannot make a run call other people's servers."""
    fetched = {(e.request_id, e.url) for e in trace.operation("media")}
    for read, url in _urls(trace):
        absolute = join_url(trace.profile.origin, url) if trace.profile.loopback else url
        host = split_url(absolute).hostname
        if (read.request_id, absolute) not in fetched and host is not None and not may_fetch(trace.profile, absolute):
            reason = f"media at {plain(host)} are not fetched"
            remedy = "to allow that, add the host to media_hosts of the profile"
            yield Unseen(f"{reason}: {remedy}", skips=host.endswith(".r2.dev"))


@OUT.clause("OUT-08", IMPLIED, SHARED, depends_on=f"{FORMS} OUT-03", core=True, section=DOWNLOAD)
def out_08(trace: Trace) -> Remarks:
    """The media can be downloaded with a plain GET and no API key, and another GET gives the same bytes."""
    first: dict[str, Exchange] = {}
    fetched = {e.url for e in trace.operation("media")}
    served = {e.url: e.started for e in _downloads(trace) if e.succeeded}
    for download in _downloads(trace):
        moved, again = download.redirect, served.get(download.url, 0.0) > download.started
        if served and (download.status == 429 or (trace.is_unserved(download) and again)):
            continue
        if download.status is None:
            yield Violation(download, "download", "200 and some bytes", f"no complete response ({download.error})")
        elif moved not in fetched:  # the target of a redirect is judged itself, unless its host must not be called
            holds, got = download.status == 200 and download.size > 0, f"{download.status}, {download.size} bytes"
            yield check(holds, download, "download", "200 and some bytes", words=got, drifts=moved is not None)
    for download in (e for e in trace.operation("media") if e.method == "GET" and e.media is not None):
        earlier = first.setdefault(download.url, download)
        if earlier is not download:
            same = earlier.media == download.media
            expected = f"the bytes of exchange {earlier.number}"
            yield check(same, download, "download", expected, words=f"other bytes, {download.size}", related=(earlier,))
    yield from _unfetched(trace)


@OUT.clause("OUT-09", IMPLIED, SHARED, depends_on=f"{FORMS} OUT-08", core=True, section=f"{DURATION}; {DOWNLOAD}")
def out_09(trace: Trace) -> Remarks:
    """The bytes are a video container, whole."""
    for download in _downloads(trace):
        if download.succeeded and download.size and download.media is not None:
            got = show(download.body) if download.body is not None else f"{download.size} bytes of no known container"
            yield check(download.media.container is not None, download, "bytes", "a video container", words=got)
            # A very long response is not read completely.
            whole = not download.media.cut or (whole_number(download.header("content-length")) or 0) > download.size
            yield check(whole, download, "bytes", "a whole video", words=f"one cut at {download.size} bytes")
            yield check(not download.media.empty, download, "bytes", "a track that plays", words="none")
    yield from _unfetched(trace)


def _as_asked(trace: Trace, _: str, member: str, check: checks.Measure) -> Remarks:
    for generation in trace.generations:
        if member in generation.submit.sent:
            for download in generation.downloads:
                yield from check(download, generation.submit.sent[member], trace.profile)
    yield from _unfetched(trace)


OUT.row("OUT-10", IMPLIED, SHARED, partial(_as_asked, member="duration", check=checks.playing_time), depends_on=f"{FORMS} {BYTES}",
    section=DURATION, demands="Playing time is about the requested duration.")  # fmt: skip
OUT.row("OUT-11", IMPLIED, SHARED, partial(_as_asked, member="resolution", check=checks.frame), depends_on=f"{FORMS} {BYTES}",
    section='Request Parameters - Generate Video Request: "resolution | No | string | Video resolution."',
    demands="Frame height belongs to the requested resolution class.")  # fmt: skip


@OUT.clause("OUT-12", EXAMPLE, SHARED, depends_on=FORMS, section="Response (Completed)")
def out_12(trace: Trace) -> Remarks:
    """One generation yields one URL and `output` has no further members."""
    for read, output in _outputs(trace):
        value = output.get("media_url")
        if is_array(value):
            yield check(len(value) == 1, read, "output.media_url", "one entry", words=f"{len(value)} entries")
        extra = ", ".join(map(plain, sorted(output.keys() - OUTPUT)))
        yield check(not extra, read, "output", "only media_url and media_type", words=extra)


OUT.row("OUT-13", SILENT, FREE, partial(checks.late, alive="alive"), depends_on="OUT-08", section="silence",
    demands="How long the link lives.")  # fmt: skip


#: The clauses that explain why no read shows a timestamp of a request.
ROOTS = "STATUS-01 STATUS-02 SUBMIT-03 SUBMIT-10"
TIME = Group(depends_on=ROOTS)

CREATED_AT = 'Response Fields: "created_at | string | When request was created"'
COMPLETED_AT = 'Response Fields: "completed_at | string|null | When request completed"'
#: Time zones lie whole quarters of an hour apart, at most this far from UTC; and clocks are read this exactly.
QUARTER = 900.0
FURTHEST_ZONE = 14 * 3600.0
ZONE_PRECISION = 2.0
#: A clock that shows fractions of a second ticks at least this often, in seconds.
FRACTION = 0.1
#: Submits this many seconds apart were not created at the same instant.
APART = 2.0


@TIME.clause("TIME-01", EXAMPLE, SHARED, core=True, drift_fails=True,
    section='Response (Completed): "2026-03-31T10:00:00.000Z"')  # fmt: skip
def time_01(trace: Trace) -> Remarks:
    """Timestamps are RFC 3339 in UTC with three fractional digits and `Z`."""
    for read in trace.envelopes:
        for name in STAMPS:
            value = read.members.get(name)
            if value is not None:
                # A parser for the printed form accepts more or fewer digits, but not none.
                parses = instant(value) is not None and STAMP.fullmatch(DIGITS.sub(".000Z", str(value))) is not None
                holds = parses and STAMP.fullmatch(str(value)) is not None
                yield check(holds, read, name, "2026-03-31T10:00:00.000Z, in this form", value, drifts=parses)


def _not_before_created(trace: Trace, _: str, name: str) -> Remarks:
    for read, begun, stamp in checks.stamps(trace.envelopes, "created_at", name):
        got = f"created_at {begun - stamp:.3f} s later"
        yield check(begun <= stamp, read, name, "not before created_at", words=got)


TIME.row("TIME-02", IMPLIED, SHARED, partial(_not_before_created, name="updated_at"),
    depends_on=f"{ROOTS} TIME-05", core=True, section="Response (Completed)",
    demands="`created_at` is not after `updated_at`.")  # fmt: skip
TIME.row("TIME-03", IMPLIED, SHARED, partial(_not_before_created, name="completed_at"),
    depends_on=f"{ROOTS} TIME-05", core=True, section="Response (Completed)",
    demands="`completed_at` is not before `created_at`.")  # fmt: skip


@TIME.clause("TIME-04", EXAMPLE, SHARED, depends_on=f"{ROOTS} TIME-02 TIME-03 TIME-06", section="Response (Completed)")
def time_04(trace: Trace) -> Remarks:
    """At completion `completed_at` equals `updated_at`."""
    for read, updated, completed in checks.stamps(trace.envelopes, "updated_at", "completed_at"):
        if read.state == "COMPLETED":
            got = f"{updated - completed:+.3f} s from it"
            yield check(updated == completed, read, "updated_at", "completed_at", words=got)


@TIME.clause("TIME-05", IMPLIED, SHARED, core=True, section=CREATED_AT)
def time_05(trace: Trace) -> Remarks:
    """`created_at` is set while a request runs and once it is COMPLETED, and does not change."""
    for generation in trace.generations:
        for read in generation.seen:
            if read.state in {*checks.RUNNING, "COMPLETED"}:
                yield check_member(
                    read, "created_at", checks.is_string, "a timestamp", drifts=checks.not_shown(read, "created_at")
                )
        stamped = [read for read in generation.reads if read.members.get("created_at") is not None]
        for read in stamped[1:]:
            first, stamp = stamped[0].member("created_at"), read.member("created_at")
            yield check(stamp == first, read, "created_at", show(first), stamp, related=(stamped[0],))


def _from_the_future(trace: Trace, name: str) -> Remarks:
    """No answer has a timestamp that lies after it, by the gateway's own clock where a run can tell that."""
    mine = [generation for generation in trace.generations if generation.submit.account == "default"]
    clock = fit_clock(mine)
    if clock is None:
        return
    slack = WORST_MISFIT + checks.TICK / clock.rate
    for read in [read for generation in mine for read in generation.seen]:
        stamp = instant(read.members.get(name))
        ahead = 0.0 if stamp is None else clock.ours(stamp) - read.finished
        yield check(ahead <= slack, read, name, "not later than the response", words=f"{ahead:.1f} s later")


@TIME.clause("TIME-06", IMPLIED, SHARED, depends_on=f"{ROOTS} FLOW-01 FLOW-03 TIME-05", section="Response (Completed)")
def time_06(trace: Trace) -> Remarks:
    """`updated_at` does not decrease, moves when the state moves, and does not lie ahead."""
    yield from _from_the_future(trace, "updated_at")
    for generation in trace.generations:
        shown = {seen.state: seen.finished for seen in reversed(generation.seen)}
        for before, after in generation.ordered():
            one, other = instant(before.members.get("updated_at")), instant(after.members.get("updated_at"))
            if one is None or other is None:
                continue
            got = f"{one - other:.3f} s earlier"
            yield check(one <= other, after, "updated_at", "not earlier than before", words=got, related=(before,))
            entered = generation.submit.finished if before.state == "QUEUED" else shown[before.state]
            # A state may be entered and left within one tick of the gateway's clock.
            tick = FRACTION if one % checks.TICK else checks.TICK
            if before.state != after.state and before.started - entered >= tick:
                expected, got = f"a value other than in {before.state}", show(after.member("updated_at"))
                yield check(one != other, after, "updated_at", expected, words=got, related=(before,))


@TIME.clause("TIME-07", DOCUMENTED, SHARED, core=True, section=COMPLETED_AT)
def time_07(trace: Trace) -> Remarks:
    """`completed_at` is null until the terminal state, then set, then fixed; it does not lie ahead."""
    yield from _from_the_future(trace, "completed_at")
    for generation in trace.generations:
        fixed: Exchange | None = None
        for read in generation.seen:
            value = read.member("completed_at")
            if read.state not in TERMINAL:
                yield check(checks.is_null_or_absent(value), read, "completed_at", "null", value)
            elif read.state == "COMPLETED":
                yield check(isinstance(value, str), read, "completed_at", "a timestamp", value)
            if read.state in TERMINAL and isinstance(value, str):
                fixed = fixed or read
                first = fixed.member("completed_at")
                yield check(value == first, read, "completed_at", show(first), value, related=(fixed,))


def _zone_apart(offset: float) -> bool:
    """Whether an offset looks like a time zone: whole quarters of an hour, not zero, not more than time zones have."""
    quarters = round(offset / QUARTER)
    return quarters != 0 and abs(offset) <= FURTHEST_ZONE and abs(offset - quarters * QUARTER) <= ZONE_PRECISION


@TIME.clause("TIME-08", IMPLIED, SHARED, depends_on=f"{ROOTS} TIME-05", section=CREATED_AT)
def time_08(trace: Trace) -> Remarks:
    """`created_at` lies inside the submit call, allowing for clock skew, and is each request's own."""
    skew = 0.0 if trace.profile.loopback else trace.profile.skew
    # Accounts may have their own clocks: only submits of one account have an order. These are the submits of each that ended
    # before another began: the first with each `created_at`, and the latest of these.
    first: dict[tuple[str, float], Exchange] = {}
    latest: dict[str, float] = {}
    stamped = [(g.submit, stamp) for g in trace.generations if (stamp := created(g)) is not None]
    quick = [(http_date(submit.header("date")), stamp) for submit, stamp in stamped if submit.latency < checks.TICK]
    offsets = [stamp - date for date, stamp in quick if date is not None]
    has_own_clock = any(abs(offset) > ZONE_PRECISION and not _zone_apart(offset) for offset in offsets)
    moments = [(submit.started, False, submit, stamp) for submit, stamp in stamped]
    moments += [(submit.finished, True, submit, stamp) for submit, stamp in stamped]
    # What begins and ends within one tick of a coarse clock begins first.
    for _, ends, submit, stamp in sorted(moments, key=lambda moment: moment[:2]):
        account = submit.account
        if ends:
            first.setdefault((account, stamp), submit)
            latest[account] = max(stamp, latest.get(account, stamp))
            continue
        if (date := http_date(submit.header("date"))) is not None:
            # A gateway on this machine may have its own clock, also a faster one, so only a whole time zone is surely wrong.
            off, got = stamp - date, f"{stamp - date:+.1f} s from it"
            holds = not _zone_apart(off) or has_own_clock if trace.profile.loopback else abs(off) <= skew
            yield check(holds, submit, "created_at", "about the Date of the 202", words=got)
        apart = submit.started - first.get((account, stamp), submit).finished
        if stamp < (last := latest.get(account, stamp)) - skew:
            got = f"{last - stamp:.3f} s before that of an earlier submit"
            yield Violation(submit, "created_at", "in the order of the submits", got, (first[account, last],))
        # A run notices a clock that stands still (`Profile.virtual`); of an app's traffic it is not known.
        elif apart >= APART and not (submit.from_app and trace.profile.loopback):
            got = f"that of a submit {apart:.1f} s earlier"
            yield Violation(submit, "created_at", "its own instant", got, (first[account, stamp],))
        yield Evidence(submit)


FAIL = Group(depends_on="STATUS-01 STATUS-02")


def _says_why(error: object) -> bool:
    return isinstance(error, str) and error.strip() != ""


FAIL.row("FAIL-01", DOCUMENTED, ACCOUNT, checks.each(FAILED, "error", _says_why, "a non-empty string"), core=True,
    section='Status Values: "FAILED | Failed — check error field"',
    demands="FAILED carries a non-empty `error` string.")  # fmt: skip
FAIL.row("FAIL-02", IMPLIED, ACCOUNT, checks.each(FAILED, "output", checks.is_null, "null"), section="Error via Status/Webhook",
    demands="FAILED carries `output: null`.")  # fmt: skip


@FAIL.clause("FAIL-03", EXAMPLE, ACCOUNT, core=True, drift_fails=True, section="Error via Status/Webhook")
def fail_03(trace: Trace) -> Remarks:
    """ERROR carries `request_id`, `status`, `model_id`, an `error` string and `output: null`."""
    for read in ERROR(trace):
        for name in ("request_id", "model_id"):
            yield check_member(read, name, checks.is_string, "a string")
        yield check_member(read, "error", _says_why, "a non-empty string")
        yield check_member(read, "output", checks.is_null, "null")


@FAIL.clause("FAIL-04", SILENT, ACCOUNT, depends_on="BASE-04 AUTH-07 SUBMIT-03 FAIL-05 STATUS-02 STATUS-09",
    section="Error via Status/Webhook; Response (Completed)")  # fmt: skip
def fail_04(trace: Trace) -> Remarks:
    """Do failed envelopes carry the three timestamps? The failure example has none, the success example has all."""
    for read in checks.envelopes("FAILED", "ERROR")(trace):
        carried = ", ".join(name for name in STAMPS if isinstance(read.members.get(name), str))
        yield Observation(f"{read.state}: {carried or 'none'}", read)


@FAIL.clause("FAIL-05", SILENT, ACCOUNT, depends_on="BASE-04 AUTH-07 SUBMIT-03", section="silence")
def fail_05(trace: Trace) -> Remarks:
    """The HTTP code of reading a FAILED or ERROR request is 200: the read succeeded."""
    codes: dict[str, set[str]] = {}
    for generation in trace.generations:
        kind = generation.submit.case.removesuffix("-prompt")
        # Other clauses judge retention, wallet and rate.
        reads = [e for e in generation.reads if e.status not in {None, 402, 404, 429} and "STATUS-16" not in e.aims]
        if kind in {"failed", "error"} and reads:
            codes.setdefault(kind, set()).add(str(reads[-1].status))
    for kind, seen in codes.items():
        yield Observation(f"{kind}: {', '.join(sorted(seen))}")
