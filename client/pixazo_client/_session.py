"""What all conversations of one client share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._pacing import Retry

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._gateway import Gateway
    from ._polling import Polling


@dataclass(frozen=True, slots=True)
class Session:
    """One gateway, and how patiently to talk to it."""

    gateway: Gateway
    polling: Polling
    retry: Retry
    monotonic: Callable[[], float]

    @classmethod
    def create(cls, gateway: Gateway, polling: Polling, max_retries: Any, monotonic: Callable[[], float]) -> Session:
        """The session of a client made with these settings.

        Raises:
            ValueError: max_retries is no whole number, or negative.
        """
        if not isinstance(max_retries, int) or max_retries < 0:
            raise ValueError(f"max_retries is {max_retries!r}: give a whole number, 0 or more")
        return cls(gateway, polling, Retry(max_retries, polling.random), monotonic)
