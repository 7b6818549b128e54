"""T2V, I2V: parameters of the two operations that are wrongly accepted or refused."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

from pixazo_simulator import spec

from .edits import *
from .mutant import *

IMAGE = "first_frame_image"
VALID_IMAGE = "https://pub-582b7213209642b9b995c96c95a30381.r2.dev/manwithbear.jpg"
"""The page's own input image, submitted in place of one that ought to be refused."""
KNOWN_MODELS = ("minimax-hailuo-ai", "MiniMax-Hailuo-2.3", "MiniMax-Hailuo-2.3-Fast")

Is = Callable[[Any], bool]
"""A condition on a JSON value."""


# Values


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(condition: Callable[[str], object]) -> Is:
    return lambda value: isinstance(value, str) and bool(condition(value))


_is_too_long = _text(lambda text: len(text) > spec.PROMPT_LIMIT)
_is_of_2000 = _text(lambda text: len(text) == spec.PROMPT_LIMIT)
_is_not_ascii = _text(lambda text: not text.isascii())
_has_single_bracket = _text(lambda text: re.search(r"(?<!\[)\[(?!\[)", text))
_is_digits = _text(lambda text: re.fullmatch("[0-9]{1,9}", text))
_is_unknown_resolution = _text(lambda text: text not in spec.RESOLUTIONS)
_is_data_url = _text(spec.is_data_url)
_is_url = _text(lambda text: not spec.is_data_url(text))
_is_gif = _text(
    lambda text: spec.is_data_url(text) and (text[:14].lower() == "data:image/gif" or ";base64,R0lG" in text[:64])
)


def _is_bare_base64(value: Any) -> bool:
    if not _is_url(value) or ":" in value:
        return False
    try:
        return len(base64.b64decode(value, validate=True)) > 0
    except ValueError:  # binascii.Error is one, too
        return False


def image_in(value: Any) -> spec.ImageFacts | None:
    data = spec.read_data_url(value).data if _is_data_url(value) else None
    return None if data is None else spec.image_facts(data)


def _image(condition: Callable[[spec.ImageFacts], bool]) -> Is:
    """Whether a value is a data URL with an image for which the condition is true."""
    return lambda value: (seen := image_in(value)) is not None and condition(seen)


def _short_side(seen: spec.ImageFacts) -> int:
    return min(seen.width, seen.height)


# Edits


def default(operation: str | None, name: str, value: object) -> Edits:
    """A member that is missing or null has this value."""
    return in_submitted(operation, where(lambda given: given.get(name) is None, put(name, value)))


def _ignore_callback_number(operation: str) -> Edits:
    return in_submitted(operation, where(lambda given: _is_number(given.get("callback_url")), drop("callback_url")))


def _refuse(name: str, when: Is, message: str, operation: str = IMAGE_TO_VIDEO) -> Edits:
    """Refuse submits with a value of a member for which `when` is true; a member that is missing counts as None."""
    return refuse_submits(submits_members(operation, lambda given: when(given.get(name))), f"{name} {message}")


def _accept_image(when: Is) -> Edits:
    return accept(IMAGE_TO_VIDEO, IMAGE, when, lambda _: VALID_IMAGE)


def _accept_data_url(when: Callable[[spec.ImageFacts], bool]) -> Edits:
    return _accept_image(_image(lambda seen: seen.format != "other" and when(seen)))


def _refuse_data_url(when: Callable[[spec.ImageFacts], bool], message: str) -> Edits:
    return _refuse(IMAGE, _image(lambda seen: seen.whole and when(seen)), message)


def _accept_flag(operation: str, name: str) -> Edits:
    return accept(operation, name, lambda value: value in ("true", "false"), lambda value: value == "true")


def _redirect(old: str, new: str, *, with_image: bool) -> Edits:
    """Send submits with or without an image to the other operation."""
    concerns = submits_members(old, lambda given: (given.get(IMAGE) is not None) == with_image)
    return edit_requests(concerns, lambda request, _: request.at(request.path.replace(old, new)))


