"""Families: requests to one operation that are each odd in one respect: they break a rule of the page, or just keep it.

A family's requests are sent one after the other. On a target that charges, a request counts as a generation unless the page says
that it is refused, whether it is refused or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from pixazo_contracts.trace import Exchange, Intent

from .conversation import (
    Conversation,
    Headers,
    Probe,
    ReceiverUrl,
    RunContext,
    await_callbacks,
    open_receiver_url,
    probe,
)
from .images import bmp, data_url, gif, jpeg, png, svg, webp
from .operations import BODY_ONLY, PRINTED, PRINTED_HEADERS, PROMPT, download, encode, follow, submit
from .samples import members, text

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

    The first acceptance of a case that the page forbids ends the family; on a target that charges the accidental generation
    is polled for what it can still show. With `followed` the end of an accepted case belongs to the question, so all cases
    are sent and then followed to their ends, and what they made is downloaded.
    """
    counted = sum(case.intent != "refuse" for case in cases)

    @probe(name, aim, *feeds, worst=max(1, counted), cost=counted, only_unlimited=only_unlimited)
    def conversation(context: RunContext) -> Conversation[None]:
        accepted: list[Exchange] = []
        for case in cases:
            exchange = yield from _sent(case, aim)
            if exchange.succeeded:
                accepted.append(exchange)
                if case.intent == "refuse" and (context.limited or not followed):
                    break
        if followed or (context.limited and accepted):
            ends = yield from follow(context, accepted)
            for end in ends.values() if followed else ():
                yield from download(context, end)

    return conversation


def _sent(case: Case, *aims: str) -> Conversation[Exchange]:
    intent, headers = case.intent, case.headers
    return submit(case.operation, case.body(), case=case.name, aims=aims, intent=intent, headers=headers)


#: How often a valid body is sent, where that costs nothing, until it completes: the page promises success to none.
MOST_TRIES: Final = 3


def values(aims: str, *cases: Case, name: str = "") -> Probe:
    """A probe that sends requests that the page allows, follows each to its end, and downloads what it got.

    `aims`: the ids of the clauses for which each of them is sent, separated by spaces.
    """
    clauses = aims.split()
    codes = {"SUBMIT-01" if case.operation == "generate" else "SUBMIT-02" for case in cases}

    @probe(name or f"{aims}, allowed", *clauses, *sorted(codes), "OUT-10", "OUT-11", cost=len(cases))
    def conversation(context: RunContext) -> Conversation[None]:
        left = cases
        for _ in range(1 if context.limited else MOST_TRIES):
            sent: list[Exchange] = []
            for case in left:
                exchange = yield from _sent(case, *clauses)
                sent.append(exchange)
            ends = yield from follow(context, sent)
            for end in ends.values():
                yield from download(context, end)
            bad = {request_id for request_id, end in ends.items() if end.state != "COMPLETED"}
            left = tuple(case for case, exchange in zip(left, sent, strict=True) if exchange.accepted_id in bad)
            if not left:
                return

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
    "trailing comma": b'{"prompt": "A paper boat",}',
    "trailing text": b'{"prompt": "A paper boat"} boat',
    "two documents": b'{"prompt": "A paper boat"}{"duration": 6}',
    "comment": b'{/* boat */ "prompt": "A paper boat"}',
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
    "UTF-16": '{"prompt": "A paper boat"}'.encode("utf-16"),
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
    """A rule about one member: the clause that states it, values that the page forbids, leaves open, and allows.

    The values stand by the names of their cases; `also` are further changes that each case makes.
    """

    clause: str
    member: str
    forbidden: Mapping[str, object] = field(default_factory=dict[str, object])
    left_open: Mapping[str, object] = field(default_factory=dict[str, object])
    also: Mapping[str, object] = field(default_factory=dict[str, object])
    allowed: Mapping[str, object] = field(default_factory=dict[str, object])

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
NOT_STRINGS: Final = {"42": 42, "1.5": 1.5, "true": True, "false": False, "object": {"text": PROMPT}, "array": [PROMPT]}
NOT_RESOLUTIONS: Final = {"768": 768, "true": True, "object": {"height": 768}, "array": ["768P"]}
NOT_URLS: Final = {
    "42": 42,
    "true": True,
    "false": False,
    "object": {"url": "https://example.com/"},
    "array": ["https://example.com/"],
}
NOT_NUMBERS: Final = {"the string 6": "6", "true": True, "false": False, "object": {"seconds": 6}, "array": [6]}

