"""I2V: parameters of image-to-video that are wrongly accepted or refused."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

from pixazo_simulator.mutants.context import Context
from pixazo_simulator.mutants.edits import (
    GENERATE,
    IMAGE_TO_VIDEO,
    accept,
    accept_callback_number,
    accept_number_as_text,
    accept_resolution_as_number,
    accept_text_as_boolean,
    accept_text_as_integer,
    default,
    edit_requests,
    facts,
    in_submitted,
    is_data_url,
    is_number,
    policy,
    refuse_value,
    submits,
)
from pixazo_simulator.mutants.members import put, where
from pixazo_simulator.mutants.messages import Members, Request
from pixazo_simulator.mutants.mutant import Edits, Mutant
from pixazo_simulator.spec import DURATIONS, IMAGE_LIMIT, PROMPT_LIMIT, RESOLUTIONS, SHORT_SIDE, ImageFacts

from .text_to_video import is_too_long

IMAGE = "first_frame_image"
VALID_IMAGE = "https://pub-582b7213209642b9b995c96c95a30381.r2.dev/manwithbear.jpg"
"""The page's own input image, submitted in place of one that ought to be refused."""
DATA_URLS = (
    "SUBMIT-02", "I2V-PROMPT-0[35]", "I2V-IMG-0[46]", "I2V-IMG-1[02]", "I2V-DUR-02", "I2V-RES-01", "OUT-11", "WEBHOOK-*",
)  # fmt: skip
"""Clauses that are proved by image-to-video generations with data URLs."""
KNOWN_MODELS = ("minimax-hailuo-ai", "MiniMax-Hailuo-2.3", "MiniMax-Hailuo-2.3-Fast")


def _refuse(name: str, when: Callable[[Any], bool], message: str) -> Edits:
    return refuse_value(IMAGE_TO_VIDEO, name, when, message)


def _accept_image(when: Callable[[Any], bool]) -> Edits:
    return accept(IMAGE_TO_VIDEO, IMAGE, when, lambda _: VALID_IMAGE)


def _accept_data_url(when: Callable[[ImageFacts], bool]) -> Edits:
    """Accept data URLs of images that ought to be refused."""

    def concerns(value: Any) -> bool:
        seen = facts(value)
        return seen is not None and seen.format != "other" and when(seen)

    return _accept_image(concerns)


def _refuse_data_url(when: Callable[[ImageFacts], bool], message: str) -> Edits:
    """Refuse data URLs of valid images."""

    def concerns(value: Any) -> bool:
        seen = facts(value)
        return seen is not None and seen.whole and when(seen)

    return _refuse(IMAGE, concerns, message)


def _default_unless(name: str, value: object, unless: tuple[str, object]) -> Edits:
    """Give a member another default, unless that is invalid together with another member."""

    def is_missing(given: Members) -> bool:
        return name not in given and given.get(unless[0]) != unless[1]

    return in_submitted(IMAGE_TO_VIDEO, where(is_missing, put(name, value)))


def _is_bare_base64(value: Any) -> bool:
    if not isinstance(value, str) or is_data_url(value) or ":" in value:
        return False
    try:
        return len(base64.b64decode(value, validate=True)) > 0
    except (binascii.Error, ValueError):
        return False


def _is_url(value: Any) -> bool:
    return isinstance(value, str) and not is_data_url(value)


def _is_gif(value: Any) -> bool:
    return is_data_url(value) and (value[:14].lower() == "data:image/gif" or ";base64,R0lG" in value[:64])


def _is_webp(value: Any) -> bool:
    seen = facts(value)
    return seen is not None and seen.format == "webp"


def _short_side(seen: ImageFacts) -> int:
    return min(seen.width, seen.height)


def _has_invalid_ratio(seen: ImageFacts) -> bool:
    return 5 * seen.width < 2 * seen.height or 2 * seen.width > 5 * seen.height


def _has_extreme_ratio(seen: ImageFacts) -> bool:
    return 5 * seen.width == 2 * seen.height or 2 * seen.width == 5 * seen.height


def _has_no_image(request: Request) -> bool:
    given = request.members() if submits(request, IMAGE_TO_VIDEO) else None
    return given is not None and given.get(IMAGE) is None


