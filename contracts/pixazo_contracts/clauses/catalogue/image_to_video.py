"""I2V: parameters of image-to-video."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from pixazo_contracts.clauses.checks import (
    UNDECIDED,
    accepted,
    frame,
    observed,
    playing_time,
    refused,
    refused_or_failed,
)
from pixazo_contracts.clauses.clause import Evidence, Group, Observation, Remarks, Violation
from pixazo_contracts.clauses.standing import DOCUMENTED, FREE_IF_REFUSED, FURTHER, IMPLIED, NOT_OUTSIDE, SHARED, SILENT
from pixazo_contracts.trace import Exchange, Profile, Trace

I2V = Group(depends_on="BASE-03")


def _row(text: str) -> str:
    return f'Request Parameters - Generate Image To Video Request: "{text}"'


PROMPT = _row("Video description, maximum 2000 characters.")
CAMERA = _row("Supports 15+ camera movement instructions for professional video control.")
IMAGE = _row("Image URL to use as the starting frame. Supports public URLs or Base64 encoded Data URLs.")
IMAGE_RULES = _row("Image requirements: JPG/JPEG/PNG/WebP, <20MB, short side >300px, aspect ratio 2:5 to 5:2.")
DURATION = _row("Default: 6. Video duration in seconds. Must be 6 or 10 seconds for MiniMax-Hailuo-2.3-Fast model.")
RESOLUTION = _row("""Default: "768P". Video resolution. Must be '768P' or '1080P' for MiniMax-Hailuo-2.3-Fast model.""")
OPTIMIZER = _row("Default: true. Automatically optimizes the prompt for better video quality.")
PRETREATMENT = _row("Default: false. Shortens prompt optimization time (only for MiniMax-Hailuo-2.3-Fast model).")
CALLBACK = _row("URL to receive task status update notifications.")
WATERMARK = _row("Default: false. Whether to add AIGC watermark to the generated video.")


def _default(
    trace: Trace, _: str, member: str, value: Any, check: Callable[[Exchange, Any, Profile], Remarks]
) -> Remarks:
    """Downloads of image-to-video generations whose submit left `member` out are as if it had been `value`."""
    for generation in trace.generations:
        submit = generation.submit
        if submit.operation == "imageToVideo" and submit.sent and member not in submit.sent:
            for download in generation.downloads:
                yield from check(download, value, trace.profile)


DEFAULT_DURATION = partial(_default, member="duration", value=6, check=playing_time)
DEFAULT_RESOLUTION = partial(_default, member="resolution", value="768P", check=frame)


# fmt: off
I2V.row("I2V-PROMPT-01", DOCUMENTED, FREE_IF_REFUSED, refused, core=True, section=PROMPT,
    demands="`prompt` is required.")
I2V.row("I2V-PROMPT-02", DOCUMENTED, FREE_IF_REFUSED, refused, section=PROMPT,
    demands="`prompt` is a string.")
I2V.row("I2V-PROMPT-03", DOCUMENTED, FURTHER, accepted, depends_on="BASE-03 I2V-IMG-03", section=PROMPT,
    demands="A prompt of exactly 2000 characters is accepted.")
I2V.row("I2V-PROMPT-04", DOCUMENTED, FREE_IF_REFUSED, refused, core=True, section=PROMPT,
    demands="A prompt of 2001 characters is 400.")
I2V.row("I2V-PROMPT-05", IMPLIED, FURTHER, accepted, depends_on="BASE-03 I2V-IMG-03 I2V-PROMPT-03", section=PROMPT,
    demands="The limit counts characters, not bytes (2000 non-ASCII code points pass). Code points, UTF-16 units or graphemes is not said.")
I2V.row("I2V-PROMPT-06", DOCUMENTED, SHARED, accepted, depends_on="BASE-03 I2V-IMG-03", section=CAMERA,
    demands="Camera-movement syntax inside the prompt is accepted as text.")
I2V.row("I2V-IMG-01", DOCUMENTED, FREE_IF_REFUSED, refused, core=True, section=IMAGE,
    demands="`first_frame_image` is required.")
I2V.row("I2V-IMG-02", DOCUMENTED, FREE_IF_REFUSED, refused, section=IMAGE,
    demands="`first_frame_image` is a string.")
I2V.row("I2V-IMG-03", DOCUMENTED, SHARED, accepted, core=True, section=IMAGE,
    demands="A public image URL is accepted.")
I2V.row("I2V-IMG-04", DOCUMENTED, FURTHER, accepted, core=True, section=IMAGE,
    demands="A Base64 data URL is accepted.")
I2V.row("I2V-IMG-05", IMPLIED, FREE_IF_REFUSED, refused_or_failed, section=IMAGE,
    demands="Bare Base64 without the data-URL prefix, or a data URL whose payload is not Base64, is refused.")
I2V.row("I2V-IMG-06", DOCUMENTED, FURTHER, accepted, depends_on="BASE-03 I2V-IMG-04", section=IMAGE_RULES,
    demands="JPG, JPEG, PNG and WebP are each accepted.")
I2V.row("I2V-IMG-07", DOCUMENTED, FREE_IF_REFUSED, refused_or_failed, core=True, section=IMAGE_RULES,
    demands="Any other image format is refused.")
I2V.row("I2V-IMG-08", DOCUMENTED, FREE_IF_REFUSED, refused_or_failed, section=IMAGE_RULES,
    demands="Image size is strictly below 20 MB. Decimal or binary megabytes is not said: probe at or above 20 MiB.")
I2V.row("I2V-IMG-09", DOCUMENTED, FREE_IF_REFUSED, refused_or_failed, section=IMAGE_RULES,
    demands="A short side of exactly 300 px is refused (strictly greater required).")
I2V.row("I2V-IMG-10", DOCUMENTED, FURTHER, accepted, depends_on="BASE-03 I2V-IMG-04", section=IMAGE_RULES,
    demands="A short side of 301 px is accepted.")
I2V.row("I2V-IMG-11", DOCUMENTED, FREE_IF_REFUSED, refused_or_failed, section=IMAGE_RULES,
    demands="An aspect ratio outside 2:5 to 5:2 is refused.")
I2V.row("I2V-IMG-12", DOCUMENTED, FURTHER, accepted, depends_on="BASE-03 I2V-IMG-04", section=IMAGE_RULES,
    demands="The end points 2:5 and 5:2 are themselves accepted (inclusive reading).")
I2V.row("I2V-IMG-13", SILENT, FREE_IF_REFUSED, observed, section="silence",
    depends_on="BASE-03 BASE-04 BASE-05 AUTH-07 STATUS-02 SUBMIT-03 I2V-IMG-03 FLOW-05",
    demands="An unreachable or corrupt image leads to a refusal or to FAILED, never to COMPLETED and never to a hang.")
# fmt: on


@I2V.clause("I2V-IMG-14", IMPLIED, NOT_OUTSIDE, needs="receiver", section=IMAGE)
def i2v_img_14(trace: Trace) -> Remarks:
    """The gateway does not fetch from non-public addresses."""
    for exchange in trace.aimed("I2V-IMG-14"):
        source = exchange.sent.get("first_frame_image")
        fetches = [c for c in trace.callbacks if isinstance(source, str) and c.target == urlsplit(source).path]
        for fetch in fetches:
            yield Violation(fetch, "request to our address", "none: the address is not public", fetch.method)
        if not fetches and exchange.status not in UNDECIDED:
            yield Evidence(exchange)


@I2V.clause("I2V-IMG-15", SILENT, FREE_IF_REFUSED, depends_on="BASE-03 I2V-IMG-07 I2V-IMG-08 I2V-IMG-09 I2V-IMG-11",
    section="silence")  # fmt: skip
def i2v_img_15(trace: Trace) -> Remarks:
    """Where image constraints bite: synchronous 400 or asynchronous FAILED."""
    for clause_id in ("I2V-IMG-07", "I2V-IMG-08", "I2V-IMG-09", "I2V-IMG-11"):
        for exchange in trace.aimed(clause_id):
            generation = trace.generation(exchange.accepted_id)
            if generation is not None:
                yield Observation(f"{exchange.case}: accepted, then {generation.outcome or 'no end'}", exchange)
            elif exchange.status not in UNDECIDED:
                yield Observation(f"{exchange.case}: refused at submit", exchange)


# fmt: off
I2V.row("I2V-DUR-01", DOCUMENTED, FREE_IF_REFUSED, refused, section=DURATION,
    demands='`duration` is an integer: 6.5, `"6"`, true are 400.')
I2V.row("I2V-DUR-02", DOCUMENTED, FURTHER, accepted, depends_on="BASE-03 I2V-IMG-03", section=DURATION,
    demands="6 and 10 are both accepted.")
I2V.row("I2V-DUR-03", DOCUMENTED, FREE_IF_REFUSED, refused, core=True, section=DURATION,
    demands="Any other integer is 400.")
I2V.row("I2V-DUR-04", DOCUMENTED, SHARED, DEFAULT_DURATION, depends_on="BASE-03 OUT-08 OUT-09", section=DURATION,
    demands="Omitted `duration` means 6 seconds.")
I2V.row("I2V-RES-01", DOCUMENTED, FURTHER, accepted, depends_on="BASE-03 I2V-IMG-03", section=RESOLUTION,
    demands="`768P` and `1080P` are both accepted.")
I2V.row("I2V-RES-02", DOCUMENTED, FREE_IF_REFUSED, refused, core=True, section=RESOLUTION,
    demands="Any other resolution string is 400 (other letter case: not stated, record).")
I2V.row("I2V-RES-03", DOCUMENTED, FREE_IF_REFUSED, refused, section=RESOLUTION,
    demands="`resolution` is a string.")
I2V.row("I2V-RES-04", DOCUMENTED, SHARED, DEFAULT_RESOLUTION, depends_on="BASE-03 OUT-08 OUT-09", section=RESOLUTION,
    demands="Omitted `resolution` means `768P`.")
I2V.row("I2V-COMBO-01", SILENT, FREE_IF_REFUSED, observed, section="silence",
    depends_on="BASE-03 BASE-04 BASE-05 AUTH-07 STATUS-02 SUBMIT-03 I2V-IMG-03 I2V-DUR-02 I2V-RES-01 FLOW-05",
    demands="1080P together with 10 s: the page is silent; other resellers of the same model family refuse it.")
I2V.row("I2V-PO-01", DOCUMENTED, FREE_IF_REFUSED, refused, section=OPTIMIZER,
    demands="`prompt_optimizer` is boolean, default true.")
I2V.row("I2V-FP-01", DOCUMENTED, FREE_IF_REFUSED, refused, section=PRETREATMENT,
    demands="`fast_pretreatment` is boolean, default false.")
I2V.row("I2V-FP-02", SILENT, FREE_IF_REFUSED, observed, depends_on="BASE-03 I2V-IMG-03", section=PRETREATMENT,
    demands="`fast_pretreatment: true` when the active variant is not the Fast one: ignored or refused? No member selects a variant.")
I2V.row("I2V-WM-01", DOCUMENTED, FREE_IF_REFUSED, refused, section=WATERMARK,
    demands="`aigc_watermark` is boolean, default false.")
I2V.row("I2V-CB-01", DOCUMENTED, FREE_IF_REFUSED, refused, section=CALLBACK,
    demands="`callback_url` is a string.")
I2V.row("I2V-MODEL-01", SILENT, FREE_IF_REFUSED, observed, depends_on="BASE-03 I2V-IMG-03", section=DURATION,
    demands="No `model` member is documented although the constraints name a variant; sending one is an unknown member.")
# fmt: on
