"""OUT: the result and the media behind it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from pixazo_contracts.clauses.checks import frame, is_absolute_url, late, playing_time
from pixazo_contracts.clauses.clause import Group, Observation, Remarks, check, check_member
from pixazo_contracts.clauses.standing import DOCUMENTED, EXAMPLE, FREE, IMPLIED, SHARED, SILENT
from pixazo_contracts.trace import Exchange, JsonObject, Trace, host_is_loopback, is_array, is_object

OUT = Group()

MIME = re.compile(r"[A-Za-z0-9][\w!#$&^.+-]*/[A-Za-z0-9][\w!#$&^.+-]*(\s*;.*)?")
FORMS = "OUT-01 OUT-02"
BYTES = "OUT-08 OUT-09"


def _completed(trace: Trace) -> Iterator[Exchange]:
    return (read for read in trace.envelopes if read.state == "COMPLETED")


def _outputs(trace: Trace) -> Iterator[tuple[Exchange, JsonObject]]:
    for read in _completed(trace):
        output = read.member("output")
        if is_object(output):
            yield read, output


def _output_members(trace: Trace, name: str, holds: Callable[[object], bool], expected: str) -> Remarks:
    """A member of each output, where it is there at all (OUT-01), is as expected."""
    for read, output in _outputs(trace):
        if name in output:
            yield check(holds(output[name]), read, f"output.{name}", expected, output[name])


def _urls(trace: Trace) -> Iterator[tuple[Exchange, str]]:
    """Every media URL that was read; a bare string counts, so that one wrong type does not hide the rest."""
    for read, output in _outputs(trace):
        entries: object = output.get("media_url")
        for entry in entries if is_array(entries) else [entries]:
            if isinstance(entry, str):
                yield read, entry


@OUT.clause("OUT-01", DOCUMENTED, SHARED, depends_on="SUBMIT-03 STATUS-01 STATUS-02", core=True,
    section='Status Values: "COMPLETED Done — output contains the result"; Response (Completed)')  # fmt: skip
def out_01(trace: Trace) -> Remarks:
    """COMPLETED comes with an `output` object holding `media_url` and `media_type`."""
    for read in _completed(trace):
        yield check_member(
            read,
            "output",
            lambda output: is_object(output) and set(output) >= {"media_url", "media_type"},
            "an object with media_url and media_type",
        )


@OUT.clause("OUT-02", DOCUMENTED, SHARED, depends_on="OUT-01", core=True,
    section='Response Fields: "array URLs to generated media"')  # fmt: skip
def out_02(trace: Trace) -> Remarks:
    """`media_url` is a non-empty array of strings."""
    return _output_members(
        trace,
        "media_url",
        lambda value: is_array(value) and bool(value) and all(isinstance(entry, str) for entry in value),
        "a non-empty array of strings",
    )


@OUT.clause("OUT-03", EXAMPLE, SHARED, depends_on=FORMS, core=True, drift_fails=True, section="Response (Completed)")
def out_03(trace: Trace) -> Remarks:
    """Each entry is an absolute https URL."""
    for read, url in _urls(trace):
        yield check(is_absolute_url(url, trace.profile), read, "output.media_url", "an absolute https URL", url)


def _host_word(trace: Trace, host: str) -> str:
    target = urlsplit(trace.profile.origin).hostname
    if host == target or (trace.profile.loopback and host_is_loopback(host)):
        return "the target's own"
    if host in trace.profile.media_hosts:
        return "a host of the profile"
    return "*.r2.dev" if host.endswith(".r2.dev") else host


@OUT.clause("OUT-04", EXAMPLE, SHARED, depends_on=f"{FORMS} OUT-03",
    section='Response Fields: "URLs to generated media (R2 CDN)"')  # fmt: skip
def out_04(trace: Trace) -> Remarks:
    """The host is the documented R2 CDN. A different host is drift."""
    for read, url in _urls(trace):
        host = urlsplit(url).hostname
        if host is not None:
            word = _host_word(trace, host)
            # A gateway on this machine has no CDN: there any host will do, but a change is reported.
            holds = trace.profile.loopback or word in {"*.r2.dev", "a host of the profile"}
            yield check(holds, read, "output.media_url", "a host under .r2.dev", host)
            yield Observation(word, read)


@OUT.clause("OUT-05", EXAMPLE, SHARED, depends_on=f"{FORMS} OUT-03 STATUS-14",
    section='Response (Completed): "minimax-hailuo-ai_019dxxxx-xxxx/output.ext"')  # fmt: skip
def out_05(trace: Trace) -> Remarks:
    """The URL path carries the request id (the sample's id is cut short and its file name is a placeholder)."""
    for read, url in _urls(trace):
        request_id = str(read.request_id)
        # The sample keeps the model id and the first two groups of the UUID.
        kept = "-".join(request_id.rpartition("_")[2].split("-")[:2])
        holds = request_id in urlsplit(url).path or kept in urlsplit(url).path
        yield check(holds, read, "output.media_url", f"a path with {request_id}", url)


@OUT.clause("OUT-06", DOCUMENTED, SHARED, depends_on="OUT-01", section='Response Fields: "MIME type of the output"')
def out_06(trace: Trace) -> Remarks:
    """`media_type` is syntactically a MIME type."""
    return _output_members(
        trace, "media_type", lambda value: isinstance(value, str) and MIME.fullmatch(value) is not None, "type/subtype"
    )


@OUT.clause("OUT-07", SILENT, SHARED, depends_on=f"{FORMS} OUT-06 OUT-08 OUT-09",
    section='Response Fields: "MIME type of the output"; Response (Completed): "application/octet-stream"')  # fmt: skip
def out_07(trace: Trace) -> Remarks:
    """`media_type` agrees with the download's Content-Type and with the bytes. The example says octet-stream for a video, so record."""
    declared = {read.request_id: output.get("media_type") for read, output in _outputs(trace)}
    for download in _downloads(trace):
        if download.succeeded and download.request_id in declared:
            served = (download.header("content-type") or "nothing").partition(";")[0]
            container = (download.media.container if download.media else None) or "unknown"
            text = f"declared {declared[download.request_id]}, served as {served}, bytes {container}"
            yield Observation(text, download)


def _downloads(trace: Trace) -> Iterator[Exchange]:
    """The first downloads, without those that a late probe repeats to see how long a link lives."""
    return (e for e in trace.operation("media") if "OUT-13" not in e.aims and e.status is not None)


@OUT.clause("OUT-08", IMPLIED, SHARED, depends_on=f"{FORMS} OUT-03", core=True,
    section='Typical Workflow: "download from output.media_url"')  # fmt: skip
def out_08(trace: Trace) -> Remarks:
    """The media can be downloaded with a plain GET and no API key."""
    for download in _downloads(trace):
        holds = download.status == 200 and download.size > 0
        yield check(holds, download, "download", "200 and some bytes", f"{download.status}, {download.size} bytes")


@OUT.clause("OUT-09", IMPLIED, SHARED, depends_on=f"{FORMS} OUT-08", core=True,
    section='Text to Video; Image to Video; Typical Workflow: "download from output.media_url"')  # fmt: skip
def out_09(trace: Trace) -> Remarks:
    """The bytes are a video container."""
    for download in _downloads(trace):
        if download.succeeded and download.size and download.media is not None:
            got = download.body if download.body is not None else f"{download.size} bytes of no known container"
            yield check(download.media.container is not None, download, "bytes", "a video container", got)


def _specified(trace: Trace, member: str) -> Iterator[tuple[Exchange, object]]:
    """Downloads with what their submit asked for."""
    for generation in trace.generations:
        if member in generation.submit.sent:
            yield from ((download, generation.submit.sent[member]) for download in generation.downloads)


@OUT.clause("OUT-10", IMPLIED, SHARED, depends_on=f"{FORMS} {BYTES}",
    section='Request Parameters - Generate Video Request: "Duration of the video in seconds."')  # fmt: skip
def out_10(trace: Trace) -> Remarks:
    """Playing time is about the requested duration."""
    for download, duration in _specified(trace, "duration"):
        if isinstance(duration, int | float):
            yield from playing_time(download, duration, trace.profile)


@OUT.clause("OUT-11", IMPLIED, SHARED, depends_on=f"{FORMS} {BYTES}",
    section='Request Parameters - Generate Video Request: "Video resolution."')  # fmt: skip
def out_11(trace: Trace) -> Remarks:
    """Frame height belongs to the requested resolution class."""
    for download, resolution in _specified(trace, "resolution"):
        yield from frame(download, str(resolution), trace.profile)


@OUT.clause("OUT-12", EXAMPLE, SHARED, depends_on=FORMS, section="Response (Completed)")
def out_12(trace: Trace) -> Remarks:
    """One generation yields one URL and `output` has no further members."""
    for read, output in _outputs(trace):
        value = output.get("media_url")
        if is_array(value):
            yield check(len(value) == 1, read, "output.media_url", "one entry", f"{len(value)} entries")
        extra = sorted(set(output) - {"media_url", "media_type"})
        yield check(not extra, read, "output", "only media_url and media_type", ", ".join(extra))


@OUT.clause("OUT-13", SILENT, FREE, depends_on="OUT-08", section="silence")
def out_13(trace: Trace) -> Remarks:
    """How long the link lives."""
    return late(trace, "OUT-13", "alive")
