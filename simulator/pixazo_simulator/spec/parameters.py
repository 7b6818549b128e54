"""The parameters of the page's two operations: types, marks in a prompt, and rules from the page or, where it is silent, the policy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pkgutil import get_data
from typing import Annotated, Any, Literal, NamedTuple, cast

import msgspec
from msgspec import UNSET, UnsetType

from .decoding import json_fault
from .errors import MOST_BRACKETS, MOST_COMMAS, SMALL_BODY, InvalidBody, Problem, Violation
from .images import MEDIA_TYPES, ImageFacts, image_facts, kind_of, read_data_url
from .lifecycle import Status
from .operations import ANY_MODEL, Operation, read_model, unwanted, url_problem
from .policy import Policy
from .text import SECOND, beginning, is_data_url, json_value, nearest, regex

__all__ = [
    "DEFAULT_DURATION", "DEFAULT_RESOLUTION", "DURATIONS", "HAILUO", "IMAGE_LIMITS", "KEYS", "MODEL_ID", "NO_MAGIC",
    "OPERATIONS", "OUTCOME_HEADER", "PROMPTS", "PROMPT_LIMIT", "RESOLUTIONS", "SHORT_SIDE", "SUBMITS", "TEXT_TO_VIDEO",
    "Findings", "Magic", "Parameters", "check", "has_invalid_ratio", "has_too_many_values",
    "members", "parameters_of", "plain_parameters", "read_key", "read_magic", "unknown_member",
]  # fmt: skip


class Parameters(msgspec.Struct, frozen=True, gc=False):
    """The members that decide anything, UNSET when they were not sent (page, Request Parameters)."""

    prompt: str | UnsetType = UNSET
    duration: float | UnsetType = UNSET
    resolution: str | UnsetType = UNSET
    callback_url: str | UnsetType = UNSET
    first_frame_image: str | UnsetType = UNSET


_IMAGE = "first_frame_image"
_KINDS: Mapping[str, type] = {"string": str, "integer": float, "number": float, "boolean": bool}
"""By the types of parameters: the page says integer, but JSON has one type of number (policy `number_forms`)."""

HAILUO = read_model((get_data("pixazo_simulator.spec", "models/hailuo.toml") or b"").decode(), "hailuo")
"""The page's two operations; the file is a part of the program, which is loaded with it."""
OPERATIONS: dict[str, Operation] = {operation.name: operation for operation in HAILUO}
"""The same by name."""
TEXT_TO_VIDEO = HAILUO[0]
MODEL_ID = TEXT_TO_VIDEO.model_id
SUBMITS = frozenset(OPERATIONS) | {ANY_MODEL}
"""The operations that submit."""


_VALUE: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def members(body: bytes) -> dict[str, Any] | InvalidBody:
    """The members of a JSON object, whatever they are; of a repeated name the last one counts."""
    if has_too_many_values(body):
        return InvalidBody("too_many_values")
    try:
        value = _VALUE.decode(body)
    except RecursionError:
        return InvalidBody("nested")
    except msgspec.ValidationError:  # JSON does not bound numbers, Python does
        return InvalidBody("number")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return InvalidBody(*json_fault(body)) if body.strip() else InvalidBody("empty")
    return cast("dict[str, Any]", value) if isinstance(value, dict) else InvalidBody("object", json_value(value))


def has_too_many_values(body: bytes, commas: int = MOST_COMMAS, brackets: int = MOST_BRACKETS) -> bool:
    """Whether it would take long to read each value of a body: it is large and has too many of these marks."""
    if len(body) <= SMALL_BODY:
        return False
    for mark, most in ((b",", commas), (b"[", brackets), (b"{", brackets)):
        at = -1
        for _ in range(most + 1):
            at = body.find(mark, at + 1)
            if at < 0:
                break
        else:
            return True
    return False


class Read(NamedTuple):
    """The parameters among the members of a body; those of a wrong type are left out, with a problem for each."""

    parameters: Parameters
    problems: tuple[Problem, ...] = ()


