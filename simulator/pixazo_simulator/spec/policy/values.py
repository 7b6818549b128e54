"""How long generations take, and how long their results are kept."""

from __future__ import annotations

import re
from random import Random

import msgspec

from pixazo_simulator.spec.units import SECOND

_RANGE = r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(?:-([0-9]{1,9}(?:\.[0-9]{1,3})?))?"


class JobTimes(msgspec.Struct, frozen=True):
    """Bounds, in milliseconds, of the time queued and the time processing."""

    queued: tuple[int, int]
    processing: tuple[int, int]

    @classmethod
    def parse(cls, text: str) -> JobTimes:
        """Read `2+13` or `5-20+60-180`: seconds queued, seconds processing. Raises ValueError with the remedy."""
        found = re.fullmatch(rf"{_RANGE}\+{_RANGE}", text)
        if not found:
            raise ValueError(f"{text!r} is not QUEUED+PROCESSING in seconds (for example 2+13 or 5-20+60-180)")
        bounds = [round(float(found[i] or found[i - 1]) * SECOND) for i in range(1, 5)]
        if bounds[0] > bounds[1] or bounds[2] > bounds[3]:
            raise ValueError(f"{text!r} has a range that ends before it begins: write the smaller number first")
        return cls((bounds[0], bounds[1]), (bounds[2], bounds[3]))

    def draw(self, random: Random) -> tuple[int, int]:
        """Milliseconds queued and processing for one generation; nothing is drawn when nothing can vary."""
        return _draw(self.queued, random), _draw(self.processing, random)

    def __str__(self) -> str:
        return "+".join(_write(bounds) for bounds in (self.queued, self.processing))


def _draw(bounds: tuple[int, int], random: Random) -> int:
    return bounds[0] if bounds[0] == bounds[1] else random.randint(*bounds)


def _write(bounds: tuple[int, int]) -> str:
    return "-".join(f"{bound / SECOND:.3f}".rstrip("0").rstrip(".") for bound in dict.fromkeys(bounds))


class Retention(msgspec.Struct, frozen=True):
    """Milliseconds after the end during which the status and the media can be read; None is for ever."""

    status: int | None = None
    media: int | None = None

    @classmethod
    def parse(cls, text: str) -> Retention:
        """Read `forever`, `media=86400` or `status=3600,media=86400` (seconds). Raises ValueError with the remedy."""
        if text == "forever":
            return cls()
        limits: dict[str, int] = {}
        for part in text.split(","):
            found = re.fullmatch(r"(status|media)=([0-9]{1,9})", part.strip())
            if not found:
                raise ValueError(f"{text!r} is not forever or status=SECONDS,media=SECONDS (either may be left out)")
            limits[found[1]] = int(found[2]) * SECOND
        return cls(limits.get("status"), limits.get("media"))

    def __str__(self) -> str:
        limits = {"status": self.status, "media": self.media}
        return ",".join(f"{name}={kept // SECOND}" for name, kept in limits.items() if kept is not None) or "forever"
