"""Families: requests to one operation that are each odd in one respect, mostly by breaking one rule of the page.

A family's requests are sent one after the other. On a target that charges, a request of which the page does not say that it
is refused counts as a generation, whether it is refused or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from pixazo_contracts.trace import Exchange, Intent

from .conversation import Conversation, Headers, Probe, RunContext, probe
from .images import bmp, data_url, gif, png, svg
from .operations import BODY_ONLY, PRINTED, PRINTED_HEADERS, PROMPT, encode, follow, poll, submit
from .samples import members

#: The value of a member that a body must not have.
ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request of a family: its name, its body (made when it is sent), and what the page says that a gateway does with it."""

    operation: str
    name: str
    body: Callable[[], bytes]
    intent: Intent = "refuse"
    headers: Headers = PRINTED_HEADERS


def varied(operation: str, name: str, intent: Intent = "refuse", **changes: object) -> Case:
    """A valid request to an operation, with some members changed, added, or (`ABSENT`) left out.

    Each case has a prompt of its own: a gateway may treat equal bodies as one request.
    """
    image = {"first_frame_image": members("image_to_video")["first_frame_image"]}
    body = {"prompt": f"{PROMPT} ({name})", **(image if operation == "imageToVideo" else {}), **PRINTED, **changes}
    left = {member: value for member, value in body.items() if value is not ABSENT}
    return Case(operation=operation, name=name, body=partial(encode, left), intent=intent)


t2v, i2v = partial(varied, "generate"), partial(varied, "imageToVideo")


def family(
    name: str,
    aim: str,
    *cases: Case,
    feeds: tuple[str, ...] = (),
    followed: bool = False,
    only_unlimited: bool = False,
) -> Probe:
    """A probe that sends the cases one after the other.

    The first acceptance of a case that the page forbids ends the family; on a target that charges any acceptance does, and
    the accidental generation is polled for what it can still show. With `followed` the end of an accepted case belongs to
    the question, so all cases are sent and then followed to their ends.
    """
    counted = sum(case.intent != "refuse" for case in cases)

    @probe(name, aim, *feeds, worst=max(1, counted), cost=counted, only_unlimited=only_unlimited)
    def conversation(context: RunContext) -> Conversation[None]:
        accepted: list[Exchange] = []
        for case in cases:
            exchange = yield from submit(
                case.operation, case.body(), case=case.name, aims=(aim,), intent=case.intent, headers=case.headers
            )
            if exchange.succeeded:
                accepted.append(exchange)
                if context.limited or (case.intent == "refuse" and not followed):
                    break
        if context.limited and accepted:
            yield from poll(context, accepted[0])
        elif followed:
            yield from follow(context, accepted)

    return conversation


def _raw(
    operation: str, bodies: Mapping[str, bytes], intent: Intent = "refuse", headers: Headers = PRINTED_HEADERS
) -> tuple[Case, ...]:
    """Cases whose bodies are these bytes, by name."""
    return tuple(
        Case(operation=operation, name=name, body=partial(bytes, body), intent=intent, headers=headers)
        for name, body in bodies.items()
    )


MALFORMED: Final = {
    "truncated JSON": encode({"prompt": PROMPT})[:-2],
    "single quotes": b"{'prompt': 'A paper boat'}",
    "garbage": b"prompt=A paper boat",
}
NOT_OBJECTS: Final = {
    "empty body": b"",
    "null": b"null",
    "array": b'[{"prompt": "A paper boat"}]',
    "string": b'"A paper boat"',
    "number": b"6",
}

#: Input that breaks careless servers. This is fuzzing, so no target that charges ever gets it.
ODD_INPUT: Final = {
    "NUL in the prompt": b'{"prompt": "A paper\\u0000boat"}',
    "lone surrogate in the prompt": b'{"prompt": "A paper boat \\ud800"}',
    "nesting 10,000 deep": b'{"prompt": "A paper boat", "x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "duration 1e400": b'{"prompt": "A paper boat", "duration": 1e400}',
    "duration of 5,000 digits": b'{"prompt": "A paper boat", "duration": ' + b"9" * 5_000 + b"}",
    "duration NaN": b'{"prompt": "A paper boat", "duration": NaN}',
    "doubled member": b'{"prompt": "A paper boat", "prompt": 6}',
    "invalid UTF-8": b'{"prompt": "A paper boat \xff\xfe"}',
    "byte order mark": b'\xef\xbb\xbf{"prompt": "A paper boat"}',
    "empty member name": b'{"prompt": "A paper boat", "": ""}',
}


def _typed(name: str, headers: Headers) -> Case:
    body = partial(encode, {"prompt": f"{PROMPT} ({name})"})
    return Case(operation="generate", name=name, body=body, intent="any", headers=headers)