def parameters_of(given: Mapping[str, Any], operation: Operation, policy: Policy) -> Read:
    """Read the parameters among the members of a body; policy `null_members` says what null is."""
    if policy.null_members == "ignore" and None in given.values():
        given = {name: value for name, value in given.items() if value is not None}
    if not operation.on_page:
        return Read(_common(given, operation), tuple(operation.problems(given)))
    sent = [each for each in operation.parameters if each.name in given]
    wrong = [each for each in sent if not _converts(given[each.name], _KINDS[each.type])]
    right = {each.name: given[each.name] for each in sent if each not in wrong}
    problems = (unwanted(each, each.name, given[each.name]) for each in wrong)
    return Read(msgspec.convert(right, Parameters), tuple(problems))


def _common(given: Mapping[str, Any], operation: Operation) -> Parameters:
    """What the world needs to know about a submission to any other operation."""
    callback = operation.value(operation.callback, given)
    return Parameters(
        operation.text(operation.prompt, given) if operation.prompt else UNSET,
        operation.number("duration", given),
        operation.text("resolution", given),
        callback_url=callback if isinstance(callback, str) else UNSET,
    )


def _converts(value: object, kind: type) -> bool:
    if type(value) is kind:  # nearly always, and ten times as fast
        return True
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


# Magic: what a prompt or a key chooses without the control API.

OUTCOME_HEADER = "X-Sim-Outcome"
"""The header of a submission that says the same as marks in its prompt, without the brackets: `failed TEXT`, or `after 30; error TEXT`."""
_OPEN, _CLOSE = "[[sim:", "]]"
_OPENING = regex(r"\[\[ {0,8}sim {0,8}:", re.IGNORECASE)
_LONGEST_WORD, _LONGEST_TEXT = 40, 2000
REACH = 20_000
"""Characters of a prompt in which marks are looked for: ten times the longest prompt that the page allows."""

PROMPTS = {
    "failed": ("[[sim:failed TEXT]]", "ends FAILED with TEXT as its error"),
    "error": ("[[sim:error TEXT]]", "ends ERROR with TEXT as its error, and is not charged"),
    "stuck": ("[[sim:stuck]]", "stays PROCESSING forever"),
    "after": (
        "[[sim:after SECONDS]]",
        "ends SECONDS after it was accepted, queued and processing in the usual proportion",
    ),
    "polls": ("[[sim:polls N]]", "leaves each state with the N-th status read that shows it, whatever the clock says"),
    "moderated": ("[[sim:moderated]]", "is refused or ends FAILED, as policy `moderation` says"),
}
"""Marks that may be anywhere in a prompt, alone or together: word -> (how it is written, what the generation does)."""

_BETWEEN = regex(rf" *; *(?=(?:{'|'.join(PROMPTS)})\b)", re.IGNORECASE)

KEYS = {
    "sim-empty-wallet": "has no money: a submission gets 402",
    "sim-one-video": "has money for one video of 6 s",
    "sim-two-videos": "has money for two videos of 6 s",
    "sim-suspended": "is suspended: every request gets 403",
    "sim-throttled": "is over its rate limit: every request gets 429",
    "sim-throttled-briefly": "is over its rate limit for 2 s, then served",
    "sim-broken": "meets a broken gateway: every request gets 500",
    "sim-disabled-model": "finds the model disabled: a submission gets 400",
    "sim-another-account": "is an ordinary one, in addition to the usual",
}
"""Keys that open a world of their own when they are first used: key -> what is special about it.

With `-SUFFIX` appended a key opens another such world for each suffix, so tests can run in parallel.
"""


def read_key(key: str) -> str | None:
    """The magic key that this one is or begins with, the longest if there are several; None when there is none."""
    return max((name for name in KEYS if key == name or key.startswith(f"{name}-")), key=len, default=None)


class Magic(msgspec.Struct, frozen=True):
    """The outcome that the marks of a prompt, or of the header, choose; None where they choose nothing."""

    outcome: Status | None = None
    error: str | None = None
    after: int | None = None
    stuck: bool = False
    moderated: bool = False
    polls: int | None = None


NO_MAGIC = Magic()


