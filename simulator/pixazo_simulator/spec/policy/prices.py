"""What a generation costs: the first rule that fits decides."""

from __future__ import annotations

import re

import msgspec

from pixazo_simulator.spec.units import dollars, micros

MOST_PRICES = 100
"""Rules of one price list."""
_RULE = re.compile(r"(?:(\w+|\*)/)?([0-9]{1,9}(?:\.[0-9]{1,3})?|\*)(?:/(\w+|\*))?=([0-9]+(?:\.[0-9]{1,6})?)")


class _Rule(msgspec.Struct, frozen=True):
    """Operation, duration in seconds and resolution that it is for (None: any), and the amount."""

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
                f"price list of {text.count(',') + 1} rules: each submit asks them in turn, write at most {MOST_PRICES}"
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
