"""The values of the policy's fields that are more than a word, and how each is read from text."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from urllib.parse import urlsplit

import msgspec

from pixazo_simulator.spec.text import nearest
from pixazo_simulator.spec.units import SECOND, dollars, micros

_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f.]*(?::[0-9a-f.]*){2,}(?:%[a-z0-9._-]+)?")
CHECKS = ("key", "suspended", "rate", "json", "model", "parameters", "funds")
"""The checks of a submission after its route, in the default order (policy `check_order`)."""

MOST_PRICES = 100
"""Rules of one price list."""
_RULE = re.compile(r"(?:(\w+|\*)/)?([0-9]{1,9}(?:\.[0-9]{1,3})?|\*)(?:/(\w+|\*))?=([0-9]+(?:\.[0-9]{1,6})?)")

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


class _Rule(msgspec.Struct, frozen=True):
    """Operation, duration in seconds and resolution to which it applies (None: any), and the amount."""

    wanted: tuple[str | None, float | None, str | None]
    amount: int

    def fits(self, *asked: str | float) -> bool:
        return all(wanted in (None, given) for wanted, given in zip(self.wanted, asked, strict=True))

    def __str__(self) -> str:
        written = ("*" if each is None else str(each).removesuffix(".0") for each in self.wanted)
        return f"{'/'.join(written)}={dollars(self.amount)}"


class PriceList(msgspec.Struct, frozen=True):
    """Rules `OPERATION/DURATION/RESOLUTION=DOLLARS` in order; `*` fits anything, and the last rule must fit everything."""

    rules: tuple[_Rule, ...]

    @classmethod
    def parse(cls, text: str) -> PriceList:
        """Read rules separated by commas; a bare `6=0.35` means any operation and resolution. Raises ValueError."""
        rules: list[_Rule] = []
        if text.count(",") >= MOST_PRICES:
            raise ValueError(
                f"price list of {text.count(',') + 1} rules: each submission compares them in turn, write at most {MOST_PRICES}"
            )
        for part in text.split(","):
            found = _RULE.fullmatch(part.strip())
            if not found:
                raise ValueError(
                    f"price {part.strip()!r} is not [OPERATION/]DURATION[/RESOLUTION]=DOLLARS (for example generate/6/768P=0.35)"
                )
            operation, duration, resolution = (None if each == "*" else each for each in found.group(1, 2, 3))
            rules.append(_Rule((operation, float(duration) if duration else None, resolution), micros(found[4])))
        if rules[-1].wanted != (None, None, None):
            raise ValueError(f"price list {text!r} leaves requests without a price: end it with a rule such as *=0.60")
        return cls(tuple(rules))

    def of(self, operation: str, duration: float, resolution: str) -> int:
        """The price in millionths of a dollar of one generation of `duration` seconds."""
        fits = (rule.amount for rule in self.rules if rule.fits(operation, duration, resolution))
        return next(fits)

    def __str__(self) -> str:
        return ", ".join(map(str, self.rules))


class RateLimit(msgspec.Struct, frozen=True):
    """At most `calls` calls in `seconds` seconds; `submits_only` leaves reads uncounted. No calls: every call is refused."""

    calls: int
    seconds: int
    submits_only: bool = False

    @classmethod
    def parse(cls, text: str) -> RateLimit | None:
        """Read `off`, `60/60` (calls per seconds) or `5/60 submits`. Raises ValueError with the remedy."""
        if text == "off":
            return None
        found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,6})( submits)?", text)
        if not found or not int(found[2]):
            raise ValueError(f"{text!r} is not off, CALLS/SECONDS (for example 60/60) or CALLS/SECONDS submits")
        return cls(int(found[1]), int(found[2]), found[3] is not None)

    def __str__(self) -> str:
        return f"{self.calls}/{self.seconds}{' submits' if self.submits_only else ''}"


def choice(*values: str) -> Callable[[str], str]:
    """What reads one of these words."""

    def read(text: str) -> str:
        if text not in values:
            raise ValueError(f"{text!r} is not one of {', '.join(values)}{nearest(text, values)}")
        return text

    return read


def number(most: int) -> Callable[[str], int]:
    """What reads a whole number of at most this size."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,15}", text) or int(text) > most:
            raise ValueError(f"{text!r} is not a whole number from 0 to {most}")
        return int(text)

    return read


def pauses(text: str) -> tuple[int, ...]:
    """Read `none` or pauses in seconds (policy `webhook_retries`). Raises ValueError with the remedy."""
    if text == "none":
        return ()
    if not re.fullmatch(r"[0-9]{1,7}(,\s*[0-9]{1,7}){0,19}", text):
        raise ValueError(f"{text!r} is not none or at most 20 pauses in seconds (for example 5,300,1800)")
    return tuple(map(int, text.split(",")))


def hosts(text: str) -> tuple[str, ...]:
    """Read `none` or hosts without ports (policy `webhook_allow`). Raises ValueError with the remedy."""
    found = tuple(host.strip().lower() for host in text.split(",") if host.strip() and text != "none")
    for host in found:
        if not _HOST.fullmatch(host):
            raise ValueError(f"{host!r} is not a host name or address without port (for example hooks.example.com)")
    return found


def origin(text: str) -> str:
    """Read `caller`, `forwarded` or an origin (policy `public_origin`). Raises ValueError with the remedy."""
    if text in ("caller", "forwarded"):
        return text
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or not re.fullmatch(r"https?://[A-Za-z0-9.\-:\[\]]+/?", text):
        raise ValueError(f"{text!r} is not caller, forwarded or an origin such as https://gateway.pixazo.ai")
    return text.rstrip("/")


def order(text: str) -> tuple[str, ...]:
    """Read an order of CHECKS that asks for nothing before it is known. Raises ValueError with the remedy."""
    found = tuple(word.strip() for word in text.split(","))
    if sorted(found) != sorted(CHECKS):
        raise ValueError(f"{text!r} is not an order of {','.join(CHECKS)}: name each once")
    if min(found.index(name) for name in ("suspended", "rate", "funds")) < found.index("key"):
        raise ValueError(f"{text!r} judges a caller before the key is known: put key before suspended, rate and funds")
    if found.index("parameters") < found.index("json") or found.index("funds") < found.index("json"):
        raise ValueError(f"{text!r} needs the parameters before the body is read: put json before parameters and funds")
    return found