def read_magic(prompt: str, header: str = "") -> Magic | Problem:
    """Read every mark in the first 20,000 characters of a prompt, in letters of either case, then those of X-Sim-Outcome.

    The last one of a kind counts. An unknown mark is a problem, which names it and the remedy.
    """
    if "[[" not in prompt and not header:
        return NO_MAGIC
    marks = [("prompt", *rest.partition(_CLOSE)[:2]) for rest in _OPENING.split(prompt[:REACH])[1:]]
    if header:  # TEXT may contain a semicolon that no word of ours follows
        marks += [(OUTCOME_HEADER, part, _CLOSE) for part in _BETWEEN.split(header[:REACH])]
    outcome, error, after, stuck, moderated, polls = None, None, None, False, False, None
    for member, inside, close in marks:
        word, text = (*inside.split(maxsplit=1), "", "")[:2]
        word, text = word[:_LONGEST_WORD].lower(), text[:_LONGEST_TEXT].rstrip()
        if close and word in ("failed", "error"):
            outcome, error = Status(word.upper()), text or None
        elif close and word == "after" and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,3})?", text):
            after, polls = round(float(text) * SECOND), None
        elif close and word == "polls" and re.fullmatch(r"[1-9][0-9]{0,5}", text):
            after, polls = None, int(text)
        elif close and word in ("stuck", "moderated") and not text:
            stuck, moderated = stuck or word == "stuck", moderated or word == "moderated"
        else:
            return _no_mark(member, word, close)
    return Magic(outcome, error, after, stuck, moderated, polls)


def _no_mark(member: str, word: str, close: str) -> Problem:
    in_header = member == OUTCOME_HEADER
    forms = {name: form[len(_OPEN) : -len(_CLOSE)] if in_header else form for name, (form, _) in PROMPTS.items()}
    remedy = f"known are {', '.join(forms.values())}{nearest(word, tuple(forms))}"
    if word in forms:
        remedy = f"write {forms[word]}"
    return Problem(member, Violation.MAGIC, (repr(word) if in_header else f"{_OPEN}{word}{close}", remedy))


# Rules

_DURATION, _RESOLUTION = (each for each in HAILUO[1].parameters if each.enumeration)
"""The parameters of image-to-video for which the page lists values."""
DURATIONS: tuple[int, ...] = _DURATION.enumeration
RESOLUTIONS: tuple[str, ...] = _RESOLUTION.enumeration
DEFAULT_DURATION = 6  # page: "Default: 6"
DEFAULT_RESOLUTION = "768P"  # page: "Default: 768P"
PROMPT_LIMIT = 2000
"""Characters: "Video description, maximum 2000 characters" (page), counted in the unit of policy `prompt_unit`."""
IMAGE_LIMITS = {"mib": 20 * 1024 * 1024, "mb": 20_000_000}
"""Bytes; an image must be smaller: "<20MB" (page), by value of policy `image_megabyte`."""
SHORT_SIDE = 300
"""Pixels; the short side must be longer: "short side >300px" (page)."""
MOST_UNKNOWN = 10
"""Unknown members that one response names."""

Images = Mapping[str, ImageFacts]
"""The images at URLs that a world knows (policy `image_urls`, value `table`)."""

_COUNT: Mapping[str, Callable[[str], int]] = {
    "code_points": len,
    "utf16": lambda text: len(text.encode("utf-16-le")) // 2,
    "bytes": lambda text: len(text.encode()),
}
_BASE64_STARTS = ("iVBORw0KGgo", "/9j/", "UklGR")
"""How PNG, JPEG and WebP files begin in Base64."""


