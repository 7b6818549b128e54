"""A small, real, playable video for every generation."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from pixazo_simulator.world import Generation

_LONGEST_SHORT = 8
"""Seconds; where the limits are open, a longer duration gets the video of 10 s and a shorter one that of 6 s."""


def video(generation: Generation) -> bytes:
    """An MP4 of the duration and frame size asked for, with bytes of its own: a `uuid` box names the generation."""
    seconds = 10 if generation.duration > _LONGEST_SHORT else 6
    resolution = generation.resolution if generation.resolution == "1080P" else "768P"
    name = generation.request_id.encode()
    return _rendered(f"{resolution}-{seconds}.mp4") + (24 + len(name)).to_bytes(4) + b"uuid" + _OURS + name


_OURS = b"pixazo-testkit\x00\x00"
"""The 16 bytes that tell a `uuid` box of ours; players skip boxes they do not know (ISO/IEC 14496-12, 4.2)."""


@cache
def _rendered(name: str) -> bytes:
    return files("pixazo_simulator.gateway").joinpath("videos", name).read_bytes()
