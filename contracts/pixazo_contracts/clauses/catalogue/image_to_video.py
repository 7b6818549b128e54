"""I2V: parameters of image-to-video."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pixazo_contracts.clauses.checks import UNDECIDED, accepted, observed, refused, refused_or_failed
from pixazo_contracts.clauses.clause import Cost, Evidence, Observation, Strength, Violation, check, clause

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixazo_contracts.clauses.clause import Remarks
    from pixazo_contracts.trace import Exchange, Trace


def _unspecified(trace: Trace, member: str) -> Iterator[Exchange]:
    """Downloads of image-to-video generations whose submit left `member` out."""
    for generation in trace.generations:
        if (
            generation.submit.operation == "imageToVideo"
            and generation.submit.sent
            and member not in generation.submit.sent
        ):
            yield from generation.downloads


@clause(
    "I2V-PROMPT-01",
    section="I: Params",
    strength=Strength.DOCUMENTED,
    cost=Cost.FREE_IF_REFUSED,
    depends_on=("BASE-03",),
    core=True,
)
def i2v_prompt_01(trace: Trace) -> Remarks:
    """`prompt` is required."""
    return refused(trace, "I2V-PROMPT-01")


@clause(
    "I2V-PROMPT-02",
    section="I: Params",
    strength=Strength.DOCUMENTED,
    cost=Cost.FREE_IF_REFUSED,
    depends_on=("BASE-03",),
)
def i2v_prompt_02(trace: Trace) -> Remarks:
    """`prompt` is a string."""
    return refused(trace, "I2V-PROMPT-02")


@clause(
    "I2V-PROMPT-03",
    section="I: Params",
    strength=Strength.DOCUMENTED,
    cost=Cost.FURTHER,
    depends_on=("BASE-03", "I2V-IMG-03"),
)
def i2v_prompt_03(trace: Trace) -> Remarks:
    """A prompt of exactly 2000 characters is accepted."""
    return accepted(trace, "I2V-PROMPT-03")


@clause(
    "I2V-PROMPT-04",
    section="I: Params",
    strength=Strength.DOCUMENTED,
    cost=Cost.FREE_IF_REFUSED,
    depends_on=("BASE-03",),
    core=True,
)
def i2v_prompt_04(trace: Trace) -> Remarks:
    """A prompt of 2001 characters is 400."""
    return refused(trace, "I2V-PROMPT-04")


@clause(
    "I2V-PROMPT-05",
    section="I: Params",
    strength=Strength.IMPLIED,
    cost=Cost.FURTHER,
    depends_on=("BASE-03", "I2V-IMG-03", "I2V-PROMPT-03"),
)
def i2v_prompt_05(trace: Trace) -> Remarks:
    """The limit counts characters, not bytes (2000 non-ASCII code points pass). Code points, UTF-16 units or graphemes is not said."""
    return accepted(trace, "I2V-PROMPT-05")


@clause(
    "I2V-PROMPT-06",
    section="I: Params",
    strength=Strength.DOCUMENTED,
    cost=Cost.SHARED,
    depends_on=("BASE-03", "I2V-IMG-03"),
)
def i2v_prompt_06(trace: Trace) -> Remarks:
    """Camera-movement syntax inside the prompt is accepted as text."""
    return accepted(trace, "I2V-PROMPT-06")


@clause(
    "I2V-IMG-01",
    section="I: Params",
    strength=Strength.DOCUMENTED,
    cost=Cost.FREE_IF_REFUSED,
    depends_on=("BASE-03",),
    core=True,
)
def i2v_img_01(trace: Trace) -> Remarks:
    """`first_frame_image` is required."""
    return refused(trace, "I2V-IMG-01")


@clause(
    "I2V-IMG-02", section="I: Params", strength=Strength.DOCUMENTED, cost=Cost.FREE_IF_REFUSED, depends_on=("BASE-03",)
)
def i2v_img_02(trace: Trace) -> Remarks:
    """`first_frame_image` is a string."""
    return refused(trace, "I2V-IMG-02")


@clause(
    "I2V-IMG-03",
    section="I: Params; Example",
    strength=Strength.DOCUMENTED,
    cost=Cost.SHARED,
    depends_on=("BASE-03",),
    core=True,
)
def i2v_img_03(trace: Trace) -> Remarks:
    """A public image URL is accepted."""
    return accepted(trace, "I2V-IMG-03")


@clause(
    "I2V-IMG-04",
    section="I: Params",
    strength=Strength.DOCUMENTED,
    cost=Cost.FURTHER,
    depends_on=("BASE-03",),
    core=True,
)
def i2v_img_04(trace: Trace) -> Remarks:
    """A Base64 data URL is accepted."""
    return accepted(trace, "I2V-IMG-04")


@clause(
    "I2V-IMG-05", section="I: Params", strength=Strength.IMPLIED, cost=Cost.FREE_IF_REFUSED, depends_on=("BASE-03",)
)
def i2v_img_05(trace: Trace) -> Remarks:
    """Bare Base64 without the data-URL prefix, or a data URL whose payload is not Base64, is refused."""
    return refused_or_failed(trace, "I2V-IMG-05")


@clause(
    "I2V-IMG-06",
    section="I: Params",
    strength=Strength.DOCUMENTED,
    cost=Cost.FURTHER,
    depends_on=("BASE-03", "I2V-IMG-04"),
)
def i2v_img_06(trace: Trace) -> Remarks:
    """JPG, JPEG, PNG and WebP are each accepted."""
    return accepted(trace, "I2V-IMG-06")


@clause(
    "I2V-IMG-07",
    section="I: Params",
    strength=Strength.DOCUMENTED,
    cost=Cost.FREE_IF_REFUSED,
    depends_on=("BASE-03",),
    core=True,
)
def i2v_img_07(trace: Trace) -> Remarks:
    """Any other image format is refused."""
    return refused_or_failed(trace, "I2V-IMG-07")


@clause(
    "I2V-IMG-08", section="I: Params", strength=Strength.DOCUMENTED, cost=Cost.FREE_IF_REFUSED, depends_on=("BASE-03",)
)
def i2v_img_08(trace: Trace) -> Remarks:
    """Image size is strictly below 20 MB. Decimal or binary megabytes is not said: probe at or above 20 MiB."""
    return refused_or_failed(trace, "I2V-IMG-08")


@clause(
    "I2V-IMG-09", section="I: Params", strength=Strength.DOCUMENTED, cost=Cost.FREE_IF_REFUSED, depends_on=("BASE-03",)
)
def i2v_img_09(trace: Trace) -> Remarks:
    """A short side of exactly 300 px is refused (strictly greater required)."""
    return refused_or_failed(trace, "I2V-IMG-09")


@clause(
    "I2V-IMG-10",
    section="I: Params",
    strength=Strength.DOCUMENTED,
    cost=Cost.FURTHER,
    depends_on=("BASE-03", "I2V-IMG-04"),
)
def i2v_img_10(trace: Trace) -> Remarks:
    """A short side of 301 px is accepted."""
    return accepted(trace, "I2V-IMG-10")


@clause(
    "I2V-IMG-11", section="I: Params", strength=Strength.DOCUMENTED, cost=Cost.FREE_IF_REFUSED, depends_on=("BASE-03",)
)
def i2v_img_11(trace: Trace) -> Remarks:
    """An aspect ratio outside 2:5 to 5:2 is refused."""
    return refused_or_failed(trace, "I2V-IMG-11")


@clause(
    "I2V-IMG-12",
    section="I: Params",
    strength=Strength.DOCUMENTED,
    cost=Cost.FURTHER,
    depends_on=("BASE-03", "I2V-IMG-04"),
)
def i2v_img_12(trace: Trace) -> Remarks:
    """The end points 2:5 and 5:2 are themselves accepted (inclusive reading)."""
    return accepted(trace, "I2V-IMG-12")


@clause(
    "I2V-IMG-13",
    section="silence",
    strength=Strength.SILENT,
    cost=Cost.FREE_IF_REFUSED,
    depends_on=("BASE-03", "BASE-04", "BASE-05", "AUTH-07", "STATUS-02", "SUBMIT-03", "I2V-IMG-03", "FLOW-05"),
)
def i2v_img_13(trace: Trace) -> Remarks:
    """An unreachable or corrupt image leads to a refusal or to FAILED, never to COMPLETED and never to a hang."""
    return observed(trace, "I2V-IMG-13")


@clause(
    "I2V-IMG-14",
    section="I: Params (public URLs)",
    strength=Strength.IMPLIED,
    cost=Cost.NOT_OUTSIDE,
    needs=("receiver",),
    depends_on=("BASE-03",),
)
def i2v_img_14(trace: Trace) -> Remarks:
    """The gateway does not fetch from non-public addresses."""
    for exchange in trace.aimed("I2V-IMG-14"):
        source = exchange.sent.get("first_frame_image")
        fetches = [c for c in trace.callbacks if isinstance(source, str) and c.target == urlsplit(source).path]
        for fetch in fetches:
            yield Violation(fetch, "request to our address", "none: the address is not public", fetch.method)
        if not fetches and exchange.status not in UNDECIDED:
            yield Evidence(exchange)


@clause(
    "I2V-IMG-15",
    section="silence",
    strength=Strength.SILENT,
    cost=Cost.FREE_IF_REFUSED,
    depends_on=("BASE-03", "I2V-IMG-07", "I2V-IMG-08", "I2V-IMG-09", "I2V-IMG-11"),
)
def i2v_img_15(trace: Trace) -> Remarks:
    """Where image constraints bite: synchronous 400 or asynchronous FAILED."""
    for clause_id in ("I2V-IMG-07", "I2V-IMG-08", "I2V-IMG-09", "I2V-IMG-11"):
        for exchange in trace.aimed(clause_id):
            generation = trace.generation(exchange.accepted_id)
            if generation is not None:
                yield Observation(f"{exchange.case}: accepted, then {generation.outcome or 'no end'}", exchange)
            elif exchange.status not in UNDECIDED:
                yield Observation(f"{exchange.case}: refused at submit", exchange)


@clause(
    "I2V-DUR-01", section="I: Params", strength=Strength.DOCUMENTED, cost=Cost.FREE_IF_REFUSED, depends_on=("BASE-03",)
)
def i2v_dur_01(trace: Trace) -> Remarks:
    """`duration` is an integer: 6.5, `"6"`, true are 400."""
    return refused(trace, "I2V-DUR-01")


@clause(
    "I2V-DUR-02",
    section="I: Params",
    strength=Strength.DOCUMENTED,
    cost=Cost.FURTHER,
    depends_on=("BASE-03", "I2V-IMG-03"),
)
def i2v_dur_02(trace: Trace) -> Remarks:
    """6 and 10 are both accepted."""
    return accepted(trace, "I2V-DUR-02")


@clause(
    "I2V-DUR-03",
    section="I: Params",
    strength=Strength.DOCUMENTED,
    cost=Cost.FREE_IF_REFUSED,
    depends_on=("BASE-03",),
    core=True,
)
def i2v_dur_03(trace: Trace) -> Remarks:
    """Any other integer is 400."""
    return refused(trace, "I2V-DUR-03")


@clause(
    "I2V-DUR-04",
    section="I: Params",
    strength=Strength.DOCUMENTED,
    cost=Cost.SHARED,
    depends_on=("BASE-03", "OUT-08", "OUT-09"),
)
def i2v_dur_04(trace: Trace) -> Remarks:
    """Omitted `duration` means 6 seconds."""
    for download in _unspecified(trace, "duration"):
        seconds = download.media.seconds if download.media else None
        if seconds is not None:
            holds = abs(seconds - 6) <= trace.profile.length_tolerance
            yield check(holds, download, "playing time", "6 s", f"{seconds:.2f} s")


@clause(
    "I2V-RES-01",
    section="I: Params",
    strength=Strength.DOCUMENTED,
    cost=Cost.FURTHER,
    depends_on=("BASE-03", "I2V-IMG-03"),
)
def i2v_res_01(trace: Trace) -> Remarks:
    """`768P` and `1080P` are both accepted."""
    return accepted(trace, "I2V-RES-01")


@clause(
    "I2V-RES-02",
    section="I: Params",
    strength=Strength.DOCUMENTED,
    cost=Cost.FREE_IF_REFUSED,
    depends_on=("BASE-03",),
    core=True,
)
def i2v_res_02(trace: Trace) -> Remarks:
    """Any other resolution string is 400 (other letter case: not stated, record)."""
    return refused(trace, "I2V-RES-02")


@clause(
    "I2V-RES-03", section="I: Params", strength=Strength.DOCUMENTED, cost=Cost.FREE_IF_REFUSED, depends_on=("BASE-03",)
)
def i2v_res_03(trace: Trace) -> Remarks:
    """`resolution` is a string."""
    return refused(trace, "I2V-RES-03")


@clause(
    "I2V-RES-04",
    section="I: Params",
    strength=Strength.DOCUMENTED,
    cost=Cost.SHARED,
    depends_on=("BASE-03", "OUT-08", "OUT-09"),
)
def i2v_res_04(trace: Trace) -> Remarks:
    """Omitted `resolution` means `768P`."""
    for download in _unspecified(trace, "resolution"):
        media = download.media
        if media is not None and media.width and media.height:
            sides = {media.height, min(media.width, media.height)}
            holds = any(abs(side - 768) <= 768 * trace.profile.height_tolerance for side in sides)
            yield check(holds, download, "frame", "the 768P class", f"{media.width} x {media.height}")


@clause(
    "I2V-COMBO-01",
    section="silence",
    strength=Strength.SILENT,
    cost=Cost.FREE_IF_REFUSED,
    depends_on=(
        "BASE-03",
        "BASE-04",
        "BASE-05",
        "AUTH-07",
        "STATUS-02",
        "SUBMIT-03",
        "I2V-IMG-03",
        "I2V-DUR-02",
        "I2V-RES-01",
        "FLOW-05",
    ),
)
def i2v_combo_01(trace: Trace) -> Remarks:
    """1080P together with 10 s: the page is silent; other resellers of the same model family refuse it."""
    return observed(trace, "I2V-COMBO-01")


@clause(
    "I2V-PO-01", section="I: Params", strength=Strength.DOCUMENTED, cost=Cost.FREE_IF_REFUSED, depends_on=("BASE-03",)
)
def i2v_po_01(trace: Trace) -> Remarks:
    """`prompt_optimizer` is boolean, default true."""
    return refused(trace, "I2V-PO-01")


@clause(
    "I2V-FP-01", section="I: Params", strength=Strength.DOCUMENTED, cost=Cost.FREE_IF_REFUSED, depends_on=("BASE-03",)
)
def i2v_fp_01(trace: Trace) -> Remarks:
    """`fast_pretreatment` is boolean, default false."""
    return refused(trace, "I2V-FP-01")


@clause(
    "I2V-FP-02",
    section="I: Params",
    strength=Strength.SILENT,
    cost=Cost.FREE_IF_REFUSED,
    depends_on=("BASE-03", "I2V-IMG-03"),
)
def i2v_fp_02(trace: Trace) -> Remarks:
    """`fast_pretreatment: true` when the active variant is not the Fast one: ignored or refused? No member selects a variant."""
    return observed(trace, "I2V-FP-02")


@clause(
    "I2V-WM-01", section="I: Params", strength=Strength.DOCUMENTED, cost=Cost.FREE_IF_REFUSED, depends_on=("BASE-03",)
)
def i2v_wm_01(trace: Trace) -> Remarks:
    """`aigc_watermark` is boolean, default false."""
    return refused(trace, "I2V-WM-01")


@clause(
    "I2V-CB-01", section="I: Params", strength=Strength.DOCUMENTED, cost=Cost.FREE_IF_REFUSED, depends_on=("BASE-03",)
)
def i2v_cb_01(trace: Trace) -> Remarks:
    """`callback_url` is a string."""
    return refused(trace, "I2V-CB-01")


@clause(
    "I2V-MODEL-01",
    section="I: Params",
    strength=Strength.SILENT,
    cost=Cost.FREE_IF_REFUSED,
    depends_on=("BASE-03", "I2V-IMG-03"),
)
def i2v_model_01(trace: Trace) -> Remarks:
    """No `model` member is documented although the constraints name a variant; sending one is an unknown member."""
    return observed(trace, "I2V-MODEL-01")
