"""Incidents drawn from a seed, as values, as text, and as rules of a script."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from random import Random

from pixazo_simulator import script
from pixazo_simulator.spec import nearest

MOST_DAYS = 80
"""Days of one forecast: their incidents are rules of one script."""
DAY = 8
"""Generations of a day."""
RETRY_AFTER = 1
"""Seconds that a throttled caller is told to wait."""
LATE = 60.0
"""Seconds of the world's clock by which a webhook is late, or waits for the next one."""
IN_A_ROW = 3
"""Generations that fail one after another, or one more: an app that pays for the same request each time ignores the reason."""

_THROTTLED = script.Step(reply=script.Reply(status=429, retry_after=RETRY_AFTER))
_UNAVAILABLE = script.Step(faults=(script.StatusCode(503),))
_RESET = script.Step(faults=(script.ConnectionReset(committed=False),))
_LOST = script.Step(faults=(script.ReplyLost(),))
_CUT = script.Step(faults=(script.TruncatedBody(),))


@dataclass(frozen=True, slots=True)
class _Noun:
    """The calls about a generation that incidents strike, how many in a day, and the step and the number of calls of each kind.

    Calls are counted for each generation separately: how many there are in a world depends on how fast the machine is.
    """

    whens: tuple[script.Call, ...]
    incidents: int
    kinds: Mapping[str, tuple[script.Step, range]]


_NOUNS: Mapping[str, _Noun] = {
    "calls": _Noun(("submit", "status", "media"), 1, {
        "outage (503)": (_UNAVAILABLE, range(2, 4)),
        "outage (reset)": (_RESET, range(2, 4)),
        "no outage": (script.Step(), range(1, 2)),
    }),
    "submission": _Noun(("submit",), 3, {
        "429": (_THROTTLED, range(1, 3)),
        "503 before acceptance": (_UNAVAILABLE, range(1, 3)),
        "reset before acceptance": (_RESET, range(1, 3)),
        "reply lost after acceptance": (_LOST, range(1, 2)),
        "reply cut after acceptance": (_CUT, range(1, 2)),
        "reset after acceptance": (script.Step(faults=(script.ConnectionReset(),)), range(1, 2)),
        "end FAILED": (script.Step(end=script.End(status="FAILED")), range(IN_A_ROW, IN_A_ROW + 2)),
        "end ERROR": (script.Step(end=script.End(status="ERROR")), range(1, 2)),
    }),
    "reads": _Noun(("status",), 2, {
        "429": (_THROTTLED, range(1, 4)),
        "503": (_UNAVAILABLE, range(1, 4)),
        "404": (script.Step(faults=(script.StatusCode(404),)), range(1, 4)),
        "reply lost": (_LOST, range(1, 3)),
        "reply cut": (_CUT, range(1, 2)),
    }),
    "webhook": _Noun(("webhook",), 2, {
        "late": (script.Step(faults=(script.Delay(LATE),)), range(1, 2)),
        "doubled": (script.Step(faults=(script.Duplicate(),)), range(1, 2)),
        "reordered": (script.Step(faults=(script.Reorder(LATE),)), range(1, 2)),
        "refused": (script.Step(faults=(script.DeadReceiver(),)), range(1, 2)),
        "lost": (script.Step(faults=(script.Drop(),)), range(1, 2)),
    }),
    "downloads": _Noun(("media",), 2, {
        "expired (404)": (script.Step(faults=(script.MediaGone(404),)), range(1, 3)),
        "expired (403)": (script.Step(faults=(script.MediaGone(403),)), range(1, 3)),
        "503": (_UNAVAILABLE, range(1, 3)),
        "body cut": (_CUT, range(1, 2)),
    }),
}  # fmt: skip
_CALM = "no outage"

