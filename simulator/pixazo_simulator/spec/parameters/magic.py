"""Marks in a prompt, and keys, by which a test chooses an outcome without the control API."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pixazo_simulator.spec.lifecycle import Status
from pixazo_simulator.spec.text import nearest
from pixazo_simulator.spec.units import SECOND

_OPEN, _CLOSE = "[[sim:", "]]"
_OPENING = re.compile(r"\[\[ {0,8}sim {0,8}:", re.IGNORECASE)
_LONGEST_WORD, _LONGEST_TEXT = 40, 2000
REACH = 20_000
"""Characters of a prompt in which marks are looked for: ten times the longest prompt that the page allows."""

PROMPTS = {
    "failed": ("[[sim:failed TEXT]]", "ends FAILED with TEXT as its error"),
    "error": ("[[sim:error TEXT]]", "ends ERROR with TEXT as its error, and is not charged"),
    "stuck": ("[[sim:stuck]]", "stays PROCESSING for ever"),
    "after": (
        "[[sim:after SECONDS]]",
        "ends SECONDS after it was accepted, queued and processing in the usual proportion",
    ),
    "moderated": ("[[sim:moderated]]", "is refused or ends FAILED, as policy `moderation` says"),
}
"""Marks that may be anywhere in a prompt, alone or together: word -> (how it is written, what the generation does)."""

KEYS = {
    "sim-empty-wallet": "has no money: a submission gets 402",
    "sim-one-video": "has money for one video of 6 s",
    "sim-two-videos": "has money for two videos of 6 s",
    "sim-suspended": "is suspended: every request gets 403",
    "sim-throttled": "is over its rate limit: every request gets 429",
    "sim-throttled-briefly": "is over its rate limit for 2 s, then served",
    "sim-broken": "meets a broken gateway: every request gets 500",
    "sim-disabled-model": "finds the model disabled: a submission gets 400",
    "sim-another-account": "is an ordinary one, beside the usual",
}
"""Keys that open a world of their own when they are first used: key -> what is special about it.

With `-SUFFIX` behind it a key opens one more such world for each suffix, so that tests can run in parallel.
"""


def read_key(key: str) -> str | None:
    """The magic key that this one is or begins with, the longest if there are several; None when there is none."""
    return max((name for name in KEYS if key == name or key.startswith(f"{name}-")), key=len, default=None)


@dataclass(frozen=True, slots=True)
class Magic:
    """The outcome that the marks of a prompt choose; None where they choose nothing."""

    outcome: Status | None = None
    error: str | None = None
    after: int | None = None
    stuck: bool = False
    moderated: bool = False


@dataclass(frozen=True, slots=True)
class MagicTypo:
    """An unknown mark, and the remedy."""

    word: str
    remedy: str


def read_magic(prompt: str) -> Magic | MagicTypo:
    """Read every mark in the first 20,000 characters of a prompt, in letters of either case; the last one of a kind counts."""
    outcome, error, after, stuck, moderated = None, None, None, False, False
    for rest in _OPENING.split(prompt[:REACH])[1:]:
        word, text, closed = _mark(rest)
        if not closed:
            return MagicTypo(f"{_OPEN}{word}", _remedy(word))
        if word in ("failed", "error"):
            outcome, error = Status(word.upper()), text or None
        elif word == "after" and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,3})?", text):
            after = round(float(text) * SECOND)
        elif word in ("stuck", "moderated") and not text:
            stuck, moderated = stuck or word == "stuck", moderated or word == "moderated"
        else:
            return MagicTypo(f"{_OPEN}{word}{_CLOSE}", _remedy(word))
    return Magic(outcome, error, after, stuck, moderated)


def _mark(rest: str) -> tuple[str, str, bool]:
    """Word and text of the mark that `rest` is inside of, and whether it is ever closed."""
    inside, closed, _ = rest.partition(_CLOSE)
    word, text = (*inside.split(maxsplit=1), "", "")[:2]
    return word[:_LONGEST_WORD].lower(), text[:_LONGEST_TEXT].rstrip(), bool(closed)


def _remedy(word: str) -> str:
    if word in PROMPTS:
        return f"write {PROMPTS[word][0]}"
    near = nearest(word, tuple(PROMPTS))
    return f"known are {', '.join(form for form, _ in PROMPTS.values())}{near}"