#: Text of any kind that a string may hold; and the longest prompts of image-to-video, of one, three and four bytes a character.
ANY_TEXT: Final = {
    "line breaks, quotes and other scripts": 'A "paper" boat,\n\ta cat\'s \\ shadow: סירה, 海, 🚢',
    "markup": "A boat <b>&amp; a cat</b>, 100% {calm} ${sea}; -- it's late",
    "a letter": "A",
}
LONGEST: Final = 2000
CHARACTERS: Final = {"three bytes": "海", "four bytes": "🚢"}
CAMERA: Final = "[Push in] A lighthouse keeper climbs the stairs, [Pan left] the sea below, [Zoom out]"

#: The page does not say whether null means absence, so a null is observed, not judged.
NULL: Final = {"null": None}


def _booleans(group: str) -> tuple[Rule, ...]:
    members = {"PO": "prompt_optimizer", "FP": "fast_pretreatment", "WM": "aigc_watermark"}
    wrong: dict[str, object] = {
        "the string true": "true",
        "the string False": "False",
        "the empty string": "",
        "0": 0,
        "1.0": 1.0,
        "object": {},
        "array": [True],
    }
    both = {"false": False, "true": True}
    # For image-to-video the page names the variant that `fast_pretreatment` is for: I2V-FP-02 observes what true does.
    allowed = {"FP": {"false": False}} if group == "I2V" else {}
    return tuple(
        Rule(f"{group}-{short}-01", member, wrong, NULL, allowed=allowed.get(short, both))
        for short, member in members.items()
    )


