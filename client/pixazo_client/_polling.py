"""How often to look at a Generation."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Polling:
    """The pace of a wait: every 5 to 10 seconds, as the page advises (Typical Workflow).

    Attributes:
        shortest: seconds between two reads, at least.
        longest: seconds between two reads, at most.
        random: draws from [0, 1); where in that window each read falls, and how backoffs are spread.

    Raises:
        ValueError: not 0 <= shortest <= longest.
    """

    shortest: float = 5.0
    longest: float = 10.0
    random: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        if not 0 <= self.shortest <= self.longest:
            raise ValueError(f"Polling from {self.shortest} to {self.longest} s: give 0 <= shortest <= longest")

    def interval(self) -> float:
        """Seconds until the next read."""
        return self.shortest + (self.longest - self.shortest) * self.random()
