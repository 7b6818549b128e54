"""T2V: parameters of text-to-video that are wrongly accepted or refused."""

from __future__ import annotations

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
    policy,
    refuse_value,
    submits,
)
from pixazo_simulator.mutants.messages import Request
from pixazo_simulator.mutants.mutant import Mutant
from pixazo_simulator.spec import PROMPT_LIMIT, RESOLUTIONS


def is_too_long(value: Any) -> bool:
    """Whether a prompt has more characters than the page allows."""
    return isinstance(value, str) and len(value) > PROMPT_LIMIT


def _is_not_ascii(value: Any) -> bool:
    return isinstance(value, str) and not value.isascii()


def _is_unknown_resolution(value: Any) -> bool:
    return isinstance(value, str) and value not in RESOLUTIONS


def _has_image(request: Request) -> bool:
    return submits(request, GENERATE) and (request.members() or {}).get("first_frame_image") is not None


def _as_image_to_video(request: Request, _: Context) -> Request:
    return request.at(request.path.replace(GENERATE, IMAGE_TO_VIDEO))


def _text_as_boolean(name: str, clause: str) -> Mutant:
    return Mutant(f"text-takes-{name.replace('_', '-')}-as-text", clause, f"Text-to-video accepts the text true for {name}",
                  accept_text_as_boolean(GENERATE, name))  # fmt: skip


TEXT_TO_VIDEO_PARAMETERS = (
    Mutant("text-without-prompt", "T2V-PROMPT-01", "A missing prompt of text-to-video gets a default",
           default(GENERATE, "prompt", "A video"), ("T2V-IMG-01", "SUBMIT-18", "WEBHOOK-15")),
    Mutant("text-takes-number-as-prompt", "T2V-PROMPT-02", "Text-to-video accepts a number as prompt",
           accept_number_as_text(GENERATE, "prompt")),
    Mutant("blank-prompt-accepted", "T2V-PROMPT-03", "A blank prompt is accepted", policy(blank_prompt="accept")),
    Mutant("text-prompt-unlimited", "T2V-PROMPT-04", "A prompt of text-to-video may have any length",
           accept(GENERATE, "prompt", is_too_long, lambda text: text[:PROMPT_LIMIT])),
    Mutant("text-prompt-ascii-only", "T2V-BODY-01", "Text-to-video refuses a prompt that is not ASCII",
           refuse_value(GENERATE, "prompt", _is_not_ascii, "must be ASCII."), ("SUBMIT-01", "HDR-01")),
    Mutant("text-resolution-required", "T2V-BODY-02", "Text-to-video refuses a body without resolution",
           refuse_value(GENERATE, "resolution", lambda value: value is None, "is required."), ("SUBMIT-01",)),
    Mutant("text-takes-duration-as-text", "T2V-DUR-01", 'Text-to-video accepts the duration "6"', accept_text_as_integer(GENERATE, "duration")),
    Mutant("text-takes-7-seconds", "T2V-DUR-02", "Text-to-video accepts a duration of 7",
           accept(GENERATE, "duration", lambda value: value == 7, lambda _: 6)),
    Mutant("text-takes-resolution-as-number", "T2V-RES-01", "Text-to-video accepts the integer 768 as resolution",
           accept_resolution_as_number(GENERATE)),
    Mutant("text-takes-any-resolution", "T2V-RES-02", "Text-to-video accepts any text as resolution",
           accept(GENERATE, "resolution", _is_unknown_resolution, lambda _: RESOLUTIONS[0])),
    _text_as_boolean("prompt_optimizer", "T2V-PO-01"),
    _text_as_boolean("fast_pretreatment", "T2V-FP-01"),
    _text_as_boolean("aigc_watermark", "T2V-WM-01"),
    Mutant("text-takes-callback-number", "T2V-CB-01", "Text-to-video accepts a number as callback_url", accept_callback_number(GENERATE)),
    Mutant("text-with-image-is-image-to-video", "T2V-IMG-01", "Text-to-video with first_frame_image becomes image-to-video",
           edit_requests(_has_image, _as_image_to_video)),
    Mutant("text-with-image-refused", "T2V-IMG-01", "Text-to-video refuses first_frame_image",
           refuse_value(GENERATE, "first_frame_image", lambda value: value is not None, "is not a parameter of this operation.")),
)  # fmt: skip
