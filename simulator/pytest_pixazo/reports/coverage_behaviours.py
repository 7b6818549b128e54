"""Everything that the gateway documents and a test can meet, each with a line that provokes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pixazo_simulator.script import EXAMPLES, in_python

THROTTLED = 429
STATES = ("QUEUED", "PROCESSING", "COMPLETED", "FAILED", "ERROR")
TRANSITIONS = (("QUEUED", "PROCESSING"), *(("PROCESSING", end) for end in STATES[2:]))
CODES: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("generate", "imageToVideo"), (202, 400, 401, 402, 403, 429, 500)),
    "status": (200, 401, 403, 404, 429, 500),
    "media": (200, 404),
}
"""The codes of each operation: those of the page's Response Handling that it can have, and 404 for what is not there (policy
`unknown_id`, `retention`). Any 2xx counts as the first of them, any 5xx as 500, any loss of a video as 404."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One thing that the gateway does: its name, such as `generate:402`, and a line that provokes it in a test."""

    name: str
    hint: str

    @property
    def group(self) -> str:
        """What it belongs to: the part of the name before the colon."""
        return self.name.partition(":")[0]


def _when(operation: str, rest: str) -> str:
    return f'pixazo.when("{operation}").{rest}'


def _ending(state: str) -> str:
    return _when("submit", f'end("{state}")')


def _states() -> Iterator[Behaviour]:
    yield Behaviour("state:QUEUED", "submit, and read the status at once")
    yield Behaviour("state:PROCESSING", "submit, pixazo.clock.advance(5), read the status")
    yield Behaviour("state:COMPLETED", "submit, pixazo.clock.advance(15), read the status")
    yield Behaviour("state:FAILED", _when("submit", 'end("FAILED", error="content policy")'))
    yield Behaviour("state:ERROR", _ending("ERROR"))


def _transitions() -> Iterator[Behaviour]:
    yield Behaviour("transition:QUEUED-PROCESSING", "read the status, pixazo.clock.advance(5), read it again")
    for state in STATES[2:]:
        ending = "" if state == "COMPLETED" else f"{_ending(state)}; "
        yield Behaviour(f"transition:PROCESSING-{state}", f"{ending}read the status after 5 s and after 15 s")


def _codes() -> Iterator[Behaviour]:
    for operation, codes in CODES.items():
        good = "download the video" if operation == "media" else f"a good call of {operation}"
        yield Behaviour(f"{operation}:{codes[0]}", good)
        for code in codes[1:]:
            waiting = ", retry_after=2" if code == THROTTLED else ""
            yield Behaviour(f"{operation}:{code}", _when(operation, f"reply({code}{waiting}, times=1)"))


def _webhooks() -> Iterator[Behaviour]:
    yield Behaviour("webhook:COMPLETED", "submit with X-Webhook-URL, pixazo.clock.advance(15)")
    for state in ("FAILED", "ERROR"):
        yield Behaviour(f"webhook:{state}", f"{_ending(state)}, and as for webhook:COMPLETED")
    yield Behaviour("webhook:refused", "pixazo_webhooks.reply(503), or let the app answer so")
    yield Behaviour("webhook:retried", "as for webhook:refused, then pixazo.clock.advance(5)")
    yield Behaviour("webhook:duplicated", _when("webhook", "fault(Duplicate())"))


BEHAVIOURS: tuple[Behaviour, ...] = (*_states(), *_transitions(), *_codes(), *_webhooks())
"""What counts as 100 %: the states and transitions of the page, the codes of each operation, the events of a webhook."""

FAULT_BEHAVIOURS: tuple[Behaviour, ...] = tuple(
    Behaviour(f"fault:{kind}", in_python(example)) for kind, example in EXAMPLES.items()
)
"""Every kind of fault, counted apart: no page documents them, but networks and gateways have them."""


def without(globs: Sequence[str]) -> tuple[Behaviour, ...]:
    """What counts as 100 % but the behaviours whose name matches a glob. Raises ValueError for a glob that matches none."""
    for glob in globs:
        if not any(fnmatchcase(each.name, glob) for each in BEHAVIOURS):
            groups = ", ".join(dict.fromkeys(each.group for each in BEHAVIOURS))
            raise ValueError(
                f"pixazo_cov_omit {glob!r} matches no behaviour: names are one of {groups}, a colon and the rest"
            )
    return tuple(each for each in BEHAVIOURS if not any(fnmatchcase(each.name, glob) for glob in globs))
