"""What would happen to a request, and why, as a test reads it."""

from __future__ import annotations

from typing import Any

import msgspec


class Opinion(msgspec.Struct, frozen=True):
    """How one rule regards the request; `differences` keep it from deciding."""

    number: int
    label: str
    decides: bool
    differences: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.label}: {'decides' if self.decides else ', and '.join(self.differences)}"


class Explanation(msgspec.Struct, frozen=True):
    """A dry run: the answer and its reason in one line, what every rule says to it, and what would be taken from the wallet."""

    summary: str
    rules: tuple[Opinion, ...] = ()
    price: str | None = None
    exchange: dict[str, Any] = {}

    @property
    def status(self) -> int:
        """The code that would be answered."""
        return int(self.exchange["status"])

    @property
    def body(self) -> Any:
        """The body that would be answered, JSON as JSON."""
        return self.exchange["response"]["body"]

    def __repr__(self) -> str:
        price = [f"  it would cost {self.price} USD"] if self.price else []
        return "\n".join([self.summary, *price, *(f"  {each}" for each in self.rules)])
