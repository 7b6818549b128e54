"""Incidents drawn from a seed, as values, as text, and as rules of a script."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from random import Random

from pixazo_simulator.script import (
    Call,
    ConnectionReset,
    DeadReceiver,
    Delay,
    Drop,
    Duplicate,
    End,
    MediaGone,
    Reorder,
    Reply,
    ReplyLost,
    Rule,
    StatusCode,
    Step,
    TruncatedBody,
)
from pixazo_simulator.spec import nearest

MOST_DAYS = 100
"""Days of one forecast: their incidents are rules of one script."""
RETRY_AFTER = 1
"""Seconds that a throttled caller is told to wait."""
LATE = 60.0
"""Seconds of the world's clock by which a webhook is late, or waits for the next one."""

_THROTTLED = Step(reply=Reply(status=429, retry_after=RETRY_AFTER))
_UNAVAILABLE = Step(faults=(StatusCode(503),))
_RESET = Step(faults=(ConnectionReset(committed=False),))
_LOST = Step(faults=(ReplyLost(),))
_CUT = Step(faults=(TruncatedBody(),))


@dataclass(frozen=True, slots=True)
class _Noun:
    """A kind of call that incidents are about: the `when` of their rules, calls in a day, incidents in a day, and the step of each kind.

    A kind has how many calls in a row it strikes.
    """

    when: Call
    calls: int
    incidents: int
    kinds: Mapping[str, tuple[Step, range]]


_NOUNS: Mapping[str, _Noun] = {
    "call": _Noun("request", 32, 1, {
        "outage (503)": (_UNAVAILABLE, range(3, 7)),
        "outage (reset)": (_RESET, range(3, 7)),
        "no outage": (Step(), range(1, 2)),
    }),
    "submission": _Noun("submit", 8, 3, {
        "429": (_THROTTLED, range(1, 3)),
        "503 before acceptance": (_UNAVAILABLE, range(1, 3)),
        "reset before acceptance": (_RESET, range(1, 3)),
        "reply lost after acceptance": (_LOST, range(1, 2)),
        "reply cut after acceptance": (_CUT, range(1, 2)),
        "reset after acceptance": (Step(faults=(ConnectionReset(),)), range(1, 2)),
        "end FAILED": (Step(end=End(status="FAILED")), range(1, 2)),
        "end ERROR": (Step(end=End(status="ERROR")), range(1, 2)),
    }),
    "read": _Noun("status", 16, 2, {
        "429": (_THROTTLED, range(1, 4)),
        "503": (_UNAVAILABLE, range(1, 4)),
        "reply lost": (_LOST, range(1, 3)),
        "reply cut": (_CUT, range(1, 2)),
    }),
    "webhook": _Noun("webhook", 8, 2, {
        "late": (Step(faults=(Delay(LATE),)), range(1, 2)),
        "doubled": (Step(faults=(Duplicate(),)), range(1, 2)),
        "reordered": (Step(faults=(Reorder(LATE),)), range(1, 2)),
        "refused": (Step(faults=(DeadReceiver(),)), range(1, 2)),
        "lost": (Step(faults=(Drop(),)), range(1, 2)),
    }),
    "download": _Noun("media", 8, 2, {
        "expired (404)": (Step(faults=(MediaGone(404),)), range(1, 3)),
        "expired (403)": (Step(faults=(MediaGone(403),)), range(1, 3)),
        "503": (_UNAVAILABLE, range(1, 3)),
        "body cut": (_CUT, range(1, 2)),
    }),
}  # fmt: skip
"""Outages come first: a call that one turns away is no longer counted as a submission, read or download."""
_CALM = "no outage"
_KNOWN = tuple(f"{kind} at {name} N" for name, noun in _NOUNS.items() for kind in noun.kinds if kind != _CALM)
DAY = _NOUNS["submission"].calls
"""Submissions of a day; it has as many webhooks and downloads, and more reads and calls (docs/weather.md)."""