def _as_text_to_video(request: Request, _: Context) -> Request:
    return request.at(request.path.replace(IMAGE_TO_VIDEO, GENERATE))


def _is_of_2000(value: Any) -> bool:
    return isinstance(value, str) and len(value) == PROMPT_LIMIT


def _has_brackets(value: Any) -> bool:
    return isinstance(value, str) and re.search(r"(?<!\[)\[(?!\[)", value) is not None


def _is_other_duration(value: Any) -> bool:
    return isinstance(value, int) and is_number(value) and value > 0 and value not in DURATIONS


def _is_unknown_model(value: Any) -> bool:
    return value is not None and value not in KNOWN_MODELS


def _text_as_boolean(name: str, clause: str) -> Mutant:
    return Mutant(f"image-takes-{name.replace('_', '-')}-as-text", clause, f"Image-to-video accepts the text true for {name}",
                  accept_text_as_boolean(IMAGE_TO_VIDEO, name))  # fmt: skip


IMAGE_TO_VIDEO_PARAMETERS = (
    Mutant("image-without-prompt", "I2V-PROMPT-01", "Image-to-video needs no prompt",
           default(IMAGE_TO_VIDEO, "prompt", "A video"), ("SUBMIT-18", "I2V-FP-02", "I2V-MODEL-01", "WEBHOOK-15")),
    Mutant("image-takes-number-as-prompt", "I2V-PROMPT-02", "Image-to-video accepts a number as prompt",
           accept_number_as_text(IMAGE_TO_VIDEO, "prompt")),
    Mutant("image-prompt-of-2000-refused", "I2V-PROMPT-03", "Image-to-video refuses a prompt of exactly 2000 characters",
           _refuse("prompt", _is_of_2000, "must have at most 1999 characters."), ("I2V-PROMPT-05", *DATA_URLS)),
    Mutant("image-prompt-unlimited", "I2V-PROMPT-04", "A prompt of image-to-video may have any length",
           accept(IMAGE_TO_VIDEO, "prompt", is_too_long, lambda text: text[:PROMPT_LIMIT])),
    Mutant("prompt-counted-in-bytes", "I2V-PROMPT-05", "The 2000 characters of a prompt are counted as UTF-8 bytes",
           policy(prompt_unit="bytes"), ("I2V-PROMPT-03", *DATA_URLS)),
    Mutant("camera-movement-refused", "I2V-PROMPT-06", "Image-to-video refuses a prompt with a bracket",
           _refuse("prompt", _has_brackets, "must not hold brackets."), ("SUBMIT-02",)),
    Mutant("image-optional", "I2V-IMG-01", "Image-to-video without an image becomes text-to-video",
           edit_requests(_has_no_image, _as_text_to_video), ("SUBMIT-18", "I2V-FP-02", "I2V-MODEL-01")),
    Mutant("image-list-accepted", "I2V-IMG-02", "first_frame_image may be an array of URLs",
           accept(IMAGE_TO_VIDEO, IMAGE, lambda value: isinstance(value, list) and value != [], lambda urls: urls[0])),
    Mutant("image-url-refused", "I2V-IMG-03", "Only data URLs are accepted as image",
           _refuse(IMAGE, _is_url, "must be a Base64 data URL."), ("SUBMIT-02", "BASE-05", "I2V-*")),
    Mutant("image-data-url-refused", "I2V-IMG-04", "Only http and https URLs are accepted as image",
           _refuse(IMAGE, is_data_url, "must be an http or https URL."), DATA_URLS),
    Mutant("bare-base64-accepted", "I2V-IMG-05", "Base64 without the prefix of a data URL is accepted as image", _accept_image(_is_bare_base64)),
    Mutant("webp-refused", "I2V-IMG-06", "A WebP image is refused", _refuse(IMAGE, _is_webp, "must be a JPEG or PNG image."), DATA_URLS),
    Mutant("gif-accepted", "I2V-IMG-07", "A GIF is accepted as image", _accept_image(_is_gif)),
    Mutant("image-size-unlimited", "I2V-IMG-08", "An image may have any size", _accept_data_url(lambda seen: seen.size >= IMAGE_LIMIT)),
    Mutant("short-side-of-300-accepted", "I2V-IMG-09", "A short side of exactly 300 px is accepted",
           _accept_data_url(lambda seen: _short_side(seen) == SHORT_SIDE)),
    Mutant("short-side-of-320-refused", "I2V-IMG-10", "A short side must be longer than 320 px",
           _refuse_data_url(lambda seen: SHORT_SIDE < _short_side(seen) <= 320, "must have a short side of more than 320 px."), DATA_URLS),
    Mutant("any-aspect-ratio-accepted", "I2V-IMG-11", "The aspect ratio of an image is not checked", _accept_data_url(_has_invalid_ratio)),
    Mutant("extreme-aspect-ratio-refused", "I2V-IMG-12", "An aspect ratio of exactly 2:5 or 5:2 is refused",
           _refuse_data_url(_has_extreme_ratio, "must have an aspect ratio between 2:5 and 5:2."), DATA_URLS),
    Mutant("corrupt-image-completes", "I2V-IMG-13", "A generation of a damaged image completes",
           _accept_data_url(lambda seen: not seen.whole or seen.width <= 0)),
    Mutant("image-rules-bite-later", "I2V-IMG-15", "An image that breaks a rule is accepted, and its generation becomes FAILED",
           policy(image_rules="fail"), ("I2V-IMG-0[5789]", "I2V-IMG-1[13]")),
    Mutant("image-takes-duration-as-text", "I2V-DUR-01", 'Image-to-video accepts the duration "6"',
           accept_text_as_integer(IMAGE_TO_VIDEO, "duration")),
    Mutant("image-10-seconds-refused", "I2V-DUR-02", "Image-to-video refuses a duration of 10",
           _refuse("duration", lambda value: value == 10, "must be 6."), DATA_URLS),
    Mutant("image-takes-any-duration", "I2V-DUR-03", "Image-to-video accepts any positive integer as duration",
           accept(IMAGE_TO_VIDEO, "duration", _is_other_duration, lambda _: 6)),
    Mutant("image-default-of-10-seconds", "I2V-DUR-04", "The default duration of image-to-video is 10 s",
           _default_unless("duration", 10, ("resolution", "1080P")), ("OUT-10",)),
    Mutant("image-1080p-refused", "I2V-RES-01", "Image-to-video refuses 1080P",
           _refuse("resolution", lambda value: value == "1080P", "must be 768P."), ("OUT-11", "I2V-IMG-12", "WEBHOOK-*")),
    Mutant("image-takes-720p", "I2V-RES-02", "Image-to-video accepts 720P",
           accept(IMAGE_TO_VIDEO, "resolution", lambda value: value == "720P", lambda _: RESOLUTIONS[0])),
    Mutant("image-takes-resolution-as-number", "I2V-RES-03", "Image-to-video accepts the integer 768 as resolution",
           accept_resolution_as_number(IMAGE_TO_VIDEO)),
    Mutant("image-default-of-1080p", "I2V-RES-04", "The default resolution of image-to-video is 1080P",
           _default_unless("resolution", "1080P", ("duration", 10)), ("OUT-11",)),
    Mutant("1080p-of-10-seconds-accepted", "I2V-COMBO-01", "1080P with 10 s is accepted", policy(combo_1080p_10s="accept")),
    _text_as_boolean("prompt_optimizer", "I2V-PO-01"),
    _text_as_boolean("fast_pretreatment", "I2V-FP-01"),
    Mutant("fast-pretreatment-refused", "I2V-FP-02", "Image-to-video refuses fast_pretreatment",
           _refuse("fast_pretreatment", lambda value: value is True, "is available for MiniMax-Hailuo-2.3-Fast only.")),
    _text_as_boolean("aigc_watermark", "I2V-WM-01"),
    Mutant("image-takes-callback-number", "I2V-CB-01", "Image-to-video accepts a number as callback_url",
           accept_callback_number(IMAGE_TO_VIDEO)),
    Mutant("model-member-honoured", "I2V-MODEL-01", "Image-to-video refuses a member model with an unknown name",
           _refuse("model", _is_unknown_model, "names no known model.")),
)  # fmt: skip