T2V = (
    Mutant("text-without-prompt", "T2V-PROMPT-01", "A missing prompt of text-to-video gets a default", default(GENERATE, "prompt", "A video")),
    Mutant("text-takes-number-as-prompt", "T2V-PROMPT-02", "Text-to-video accepts a number as prompt", accept(GENERATE, "prompt", _is_number, str)),
    Mutant("blank-prompt-accepted", "T2V-PROMPT-03", "A blank prompt is accepted", policy(blank_prompt="accept")),
    Mutant("text-prompt-unlimited", "T2V-PROMPT-04", "A prompt of text-to-video may have any length",
           accept(GENERATE, "prompt", _is_too_long, lambda text: text[:spec.PROMPT_LIMIT])),
    Mutant("text-prompt-ascii-only", "T2V-BODY-01", "Text-to-video refuses a prompt that is not ASCII",
           _refuse("prompt", _is_not_ascii, "must be ASCII.", GENERATE)),
    Mutant("text-resolution-required", "T2V-BODY-02", "Text-to-video refuses a body without resolution",
           _refuse("resolution", lambda value: value is None, "is required.", GENERATE)),
    Mutant("text-takes-duration-as-text", "T2V-DUR-01", 'Text-to-video accepts the duration "6"', accept(GENERATE, "duration", _is_digits, int)),
    Mutant("text-takes-7-seconds", "T2V-DUR-02", "Text-to-video accepts a duration of 7",
           accept(GENERATE, "duration", lambda value: value == 7, lambda _: 6)),
    Mutant("text-takes-resolution-as-number", "T2V-RES-01", "Text-to-video accepts the integer 768 as resolution",
           accept(GENERATE, "resolution", lambda value: value in (768, 1080), lambda value: f"{value}P")),
    Mutant("text-takes-any-resolution", "T2V-RES-02", "Text-to-video accepts any string as resolution",
           accept(GENERATE, "resolution", _is_unknown_resolution, lambda _: spec.RESOLUTIONS[0])),
    Mutant("text-takes-prompt-optimizer-as-text", "T2V-PO-01", "Text-to-video accepts the string true for prompt_optimizer",
           _accept_flag(GENERATE, "prompt_optimizer")),
    Mutant("text-takes-fast-pretreatment-as-text", "T2V-FP-01", "Text-to-video accepts the string true for fast_pretreatment",
           _accept_flag(GENERATE, "fast_pretreatment")),
    Mutant("text-takes-aigc-watermark-as-text", "T2V-WM-01", "Text-to-video accepts the string true for aigc_watermark",
           _accept_flag(GENERATE, "aigc_watermark")),
    Mutant("text-takes-callback-number", "T2V-CB-01", "Text-to-video accepts a number as callback_url", _ignore_callback_number(GENERATE)),
    Mutant("text-with-image-is-image-to-video", "T2V-IMG-01", "Text-to-video with first_frame_image becomes image-to-video",
           _redirect(GENERATE, IMAGE_TO_VIDEO, with_image=True)),
    Mutant("text-with-image-refused", "T2V-IMG-01", "Text-to-video refuses first_frame_image",
           _refuse(IMAGE, lambda value: value is not None, "is not a parameter of this operation.", GENERATE)),
)  # fmt: skip


