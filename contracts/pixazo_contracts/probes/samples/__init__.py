"""The payloads that the vendor's page prints, one file each, exactly as printed."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Literal

__all__ = ["Sample", "members", "text"]

Sample = Literal[
    "accepted", "completed", "error", "image_to_video", "insufficient_balance", "model_not_found", "text_to_video"
]


@cache
def text(sample: Sample) -> str:
    """A printed payload as text, newline at the end excluded."""
    return files(__name__).joinpath(f"{sample}.json").read_text(encoding="utf-8").removesuffix("\n")


def members(sample: Sample) -> dict[str, object]:
    """A printed payload decoded: a new dict each time."""
    decoded: dict[str, object] = json.loads(text(sample))
    return decoded