#: Bodies that are not called JSON: HDR-02 asks what a gateway does then.
OTHER_TYPES: Final = (
    _typed("text/plain", (("Content-Type", "text/plain"),)),
    _typed("form", (("Content-Type", "application/x-www-form-urlencoded"),)),
    _typed("untyped", ()),
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule about one member: the clause that states it, values that the page forbids, and values that it leaves open.

    The values stand by the names of their cases; `also` are further changes that each case makes.
    """

    clause: str
    member: str
    forbidden: Mapping[str, object] = field(default_factory=dict[str, object])
    left_open: Mapping[str, object] = field(default_factory=dict[str, object])
    also: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def operation(self) -> str:
        """The operation whose table of parameters states the rule."""
        return "generate" if self.clause.startswith("T2V") else "imageToVideo"

    def cases(self, values: Mapping[str, object], intent: Intent) -> tuple[Case, ...]:
        """A request for each of these values."""
        return tuple(
            varied(self.operation, name, intent, **{**self.also, self.member: value}) for name, value in values.items()
        )


IMAGE_URL: Final = "https://example.com/first.jpg"
MISSING: Final = {"missing": ABSENT, "null": None}
NOT_STRINGS: Final = {"42": 42, "true": True, "object": {"text": PROMPT}, "array": [PROMPT]}
NOT_RESOLUTIONS: Final = {"768": 768, "true": True, "array": ["768P"]}

#: The page does not say whether null means absence, so a null is observed, not judged.
NULL: Final = {"null": None}


def _booleans(group: str) -> tuple[Rule, ...]:
    members = {"PO": "prompt_optimizer", "FP": "fast_pretreatment", "WM": "aigc_watermark"}
    not_booleans = {"the string true": "true", "1": 1}
    return tuple(Rule(f"{group}-{short}-01", member, not_booleans, NULL) for short, member in members.items())


#: The page, Parameters of both operations: 'Required', 'Type' and 'Description'.
RULES: Final = (
    Rule("T2V-PROMPT-01", "prompt", MISSING),
    Rule("T2V-PROMPT-02", "prompt", NOT_STRINGS),
    Rule("T2V-PROMPT-03", "prompt", {}, {"empty": "", "blank": "   "}),
    Rule("T2V-PROMPT-04", "prompt", {}, {"2001 characters": "a" * 2001}),
    Rule("T2V-DUR-01", "duration", {"the string 6": "6", "true": True, "array": [6]}),
    Rule("T2V-DUR-02", "duration", {}, {f"{value:g}": value for value in (0, -6, 7, 6.5, 1e9)}),
    Rule("T2V-RES-01", "resolution", NOT_RESOLUTIONS, NULL),
    Rule("T2V-RES-02", "resolution", {}, {value or "empty": value for value in ("768p", "720P", "4K", "")}),
    Rule(
        "T2V-CB-01",
        "callback_url",
        {"42": 42, "true": True, "array": ["https://example.com/"]},
        {"no URL": "not a url"},
    ),
    Rule("T2V-IMG-01", "first_frame_image", {}, {"image, no prompt": IMAGE_URL}, {"prompt": ABSENT}),
    *_booleans("T2V"),
    Rule("I2V-PROMPT-01", "prompt", MISSING),
    Rule("I2V-PROMPT-02", "prompt", NOT_STRINGS),
    Rule("I2V-PROMPT-04", "prompt", {"2001 characters": "a" * 2001}),
    Rule("I2V-IMG-01", "first_frame_image", MISSING),
    Rule(
        "I2V-IMG-02",
        "first_frame_image",
        {"42": 42, "true": True, "object": {"url": IMAGE_URL}, "array of URLs": [IMAGE_URL]},
    ),
    Rule("I2V-DUR-01", "duration", {"6.5": 6.5, "the string 6": "6", "true": True}),
    Rule("I2V-DUR-03", "duration", {str(value): value for value in (5, 7, 9, 11, 0, -6)}),
    # About letter case the page says nothing.
    Rule("I2V-RES-02", "resolution", {value or "empty": value for value in ("720P", "4K", "")}, {"768p": "768p"}),
    Rule("I2V-RES-03", "resolution", NOT_RESOLUTIONS, NULL),
    Rule("I2V-CB-01", "callback_url", {"42": 42, "array": ["https://example.com/"]}),
    Rule("I2V-FP-02", "fast_pretreatment", {}, {"true": True}),
    Rule("I2V-MODEL-01", "model", {}, {"Fast variant": "MiniMax-Hailuo-2.3-Fast", "no such model": "no-such-model"}),
    *_booleans("I2V"),
)


def _png(width: int, height: int, *, padding: int = 0) -> str:
    return data_url("image/png", png(width, height, padding=padding))


#: Rules about the image, which a gateway may enforce later by ending FAILED: values by the names of their cases, made when
#: they are sent. 20 MiB is not below 20 MB, whichever MB the page means.
BROKEN_IMAGES: Final[dict[str, dict[str, Callable[[], str]]]] = {
    "I2V-IMG-05": {
        "bare Base64": lambda: _png(640, 480).partition(",")[2],
        "data URL without Base64": lambda: "data:image/png,not an image",
        "payload that is not Base64": lambda: "data:image/png;base64,!!!not-base64!!!",
    },
    "I2V-IMG-07": {
        "GIF": lambda: data_url("image/gif", gif(320, 320)),
        "BMP": lambda: data_url("image/bmp", bmp(640, 480)),
        "SVG": lambda: data_url("image/svg+xml", svg(640, 480)),
    },
    "I2V-IMG-08": {"20 MiB": lambda: _png(640, 480, padding=20 * 1024 * 1024)},
    "I2V-IMG-09": {"300 x 400": lambda: _png(300, 400), "400 x 300": lambda: _png(400, 300)},
    "I2V-IMG-11": {"400 x 1010": lambda: _png(400, 1010), "1010 x 400": lambda: _png(1010, 400)},
}


def _with_image(name: str, image: Callable[[], str], intent: Intent = "refuse") -> Case:
    def body() -> bytes:
        return encode({"prompt": PROMPT, "first_frame_image": image()})

    return Case(operation="imageToVideo", name=name, body=body, intent=intent)


#: What every family of broken rules bears on beside its own clause, and those of rules about the image.
REFUSALS: Final = ("ERR-ENV-02", "ERR-400-01", "ERR-500-01", "ERR-SET-01")
FAILURES: Final = (*REFUSALS, "I2V-IMG-15")

BUCKET: Final = "https://pub-582b7213209642b9b995c96c95a30381.r2.dev"

NO_IMAGES: Final = (
    _with_image("truncated PNG", lambda: data_url("image/png", png(640, 480)[:60]), "any"),
    i2v("URL of nothing", "any", first_frame_image=f"{BUCKET}/no-such-image.jpg"),
    i2v("host that does not resolve", "any", first_frame_image="https://image.invalid/first.jpg"),
)
LARGE_AND_LONG: Final = i2v("1080P, 10 s", "any", resolution="1080P", duration=10)

#: Whether the image is refused shows whether the member is read at all; whether a number is, shows what it is read as.
IMAGE_AND_PROMPT: Final = (
    t2v("image", "any", first_frame_image=IMAGE_URL),
    t2v("number as image", "any", first_frame_image=42),
)

#: What the page forbids.
PROBES: Final = (
    family("malformed JSON, text to video", "SUBMIT-16", *_raw("generate", MALFORMED), feeds=("BASE-02",)),
    family("malformed JSON, image to video", "SUBMIT-16", *_raw("imageToVideo", MALFORMED), feeds=("BASE-03",)),
    family("not an object, text to video", "SUBMIT-17", *_raw("generate", NOT_OBJECTS)),
    family("not an object, image to video", "SUBMIT-17", *_raw("imageToVideo", NOT_OBJECTS)),
    family("unknown member, no prompt", "SUBMIT-18", t2v("no prompt", "any", prompt=ABSENT, seed=42)),
    family("unknown member", "SUBMIT-18", t2v("otherwise valid", "any", seed=42), only_unlimited=True),
    family("odd input", "ERR-500-01", *_raw("generate", ODD_INPUT, "any", BODY_ONLY), only_unlimited=True),
    *(
        family(rule.clause, rule.clause, *rule.cases(rule.forbidden, "refuse"), feeds=REFUSALS)
        for rule in RULES
        if rule.forbidden
    ),
    *(
        family(clause, clause, *(_with_image(*each) for each in images.items()), feeds=FAILURES, followed=True)
        for clause, images in BROKEN_IMAGES.items()
    ),
)

#: What the page leaves open, so that a gateway may well accept it.
OPEN_QUESTIONS: Final = (
    family("other content types", "HDR-02", *OTHER_TYPES),
    *(
        family(f"{rule.clause}, open question", rule.clause, *rule.cases(rule.left_open, "any"))
        for rule in RULES
        if rule.left_open
    ),
    family("I2V-IMG-13", "I2V-IMG-13", *NO_IMAGES, followed=True),
    family("I2V-COMBO-01", "I2V-COMBO-01", LARGE_AND_LONG, followed=True, only_unlimited=True),
    family("T2V-IMG-01, with a prompt", "T2V-IMG-01", *IMAGE_AND_PROMPT, only_unlimited=True),
)
