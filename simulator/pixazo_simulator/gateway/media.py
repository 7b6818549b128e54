"""The media of a completed generation: a small, real file, such as a playable MP4, served as RFC 9110 says."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from pixazo_simulator.spec import Answer, Header, Policy, media_type, regex
from pixazo_simulator.world import Generation

_LONGEST_SHORT = 8
"""Seconds; where the limits are open, a longer duration gets the video of 10 s and a shorter one that of 6 s."""
_OURS = b"pixazo-testkit\x00\x00"
"""The 16 bytes that mark a `uuid` box as ours; players skip boxes that they do not know (ISO/IEC 14496-12, 4.2)."""
_TRACK_SIZE = 80
"""Bytes from the name of a track header (version 0) to its width and height."""
_RANGE = regex(r"bytes=(\d{0,18})-(\d{0,18})")
Videos = Mapping[str, bytes]
"""The four rendered videos by file name, such as `768P-6.mp4`, and a file of each other kind, such as `output.png`."""

_PLAIN = ((b"content-type", b"text/plain; charset=utf-8"),)


def video(generation: Generation, videos: Videos, policy: Policy) -> bytes:
    """An MP4 of the requested duration and frame size, whose `uuid` box names the generation; of any other kind all media is the same."""
    if generation.output != "mp4":
        return videos[f"output.{generation.output}"]
    seconds = 10 if generation.duration > _LONGEST_SHORT else 6
    resolution = generation.resolution if generation.resolution == "1080P" else "768P"
    name = generation.request_id.encode()
    content = videos[f"{resolution}-{seconds}.mp4"]
    if generation.frame and policy.video_aspect == "first_frame":
        content = _shown_as(content, generation.frame, int(resolution.removesuffix("P")))
    return content + (24 + len(name)).to_bytes(4) + b"uuid" + _OURS + name


def _shown_as(content: bytes, frame: tuple[int, int], side: int) -> bytes:
    """The video with the aspect ratio of a frame, its short side `side` pixels: a player stretches the pixels.

    The size shown is that of the track header, and the shape of a pixel is in `pasp` (ISO/IEC 14496-12, 8.3.2 and 12.1.4).
    """
    width, height = (round(2 * side * each / min(frame)) // 2 for each in frame)
    track, shape = content.index(b"tkhd") + _TRACK_SIZE, content.index(b"pasp") + 4
    coded = [int.from_bytes(content[at : at + 4]) >> 16 for at in (track, track + 4)]
    changed = bytearray(content)
    changed[track : track + 8] = struct.pack(">II", width << 16, height << 16)
    changed[shape : shape + 8] = struct.pack(">II", width * coded[1], height * coded[0])
    return bytes(changed)


def no_media(reason: str) -> Answer:
    return Answer(404, b"Object not found", _PLAIN, reason)


def serve_media(
    generation: Generation, videos: Videos, method: str, headers: Sequence[Header], policy: Policy
) -> Answer:
    """The response to a GET or HEAD for the video of a generation."""
    content, kind = video(generation, videos, policy), media_type(policy, generation.output)
    kept = policy.cache_control != "none"
    return serve(content, f'"{generation.request_id}"', kind, method, headers, kept=kept)


def serve(content: bytes, tag: str, kind: str, method: str, headers: Sequence[Header], *, kept: bool = True) -> Answer:
    """The response to a GET or HEAD for some content with an entity tag.

    One byte range is served; several ranges at once get the whole, as RFC 9110, 14.2 allows. `kept` allows caches to keep it.
    """
    validators: list[Header] = [(b"etag", tag.encode()), (b"accept-ranges", b"bytes")]
    if kept:
        validators.append((b"cache-control", b"public, max-age=3600"))
    typed = (b"content-type", kind.encode())
    given = {name: value.decode("latin-1") for name, value in reversed(headers)}  # of several the first counts
    if not _names(given.get(b"if-match", "*"), "*", tag):
        return _media(412, b"", validators)
    if _names(given.get(b"if-none-match", ""), "*", tag, f"W/{tag}"):
        return _media(304, b"", validators)
    # RFC 9110, 14.2: ranges are defined only for GET. 13.1.5: If-Range with another tag asks for the whole.
    asked = _RANGE.fullmatch(given.get(b"range", "").strip()) if method == "GET" else None
    unchanged = given.get(b"if-range", tag) == tag
    if not (asked and unchanged and any(asked.groups())):
        return _media(200, content, [*validators, typed])
    span = _span(asked[1], asked[2], len(content))
    if span is None:
        return _media(416, b"", [*validators, (b"content-range", b"bytes */%d" % len(content))])
    first, last = span
    described = (b"content-range", b"bytes %d-%d/%d" % (first, last, len(content)))
    return _media(206, content[first : last + 1], [*validators, described, typed])


def _names(condition: str, *tags: str) -> bool:
    return any(each.strip() in tags for each in condition.split(","))


def _media(status: int, body: bytes, headers: Sequence[Header]) -> Answer:
    return Answer(status, body, tuple(headers), f"media, {len(body)} bytes", opaque=True)


def _span(first: str, last: str, length: int) -> tuple[int, int] | None:
    """The first and last byte asked for, None when the content has no byte of the range."""
    if not first:
        wanted = min(int(last), length)
        return (length - wanted, length - 1) if wanted else None
    begin, end = int(first), min(int(last), length - 1) if last else length - 1
    return (begin, end) if begin <= end else None
