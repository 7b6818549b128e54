"""OUT: the result and the media behind it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pixazo_contracts.clauses.checks import code_word
from pixazo_contracts.clauses.clause import Cost, Observation, Strength, check, clause
from pixazo_contracts.trace import MISSING, host_is_loopback, is_array, is_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixazo_contracts.clauses.clause import Remarks
    from pixazo_contracts.trace import Exchange, JsonObject, MediaFacts, Trace


MIME = re.compile(r"[A-Za-z0-9][\w!#$&^.+-]*/[A-Za-z0-9][\w!#$&^.+-]*(\s*;.*)?")
FORMS = ("OUT-01", "OUT-02")
BYTES = ("OUT-08", "OUT-09")

#: Frame heights of the two documented resolution classes.
CLASSES = {"768P": 768, "1080P": 1080}


def _completed(trace: Trace) -> Iterator[Exchange]:
    return (read for read in trace.envelopes if read.state == "COMPLETED")


def _outputs(trace: Trace) -> Iterator[tuple[Exchange, JsonObject]]:
    for read in _completed(trace):
        output = read.members.get("output")
        if is_object(output):
            yield read, output


def _urls(trace: Trace) -> Iterator[tuple[Exchange, str]]:
    """Every media URL that was read; a bare string counts, so that one wrong type does not hide the rest."""
    for read, output in _outputs(trace):
        entries: object = output.get("media_url")
        for entry in entries if is_array(entries) else [entries]:
            if isinstance(entry, str):
                yield read, entry


@clause(
    "OUT-01",
    section="Completed; Status Values",
    strength=Strength.DOCUMENTED,
    cost=Cost.SHARED,
    depends_on=("SUBMIT-03", "STATUS-01", "STATUS-02"),
    core=True,
)
def out_01(trace: Trace) -> Remarks:
    """COMPLETED comes with an `output` object holding `media_url` and `media_type`."""
    for read in _completed(trace):
        output = read.members.get("output", MISSING)
        holds = is_object(output) and {"media_url", "media_type"} <= set(output)
        yield check(holds, read, "output", "an object with media_url and media_type", output)


@clause(
    "OUT-02",
    section="Response Fields",
    strength=Strength.DOCUMENTED,
    cost=Cost.SHARED,
    depends_on=("OUT-01",),
    core=True,
)
def out_02(trace: Trace) -> Remarks:
    """`media_url` is a non-empty array of strings."""
    for read, output in _outputs(trace):
        value = output.get("media_url", MISSING)
        if value is not MISSING:
            holds = is_array(value) and bool(value) and all(isinstance(entry, str) for entry in value)
            yield check(holds, read, "output.media_url", "a non-empty array of strings", value)


@clause(
    "OUT-03",
    section="Completed",
    strength=Strength.EXAMPLE,
    cost=Cost.SHARED,
    depends_on=FORMS,
    core=True,
    drift_fails=True,
)
def out_03(trace: Trace) -> Remarks:
    """Each entry is an absolute https URL."""
    schemes = ("https", "http") if trace.profile.loopback else ("https",)
    for read, url in _urls(trace):
        parts = urlsplit(url)
        holds = parts.scheme in schemes and bool(parts.hostname)
        yield check(holds, read, "output.media_url", "an absolute https URL", url)


def _host_word(trace: Trace, host: str) -> str:
    target = urlsplit(trace.profile.origin).hostname
    if host == target or (trace.profile.loopback and host_is_loopback(host)):
        return "the target's own"
    if host in trace.profile.media_hosts:
        return "a host of the profile"
    return "*.r2.dev" if host.endswith(".r2.dev") else host


@clause(
    "OUT-04",
    section="Response Fields (R2 CDN)",
    strength=Strength.EXAMPLE,
    cost=Cost.SHARED,
    depends_on=(*FORMS, "OUT-03"),
)
def out_04(trace: Trace) -> Remarks:
    """The host is the documented R2 CDN. A different host is drift."""
    for read, url in _urls(trace):
        host = urlsplit(url).hostname
        if host is not None:
            word = _host_word(trace, host)
            # A gateway on this machine has no CDN: there any host will do, but a change is told.
            holds = trace.profile.loopback or word in {"*.r2.dev", "a host of the profile"}
            yield check(holds, read, "output.media_url", "a host under .r2.dev", host)
            yield Observation(word, read)


@clause(
    "OUT-05",
    section="Completed",
    strength=Strength.EXAMPLE,
    cost=Cost.SHARED,
    depends_on=(*FORMS, "OUT-03", "STATUS-14"),
)
def out_05(trace: Trace) -> Remarks:
    """The URL path carries the request id (the sample's id is cut short and its file name is a placeholder)."""
    for read, url in _urls(trace):
        request_id = str(read.request_id)
        # The sample keeps the model id and the first two groups of the UUID.
        kept = "-".join(request_id.rpartition("_")[2].split("-")[:2])
        holds = request_id in urlsplit(url).path or kept in urlsplit(url).path
        yield check(holds, read, "output.media_url", f"a path with {request_id}", url)


@clause("OUT-06", section="Response Fields", strength=Strength.DOCUMENTED, cost=Cost.SHARED, depends_on=("OUT-01",))
def out_06(trace: Trace) -> Remarks:
    """`media_type` is syntactically a MIME type."""
    for read, output in _outputs(trace):
        value = output.get("media_type", MISSING)
        if value is not MISSING:
            holds = isinstance(value, str) and MIME.fullmatch(value) is not None
            yield check(holds, read, "output.media_type", "type/subtype", value)


@clause(
    "OUT-07",
    section="Response Fields vs Completed",
    strength=Strength.SILENT,
    cost=Cost.SHARED,
    depends_on=(*FORMS, "OUT-06", "OUT-08", "OUT-09"),
)
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
    """First downloads: those that a late probe repeats to see how long a link lives are not among them."""
    return (e for e in trace.operation("media") if "OUT-13" not in e.aims and e.status is not None)


@clause(
    "OUT-08",
    section="Workflow step 4",
    strength=Strength.IMPLIED,
    cost=Cost.SHARED,
    depends_on=(*FORMS, "OUT-03"),
    core=True,
)
def out_08(trace: Trace) -> Remarks:
    """The media can be downloaded with a plain GET and no API key."""
    for download in _downloads(trace):
        holds = download.status == 200 and download.size > 0
        got = f"{download.status}, {download.size} bytes"
        yield check(holds, download, "download", "200 and some bytes", got)


@clause(
    "OUT-09",
    section="Title; Workflow step 4",
    strength=Strength.IMPLIED,
    cost=Cost.SHARED,
    depends_on=(*FORMS, "OUT-08"),
    core=True,
)
def out_09(trace: Trace) -> Remarks:
    """The bytes are a video container."""
    for download in _downloads(trace):
        if download.succeeded and download.size and download.media is not None:
            got = download.body if download.body is not None else f"{download.size} bytes of no known container"
            yield check(download.media.container is not None, download, "bytes", "a video container", got)


def _specified(trace: Trace, member: str) -> Iterator[tuple[Exchange, object, MediaFacts]]:
    """Downloads with what their submit asked for, and what their bytes say."""
    for generation in trace.generations:
        for download in generation.downloads:
            if member in generation.submit.sent and download.media is not None:
                yield download, generation.submit.sent[member], download.media


@clause("OUT-10", section="Params", strength=Strength.IMPLIED, cost=Cost.SHARED, depends_on=(*FORMS, *BYTES))
def out_10(trace: Trace) -> Remarks:
    """Playing time is about the requested duration."""
    for download, duration, media in _specified(trace, "duration"):
        if isinstance(duration, int | float) and media.seconds is not None:
            holds = abs(media.seconds - duration) <= trace.profile.length_tolerance
            yield check(holds, download, "playing time", f"{duration} s", f"{media.seconds:.2f} s")


@clause("OUT-11", section="Params", strength=Strength.IMPLIED, cost=Cost.SHARED, depends_on=(*FORMS, *BYTES))
def out_11(trace: Trace) -> Remarks:
    """Frame height belongs to the requested resolution class."""
    for download, resolution, media in _specified(trace, "resolution"):
        wanted = CLASSES.get(str(resolution))
        if wanted is not None and media.width and media.height:
            sides = {media.height, min(media.width, media.height)}
            holds = any(abs(side - wanted) <= wanted * trace.profile.height_tolerance for side in sides)
            yield check(holds, download, "frame", f"the {resolution} class", f"{media.width} x {media.height}")


@clause("OUT-12", section="Completed", strength=Strength.EXAMPLE, cost=Cost.SHARED, depends_on=FORMS)
def out_12(trace: Trace) -> Remarks:
    """One generation yields one URL and `output` has no further members."""
    for read, output in _outputs(trace):
        value = output.get("media_url")
        if is_array(value):
            yield check(len(value) == 1, read, "output.media_url", "one entry", f"{len(value)} entries")
        extra = sorted(set(output) - {"media_url", "media_type"})
        yield check(not extra, read, "output", "only media_url and media_type", ", ".join(extra))


@clause("OUT-13", section="silence", strength=Strength.SILENT, cost=Cost.FREE, depends_on=("OUT-08",))
def out_13(trace: Trace) -> Remarks:
    """How long the link lives."""
    words = {code_word(download).replace("accepted", "alive") for download in trace.aimed("OUT-13")}
    if words:
        yield Observation(f"late in the run: {', '.join(sorted(words))}")
