"""The rules for parameters of the right types: each is decided here, from the page or, where that is silent, from the policy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET

from pixazo_simulator.spec.errors import LONGEST_URL, Problem, Rule
from pixazo_simulator.spec.policy import Policy
from pixazo_simulator.spec.text import beginning, nearest

from .images import MOST_SEGMENTS, ImageFacts, image_facts, read_data_url
from .magic import Magic, MagicTypo, read_magic
from .types import ImageParameters, Operation, Parameters

DURATIONS = (6, 10)
"""Seconds: "Must be 6 or 10 seconds" (page, Request Parameters of image-to-video)."""
RESOLUTIONS = ("768P", "1080P")  # page: "Must be '768P' or '1080P'"
DEFAULT_DURATION = 6  # page: "Default: 6"
DEFAULT_RESOLUTION = "768P"  # page: "Default: 768P"
PROMPT_LIMIT = 2000
"""Characters: "Video description, maximum 2000 characters" (page), counted in the unit of policy `prompt_unit`."""
IMAGE_LIMIT = 20 * 1024 * 1024
"""Bytes; an image must be smaller: "<20MB" (page). The page does not say which megabyte: the larger is assumed."""
SHORT_SIDE = 300
"""Pixels; the short side must be longer: "short side >300px" (page)."""
MOST_UNKNOWN = 10
"""Unknown members that one response names."""

Images = Mapping[str, ImageFacts]
"""The images behind URLs that a world knows (policy `image_urls`, value `table`)."""

_COUNT: Mapping[str, Callable[[str], int]] = {
    "code_points": len,
    "utf16": lambda text: len(text.encode("utf-16-le")) // 2,
    "bytes": lambda text: len(text.encode()),
}
_HOST = re.compile(r"[A-Za-z0-9._:%\[\]-]+")


class Findings(msgspec.Struct):
    """What is wrong: problems for which the submission is refused, and problems for which the generation will end FAILED."""

    refused: list[Problem] = []
    fails: list[Problem] = []
    magic: Magic = Magic()


def check(parameters: Parameters, operation: Operation, policy: Policy, images: Images, *, magic: bool) -> Findings:
    """Judge parameters of the right types by every rule of the page, or of the policy where the page leaves a rule open.

    The page states limits for image-to-video only; policy `t2v_limits` applies them to text-to-video.
    """
    found = Findings([], [])
    limited = operation.limited or policy.t2v_limits == "i2v"
    _check_prompt(parameters, policy, found, limited=limited, magic=magic)
    found.refused += _frame_problems(parameters, operation, limited=limited)
    # Not on the page: MiniMax upstream has 1080P for 6 s only (policy `combo_1080p_10s`).
    if limited and policy.combo_1080p_10s != "accept" and (parameters.duration, parameters.resolution) == (10, "1080P"):
        (found.fails if policy.combo_1080p_10s == "fail" else found.refused).append(Problem("resolution", Rule.COMBO))
    if isinstance(parameters, ImageParameters):
        _check_image(parameters.first_frame_image, policy, images, found)
    return found


def _check_prompt(parameters: Parameters, policy: Policy, found: Findings, *, limited: bool, magic: bool) -> None:
    prompt = parameters.prompt
    if prompt is UNSET:
        found.refused.append(Problem("prompt", Rule.REQUIRED))
        return
    if policy.blank_prompt == "refuse" and not prompt.strip():
        found.refused.append(Problem("prompt", Rule.BLANK))
    if limited and len(prompt) * 4 > PROMPT_LIMIT and (count := _COUNT[policy.prompt_unit](prompt)) > PROMPT_LIMIT:
        found.refused.append(Problem("prompt", Rule.LENGTH, (PROMPT_LIMIT, count)))
    if magic:
        read = read_magic(prompt)
        if isinstance(read, MagicTypo):
            found.refused.append(Problem("prompt", Rule.MAGIC, (read.word, read.remedy)))
            return
        found.magic = read
        if read.moderated:
            (found.refused if policy.moderation == "refuse" else found.fails).append(Problem("prompt", Rule.MODERATED))


def _frame_problems(parameters: Parameters, operation: Operation, *, limited: bool) -> Iterator[Problem]:
    duration, resolution = parameters.duration, parameters.resolution
    if duration is not UNSET and duration not in DURATIONS:
        if limited and (not operation.limited or duration == int(duration)):
            yield Problem(
                "duration", Rule.ONE_OF, ("6 or 10 (seconds)", f"{duration:g}" if abs(duration) < 1e15 else "more")
            )
        elif limited:
            yield Problem("duration", Rule.INTEGER)
        elif duration <= 0:
            yield Problem("duration", Rule.POSITIVE)
    if limited and resolution is not UNSET and resolution not in RESOLUTIONS:
        yield Problem("resolution", Rule.ONE_OF, ("768P or 1080P", beginning(resolution, 40)))


def _check_image(given: object, policy: Policy, images: Images, found: Findings) -> None:
    if not isinstance(given, str):
        found.refused.append(Problem("first_frame_image", Rule.REQUIRED))
        return
    if given[:5].lower() != "data:":
        _check_image_url(given, policy, images, found)
        return
    data = read_data_url(given)
    if data is None:
        found.refused.append(Problem("first_frame_image", Rule.DATA_URL))
        return
    (found.refused if policy.image_rules == "refuse" else found.fails).extend(_image_problems(image_facts(data)))


def _check_image_url(url: str, policy: Policy, images: Images, found: Findings) -> None:
    if url_problem(url) or (policy.image_urls == "https" and not url.lower().startswith("https:")):
        found.refused.append(Problem("first_frame_image", Rule.IMAGE_URL))
    elif policy.image_urls == "table":
        facts = images.get(url)
        found.fails += [Problem("first_frame_image", Rule.UNREACHABLE)] if facts is None else _image_problems(facts)


def _image_problems(facts: ImageFacts | None) -> Iterator[Problem]:
    name = "first_frame_image"
    if facts is None:
        yield Problem(name, Rule.IMAGE_SEGMENTS, (MOST_SEGMENTS,))
        return
    if facts.format == "other":
        yield Problem(name, Rule.IMAGE_FORMAT)
        return
    if facts.size >= IMAGE_LIMIT:
        yield Problem(name, Rule.IMAGE_SIZE, (facts.size,))
    if not facts.whole or facts.width <= 0 or facts.height <= 0:
        yield Problem(name, Rule.IMAGE_DAMAGED)
        return
    if min(facts.width, facts.height) <= SHORT_SIDE:
        yield Problem(name, Rule.IMAGE_SIDE, (min(facts.width, facts.height),))
    if 5 * facts.width < 2 * facts.height or 2 * facts.width > 5 * facts.height:  # page: "aspect ratio 2:5 to 5:2"
        yield Problem(name, Rule.IMAGE_RATIO, (facts.width, facts.height))


def unknown_member(given: Iterable[str], operation: Operation) -> list[Problem]:
    """The first of these members that the page does not list for this operation (policy `unknown_members`), and how many more."""
    known = operation.parameters.__struct_fields__
    unknown = [name for name in given if name not in known]
    remedies, more = [nearest(name, known) for name in unknown[:MOST_UNKNOWN]], len(unknown) - MOST_UNKNOWN
    if more > 0:
        remedies[-1] += f", nor are {more} more"
    return [Problem(beginning(name, 40), Rule.UNKNOWN, (each,)) for name, each in zip(unknown, remedies, strict=False)]


def url_problem(text: str) -> Rule | None:
    """Why `text` cannot be used as a URL, or None when it is an http or https URL with a host."""
    if len(text) > LONGEST_URL:
        return Rule.URL_LENGTH
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and _HOST.fullmatch(parts.hostname or "") and parts.port != 0
    except ValueError:
        usable = None
    return None if usable and text.isascii() and text.isprintable() and " " not in text else Rule.URL