_TEXT = re.compile(r"day (\d{1,3}): (?:(\d{1,4}) x )?(.+) (?:from|at) (\w+) (\d{1,6})")


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that goes wrong at the calls of one `noun` (call, submission, read, webhook, download), from the `first` on, `count` in a row.

    Calls are counted from 1 over all days, as they reach the world.
    """

    day: int
    noun: str
    first: int
    kind: str
    count: int = 1

    def __str__(self) -> str:
        """As `read_forecast` reads it: `day 2: 4 x 429 from submission 11`."""
        what = f"{self.count} x {self.kind} from" if self.count > 1 else f"{self.kind} at"
        return f"day {self.day}: {what} {self.noun} {self.first}"

    @property
    def place(self) -> tuple[int, int]:
        """Where its rule stands in a script."""
        return [*_NOUNS].index(self.noun), self.first

    def of(self, count: int) -> Incident:
        """The incident with another count."""
        return replace(self, count=count)


Forecast = tuple[Incident, ...]


def forecast(seed: int, days: int = 1) -> Forecast:
    """The incidents of so many days; those of a day depend on the seed and the day only. Raises ValueError for days that are too many."""
    if not 1 <= days <= MOST_DAYS:
        raise ValueError(f"{days} days: give 1 to {MOST_DAYS}")
    drawn = (_drawn(seed, day, name, noun) for day in range(1, days + 1) for name, noun in _NOUNS.items())
    return tuple(chain.from_iterable(drawn))


def _drawn(seed: int, day: int, name: str, noun: _Noun) -> Iterable[Incident]:
    """The incidents of a day at one noun, each in a part of the day of its own, so that they never meet."""
    random = Random(f"{seed} {day} {name}")  # noqa: S311 - reproducible by design, guards nothing
    part = noun.calls // noun.incidents
    for begins in range(0, part * noun.incidents, part):
        kind = _dealt(seed, name, noun, (day - 1) * noun.incidents + begins // part)
        count = random.choice(noun.kinds[kind][1])
        offset = random.randrange(part - count + 1)
        if kind != _CALM:
            yield Incident(day, name, (day - 1) * noun.calls + begins + offset + 1, kind, count)


def _dealt(seed: int, name: str, noun: _Noun, number: int) -> str:
    """The kind of one of the incidents at a noun, counted from 0: they are dealt like cards, so that three days have every kind."""
    deal, card = divmod(number, len(noun.kinds))
    return Random(f"{seed} {name} {deal}").sample([*noun.kinds], len(noun.kinds))[card]  # noqa: S311


def written(incidents: Iterable[Incident]) -> str:
    """The incidents as one line, which `read_forecast` reads."""
    return "; ".join(map(str, incidents))


def read_forecast(text: str) -> Forecast:
    """The incidents in a text, separated by semicolons or line ends. Raises ValueError with the remedy."""
    found = [_read(each.strip()) for each in re.split(r"[;\n]", text) if each.strip()]
    for one, other in pairwise(sorted(found, key=lambda each: each.place)):
        if one.noun == other.noun and other.first < one.first + one.count:
            raise ValueError(f"incidents {str(one)!r} and {str(other)!r} overlap: change one of them")
    return tuple(sorted(found, key=lambda each: (each.day, each.place)))


def _read(text: str) -> Incident:
    if not (found := _TEXT.fullmatch(text)):
        raise ValueError(
            f"incident {text!r} cannot be read: write it as 'day 1: reply lost after acceptance at submission 3'"
        )
    day, count, kind, noun, first = found.groups()
    if noun not in _NOUNS or kind not in _NOUNS[noun].kinds or kind == _CALM:
        asked = f"{kind} at {noun} N"
        raise ValueError(f"incident {text!r} is not known{nearest(asked, _KNOWN)}: known are {', '.join(_KNOWN)}")
    incident = Incident(int(day), noun, int(first), kind, int(count or 1))
    if not (incident.first and incident.count):
        raise ValueError(f"incident {text!r} has a number 0: calls are counted from 1")
    return incident


def rules(incidents: Iterable[Incident]) -> dict[Incident, Rule]:
    """The rule of each incident, in the order in which a script needs them.

    Each call uses one rule at most, and a rule counts only calls that no rule before it has used: so what earlier incidents use up is left out of `after`.
    """
    by_place = sorted(incidents, key=lambda each: each.place)
    used = dict.fromkeys(_NOUNS, 0)
    made: dict[Incident, Rule] = {}
    for each in by_place:
        noun = _NOUNS[each.noun]
        step, _ = noun.kinds[each.kind]
        made[each] = Rule(
            when=noun.when, after=each.first - 1 - used[each.noun], times=each.count, name=str(each),
            reply=step.reply, end=step.end, faults=step.faults,
        )  # fmt: skip
        used[each.noun] += each.count
    return made