#: The page, Parameters of both operations: 'Required', 'Type' and 'Description'.
RULES: Final = (
    Rule("T2V-PROMPT-01", "prompt", MISSING),
    Rule("T2V-PROMPT-02", "prompt", NOT_STRINGS, allowed=ANY_TEXT),
    Rule("T2V-PROMPT-03", "prompt", {}, {"empty": "", "blank": "   "}),
    Rule("T2V-PROMPT-04", "prompt", {}, {"2001 characters": "a" * 2001}),
    Rule("T2V-DUR-01", "duration", NOT_NUMBERS),
    Rule("T2V-DUR-02", "duration", {}, {f"{value:g}": value for value in (0, -6, 7, 6.5, 1e9)}),
    Rule("T2V-RES-01", "resolution", NOT_RESOLUTIONS, NULL),
    Rule("T2V-RES-02", "resolution", {}, {value or "empty": value for value in ("768p", "720P", "4K", "")}),
    Rule("T2V-CB-01", "callback_url", NOT_URLS, {"no URL": "not a url"}),
    Rule("T2V-IMG-01", "first_frame_image", {}, {"image, no prompt": IMAGE_URL}, {"prompt": ABSENT}),
    *_booleans("T2V"),
    Rule("I2V-PROMPT-01", "prompt", MISSING),
    Rule("I2V-PROMPT-02", "prompt", NOT_STRINGS, allowed=ANY_TEXT),
    Rule("I2V-PROMPT-03", "prompt", allowed={"2000 characters": "a" * LONGEST}),
    Rule(
        "I2V-PROMPT-04",
        "prompt",
        {
            f"2001 characters of {name}": letter * (LONGEST + 1)
            for name, letter in {"one byte": "a", **CHARACTERS}.items()
        }
        | {"20,000 characters": "a" * (10 * LONGEST)},
    ),
    Rule(
        "I2V-PROMPT-05",
        "prompt",
        allowed={f"2000 characters of {name}": letter * LONGEST for name, letter in CHARACTERS.items()},
    ),
    Rule("I2V-PROMPT-06", "prompt", allowed={"camera movement": CAMERA}),
    Rule("I2V-IMG-01", "first_frame_image", MISSING),
    Rule(
        "I2V-IMG-02",
        "first_frame_image",
        {"42": 42, "true": True, "object": {"url": IMAGE_URL}, "array of URLs": [IMAGE_URL]},
    ),
    Rule(
        "I2V-DUR-01",
        "duration",
        {"10.5": 10.5, "5.999": 5.999, "the string 10": "10", "the string 6s": "6s", **NOT_NUMBERS},
    ),
    Rule("I2V-DUR-02", "duration", allowed={"6 s": 6, "10 s": 10, "none after 10 s": ABSENT}),
    Rule(
        "I2V-DUR-03",
        "duration",
        {str(value): value for value in (1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 15, 20, 30, 60, 0, -6, 10**12)},
    ),
    Rule("I2V-RES-01", "resolution", allowed={"768P": "768P", "1080P": "1080P", "none after 1080P": ABSENT}),
    Rule(
        "I2V-RES-02",
        "resolution",
        {
            repr(value): value
            for value in (
                "480P",
                "512P",
                "540P",
                "720P",
                "1080i",
                "1440P",
                "2160P",
                "2K",
                "4K",
                "768",
                "1080",
                "768p",
                "1080p",
                " 768P",
                "768P ",
                "",
            )
        },
    ),
    Rule("I2V-RES-03", "resolution", NOT_RESOLUTIONS, NULL),
    Rule("I2V-CB-01", "callback_url", NOT_URLS),
    Rule("I2V-FP-02", "fast_pretreatment", {}, {"true": True}),
    Rule("I2V-MODEL-01", "model", {}, {"Fast variant": "MiniMax-Hailuo-2.3-Fast", "no such model": "no-such-model"}),
    *_booleans("I2V"),
)


def _png(width: int, height: int, *, padding: int = 0) -> str:
    return data_url("image/png", png(width, height, padding=padding))


#: The beginnings of two further formats: what tells them apart.
TIFF: Final = b"II*\0\x08\0\0\0\0\0\0\0\0\0"
AVIF: Final = b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"

#: Rules about the image, which a gateway may enforce later by ending FAILED: values by the names of their cases, made when
#: they are sent. 20 MiB is not below 20 MB, whichever MB the page means.
BROKEN_IMAGES: Final[dict[str, dict[str, Callable[[], str]]]] = {
    "I2V-IMG-05": {
        "bare Base64": lambda: _png(640, 480).partition(",")[2],
        "data URL without Base64": lambda: "data:image/png,not an image",
        "empty payload": lambda: "data:image/png;base64,",
        "text as data": lambda: data_url("text/plain", PROMPT.encode()),
        "empty": lambda: "",
        "blank": lambda: " ",
        "no URL": lambda: "a paper boat",
        "no host": lambda: "https://",
        "payload that is not Base64": lambda: "data:image/png;base64,!!!not-base64!!!",
        "ftp": lambda: "ftp://example.com/first.jpg",
        "file": lambda: "file:///first.jpg",
        "javascript": lambda: "javascript:first.jpg",
        "relative path": lambda: "/first.jpg",
    },
    "I2V-IMG-07": {
        "GIF": lambda: data_url("image/gif", gif(320, 320)),
        "BMP": lambda: data_url("image/bmp", bmp(640, 480)),
        "SVG": lambda: data_url("image/svg+xml", svg(640, 480)),
        "TIFF": lambda: data_url("image/tiff", TIFF),
        "AVIF": lambda: data_url("image/avif", AVIF),
        "PDF": lambda: data_url("application/pdf", b"%PDF-1.4\n%%EOF\n"),
        "GIF called PNG": lambda: data_url("image/png", gif(320, 320)),
        "GIF called JPEG": lambda: data_url("image/jpeg", gif(320, 320)),
        "BMP called JPEG": lambda: data_url("image/jpeg", bmp(640, 480)),
        "SVG called WebP": lambda: data_url("image/webp", svg(640, 480)),
        "text called JPEG": lambda: data_url("image/jpeg", PROMPT.encode()),
    },
    "I2V-IMG-08": {"20 MiB": lambda: _png(640, 480, padding=20 * 1024 * 1024)},
    "I2V-IMG-09": {
        "300 x 400": lambda: _png(300, 400),
        "400 x 300": lambda: _png(400, 300),
        "JPEG, 300 x 400": lambda: data_url("image/jpeg", jpeg(300, 400)),
        "WebP, 400 x 300": lambda: data_url("image/webp", webp(400, 300)),
    },
    "I2V-IMG-11": {
        "400 x 1010": lambda: _png(400, 1010),
        "1010 x 400": lambda: _png(1010, 400),
        "JPEG, 1010 x 400": lambda: data_url("image/jpeg", jpeg(1010, 400)),
        "WebP, 400 x 1010": lambda: data_url("image/webp", webp(400, 1010)),
    },
}


