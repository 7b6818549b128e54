"""T2V, I2V: the parameters of the two operations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from pixazo_contracts.trace import Trace

from .checks import AS_MEANT_LATER, UNDECIDED, Measure, as_meant, frame, is_no_evidence, one_of, playing_time
from .clause import DOCUMENTED, EXAMPLE, FREE_IF_REFUSED, FURTHER, IMPLIED, NOT_OUTSIDE, SHARED, SILENT, Group
from .remarks import Evidence, Observation, Remarks, Violation, show

T2V_TABLE = "Request Parameters - Generate Video Request"
I2V_TABLE = "Request Parameters - Generate Image To Video Request"

T2V = Group(depends_on="BASE-02")

T2V_PROMPT = (
    f'{T2V_TABLE}: "prompt | Yes | string | The narrative or scene description used to influence video generation."'
)
T2V_DUR = f'{T2V_TABLE}: "duration | No | number | Duration of the video in seconds."'
T2V_RES = f'{T2V_TABLE}: "resolution | No | string | Video resolution."'
T2V_PO = (
    f'{T2V_TABLE}: "prompt_optimizer | No | boolean | Automatically refines prompt input for better video quality."'
)
T2V_FP = f'{T2V_TABLE}: "fast_pretreatment | No | boolean | Enable fast pretreatment for quicker processing."'
T2V_CB = f'{T2V_TABLE}: "callback_url | No | string | URL to receive callback notifications when video is ready."'
T2V_WM = f'{T2V_TABLE}: "aigc_watermark | No | boolean | Add AIGC watermark to the generated video."'
#: The clauses that explain why the end of an accepted request was not seen.
FOLLOWED = "BASE-02 BASE-04 AUTH-07 STATUS-02 SUBMIT-03 SUBMIT-10 FLOW-05"

# fmt: off
T2V.row("T2V-PROMPT-01", DOCUMENTED, FREE_IF_REFUSED, as_meant, core=True, section=T2V_PROMPT,
    demands="`prompt` is required: missing or null is 400.")
T2V.row("T2V-PROMPT-02", DOCUMENTED, FREE_IF_REFUSED, as_meant, section=T2V_PROMPT,
    demands="`prompt` is a string, with line breaks, quotes and any script: any other JSON type is 400.")
T2V.row("T2V-PROMPT-03", SILENT, FREE_IF_REFUSED, as_meant, section="silence", demands="Empty or blank prompt.")
T2V.row("T2V-PROMPT-04", SILENT, FREE_IF_REFUSED, as_meant,
    section=f'{T2V_TABLE}; {I2V_TABLE}: "maximum 2000 characters"',
    demands="Length limit: the T2V table gives none, the I2V table gives 2000.")
T2V.row("T2V-BODY-01", EXAMPLE, SHARED, as_meant, core=True, drift_fails=True, section="Request Code (Text to Video)",
    demands="The printed example body is accepted as is, and can complete: six members, a 665-character prompt containing a non-ASCII dash.")
T2V.row("T2V-BODY-02", DOCUMENTED, FURTHER, as_meant, core=True, section=f"{T2V_PROMPT}; {T2V_DUR}",
    demands="`prompt` alone is a complete request; every other member is optional.")
T2V.row("T2V-DUR-01", DOCUMENTED, FREE_IF_REFUSED, as_meant, section=T2V_DUR,
    demands="`duration` is a number: string, boolean, array are 400.")
T2V.row("T2V-DUR-02", SILENT, FREE_IF_REFUSED, as_meant, depends_on=FOLLOWED, section=T2V_DUR,
    demands="Admissible T2V durations are not stated (only 6 is shown; type is number, so fractions parse).")
T2V.row("T2V-RES-01", DOCUMENTED, FREE_IF_REFUSED, as_meant, section=T2V_RES,
    demands="`resolution` is a string: other JSON types are 400.")
T2V.row("T2V-RES-02", SILENT, FREE_IF_REFUSED, as_meant, depends_on=FOLLOWED, section=T2V_RES,
    demands="Admissible T2V resolutions and letter case are not stated (only `768P` is shown).")
T2V.row("T2V-PO-01", DOCUMENTED, FREE_IF_REFUSED, as_meant, section=T2V_PO,
    demands="`prompt_optimizer` is boolean: true and false are accepted, other types are 400. Its T2V default is not stated.")
T2V.row("T2V-FP-01", DOCUMENTED, FREE_IF_REFUSED, as_meant, section=T2V_FP,
    demands="`fast_pretreatment` is boolean: true and false are accepted, other types are 400.")
T2V.row("T2V-WM-01", DOCUMENTED, FREE_IF_REFUSED, as_meant, section=T2V_WM,
    demands="`aigc_watermark` is boolean: true and false are accepted, other types are 400.")
T2V.row("T2V-CB-01", DOCUMENTED, FREE_IF_REFUSED, as_meant, depends_on="BASE-02 T2V-BODY-02", section=T2V_CB,
    demands="`callback_url` is a string: a URL is accepted, other types are 400; treatment of a non-URL string is not stated.")
T2V.row("T2V-IMG-01", SILENT, FREE_IF_REFUSED, as_meant, depends_on="BASE-02 T2V-PROMPT-01 I2V-IMG-03",
    section="silence", demands="`first_frame_image` on the T2V operation is an undocumented member.")
# fmt: on


I2V = Group(depends_on="BASE-03")

I2V_PROMPT = f'{I2V_TABLE}: "prompt | Yes | string | Video description, maximum 2000 characters."'
I2V_CAMERA = f'{I2V_TABLE}: "Supports 15+ camera movement instructions for professional video control."'
I2V_IMG = f'{I2V_TABLE}: "first_frame_image | Yes | string | Image URL to use as the starting frame. Supports public URLs or Base64 encoded Data URLs."'
I2V_IMG_RULES = (
    f'{I2V_TABLE}: "Image requirements: JPG/JPEG/PNG/WebP, <20MB, short side >300px, aspect ratio 2:5 to 5:2."'
)
I2V_DUR = f'{I2V_TABLE}: "duration | No | integer | Default: 6. Video duration in seconds. Must be 6 or 10 seconds for MiniMax-Hailuo-2.3-Fast model."'
I2V_RES = f'''{I2V_TABLE}: "resolution | No | string | Default: "768P". Video resolution. Must be '768P' or '1080P' for MiniMax-Hailuo-2.3-Fast model."'''
I2V_PO = f'{I2V_TABLE}: "prompt_optimizer | No | boolean | Default: true. Automatically optimizes the prompt for better video quality."'
I2V_FP = f'{I2V_TABLE}: "fast_pretreatment | No | boolean | Default: false. Shortens prompt optimization time (only for MiniMax-Hailuo-2.3-Fast model)."'
I2V_CB = f'{I2V_TABLE}: "callback_url | No | string | URL to receive task status update notifications."'
I2V_WM = f'{I2V_TABLE}: "aigc_watermark | No | boolean | Default: false. Whether to add AIGC watermark to the generated video."'


def _default(trace: Trace, _: str, member: str, value: object, check: Measure) -> Remarks:
    """Downloads of image-to-video generations whose submit left out `member` are as if it had been `value`."""
    for generation in trace.generations:
        submit = generation.submit
        if submit.operation == "imageToVideo" and submit.sent and member not in submit.sent:
            for download in generation.downloads:
                yield from check(download, value, trace.profile)


def _way(trace: Trace, clause_id: str, is_way: Callable[[str], bool]) -> Remarks:
    """The requests sent for the clause are treated as meant, and at least one valid submit with such an image is accepted."""
    yield from as_meant(trace, clause_id)
    valid = [e for e in trace.submits if e.operation == "imageToVideo" and e.intent == "accept" and e.request_body]
    such = [e for e in valid if is_way(str(e.sent.get("first_frame_image"))) and not is_no_evidence(trace, e)]
    if such and not any(exchange.succeeded for exchange in such):
        yield from one_of(such, [], "status code", "acceptance of an image in this form")


# fmt: off
I2V.row("I2V-PROMPT-01", DOCUMENTED, FREE_IF_REFUSED, as_meant, core=True, section=I2V_PROMPT,
    demands="`prompt` is required.")
I2V.row("I2V-PROMPT-02", DOCUMENTED, FREE_IF_REFUSED, as_meant, depends_on="BASE-03 I2V-IMG-03 I2V-IMG-04", section=I2V_PROMPT,
    demands="`prompt` is a string, with line breaks, quotes and any script.")
I2V.row("I2V-PROMPT-03", DOCUMENTED, FURTHER, as_meant, depends_on="BASE-03 I2V-IMG-03 I2V-IMG-04", section=I2V_PROMPT,
    demands="A prompt of exactly 2000 characters is accepted.")
I2V.row("I2V-PROMPT-04", DOCUMENTED, FREE_IF_REFUSED, as_meant, core=True, section=I2V_PROMPT,
    demands="A prompt of 2001 characters is 400, however many bytes they have.")
I2V.row("I2V-PROMPT-05", IMPLIED, FURTHER, as_meant, depends_on="BASE-03 I2V-IMG-04 I2V-PROMPT-03", section=I2V_PROMPT,
    demands="The limit counts characters, neither bytes nor UTF-16 units: 2000 code points of three or four bytes pass.")
I2V.row("I2V-PROMPT-06", DOCUMENTED, SHARED, as_meant, depends_on="BASE-03 I2V-IMG-03 I2V-IMG-04", section=I2V_CAMERA,
    demands="Camera-movement syntax inside the prompt is accepted as text.")
I2V.row("I2V-IMG-01", DOCUMENTED, FREE_IF_REFUSED, as_meant, core=True, section=I2V_IMG,
    demands="`first_frame_image` is required.")
I2V.row("I2V-IMG-02", DOCUMENTED, FREE_IF_REFUSED, as_meant, section=I2V_IMG,
    demands="`first_frame_image` is a string.")
I2V.row("I2V-IMG-03", DOCUMENTED, SHARED, partial(_way, is_way=lambda image: not image.startswith("data:")), core=True, section=I2V_IMG,
    demands="A public image URL is accepted.")
I2V.row("I2V-IMG-04", DOCUMENTED, FURTHER, partial(_way, is_way=lambda image: image.startswith("data:")), core=True, section=I2V_IMG,
    demands="A Base64 data URL is accepted.")
I2V.row("I2V-IMG-05", IMPLIED, FREE_IF_REFUSED, AS_MEANT_LATER, section=I2V_IMG,
    demands="What is neither a public URL nor a Base64 data URL is refused: bare Base64, another payload, another scheme, a relative path.")
I2V.row("I2V-IMG-06", DOCUMENTED, FURTHER, as_meant, depends_on="BASE-03 I2V-IMG-04", section=I2V_IMG_RULES,
    demands="JPG, JPEG, PNG and WebP are each accepted.")
I2V.row("I2V-IMG-07", DOCUMENTED, FREE_IF_REFUSED, AS_MEANT_LATER, core=True, section=I2V_IMG_RULES,
    demands="Any other image format is refused, whatever its label says.")
I2V.row("I2V-IMG-08", DOCUMENTED, FREE_IF_REFUSED, AS_MEANT_LATER, depends_on="BASE-03 I2V-IMG-04", section=I2V_IMG_RULES,
    demands="Image size is strictly below 20 MB. Decimal or binary megabytes is not said: 20 MiB is refused, 19 MB accepted.")
I2V.row("I2V-IMG-09", DOCUMENTED, FREE_IF_REFUSED, AS_MEANT_LATER, section=I2V_IMG_RULES,
    demands="A short side of exactly 300 px is refused (strictly greater required).")
I2V.row("I2V-IMG-10", DOCUMENTED, FURTHER, as_meant, depends_on="BASE-03 I2V-IMG-04", section=I2V_IMG_RULES,
    demands="A short side of 301 px is accepted.")
I2V.row("I2V-IMG-11", DOCUMENTED, FREE_IF_REFUSED, AS_MEANT_LATER, section=I2V_IMG_RULES,
    demands="An aspect ratio outside 2:5 to 5:2 is refused.")
I2V.row("I2V-IMG-12", DOCUMENTED, FURTHER, as_meant, depends_on="BASE-03 I2V-IMG-04", section=I2V_IMG_RULES,
    demands="The end points 2:5 and 5:2 are themselves accepted (inclusive reading).")
I2V.row("I2V-IMG-13", SILENT, FREE_IF_REFUSED, as_meant, section="silence",
    depends_on="BASE-03 BASE-04 BASE-05 AUTH-07 STATUS-02 SUBMIT-03 I2V-IMG-03 FLOW-05",
    demands="What becomes of an unreachable or corrupt image: a refusal, FAILED, or COMPLETED.")
# fmt: on


@I2V.clause("I2V-IMG-14", IMPLIED, NOT_OUTSIDE, needs="receiver", section=I2V_IMG)
def i2v_img_14(trace: Trace) -> Remarks:
    """The gateway does not fetch from non-public addresses."""
    for exchange in trace.aimed("I2V-IMG-14"):
        source = exchange.sent.get("first_frame_image")
        fetches = [c for c in trace.callbacks if isinstance(source, str) and c.target == urlsplit(source).path]
        for fetch in fetches:
            yield Violation(fetch, "request to our address", "none: the address is not public", show(fetch.method))
        if not fetches and exchange.status not in UNDECIDED:
            yield Evidence(exchange)


@I2V.clause("I2V-IMG-15", SILENT, FREE_IF_REFUSED, depends_on="BASE-03 I2V-IMG-07 I2V-IMG-08 I2V-IMG-09 I2V-IMG-11",
    section="silence")  # fmt: skip
def i2v_img_15(trace: Trace) -> Remarks:
    """Where image constraints bite: synchronous 400 or asynchronous FAILED."""
    for clause_id in ("I2V-IMG-07", "I2V-IMG-08", "I2V-IMG-09", "I2V-IMG-11"):
        for exchange in (each for each in trace.aimed(clause_id) if each.intent == "refuse"):
            generation = trace.generation(exchange.accepted_id)
            if generation is not None and generation.outcome is not None:
                yield Observation(f"{exchange.case}: accepted, then {generation.outcome}", exchange)
            elif generation is None and exchange.status not in UNDECIDED:
                yield Observation(f"{exchange.case}: refused at submit", exchange)


# fmt: off
I2V.row("I2V-DUR-01", DOCUMENTED, FREE_IF_REFUSED, as_meant, section=I2V_DUR,
    demands='`duration` is an integer: 6.5, 5.999, `"6"`, true are 400.')
I2V.row("I2V-DUR-02", DOCUMENTED, FURTHER, as_meant, depends_on="BASE-03 I2V-IMG-03 I2V-IMG-04", section=I2V_DUR,
    demands="6 and 10 are both accepted.")
I2V.row("I2V-DUR-03", DOCUMENTED, FREE_IF_REFUSED, as_meant, core=True, section=I2V_DUR,
    demands="Any other integer is 400.")
I2V.row("I2V-DUR-04", DOCUMENTED, SHARED, partial(_default, member="duration", value=6, check=playing_time),
    depends_on="BASE-03 OUT-08 OUT-09", section=I2V_DUR, demands="Omitted `duration` means 6 seconds.")
I2V.row("I2V-RES-01", DOCUMENTED, FURTHER, as_meant, depends_on="BASE-03 I2V-IMG-03 I2V-IMG-04", section=I2V_RES,
    demands="`768P` and `1080P` are both accepted.")
I2V.row("I2V-RES-02", DOCUMENTED, FREE_IF_REFUSED, as_meant, core=True, section=I2V_RES,
    demands="Any other resolution string is 400, one in other letter case too.")
I2V.row("I2V-RES-03", DOCUMENTED, FREE_IF_REFUSED, as_meant, section=I2V_RES, demands="`resolution` is a string.")
I2V.row("I2V-RES-04", DOCUMENTED, SHARED, partial(_default, member="resolution", value="768P", check=frame),
    depends_on="BASE-03 OUT-08 OUT-09", section=I2V_RES, demands="Omitted `resolution` means `768P`.")
I2V.row("I2V-COMBO-01", SILENT, FREE_IF_REFUSED, as_meant, section="silence",
    depends_on="BASE-03 BASE-04 BASE-05 AUTH-07 STATUS-02 SUBMIT-03 I2V-IMG-03 I2V-DUR-02 I2V-RES-01 FLOW-05",
    demands="1080P together with 10 s: the page is silent; other resellers of the same model family refuse it.")
I2V.row("I2V-PO-01", DOCUMENTED, FREE_IF_REFUSED, as_meant, depends_on="BASE-03 I2V-IMG-03 I2V-IMG-04", section=I2V_PO,
    demands="`prompt_optimizer` is boolean, default true: other types are 400.")
I2V.row("I2V-FP-01", DOCUMENTED, FREE_IF_REFUSED, as_meant, depends_on="BASE-03 I2V-IMG-03 I2V-IMG-04", section=I2V_FP,
    demands="`fast_pretreatment` is boolean, default false: other types are 400.")
I2V.row("I2V-FP-02", SILENT, FREE_IF_REFUSED, as_meant, depends_on="BASE-03 I2V-IMG-03", section=I2V_FP,
    demands="`fast_pretreatment: true` when the active variant is not the Fast one: ignored or refused? No member selects a variant.")
I2V.row("I2V-WM-01", DOCUMENTED, FREE_IF_REFUSED, as_meant, depends_on="BASE-03 I2V-IMG-03 I2V-IMG-04", section=I2V_WM,
    demands="`aigc_watermark` is boolean, default false: other types are 400.")
I2V.row("I2V-CB-01", DOCUMENTED, FREE_IF_REFUSED, as_meant, depends_on="BASE-03 I2V-IMG-03 I2V-IMG-04", section=I2V_CB,
    demands="`callback_url` is a string: a URL is accepted, other types are 400.")
I2V.row("I2V-MODEL-01", SILENT, FREE_IF_REFUSED, as_meant, depends_on="BASE-03 I2V-IMG-03", section=I2V_DUR,
    demands="No `model` member is documented although the constraints name a variant; sending one is an unknown member.")
# fmt: on
