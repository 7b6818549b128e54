"""Wrong ways with the parameters of text-to-video: T2V."""

from __future__ import annotations

from typing import Any

from pixazo_simulator.mutants.context import Context
from pixazo_simulator.mutants.edits import (
    GENERATE,
    IMAGE_TO_VIDEO,
    heard_as,
    policy,
    refuses_member,
    submits,
    takes_member,
)
from pixazo_simulator.mutants.messages import Request
from pixazo_simulator.mutants.mutant import Mutant
from pixazo_simulator.spec import PROMPT_LIMIT, RESOLUTIONS

from .parameters import (
    coerces_number_to_text,
    integer_as_text,
    missing_becomes,
    resolution_as_number,
    takes_callback_number,
    truthy_text,
)


def too_long(value: Any) -> bool:
    """Whether a prompt has more characters than the page allows."""
    return isinstance(value, str) and len(value) > PROMPT_LIMIT


def _unknown_resolution(value: Any) -> bool:
    return isinstance(value, str) and value not in RESOLUTIONS


def _with_image(request: Request) -> bool:
    return submits(request, GENERATE) and (request.members() or {}).get("first_frame_image") is not None


def _as_image_to_video(request: Request, _: Context) -> Request:
    return request.at(request.path.replace(GENERATE, IMAGE_TO_VIDEO))


def _truthy(name: str, clause: str) -> Mutant:
    return Mutant(f"text-takes-{name.replace('_', '-')}-as-text", clause, f"Text-to-video accepts the text true for {name}",
                  truthy_text(GENERATE, name))  # fmt: skip


TEXT_TO_VIDEO = (
    Mutant("text-without-prompt", "T2V-PROMPT-01", "A missing prompt of text-to-video is replaced by a default",
           missing_becomes(GENERATE, "prompt", "A video"), ("T2V-IMG-01", "SUBMIT-18", "WEBHOOK-15")),
    Mutant("text-takes-number-as-prompt", "T2V-PROMPT-02", "Text-to-video takes a number for a prompt",
           coerces_number_to_text(GENERATE, "prompt")),
    Mutant("blank-prompt-accepted", "T2V-PROMPT-03", "A blank prompt is accepted", policy(blank_prompt="accept")),
    Mutant("text-prompt-unlimited", "T2V-PROMPT-04", "A prompt of text-to-video may have any length",
           takes_member(GENERATE, "prompt", too_long, lambda text: text[:PROMPT_LIMIT])),
    Mutant("text-prompt-ascii-only", "T2V-BODY-01", "Text-to-video refuses a prompt that is not ASCII",
           refuses_member(GENERATE, "prompt", lambda value: isinstance(value, str) and not value.isascii(), "must be ASCII."),
           ("SUBMIT-01", "HDR-01")),
    Mutant("text-resolution-required", "T2V-BODY-02", "Text-to-video refuses a body without resolution",
           refuses_member(GENERATE, "resolution", lambda value: value is None, "is required."), ("SUBMIT-01",)),
    Mutant("text-takes-duration-as-text", "T2V-DUR-01", 'Text-to-video accepts the duration "6"', integer_as_text(GENERATE, "duration")),
    Mutant("text-takes-7-seconds", "T2V-DUR-02", "Text-to-video accepts a duration of 7",
           takes_member(GENERATE, "duration", lambda value: value == 7, lambda _: 6)),
    Mutant("text-takes-resolution-as-number", "T2V-RES-01", "Text-to-video accepts the integer 768 for resolution",
           resolution_as_number(GENERATE)),
    Mutant("text-takes-any-resolution", "T2V-RES-02", "Text-to-video accepts any text for resolution",
           takes_member(GENERATE, "resolution", _unknown_resolution, lambda _: RESOLUTIONS[0])),
    _truthy("prompt_optimizer", "T2V-PO-01"),
    _truthy("fast_pretreatment", "T2V-FP-01"),
    _truthy("aigc_watermark", "T2V-WM-01"),
    Mutant("text-takes-callback-number", "T2V-CB-01", "Text-to-video accepts a number for callback_url", takes_callback_number(GENERATE)),
    Mutant("text-with-image-is-image-to-video", "T2V-IMG-01", "Text-to-video with first_frame_image becomes image-to-video",
           heard_as(_with_image, _as_image_to_video)),
    Mutant("text-with-image-refused", "T2V-IMG-01", "Text-to-video refuses first_frame_image",
           refuses_member(GENERATE, "first_frame_image", lambda value: value is not None, "is not a parameter of this operation.")),
)  # fmt: skip