def _with_image(name: str, image: Callable[[], str], intent: Intent = "refuse") -> Case:
    def body() -> bytes:
        return encode({"prompt": f"{PROMPT} ({name})", "first_frame_image": image()})

    return Case(operation="imageToVideo", name=name, body=body, intent=intent)


#: Images that the page allows, in the same form: each format, and the outermost sides and ratios.
FINE_IMAGES: Final[dict[str, dict[str, Callable[[], str]]]] = {
    "I2V-IMG-04": {"data URL": lambda: _png(640, 480)},
    "I2V-IMG-06": {
        "PNG with transparency": lambda: data_url("image/png", png(480, 640, alpha=True)),
        "progressive JPEG": lambda: data_url("image/jpeg", jpeg(640, 480, progressive=True)),
        "WebP": lambda: data_url("image/webp", webp(640, 480)),
    },
    # Just below 20 MB, whichever MB the page means.
    "I2V-IMG-08": {"19 MB": lambda: _png(640, 480, padding=19_000_000)},
    "I2V-IMG-10": {
        "301 x 600": lambda: _png(301, 600),
        "600 x 301": lambda: _png(600, 301),
        "3840 x 2160": lambda: _png(3840, 2160),
    },
    "I2V-IMG-12": {
        "640 x 640": lambda: _png(640, 640),
        "755 x 302": lambda: _png(755, 302),
        "302 x 755": lambda: _png(302, 755),
    },
}

#: A body in ASCII, as most encoders write JSON, its members in another order; with all booleans true, or with an image.
ESCAPED: Final = b'{"resolution": "768P", %s"duration": 6, "prompt": "A \\"paper\\" boat \\u6d77 \\ud83d\\udea2"}'
BOOLEANS: Final = b'"prompt_optimizer": true, "fast_pretreatment": true, "aigc_watermark": true, '
ESCAPED_IMAGE: Final = f'"first_frame_image": "{_png(640, 480)}", '.replace("/", "\\/").encode()

CHARSET: Final = (("Content-Type", "application/json; charset=utf-8"),)


def _allowed(rule: Rule) -> Probe:
    # An image given as data, so that a gateway need not find it elsewhere.
    image = {"first_frame_image": _png(640, 480)} if rule.operation == "imageToVideo" else {}
    return values(rule.clause, *replace(rule, also=image).cases(rule.allowed, "accept"))