I2V = (
    Mutant("image-without-prompt", "I2V-PROMPT-01", "Image-to-video needs no prompt", default(IMAGE_TO_VIDEO, "prompt", "A video")),
    Mutant("image-takes-number-as-prompt", "I2V-PROMPT-02", "Image-to-video accepts a number as prompt",
           accept(IMAGE_TO_VIDEO, "prompt", _is_number, str)),
    Mutant("image-prompt-of-2000-refused", "I2V-PROMPT-03", "Image-to-video refuses a prompt of exactly 2000 characters",
           _refuse("prompt", _is_of_2000, "must have at most 1999 characters.")),
    Mutant("image-prompt-unlimited", "I2V-PROMPT-04", "A prompt of image-to-video may have any length",
           accept(IMAGE_TO_VIDEO, "prompt", _is_too_long, lambda text: text[:spec.PROMPT_LIMIT])),
    Mutant("prompt-counted-in-bytes", "I2V-PROMPT-05", "The 2000 characters of a prompt are counted as UTF-8 bytes", policy(prompt_unit="bytes")),
    Mutant("camera-movement-refused", "I2V-PROMPT-06", "Image-to-video refuses a prompt with a bracket",
           _refuse("prompt", _has_single_bracket, "must not contain brackets.")),
    Mutant("image-optional", "I2V-IMG-01", "Image-to-video without an image becomes text-to-video",
           _redirect(IMAGE_TO_VIDEO, GENERATE, with_image=False)),
    Mutant("image-list-accepted", "I2V-IMG-02", "first_frame_image may be an array of URLs",
           accept(IMAGE_TO_VIDEO, IMAGE, lambda value: isinstance(value, list) and value != [], lambda urls: urls[0])),
    Mutant("image-url-refused", "I2V-IMG-03", "Only data URLs are accepted as image", _refuse(IMAGE, _is_url, "must be a Base64 data URL.")),
    Mutant("image-data-url-refused", "I2V-IMG-04", "Only http and https URLs are accepted as image",
           _refuse(IMAGE, _is_data_url, "must be an http or https URL.")),
    Mutant("bare-base64-accepted", "I2V-IMG-05", "Base64 without the prefix of a data URL is accepted as image", _accept_image(_is_bare_base64)),
    Mutant("webp-refused", "I2V-IMG-06", "A WebP image is refused",
           _refuse(IMAGE, _image(lambda seen: seen.format == "webp"), "must be a JPEG or PNG image.")),
    Mutant("gif-accepted", "I2V-IMG-07", "A GIF is accepted as image", _accept_image(_is_gif)),
    Mutant("image-size-unlimited", "I2V-IMG-08", "An image may have any size", _accept_data_url(lambda seen: seen.size >= spec.IMAGE_LIMITS["mib"])),
    Mutant("short-side-of-300-accepted", "I2V-IMG-09", "A short side of exactly 300 px is accepted",
           _accept_data_url(lambda seen: _short_side(seen) == spec.SHORT_SIDE)),
    Mutant("short-side-of-320-refused", "I2V-IMG-10", "A short side must be longer than 320 px",
           _refuse_data_url(lambda seen: spec.SHORT_SIDE < _short_side(seen) <= 320, "must have a short side of more than 320 px.")),
    Mutant("any-aspect-ratio-accepted", "I2V-IMG-11", "The aspect ratio of an image is not checked", _accept_data_url(spec.has_invalid_ratio)),
    Mutant("extreme-aspect-ratio-refused", "I2V-IMG-12", "An aspect ratio of exactly 2:5 or 5:2 is refused",
           _refuse_data_url(lambda seen: 5 * seen.width == 2 * seen.height or 2 * seen.width == 5 * seen.height,
                            "must have an aspect ratio between 2:5 and 5:2.")),
    Mutant("corrupt-image-completes", "I2V-IMG-13", "A generation from a damaged image completes",
           _accept_data_url(lambda seen: not seen.whole or seen.width <= 0)),
    Mutant("image-rules-checked-late", "I2V-IMG-15", "An image that breaks a rule is accepted, and its generation becomes FAILED",
           policy(image_rules="fail")),
    Mutant("image-takes-duration-as-text", "I2V-DUR-01", 'Image-to-video accepts the duration "6"',
           accept(IMAGE_TO_VIDEO, "duration", _is_digits, int)),
    Mutant("image-10-seconds-refused", "I2V-DUR-02", "Image-to-video refuses a duration of 10",
           _refuse("duration", lambda value: value == 10, "must be 6.")),
    Mutant("image-takes-any-duration", "I2V-DUR-03", "Image-to-video accepts any positive integer as duration",
           accept(IMAGE_TO_VIDEO, "duration", lambda value: type(value) is int and value > 0 and value not in spec.DURATIONS, lambda _: 6)),
    Mutant("image-default-of-10-seconds", "I2V-DUR-04", "The default duration of image-to-video is 10 s",
           submit_instead(IMAGE_TO_VIDEO, "duration", 10, unless=("resolution", "1080P"))),
    Mutant("image-1080p-refused", "I2V-RES-01", "Image-to-video refuses 1080P",
           _refuse("resolution", lambda value: value == "1080P", "must be 768P.")),
    Mutant("image-takes-720p", "I2V-RES-02", "Image-to-video accepts 720P",
           accept(IMAGE_TO_VIDEO, "resolution", lambda value: value == "720P", lambda _: spec.RESOLUTIONS[0])),
    Mutant("image-takes-resolution-as-number", "I2V-RES-03", "Image-to-video accepts the integer 768 as resolution",
           accept(IMAGE_TO_VIDEO, "resolution", lambda value: value in (768, 1080), lambda value: f"{value}P")),
    Mutant("image-default-of-1080p", "I2V-RES-04", "The default resolution of image-to-video is 1080P",
           submit_instead(IMAGE_TO_VIDEO, "resolution", "1080P", unless=("duration", 10))),
    Mutant("1080p-of-10-seconds-accepted", "I2V-COMBO-01", "1080P with 10 s is accepted", policy(combo_1080p_10s="accept")),
    Mutant("image-takes-prompt-optimizer-as-text", "I2V-PO-01", "Image-to-video accepts the string true for prompt_optimizer",
           _accept_flag(IMAGE_TO_VIDEO, "prompt_optimizer")),
    Mutant("image-takes-fast-pretreatment-as-text", "I2V-FP-01", "Image-to-video accepts the string true for fast_pretreatment",
           _accept_flag(IMAGE_TO_VIDEO, "fast_pretreatment")),
    Mutant("fast-pretreatment-refused", "I2V-FP-02", "Image-to-video refuses fast_pretreatment",
           _refuse("fast_pretreatment", lambda value: value is True, "is available only for MiniMax-Hailuo-2.3-Fast.")),
    Mutant("image-takes-aigc-watermark-as-text", "I2V-WM-01", "Image-to-video accepts the string true for aigc_watermark",
           _accept_flag(IMAGE_TO_VIDEO, "aigc_watermark")),
    Mutant("image-takes-callback-number", "I2V-CB-01", "Image-to-video accepts a number as callback_url", _ignore_callback_number(IMAGE_TO_VIDEO)),
    Mutant("model-member-honoured", "I2V-MODEL-01", "Image-to-video refuses a member model with an unknown name",
           _refuse("model", lambda value: value is not None and value not in KNOWN_MODELS, "is not a known model.")),
)  # fmt: skip
