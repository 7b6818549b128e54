"""What a generation costs: the first rule that fits decides."""

from __future__ import annotations

import re

import msgspec

from .ledger import dollars, micros

__all__ = ["PriceList"]

_RULE = re.compile(r"(?:([\w*]+)/)?(\d+(?:\.\d+)?|\*)(?:/(\w+|\*))?=(\d+(?:\.\d{1,6})?)")


class _Rule(msgspec.Struct, frozen=True):
    operation: str
    duration: str
    resolution: str
    amount: int

    def fits(self, operation: str, duration: str, resolution: str) -> bool:
        return (
            self.operation in ("*", operation)
            and self.duration in ("*", duration)
            and self.resolution in ("*", resolution)
        )

    def __str__(self) -> str:
        return f"{self.operation}/{self.duration}/{self.resolution}={dollars(self.amount)}"


class PriceList(msgspec.Struct, frozen=True):
    """Rules `OPERATION/DURATION/RESOLUTION=DOLLARS` in order; `*` fits anything, and the last rule must fit everything."""

    rules: tuple[_Rule, ...]

    @classmethod
    def parse(cls, text: str) -> PriceList:
        """Read rules separated by commas; a bare `6=0.35` means any operation and resolution. Raises ValueError."""
        rules: list[_Rule] = []
        for part in text.split(","):
            found = _RULE.fullmatch(part.strip())
            if not found:
                raise ValueError(
                    f"price {part.strip()!r} is not [OPERATION/]DURATION[/RESOLUTION]=DOLLARS (for example generate/6/768P=0.35)"
                )
            rules.append(_Rule(found[1] or "*", found[2], found[3] or "*", micros(found[4])))
        if not rules[-1].fits("", "", ""):
            raise ValueError(f"price list {text!r} leaves requests without a price: end it with a rule such as *=0.60")
        return cls(tuple(rules))

    def of(self, operation: str, duration: float, resolution: str) -> int:
        """The price in millionths of a dollar of one generation of `duration` seconds."""
        fits = (rule.amount for rule in self.rules if rule.fits(operation, f"{duration:g}", resolution))
        return next(fits)

    def __str__(self) -> str:
        return ", ".join(map(str, self.rules))