@probe("callback URLs", "T2V-CB-01", "I2V-CB-01", "WEBHOOK-01", "WEBHOOK-03", "WEBHOOK-19", cost=4, needs={"receiver"})
def _callback_urls(context: RunContext) -> Conversation[None]:
    """A URL on either way to give one, with either operation."""
    accepted, called = list[Exchange](), list[str]()
    for operation, member_aim in (("generate", "T2V-CB-01"), ("imageToVideo", "I2V-CB-01")):
        for way, aim in (("member", member_aim), ("header", "WEBHOOK-01")):
            url = yield from open_receiver_url(ReceiverUrl(f"{way}-{operation}"))
            image = {"first_frame_image": _png(640, 480)} if operation == "imageToVideo" else {}
            case = varied(
                operation, f"URL in the {way}", "accept", **image, **({"callback_url": url} if way == "member" else {})
            )
            headers = (*PRINTED_HEADERS, ("X-Webhook-URL", url)) if way == "header" else PRINTED_HEADERS
            accepted.append((yield from _sent(replace(case, headers=headers), aim)))
            called.append(url)
    ends = yield from follow(context, accepted)
    for exchange, url in zip(accepted, called, strict=True):
        if exchange.accepted_id in ends:
            yield from await_callbacks(url, 1, context.profile.settle)


@probe(
    "broken rules with a URL", "T2V-PROMPT-02", "I2V-PROMPT-04", "I2V-DUR-01", "T2V-PO-01", worst=1, needs={"receiver"}
)
def _broken_with_url(_: RunContext) -> Conversation[None]:
    """A URL to be called back relaxes no rule."""
    url = yield from open_receiver_url(ReceiverUrl("broken-rules"))
    cases = {
        "T2V-PROMPT-02": t2v("42, with a URL", prompt=42),
        "I2V-PROMPT-04": i2v("2001 characters, with a URL", prompt="a" * (LONGEST + 1)),
        "I2V-DUR-01": i2v("the string 6, with a URL", duration="6"),
        "T2V-PO-01": t2v("the string true, with a URL", prompt_optimizer="true"),
    }
    for aim, case in cases.items():
        exchange = yield from _sent(replace(case, headers=(*PRINTED_HEADERS, ("X-Webhook-URL", url))), aim)
        if exchange.succeeded:
            break


#: Public images of the other formats, which WebP's own gallery has had for years: 400 x 301 and 550 x 368.
GALLERY: Final = {
    "PNG": "https://www.gstatic.com/webp/gallery3/1.png",
    "WebP": "https://www.gstatic.com/webp/gallery/1.webp",
}

#: Requests that the page allows: several of its values at once, then each by itself.
ALLOWED: Final = (
    values(
        "T2V-PROMPT-02 T2V-PO-01 T2V-FP-01 T2V-WM-01",
        t2v(
            "other values",
            "accept",
            prompt=f"{PROMPT}\n🚢",
            prompt_optimizer=False,
            fast_pretreatment=True,
            aigc_watermark=True,
        ),
        name="other values",
    ),
    values(
        "I2V-PROMPT-05 I2V-DUR-02 I2V-PO-01 I2V-FP-01 I2V-WM-01 I2V-IMG-06 I2V-IMG-10",
        i2v(
            "long",
            "accept",
            prompt=CHARACTERS["four bytes"] * LONGEST,
            first_frame_image=data_url("image/jpeg", jpeg(600, 301)),
            duration=10,
            prompt_optimizer=False,
            fast_pretreatment=False,
            aigc_watermark=False,
        ),
        name="long prompt and video",
    ),
    values(
        "I2V-PROMPT-02 I2V-RES-01 I2V-PO-01 I2V-WM-01 I2V-IMG-06 I2V-IMG-12",
        i2v(
            "large",
            "accept",
            prompt=f"{PROMPT}\n🚢",
            first_frame_image=_png(302, 755),
            resolution="1080P",
            prompt_optimizer=True,
            aigc_watermark=True,
        ),
        name="large and upright video",
    ),
    _callback_urls,
    *(_allowed(rule) for rule in RULES if rule.allowed),
    *(
        values(clause, *(_with_image(name, image, "accept") for name, image in images.items()))
        for clause, images in FINE_IMAGES.items()
    ),
    *(
        values(clause, *(replace(make(case, "accept"), headers=headers) for make in (t2v, i2v)))
        for clause, case, headers in (
            ("HDR-01", "charset", (*CHARSET, PRINTED_HEADERS[1])),
            ("HDR-03", "no Cache-Control", BODY_ONLY),
        )
    ),
    values("T2V-PROMPT-02", *_raw("generate", {"escaped JSON": ESCAPED % BOOLEANS}, "accept"), name="escapes"),
    values(
        "I2V-PROMPT-02",
        *_raw("imageToVideo", {"escaped JSON": ESCAPED % ESCAPED_IMAGE}, "accept"),
        name="escapes, image to video",
    ),
    values("T2V-BODY-01", *_raw("generate", {"printed example": text("text_to_video").encode()}, "accept")),
    values("T2V-BODY-02", t2v("prompt alone", "accept", duration=ABSENT, resolution=ABSENT)),
    values("I2V-IMG-03", *_raw("imageToVideo", {"printed example": text("image_to_video").encode()}, "accept")),
    values(
        "I2V-IMG-03",
        *(i2v(f"{kind} by URL", "accept", first_frame_image=url) for kind, url in GALLERY.items()),
        name="image URLs",
    ),
)

