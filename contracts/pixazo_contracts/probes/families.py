"""Probes of T2V and I2V: one family a clause, each request breaking one rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .family import ABSENT, PROMPT, Case, family, i2v, t2v
from .images import bmp, data_url, gif, png, svg
from .steps import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conversation import Probe


#: What every family of violated rules also bears on.
REFUSALS = ("ERR-ENV-01", "ERR-ENV-02", "ERR-400-01", "ERR-500-01", "ERR-SET-01")

#: 20 MiB: not below 20 MB, whichever MB is meant.
TOO_LARGE = 20 * 1024 * 1024

IMAGE_URL: Final = "https://example.com/first.jpg"
NOT_BOOLEANS: Final = {"the string true": "true", "1": 1}
NOT_STRINGS: Final = {"42": 42, "true": True, "object": {"text": PROMPT}, "array": [PROMPT]}

T2V_FAMILIES: Final[dict[str, tuple[Case, ...]]] = {
    "T2V-PROMPT-01": (t2v("missing", prompt=ABSENT), t2v("null", prompt=None)),
    "T2V-PROMPT-02": tuple(t2v(name, prompt=value) for name, value in NOT_STRINGS.items()),
    "T2V-PROMPT-03": (t2v("empty", "any", prompt=""), t2v("blank", "any", prompt="   ")),
    "T2V-PROMPT-04": (t2v("2001 characters", "any", prompt="a" * 2001),),
    "T2V-DUR-01": (t2v("the string 6", duration="6"), t2v("true", duration=True), t2v("array", duration=[6])),
    "T2V-DUR-02": tuple(t2v(f"{value:g}", "any", duration=value) for value in (0, -6, 7, 6.5, 1e9)),
    "T2V-RES-01": (
        t2v("768", resolution=768),
        t2v("true", resolution=True),
        t2v("array", resolution=["768P"]),
        t2v("null", "any", resolution=None),
    ),
    "T2V-RES-02": tuple(t2v(value or "empty", "any", resolution=value) for value in ("768p", "720P", "4K", "")),
    "T2V-CB-01": (
        t2v("42", callback_url=42),
        t2v("true", callback_url=True),
        t2v("array", callback_url=["https://example.com/"]),
        t2v("no URL", "any", callback_url="not a url"),
    ),
    "T2V-IMG-01": (t2v("image, no prompt", "any", prompt=ABSENT, first_frame_image=IMAGE_URL),),
}

BOOLEANS: Final = {"PO": "prompt_optimizer", "FP": "fast_pretreatment", "WM": "aigc_watermark"}


def _booleans(group: str, make: Callable[..., Case]) -> dict[str, tuple[Case, ...]]:
    """The families of the three boolean members; whether null is absence is not said, so it is observed."""
    return {
        f"{group}-{short}-01": (
            *(make(name, **{member: value}) for name, value in NOT_BOOLEANS.items()),
            make("null", "any", **{member: None}),
        )
        for short, member in BOOLEANS.items()
    }


def _image(name: str, make: Callable[[], str]) -> Case:
    """An image-to-video request whose image is made when it is sent."""
    return Case(name=name, body=lambda: encode({"prompt": PROMPT, "first_frame_image": make()}))


def _png(width: int, height: int, *, padding: int = 0) -> Callable[[], str]:
    return lambda: data_url("image/png", png(width, height, padding=padding))


I2V_FAMILIES: Final[dict[str, tuple[Case, ...]]] = {
    "I2V-PROMPT-01": (i2v("missing", prompt=ABSENT), i2v("null", prompt=None)),
    "I2V-PROMPT-02": tuple(i2v(name, prompt=value) for name, value in NOT_STRINGS.items()),
    "I2V-PROMPT-04": (i2v("2001 characters", prompt="a" * 2001),),
    "I2V-IMG-01": (i2v("missing", first_frame_image=ABSENT), i2v("null", first_frame_image=None)),
    "I2V-IMG-02": (
        i2v("42", first_frame_image=42),
        i2v("true", first_frame_image=True),
        i2v("object", first_frame_image={"url": "https://example.com/first.jpg"}),
        i2v("array of URLs", first_frame_image=["https://example.com/first.jpg"]),
    ),
    "I2V-DUR-01": (i2v("6.5", duration=6.5), i2v("the string 6", duration="6"), i2v("true", duration=True)),
    "I2V-DUR-03": tuple(i2v(str(value), duration=value) for value in (5, 7, 9, 11, 0, -6)),
    "I2V-RES-02": (
        *(i2v(value or "empty", resolution=value) for value in ("720P", "4K", "")),
        i2v("768p", "any", resolution="768p"),
    ),
    "I2V-RES-03": (
        i2v("768", resolution=768),
        i2v("true", resolution=True),
        i2v("array", resolution=["768P"]),
        i2v("null", "any", resolution=None),
    ),
    "I2V-CB-01": (i2v("42", callback_url=42), i2v("array", callback_url=["https://example.com/"])),
    "I2V-FP-02": (i2v("true", "any", fast_pretreatment=True),),
    "I2V-MODEL-01": (
        i2v("Fast variant", "any", model="MiniMax-Hailuo-2.3-Fast"),
        i2v("no such model", "any", model="no-such-model"),
    ),
}

#: Families of rules about the image, which a gateway may enforce later by ending FAILED.
IMAGE_FAMILIES: Final[dict[str, tuple[Case, ...]]] = {
    "I2V-IMG-05": (
        _image("bare Base64", lambda: _png(640, 480)().partition(",")[2]),
        _image("data URL without Base64", lambda: "data:image/png,not an image"),
        _image("payload that is no Base64", lambda: "data:image/png;base64,!!!not-base64!!!"),
    ),
    "I2V-IMG-07": (
        _image("GIF", lambda: data_url("image/gif", gif(320, 320))),
        _image("BMP", lambda: data_url("image/bmp", bmp(640, 480))),
        _image("SVG", lambda: data_url("image/svg+xml", svg(640, 480))),
    ),
    "I2V-IMG-08": (_image("20 MiB", _png(640, 480, padding=TOO_LARGE)),),
    "I2V-IMG-09": (_image("300 x 400", _png(300, 400)), _image("400 x 300", _png(400, 300))),
    "I2V-IMG-11": (_image("400 x 1010", _png(400, 1010)), _image("1010 x 400", _png(1010, 400))),
}


def _missing_images() -> tuple[Case, ...]:
    truncated = Case(
        name="truncated PNG",
        body=lambda: encode(
            {"prompt": PROMPT, "first_frame_image": data_url("image/png", png(640, 480)[:60])},
        ),
        intent="any",
    )
    bucket = "https://pub-582b7213209642b9b995c96c95a30381.r2.dev"
    return (
        truncated,
        i2v("URL of nothing", "any", first_frame_image=f"{bucket}/no-such-image.jpg"),
        i2v("host that does not resolve", "any", first_frame_image="https://image.invalid/first.jpg"),
    )


def _split(aim: str, operation: str, cases: tuple[Case, ...]) -> tuple[list[Probe], list[Probe]]:
    """The family of what the page forbids, and that of what it leaves open: only the latter may well be accepted."""
    forbidden = tuple(case for case in cases if case.intent == "refuse")
    open_questions = tuple(case for case in cases if case.intent == "any")
    return (
        [family(aim, (aim,), operation, *forbidden, feeds=REFUSALS)] if forbidden else [],
        [family(f"{aim}, open question", (aim,), operation, *open_questions)] if open_questions else [],
    )


def _families() -> tuple[tuple[Probe, ...], tuple[Probe, ...]]:
    forbidden: list[Probe] = []
    open_questions: list[Probe] = []
    tables = (
        ("generate", {**T2V_FAMILIES, **_booleans("T2V", t2v)}),
        ("imageToVideo", {**I2V_FAMILIES, **_booleans("I2V", i2v)}),
    )
    for operation, table in tables:
        for aim, cases in table.items():
            ours, theirs = _split(aim, operation, cases)
            forbidden += ours
            open_questions += theirs
    for aim, cases in IMAGE_FAMILIES.items():
        forbidden.append(family(aim, (aim,), "imageToVideo", *cases, feeds=(*REFUSALS, "I2V-IMG-15"), fate=True))
    open_questions.append(family("I2V-IMG-13", ("I2V-IMG-13",), "imageToVideo", *_missing_images(), fate=True))
    combined = i2v("1080P, 10 s", "any", resolution="1080P", duration=10)
    open_questions.append(
        family("I2V-COMBO-01", ("I2V-COMBO-01",), "imageToVideo", combined, fate=True, only_unlimited=True)
    )
    image, none = t2v("image", "any", first_frame_image=IMAGE_URL), t2v("number as image", "any", first_frame_image=42)
    # Refused or not tells whether the member is minded; whether a number is, tells what for.
    open_questions.append(
        family("T2V-IMG-01, with a prompt", ("T2V-IMG-01",), "generate", image, none, only_unlimited=True)
    )
    return tuple(forbidden), tuple(open_questions)


PROBES, OPEN_QUESTIONS = _families()