class PlainParameters(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """What most submissions are: values that neither the page nor any policy leaves open."""

    prompt: Annotated[str, msgspec.Meta(min_length=1, max_length=PROMPT_LIMIT // 4)]  # a code point has at most 4 bytes
    duration: Literal[6, 10] | UnsetType = UNSET
    resolution: Literal["768P", "1080P"] | UnsetType = UNSET
    prompt_optimizer: bool | UnsetType = UNSET
    fast_pretreatment: bool | UnsetType = UNSET
    aigc_watermark: bool | UnsetType = UNSET


def plain_parameters(given: dict[str, Any] | InvalidBody) -> PlainParameters | None:
    """The parameters of a text-to-video body with which nothing can be wrong, whatever the policy; None: `check` them."""
    try:
        found = msgspec.convert(given, PlainParameters)
    except msgspec.ValidationError:
        return None
    return None if "[[" in found.prompt or found.prompt.isspace() or _is_combo(found) else found


def _is_combo(parameters: Parameters | PlainParameters) -> bool:
    """Whether a video of 10 s in 1080P is wanted (policy `combo_1080p_10s`)."""
    return parameters.duration == 10 and parameters.resolution == "1080P"


class Findings(msgspec.Struct):
    """What is wrong: problems for which the submission is refused, and problems for which the generation will end FAILED.

    `frame` is the size of the first frame in pixels, where known; `decided_by` names policy fields of which another value decides otherwise.
    """

    refused: list[Problem] = []
    fails: list[Problem] = []
    magic: Magic = NO_MAGIC
    frame: tuple[int, int] | None = None
    decided_by: list[str] = []

    def judge(self, policy: Policy, field: str, problems: Iterable[Problem]) -> None:
        """Let a field of the policy decide about problems: `refuse`, `fail`, or `accept`."""
        self.decided_by.append(field)
        verdict = getattr(policy, field)
        if verdict != "accept":
            (self.fails if verdict == "fail" else self.refused).extend(problems)


def check(
    parameters: Parameters, operation: Operation, policy: Policy, images: Images, *, magic: bool, outcome: str = ""
) -> Findings:
    """Judge parameters of the right types by every rule of the page, or of the policy where the page leaves a rule open.

    With `magic`, marks count: those in the prompt, and `outcome`, those of the header X-Sim-Outcome.
    """
    found = Findings([], [], NO_MAGIC, None, [])
    marks = read_magic(parameters.prompt or "", outcome) if magic else NO_MAGIC
    if not operation.on_page:
        _note_marks(policy, found, marks)
        return found
    limited = operation.limited or policy.t2v_limits == "i2v"
    beyond = [*_length_problems(parameters, policy, found, limited=limited), *_frame_problems(parameters, limited=True)]
    is_combo = _is_combo(parameters)
    if (beyond or is_combo) and not operation.limited:
        found.decided_by.append("t2v_limits")
    if parameters.prompt is UNSET:
        found.refused.append(Problem("prompt", Violation.REQUIRED))
    else:
        if not parameters.prompt.strip():
            found.judge(policy, "blank_prompt", [Problem("prompt", Violation.BLANK)])
        _note_marks(policy, found, marks)
    found.refused += beyond if limited else _frame_problems(parameters, limited=False)
    # Not on the page: MiniMax upstream has 1080P for 6 s only (policy `combo_1080p_10s`).
    if limited and is_combo:
        found.judge(policy, "combo_1080p_10s", [Problem("resolution", Violation.COMBO)])
    if _IMAGE in operation.names:
        _check_image(parameters.first_frame_image, policy, images, found)
    return found


def _length_problems(parameters: Parameters, policy: Policy, found: Findings, *, limited: bool) -> Sequence[Problem]:
    prompt = parameters.prompt
    if prompt is UNSET or len(prompt) * 4 <= PROMPT_LIMIT:  # a code point has at most 4 bytes
        return ()
    counts = {unit: count(prompt) for unit, count in _COUNT.items()}
    if limited and min(counts.values()) <= PROMPT_LIMIT < max(counts.values()):
        found.decided_by.append("prompt_unit")
    count = counts[policy.prompt_unit]
    return () if count <= PROMPT_LIMIT else [Problem("prompt", Violation.LENGTH, (PROMPT_LIMIT, count))]


def _note_marks(policy: Policy, found: Findings, read: Magic | Problem) -> None:
    if isinstance(read, Problem):
        found.refused.append(read)
        return
    found.magic = read
    if read.moderated:
        found.judge(policy, "moderation", [Problem("prompt", Violation.MODERATED)])


def _frame_problems(parameters: Parameters, *, limited: bool) -> Sequence[Problem]:
    duration, resolution = parameters.duration, parameters.resolution
    if not limited:
        too_short = duration is not UNSET and duration <= 0
        return [Problem("duration", Violation.WANTED, ("greater than 0", f"{duration:g}"))] if too_short else ()
    sent = ((_DURATION, duration), (_RESOLUTION, resolution))
    return [unwanted(each, each.name, given) for each, given in sent if given not in (UNSET, *each.enumeration)]


def _check_image(given: object, policy: Policy, images: Images, found: Findings) -> None:
    if not isinstance(given, str):
        found.refused.append(Problem(_IMAGE, Violation.REQUIRED))
    elif is_data_url(given):
        _check_data_url(given, policy, found)
    elif fault := url_problem(given):
        if given.startswith(_BASE64_STARTS):
            fault = "it is Base64 without data:image/png;base64, before it"
        found.refused.append(Problem(_IMAGE, Violation.IMAGE_URL, (fault,)))
    else:
        _check_image_url(given, policy, images, found)


def _check_image_url(given: str, policy: Policy, images: Images, found: Findings) -> None:
    """An image at a usable URL: it is documented that such URLs are accepted, except plain http."""
    is_https = given.lower().startswith("https:")
    found.decided_by += ("image_urls",) if not is_https else policy.changed_among("image_urls")
    if policy.image_urls == "https" and not is_https:
        found.refused.append(Problem(_IMAGE, Violation.HTTPS))
    elif policy.image_urls == "table":
        facts = images.get(given)
        found.fails += [Problem(_IMAGE, Violation.UNREACHABLE)] if facts is None else _image_problems(facts, policy)
        found.frame = _frame(facts)


def _check_data_url(given: str, policy: Policy, found: Findings) -> None:
    read = read_data_url(given, any_type=policy.image_type == "any")
    if read.faults:
        found.refused.append(Problem(_IMAGE, Violation.DATA_URL, ("; ".join(read.faults),)))
    if read.data is None:
        return
    facts = image_facts(read.data)
    problems = [*_image_problems(facts, policy, kind_of(read.data))]
    declared = MEDIA_TYPES.get(read.media_type)
    if policy.image_type == "match" and declared and facts.format not in ("other", declared):
        problems.append(Problem(_IMAGE, Violation.IMAGE_TYPE, (read.media_type, facts.format)))
    if facts.format not in ("other", declared):
        found.decided_by.append("image_type")
    if IMAGE_LIMITS["mb"] <= facts.size < IMAGE_LIMITS["mib"]:
        found.decided_by.append("image_megabyte")
    if problems:
        found.judge(policy, "image_rules", problems)
    found.frame = _frame(facts)


def _frame(facts: ImageFacts | None) -> tuple[int, int] | None:
    return (facts.width, facts.height) if facts and facts.width > 0 and facts.height > 0 else None


def _image_problems(facts: ImageFacts, policy: Policy, other: str = "another format") -> Iterator[Problem]:
    """Every image rule that is broken; `other` says what an image in an unknown format is."""
    if facts.size >= (limit := IMAGE_LIMITS[policy.image_megabyte]):
        yield Problem(_IMAGE, Violation.IMAGE_SIZE, (limit, facts.size))
    if facts.format == "other":
        yield Problem(_IMAGE, Violation.IMAGE_FORMAT, (other,))
        return
    if not facts.whole or facts.width <= 0 or facts.height <= 0:
        yield Problem(_IMAGE, Violation.IMAGE_DAMAGED)
    if facts.width <= 0 or facts.height <= 0:
        return
    if min(facts.width, facts.height) <= SHORT_SIDE:
        yield Problem(_IMAGE, Violation.IMAGE_SIDE, (min(facts.width, facts.height),))
    if has_invalid_ratio(facts):
        yield Problem(_IMAGE, Violation.IMAGE_RATIO, (facts.width, facts.height))


def has_invalid_ratio(facts: ImageFacts) -> bool:
    """Whether a frame is outside the page's "aspect ratio 2:5 to 5:2"."""
    return 5 * facts.width < 2 * facts.height or 2 * facts.width > 5 * facts.height


def unknown_member(given: Iterable[str], operation: Operation) -> list[Problem]:
    """The first of these members that the page does not list for this operation (policy `unknown_members`), and how many more."""
    known = operation.names
    unknown = [name for name in given if name not in known]
    if not unknown:
        return []
    remedies, more = [_meant(name, operation) for name in unknown[:MOST_UNKNOWN]], len(unknown) - MOST_UNKNOWN
    if more > 0:
        remedies[-1] += f", nor are {more} more"
    pairs = zip(unknown, remedies, strict=False)
    # The journal and the log show the names as well, where a line feed or an escape sequence would do harm.
    return [Problem(_printable(beginning(name, 40)), Violation.UNKNOWN, (remedy,)) for name, remedy in pairs]


def _printable(name: str) -> str:
    return name if name.isprintable() else repr(name)[1:-1]


def _meant(name: str, operation: Operation) -> str:
    """What an unknown member probably means: a parameter of the page's other operation, or a known one with a similar name."""
    others = (other.name for other in HAILUO if operation.on_page and name in other.names)
    other = next(others, None)
    return f" (but of {other})" if other else nearest(name, operation.names)
