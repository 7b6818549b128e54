"""OUT, TIME, FAIL: wrong outputs and media, wrong timestamps, wrong envelopes of FAILED and ERROR."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from pixazo_simulator.spec import KEY_HEADER, MODEL_ID, SECOND, MissingKey, timestamp

from .edits import edit_replies, in_envelopes, in_status, policy, reads_envelope, refuse, submit_instead, with_status
from .members import (
    Edit,
    chain,
    change,
    compute,
    drop,
    finished,
    in_media_urls,
    in_output,
    instant,
    put,
    shift,
    status_is,
    where,
)
from .messages import Context, Members, Reply, Request, is_media
from .mutant import Edits, Mutant

FOREIGN_HOST = "https://media.invalid"
"""A host outside the documented CDN; the top-level domain is reserved and never resolves (RFC 2606, 2)."""
DOWNLOADS = ("OUT-0[789]", "OUT-1[013]")
NOTHING = b'{"status":"ok"}'


def _aliased(url: str) -> str:
    """The URL with the request id in Base64."""
    *before, request_id, file = url.split("/")
    alias = base64.urlsafe_b64encode(request_id.encode()).decode().rstrip("=")
    return "/".join([*before, alias, file])


def _unaliased(request: Request, _: Context) -> Request:
    alias = request.media_id
    if not alias:
        return request
    try:
        request_id = base64.urlsafe_b64decode(f"{alias}{'=' * (-len(alias) % 4)}").decode()
    except ValueError:  # binascii.Error is one, too
        return request
    return request.at(request.path.replace(alias, request_id)) if request_id.startswith(MODEL_ID) else request


def _is_keyless_download(request: Request, reply: Reply) -> bool:
    return is_media(request, reply) and not request.header(KEY_HEADER)


def _without_video(reply: Reply, _: Context) -> Reply:
    bare = reply.without_header("content-range").without_header("etag").with_status(200)
    return bare.with_body(NOTHING).with_header("content-type", "application/json")


OUTPUT = (
    Mutant("no-output-on-completed", "OUT-01", "The output is null on COMPLETED",
           in_envelopes(where(status_is("COMPLETED"), put("output", None))), ("OUT-*",)),
    Mutant("no-media-type", "OUT-01", "The output has no media_type", in_envelopes(in_output(drop("media_type"))), ("OUT-0[67]",)),
    Mutant("media-url-is-text", "OUT-02", "The media_url is a string instead of an array",
           in_envelopes(in_output(change("media_url", lambda urls: urls[0]))), ("OUT-*",)),
    Mutant("media-url-is-empty", "OUT-02", "The media_url is an empty array", in_envelopes(in_output(put("media_url", []))),
           ("OUT-*", "I2V-*-04")),
    Mutant("media-url-is-object-key", "OUT-03", "A media URL is a path without scheme and host",
           in_envelopes(in_media_urls(lambda url: urlsplit(url).path.removeprefix("/"))), ("OUT-04", *DOWNLOADS, "I2V-*-04")),
    Mutant("other-media-host", "OUT-04", "The media is on a host other than the documented CDN",
           in_envelopes(in_media_urls(lambda url: f"{FOREIGN_HOST}{urlsplit(url).path}")), (*DOWNLOADS, "I2V-*-04")),
    Mutant("random-object-name", "OUT-05", "A media URL does not contain the request id",
           in_envelopes(in_media_urls(_aliased)) | Edits(request=_unaliased)),
    Mutant("media-type-mp4", "OUT-06", "The media_type is mp4", in_envelopes(in_output(put("media_type", "mp4"))), ("OUT-07",)),
    Mutant("media-type-png", "OUT-07", "The media_type is image/png", in_envelopes(in_output(put("media_type", "image/png"))), ("OUT-06",)),
    Mutant("download-needs-key", "OUT-08", "The media cannot be downloaded without a key",
           refuse(_is_keyless_download, MissingKey()), (*DOWNLOADS, "I2V-*-04")),
    Mutant("json-for-video", "OUT-09", "A JSON document is served instead of the video", edit_replies(is_media, _without_video),
           ("OUT-07", "OUT-1[01]", "I2V-*-04")),
    Mutant("always-6-seconds", "OUT-10", "The video lasts 6 s even if 10 s were requested",
           submit_instead(None, "duration", 6, of=10, unless=("resolution", "1080P"))),
    Mutant("always-768p", "OUT-11", "The video is 768P even if 1080P was requested",
           submit_instead(None, "resolution", "768P", of="1080P", unless=("duration", 10))),
    Mutant("thumbnail-in-media-url", "OUT-12", "The media_url has a second entry",
           in_envelopes(in_output(change("media_url", lambda urls: [*urls, f"{urls[0]}?thumbnail"])))),
    Mutant("preview-in-output", "OUT-12", "The output has a third member", in_envelopes(in_output(put("preview_url", None)))),
    Mutant("media-gone-after-a-minute", "OUT-13", "The media cannot be downloaded after 60 s", policy(retention="media=60")),
)  # fmt: skip


ALL = ("created_at", "updated_at", "completed_at")
HOUR = 3600 * SECOND
STATES = ("QUEUED", "PROCESSING", "COMPLETED", "FAILED", "ERROR")


def _all(value: Callable[[str], str]) -> Edit:
    return chain(*(change(name, value) for name in ALL))


def _recompute(name: str, value: Callable[[Members, Context], Any]) -> Edit:
    return where(lambda members: name in members, compute(name, value))


def _previous(members: Members, context: Context) -> object:
    """The `completed_at` of the generation whose end was shown before that of this one."""
    known = context.memory.get("previous", members["request_id"])
    if known is None:
        known = context.memory.get("latest") or members["completed_at"]
        context.memory.put(known, "previous", members["request_id"])
        context.memory.put(members["completed_at"], "latest")
    return known


def _drifting(members: Members, _: Context) -> str:
    """One millisecond more in each state, so the order of the timestamps stays the same."""
    return timestamp(instant(members["created_at"]) + min(STATES.index(members["status"]), 2))


def _estimate(members: Members, context: Context) -> str | None:
    ends = context.ends(members["request_id"])
    return None if ends is None else timestamp(ends)


TIMESTAMPS = (
    Mutant("no-fractional-seconds", "TIME-01", "Timestamps have no fractional digits",
           in_envelopes(_all(lambda text: re.sub(r"\.\d+", "", text)))),
    Mutant("offset-instead-of-z", "TIME-01", "Timestamps end in +00:00 instead of Z",
           in_envelopes(_all(lambda text: text.replace("Z", "+00:00")))),
    Mutant("updated-at-behind", "TIME-02", "The updated_at is one hour early", in_envelopes(shift(-HOUR, "updated_at")), ("TIME-0[46]",)),
    Mutant("completed-at-of-previous", "TIME-03", "The completed_at is that of the request that ended before",
           in_envelopes(where(finished, _recompute("completed_at", _previous))), ("TIME-04", "HDR-05")),
    Mutant("completed-before-created", "TIME-03", "The completed_at is one hour early", in_envelopes(shift(-HOUR, "completed_at")),
           ("TIME-04",)),
    Mutant("updated-after-completed", "TIME-04", "At the end updated_at is 1 ms after completed_at",
           in_envelopes(where(finished, shift(1, "updated_at")))),
    Mutant("created-at-is-now", "TIME-05", "The created_at is the time of the read",
           in_status(_recompute("created_at", lambda _, context: timestamp(context.now))),
           ("TIME-0[238]", "STATUS-1[24]", "WEBHOOK-04", "SUBMIT-09")),
    Mutant("created-at-drifts", "TIME-05", "The created_at is 1 ms later in each state", in_envelopes(_recompute("created_at", _drifting)), ("TIME-08",)),
    Mutant("updated-at-frozen", "TIME-06", "The updated_at stays what it was on acceptance",
           in_envelopes(_recompute("updated_at", lambda members, _: members["created_at"])), ("TIME-04",)),
    Mutant("completed-at-estimated", "TIME-07", "The completed_at is an estimate while PROCESSING",
           in_status(where(status_is("PROCESSING"), compute("completed_at", _estimate)))),
    Mutant("local-time-labelled-z", "TIME-08", "Timestamps are local time, two hours ahead, but end in Z", in_envelopes(shift(2 * HOUR, *ALL)),
           ("SUBMIT-09",)),
)  # fmt: skip


FAILED = status_is("FAILED")
ERROR = status_is("ERROR")


FAILURE = (
    Mutant("no-error-on-failed", "FAIL-01", "The error is null on FAILED", in_envelopes(where(FAILED, put("error", None)))),
    Mutant("empty-error-on-failed", "FAIL-01", "The error is an empty string on FAILED", in_envelopes(where(FAILED, put("error", "")))),
    Mutant("empty-output-on-failed", "FAIL-02", "The output is an empty list of media on FAILED",
           in_envelopes(where(FAILED, put("output", {"media_url": [], "media_type": "video/mp4"}))), ("STATUS-06",)),
    Mutant("no-output-on-error", "FAIL-03", "ERROR has no member output", in_envelopes(where(ERROR, drop("output"))), ("STATUS-08", "WEBHOOK-04")),
    Mutant("error-object-on-error", "FAIL-03", "The error is an object on ERROR",
           in_envelopes(where(ERROR, put("error", {"code": 1000, "message": "System error"}))), ("STATUS-05",)),
    Mutant("failure-without-timestamps", "FAIL-04", "FAILED and ERROR have no timestamps", policy(status_members="minimal_failure"),
           ("STATUS-0[89]", "TIME-*")),
    Mutant("502-on-error", "FAIL-05", "Reading an ERROR gets 502", edit_replies(reads_envelope(ERROR), with_status(502)),
           ("STATUS-01", "ERR-500-01", "FAIL-04", "FLOW-05")),
)  # fmt: skip