_TEXT = re.compile(r"(?:(\d{1,4}) x )?(.+) at (\w+) of generation (\d{1,6})")


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that goes wrong at the first `count` calls of a `noun` about a generation; an end is for that and the next ones.

    Nouns are calls, submission, reads, webhook and downloads. Generations are counted from 1 over all days, as they are accepted;
    submissions of a generation are those before its acceptance, and the accepted one.
    """

    noun: str
    generation: int
    kind: str
    count: int = 1

    def __str__(self) -> str:
        """As `read_forecast` reads it: `2 x 429 at submission of generation 11`."""
        times = f"{self.count} x " if self.count > 1 else ""
        return f"{times}{self.kind} at {self.noun} of generation {self.generation}"

    def of(self, count: int) -> Incident:
        """The incident with another count."""
        return replace(self, count=count)

    @property
    def rules(self) -> tuple[script.Rule, ...]:
        """The rules that make it happen; each has the incident as its name."""
        noun = _NOUNS[self.noun]
        step, _ = noun.kinds[self.kind]
        generation: script.Condition = self.generation if step.end is None else {"at_least": self.generation}
        return tuple(
            script.Rule(
                when=when, match={"generation": generation}, times=self.count, name=str(self),
                reply=step.reply, end=step.end, faults=step.faults,
            )
            for when in noun.whens
        )  # fmt: skip


Forecast = tuple[Incident, ...]


def forecast(seed: int, days: int = 1) -> Forecast:
    """The incidents of some days; those of a day depend on seed and day only. Raises ValueError for too many days or a negative seed."""
    if days not in range(1, MOST_DAYS + 1):
        raise ValueError(f"{days!r} days: give 1 to {MOST_DAYS}")
    if not repr(seed).isdecimal():  # a string is quoted
        raise ValueError(f"seed {seed!r}: give a whole number from 0, or the incidents as only=")
    drawn = (_drawn(seed, day, name, noun) for day in range(1, days + 1) for name, noun in _NOUNS.items())
    return tuple(chain.from_iterable(drawn))


def _drawn(seed: int, day: int, name: str, noun: _Noun) -> Iterable[Incident]:
    random = Random(f"{seed} {day} {name}")  # noqa: S311 - reproducible by design, guards nothing
    for number, generation in enumerate(sorted(random.sample(range(1, DAY + 1), noun.incidents))):
        # Kinds are dealt like cards, so three days have every kind.
        deal, card = divmod((day - 1) * noun.incidents + number, len(noun.kinds))
        kind = Random(f"{seed} {name} {deal}").sample([*noun.kinds], len(noun.kinds))[card]  # noqa: S311 - as above
        count = random.choice(noun.kinds[kind][1])
        if kind != _CALM:
            yield Incident(name, (day - 1) * DAY + generation, kind, count)


def written(incidents: Iterable[Incident]) -> str:
    """The incidents as one line, which `read_forecast` reads."""
    return "; ".join(map(str, incidents))


def read_forecast(text: str) -> Forecast:
    """The incidents in a string, separated by semicolons or line ends; a line that begins with # is a comment. Raises ValueError with the remedy."""
    lines = (line.strip().removeprefix("pixazo-sim:") for line in text.splitlines())
    found = chain.from_iterable(line.split(";") for line in lines if not line.startswith("#"))
    return tuple(_read(each.strip()) for each in found if each.strip())


def _read(text: str) -> Incident:
    if not (found := _TEXT.fullmatch(text)):
        example = Incident("submission", 3, "reply lost after acceptance")
        raise ValueError(f"incident {text!r} cannot be read: write it as '{example}'")
    count, kind, noun, generation = found.groups()
    if noun not in _NOUNS:
        raise ValueError(
            f"incident {text!r}: there is no {noun!r}{nearest(noun, tuple(_NOUNS))}: write one of {', '.join(_NOUNS)}"
        )
    known = tuple(each for each in _NOUNS[noun].kinds if each != _CALM)
    if kind not in known:
        raise ValueError(
            f"incident {text!r}: there is no {kind!r} at {noun}{nearest(kind, known)}: write one of {', '.join(known)}"
        )
    incident = Incident(noun, int(generation), kind, int(count or 1))
    if not (incident.generation and incident.count):
        raise ValueError(
            f"incident {text!r} contains a 0: generations are counted from 1, and it strikes at least once"
        )
    return incident


def rules(incidents: Iterable[Incident]) -> tuple[script.Rule, ...]:
    """The rules of incidents, in the order that a script needs: of two at the same calls the second strikes when the first is over.

    The ends of generations come last, since they can wait for the next generation.
    """
    found = chain.from_iterable(each.rules for each in incidents)
    return tuple(sorted(found, key=lambda rule: rule.end is not None))
