"""When the callbacks of one generation arrive at an app, and what the app makes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pytest_pixazo.webhooks import Callback

if TYPE_CHECKING:
    from pixazo_simulator import ControlClient


END = 15
"""Seconds after its submit at which the generation ends, as on the page."""
RETRIES = (5, 300, 1800)
"""Seconds from each refused callback to the next attempt."""
POLICY = {"job_times": "2+13", "webhook_retries": ",".join(map(str, RETRIES))}
"""What a world must be like for these figures to hold."""

Receive = Callable[[Callback], int | None]


class NoCallbackError(Exception):
    """No callback came although the generation has ended."""


class Arrivals:
    """Lets callbacks through when it is told to, and keeps them from the app at any other time.

    They are those of the gateway's dispatcher: the first one when the generation ends, a retry after a refusal. Only a
    duplicate is made here. `lines` say in words what happened; `under_way` that a callback is with the app.
    """

    def __init__(self, world: ControlClient, receive: Receive, lines: list[str]) -> None:
        self._world = world
        self._receive = receive
        self._lines = lines
        self._elapsed = 0
        self._attempts = 0
        self.under_way = False
        self._latest: Callback | None = None
        self._answer: int | None = None
        self._when = ""

    @property
    def will_retry(self) -> bool:
        """Whether the app refused the latest callback and the gateway has not given up yet."""
        return self._answer is not None and self._is_due()

    def let_pass(self, until: int) -> None:
        """Let time pass until so many seconds after the submit; a callback that falls due does not reach the app."""
        self._advance(until - self._elapsed)

    def arrive(self, when: str = "") -> None:
        """Let one callback reach the app; `when` completes the sentence. Raises NoCallbackError when none was asked for."""
        self._when, self.under_way = when, True
        try:
            if self._latest and not self._is_due():
                self._hand_over(self._latest, " again (a duplicate)")
            else:
                self._advance(self._until_next())
        finally:
            self.under_way = False
        if self._latest is None:
            raise NoCallbackError

    def take(self, callback: Callback) -> int:
        """What the dispatcher is answered: by the app, or by nobody behind a closed door."""
        self._attempts += 1
        again = "" if self._answer is None else " again (a retry)"
        self._latest = callback
        return self._hand_over(callback, again) if self.under_way else 503

    def _is_due(self) -> bool:
        """Whether the gateway has still to deliver: nothing reached the app yet, or it refused what did."""
        taken = self._answer is not None and 200 <= self._answer < 300
        return self._attempts <= len(RETRIES) and not taken

    def _until_next(self) -> int:
        if self._elapsed < END:
            return END - self._elapsed
        return RETRIES[self._attempts - 1] if self._attempts else 0

    def _advance(self, seconds: int) -> None:
        if seconds > 0:
            self._elapsed += seconds
            self._world.advance(seconds)

    def _hand_over(self, callback: Callback, again: str) -> int:
        line = len(self._lines)
        self._lines.append(f"the webhook {callback.status} arrives{again}{self._when}")
        try:
            status = self._receive(callback) or 204
            told = f"and the app answers {status}"
        except Exception as error:  # noqa: BLE001 - an app may raise anything
            status = 500
            told = f"and the app raises {type(error).__name__}: {error}"
        self._answer = status
        self._lines[line] += f", {told}"
        return status