#: The clauses for which every family of broken rules is evidence beside its own, and those of rules about the image.
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


def _nothing(rule: Rule) -> tuple[Case, ...]:
    """An object without members breaks the rule that the prompt is required."""
    return _raw(rule.operation, {"empty object": b"{}"}) if rule.clause.endswith("-PROMPT-01") else ()


#: The families of requests that the page forbids.
PROBES: Final = (
    family("malformed JSON, text to video", "SUBMIT-16", *_raw("generate", MALFORMED), feeds=("BASE-02",)),
    family("malformed JSON, image to video", "SUBMIT-16", *_raw("imageToVideo", MALFORMED), feeds=("BASE-03",)),
    family("not an object, text to video", "SUBMIT-17", *_raw("generate", NOT_OBJECTS)),
    family("not an object, image to video", "SUBMIT-17", *_raw("imageToVideo", NOT_OBJECTS)),
    family("unknown member, no prompt", "SUBMIT-18", t2v("no prompt", "any", prompt=ABSENT, seed=42)),
    family("odd input", "ERR-500-01", *_raw("generate", ODD_INPUT, "any", BODY_ONLY), only_unlimited=True),
    *(
        family(rule.clause, rule.clause, *rule.cases(rule.forbidden, "refuse"), *_nothing(rule), feeds=REFUSALS)
        for rule in RULES
        if rule.forbidden
    ),
    _broken_with_url,
    *(
        family(clause, clause, *(_with_image(*each) for each in images.items()), feeds=FAILURES, followed=True)
        for clause, images in BROKEN_IMAGES.items()
    ),
)

#: The families of requests that the page leaves open, so that a gateway may accept them.
OPEN_QUESTIONS: Final = (
    family("other content types", "HDR-02", *OTHER_TYPES),
    family("unknown member", "SUBMIT-18", t2v("otherwise valid", "any", seed=42)),
    # The page writes JPG/JPEG of a format; whether it may be a media type is not said.
    # The table of text to video names no values: these are the others of image to video, and what is accepted must be made.
    values("T2V-DUR-02", *(t2v(f"10 s, {size}", "any", duration=10, resolution=size) for size in ("768P", "1080P"))),
    values("T2V-RES-02", t2v("1080P", "any", resolution="1080P")),
    family("image/jpg", "I2V-IMG-06", _with_image("image/jpg", lambda: data_url("image/jpg", jpeg(640, 480)), "any")),
    *(
        family(f"{rule.clause}, open question", rule.clause, *rule.cases(rule.left_open, "any"))
        for rule in RULES
        if rule.left_open
    ),
    family("I2V-IMG-13", "I2V-IMG-13", *NO_IMAGES, followed=True),
    family("I2V-COMBO-01", "I2V-COMBO-01", LARGE_AND_LONG, followed=True, only_unlimited=True),
    family("T2V-IMG-01, with a prompt", "T2V-IMG-01", *IMAGE_AND_PROMPT),
)
